// Tiles, sources, breakers and services, as elements.

import { el } from './dom.js';
import { age, count, percent, rate, some, span } from './words.js';

const QUESTIONS = { search: 'Searches', counts: 'Counts of a post', batch: 'Counts of many posts' };
const CHAINS = { search: 'searches', counts: 'counts', mine: 'whose reaction it is', texts: 'titles' };
const IN_REDIS = { hash: 'counts in Redis', first_node: 'a node of Redis', library: 'the functions of Redis' };
const SOURCES = { live: 'live counts', index: 'the index', truth: 'the truth', time: 'time order' };
const REASONS = { timeout: 'too slow', open: 'given up for now', full: 'too busy', error: 'failed', partial: 'answered in part', abandoned: 'left behind' };
const ORDER = ['live', 'index', 'truth', 'time'];
const MOST_ROWS = 4;

/** The figures that exist here: one machine has no journal, no auditor and no Redis to rebuild. */
export function tiles(known) {
  return [copies(known), journal(known), behind(known), degraded(known), failed(known), rebuilt(known)].filter(Boolean).map(tile);
}

function tile({ label, value, more, tone }) {
  return el('div', { class: 'tile', 'data-tone': tone }, el('dt', {}, label), el('dd', {}, el('b', {}, value), el('span', {}, more)));
}

function copies({ copies: all }) {
  if (!all) return null;
  const { found, lately, open, unmended, audited } = all;
  const old = unmended ? `${count(unmended)} not mended` : found ? 'all mended, none lately' : `${some(audited, 'post')} compared`;
  return { label: 'Wrong copies found', value: count(found), more: lately ? `${count(lately)} of them lately` : old, tone: open ? 'bad' : lately ? 'late' : 'well' };
}

function journal({ journal: waits }) {
  if (!waits) return null;
  const more = waits.due ? `${some(waits.due, 'window')} to deliver` : 'all is delivered';
  return { label: 'Oldest undelivered', value: waits.due ? span(waits.age) : 'none', more, tone: waits.age > 15 ? 'late' : 'well' };
}

function behind({ behind: lag }) {
  if (!lag) return null;
  const more = lag.records ? `${some(lag.records, 'change')} to learn` : lag.seconds === null ? 'no changes lately' : 'nothing waits';
  return { label: 'Search is behind by', value: lag.seconds === null ? '0 s' : span(lag.seconds), more, tone: lag.seconds > 5 || lag.records > 10_000 ? 'late' : 'well' };
}

function degraded({ answers }) {
  const none = !answers?.count;
  const share = none ? 0 : answers.degraded / answers.count;
  const more = !answers ? 'counting' : none ? 'nobody asked lately' : `of ${some(answers.count, 'answer')}`;
  return { label: 'Degraded answers', value: none ? '–' : percent(share), more, tone: share > 0.01 ? 'late' : 'well' };
}

function failed({ likes }) {
  const none = !likes?.count;
  const share = none ? 0 : likes.failed / likes.count;
  const more = !likes ? 'counting' : none ? 'nobody liked lately' : `of ${rate(likes.perSecond, 'likes')}`;
  return { label: 'Failed likes', value: none ? '–' : percent(share), more, tone: share > 0 ? 'bad' : 'well' };
}

function rebuilt({ rebuild, at }) {
  if (!rebuild) return null;
  const label = 'Last rebuild of Redis';
  if (rebuild.parts) return { label, value: 'now', more: `${count(rebuild.parts)} of 256 parts lack some`, tone: 'late' };
  if (!rebuild.last) return { label, value: 'none', more: 'nothing was lost', tone: 'well' };
  return { label, value: `${age(at - rebuild.last.at)} ago`, more: `${some(rebuild.last.posts, 'post')} told again`, tone: 'well' };
}

/** Which source answered each question, and which were passed over. */
export function sources({ answers, passed }) {
  const rows = answers?.by.length ? answers.by.map(question) : [el('p', { class: 'none' }, answers ? 'Nobody has asked anything lately.' : 'Counting…')];
  return [el('div', { class: 'questions' }, rows), legend(answers), over(passed)];
}

function question({ question: asked, perSecond, sources: all }) {
  const ordered = [...all].sort((one, other) => ORDER.indexOf(one.source) - ORDER.indexOf(other.source));
  const said = ordered.map(({ source, share }) => `${source} ${percent(share)}`).join(', ');
  return el('div', { class: 'question' },
    el('p', {}, el('span', {}, QUESTIONS[asked] ?? asked), el('span', { class: 'rate' }, rate(perSecond))),
    el('div', { class: 'bar', role: 'img', 'aria-label': said }, ordered.map(({ source, share }) =>
      el('span', { 'data-source': source, title: `${source} ${percent(share)}`, style: { 'flex-grow': share.toFixed(4) } }, share > 0.2 ? `${source} ${percent(share)}` : ''))));
}

function legend(answers) {
  const used = new Set(answers?.by.flatMap(({ sources: all }) => all.map(({ source }) => source)));
  const shown = ORDER.filter((source) => used.has(source));
  return shown.length > 1 && el('ul', { class: 'legend' }, shown.map((source) => el('li', { 'data-source': source }, `${source}: ${SOURCES[source]}`)));
}

function over(passed) {
  if (!passed?.length) return passed && el('p', { class: 'none' }, 'No source was passed over.');
  const rest = passed.length - MOST_ROWS;
  return el('div', {}, el('h3', {}, 'Passed over'), el('ul', { class: 'rows' },
    passed.slice(0, MOST_ROWS).map(({ chain, source, reasons, perSecond }) => el('li', {},
      el('span', {}, `${overWhat(chain, source)}: `, el('b', {}, reasons.map((reason) => REASONS[reason] ?? reason).join(', '))),
      el('span', { class: 'rate' }, rate(perSecond)))),
    rest > 0 && el('li', {}, `and ${count(rest)} more`)));
}

const overWhat = (chain, source) => chain === 'redis' ? IN_REDIS[source] ?? source : `${source}, for ${CHAINS[chain] ?? chain}`;

const MENDED = { live: 'Redis', log: 'Kafka', elastic: 'Elasticsearch' };

/** Which nodes somebody has given up asking. */
export function breakers({ breakers: open }) {
  if (!open.length) return [el('p', { class: 'none' }, 'Every service asks every node.')];
  return [el('ul', { class: 'rows' }, open.map(({ node, mended, services }) => el('li', {},
    mended ? el('span', {}, `mending ${MENDED[mended] ?? mended}`) : el('code', {}, node), el('span', { class: 'who' }, services.length > 3 ? some(services.length, 'service') : services.join(', ')))))];
}

const STATES = { ready: ['well', 'ready'], degraded: ['late', 'degraded'], not_ready: ['bad', 'not ready'] };

/** Each service, whether it answers, and what it lacks. */
export function services({ services: all }) {
  return [el('ul', { class: 'rows services' }, all.map((service) => {
    const [tone, word] = stateOf(service);
    return el('li', { 'data-tone': tone },
      el('span', { class: 'name' }, el('span', { class: 'dot', 'aria-hidden': 'true' }), service.name),
      el('span', { class: 'state' }, word),
      lacks(service).map((why) => el('span', { class: 'why', title: why }, why)));
  }))];
}

function stateOf({ up, readiness }) {
  if (!up) return ['bad', 'down'];
  if (readiness?.stopping) return ['late', 'stopping'];
  return STATES[readiness?.readiness] ?? ['late', 'up'];
}

function lacks({ error, readiness }) {
  const checks = readiness?.checks?.filter(({ status }) => status !== 'up') ?? [];
  return [...error ? [error] : [], ...checks.map(({ name, why }) => `${name}: ${why}`)];
}
