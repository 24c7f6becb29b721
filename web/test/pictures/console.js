// A picture of the console during a failover: `console.js URL PID FILE` waits until the console is well and counts
// under load, kills the Redis master with that process id, and keeps what is shown when it is seen to be gone.

import { browser } from '../support/browser.js';

const WELL_MS = 60_000;
const SEEN_MS = 30_000;
const [url, pid, file] = process.argv.slice(2);

const chromium = await browser();
try {
  const context = await chromium.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: 'light', locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto(`${url}/console`);
  // Two moments of load: with one there are no rates.
  await page.locator('#headline', { hasText: 'Counts are right and fresh' }).waitFor({ timeout: WELL_MS });
  await page.locator('#sources .question').nth(1).waitFor({ timeout: WELL_MS });
  process.kill(Number(pid), 'SIGKILL');
  await page.locator('#headline', { hasText: /^Redis shard .* does not answer/ }).waitFor({ timeout: SEEN_MS });
  await page.locator('#sources .rows li').first().waitFor({ timeout: SEEN_MS });
  await page.screenshot({ path: file, animations: 'disabled' });
} finally {
  await chromium.close();
}
