// Redis, drawn: its slots as one line, and under it each shard with its replicas.

import { el } from './dom.js';
import { SLOTS } from './redis.js';
import { bytes, count, percent, span } from './words.js';

/** From here on a shard is one line. */
const MANY = 13;

export function redis({ redis: live }) {
  if (!live) return [el('p', { class: 'none' }, 'Nobody says how Redis is: no projector answers.')];
  const { inCluster, shards, others } = live;
  return [
    inCluster && slots(live),
    el('ul', { class: 'shards', 'data-many': String(shards.length >= MANY) }, shards.map((shard) => card(shard, inCluster))),
    others.length > 0 && el('div', { class: 'others' }, el('h3', {}, 'Serving no slots'), el('ul', { class: 'shards' },
      others.map((node) => el('li', { class: 'shard' }, box(node, node.up ? 'has no slots' : 'dead, others have its slots'))))),
  ];
}

function slots({ shards, served, unassigned }) {
  const told = served === SLOTS ? `All ${count(SLOTS)} slots are served` : `${count(served)} of ${count(SLOTS)} slots are served`;
  return el('figure', { class: 'slots' },
    el('div', { class: 'strip', role: 'img', 'aria-label': told },
      shards.map(({ master, served: isServed }) => el('span', { 'data-served': String(isServed), title: `${range(master)}: ${master.node}`, style: { 'flex-grow': master.slots } })),
      unassigned > 0 && el('span', { 'data-served': 'false', title: `${count(unassigned)} slots belong to nobody`, style: { 'flex-grow': unassigned } })),
    el('figcaption', { 'data-tone': served === SLOTS ? null : 'late' }, told));
}

/** Which slots a master has, if they lie together; else how many. */
function range({ slots: n, first, last }) {
  const together = first !== undefined && last - first + 1 === n;
  return together ? `${count(first)}–${count(last)}` : `${count(n)} slots`;
}

function card({ master, replicas, served, alone }, inCluster) {
  return el('li', { class: 'shard', 'data-served': String(served) },
    inCluster && el('p', { class: 'range' }, range(master)),
    box(master, served ? null : master.failed ? 'dead' : 'does not answer'),
    replicas.length > 0 && el('ul', { class: 'replicas' }, replicas.map((node) => el('li', {}, box(node, following(node))))),
    inCluster && alone && replicas.length === 0 && el('p', { class: 'alone' }, 'no replica'));
}

function following({ up, linked, lag }) {
  if (!up) return 'does not answer';
  if (linked === false) return 'not connected';
  // A replica confirms once a second: a second is no delay.
  return lag > 1 ? `replica, ${span(lag)} behind` : 'replica';
}

function box(node, said) {
  const tone = !node.up || node.failed ? 'bad' : node.linked === false ? 'late' : 'well';
  return el('div', { class: 'node', 'data-role': node.role, 'data-tone': tone },
    el('span', { class: 'dot', 'aria-hidden': 'true' }),
    el('span', { class: 'address' }, node.node),
    el('span', { class: 'said' }, said ?? (node.role === 'master' ? memory(node) : null)),
    node.memory?.limit > 0 && meter(node.memory));
}

function memory({ memory: has }) {
  if (!has) return 'master';
  return has.limit ? `${bytes(has.used)} of ${bytes(has.limit)}` : bytes(has.used);
}

function meter({ used, limit }) {
  const share = Math.min(1, used / limit);
  return el('span', { class: 'meter', role: 'img', 'aria-label': `${percent(share)} of its memory in use`, 'data-full': String(share > 0.9) },
    el('span', { style: { 'inline-size': `${(share * 100).toFixed(1)}%` } }));
}
