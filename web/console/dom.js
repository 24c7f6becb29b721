// Elements, and making the document like a wanted one without touching what is the same: who reads a line or
// follows a bar is not disturbed every two seconds, and a live region speaks of news only.

const SVG = 'http://www.w3.org/2000/svg';

/** An element. Of `properties`, `style` sets CSS properties, everything else attributes; null and false set none. */
export function el(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children);
}

/** The same in a drawing. */
export function svg(name, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, name), properties, children);
}

function filled(made, { style = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  // Attributes named style are refused by the content security policy; this is not one.
  for (const [name, value] of Object.entries(style)) made.style.setProperty(name, value);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Makes the children of `parent` like these. */
export function show(parent, ...children) {
  const wanted = document.createDocumentFragment();
  wanted.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  alike(parent, wanted);
}

function alike(parent, wanted) {
  const [old, fresh] = [[...parent.childNodes], [...wanted.childNodes]];
  fresh.forEach((node, place) => {
    const there = old[place];
    if (!there) parent.append(node);
    else if (there.nodeType !== node.nodeType || there.nodeName !== node.nodeName) there.replaceWith(node);
    else become(there, node);
  });
  old.slice(fresh.length).forEach((node) => node.remove());
}

function become(there, node) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (there.nodeValue !== node.nodeValue) there.nodeValue = node.nodeValue;
    return;
  }
  for (const name of there.getAttributeNames()) {
    if (name !== 'style' && !node.hasAttribute(name)) there.removeAttribute(name);
  }
  for (const name of node.getAttributeNames()) {
    const value = node.getAttribute(name);
    if (name !== 'style' && there.getAttribute(name) !== value) there.setAttribute(name, value);
  }
  if (there.style.cssText !== node.style.cssText) there.style.cssText = node.style.cssText;
  alike(there, node);
}
