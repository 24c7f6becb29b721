// The server under test: the one at KUDOS_URL, or the real binary started on a fresh folder.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const START_MS = 30_000;
const BINARY = process.env.KUDOS_BIN ?? fileURLToPath(new URL('../../../target/debug/kudos', import.meta.url));

/** Starts a server, if none is given, and returns `{url, stop}`. */
export async function server() {
  if (process.env.KUDOS_URL) return { url: process.env.KUDOS_URL.replace(/\/$/, ''), stop: async () => {} };
  const data = await mkdtemp(join(tmpdir(), 'kudos-web-'));
  const listen = `127.0.0.1:${await freePort()}`;
  const child = spawn(BINARY, ['serve', '--listen', listen, '--data', data], { env: plain(), stdio: ['ignore', 'ignore', 'pipe'] });
  const log = [];
  child.stderr.on('data', (chunk) => { log.push(chunk); if (log.length > 200) log.shift(); });
  const ended = new Promise((resolve) => { child.once('exit', resolve); child.once('error', (error) => { log.push(String(error)); resolve(); }); });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  const url = `http://${listen}`;
  const failed = ended.then(() => { throw new Error(`the server ended:\n${log.join('')}`); });
  failed.catch(() => {}); // It also ends, rightly, at the end of the tests.
  await Promise.race([ready(url), failed]);
  return { url, stop };
}

/** The environment without the tests' own variables, which the server would refuse as unknown settings. */
function plain() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('KUDOS_')));
}

async function ready(url) {
  for (const until = Date.now() + START_MS; ;) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > until) throw new Error(`${url} was not ready in ${START_MS} ms`);
    await pause(50);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
