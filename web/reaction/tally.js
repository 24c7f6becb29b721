/**
 * What a bar knows of one post: the counts that the server confirmed, and what the user wants
 * on top of them while that is under way. Pure state: no network, no DOM.
 *
 * While an operation is in flight, counts from elsewhere are held back: they may already hold
 * the operation, and adding the optimistic change to them would show it twice.
 */
export class Tally {
  #counts = {};
  #mine = null;
  #mineKnown = false;
  #version = -1;
  #intent; // undefined: nothing wanted beyond what is confirmed; null: no reaction
  #busy = false;
  #held = [];

  /** True once any counts are known. */
  get known() { return this.#version >= 0 || Object.keys(this.#counts).length > 0; }

  /** The kinds that the server counts. */
  get kinds() { return Object.keys(this.#counts); }

  /** The kind that the user has on the post when everything under way succeeds, or null. */
  get mine() { return this.#intent === undefined ? this.#mine : this.#intent; }

  /** True while an operation is in flight. */
  get busy() { return this.#busy; }

  /** What to show: `{counts, total, mine, version}`. */
  get view() {
    const counts = { ...this.#counts };
    const mine = this.mine;
    if (mine !== this.#mine) {
      if (this.#mine) counts[this.#mine] = Math.max(0, (counts[this.#mine] ?? 0) - 1);
      if (mine) counts[mine] = (counts[mine] ?? 0) + 1;
    }
    const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    return { counts, total, mine, version: this.#version };
  }

  /** The same confirmed counts, as another user sees them: whose reaction it was is forgotten. */
  forAnotherUser() {
    const other = new Tally();
    other.#take({ counts: this.#counts, version: this.#version });
    return other;
  }

  /** The user wants `kind` (null: none). The last intention wins. */
  intend(kind) { this.#intent = kind; }

  /**
   * The next operation to send, as `{kind}`, or undefined when what is wanted is confirmed.
   * Until `settle` or `fail`, what `absorb` is given is held back.
   */
  begin() {
    if (this.#intent === undefined) return undefined;
    if (this.#mineKnown && this.#intent === this.#mine) {
      this.#intent = undefined;
      return undefined;
    }
    this.#busy = true;
    return { kind: this.#intent };
  }

  /** The operation `sent` was acknowledged with `answer`. */
  settle(sent, answer) {
    this.#busy = false;
    this.#mine = answer.mine ?? null;
    this.#mineKnown = true;
    if (this.#intent === sent.kind) this.#intent = undefined;
    this.#take(answer);
    this.#release();
  }

  /**
   * The operation `sent` failed. Rolled back, unless the user has meanwhile asked for something
   * else. An `unsettled` one may have been applied: then the user's reaction is not known.
   * @returns {boolean} true if it was rolled back
   */
  fail(sent, unsettled) {
    this.#busy = false;
    const rolledBack = this.#intent === sent.kind;
    if (rolledBack) this.#intent = undefined;
    if (unsettled) this.#mineKnown = false;
    this.#release();
    return rolledBack;
  }

  /** Counts from a read or a live event. Older ones than those held are ignored. */
  absorb(answer) {
    if (this.#busy) {
      this.#held.push(answer);
      if (this.#held.length > 8) this.#held.shift();
      return;
    }
    const current = this.#take(answer);
    if ('mine' in answer && (current || !this.#mineKnown)) {
      this.#mine = answer.mine ?? null;
      this.#mineKnown = true;
    }
  }

  #take({ counts, version }) {
    if (version !== undefined && version < this.#version) return false;
    if (counts) this.#counts = { ...counts };
    if (version !== undefined) this.#version = version;
    return true;
  }

  #release() {
    for (const answer of this.#held.splice(0)) this.absorb(answer);
  }
}
