// The console in a browser: over one machine as it is, and over a suite whose answers are made up.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser, leave, until } from './support/browser.js';
import { dying, replaced, suite } from './support/figures.js';
import { api, uniqueWord } from './support/posts.js';
import { server } from './support/server.js';

const SHOTS = fileURLToPath(new URL('screenshots/', import.meta.url));
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

let kudos, chromium;

before(async () => {
  kudos = await server();
  chromium = await browser();
  await mkdir(SHOTS, { recursive: true });
});
after(async () => {
  await chromium?.close();
  await kudos?.stop();
});

/** The console; `answers(seconds)` in place of what the server says, where seconds pass as the page asks. */
async function visit(answers, options = {}) {
  const context = await chromium.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-GB', ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) page.problems.push(message.text());
  });
  let asked = -1;
  if (answers) await page.route('**/console/figures', (route) => route.fulfill({ json: answers((asked += 1) * 2) }));
  await page.goto(`${kudos.url}/console`);
  await page.locator('#console[aria-busy=false]').waitFor();
  return page;
}

const headline = (page) => page.locator('#headline').textContent();
const drawn = (page) => page.getByText('Counting…').waitFor({ state: 'detached' });

async function fits(page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, 'the page scrolls sideways');
}

if (process.env.KUDOS_URL) {
  test('in the suite it shows Redis, and every service that answers', async () => {
    const page = await visit();
    await page.locator('#connection[data-state=live]').waitFor();
    await page.locator('#redis').waitFor();
    const services = await page.locator('#services li').allTextContents();
    for (const name of ['reaction-write', 'search', 'projector']) {
      assert.ok(services.some((text) => text.startsWith(name)), `${name} is not among ${services.join(', ')}`);
    }
    const shown = await page.locator('#tiles dt').allTextContents();
    assert.ok(['Wrong copies found', 'Oldest undelivered', 'Search is behind by'].every((tile) => shown.includes(tile)), shown.join(', '));
    await leave(page);
  });
} else {
  test('on one machine it says that all is well, and shows nothing that is not there', async () => {
    const page = await visit();
    assert.equal(await headline(page), 'Counts are right and fresh');
    await page.locator('#connection[data-state=live]').waitFor();
    assert.equal(await page.locator('#redis').isVisible(), false);
    assert.equal(await page.locator('#breakers').isVisible(), false);
    const shown = await page.locator('#tiles dt').allTextContents();
    assert.deepEqual(shown, ['Degraded answers', 'Failed likes']);
    assert.match(await page.locator('#services li').textContent(), /^kudosready/);
    await leave(page);
  });
}

test('on one machine it counts what is asked and liked while one looks', async () => {
  const [page, posts, word] = [await visit(), api(kudos.url), uniqueWord()];
  await posts.put(word, { title: word });
  await until(async () => {
    await posts.counts(word);
    await posts.react(word, `u${Math.random()}`, 'like');
    assert.match(await page.locator('#sources .question').first().textContent(), /^Counts of a post/);
    assert.match(await page.locator('#tiles').textContent(), /Failed likes0 %of .* likes/);
  });
  await page.screenshot({ path: `${SHOTS}console-alone.png` });
  await leave(page);
});

for (const [name, options, answers] of [
  ['well-light', { colorScheme: 'light' }, suite],
  ['well-dark', { colorScheme: 'dark' }, suite],
  ['dying-light', { colorScheme: 'light' }, dying],
  ['dying-dark', { colorScheme: 'dark' }, dying],
  ['replaced-light', { colorScheme: 'light' }, replaced],
  ['phone', { ...PHONE, colorScheme: 'light' }, dying],
  ['narrow', { ...PHONE, viewport: { width: 320, height: 700 }, colorScheme: 'dark' }, replaced],
]) {
  test(`a suite is drawn, and fits: ${name}`, async () => {
    const page = await visit(answers, options);
    await drawn(page);
    assert.equal(await page.locator('#redis .shards').first().locator('> li').count(), 3);
    await fits(page);
    await page.screenshot({ path: `${SHOTS}console-${name}.png`, animations: 'disabled', fullPage: true });
    await leave(page);
  });
}

test('a failover is seen from its beginning to its end', async () => {
  let answers = suite;
  const page = await visit((seconds) => answers(seconds));
  const [verdict, slots] = [page.locator('.verdict'), page.locator('.slots')];
  await drawn(page);
  assert.equal(await slots.textContent(), 'All 16,384 slots are served');

  answers = dying;
  await page.getByText('Redis shard 127.0.0.1:7000 does not answer: its posts come from the truth').waitFor();
  assert.equal(await verdict.getAttribute('data-tone'), 'late');
  assert.equal(await slots.textContent(), '10,923 of 16,384 slots are served');
  assert.equal(await page.locator('.slots [data-served=false]').count(), 1);
  assert.match(await page.locator('#sources').textContent(), /live, for searches: (too slow, given up for now|given up for now, too slow)/);
  assert.match(await page.locator('#breakers').textContent(), /127\.0\.0\.1:7000reaction-write-1:8080, reaction-write-2:8080, search-1:8080/);

  answers = replaced;
  await page.getByText('Counts are right and fresh').waitFor();
  await page.getByText('12 s ago').waitFor();
  assert.match(await page.locator('#tiles').textContent(), /38 posts told again/);
  assert.match(await page.locator('.others').textContent(), /127\.0\.0\.1:7000/);
  await leave(page);
});

test('contact that is lost is said, with the age of what is shown', async () => {
  const page = await visit(suite);
  await drawn(page);
  await page.route('**/console/figures', (route) => route.abort());
  await page.locator('#connection[data-state=reconnecting]').waitFor();
  await until(async () => assert.match(await page.locator('#as-of').textContent(), /^No contact: the server cannot be reached\. This is \d+ s old$/));
  assert.equal(await headline(page), 'Counts are right and fresh', 'what is known stays, marked as old');
  await page.locator('#console.stale').waitFor();
  await page.unrouteAll();
  await page.locator('#connection[data-state=live]').waitFor();
  assert.equal(await page.locator('#console.stale').count(), 0);
  await leave(page);
});

test('an answer that makes no sense is no answer', async () => {
  const page = await visit(suite);
  await page.route('**/console/figures', (route) => route.fulfill({ json: { at: 1 } }));
  await page.locator('#connection[data-state=reconnecting]').waitFor();
  await until(async () => assert.match(await page.locator('#as-of').textContent(), /the answer cannot be read/));
  await leave(page);
});

test('nobody is asked while nobody looks', async () => {
  const page = await visit(suite);
  await page.clock.install();
  let asked = 0;
  page.on('request', (request) => { asked += request.url().endsWith('/console/figures'); });
  const hide = (hidden) => page.evaluate((is) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => is });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await page.clock.runFor(60_000);
  // One may have been asked for just before, on the clock of then.
  assert.ok(asked <= 1, `${asked} questions while hidden`);
  const before = asked;
  await hide(false);
  await until(async () => assert.ok(asked > before));
  await leave(page);
});
