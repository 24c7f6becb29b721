import { Card } from './card.js';

const WATCHED = 100;
const SCROLL_MS = 400;

/** The list of posts: its pages, its bars, and which of them are followed live. */
export class Feed extends EventTarget {
  #api;
  #live;
  #user;
  #list = document.getElementById('list');
  #cards = new Map(); // post → Card, in the order of the list
  #scrollTimer;

  /** @param {{api, live, user: () => string}} parts */
  constructor({ api, live, user }) {
    super();
    this.#api = api;
    this.#live = live;
    this.#user = user;
    live.addEventListener('counts', ({ detail }) => this.#counts(detail));
    live.addEventListener('stale', () => this.refresh());
    addEventListener('scroll', () => this.#scrolled(), { passive: true });
  }

  get size() { return this.#cards.size; }

  set busy(busy) { this.#list.setAttribute('aria-busy', String(busy)); }

  /** Shows these posts and no others. A focus inside the list stays with its post, or with the list. */
  replace(posts, ranked) {
    const focused = [...this.#cards.values()].find(({ element }) => element.contains(document.activeElement));
    this.#cards.clear();
    this.#list.replaceChildren();
    this.append(posts, ranked);
    if (focused) (this.#cards.get(focused.post)?.title ?? this.#list.closest('main')).focus({ preventScroll: true });
  }

  /**
   * Adds a page. A post that is shown already, because the order moved in between, is not
   * repeated. Returns the first new card.
   */
  append(posts, ranked) {
    const fresh = posts.filter(({ post }) => !this.#cards.has(post)).map((post) => {
      const card = new Card(post, { api: this.#api, user: this.#user(), rank: ranked ? this.#cards.size + 1 : null });
      this.#cards.set(card.post, card);
      return card;
    });
    this.#list.append(...fresh.map(({ element }) => element));
    this.#follow();
    return fresh[0];
  }

  /** Someone else looks: their reactions, the same posts. */
  userChanged() {
    for (const { bar } of this.#cards.values()) bar.setAttribute('user', this.#user());
  }

  /** Reads all counts again. */
  refresh() {
    for (const { bar } of this.#cards.values()) bar.refresh();
  }

  /** Renews the times. */
  tick() {
    for (const card of this.#cards.values()) card.tick();
  }

  /** True while the totals, as they are now, fall from one post to the next. */
  get inOrder() {
    const totals = [...this.#cards.values()].map(({ bar }) => bar.value.total);
    return totals.every((total, i) => i === 0 || totals[i - 1] >= total);
  }

  #counts(counts) {
    this.#cards.get(counts.post)?.bar.absorb(counts);
    this.dispatchEvent(new Event('counted'));
  }

  #scrolled() {
    if (this.#cards.size <= WATCHED) return;
    clearTimeout(this.#scrollTimer);
    this.#scrollTimer = setTimeout(() => this.#follow(), SCROLL_MS);
  }

  /** Follows all, or of a long list those around what is on the screen. */
  #follow() {
    const cards = [...this.#cards.values()];
    let first = 0;
    if (cards.length > WATCHED) {
      const top = cards.findIndex(({ element }) => element.getBoundingClientRect().bottom > 0);
      // In steps, so that a short scroll does not mean a new connection.
      first = Math.min(Math.max(0, Math.floor((top - WATCHED / 4) / 25) * 25), cards.length - WATCHED);
    }
    this.#live.watch(cards.slice(first, first + WATCHED).map(({ post }) => post));
  }
}
