// What the figures say of Redis: its shards, and who serves which slots.

import { most, samples } from './figures.js';

export const SLOTS = 16_384;

/** How the servers are, or null: nobody watches any. */
export function redis(snapshot) {
  const view = bestView(snapshot);
  if (!view) return null;
  const nodes = nodesOf(view);
  const inCluster = nodes.some(({ slots }) => slots !== undefined);
  const masters = nodes.filter((node) => inCluster ? node.slots > 0 : node.role === 'master');
  masters.sort((one, other) => (one.first ?? 0) - (other.first ?? 0));
  const shards = masters.map((master) => shard(master, nodes));
  const placed = new Set(shards.flatMap(({ master, replicas }) => [master, ...replicas]));
  return { inCluster, shards, others: nodes.filter((node) => !placed.has(node)), ...slotsOf(view, shards) };
}

/**
 * Every projector shows all servers, each as of its own last round. The one that knows of most that are down saw
 * last what happened; of equal ones, the one that knows most.
 */
function bestView(snapshot) {
  const views = snapshot.services.filter(({ families }) => families.has('redis_up')).map((service) => {
    const all = service.families.get('redis_up');
    return { service, down: all.filter(({ value }) => value === 0).length, known: all.length };
  });
  views.sort((one, other) => other.down - one.down || other.known - one.known);
  return views[0] && { at: snapshot.at, services: [views[0].service] };
}

function nodesOf(view) {
  const of = (name) => new Map(samples(view, name).map(({ labels, value }) => [labels.node, value]));
  const [slots, first, last, failed] = ['slots', 'first_slot', 'last_slot', 'failed'].map((what) => of(`redis_cluster_node_${what}`));
  const [used, limit, link] = ['redis_memory_used_bytes', 'redis_memory_max_bytes', 'redis_master_link_up'].map(of);
  // As its master sees it: what a replica says of itself is about silence, and a quiet master is silent too.
  const lags = samples(view, 'redis_connected_slave_lag_seconds');
  const lag = new Map(lags.map(({ labels: { slave_ip: ip, slave_port: port }, value }) => [`${ip}:${port}`, value]));
  const follows = new Map(samples(view, 'redis_cluster_node_follows').map(({ labels }) => [labels.node, labels.master]));
  return samples(view, 'redis_up').map(({ labels: { node, instance_role: role }, value }) => ({
    node,
    role,
    up: value === 1,
    failed: failed.get(node) === 1,
    slots: slots.get(node),
    first: first.get(node),
    last: last.get(node),
    master: follows.get(node),
    memory: used.has(node) ? { used: used.get(node), limit: limit.get(node) || 0 } : null,
    linked: link.has(node) ? link.get(node) === 1 : null,
    lag: lag.get(node) ?? null,
  })).sort((one, other) => one.node.localeCompare(other.node, 'en', { numeric: true }));
}

function shard(master, nodes) {
  const replicas = nodes.filter((node) => node.role === 'slave' && node.master === master.node);
  const alive = replicas.filter(({ up }) => up);
  return { master, replicas, served: master.up && !master.failed, alone: master.slots !== undefined && alive.length === 0 };
}

/** How many slots are served, in doubt, and assigned to nobody. */
function slotsOf(view, shards) {
  const assigned = samples(view, 'redis_cluster_slots_assigned');
  return {
    served: shards.filter(({ served }) => served).reduce((sum, { master }) => sum + (master.slots ?? 0), 0),
    unassigned: assigned.length ? SLOTS - most(assigned) : 0,
  };
}
