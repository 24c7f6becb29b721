const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
const HIDDEN_MS = 60_000;

/**
 * Live counts of the posts on the page. The browser's EventSource reconnects by itself, with
 * Last-Event-ID; only where it gives up (the server refused) is it opened again here, later
 * each time. A tab that stays hidden lets its connection go.
 *
 * Events: `counts` (detail: `{post, counts, total, version}`), `stale` (something may have been
 * missed: read all again), `state` (detail: idle | connecting | live | reconnecting).
 */
export class Live extends EventTarget {
  #base;
  #posts = null;
  #source;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer;
  #hiddenTimer;

  constructor(base = '/v1/events') {
    super();
    this.#base = base;
    document.addEventListener('visibilitychange', () => this.#visibility());
    addEventListener('pagehide', () => this.#close());
    addEventListener('pageshow', (event) => event.persisted && this.#open());
    addEventListener('online', () => this.#source?.readyState !== EventSource.OPEN && this.#open());
  }

  /** Follows these posts (100 at most) and no others. */
  watch(posts) {
    const wanted = posts.slice(0, 100);
    if (wanted.length === this.#posts?.length && wanted.every((post, i) => post === this.#posts[i])) return;
    this.#posts = wanted;
    this.#open();
  }

  #open() {
    this.#close();
    if (!this.#posts?.length) return this.#state('idle');
    this.#state('connecting');
    const source = new EventSource(`${this.#base}?posts=${this.#posts.map(encodeURIComponent).join(',')}`);
    this.#source = source;
    let opened = false;
    source.addEventListener('open', () => {
      this.#retryMs = FIRST_RETRY_MS;
      this.#state('live');
      // A new stream tells nothing of what came before it; a resumed one does.
      if (!opened) this.dispatchEvent(new Event('stale'));
      opened = true;
    });
    source.addEventListener('counts', ({ data }) => this.dispatchEvent(new CustomEvent('counts', { detail: JSON.parse(data) })));
    source.addEventListener('reset', () => this.dispatchEvent(new Event('stale')));
    source.addEventListener('error', () => {
      this.#state('reconnecting');
      if (source.readyState === EventSource.CLOSED) this.#openLater();
    });
    return undefined;
  }

  #openLater() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#open(), this.#retryMs * (0.75 + Math.random() / 2));
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  #close() {
    clearTimeout(this.#retryTimer);
    this.#source?.close();
    this.#source = undefined;
  }

  #visibility() {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => this.#close(), HIDDEN_MS);
    } else if (!this.#source) {
      this.#open();
    }
  }

  #state(detail) { this.dispatchEvent(new CustomEvent('state', { detail })); }
}
