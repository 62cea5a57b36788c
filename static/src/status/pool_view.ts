import { el } from '../common/dom';
import { parts } from './charts';
import { fill, keyed } from './keyed';
import type { Metrics } from './metrics';
import { whole } from './words';

const gauges = ['connections_open', 'connections_busy', 'waiting'] as const;
const counters = ['acquired_total', 'exhausted_total', 'timed_out_total', 'connect_failures_total'] as const;

/** The connections to Postgres, lane by lane: on loan, idle, waited for, and what went wrong. */
export class PoolView {
  private readonly body = el('tbody', {});

  constructor(element: HTMLElement) {
    const head = (text: string) => el('th', { scope: 'col', class: 'number' }, text);
    element.append(
      el('header', { class: 'block-head' }, el('h2', {}, 'Connections to the database')),
      el(
        'div',
        { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Connections to the database' },
        el(
          'table',
          {},
          el('caption', { class: 'sr-only' }, 'Connections by lane'),
          el(
            'thead',
            {},
            el(
              'tr',
              {},
              el('th', { scope: 'col' }, 'Lane'),
              el('th', { scope: 'col', class: 'bar-cell' }, el('span', { class: 'sr-only' }, 'On loan of open')),
              head('On loan'),
              head('Open'),
              head('Waiting'),
              head('Loans'),
              head('Got none'),
              head('Too late'),
              head('Failed'),
            ),
          ),
          this.body,
        ),
      ),
    );
  }

  show(m: Metrics): void {
    const lanes = [...new Set(m.all('gridlight_pool_connections_open').map((s) => s.labels.lane ?? ''))];
    const of = (what: string, lane: string) => m.value(`gridlight_pool_${what}`, { lane }) ?? 0;
    const order = ['lookup', 'tile', 'sync', 'admin'];
    lanes.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    keyed(
      this.body,
      lanes,
      (lane) => lane,
      (lane) => el('tr', {}, el('th', { scope: 'row' }, lane), el('td', { class: 'bar-cell' }), ...Array.from({ length: 7 }, () => el('td', { class: 'number' }))),
      (row, lane) => {
        const [open, busy, waiting] = gauges.map((g) => of(g, lane));
        const [loans, none, late, failed] = counters.map((c) => of(c, lane));
        for (const [i, n] of [[4, waiting], [6, none], [7, late], [8, failed]] as const) row.children[i]?.classList.toggle('late', (n ?? 0) > 0);
        fill(row, [
          lane,
          parts([{ className: waiting ? 'busy full' : 'busy', share: open ? (busy ?? 0) / open : 0 }]),
          ...[busy, open, waiting, loans, none, late, failed].map(whole),
        ]);
      },
    );
  }
}
