// The figures of all services at one moment, and what has grown between two.

import { parse } from './parse.js';

/** An answer of `console/figures`, with its texts read. */
export function read({ at, services }) {
  return { at, services: services.map(({ metrics, ...service }) => ({ ...service, families: parse(metrics ?? '') })) };
}

/** Every sample of a metric, with the service that shows it. */
export function samples(snapshot, name) {
  return snapshot.services.flatMap((service) =>
    (service.families.get(name) ?? []).map((sample) => ({ ...sample, service: service.name })));
}

export const has = (snapshot, name) => snapshot.services.some(({ families }) => families.has(name));
export const total = (all) => all.reduce((sum, { value }) => sum + value, 0);
export const most = (all) => all.reduce((largest, { value }) => Math.max(largest, value), 0);

/**
 * By how much each sample of a counter has grown since `before`. A service that was not seen then says nothing
 * yet. One that was started anew counts from nothing, and a sample that is new had been nothing.
 */
export function grown(now, before, name) {
  const known = new Set(before.services.filter(({ families }) => families.size).map((service) => service.name));
  const then = new Map(samples(before, name).map((sample) => [key(sample), sample.value]));
  return samples(now, name).filter(({ service }) => known.has(service)).map((sample) => {
    const was = then.get(key(sample)) ?? 0;
    return { ...sample, value: sample.value < was ? sample.value : sample.value - was };
  });
}

const key = ({ service, labels }) => JSON.stringify([service, ...Object.entries(labels).sort()]);

/** Sums by what `of` says of a sample, the largest first. */
export function sums(all, of) {
  const by = new Map();
  for (const sample of all) by.set(of(sample), (by.get(of(sample)) ?? 0) + sample.value);
  return [...by].sort(([, one], [, other]) => other - one);
}

/**
 * The value below which the share `q` of what a histogram has counted lies, as Prometheus estimates it; null if it
 * counted nothing. `buckets` are samples of `…_bucket`.
 */
export function quantile(q, buckets) {
  const by = sums(buckets, ({ labels }) => labels.le === '+Inf' ? Infinity : Number(labels.le)).sort(([a], [b]) => a - b);
  const all = by.at(-1)?.[1] ?? 0;
  if (!(all > 0)) return null;
  const place = by.findIndex(([, count]) => count >= q * all);
  const [low, below] = by[place - 1] ?? [0, 0];
  const [high, count] = by[place];
  if (!Number.isFinite(high)) return low;
  return low + (high - low) * ((q * all - below) / (count - below || 1));
}
