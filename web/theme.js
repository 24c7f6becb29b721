// A classic script in the head: it runs before the first paint, so the theme never flashes.
(() => {
  const KEY = 'kudos-theme';
  const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
  const LABEL = { auto: 'Theme: as your system', light: 'Theme: light', dark: 'Theme: dark' };
  let theme = 'auto';
  try { theme = localStorage.getItem(KEY) ?? 'auto'; } catch { /* Storage may be forbidden: the system decides. */ }
  if (!(theme in NEXT)) theme = 'auto';

  const apply = () => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    button?.setAttribute('aria-label', LABEL[theme]);
    button?.setAttribute('title', LABEL[theme]);
  };
  apply();
  document.addEventListener('DOMContentLoaded', () => {
    apply();
    document.getElementById('theme').addEventListener('click', () => {
      theme = NEXT[theme];
      try { localStorage.setItem(KEY, theme); } catch { /* as above */ }
      apply();
    });
  });
})();
