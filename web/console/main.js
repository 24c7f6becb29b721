// The console: asks how everything is, says it in a sentence, and shows where.

import { Contact } from './contact.js';
import { show, el } from './dom.js';
import { breakers, services, sources, tiles } from './draw.js';
import { redis } from './draw-redis.js';
import { verdict } from './verdict.js';
import { Watch } from './watch.js';
import { age } from './words.js';

/** What is shown is called old from here on. */
const OLD_MS = 6000;

const $ = (id) => document.getElementById(id);
const watch = new Watch();
const contact = new Contact('console/figures');
let seen = null; // when the last answer came, on the clock of this page
let lost = null; // why the last question was not answered

contact.addEventListener('answer', ({ detail }) => {
  lost = null;
  seen = performance.now();
  draw(watch.see(detail));
  tick();
});
contact.addEventListener('lost', ({ detail }) => {
  lost = detail;
  tick();
});

function draw(known) {
  say(verdict(known));
  show($('tiles'), tiles(known));
  part('sources', true, sources(known));
  part('redis', known.redis || usesRedis(known), redis(known));
  part('services', true, services(known));
  part('breakers', known.services.length > 1 || known.breakers.length > 0, breakers(known));
  $('console').setAttribute('aria-busy', 'false');
}

/** On one machine there is no Redis, and nothing to say of it. */
const usesRedis = (known) => known.services.some(({ readiness }) => readiness?.checks?.some(({ name }) => name === 'redis'));

function say({ tone, headline, points }) {
  document.querySelector('.verdict').dataset.tone = tone;
  setText($('headline'), headline);
  show($('points'), points.map(({ tone: of, text }) => el('li', { 'data-tone': of }, text)));
  $('points').hidden = points.length === 0;
}

function part(id, isThere, drawn) {
  $(id).hidden = !isThere;
  show($(id).querySelector('.drawn'), drawn);
}

/** Says how old what is shown is, every second; an answer that does not come must not look like one that does. */
function tick() {
  const old = seen === null ? null : performance.now() - seen;
  const isLost = lost !== null || (old ?? 0) > OLD_MS;
  const state = isLost ? 'reconnecting' : seen === null ? 'connecting' : 'live';
  $('connection').dataset.state = state;
  setText($('connection').querySelector('.words'), { live: 'Live', connecting: 'Connecting', reconnecting: 'No contact' }[state]);
  $('console').classList.toggle('stale', isLost && seen !== null);
  setText($('as-of'), asOf(old, isLost));
}

function asOf(old, isLost) {
  if (old === null) return lost ? `No contact: ${lost}` : '';
  return isLost ? `No contact${lost ? `: ${lost}` : ''}. This is ${age(old)} old` : `${age(old)} old`;
}

/** Touches the document only when the text differs: live regions speak on writes. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

setInterval(() => { if (!document.hidden) tick(); }, 1000);
contact.start();
