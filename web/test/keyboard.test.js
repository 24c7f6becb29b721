import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bar, browser, leave, until, visit } from './support/browser.js';
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

/** What has the focus, inside shadow roots too: its name, for a person. */
const focused = (page) => page.evaluate(() => {
  let element = document.activeElement;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element.ariaLabel || element.value || element.textContent.trim();
});

test('the keyboard alone finds a post, reacts to it and changes the reaction', async () => {
  const word = uniqueWord();
  const [, second] = await seed.fill(word, 2, (i) => 2 - i);
  const page = await visit(chromium, kudos.url, { user: 'ann' });
  const { shows, menu } = bar(page, second);
  const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };

  await press('Tab');
  assert.equal(await focused(page), 'Skip to the posts');
  await press('/');
  await page.keyboard.type(word);
  await until(async () => assert.match(page.url(), new RegExp(word)));
  await page.locator('#list[aria-busy=false]').waitFor();
  await press('Tab', 'ArrowRight');
  await until(async () => assert.match(page.url(), /sort=recent/));
  await press('Tab', 'ArrowRight');
  await until(async () => assert.match(page.url(), /window=7d/));
  await until(async () => assert.equal(await page.locator('#list[aria-busy=false] reaction-bar').count(), 2));

  // Past the first post (its title, like and chooser) to the second one's.
  await press('Tab', 'Tab', 'Tab', 'Tab');
  assert.equal(await focused(page), `${word} number 1`);
  await press('Tab', 'Enter');
  await shows({ total: 2, mine: 'like' });
  await press('ArrowUp');
  assert.equal(await focused(page), 'Like');
  await press('ArrowLeft', 'ArrowLeft');
  assert.equal(await focused(page), 'Sad');
  await press('Enter');
  await menu.waitFor({ state: 'hidden' });
  await shows({ total: 2, sad: 1, mine: 'sad' });
  assert.equal(await focused(page), 'Sad', 'the focus is back at the button');

  await press('Tab', 'Space');
  await menu.waitFor();
  assert.equal(await focused(page), 'Sad');
  await press('Escape');
  await menu.waitFor({ state: 'hidden' });
  assert.equal(await focused(page), 'Choose a reaction');
  await shows({ total: 2, mine: 'sad' });
  await leave(page);
});

test('what changed is said, and every control has a name', async () => {
  const word = uniqueWord();
  const [post] = await seed.fill(word, 1);
  const page = await visit(chromium, kudos.url, { user: 'ann', query: { q: word } });
  const { host, main, choose, menu } = bar(page, post);
  await main.click();
  await host.locator('[aria-live=polite]').getByText('You reacted with Like. 1 reaction.').waitFor({ state: 'attached' });
  assert.equal(await main.getAttribute('aria-pressed'), 'true');
  await choose.click();
  await menu.waitFor();
  assert.equal(await choose.getAttribute('aria-expanded'), 'true');
  assert.deepEqual(await host.getByRole('menuitemradio', { checked: true }).allTextContents(), ['Like']);
  assert.equal(await host.getByRole('menuitemradio').count(), 6);
  assert.equal(await page.locator('#results').textContent(), '1 post');
  for (const role of ['banner', 'main', 'search', 'navigation', 'contentinfo']) assert.equal(await page.getByRole(role).count(), 1, role);
  const nameless = await page.evaluate(() => {
    const roots = [document, ...[...document.querySelectorAll('reaction-bar')].map((bar) => bar.shadowRoot)];
    return roots.flatMap((root) => [...root.querySelectorAll('button, a, input, textarea')])
      .filter((element) => !element.ariaLabel && !element.textContent.trim() && !element.labels?.length && element.offsetParent)
      .map((element) => element.outerHTML);
  });
  assert.deepEqual(nameless, []);
  await leave(page);
});
