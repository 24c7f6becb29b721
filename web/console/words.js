// Numbers and times as people say them.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });

export const count = (n) => whole.format(n);
export const some = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** A share, where little is not nothing. */
export function percent(share) {
  if (share === 0) return '0 %';
  const percents = share * 100;
  return percents < 1 ? `${short.format(Math.max(percents, 0.01))} %` : `${whole.format(percents)} %`;
}

/** How often a second. */
export function rate(perSecond, what = '') {
  const n = perSecond > 0 && perSecond < 10 ? short.format(perSecond) : count(perSecond);
  return what ? `${n} ${what}/s` : `${n}/s`;
}

/** How long: "0.2 s", "42 s", "3 min". */
export function span(seconds) {
  if (seconds < 0.001) return '0 s';
  if (seconds < 10) return `${short.format(seconds)} s`;
  if (seconds < 90) return `${whole.format(seconds)} s`;
  if (seconds < 5400) return `${whole.format(seconds / 60)} min`;
  return seconds < 172_800 ? `${whole.format(seconds / 3600)} h` : `${whole.format(seconds / 86_400)} days`;
}

/** How old, in whole seconds. */
export const age = (ms) => span(Math.max(0, Math.round(ms / 1000)));

export function bytes(n) {
  const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = Math.min(unit.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(n, 1)) / 10)));
  return `${short.format(n / 2 ** (10 * step))} ${unit[step]}`;
}

export function list(names, most = 3) {
  const shown = names.slice(0, most);
  const rest = names.length - shown.length;
  if (rest) return `${shown.join(', ')} and ${count(rest)} more`;
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}` : shown[0] ?? '';
}
