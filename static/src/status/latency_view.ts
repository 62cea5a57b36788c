import { el } from '../common/dom';
import { axis, strip } from './charts';
import { quantile, since, type Histogram } from './histogram';
import type { History } from './history';
import { fill, keyed } from './keyed';
import { ms, perSecond, whole } from './words';

export const promise = 0.02;
const recentMs = 60_000;
// Of fewer requests the slowest alone makes p99.
const enough = 20;
// Streams are open as long as somebody listens: that is no latency.
const notShown = new Set(['/api/postgres/events', 'unmatched']);

interface Line {
  route: string;
  h: Histogram;
  p50: number | undefined;
  p99: number | undefined;
  rate: number | undefined;
}

/** Latency by route: the histogram drawn, p50 and p99 as figures. */
export class LatencyView {
  private recent = false;
  private readonly body = el('tbody', {});
  private readonly none = el('p', { class: 'none' }, 'Nobody has asked yet.');
  private readonly table: HTMLTableElement;

  constructor(
    element: HTMLElement,
    private readonly history: History,
  ) {
    const choice = el('div', { class: 'choice', role: 'group', 'aria-label': 'Which requests' });
    for (const [text, recent] of [['Since the start', false], ['Last minute', true]] as const) {
      const b = el('button', { type: 'button', class: 'button', 'aria-pressed': String(recent === this.recent) }, text);
      b.addEventListener('click', () => {
        this.recent = recent;
        for (const each of choice.children) each.setAttribute('aria-pressed', String(each === b));
        this.show();
      });
      choice.append(b);
    }
    this.table = el(
      'table',
      { class: 'latency' },
      el('caption', { class: 'sr-only' }, 'Latency by route'),
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          el('th', { scope: 'col' }, 'Route'),
          el('th', { scope: 'col', class: 'wide' }, el('span', { class: 'sr-only' }, 'Distribution'), axis()),
          el('th', { scope: 'col', class: 'number' }, 'p50'),
          el('th', { scope: 'col', class: 'number' }, 'p99'),
          el('th', { scope: 'col', class: 'number' }, 'Requests'),
          el('th', { scope: 'col', class: 'number' }, 'A second'),
        ),
      ),
      this.body,
    );
    element.append(
      el('header', { class: 'block-head' }, el('h2', {}, 'Latency by route'), choice),
      el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Latency by route' }, this.table),
      this.none,
      el('p', { class: 'key' }, 'Bars: how requests are spread. Line: half are faster. ', el('span', { class: 'key-p99' }, '◆'), ' 99 of 100 are faster. Dashed: the promise, 20 ms.'),
    );
  }

  show(): void {
    const last = this.history.last;
    if (!last) return;
    const before = this.history.before(recentMs);
    const lines: Line[] = [];
    for (const [route, whole_] of last.routes) {
      if (notShown.has(route)) continue;
      const lately = since(whole_, before?.routes.get(route));
      const h = this.recent ? (before ? lately : { ...whole_, total: 0 }) : whole_;
      if (h.total === 0) continue;
      const seconds = before ? (last.at - before.at) / 1000 : 0;
      lines.push({ route, h, p50: quantile(h, 0.5), p99: quantile(h, 0.99), rate: seconds > 0 ? lately.total / seconds : undefined });
    }
    lines.sort((a, b) => b.h.total - a.h.total || a.route.localeCompare(b.route));
    this.none.hidden = lines.length > 0;
    this.none.textContent = this.recent ? 'Nobody has asked in the last minute.' : 'Nobody has asked yet.';
    this.table.hidden = lines.length === 0;
    keyed(
      this.body,
      lines,
      (l) => l.route,
      (l) =>
        el(
          'tr',
          {},
          el('th', { scope: 'row' }, l.route.replace('/api/postgres', '') || '/'),
          el('td', { class: 'wide' }),
          ...Array.from({ length: 4 }, () => el('td', { class: 'number' })),
        ),
      (row, l) => {
        const late = l.p99 !== undefined && l.p99 > promise && l.h.total >= enough;
        row.title = l.route;
        row.children[3]?.classList.toggle('late', late);
        fill(row, [row.children[0]?.textContent ?? '', strip(l.h, l.p50, l.p99, promise, late), ms(l.p50), ms(l.p99) + (late ? ' ▲' : ''), whole(l.h.total), perSecond(l.rate)]);
      },
    );
  }
}
