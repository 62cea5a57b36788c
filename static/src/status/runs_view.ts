import { el } from '../common/dom';
import { fill, keyed } from './keyed';
import type { Run, Settings, SyncStatus } from './poll';
import { ago, bytes, span, whole } from './words';

const shown = 12;

/** The last runs of the sync, failures with their reason; and what nobody ordered. */
export class RunsView {
  private readonly body = el('tbody', {});
  private readonly none = el('p', { class: 'none' });
  private readonly alarms = el('ul', { class: 'alarms' });
  private readonly table: HTMLElement;
  private failedOnly = false;

  constructor(element: HTMLElement) {
    const head = (text: string) => el('th', { scope: 'col', class: 'number' }, text);
    const only = el('button', { type: 'button', class: 'button', 'aria-pressed': 'false' }, 'Failed only');
    only.addEventListener('click', () => {
      this.failedOnly = !this.failedOnly;
      only.setAttribute('aria-pressed', String(this.failedOnly));
      if (this.last) this.show(...this.last);
    });
    this.table = el(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Runs of the sync' },
      el(
        'table',
        {},
        el('caption', { class: 'sr-only' }, 'The last runs'),
        el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Layer'), el('th', { scope: 'col' }, 'How'), el('th', { scope: 'col' }, 'Ended'), head('When'), head('Took'), head('Read'), head('Written'), head('Deleted'), head('Rejected'), head('Size'))),
        this.body,
      ),
    );
    element.append(el('header', { class: 'block-head' }, el('h2', {}, 'Runs of the sync'), only), this.alarms, this.table, this.none);
  }

  private last: [SyncStatus, Settings | undefined, number] | undefined;

  show(sync: SyncStatus, settings: Settings | undefined, now: number): void {
    this.last = [sync, settings, now];
    const runs = sync.runs.filter((r) => !this.failedOnly || r.status === 'failed').slice(0, shown);
    this.table.hidden = runs.length === 0;
    this.none.hidden = runs.length > 0;
    this.none.textContent = this.failedOnly && sync.runs.length > 0 ? 'None of the last 100 failed.' : settings?.snowflake.configured === false ? 'There was no run yet, and no source is configured.' : 'There was no run yet.';
    const alarms = [
      ...sync.foreign_changes.map((f) => `${f.layer} was changed ${whole(f.changes)} times by others than the sync, last ${ago(f.last_at, now)}.`),
      ...sync.zombies.map((z) => `${z.application} has been ${z.state} for ${span(z.held_s)}.`),
    ];
    this.alarms.replaceChildren(...alarms.map((a) => el('li', {}, a)));
    keyed(
      this.body,
      runs,
      (r) => String(r.run_id),
      (r) =>
        el('tr', {}, el('th', { scope: 'row' }, r.layer.replaceAll('_', ' ')), el('td', {}), el('td', { class: 'why' }), ...Array.from({ length: 7 }, () => el('td', { class: 'number' }))),
      (row, r) => {
        row.children[8]?.classList.toggle('late', r.rows_rejected > 0);
        fill(row, [
          row.children[0]?.textContent ?? '',
          r.direction === 'push' ? `${r.mode}, to the source` : r.mode,
          endOf(r),
          ago(r.finished_at ?? r.started_at, now),
          r.duration_s === null ? '–' : r.duration_s < 10 ? `${r.duration_s.toFixed(1)} s` : span(r.duration_s),
          ...[r.rows_read, r.rows_written, r.rows_deleted, r.rows_rejected].map(whole),
          r.bytes > 0 ? bytes(r.bytes) : '–',
        ]);
      },
    );
  }
}

function endOf(r: Run): HTMLElement {
  const state = { success: 'good', failed: 'critical', skipped: 'sourceless', running: 'warning' }[r.status] ?? 'sourceless';
  const word = { success: 'well', failed: 'failed', skipped: 'skipped', running: 'runs' }[r.status] ?? r.status;
  const out = el('div', {}, el('span', { class: `state ${state}` }, word));
  if (r.error) out.append(el('p', { class: 'error' }, r.error));
  return out;
}
