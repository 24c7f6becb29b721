// What the console knows, from the figures of now and of a few seconds ago.

import { grown, has, most, quantile, read, samples, sums, total } from './figures.js';
import { redis } from './redis.js';

/** Moments that are remembered: rates are of the time between the first and the last. */
const MOMENTS = 6;
/** For how long what the auditor found is told. */
const DRIFT_MS = 600_000;
/** By how much the clocks of several instances may differ. */
const SKEW_MS = 10_000;
const FAILED = new Set(['unavailable', 'timeout', 'busy', 'no_space', 'corrupt']);

/** Remembers the last moments, and says after each what is known. */
export class Watch {
  #moments = [];
  #drift = [];
  #titles = new Map();
  #known = null;

  /** Takes an answer of `console/figures`. One that was given before changes nothing. */
  see(answer) {
    const now = this.#titled(read(answer));
    const last = this.#moments.at(-1);
    const back = last ? last.at - now.at : -1;
    // Another instance of search answered, whose clock is a little behind.
    if (back >= 0 && back < SKEW_MS) return this.#known;
    // A clock that was set back: rates of before mean nothing.
    if (back > 0) this.#moments = [];
    this.#audit(now);
    this.#moments = [...this.#moments, now].slice(-MOMENTS);
    const before = this.#moments.length > 1 ? this.#moments[0] : null;
    this.#known = look(now, before, this.#drift);
    return this.#known;
  }

  /** Where an address says nothing, a service is called by what it is; a dead one, by what it was. */
  #titled(snapshot) {
    const services = snapshot.services.map((service) => {
      const kind = service.families.get('target_info')?.[0].labels.service_name;
      if (kind) this.#titles.set(service.name, service.name.startsWith(kind) ? service.name : `${kind} ${service.name}`);
      return { ...service, name: this.#titles.get(service.name) ?? service.name };
    });
    return { ...snapshot, services };
  }

  #audit(now) {
    const last = this.#moments.at(-1);
    const found = last ? grown(now, last, 'kudos_drift_total').filter(({ value }) => value > 0) : [];
    const isRecent = ({ at }) => now.at - at < DRIFT_MS;
    this.#drift = [...this.#drift, ...found.map((drift) => ({ ...drift, at: now.at }))].filter(isRecent).slice(-100);
  }
}

/** What the figures say. What rests on rates is null until there is a `before`. */
export function look(now, before, drift = []) {
  const span = before ? (now.at - before.at) / 1000 : null;
  const rates = (name) => before ? grown(now, before, name) : [];
  return {
    at: now.at,
    span,
    services: now.services.map(({ families, ...service }) => service),
    copies: copies(now, drift),
    journal: has(now, 'kudos_journal_due') ? {
      due: most(samples(now, 'kudos_journal_due')),
      age: most(samples(now, 'kudos_journal_age_seconds')),
    } : null,
    behind: behind(now, rates),
    answers: span && answers(rates('kudos_answers_total'), span),
    passed: span && passed(rates('kudos_fallbacks_total'), span),
    likes: span && likes(rates('kudos_reactions_total'), span),
    rebuild: rebuild(now),
    redis: redis(now),
    breakers: breakers(now),
  };
}

/** What the auditor found since the projectors were started, and in the last minutes. */
function copies(now, drift) {
  if (!has(now, 'kudos_audited_posts_total')) return null;
  const isOpen = ({ labels }) => labels.repaired !== 'true';
  const all = samples(now, 'kudos_drift_total');
  return {
    found: total(all),
    unmended: total(all.filter(isOpen)),
    audited: total(samples(now, 'kudos_audited_posts_total')),
    lately: total(drift),
    open: total(drift.filter(isOpen)),
    of: sums(drift, ({ labels }) => labels.copy).map(([copy]) => copy),
  };
}

function behind(now, rates) {
  if (!has(now, 'kudos_feed_lag') && !has(now, 'kudos_projection_lag_seconds_bucket')) return null;
  const seconds = quantile(0.99, rates('kudos_projection_lag_seconds_bucket'));
  return { seconds, records: total(samples(now, 'kudos_feed_lag')) };
}

function answers(all, span) {
  const asked = sums(all, ({ labels }) => labels.asked).sort(([one], [other]) => one.localeCompare(other));
  return {
    count: total(all),
    degraded: total(all.filter(({ labels }) => labels.degraded === 'true')),
    by: asked.filter(([, count]) => count > 0).map(([question, count]) => {
      const of = all.filter(({ labels, value }) => labels.asked === question && value > 0);
      return { question, perSecond: count / span, sources: sums(of, ({ labels }) => labels.source).map(([source, n]) => ({ source, share: n / count })) };
    }),
  };
}

/** Sources that were passed over, by what was asked; what the clients of Redis ask one another comes last. */
function passed(all, span) {
  const isOf = (chain, source) => ({ labels }) => labels.chain === chain && labels.source === source;
  const of = ({ labels: { chain, source } }) => JSON.stringify([chain, source]);
  const found = sums(all.filter(({ value }) => value > 0), of).map(([labels, count]) => {
    const [chain, source] = JSON.parse(labels);
    const reasons = sums(all.filter(({ value }) => value > 0).filter(isOf(chain, source)), ({ labels: { reason } }) => reason).map(([reason]) => reason);
    return { chain, source, reasons, perSecond: count / span };
  });
  return found.sort((one, other) => (one.chain === 'redis') - (other.chain === 'redis'));
}

function likes(all, span) {
  const failed = all.filter(({ labels, value }) => FAILED.has(labels.outcome) && value > 0);
  return { count: total(all), perSecond: total(all) / span, failed: total(failed), why: sums(failed, ({ labels }) => labels.outcome).map(([outcome]) => outcome) };
}

/** What Redis lost and was told again; the last one of all projectors. */
function rebuild(now) {
  if (!has(now, 'kudos_lost_parts')) return null;
  const [last] = samples(now, 'kudos_last_rebuild_timestamp_seconds').sort((one, other) => other.value - one.value);
  const posts = last && samples(now, 'kudos_last_rebuild_posts').find(({ service }) => service === last.service);
  return { parts: most(samples(now, 'kudos_lost_parts')), last: last ? { posts: posts?.value ?? 0, at: last.value * 1000 } : null };
}

/** Nodes that somebody has given up asking, or copies that nobody mends for now, and who. */
function breakers(now) {
  const by = new Map();
  for (const { labels, service, value } of samples(now, 'kudos_breaker_open')) {
    if (value === 1) by.set(labels.node, [...by.get(labels.node) ?? [], service]);
  }
  const all = [...by].map(([node, services]) => ({ node, mended: /^mending (.+)$/.exec(node)?.[1], services }));
  return all.sort((one, other) => one.node.localeCompare(other.node, 'en', { numeric: true }));
}
