import { Problem } from './http.js';

const template = document.getElementById('compose-template');

/**
 * A small form that writes a post.
 * @param {{api, author: () => string, heading: string, done: (id: string) => void, cancel?: () => void}} options
 * @returns {HTMLFormElement}
 */
export function composer({ api, author, heading, done, cancel }) {
  const form = template.content.cloneNode(true).firstElementChild;
  const refused = form.querySelector('.refused');
  form.querySelector('h2').textContent = heading;
  if (cancel) form.elements.cancel.addEventListener('click', cancel);
  else form.elements.cancel.remove();

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const publish = form.querySelector('[type=submit]');
    if (publish.disabled) return;
    publish.disabled = true;
    refused.hidden = true;
    const title = form.elements.title.value.trim();
    const id = newId(title);
    try {
      await api.putPost(id, { title, body: form.elements.body.value.trim(), author: author() });
      form.reset();
      done(id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      refused.textContent = `Not published. ${error.message}.`;
      refused.hidden = false;
    } finally {
      publish.disabled = false;
    }
  });
  return form;
}

/** An id that a person can read, and that no other post has. */
function newId(title) {
  const slug = title.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40);
  const random = Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [slug || 'post', random].join('-');
}
