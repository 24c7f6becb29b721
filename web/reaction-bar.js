// <reaction-bar post="ID">: see and change the reactions on a post, from any page.
//
//   <script type="module" src="https://kudos.example/reaction-bar.js"></script>
//   <reaction-bar post="42" user="ann"></reaction-bar>
//
// Attributes
//   post   the post's id
//   api    base URL of the API; default: where this script came from
//   user   sent as X-User-Id; for a page behind a gateway that sets it, leave it out
//   token  sent as a bearer token instead
//   kinds  which kinds to show, in order: "like,love,fire:🔥"; default: the server's
// Methods
//   absorb({counts, total, version})   counts that the page already has, or heard of live
//   refresh()                          asks the server again
// Events (bubbling, composed)
//   kudos-change  the user's reaction was acknowledged: {post, counts, total, mine, version, changed, source, as_of, degraded}
//   kudos-load    counts were read: {post, source, as_of, degraded}
//   kudos-error   an operation failed and was rolled back: {post, problem}
// Theme: --kudos-text, -muted, -line, -surface, -hover, -danger, -focus, -like, -love, -face,
//   -radius, -font, -total-width; it follows the page's color-scheme. Parts: press, button, more,
//   picker, total, kinds, error.

import { Problem, identity, send } from './http.js';
import { DEFAULT_KINDS, chevronIcon, icon } from './reaction/icons.js';
import { load } from './reaction/loader.js';
import { Picker } from './reaction/picker.js';
import { sheet } from './reaction/style.js';
import { Tally } from './reaction/tally.js';
import { uuidv7 } from './reaction/uuid.js';

const ORIGIN = new URL(import.meta.url).origin;
const ERROR_MS = 8000;
const ANNOUNCE_MS = 4000;

const exact = new Intl.NumberFormat();
// Cut, not rounded: 9,999 must not read as ten thousand.
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1, roundingMode: 'trunc' });

const skeleton = document.createElement('template');
skeleton.innerHTML = `
  <div class="bar">
    <div class="press" part="press">
      <button class="main" part="button" type="button" aria-pressed="false" aria-describedby="summary" aria-keyshortcuts="ArrowUp"><span class="icon"></span><span class="named"><span class="label"></span><span class="room"></span></span></button>
      <button class="more" part="more" type="button" aria-label="Choose a reaction" aria-haspopup="menu" aria-expanded="false" aria-controls="menu"></button>
      <div class="picker" part="picker" id="menu" role="menu" aria-label="Reactions" hidden></div>
    </div>
    <span class="total" part="total" aria-hidden="true"></span>
    <ul class="kinds" part="kinds" aria-hidden="true"></ul>
    <span class="sr" id="summary"></span>
    <span class="sr" id="said" aria-live="polite"></span>
    <p class="error" part="error" role="alert" hidden></p>
  </div>`;

const bars = new Set();
// The same user's other tabs: counts reach them live, whose reaction it was only through here.
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('kudos-reactions') : undefined;
channel?.addEventListener('message', ({ data }) => {
  for (const bar of bars) if (bar.post === data.post && bar.user === data.user && bar.api === data.api) bar.absorb(data.answer);
});

/** The element. Its optimistic state is a `Tally`, its menu a `Picker`. */
export class ReactionBar extends HTMLElement {
  static observedAttributes = ['post', 'api', 'user', 'token', 'kinds'];

  #tally = new Tally();
  #parts;
  #picker;
  #shownKinds = '';
  #errorTimer;
  #saidTimer;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [sheet];
    root.append(skeleton.content.cloneNode(true));
    const find = (selector) => root.querySelector(selector);
    this.#parts = {
      press: find('.press'), main: find('.main'), room: find('.room'), more: find('.more'), menu: find('.picker'), total: find('.total'),
      kinds: find('.kinds'), summary: find('#summary'), said: find('#said'), error: find('.error'),
    };
    this.#parts.more.append(chevronIcon());
    this.#picker = new Picker(this.#parts, (kind) => this.react(this.#tally.mine === kind ? null : kind));
    this.#parts.main.addEventListener('click', () => this.#toggle());
  }

  get post() { return this.getAttribute('post') ?? ''; }
  get user() { return this.getAttribute('user') ?? ''; }
  get token() { return this.getAttribute('token') ?? ''; }
  get api() { return (this.getAttribute('api') ?? ORIGIN).replace(/\/$/, ''); }

  /** What is shown now: `{counts, total, mine, version}`. */
  get value() { return this.#tally.view; }

  connectedCallback() {
    bars.add(this);
    this.#render();
    this.refresh();
  }

  disconnectedCallback() {
    bars.delete(this);
    this.#picker.hide();
    clearTimeout(this.#errorTimer);
    clearTimeout(this.#saidTimer);
  }

  attributeChangedCallback(name, before, after) {
    if (before === after) return undefined;
    if (name === 'kinds') return this.#render();
    this.#tally = name === 'post' ? new Tally() : this.#tally.forAnotherUser();
    if (!this.isConnected) return undefined;
    this.#render();
    return this.refresh();
  }

  /** Takes counts from elsewhere (a listing, a live event); older ones than those shown are ignored. */
  absorb(answer) {
    const before = this.#tally.view.total;
    this.#tally.absorb(answer);
    this.#render();
    const { total } = this.#tally.view;
    if (before !== total && this.matches(':focus-within')) this.#announceSoon();
  }

  /** Reads counts and the user's reaction from the server, together with the other bars of the page. */
  async refresh() {
    if (!this.post) return;
    const [tally, post] = [this.#tally, this.post];
    try {
      const { result, provenance } = await load({ api: this.api, user: this.user, token: this.token, post });
      if (tally !== this.#tally) return;
      if (result) this.absorb(result);
      this.#emit('kudos-load', { post, ...provenance });
    } catch (problem) {
      // Counts that are shown stay; without any, the bar says by a dash that it knows none.
      if (tally === this.#tally) this.#emit('kudos-error', { post, problem });
    }
  }

  /** Sets the user's reaction (null: none). Shown at once; rolled back, with a message, if it fails. */
  async react(kind) {
    const tally = this.#tally;
    this.#hideError();
    tally.intend(kind);
    this.#render();
    this.#announce();
    if (tally.busy) return;
    for (let next = tally.begin(); next; next = tally.begin()) await this.#send(tally, next);
  }

  async #send(tally, operation) {
    const { api, post, user, token } = this;
    const path = operation.kind === null ? '@me' : `${encodeURIComponent(operation.kind)}/@me`;
    try {
      const answer = await send(`${api}/v1/posts/${encodeURIComponent(post)}/reactions/${path}`, {
        method: operation.kind === null ? 'DELETE' : 'PUT',
        headers: { ...identity({ user, token }), 'idempotency-key': uuidv7() },
      });
      tally.settle(operation, answer);
      this.#emit('kudos-change', answer);
      if (user && !token) channel?.postMessage({ api, post, user, answer });
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem({ title: 'The answer was not understood' });
      const rolledBack = tally.fail(operation, problem.unsettled);
      this.#emit('kudos-error', { post, problem });
      if (tally !== this.#tally) return;
      if (rolledBack) this.#showError(problem);
      if (problem.unsettled) this.refresh();
    }
    if (tally === this.#tally) this.#render();
  }

  #toggle() {
    if (this.#picker.swallowClick()) return;
    this.react(this.#tally.mine ? null : this.#kinds()[0].kind);
  }

  /** The kinds to show, as `[{kind, symbol}]`: the attribute's, else the server's, the usual ones first. */
  #kinds() {
    const listed = this.getAttribute('kinds');
    if (listed) {
      return listed.split(',').map((entry) => entry.trim()).filter(Boolean).map((entry) => {
        const [kind, symbol] = entry.split(':');
        return { kind, symbol };
      });
    }
    const served = this.#tally.kinds;
    if (!served.length) return DEFAULT_KINDS.map((kind) => ({ kind }));
    const usual = DEFAULT_KINDS.filter((kind) => served.includes(kind));
    return [...usual, ...served.filter((kind) => !usual.includes(kind))].map((kind) => ({ kind }));
  }

  #render() {
    const kinds = this.#kinds();
    this.#build(kinds);
    const { counts, total, mine } = this.#tally.view;
    const { press, main, menu, kinds: list, summary } = this.#parts;
    const face = kinds.find(({ kind }) => kind === mine) ?? { kind: mine ?? kinds[0].kind };

    press.classList.toggle('mine', mine !== null);
    press.dataset.mine = mine ?? '';
    main.setAttribute('aria-pressed', String(mine !== null));
    setText(main.querySelector('.label'), title(face.kind));
    const picture = main.querySelector('.icon');
    if (picture.dataset.kind !== face.kind) {
      picture.dataset.kind = face.kind;
      picture.replaceChildren(colored(face));
    }
    for (const item of menu.children) item.setAttribute('aria-checked', String(item.dataset.kind === mine));
    for (const item of list.children) {
      const n = counts[item.dataset.kind] ?? 0;
      item.classList.toggle('zero', n === 0);
      item.title = `${title(item.dataset.kind)}: ${exact.format(n)}`;
      const shown = item.querySelector('.n');
      shown.dataset.short = n === 0 ? '' : compact.format(n);
      setText(shown, n === 0 ? '' : n < 100_000 ? exact.format(n) : compact.format(n));
    }
    setText(this.#parts.total, this.#tally.known ? exact.format(total) : '–');
    setText(summary, this.#tally.known ? spoken(kinds, counts, total) : 'Counts are not known yet');
  }

  /** Rebuilds the menu and the row of counts, only when the set of kinds changed. */
  #build(kinds) {
    const key = JSON.stringify(kinds);
    if (key === this.#shownKinds) return;
    this.#shownKinds = key;
    this.#parts.kinds.style.setProperty('--_columns', kinds.length);
    this.#parts.room.replaceChildren(...kinds.map(({ kind }) => element('span', { 'data-name': title(kind) })));
    this.#parts.menu.replaceChildren(...kinds.map((entry) => {
      const item = element('button', { type: 'button', role: 'menuitemradio', tabindex: '-1', 'data-kind': entry.kind });
      item.append(wrap('icon', colored(entry)), wrap('name', title(entry.kind)));
      return item;
    }));
    this.#parts.kinds.replaceChildren(...kinds.map((entry) => {
      const item = element('li', { 'data-kind': entry.kind });
      item.append(wrap('icon', colored(entry)), wrap('n', ''));
      return item;
    }));
  }

  #announce() {
    const { total, mine } = this.#tally.view;
    setText(this.#parts.said, `${mine ? `You reacted with ${title(mine)}` : 'Reaction removed'}. ${reactions(total)}.`);
  }

  /** Tells someone whose focus is here that others reacted, not more often than they can listen. */
  #announceSoon() {
    if (this.#saidTimer) return;
    this.#saidTimer = setTimeout(() => {
      this.#saidTimer = undefined;
      setText(this.#parts.said, `${reactions(this.#tally.view.total)}.`);
    }, ANNOUNCE_MS);
  }

  #showError({ title: what, detail }) {
    const { error } = this.#parts;
    error.textContent = `Not saved. ${what}${detail ? `: ${detail}` : ''}`.replace(/[^.!?]$/, '$&.');
    error.hidden = false;
    clearTimeout(this.#errorTimer);
    this.#errorTimer = setTimeout(() => this.#hideError(), ERROR_MS);
  }

  #hideError() { this.#parts.error.hidden = true; }

  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true })); }
}

const title = (kind) => kind.charAt(0).toUpperCase() + kind.slice(1);
const reactions = (n) => `${exact.format(n)} ${n === 1 ? 'reaction' : 'reactions'}`;

function spoken(kinds, counts, total) {
  const each = kinds.filter(({ kind }) => counts[kind]).map(({ kind }) => `${exact.format(counts[kind])} ${kind}`);
  return each.length ? `${reactions(total)}: ${each.join(', ')}` : 'No reactions yet';
}

function colored({ kind, symbol }) {
  const picture = icon(kind, symbol);
  picture.dataset.hue = kind;
  return picture;
}

function element(name, attributes) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function wrap(className, content) {
  const span = element('span', { class: className });
  span.append(content);
  return span;
}

/** Touches the document only when the text differs: live regions speak, and layout runs, on writes. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

if (!customElements.get('reaction-bar')) customElements.define('reaction-bar', ReactionBar);
