import { age } from './format.js';

const SOURCES = { truth: 'the source of truth', live: 'live counts', index: 'the search index', time: 'time order' };
const CONNECTION = { idle: 'Idle', connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting' };

/** Says how fresh what the page shows is: the connection, and any answer that was degraded. */
export class Status {
  #badge = document.getElementById('degraded');
  #said = document.getElementById('degraded-said');
  #connection = document.getElementById('connection');
  #degraded = new Map(); // what was answered → the answer's provenance

  /** Notes where the answer about `what` ("posts", "counts") came from; shown while it is degraded. */
  answered(what, { source, as_of, degraded, note }) {
    if (degraded) this.#degraded.set(what, { source, asOf: new Date(as_of), note });
    else this.#degraded.delete(what);
    this.tick();
  }

  /** Renews the ages. */
  tick() {
    this.#badge.hidden = this.#degraded.size === 0;
    setText(this.#badge, this.#words(({ asOf }) => `, ${age(asOf)} old`));
    setText(this.#said, this.#words(() => '')); // The age would be read out every second.
  }

  #words(suffix) {
    const parts = [...this.#degraded].map(([what, answer]) => {
      const from = `${what} from ${SOURCES[answer.source] ?? answer.source}${suffix(answer)}`;
      return answer.note ? `${from} (${answer.note.replace(/\.$/, '')})` : from;
    });
    return parts.length ? `Degraded: ${parts.join('; ')}` : '';
  }

  /** The live connection's state, as `Live` names it. */
  connection(state) {
    this.#connection.dataset.state = state;
    this.#connection.querySelector('.words').textContent = CONNECTION[state];
  }
}

/** Touches the document only when the text differs: live regions speak on writes. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
