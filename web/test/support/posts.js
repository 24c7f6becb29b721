// Posts and reactions for a test, made through the API.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

/** A word that no other post holds, so that a test sees its own posts only, on any server. */
export const uniqueWord = () => `zq${randomUUID().replaceAll('-', '').slice(0, 12)}`;

/** Calls to the API of `url`. */
export function api(url) {
  async function call(method, path, { user = 'seeder', body } = {}) {
    for (let attempt = 0; ; attempt += 1) {
      const headers = { 'x-user-id': user };
      if (body) headers['content-type'] = 'application/json';
      const answer = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
      if (answer.status === 429 && attempt < 10) {
        await pause(1000 * Number(answer.headers.get('retry-after') ?? 1));
        continue;
      }
      const text = await answer.text();
      assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : null;
    }
  }
  const post = (id) => `/v1/posts/${encodeURIComponent(id)}`;
  return {
    put: (id, { title, body = 'A post of a test.', author = 'tester', created_at }) => call('PUT', post(id), { body: { title, body, author, created_at } }),
    react: (id, user, kind) => call('PUT', `${post(id)}/reactions/${kind}/@me`, { user }),
    unreact: (id, user) => call('DELETE', `${post(id)}/reactions/@me`, { user }),
    counts: (id, user) => call('GET', `${post(id)}/reactions`, { user }),
    search: (query) => call('GET', `/v1/search?${new URLSearchParams(query)}`),

    /** Writes `n` posts whose titles hold `word`; post i gets `reactions(i)` likes. Returns their ids. */
    async fill(word, n, reactions = () => 0) {
      const ids = Array.from({ length: n }, (_, i) => `${word}-${String(i).padStart(3, '0')}`);
      for (const [i, id] of ids.entries()) {
        await this.put(id, { title: `${word} number ${i}`, created_at: new Date(Date.now() - i * 60_000).toISOString() });
        for (let user = 0; user < reactions(i); user += 1) await this.react(id, `${word}-${user}`, user % 3 ? 'like' : 'love');
      }
      await this.found(word, Math.min(n, 100));
      return ids;
    },

    /** Waits until a search for `word` finds `n` posts: an index may be a moment behind. */
    async found(word, n) {
      for (const until = Date.now() + 15_000; ;) {
        const { posts } = await this.search({ q: word, sort: 'recent', limit: 100 });
        if (posts.length >= n) return;
        assert.ok(Date.now() < until, `the search for ${word} finds ${posts.length} of ${n} posts`);
        await pause(100);
      }
    },
  };
}
