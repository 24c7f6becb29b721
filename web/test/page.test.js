import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bar, browser, leave, open, until, visit } from './support/browser.js';
import { api, uniqueWord } from './support/posts.js';
import { server } from './support/server.js';

let kudos, chromium, seed;

before(async () => {
  kudos = await server();
  chromium = await browser();
  seed = api(kudos.url);
});
after(async () => {
  await chromium?.close();
  await kudos?.stop();
});

/** A fresh post, and the page of `user` with only that post on it. */
async function onePost(user, options) {
  const word = uniqueWord();
  const [post] = await seed.fill(word, 1, () => 3);
  const page = await visit(chromium, kudos.url, { user, query: { q: word }, ...options });
  await bar(page, post).shows({ total: 3, mine: null });
  return { word, post, page };
}

describe('reacting', () => {
  test('a click counts once, and a second click takes it back', async () => {
    const { post, page } = await onePost('ann');
    const { main, shows } = bar(page, post);
    await main.click();
    await shows({ total: 4, like: 3, love: 1, mine: 'like' });
    await until(async () => assert.equal((await seed.counts(post, 'ann')).mine, 'like'));
    assert.equal((await seed.counts(post)).total, 4);
    await main.click();
    await shows({ total: 3, like: 2, mine: null });
    await until(async () => assert.equal((await seed.counts(post)).total, 3));
    await leave(page);
  });

  test('the picker opens on hover and moves a like to love', async () => {
    const { post, page } = await onePost('ann');
    const { main, menu, item, shows } = bar(page, post);
    await main.click();
    await page.mouse.move(0, 0);
    await main.hover();
    await menu.waitFor();
    await item('Love').click();
    await menu.waitFor({ state: 'hidden' });
    await shows({ total: 4, like: 2, love: 2, mine: 'love' });
    await until(async () => assert.deepEqual((await seed.counts(post, 'ann')).mine, 'love'));
    assert.equal((await seed.counts(post)).total, 4);
    await leave(page);
  });

  test('a long press opens the picker on a touch screen and does not like', async () => {
    const { post, page } = await onePost('ann', { hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });
    const { main, menu, item, shows } = bar(page, post);
    const { x, y } = await main.boundingBox();
    const touch = await page.context().newCDPSession(page);
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: x + 20, y: y + 15 }] });
    await menu.waitFor();
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await shows({ total: 3, mine: null });
    await item('Wow').tap();
    await shows({ total: 4, wow: 1, mine: 'wow' });
    await leave(page);
  });

  test('of many quick changes the last one wins', async () => {
    const { post, page } = await onePost('ann');
    const { host, shows } = bar(page, post);
    await host.evaluate((element) => { for (const kind of ['like', 'love', null, 'haha', 'wow', 'sad']) element.react(kind); });
    await shows({ total: 4, sad: 1, like: 2, love: 1, mine: 'sad' });
    await until(async () => assert.equal((await seed.counts(post, 'ann')).mine, 'sad'));
    assert.equal((await seed.counts(post)).total, 4);
    await leave(page);
  });

  test('the reaction is still there after a reload, and another name has its own', async () => {
    const { post, page } = await onePost('ann');
    await bar(page, post).main.click();
    await until(async () => assert.equal((await seed.counts(post, 'ann')).mine, 'like'));
    await page.reload();
    await bar(page, post).shows({ total: 4, mine: 'like' });
    await page.locator('#who').click();
    await page.getByRole('textbox', { name: 'Name' }).fill('ben');
    await page.keyboard.press('Enter');
    await bar(page, post).shows({ total: 4, mine: null });
    await bar(page, post).main.click();
    await bar(page, post).shows({ total: 5, mine: 'like' });
    await leave(page);
  });
});

describe('two tabs', () => {
  test('a second person sees a like live', async () => {
    const { word, post, page } = await onePost('ann');
    const other = await visit(chromium, kudos.url, { user: 'ben', query: { q: word } });
    await other.locator('#connection[data-state=live]').waitFor();
    await bar(page, post).main.click();
    await bar(other, post).shows({ total: 4, like: 3, mine: null });
    await bar(other, post).main.click();
    await bar(page, post).shows({ total: 5, like: 4, mine: 'like' });
    await leave(other);
    await leave(page);
  });

  test('two tabs of one person agree on the counts and on whose reaction it is', async () => {
    const { word, post, page } = await onePost('ann');
    const second = await open(page.context(), kudos.url, { q: word });
    await second.locator('#connection[data-state=live]').waitFor();
    await bar(page, post).main.click();
    await bar(second, post).shows({ total: 4, mine: 'like' });
    await bar(second, post).main.click();
    await bar(page, post).shows({ total: 3, mine: null });
    await leave(page);
  });

  test('after a reset all counts are read again', async () => {
    const word = uniqueWord();
    const [post] = await seed.fill(word, 1, () => 1);
    const page = await visit(chromium, kudos.url, { user: 'ann' });
    await page.route('**/v1/events*', (route) => route.fulfill({ contentType: 'text/event-stream', body: 'retry: 60000\nevent: reset\ndata: {}\n\n' }));
    const read = page.waitForRequest(/reactions:batchGet/);
    await page.goto(`${kudos.url}/?q=${word}`);
    await read;
    await bar(page, post).shows({ total: 1 });
    await leave(page);
  });
});

describe('a failing server', () => {
  const refuse = (status, problem) => (route) => route.fulfill({ status, contentType: 'application/problem+json', body: JSON.stringify({ status, ...problem }) });

  test('an error rolls the reaction back and says why', async () => {
    const { post, page } = await onePost('ann');
    const { main, error, shows } = bar(page, post);
    let asked = 0;
    await page.route('**/@me', (route) => {
      asked += 1;
      return refuse(500, { title: 'Storage failed', detail: 'Nothing was written' })(route);
    });
    await main.click();
    await error.getByText('Not saved. Storage failed: Nothing was written.').waitFor();
    await shows({ total: 3, mine: null });
    assert.equal(asked, 1, 'an error that is not passing is not retried');
    assert.equal((await seed.counts(post)).total, 3);
    await leave(page);
  });

  test('a server that cannot be reached is tried three times with one key, then rolled back', async () => {
    const { post, page } = await onePost('ann');
    const { main, error, shows } = bar(page, post);
    const keys = [];
    await page.route('**/@me', (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      return route.abort('connectionrefused');
    });
    await main.click();
    await shows({ total: 4, mine: 'like' });
    await error.getByText('Not saved. The server could not be reached.').waitFor();
    await shows({ total: 3, mine: null });
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 1);
    assert.match(keys[0], /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await leave(page);
  });

  test('a refusal that passes is retried with the same key and counts once', async () => {
    const { post, page } = await onePost('ann');
    const keys = [];
    await page.route('**/@me', async (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      if (keys.length > 2) return route.continue();
      // The first attempt is applied and its answer lost; the second is refused.
      if (keys.length === 1) await route.fetch();
      return refuse(503, { title: 'Busy' })(route);
    });
    await bar(page, post).main.click();
    await until(async () => assert.equal(keys.length, 3));
    await bar(page, post).shows({ total: 4, mine: 'like' });
    assert.equal(new Set(keys).size, 1);
    assert.equal((await seed.counts(post)).total, 4);
    assert.equal(await bar(page, post).error.isVisible(), false);
    await leave(page);
  });

  test('posts that cannot be read say why and can be asked for again', async () => {
    const { post, page } = await onePost('ann');
    await page.route('**/v1/search*', refuse(500, { title: 'Search failed', detail: 'No source answered' }));
    await page.reload();
    await page.getByText('Search failed: No source answered.').waitFor();
    await page.unroute('**/v1/search*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await bar(page, post).shows({ total: 3 });
    await leave(page);
  });

  test('a degraded answer says so, from where, and how old it is', async () => {
    const { page } = await onePost('ann');
    await page.route('**/v1/search*', async (route) => {
      const answer = await (await route.fetch()).json();
      await route.fulfill({ json: { ...answer, degraded: true, source: 'time', as_of: new Date(Date.now() - 120_000).toISOString() } });
    });
    await page.reload();
    await page.getByText('Degraded: posts from time order, 2 min old').waitFor();
    await page.unroute('**/v1/search*');
    await page.reload();
    await page.locator('#list[aria-busy=false] .post').waitFor();
    assert.equal(await page.locator('#degraded').isVisible(), false);
    await leave(page);
  });
});

describe('the list', () => {
  test('loading more neither repeats nor skips while a count changes', async () => {
    const word = uniqueWord();
    const ids = await seed.fill(word, 47, (i) => (i % 5 === 0 ? 2 : 0));
    const page = await visit(chromium, kudos.url, { user: 'ann', query: { q: word } });
    const answered = [];
    page.on('response', async (response) => {
      if (response.url().includes('/v1/search')) answered.push(...(await response.json()).posts.map(({ post }) => post));
    });
    await page.reload();
    const posts = page.locator('reaction-bar');
    await until(async () => assert.equal(await posts.count(), 20));
    await seed.react(ids[46], 'late', 'love');
    for (const least of [40, 46]) {
      await page.getByRole('button', { name: 'Load more' }).click();
      await until(async () => assert.ok(await posts.count() >= least));
    }
    assert.equal(await page.getByRole('button', { name: 'Load more' }).isVisible(), false);
    const shown = await posts.evaluateAll((bars) => bars.map((bar) => bar.post));
    // The post that rose past the reader's place belongs to what was read already: once at most.
    const others = (list) => list.filter((post) => post !== ids[46]).toSorted();
    assert.deepEqual(others(shown), ids.slice(0, 46));
    assert.deepEqual(others(answered), ids.slice(0, 46), 'the server itself repeated or skipped');
    assert.ok(answered.filter((post) => post === ids[46]).length <= 1);
    await leave(page);
  });

  test('popular is by count, recent by time, and the address keeps the view', async () => {
    const word = uniqueWord();
    const ids = await seed.fill(word, 3, (i) => i);
    const page = await visit(chromium, kudos.url, { user: 'ann' });
    const order = async (expected) => until(async () => assert.deepEqual(await page.locator('reaction-bar').evaluateAll((bars) => bars.map((bar) => bar.post)), expected));
    assert.equal(await page.getByRole('radio', { name: 'Relevance' }).isDisabled(), true);
    await page.getByRole('searchbox').fill(word);
    await order(ids.toReversed());
    assert.equal(await page.getByRole('radio', { name: 'Relevance' }).isDisabled(), false);
    await page.getByRole('radio', { name: 'Recent' }).check();
    await order(ids);
    assert.equal(new URL(page.url()).search, `?q=${word}&sort=recent`);
    await page.reload();
    await order(ids);
    assert.equal(await page.getByRole('radio', { name: 'Recent' }).isChecked(), true);
    await page.goBack();
    await order(ids.toReversed());
    await leave(page);
  });

  test('an empty answer offers a way on, and a new post can be written', async () => {
    const page = await visit(chromium, kudos.url, { user: 'ann', query: { q: uniqueWord() } });
    await page.getByRole('heading', { name: 'No post matches' }).waitFor();
    await page.route('**/v1/search*', (route) => route.fulfill({ json: { posts: [], source: 'live', as_of: new Date().toISOString(), degraded: false, next_cursor: null } }));
    await page.goto(kudos.url);
    await page.getByText('kudos seed').waitFor();
    const title = `First words ${uniqueWord()}`;
    await page.getByRole('textbox', { name: 'Title' }).fill(title);
    await page.unroute('**/v1/search*');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByRole('button', { name: title }).waitFor();
    await leave(page);
  });
});
