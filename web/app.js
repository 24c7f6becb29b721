// The demo page: wires the controls, the list, the live counts and the status together.

import { Api } from './api.js';
import { composer } from './composer.js';
import { Feed } from './feed.js';
import { Live } from './live.js';
import { empty, failed } from './panel.js';
import * as person from './person.js';
import { Status } from './status.js';
import { fromQuery, heading, isWhole, settled, toQuery } from './view.js';

const PAGE = 20;
const TYPING_MS = 250;

const $ = (id) => document.getElementById(id);
const api = new Api(person.current);
const live = new Live();
const feed = new Feed({ api, live, user: person.current });
const status = new Status();
const controls = $('controls');

let view = fromQuery(location.search);
let cursor = null;
let ranked = false; // the list is in the order of its counts
let search = new AbortController();

/** Reads the first page of the view and shows it in place of what was there. */
async function show() {
  const answer = await ask(null);
  if (!answer) return;
  ranked = byCount(answer);
  feed.replace(answer.posts, ranked);
  $('nothing').hidden = answer.posts.length > 0;
  if (!answer.posts.length) $('nothing').replaceChildren(...empty({ whole: isWhole(view), form: firstPost, widen }));
  $('reorder').hidden = true;
  shown(answer);
}

async function more() {
  const answer = await ask(cursor);
  if (!answer) return;
  const first = feed.append(answer.posts, byCount(answer));
  shown(answer);
  first?.title.focus({ preventScroll: true });
}

/** One page of the view, or null: a later question has replaced this one, or it failed and says so. */
async function ask(from) {
  search.abort();
  search = new AbortController();
  const { signal } = search;
  feed.busy = true;
  $('more').disabled = true;
  try {
    return await api.search({ ...view, limit: PAGE, cursor: from }, signal);
  } catch (error) {
    if (signal.aborted) return null;
    if (!from) feed.replace([]); // What is there answers another question.
    $('nothing').replaceChildren(...failed(error, from ? more : show));
    $('nothing').hidden = false;
    $('more').hidden = true;
    $('results').textContent = '';
    return null;
  } finally {
    if (!signal.aborted) {
      feed.busy = false;
      $('more').disabled = false;
    }
  }
}

function shown(answer) {
  cursor = answer.next_cursor;
  if (feed.size) $('nothing').hidden = true;
  $('more').hidden = !cursor;
  const posts = feed.size === 1 ? '1 post' : `${feed.size} posts`;
  $('results').textContent = cursor ? `${posts} shown, there are more` : posts;
  status.answered('posts', answer);
}

/** True if the answer is ordered by counts: a popular order that fell back to time is not. */
const byCount = ({ source }) => view.sort === 'popular' && source !== 'time';

/** Changes the view. Typing replaces the address; a choice adds to the history. */
function go(change, { replace = false } = {}) {
  view = settled({ ...view, ...change });
  history[replace ? 'replaceState' : 'pushState'](null, '', toQuery(view));
  reflect();
  return show();
}

/** Makes the controls say what the view is. */
function reflect() {
  if ($('q').value.trim() !== view.q) $('q').value = view.q;
  controls.elements.sort.value = view.sort;
  controls.elements.window.value = view.window;
  const [, , relevance] = controls.elements.sort;
  relevance.disabled = !view.q;
  relevance.parentElement.title = view.q ? '' : 'Needs a search text';
  $('heading').textContent = heading(view);
  document.title = `${heading(view)} · Kudos`;
}

const widen = () => go({ q: '', window: 'all' });

function firstPost() {
  return composer({ api, author: person.current, heading: 'Write the first post', done: published });
}

function published() {
  $('composer').close();
  return go({ q: '', sort: 'recent', window: 'all' });
}

function compose() {
  const close = () => $('composer').close();
  $('composer').replaceChildren(composer({ api, author: person.current, heading: 'Write a post', done: published, cancel: close }));
  $('composer').showModal();
}

function become() {
  const { name } = $('person').querySelector('form').elements;
  name.value = person.current();
  $('person').returnValue = '';
  $('person').showModal();
  name.select();
}

function nameShown() { $('who').querySelector('.name').textContent = person.current(); }

let typing;
$('q').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => go({ q: $('q').value.trim() }, { replace: true }), TYPING_MS);
});
controls.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(typing);
  go({ q: $('q').value.trim() }, { replace: true });
});
controls.addEventListener('change', ({ target }) => {
  if (target.type === 'radio') go({ [target.name]: target.value });
});
$('more').addEventListener('click', more);
$('reorder').addEventListener('click', show);
$('write').addEventListener('click', compose);
$('who').addEventListener('click', become);
$('person').querySelector('[name=cancel]').addEventListener('click', () => $('person').close());
$('person').addEventListener('close', () => {
  if ($('person').returnValue !== 'ok') return;
  person.become($('person').querySelector('input').value);
  nameShown();
  feed.userChanged();
});

feed.addEventListener('counted', () => { $('reorder').hidden = !ranked || feed.inOrder; });
live.addEventListener('state', ({ detail }) => status.connection(detail));
addEventListener('kudos-load', ({ detail }) => status.answered('counts', detail));
addEventListener('popstate', () => { view = fromQuery(location.search); reflect(); show(); });
addEventListener('keydown', (event) => {
  const inField = event.composedPath()[0].matches?.('input, textarea');
  if (event.key !== '/' || inField || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  $('q').focus();
});
setInterval(() => status.tick(), 1000);
setInterval(() => feed.tick(), 60_000);

nameShown();
reflect();
show();
