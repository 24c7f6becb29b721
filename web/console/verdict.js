// What is wrong, in sentences: the worst first.

import { count, list, percent, some, span } from './words.js';

/** From worst to best: users see errors or wrong counts; something is old or out; a reserve is gone. */
const TONES = ['bad', 'late', 'note'];
const WAITS_S = 15;
const BEHIND_S = 5;
const BEHIND_RECORDS = 10_000;
const DEGRADED = 0.01;
const FULL = 0.9;
const LAGS_S = 5;

/**
 * One sentence, and what else there is to say: `{tone, headline, points: [{tone, text}]}`. The tone is `well`, or
 * that of the worst point; `unknown` if nobody answers.
 */
export function verdict(known) {
  if (!known.services.some(({ up }) => up)) {
    return { tone: 'unknown', headline: 'Nothing is known: no service answers', points: [] };
  }
  const all = [...failures(known), ...drift(known), ...redis(known), ...delays(known), ...outages(known), ...reserves(known)];
  const points = TONES.flatMap((tone) => all.filter((point) => point.tone === tone));
  const [worst] = points;
  if (!worst || worst.tone === 'note') return { tone: worst?.tone ?? 'well', headline: 'Counts are right and fresh', points };
  return { tone: worst.tone, headline: worst.text, points: points.slice(1) };
}

const bad = (text) => ({ tone: 'bad', text });
const late = (text) => ({ tone: 'late', text });
const note = (text) => ({ tone: 'note', text });

const WHY = { unavailable: 'the truth is not there', timeout: 'the truth is too slow', busy: 'too many at once', no_space: 'a disk is full', corrupt: 'the truth cannot be read' };

function failures({ likes }) {
  if (!likes?.failed) return [];
  return [bad(`${percent(likes.failed / likes.count)} of likes fail: ${list(likes.why.map((why) => WHY[why] ?? why))}`)];
}

function drift({ copies }) {
  if (!copies?.lately) return [];
  const of = copies.of.length ? ` (${list(copies.of)})` : '';
  if (copies.open) return [bad(`${some(copies.open, 'wrong copy', 'wrong copies')} found and not mended${of}`)];
  return [late(`${some(copies.lately, 'wrong copy', 'wrong copies')} found and mended in the last minutes${of}`)];
}

function redis({ redis: live, rebuild }) {
  const points = [];
  const out = live?.shards.filter(({ served }) => !served) ?? [];
  const names = list(out.map(({ master }) => master.node));
  const answers = out.length === 1 ? 'does' : 'do';
  if (live && out.length && out.length === live.shards.length) {
    points.push(late(`Redis does not answer (${names}): counts come from the truth, pages from the index`));
  } else if (out.length) {
    const shards = out.length === 1 ? `shard ${names}` : `shards ${names}`;
    points.push(late(`Redis ${shards} ${answers} not answer: ${out.length === 1 ? 'its' : 'their'} posts come from the truth`));
  }
  if (live?.unassigned) points.push(late(`${some(live.unassigned, 'slot')} of Redis ${live.unassigned === 1 ? 'belongs' : 'belong'} to nobody: their posts come from the truth`));
  if (rebuild?.parts) points.push(late(`Redis lost writes in ${some(rebuild.parts, 'part')} of 256, and is told them again`));
  return points;
}

function delays({ journal, behind, answers }) {
  const points = [];
  if (journal?.age > WAITS_S) points.push(late(`The oldest change that is not delivered waits for ${span(journal.age)}`));
  if (behind?.seconds > BEHIND_S) points.push(late(`Search is behind by ${span(behind.seconds)}`));
  if (behind?.records > BEHIND_RECORDS) points.push(late(`Search has ${count(behind.records)} changes to learn`));
  const degraded = answers?.count ? answers.degraded / answers.count : 0;
  if (degraded > DEGRADED) points.push(late(`${percent(degraded)} of answers are degraded`));
  return points;
}

const ENGINES = {
  cassandra: ['Cassandra', 'likes fail, and whose reaction it is remains unknown'],
  redis: ['Redis', 'counts come from the truth, pages from the index'],
  kafka: ['Kafka', 'search and live events learn of changes late'],
  elastic: ['Elasticsearch', 'searches for words find titles only'],
};

function outages({ services, breakers, redis: live }) {
  const points = [];
  const down = services.filter(({ up }) => !up).map(({ name }) => name);
  if (down.length) points.push(late(`${list(down)} ${down.length === 1 ? 'does' : 'do'} not answer`));
  const stopping = services.filter(({ readiness }) => readiness?.stopping).map(({ name }) => name);
  if (stopping.length) points.push(note(`${list(stopping)} ${stopping.length === 1 ? 'is' : 'are'} stopping`));
  // What the servers of Redis say themselves is better told above.
  const lacking = [...lacks(services)].filter(([name]) => name !== 'redis' || !live);
  points.push(...lacking.map(([name, all]) => lack(name, all)), ...givenUp(breakers));
  return points;
}

/** Failed checks by name: `{service, status, why}` of each service. */
function lacks(services) {
  const by = new Map();
  for (const { name: service, readiness } of services) {
    for (const { name, status, why } of readiness?.checks ?? []) {
      if (status !== 'up') by.set(name, [...by.get(name) ?? [], { service, status, why }]);
    }
  }
  return by;
}

function lack(name, all) {
  const who = list(all.map(({ service }) => service));
  const say = all.some(({ status }) => status === 'down') ? bad : late;
  const [engine, effect] = ENGINES[name] ?? [];
  if (engine) return say(`${engine} is out for ${who}: ${effect}`);
  return say(`${who} ${all.length === 1 ? 'has' : 'have'} trouble with ${name}: ${all[0].why}`);
}

function givenUp(breakers) {
  const asked = breakers.filter(({ mended }) => !mended);
  if (!asked.length) return [];
  const who = [...new Set(asked.flatMap(({ services }) => services))];
  return [note(`${list(who)} ${who.length === 1 ? 'has' : 'have'} given up asking ${list(asked.map(({ node }) => node))} for now`)];
}

function reserves({ services, redis: live }) {
  if (!live) {
    const uses = services.some(({ readiness }) => readiness?.checks?.some(({ name }) => name === 'redis'));
    return uses ? [note('Nobody says how Redis is: no projector answers')] : [];
  }
  const points = [];
  for (const { master, replicas, served, alone } of live.shards) {
    if (served && alone) points.push(note(`Redis ${master.node} has no replica that answers: its death would cost its slots`));
    for (const replica of replicas) {
      if (!replica.up && !alone) points.push(note(`The replica ${replica.node} of Redis does not answer`));
      if (served && replica.linked === false) points.push(note(`The replica ${replica.node} of Redis has no connection to its master`));
    }
    const slow = replicas.filter(({ lag }) => lag > LAGS_S);
    points.push(...slow.map(({ node, lag }) => note(`The replica ${node} of Redis is ${span(lag)} behind its master`)));
    const { used = 0, limit = 0 } = master.memory ?? {};
    if (limit && used / limit > FULL) points.push(note(`Redis ${master.node} has ${percent(used / limit)} of its memory in use`));
  }
  const gone = live.others.filter(({ up }) => !up).map(({ node }) => node);
  if (gone.length) points.push(note(`Redis ${list(gone)} ${gone.length === 1 ? 'is' : 'are'} dead, and served by others`));
  return points;
}
