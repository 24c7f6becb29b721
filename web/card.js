import { ago, inFull } from './format.js';
import { Problem } from './http.js';
import './reaction-bar.js';

const template = document.getElementById('post-template');

/** One post of the list: its title opens the body, its bar counts. */
export class Card {
  #api;
  #created;

  /** @param {object} post as a search answers it @param {{api, user: string, rank: number|null}} context */
  constructor(post, { api, user, rank }) {
    this.#api = api;
    this.#created = new Date(post.created_at);
    this.post = post.post;
    // Imported, not cloned: a template's own document knows no custom elements.
    this.element = document.importNode(template.content, true).firstElementChild;
    const find = (selector) => this.element.querySelector(selector);
    this.title = find('.title');
    this.body = find('.body');
    this.time = find('time');
    this.bar = find('reaction-bar');

    find('.rank').textContent = rank ?? '';
    this.title.textContent = post.title || 'Untitled';
    find('.author').textContent = post.author || 'Unknown author';
    this.time.dateTime = post.created_at;
    this.time.title = inFull(this.#created);
    this.tick();
    if (post.body ?? post.excerpt) this.#preview(post.body ?? post.excerpt);
    this.title.addEventListener('click', () => this.#toggle());

    this.bar.setAttribute('post', post.post);
    this.bar.setAttribute('user', user);
    this.bar.absorb(post);
  }

  /** The time in words, as of now. */
  tick() { this.time.textContent = ago(this.#created); }

  #preview(text) {
    this.body.textContent = text;
    this.body.hidden = false;
    this.body.classList.add('clamped');
  }

  async #toggle() {
    const open = this.title.ariaExpanded !== 'true';
    this.title.ariaExpanded = String(open);
    if (!open) {
      this.body.hidden = true;
      return;
    }
    this.body.classList.remove('clamped');
    if (!this.body.textContent) this.body.textContent = await this.#text();
    this.body.hidden = this.title.ariaExpanded !== 'true';
  }

  async #text() {
    try {
      const { body } = await this.#api.post(this.post);
      return body || 'This post has no text.';
    } catch (error) {
      if (error instanceof Problem) return `The text could not be read. ${error.message}.`;
      throw error;
    }
  }
}
