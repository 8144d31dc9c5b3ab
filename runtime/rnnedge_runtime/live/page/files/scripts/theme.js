// Light, dark, or as the system has it. Loaded before anything is drawn.
(() => {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const names = { system: 'as the system', light: 'light', dark: 'dark' };
  let chosen = 'system';
  try { chosen = localStorage.getItem('rnnedge-scheme') || chosen; } catch { /* not stored */ }
  if (!(chosen in names)) chosen = 'system';

  const apply = () => {
    root.dataset.scheme = chosen === 'system' ? (system.matches ? 'dark' : 'light') : chosen;
    const button = document.getElementById('theme');
    if (button) {
      button.setAttribute('aria-label', `Colours: ${names[chosen]}`);
      button.title = `Colours: ${names[chosen]}`;
    }
    document.dispatchEvent(new Event('scheme'));
  };

  apply();
  system.addEventListener('change', apply);
  addEventListener('DOMContentLoaded', () => {
    apply();
    document.getElementById('theme').addEventListener('click', () => {
      const order = system.matches ? ['system', 'light', 'dark'] : ['system', 'dark', 'light'];
      chosen = order[(order.indexOf(chosen) + 1) % 3];
      try { localStorage.setItem('rnnedge-scheme', chosen); } catch { /* not stored */ }
      apply();
    });
  });
})();
