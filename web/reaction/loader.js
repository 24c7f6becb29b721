// Bars that appear together are loaded together: one batchGet for up to 100 of them.

import { identity, send } from '../http.js';

const BATCH = 100;
const GATHER_MS = 15;

const waiting = new Map(); // caller → Map(post → [{resolve, reject}])

/**
 * The counts of a post and the caller's reaction on it, through a shared batch request.
 * @returns {Promise<{result: object|null, provenance: {source, as_of, degraded}}>}
 *   `result` is null for a post that the server does not know.
 */
export function load({ api, user, token, post }) {
  const caller = JSON.stringify([api, user, token]);
  if (!waiting.has(caller)) {
    waiting.set(caller, new Map());
    setTimeout(() => flush({ api, user, token }, caller), GATHER_MS);
  }
  const posts = waiting.get(caller);
  return new Promise((resolve, reject) => {
    posts.set(post, [...(posts.get(post) ?? []), { resolve, reject }]);
  });
}

function flush(who, caller) {
  const entries = [...waiting.get(caller)];
  waiting.delete(caller);
  for (let i = 0; i < entries.length; i += BATCH) fetchBatch(who, entries.slice(i, i + BATCH));
}

async function fetchBatch({ api, user, token }, entries) {
  try {
    const answer = await send(`${api}/v1/reactions:batchGet`, {
      method: 'POST',
      headers: identity({ user, token }),
      body: { posts: entries.map(([post]) => post) },
    });
    const { results, ...provenance } = answer;
    const byPost = new Map(results.map((result) => [result.post, result]));
    for (const [post, waiters] of entries) {
      for (const { resolve } of waiters) resolve({ result: byPost.get(post) ?? null, provenance });
    }
  } catch (error) {
    for (const { reject } of entries.flatMap(([, waiters]) => waiters)) reject(error);
  }
}
