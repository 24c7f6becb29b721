import { identity, send } from './http.js';

/** Reads and writes of the page. Every method throws a `Problem`, or an abort of its signal. */
export class Api {
  #user;

  /** @param {() => string} user who is calling, asked at each call */
  constructor(user) { this.#user = user; }

  /** One page of posts: `{posts, source, as_of, degraded, next_cursor, note?}`. */
  search({ q, sort, window, limit, cursor }, signal) {
    const query = new URLSearchParams({ sort, window, limit });
    if (q) query.set('q', q);
    if (cursor) query.set('cursor', cursor);
    return this.#send(`/v1/search?${query}`, { signal, retries: 1 });
  }

  /** A post with its body. */
  post(id) { return this.#send(`/v1/posts/${encodeURIComponent(id)}`, { retries: 1 }); }

  /** Creates or replaces a post. */
  putPost(id, { title, body, author }) {
    return this.#send(`/v1/posts/${encodeURIComponent(id)}`, { method: 'PUT', body: { title, body, author } });
  }

  async #send(path, options) { return send(path, { ...options, headers: identity({ user: this.#user() }) }); }
}
