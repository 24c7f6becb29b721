// The reactions' pictures, drawn here so that they look the same on every system.

const eyes = '<circle class="ink" cx="8.6" cy="9.8" r="1.25"/><circle class="ink" cx="15.4" cy="9.8" r="1.25"/>';
const face = '<circle class="fill" cx="12" cy="12" r="9.75"/>';

const drawings = {
  like: '<path class="fill" d="M3.4 10.4h2.3c.4 0 .8.4.8.8v8.5c0 .4-.4.8-.8.8H3.4c-.5 0-.9-.4-.9-.9v-8.3c0-.5.4-.9.9-.9z"/>'
    + '<path class="fill" d="M8.5 11.1 12 3.6c.2-.5.7-.8 1.2-.7 1.4.2 2.3 1.4 2.1 2.8l-.5 3.4h4.6c1.4 0 2.4 1.3 2.1 2.6l-1.5 6.9c-.3 1.1-1.2 1.9-2.4 1.9h-6.9c-1.2 0-2.2-1-2.2-2.2z"/>',
  love: '<path class="fill" d="M12 20.8c-.3 0-.6-.1-.8-.3C5.4 15.9 2.3 12.8 2.3 8.9c0-3 2.3-5.3 5.2-5.3 1.8 0 3.4.9 4.5 2.4 1.1-1.5 2.7-2.4 4.5-2.4 2.9 0 5.2 2.3 5.2 5.3 0 3.9-3.1 7-8.9 11.6-.2.2-.5.3-.8.3z"/>',
  haha: `${face}<path class="line" d="m6.8 10.6 1.9-1.9 1.9 1.9M13.4 10.6l1.9-1.9 1.9 1.9"/><path class="ink" d="M6.9 13.3h10.2a5.1 5.1 0 0 1-10.2 0z"/>`,
  wow: `${face}${eyes}<path class="line" d="M7 6.6c.8-.6 1.7-.7 2.5-.4M17 6.6c-.8-.6-1.7-.7-2.5-.4"/><ellipse class="ink" cx="12" cy="15.9" rx="2.3" ry="2.9"/>`,
  sad: `${face}${eyes}<path class="line" d="M8.3 17c1-1.5 2.3-2.1 3.7-2.1s2.7.6 3.7 2.1"/><path class="tear" d="M17.6 12.5c1 1.5 1.6 2.4 1.6 3.3a1.6 1.6 0 0 1-3.2 0c0-.9.6-1.8 1.6-3.3z"/>`,
  angry: `${face}<circle class="ink" cx="8.8" cy="11.3" r="1.25"/><circle class="ink" cx="15.2" cy="11.3" r="1.25"/><path class="line" d="m6.5 8.3 3.6 1.5M17.5 8.3l-3.6 1.5M8.6 17c.9-1 2.1-1.4 3.4-1.4s2.5.4 3.4 1.4"/>`,
};

const chevron = '<path class="line" d="m7.5 10 4.5 4.5 4.5-4.5"/>';

/** The kinds that a deployment has unless it configures its own, in the order to show. */
export const DEFAULT_KINDS = Object.keys(drawings);

/** A decorative picture of a kind: a drawing, or for a kind unknown here `symbol` or its initial. */
export function icon(kind, symbol) {
  if (!(kind in drawings)) {
    const glyph = document.createElement('span');
    glyph.className = 'glyph';
    glyph.setAttribute('aria-hidden', 'true');
    glyph.textContent = symbol ?? kind.slice(0, 1).toUpperCase();
    return glyph;
  }
  return svg(drawings[kind]);
}

/** The mark of the button that opens the picker. */
export const chevronIcon = () => svg(chevron);

function svg(content) {
  const template = document.createElement('template');
  template.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">${content}</svg>`;
  return template.content.firstChild;
}
