// One way to talk to the API: deadlines, a bounded retry budget, problem+json as errors.

const ATTEMPT_MS = 4000;
const RETRIES = 2;
const MAX_WAIT_MS = 2000;
const PASSING = new Set([502, 503, 504]);

/** A failed request, in the words of the server's problem document where there is one. */
export class Problem extends Error {
  /**
   * @param {{title: string, detail?: string, status?: number, type?: string}} problem
   *   `status` is 0 when no answer came, so the outcome is unknown.
   */
  constructor({ title, detail = '', status = 0, type = 'about:blank' }) {
    super(detail ? `${title}: ${detail}` : title);
    this.name = 'Problem';
    Object.assign(this, { title, detail, status, type });
  }

  /** True if the server may have applied the request although it did not say so. */
  get unsettled() {
    return this.status === 0 || PASSING.has(this.status);
  }
}

/**
 * Headers that say who is calling.
 * @throws {Problem} when `user` cannot travel in a header: names there are visible ASCII.
 */
export function identity({ user, token }) {
  if (token) return { authorization: `Bearer ${token}` };
  if (!user) return {};
  if (!/^[\x21-\x7e]{1,128}$/.test(user)) {
    throw new Problem({ title: 'This user name cannot be sent', detail: 'Use letters, digits and punctuation, no spaces.', status: 400 });
  }
  return { 'x-user-id': user };
}

/**
 * Sends a request that is safe to repeat and returns its JSON (null for an empty answer).
 * The very same request, with the same Idempotency-Key if it has one, is sent again after a
 * network error or a passing refusal, `retries` times at most.
 * @throws {Problem} for every failure except an abort through `signal`.
 */
export async function send(url, { method = 'GET', headers = {}, body, signal, retries = RETRIES } = {}) {
  const init = { method, headers: { accept: 'application/json', ...headers } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers['content-type'] = 'application/json';
  }
  for (let attempt = 0; ; attempt += 1) {
    const { answer, problem, retryAfter } = await once(url, init, signal);
    if (!problem) return answer;
    const wait = retryAfter ?? jitter(attempt);
    if (!problem.unsettled || attempt >= retries || wait > MAX_WAIT_MS) throw problem;
    await pause(wait, signal);
  }
}

async function once(url, init, signal) {
  const deadline = AbortSignal.timeout(ATTEMPT_MS);
  try {
    const response = await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, deadline]) : deadline });
    const text = await response.text();
    if (response.ok) return { answer: text ? JSON.parse(text) : null };
    return { problem: problemOf(response, text), retryAfter: retryAfterMs(response.headers.get('retry-after')) };
  } catch (error) {
    if (signal?.aborted) throw error;
    return { problem: new Problem(unanswered(error)) };
  }
}

function unanswered(error) {
  if (error.name === 'TimeoutError') return { title: 'The server did not answer in time' };
  if (error instanceof SyntaxError) return { title: 'The answer could not be read' };
  return { title: 'The server could not be reached' };
}

function problemOf(response, text) {
  const fallback = { title: response.statusText || `The server refused (${response.status})` };
  let document = {};
  if (response.headers.get('content-type')?.includes('json')) {
    try { document = JSON.parse(text) ?? {}; } catch { /* A broken document is told by its status. */ }
  }
  return new Problem({ ...fallback, ...document, status: response.status });
}

function retryAfterMs(value) {
  if (!value) return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

const jitter = (attempt) => (0.5 + Math.random()) * 200 * 2 ** attempt;

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
