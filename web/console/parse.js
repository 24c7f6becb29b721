// Prometheus text, read.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED = { n: '\n', '"': '"', '\\': '\\' };

/**
 * The families of a text: name → samples, each `{labels, value}`. A line that makes no sense, a comment and
 * what is no number count for nothing: half a figure must not hide the others.
 */
export function parse(text) {
  const families = new Map();
  for (const line of text.split('\n')) {
    const [, name, labels = '', number] = LINE.exec(line) ?? [];
    const value = numberOf(number);
    if (!name || Number.isNaN(value)) continue;
    if (!families.has(name)) families.set(name, []);
    families.get(name).push({ labels: labelsOf(labels), value });
  }
  return families;
}

function numberOf(text) {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text ?? NaN);
}

function labelsOf(text) {
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value]) => [name, unescape(value)]));
}

const unescape = (text) => text.replace(/\\(.)/g, (all, letter) => ESCAPED[letter] ?? all);
