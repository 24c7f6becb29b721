// Asks for the figures, again and again while somebody looks.

const EVERY_MS = 2000;
const PATIENCE_MS = 5000;
const LONGEST_MS = 10_000;
/** A rate takes two answers, and the first should not be waited for; a younger answer would be the same one. */
const SOON_MS = 1100;

/**
 * Asks `url` every two seconds, and less often while nobody answers; not at all while the page is hidden. Events:
 * `answer` (detail: the JSON), `lost` (detail: why).
 */
export class Contact extends EventTarget {
  #url;
  #timer;
  #failures = 0;
  #answers = 0;
  #asking = false;

  constructor(url) {
    super();
    this.#url = url;
  }

  start() {
    document.addEventListener('visibilitychange', () => this.#now());
    addEventListener('online', () => this.#now());
    this.#now();
  }

  #now() {
    clearTimeout(this.#timer);
    if (!document.hidden && !this.#asking) this.#ask();
  }

  async #ask() {
    this.#asking = true;
    try {
      const answer = await this.#answer();
      this.#failures = 0;
      this.#answers += 1;
      this.dispatchEvent(new CustomEvent('answer', { detail: answer }));
    } catch (error) {
      this.#failures += 1;
      this.dispatchEvent(new CustomEvent('lost', { detail: why(error) }));
    } finally {
      this.#asking = false;
      if (!document.hidden) this.#timer = setTimeout(() => this.#now(), this.#pause());
    }
  }

  async #answer() {
    const response = await fetch(this.#url, { signal: AbortSignal.timeout(PATIENCE_MS), headers: { accept: 'application/json' } });
    if (!response.ok) throw new Error(`the server refused (${response.status})`);
    const answer = await response.json();
    if (!Array.isArray(answer?.services)) throw new SyntaxError('no figures');
    return answer;
  }

  #pause() {
    if (this.#answers === 1 && !this.#failures) return SOON_MS;
    return Math.min(EVERY_MS * 2 ** Math.max(0, this.#failures - 1), LONGEST_MS);
  }
}

function why(error) {
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error instanceof TypeError) return 'the server cannot be reached';
  return error instanceof SyntaxError ? 'the answer cannot be read' : error.message;
}
