// Debian's Chromium, and a page of the demo as one person sees it.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const WAIT_MS = 10_000;

/** Starts the browser. */
export function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/**
 * A page as `user` sees it, in a context of its own; `page.problems` collects what went wrong in
 * it (script errors, refusals by the content security policy).
 */
export async function visit(browser, url, { user, query = {}, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1120, height: 860 }, locale: 'en-GB', ...options });
  context.setDefaultTimeout(WAIT_MS);
  if (user) await context.addInitScript((name) => localStorage.setItem('kudos-user', name), user);
  return open(context, url, query);
}

/** One more tab of the same context. */
export async function open(context, url, query = {}) {
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) page.problems.push(message.text());
  });
  await page.goto(`${url}/?${new URLSearchParams(query)}`);
  await page.locator('#list[aria-busy=false]').waitFor({ state: 'attached' });
  return page;
}

/** Closes the page's context, and insists that nothing went wrong in the page. */
export async function leave(page) {
  const { problems } = page;
  await page.context().close();
  assert.deepEqual(problems, []);
}

/** The parts of the bar of a post. */
export function bar(page, post) {
  const host = page.locator(`reaction-bar[post="${post}"]`);
  return {
    host,
    main: host.locator('.main'),
    choose: host.getByRole('button', { name: 'Choose a reaction' }),
    menu: host.getByRole('menu'),
    item: (kind) => host.getByRole('menuitemradio', { name: kind }),
    error: host.getByRole('alert'),
    /** Waits until the bar shows this total, these kinds, and this reaction of the user. */
    async shows({ total, mine, ...kinds }) {
      await host.and(page.locator(':defined')).waitFor();
      await until(async () => {
        const seen = await host.evaluate((element) => ({
          total: element.shadowRoot.querySelector('.total').textContent,
          pressed: element.shadowRoot.querySelector('.main').ariaPressed === 'true' ? element.shadowRoot.querySelector('.label').textContent.toLowerCase() : null,
          kinds: Object.fromEntries([...element.shadowRoot.querySelectorAll('.kinds li')].map((item) => [item.dataset.kind, item.querySelector('.n').textContent || '0'])),
        }));
        if (total !== undefined) assert.equal(seen.total, String(total));
        if (mine !== undefined) assert.equal(seen.pressed, mine);
        for (const [kind, n] of Object.entries(kinds)) assert.equal(seen.kinds[kind], String(n), kind);
      });
    },
  };
}

/** Waits until `check` passes; fails with its last failure. */
export async function until(check) {
  for (const end = Date.now() + WAIT_MS; ;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise(requestNextLook);
    }
  }
}

const requestNextLook = (resolve) => setTimeout(resolve, 25);
