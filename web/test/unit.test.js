import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Problem, identity, send } from '../http.js';
import { Tally } from '../reaction/tally.js';
import { uuidv7 } from '../reaction/uuid.js';
import { fromQuery, toQuery } from '../view.js';

const realFetch = globalThis.fetch;
afterEach(() => { globalThis.fetch = realFetch; });

const tally = (answer = { counts: { like: 2, love: 1 }, version: 5, mine: null }) => {
  const made = new Tally();
  made.absorb(answer);
  return made;
};

test('an intention is shown at once and moves the old kind', () => {
  const t = tally({ counts: { like: 2, love: 1 }, version: 5, mine: 'like' });
  t.intend('love');
  assert.deepEqual(t.view, { counts: { like: 1, love: 2 }, total: 3, mine: 'love', version: 5 });
});

test('older counts are ignored', () => {
  const t = tally();
  t.absorb({ counts: { like: 1, love: 0 }, version: 4 });
  assert.equal(t.view.total, 3);
  t.absorb({ counts: { like: 9, love: 0 }, version: 6 });
  assert.equal(t.view.total, 9);
});

test('a live event that holds the operation under way does not show it twice', () => {
  const t = tally();
  t.intend('like');
  const operation = t.begin();
  t.absorb({ counts: { like: 3, love: 1 }, version: 6 });
  assert.equal(t.view.total, 4);
  t.settle(operation, { counts: { like: 3, love: 1 }, version: 6, mine: 'like' });
  assert.deepEqual(t.view, { counts: { like: 3, love: 1 }, total: 4, mine: 'like', version: 6 });
  assert.equal(t.begin(), undefined);
});

test('a failure rolls back, unless something newer is wanted', () => {
  const t = tally();
  t.intend('like');
  let operation = t.begin();
  assert.equal(t.fail(operation, false), true);
  assert.deepEqual([t.view.total, t.mine], [3, null]);
  t.intend('like');
  operation = t.begin();
  t.intend('love');
  assert.equal(t.fail(operation, false), false);
  assert.deepEqual(t.begin(), { kind: 'love' });
});

test('after an unknown outcome even a wish for what seems to be is sent', () => {
  const t = tally();
  t.intend('like');
  const operation = t.begin();
  t.intend(null);
  t.fail(operation, true);
  assert.deepEqual(t.begin(), { kind: null });
});

test('an intention taken back before it was sent sends nothing', () => {
  const t = tally();
  t.intend('like');
  t.intend(null);
  assert.equal(t.begin(), undefined);
});

test('another user keeps the counts and forgets the reaction', () => {
  const t = tally({ counts: { like: 2 }, version: 5, mine: 'like' }).forAnotherUser();
  assert.deepEqual([t.view.total, t.mine], [2, null]);
  t.absorb({ counts: { like: 2 }, version: 4, mine: 'like' });
  assert.equal(t.mine, 'like', 'the first answer about the user counts, even from an older copy');
});

test('a key is a version 7 UUID of its moment', () => {
  const key = uuidv7(0x0123456789ab);
  assert.match(key, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(uuidv7(), uuidv7());
});

test('a long Retry-After is obeyed by not retrying', async () => {
  let asked = 0;
  globalThis.fetch = async () => {
    asked += 1;
    return new Response('{"title":"Busy"}', { status: 503, headers: { 'content-type': 'application/problem+json', 'retry-after': '30' } });
  };
  await assert.rejects(send('http://kudos.test/'), (error) => error instanceof Problem && error.title === 'Busy' && error.unsettled);
  assert.equal(asked, 1);
});

test('a short Retry-After is waited for, twice at most', async () => {
  let asked = 0;
  globalThis.fetch = async () => {
    asked += 1;
    return new Response('', { status: 503, headers: { 'retry-after': '0' } });
  };
  await assert.rejects(send('http://kudos.test/'), { status: 503 });
  assert.equal(asked, 3);
});

test('a name that no header can carry is refused before anything is sent', () => {
  assert.throws(() => identity({ user: 'Zoë' }), Problem);
  assert.deepEqual(identity({ user: 'ann' }), { 'x-user-id': 'ann' });
  assert.deepEqual(identity({ user: 'ann', token: 't' }), { authorization: 'Bearer t' });
});

test('an address is read back as the view that wrote it, and nonsense as the default', () => {
  const view = { q: 'a b&c', sort: 'relevance', window: '24h' };
  assert.deepEqual(fromQuery(toQuery(view)), view);
  assert.deepEqual(fromQuery('?sort=relevance&window=2y'), { q: '', sort: 'popular', window: 'all' });
});
