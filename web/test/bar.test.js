// The bar as someone else's page uses it: one script tag, no demo page around it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bar, browser, leave, until } from './support/browser.js';
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

/** A page that holds `html` and the script, as if the server served it. */
async function pageWith(html) {
  const page = await (await chromium.newContext()).newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  await page.route('**/alone.html', (route) => route.fulfill({
    contentType: 'text/html',
    body: `<!doctype html><script type="module" src="/reaction-bar.js"></script><body>${html}`,
  }));
  page.batches = 0;
  page.on('request', (request) => { page.batches += request.url().endsWith(':batchGet') ? 1 : 0; });
  await page.goto(`${kudos.url}/alone.html`);
  return page;
}

test('bars of one page load together, react, and tell the page', async () => {
  const ids = await seed.fill(uniqueWord(), 3, (i) => i);
  await seed.react(ids[2], 'ann', 'wow');
  const page = await pageWith(ids.map((id) => `<reaction-bar post="${id}" user="ann"></reaction-bar>`).join(''));
  await bar(page, ids[0]).shows({ total: 0, mine: null });
  await bar(page, ids[2]).shows({ total: 3, wow: 1, mine: 'wow' });
  assert.equal(page.batches, 1);
  const told = page.evaluate(() => new Promise((resolve) => { addEventListener('kudos-change', ({ detail }) => resolve(detail)); }));
  await bar(page, ids[0]).main.click();
  const { post, mine, total, changed } = await told;
  assert.deepEqual({ post, mine, total, changed }, { post: ids[0], mine: 'like', total: 1, changed: true });
  await leave(page);
});

test('a refusal rolls back and tells the page why', async () => {
  const page = await pageWith(`<reaction-bar post="${uniqueWord()}" user="ann"></reaction-bar>`);
  await page.route('**/@me', (route) => route.fulfill({ status: 404, contentType: 'application/problem+json', body: '{"title":"No such post","status":404}' }));
  const told = page.evaluate(() => new Promise((resolve) => { addEventListener('kudos-error', ({ detail }) => resolve(detail.problem.status)); }));
  await page.locator('reaction-bar .main').click();
  assert.equal(await told, 404);
  await page.getByRole('alert').getByText('Not saved. No such post.').waitFor();
  assert.equal(await page.locator('reaction-bar .main').getAttribute('aria-pressed'), 'false');
  await leave(page);
});

test('a page chooses which kinds to show', async () => {
  const [post] = await seed.fill(uniqueWord(), 1);
  const page = await pageWith(`<reaction-bar post="${post}" user="ann" kinds="love,like,fire:🔥"></reaction-bar>`);
  await bar(page, post).choose.click();
  await until(async () => assert.deepEqual(await page.getByRole('menuitemradio').locator('.name').allTextContents(), ['Love', 'Like', 'Fire']));
  await page.keyboard.press('Escape');
  await bar(page, post).main.click();
  await bar(page, post).shows({ total: 1, mine: 'love' });
  await leave(page);
});
