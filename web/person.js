// Who you are on the demo page: a name of your own choosing, kept in this browser.

const KEY = 'kudos-user';
const MANNERS = ['calm', 'bright', 'brisk', 'gentle', 'keen', 'merry', 'quiet', 'steady', 'swift', 'warm'];
const ANIMALS = ['badger', 'crane', 'dolphin', 'finch', 'heron', 'lynx', 'marten', 'otter', 'raven', 'wren'];

/** Names that may be chosen, as the pattern of the form's field. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$/;

/** The current name; at the first visit a demo name is made up. */
export function current() {
  const kept = read();
  if (kept && NAME.test(kept)) return kept;
  const pick = (words) => words[Math.floor(Math.random() * words.length)];
  const name = `${pick(MANNERS)}-${pick(ANIMALS)}-${Math.floor(Math.random() * 900) + 100}`;
  become(name);
  return name;
}

/** Keeps another name. */
export function become(name) {
  try { localStorage.setItem(KEY, name); } catch { /* Storage may be forbidden: the name lasts as long as the page. */ }
}

function read() {
  try { return localStorage.getItem(KEY); } catch { return null; }
}
