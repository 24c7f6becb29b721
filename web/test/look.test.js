// Pictures of the page, kept in screenshots/; with KUDOS_README_PICTURES=1 also the README's.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bar, browser, leave, visit } from './support/browser.js';
import { api } from './support/posts.js';
import { server } from './support/server.js';

const SHOTS = fileURLToPath(new URL('screenshots/', import.meta.url));
const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));

// title, author, age in hours, reactions by kind
const POSTS = [
  ['Why our counters were wrong for three years', 'Mira Holm', 5, { like: 21, love: 14, haha: 3, wow: 9, sad: 2 }],
  ['A quorum is a promise, not a number', 'Jonas Beck', 20, { like: 17, love: 8, wow: 5 }],
  ['Notes on retrying without regret', 'Priya Nair', 30, { like: 14, love: 6, haha: 2, wow: 1 }],
  ['The night the cache died and nobody noticed', 'Tomás Vidal', 3, { like: 9, love: 4, haha: 6 }],
  ['Measuring what a like costs', 'Anneke de Boer', 80, { like: 8, wow: 4 }],
  ['Small queues, calm systems', 'Sora Tanaka', 0.4, { like: 5, love: 3 }],
  ['How we deleted a million lines of YAML', 'Ines Okafor', 700, { like: 2, haha: 3, angry: 1 }],
];

let kudos, chromium;

before(async () => {
  kudos = await server();
  chromium = await browser();
  const seed = api(kudos.url);
  await mkdir(SHOTS, { recursive: true });
  for (const [i, [title, author, hours, kinds]] of POSTS.entries()) {
    const id = `look-${i}`;
    await seed.put(id, { title, author, body: 'We kept a number beside every post and believed it. Then we counted the rows.', created_at: new Date(Date.now() - hours * 3_600_000).toISOString() });
    for (const [kind, n] of Object.entries(kinds)) {
      for (let user = 0; user < n; user += 1) await seed.react(id, `reader-${kind}-${user}`, kind);
    }
  }
  await seed.react('look-0', 'calm-otter', 'love');
  await seed.react('look-2', 'calm-otter', 'like');
  // An earlier run on the same server left it.
  await seed.unreact('look-1', 'ann');
});
after(async () => {
  await chromium?.close();
  await kudos?.stop();
});

const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

for (const [name, options, picker] of [
  ['desktop-light', { colorScheme: 'light' }, false],
  ['desktop-dark', { colorScheme: 'dark' }, true],
  ['phone', { ...phone, colorScheme: 'light' }, false],
  ['narrow', { ...phone, viewport: { width: 320, height: 700 }, colorScheme: 'dark' }, true],
]) {
  test(`the page fits and is drawn: ${name}`, async () => {
    const page = await visit(chromium, kudos.url, { user: 'calm-otter', ...options });
    const posts = page.locator('reaction-bar');
    await posts.first().waitFor();
    await page.locator('#connection[data-state=live]').waitFor();
    await page.waitForLoadState('load');
    if (picker) {
      const second = bar(page, await posts.nth(1).getAttribute('post'));
      await second.choose.click();
      await second.menu.waitFor();
      const { x, width } = await second.menu.boundingBox();
      assert.ok(x >= 0 && x + width <= options.viewport?.width || !options.viewport, 'the picker leaves the window');
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, 'the page scrolls sideways');
    await page.screenshot({ path: `${SHOTS}${name}.png`, animations: 'disabled' });
    if (process.env.KUDOS_README_PICTURES && name !== 'narrow') {
      await mkdir(IMAGES, { recursive: true });
      await page.screenshot({ path: `${IMAGES}${name}.png`, animations: 'disabled' });
    }
    await leave(page);
  });
}

test('nothing moves when a count changes', async () => {
  const page = await visit(chromium, kudos.url, { user: 'ann', query: { q: 'quorum promise' } });
  const { host, main, shows } = bar(page, 'look-1');
  await page.locator('#connection[data-state=live]').waitFor();
  const places = () => page.evaluate(() => [...document.querySelectorAll('reaction-bar')].flatMap((bar) =>
    [bar, ...bar.shadowRoot.querySelectorAll('.press, .total, .kinds li')].map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return [x, y, width, height].map(Math.round).join(' ');
    })));
  const before = await places();
  await main.click();
  await shows({ mine: 'like' });
  await host.evaluate((bar) => bar.react('angry'));
  await shows({ angry: 1, mine: 'angry' });
  assert.deepEqual(await places(), before);
  await leave(page);
});
