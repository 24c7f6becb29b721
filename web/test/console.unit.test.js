// What the console makes of figures: read, compared, and said in a sentence.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grown, quantile, read } from '../console/figures.js';
import { parse } from '../console/parse.js';
import { redis } from '../console/redis.js';
import { verdict } from '../console/verdict.js';
import { Watch } from '../console/watch.js';
import { bytes, list, percent, rate, span } from '../console/words.js';
import { AT, dead, dying, lines, redisLines, replaced, service, suite } from './support/figures.js';

/** What is known after these answers. */
function seen(...answers) {
  const watch = new Watch();
  return answers.map((answer) => watch.see(answer)).at(-1);
}

const said = (...answers) => verdict(seen(...answers));
const one = (name, metrics, at = AT) => ({ at, services: [service(name, metrics)] });

test('a line of Prometheus is a name, labels and a number', () => {
  const families = parse('# HELP a b\na{x="1",y="a \\"b\\", {c}\\n\\\\"} 2.5\na 3e2 1700000000\nb +Inf\n');
  assert.deepEqual(families.get('a'), [{ labels: { x: '1', y: 'a "b", {c}\n\\' }, value: 2.5 }, { labels: {}, value: 300 }]);
  assert.equal(families.get('b')[0].value, Infinity);
});

test('a line that makes no sense counts for nothing, and hides no other', () => {
  const families = parse('\n}{ 1\nname\nname NaN\nname{ 1\n1name 2\ngood 1\n<html>\n');
  assert.deepEqual([...families.keys()], ['good']);
});

test('a counter of a service that was started anew counts from nothing', () => {
  const [before, now] = [read(one('a', 'n{k="x"} 100\nn{k="y"} 5\n')), read(one('a', 'n{k="x"} 7\nn{k="y"} 6\nn{k="z"} 2\n'))];
  assert.deepEqual(grown(now, before, 'n').map(({ value }) => value), [7, 1, 2]);
});

test('a service that was not seen before says nothing of how much it grew', () => {
  const before = read({ at: AT, services: [dead('a')] });
  assert.deepEqual(grown(read(one('a', 'n 100\n')), before, 'n'), []);
});

test('a quantile lies where Prometheus puts it', () => {
  const buckets = [['1', 50], ['2', 100], ['+Inf', 100]].map(([le, value]) => ({ labels: { le }, value }));
  assert.equal(quantile(0.75, buckets), 1.5);
  assert.equal(quantile(0.99, [{ labels: { le: '1' }, value: 0 }, { labels: { le: '+Inf' }, value: 9 }]), 1);
  assert.equal(quantile(0.99, []), null);
});

test('a suite that is well is said to be', () => {
  assert.deepEqual(said(suite(0), suite(10)), { tone: 'well', headline: 'Counts are right and fresh', points: [] });
});

test('a dead master is said with what becomes of its posts, and what follows after it', () => {
  const { tone, headline, points } = said(suite(0), dying(10));
  assert.equal(tone, 'late');
  assert.equal(headline, 'Redis shard 127.0.0.1:7000 does not answer: its posts come from the truth');
  assert.deepEqual(points.map(({ text }) => text), [
    '32 % of answers are degraded',
    'reaction-write-1:8080, reaction-write-2:8080 and search-1:8080 have given up asking 127.0.0.1:7000 for now',
  ]);
});

test('after a failover counts are right, and what is not as it was is noted', () => {
  const { tone, headline, points } = said(replaced(0), replaced(10));
  assert.deepEqual([tone, headline], ['note', 'Counts are right and fresh']);
  assert.deepEqual(points.map(({ text }) => text), [
    'Redis 127.0.0.1:7003 has no replica that answers: its death would cost its slots',
    'Redis 127.0.0.1:7000 is dead, and served by others',
  ]);
});

test('all of Redis gone is one sentence', () => {
  const gone = redisLines().replaceAll(/^(redis_up.*) 1$/gm, '$1 0');
  const { headline } = said(suite(0), suite(10, { redis: gone }));
  assert.equal(headline, 'Redis does not answer (127.0.0.1:7000, 127.0.0.1:7001 and 127.0.0.1:7002): counts come from the truth, pages from the index');
});

test('an engine that is out is said with who lacks it and what that means', () => {
  const answer = suite(10, { checks: { elastic: 'refused' } });
  answer.services = answer.services.slice(2);
  const known = said({ ...suite(0), services: answer.services }, answer);
  assert.deepEqual([known.tone, known.headline], ['late', 'Elasticsearch is out for search-1:8080, projector-1:8080 and projector-2:8080: searches for words find titles only']);
  answer.services[0].readiness = { readiness: 'not_ready', stopping: false, checks: [{ name: 'cassandra', status: 'down', why: 'no answer in time' }] };
  const worse = said({ ...answer, at: AT });
  assert.deepEqual([worse.tone, worse.headline], ['bad', 'Cassandra is out for search-1:8080: likes fail, and whose reaction it is remains unknown']);
});

test('what was passed over is told by question, with all reasons', () => {
  const at = (n) => suite(n, { passed: n ? lines('kudos_fallbacks_total', { chain: 'redis', source: 'hash', reason: 'open' }, 90, { chain: 'counts', source: 'live', reason: 'open' }, 20, { chain: 'counts', source: 'live', reason: 'timeout' }, 10) : '' });
  assert.deepEqual(seen(at(0), at(10)).passed, [
    { chain: 'counts', source: 'live', reasons: ['open', 'timeout'], perSecond: 3 },
    { chain: 'redis', source: 'hash', reasons: ['open'], perSecond: 9 },
  ]);
});

test('likes that fail are worse than all else', () => {
  const { tone, headline } = said(suite(0), suite(10, { failed: 50, redis: redisLines({ without: '127.0.0.1:7001' }) }));
  assert.deepEqual([tone, headline], ['bad', '25 % of likes fail: the truth is too slow']);
});

test('a wrong copy is told for ten minutes, and no longer', () => {
  const found = { drift: lines('kudos_drift_total', { copy: 'live', kind: 'behind', repaired: 'true' }, 2) };
  const watch = new Watch();
  const headline = (answer) => verdict(watch.see(answer)).headline;
  headline(suite(0));
  assert.equal(headline(suite(2, found)), '4 wrong copies found and mended in the last minutes (live)');
  assert.equal(headline(suite(500, found)), '4 wrong copies found and mended in the last minutes (live)');
  assert.equal(headline(suite(700, found)), 'Counts are right and fresh');
});

test('a wrong copy that was not mended is bad', () => {
  const found = { drift: lines('kudos_drift_total', { copy: 'elastic', kind: 'ahead', repaired: 'false' }, 1) };
  const { tone, headline } = said(suite(0), suite(2, { ...found }));
  assert.deepEqual([tone, headline], ['bad', '2 wrong copies found and not mended (elastic)']);
});

test('what waits, and what is told again, is said', () => {
  const { headline, points } = said(suite(0), suite(10, { lost: 84, journal: [3, 200] }));
  assert.equal(headline, 'Redis lost writes in 84 parts of 256, and is told them again');
  assert.deepEqual(points.map(({ text }) => text), ['The oldest change that is not delivered waits for 3 min']);
});

test('a service that does not answer is said, and nobody who answers is no good news', () => {
  assert.equal(said(suite(0), suite(10, { down: ['projector-2:8080'] })).headline, 'projector-2:8080 does not answer');
  const all = suite(10).services.map(({ name }) => dead(name));
  assert.deepEqual(said({ at: AT, services: all }), { tone: 'unknown', headline: 'Nothing is known: no service answers', points: [] });
});

test('a service is called by what it is, also once it is dead', () => {
  const kind = lines('target_info', { service_name: 'projector' }, 1);
  const answers = [{ at: AT, services: [service('10.0.0.1:8080', kind), service('projector-2', kind)] }, { at: AT + 2000, services: [dead('10.0.0.1:8080'), service('projector-2', kind)] }];
  assert.equal(said(...answers).headline, 'projector 10.0.0.1:8080 does not answer');
  assert.deepEqual(seen(...answers).services.map(({ name }) => name), ['projector 10.0.0.1:8080', 'projector-2']);
});

test('one machine has no journal, no auditor and no Redis, and that is well', () => {
  const alone = { at: AT, services: [{ ...service('kudos', ''), readiness: { readiness: 'ready', stopping: false, checks: [{ name: 'store', status: 'up' }] } }] };
  const known = seen(alone, { ...alone, at: AT + 2000 });
  assert.deepEqual([known.redis, known.journal, known.copies, known.behind, known.rebuild], [null, null, null, null, null]);
  assert.equal(verdict(known).headline, 'Counts are right and fresh');
  alone.services[0].readiness = { readiness: 'degraded', stopping: false, checks: [{ name: 'store', status: 'degraded', why: 'too little disk space: reads only' }] };
  assert.equal(said(alone).headline, 'kudos has trouble with store: too little disk space: reads only');
});

test('rates are of the time between answers, and an answer that comes twice changes nothing', () => {
  const watch = new Watch();
  assert.equal(watch.see(suite(0)).answers, null);
  const known = watch.see(suite(2));
  assert.deepEqual(known.answers.by.map(({ question, perSecond }) => [question, perSecond]), [['counts', 80], ['search', 40]]);
  assert.equal(watch.see(suite(2)), known);
  assert.equal(watch.see(suite(1)), known, 'an older answer of another instance');
  assert.equal(watch.see(suite(-60)).answers, null, 'a clock that was set back begins anew');
});

test('the projector that saw last what died is believed', () => {
  const [early, late] = [redisLines(), redisLines({ without: '127.0.0.1:7002' })];
  for (const order of [[early, late], [late, early]]) {
    const snapshot = read({ at: AT, services: order.map((text, i) => service(`projector-${i}`, text)) });
    assert.equal(redis(snapshot).served, 16_384 - 5_461);
  }
});

test('a replica stands beside its master, and who serves no slots stands apart', () => {
  const live = redis(read(one('p', redisLines({ without: '127.0.0.1:7000', taken: true }))));
  assert.deepEqual(live.shards.map(({ master, replicas }) => [master.node, ...replicas.map(({ node }) => node)]),
    [['127.0.0.1:7003'], ['127.0.0.1:7001', '127.0.0.1:7004'], ['127.0.0.1:7002', '127.0.0.1:7005']]);
  assert.deepEqual(live.others.map(({ node, up }) => [node, up]), [['127.0.0.1:7000', false]]);
  assert.equal(live.served, 16_384);
});

test('a replica that is behind is noted, and one that confirms every second is not', () => {
  assert.deepEqual(said(suite(0), suite(10, { redis: redisLines({ lag: 1 }) })).points, []);
  const { headline, points } = said(suite(0), suite(10, { redis: redisLines({ lag: 12 }) }));
  assert.equal(headline, 'Counts are right and fresh');
  assert.equal(points[0].text, 'The replica 127.0.0.1:7003 of Redis is 12 s behind its master');
});

test('what mends a copy is no node', () => {
  const open = { breakers: lines('kudos_breaker_open', { node: 'mending live' }, 1) };
  const known = seen(suite(0), suite(10, open));
  assert.equal(known.breakers[0].mended, 'live');
  assert.deepEqual(verdict(known).points, []);
});

test('a single server of Redis has no slots', () => {
  const live = redis(read(one('p', lines('redis_up', { node: 'r:6379', instance_role: 'master' }, 1))));
  assert.deepEqual([live.inCluster, live.shards.length, live.unassigned], [false, 1, 0]);
});

test('numbers are said as people say them', () => {
  assert.deepEqual([percent(0), percent(0.0004), percent(0.314), percent(1)], ['0 %', '0.04 %', '31 %', '100 %']);
  assert.deepEqual([rate(0), rate(0.25), rate(1234.5)], ['0/s', '0.25/s', '1,235/s']);
  assert.deepEqual([span(0), span(0.123), span(42.4), span(200), span(90_000)], ['0 s', '0.12 s', '42 s', '3 min', '25 h']);
  assert.deepEqual([bytes(0), bytes(27e6), bytes(201_326_592)], ['0 B', '26 MiB', '190 MiB']);
  assert.deepEqual([list(['a']), list(['a', 'b']), list(['a', 'b', 'c', 'd', 'e'])], ['a', 'a and b', 'a, b, c and 2 more']);
});
