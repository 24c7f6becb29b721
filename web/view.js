// What the list shows, kept in the address: reload and back find the same view.

export const SORTS = ['popular', 'recent', 'relevance'];
export const WINDOWS = ['all', '7d', '24h', '1h'];

const IN_WORDS = { all: '', '7d': 'last 7 days', '24h': 'last 24 hours', '1h': 'last hour' };

/** The view in an address' query: `{q, sort, window}`, with what is not valid replaced by the default. */
export function fromQuery(search) {
  const query = new URLSearchParams(search);
  const pick = (name, allowed) => (allowed.includes(query.get(name)) ? query.get(name) : allowed[0]);
  return settled({ q: (query.get('q') ?? '').slice(0, 200), sort: pick('sort', SORTS), window: pick('window', WINDOWS) });
}

/** The query for a view; defaults are left out. */
export function toQuery({ q, sort, window }) {
  const query = new URLSearchParams();
  if (q) query.set('q', q);
  if (sort !== SORTS[0]) query.set('sort', sort);
  if (window !== WINDOWS[0]) query.set('window', window);
  return query.size ? `?${query}` : location.pathname;
}

/** Relevance needs a text to be relevant to. */
export function settled(view) {
  return view.sort === 'relevance' && !view.q ? { ...view, sort: SORTS[0] } : view;
}

/** True if nothing narrows the view, so an empty answer means that there are no posts at all. */
export const isWhole = ({ q, window }) => !q && window === 'all';

/** The view as a heading. */
export function heading({ q, sort, window }) {
  const order = { popular: 'Popular posts', recent: 'Recent posts', relevance: 'Most relevant posts' }[sort];
  return [q ? `${order} for “${q}”` : order, IN_WORDS[window]].filter(Boolean).join(', ');
}
