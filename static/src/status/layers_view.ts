import { el } from '../common/dom';
import { lagAllowedBy } from '../common/lateness';
import { runMarks } from './charts';
import { fill, keyed } from './keyed';
import type { LayerState, Settings, SyncStatus } from './poll';
import { ago, span, whole } from './words';

/** How far behind its source a layer may lie. undefined: it has no schedule, or another server's sync keeps it. */
export function allowedLag(layer: string, settings: Settings | undefined): number | undefined {
  const table = settings?.tables.find((t) => (t.layer ?? t.name) === layer && t.in_force);
  return lagAllowedBy(table?.schedule);
}

export function stateOf(l: LayerState, allowed: number | undefined): 'good' | 'warning' | 'critical' | 'sourceless' {
  if (l.failures_since > 0) return l.failures_since > 2 ? 'critical' : 'warning';
  if (l.lag_s === null) return 'sourceless';
  if (allowed !== undefined && l.lag_s > allowed) return l.lag_s > 3 * allowed ? 'critical' : 'warning';
  return 'good';
}

const words = { good: 'fresh', warning: 'late', critical: 'stale', sourceless: 'no source' };

/** Each layer's version, rows, age, and its runs on a line of time. */
export class LayersView {
  private readonly body = el('tbody', {});
  private readonly timeHead = el('th', { scope: 'col', class: 'wide' }, 'Runs');

  constructor(element: HTMLElement) {
    const head = (text: string) => el('th', { scope: 'col', class: 'number' }, text);
    element.append(
      el('header', { class: 'block-head' }, el('h2', {}, 'Layers')),
      el(
        'div',
        { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Layers' },
        el(
          'table',
          {},
          el('caption', { class: 'sr-only' }, 'How fresh each layer is'),
          el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Layer'), el('th', { scope: 'col' }, 'State'), head('Behind'), head('Changed'), head('Version'), head('Rows'), this.timeHead)),
          this.body,
        ),
      ),
    );
  }

  show(sync: SyncStatus, settings: Settings | undefined, now: number): void {
    const first = Math.min(now - 60_000, ...sync.runs.map((r) => Date.parse(r.started_at)));
    this.body.parentElement?.classList.toggle('no-runs', sync.runs.length === 0);
    this.timeHead.textContent = sync.runs.length === 0 ? 'Runs' : `Runs of the last ${span((now - first) / 1000)}`;
    const rank = { critical: 0, warning: 1, good: 2, sourceless: 3 };
    const lines = sync.layers.map((l) => ({ l, state: stateOf(l, allowedLag(l.layer, settings)) }));
    lines.sort((a, b) => rank[a.state] - rank[b.state] || a.l.layer.localeCompare(b.l.layer));
    keyed(
      this.body,
      lines,
      ({ l }) => l.layer,
      ({ l }) =>
        el('tr', {}, el('th', { scope: 'row' }, l.layer.replaceAll('_', ' ')), el('td', {}), ...Array.from({ length: 4 }, () => el('td', { class: 'number' })), el('td', { class: 'wide' })),
      (row, { l, state }) => {
        const runs = sync.runs.filter((r) => r.layer === l.layer).map((r) => ({ at: Date.parse(r.finished_at ?? r.started_at), status: r.status }));
        const word = l.failures_since > 0 ? `${l.failures_since} failed` : words[state];
        fill(row, [
          row.children[0]?.textContent ?? '',
          el('span', { class: `state ${state}` }, word),
          l.lag_s === null ? '–' : span(l.lag_s),
          ago(l.changed_at, now),
          whole(l.version),
          l.row_count === null ? '–' : whole(l.row_count),
          runs.length === 0 ? '' : runMarks(runs, first, now),
        ]);
      },
    );
  }
}
