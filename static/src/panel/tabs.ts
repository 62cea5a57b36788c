import { byId } from '../common/dom';

/** On a phone one panel at a time opens below the map, by the buttons at its foot; beside a large map they always stand. */
export function installTabs(): void {
  const buttons = [...byId('tabs').querySelectorAll('button')];
  const show = (name: string | null) => {
    document.body.dataset.panel = name ?? 'none';
    for (const button of buttons) button.setAttribute('aria-expanded', String(button.dataset.panel === name));
  };
  for (const button of buttons)
    button.addEventListener('click', () => {
      const name = button.dataset.panel ?? null;
      show(document.body.dataset.panel === name ? null : name);
    });
  show(null);
  // The address keeps the map's state where a link to a part of the page would put its own.
  document.querySelector('a.skip')?.addEventListener('click', (event) => {
    event.preventDefault();
    show('ask');
    byId('ask').focus();
  });
}
