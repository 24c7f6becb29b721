// Answers of /console/figures as a suite gives them: five services over six Redis servers, well or in trouble.

const MASTERS = [['127.0.0.1:7000', 0, 5460], ['127.0.0.1:7001', 5461, 10_922], ['127.0.0.1:7002', 10_923, 16_383]];
const REPLICA_OF = { '127.0.0.1:7000': '127.0.0.1:7003', '127.0.0.1:7001': '127.0.0.1:7004', '127.0.0.1:7002': '127.0.0.1:7005' };
const SERVICES = ['reaction-write-1:8080', 'reaction-write-2:8080', 'search-1:8080', 'projector-1:8080', 'projector-2:8080'];
export const AT = 1_764_547_200_000;

const line = (name, labels, value) => {
  const said = Object.entries(labels).map(([label, text]) => `${label}="${text}"`).join(',');
  return `${name}${said ? `{${said}}` : ''} ${value}\n`;
};

/** Lines of a metric: `lines('kudos_x', {a: 1}, 2)`, several pairs after one another. */
export function lines(name, ...pairs) {
  let text = '';
  for (let i = 0; i < pairs.length; i += 2) text += line(name, pairs[i], pairs[i + 1]);
  return text;
}

/** A service that answers; `metrics` is Prometheus text. */
export function service(name, metrics = '', checks = {}) {
  const all = ['cassandra', 'redis', 'kafka', 'elastic'].map((engine) => (checks[engine] ? { name: engine, status: 'degraded', why: checks[engine] } : { name: engine, status: 'up' }));
  const readiness = Object.keys(checks).length ? 'degraded' : 'ready';
  return { name, up: true, readiness: { readiness, stopping: false, checks: all }, metrics };
}

export const dead = (name) => ({ name, up: false, error: 'cannot be reached', readiness: null, metrics: '' });

/**
 * What a projector says of Redis. `without` is dead: its slots are nobody's (`taken: false`), or its replica's
 * (`taken: true`). Replicas are `lag` seconds behind.
 */
export function redisLines({ without, taken = false, lag = 0 } = {}) {
  let text = '';
  const up = (node, role) => {
    const lives = node !== without;
    text += lines('redis_up', { instance_role: role, node }, lives ? 1 : 0);
    text += lines('redis_cluster_node_failed', { node }, lives || !taken ? 0 : 1);
    if (!lives) return;
    text += lines('redis_memory_used_bytes', { node }, 27e6) + lines('redis_memory_max_bytes', { node }, 201_326_592);
    text += lines('redis_cluster_slots_assigned', { node }, 16_384);
    if (role === 'slave') text += lines('redis_master_link_up', { node, master_host: 'h', master_port: '1' }, 1);
  };
  const slots = (node, first, last) => {
    text += lines('redis_cluster_node_slots', { node }, last - first + 1);
    text += lines('redis_cluster_node_first_slot', { node }, first) + lines('redis_cluster_node_last_slot', { node }, last);
  };
  for (const [master, first, last] of MASTERS) {
    const replica = REPLICA_OF[master];
    const promoted = master === without && taken;
    up(master, 'master');
    up(replica, promoted ? 'master' : 'slave');
    slots(promoted ? replica : master, first, last);
    text += lines('redis_cluster_node_slots', { node: promoted ? master : replica }, 0);
    if (!promoted && master !== without) text += lines('redis_connected_slave_lag_seconds', { node: master, slave_ip: '127.0.0.1', slave_port: replica.split(':')[1], slave_state: 'online' }, lag);
    if (!promoted) text += lines('redis_cluster_node_follows', { node: replica, master }, 1);
  }
  return text;
}

/** The suite `seconds` after AT, all well, under load; with `change` it is not. */
export function suite(seconds, change = {}) {
  const { redis = redisLines(), live = 40, index = 0, truth = 0, breakers = '', passed = '', journal = [0, 0], lost = 0, drift = '', failed = 0, rebuilt, checks = {}, down = [] } = change;
  const n = (perSecond) => 1000 + Math.round(perSecond * seconds);
  const answers = lines('kudos_answers_total',
    { asked: 'search', degraded: 'false', source: 'live' }, n(live), { asked: 'search', degraded: 'true', source: 'index' }, n(index),
    { asked: 'counts', degraded: 'false', source: 'live' }, n(live * 2), { asked: 'counts', degraded: 'true', source: 'truth' }, n(truth));
  const likes = lines('kudos_reactions_total', { outcome: 'changed' }, n(150), { outcome: 'timeout' }, n(failed));
  const buckets = [[0.5, 1], [1, 1], [2.5, 1], ['+Inf', 1]].flatMap(([le, share]) => [{ projection: 'elastic', le }, n(20 * share)]);
  const projector = redis + drift + lines('kudos_audited_posts_total', {}, n(500)) + lines('kudos_feed_lag', { partition: 0 }, 3)
    + lines('kudos_projection_lag_seconds_bucket', ...buckets) + lines('kudos_lost_parts', {}, 0);
  const leads = lines('kudos_journal_due', {}, journal[0]) + lines('kudos_journal_age_seconds', {}, journal[1]) + lines('kudos_lost_parts', {}, lost)
    + (rebuilt ? lines('kudos_last_rebuild_posts', {}, rebuilt.posts) + lines('kudos_last_rebuild_timestamp_seconds', {}, rebuilt.at / 1000) : '');
  const texts = [likes + breakers, likes + breakers, answers + passed + breakers, projector + leads, projector];
  return {
    at: AT + seconds * 1000,
    services: SERVICES.map((name, place) => (down.includes(name) ? dead(name) : service(name, texts[place], checks))),
  };
}

/** A master has just died: its slots are nobody's yet. */
export const dying = (seconds) => suite(seconds, {
  redis: redisLines({ without: '127.0.0.1:7000' }), live: 26, index: 14, truth: 22, journal: [2, 4],
  breakers: lines('kudos_breaker_open', { node: '127.0.0.1:7000' }, 1, { node: '127.0.0.1:7001' }, 0),
  passed: lines('kudos_fallbacks_total', { chain: 'search', source: 'live', reason: 'timeout' }, Math.round(6 * seconds), { chain: 'search', source: 'live', reason: 'open' }, 8 * seconds, { chain: 'counts', source: 'live', reason: 'open' }, 22 * seconds),
  checks: { redis: '127.0.0.1:7000 does not answer' },
});

/** Its replica has taken over, and was told what it lacked. */
export const replaced = (seconds) => suite(seconds, {
  redis: redisLines({ without: '127.0.0.1:7000', taken: true }), rebuilt: { posts: 38, at: AT + seconds * 1000 - 12_000 },
});
