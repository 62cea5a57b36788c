import { el } from '../common/dom';
import type { GridState, Substation } from '../live/grid_state';
import { statusIcon } from './icons';

const most = 6;
const rank: Record<string, number> = { critical: 0, warning: 1, unknown: 2 };

/** The substations that somebody should look at, the worst first: also the way to the map for who cannot see it. */
export class Attention {
  private readonly list = el('ol', { class: 'attention waiting' });
  private readonly rest = el('p', { class: 'note' });
  private shown = '';

  constructor(
    root: HTMLElement,
    private readonly go: (substation: Substation) => void,
  ) {
    root.append(el('section', {}, el('h2', { class: 'heading' }, 'Needs a look'), this.list, this.rest));
  }

  show(state: GridState): void {
    if (!state.complete) return;
    const bad = [...state.substations.values()]
      .filter((s) => s.status !== 'good')
      .sort((a, b) => (rank[a.status] ?? 3) - (rank[b.status] ?? 3) || load(b) - load(a) || a.id.localeCompare(b.id));
    const now = bad.slice(0, most);
    const key = now.map((s) => `${s.id} ${s.name} ${s.position.join()} ${s.status} ${load(s)}`).join(';') + `;${bad.length}`;
    if (key === this.shown) return; // so that nobody's focus is lost for nothing
    this.shown = key;
    this.list.classList.remove('waiting');
    const focused = this.list.querySelector(':focus')?.getAttribute('data-id');
    this.list.replaceChildren(...now.map((s) => this.entry(s)));
    if (focused != null) this.list.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus();
    this.rest.textContent =
      bad.length > most ? `and ${bad.length - most} more` : bad.length === 0 ? 'Every substation is good.' : '';
  }

  private entry(s: Substation): HTMLElement {
    const percent = load(s) > 0 ? `${Math.round(load(s))} %` : '–';
    const button = el(
      'button',
      { type: 'button', 'data-id': s.id, 'aria-label': `${s.name}, ${s.status}, highest load ${percent}` },
      statusIcon(s.status, 13),
      el('span', { class: 'name' }, s.name),
      el('span', { class: 'number' }, percent),
    );
    button.addEventListener('click', () => this.go(s));
    return el('li', {}, button);
  }
}

function load(s: Substation): number {
  return s.row?.worst_circuit_load ?? 0;
}
