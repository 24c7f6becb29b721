// What stands in the place of the list when there is nothing to list.

/**
 * No posts: how to get some (`whole`: there are none at all), or how to see more.
 * @param {{whole: boolean, form: () => HTMLElement, widen: () => void}} options
 * @returns {Node[]}
 */
export function empty({ whole, form, widen }) {
  if (!whole) return [tag('h2', 'No post matches'), tag('p', 'Try other words, or a longer time.'), action('Show all posts', widen)];
  const command = tag('p', 'Fill it with posts and reactions that look real: ');
  command.append(tag('code', 'kudos seed'));
  return [tag('h2', 'No posts yet'), command, form()];
}

/** The posts could not be read: why, and another try. Returns nodes. */
export function failed(error, again) {
  return [tag('h2', 'The posts could not be read'), tag('p', `${error.message}.`), action('Try again', again)];
}

function tag(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

function action(text, act) {
  const button = tag('button', text);
  button.type = 'button';
  button.className = 'button';
  button.addEventListener('click', act);
  return button;
}
