const HOVER_MS = 350;
const LEAVE_MS = 280;
const LONG_PRESS_MS = 420;
const SLOP_PX = 10;

let open = null; // one picker is open at a time, in the whole page

/**
 * Opens and closes a bar's menu of kinds: by hover (with intent), long press, or keyboard, which
 * moves by roving tabindex. It knows nothing of counts: a choice is `choose(kind)`.
 */
export class Picker {
  #parts;
  #choose;
  #timer;
  #opener;
  #pressedAt;
  #longPressed = false;

  /** @param {{press, main, more, menu}} parts elements of the bar @param {(kind: string) => void} choose */
  constructor(parts, choose) {
    this.#parts = parts;
    this.#choose = choose;
    const { press, main, more, menu } = parts;
    press.addEventListener('pointerenter', (event) => event.pointerType === 'mouse' && this.#after(HOVER_MS, () => this.show()));
    press.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && this.#after(LEAVE_MS, () => this.#leave()));
    main.addEventListener('pointerdown', (event) => this.#pressStarts(event));
    for (const type of ['pointerup', 'pointercancel']) main.addEventListener(type, () => this.#pressEnds());
    main.addEventListener('pointermove', (event) => this.#pressMoves(event));
    main.addEventListener('contextmenu', (event) => this.#longPressed && event.preventDefault());
    more.addEventListener('click', () => (this.#opener === more && this.isOpen ? this.hide() : this.show(more)));
    for (const button of [main, more]) button.addEventListener('keydown', (event) => this.#openerKey(event, button));
    menu.addEventListener('keydown', (event) => this.#menuKey(event));
    menu.addEventListener('click', (event) => this.#click(event));
  }

  get isOpen() { return !this.#parts.menu.hidden; }

  /** Opens the menu. With an `opener`, focus moves in, and back to it at the end. */
  show(opener) {
    this.#cancelTimer();
    if (open !== this) open?.hide();
    open = this;
    const { menu, more } = this.#parts;
    menu.hidden = false;
    more.setAttribute('aria-expanded', 'true');
    this.#place();
    this.#opener = opener;
    if (opener) this.#focus(Math.max(0, this.#items.findIndex((item) => item.ariaChecked === 'true')));
    document.addEventListener('pointerdown', this.#outside, true);
  }

  hide() {
    this.#cancelTimer();
    const { menu, more } = this.#parts;
    const hadFocus = menu.contains(menu.getRootNode().activeElement);
    menu.hidden = true;
    more.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', this.#outside, true);
    if (hadFocus) (this.#opener ?? this.#parts.main).focus();
    this.#opener = undefined;
    if (open === this) open = null;
  }

  /** A plain click on the main button: true if it only ended a long press. Ends the hover's intent. */
  swallowClick() {
    const swallow = this.#longPressed;
    this.#longPressed = false;
    if (!swallow) this.hide();
    return swallow;
  }

  get #items() { return [...this.#parts.menu.children]; }

  #outside = (event) => {
    if (!event.composedPath().includes(this.#parts.press)) this.hide();
  };

  #leave() {
    const { menu } = this.#parts;
    if (!menu.contains(menu.getRootNode().activeElement)) this.hide();
  }

  /** Above the bar where there is room, else below; moved sideways to stay in the window. */
  #place() {
    const { menu, press } = this.#parts;
    menu.classList.toggle('below', press.getBoundingClientRect().top < menu.offsetHeight + 72);
    menu.style.removeProperty('--_shift');
    const { left, right } = menu.getBoundingClientRect();
    const room = document.documentElement.clientWidth - 8;
    const shift = Math.max(8 - left, Math.min(0, room - right));
    menu.style.setProperty('--_shift', `${shift}px`);
  }

  #focus(index) {
    const items = this.#items;
    const chosen = items.at(index % items.length);
    for (const item of items) item.tabIndex = item === chosen ? 0 : -1;
    chosen.focus();
  }

  #click(event) {
    const item = event.target.closest('[data-kind]');
    if (!item) return;
    this.hide();
    this.#choose(item.dataset.kind);
  }

  #openerKey(event, button) {
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      event.preventDefault();
      this.show(button);
    } else if (event.key === 'Escape' && this.isOpen) {
      this.hide();
    }
  }

  #menuKey(event) {
    const at = this.#items.indexOf(event.target.closest('[data-kind]'));
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.#focus(to);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      this.hide();
    } else if (event.key === 'Tab') {
      this.hide(); // Focus is back at the opener, and the Tab goes on from there.
    }
  }

  #pressStarts(event) {
    this.#longPressed = false;
    if (event.pointerType === 'mouse') return;
    this.#pressedAt = [event.clientX, event.clientY];
    this.#after(LONG_PRESS_MS, () => { this.#longPressed = true; this.show(); });
  }

  #pressMoves({ clientX, clientY }) {
    if (!this.#pressedAt) return;
    const [x, y] = this.#pressedAt;
    if (Math.hypot(clientX - x, clientY - y) > SLOP_PX) this.#pressEnds();
  }

  #pressEnds() {
    if (!this.#pressedAt) return;
    this.#pressedAt = undefined;
    this.#cancelTimer();
  }

  #after(ms, act) {
    this.#cancelTimer();
    this.#timer = setTimeout(act, ms);
  }

  #cancelTimer() { clearTimeout(this.#timer); }
}
