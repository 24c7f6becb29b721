// One sheet for every bar of the page. Constructed, so that a strict CSP needs no exception.

const css = `
:host {
  --_accent-like: var(--kudos-like, light-dark(#2f5bd0, #8aa9ff));
  --_accent-love: var(--kudos-love, light-dark(#cf2f52, #ff7d97));
  --_accent-face: var(--kudos-face, light-dark(#8a5a00, #f2c05a));
  --_text: var(--kudos-text, light-dark(#1d1c1a, #ecebe7));
  --_muted: var(--kudos-muted, light-dark(#69655f, #a09b93));
  --_line: var(--kudos-line, light-dark(#dcd8d1, #393733));
  --_surface: var(--kudos-surface, light-dark(#ffffff, #1f1e1c));
  --_hover: var(--kudos-hover, light-dark(#f1eee9, #2a2926));
  --_danger: var(--kudos-danger, light-dark(#a3261c, #ff9d92));
  --_focus: var(--kudos-focus, light-dark(#1d1c1a, #ecebe7));
  --_radius: var(--kudos-radius, 999px);
  display: block;
  color: var(--_text);
  font: var(--kudos-font, 500 .875rem/1.25 system-ui, sans-serif);
  font-variant-numeric: tabular-nums;
}
:host([hidden]), [hidden] { display: none !important; }
button { font: inherit; color: inherit; background: none; border: 0; margin: 0; cursor: pointer; -webkit-tap-highlight-color: transparent; }
button:focus-visible { outline: 2px solid var(--_focus); outline-offset: 2px; }
svg, .glyph { display: block; inline-size: 1.25em; block-size: 1.25em; flex: none; }
.glyph { font-size: 1em; line-height: 1.25; text-align: center; }
.fill { fill: currentColor; stroke: currentColor; stroke-width: 1.5; stroke-linejoin: round; }
.line { fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
[data-hue="like"] { color: var(--_accent-like); }
[data-hue="love"] { color: var(--_accent-love); }
[data-hue="haha"], [data-hue="wow"], [data-hue="sad"] { color: #f4bf45; }
[data-hue="angry"] { color: #ee8459; }
:is([data-hue="haha"], [data-hue="wow"], [data-hue="sad"], [data-hue="angry"]) :is(.ink, .line) { --_ink: #4d3307; }
.ink { fill: var(--_ink); }
[data-hue="haha"] .line, [data-hue="wow"] .line, [data-hue="sad"] .line, [data-hue="angry"] .line { stroke: var(--_ink); }
.tear { fill: #3f8fd8; }

.bar { position: relative; display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .875rem; }
.press { position: relative; display: inline-flex; border: 1px solid var(--_line); border-radius: var(--_radius); background: var(--_surface); transition: border-color .15s, background-color .15s; }
.main { display: inline-flex; align-items: center; gap: .5em; min-block-size: 2.25rem; padding: 0 .5em 0 .875em; border-radius: var(--_radius) 0 0 var(--_radius); touch-action: manipulation; user-select: none; -webkit-user-select: none; -webkit-touch-callout: none; }
.named { display: inline-grid; text-align: start; }
/* As wide as the widest of the names, in whatever font: nothing moves when another one is shown. */
.room { display: grid; block-size: 0; overflow: hidden; visibility: hidden; font-weight: 600; }
.room > * { grid-area: 1 / 1; }
.room > ::before { content: attr(data-name); }
.more { display: inline-grid; place-items: center; inline-size: 2rem; border-radius: 0 var(--_radius) var(--_radius) 0; color: var(--_muted); }
.more svg { inline-size: 1.125em; block-size: 1.125em; transition: transform .15s; }
.more[aria-expanded="true"] svg { transform: rotate(180deg); }
@media (hover: hover) { .main:hover, .more:hover { background: var(--_hover); } }
.main:not([aria-pressed="true"]) .icon { color: var(--_muted); }
.main:not([aria-pressed="true"]) .icon :is([data-hue="like"], [data-hue="love"]) { color: inherit; }
.main:not([aria-pressed="true"]) :is([data-hue="like"], [data-hue="love"]) .fill { fill: none; stroke-width: 1.6; }
.main[aria-pressed="true"] { font-weight: 600; color: var(--_mine); }
.press.mine { --_mine: var(--_accent-face); border-color: color-mix(in srgb, var(--_mine) 45%, transparent); background: color-mix(in srgb, var(--_mine) 9%, var(--_surface)); }
.press[data-mine="like"] { --_mine: var(--_accent-like); }
.press[data-mine="love"] { --_mine: var(--_accent-love); }
.press.mine .more { color: inherit; }
.main:active .icon { transform: scale(.88); }
.icon { transition: transform .12s; }

.total { min-inline-size: var(--kudos-total-width, 3.5ch); font-weight: 600; text-align: end; }
.kinds { display: grid; grid-template-columns: repeat(var(--_columns, 6), minmax(0, 4.5rem)); flex: 1 1 18rem; gap: 0; container-type: inline-size; margin: 0; padding: 0; list-style: none; font-size: .8125rem; color: var(--_muted); }
.kinds li { display: flex; align-items: center; gap: .3rem; min-inline-size: 0; }
.kinds .n { color: var(--_muted); }
.kinds .zero .icon { filter: grayscale(1); opacity: .38; }
.kinds .icon > * { inline-size: 1rem; block-size: 1rem; }
@container (max-width: 24rem) { .kinds .n { font-size: 0; } .kinds .n::after { content: attr(data-short); font-size: .8125rem; } }
@container (max-width: 20rem) { .kinds li { gap: .1875rem; } .kinds .n::after { font-size: .75rem; } .kinds .icon > * { inline-size: .875rem; block-size: .875rem; } }

.picker { position: absolute; z-index: 20; inset-block-end: calc(100% + .5rem); inset-inline-start: -1px; display: flex; padding: .3125rem; border: 1px solid var(--_line); border-radius: 1.125rem; background: var(--_surface); box-shadow: 0 8px 28px rgb(0 0 0 / .14), 0 1px 3px rgb(0 0 0 / .08); translate: var(--_shift, 0) 0; animation: rise .14s ease-out; color: var(--_text); }
.picker::after { content: ""; position: absolute; inset-inline: 0; inset-block-start: 100%; block-size: .75rem; }
.picker.below { inset-block: calc(100% + .5rem) auto; }
.picker.below::after { inset-block: auto 100%; }
.picker button { display: grid; justify-items: center; gap: .125rem; inline-size: 2.75rem; padding: .375rem 0 .25rem; border-radius: .8125rem; }
.picker .icon > * { inline-size: 1.75rem; block-size: 1.75rem; transition: transform .12s; }
.picker .glyph { font-size: 1.375rem; line-height: 1.75rem; }
.picker .name { font-size: .6875rem; line-height: 1.2; font-weight: 500; color: var(--_muted); max-inline-size: 100%; overflow: hidden; text-overflow: ellipsis; }
.picker button:is(:hover, :focus-visible) { background: var(--_hover); }
.picker button:is(:hover, :focus-visible) .icon > * { transform: translateY(-1px) scale(1.1); }
.picker button:focus-visible { outline-offset: -2px; }
.picker [aria-checked="true"] .name { color: var(--_text); font-weight: 700; }
.picker [aria-checked="true"] { background: var(--_hover); }
@keyframes rise { from { opacity: 0; transform: translateY(.25rem); } }

.error { position: absolute; z-index: 10; inset-block-start: calc(100% + .375rem); inset-inline-start: 0; max-inline-size: min(26rem, 100%); margin: 0; padding: .5rem .75rem; border: 1px solid color-mix(in srgb, var(--_danger) 40%, transparent); border-radius: .625rem; background: color-mix(in srgb, var(--_danger) 6%, var(--_surface)); color: var(--_danger); font-size: .8125rem; line-height: 1.4; box-shadow: 0 4px 16px rgb(0 0 0 / .1); overflow-wrap: anywhere; }
.sr { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (pointer: coarse) {
  .main { min-block-size: 2.75rem; }
  .more { inline-size: 2.75rem; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .main[aria-pressed="true"] { outline: 2px solid Highlight; outline-offset: -2px; } }
`;

/** The bar's style sheet, shared by every bar. */
export const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
