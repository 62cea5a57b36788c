import { el } from '../common/dom';
import { parts, sparkline } from './charts';
import type { History } from './history';
import { keyed } from './keyed';
import type { Metrics } from './metrics';
import { bytes, perSecond, whole } from './words';

interface Tile {
  name: string;
  now: string;
  more: string;
  chart: SVGSVGElement | null;
  bad?: boolean;
}

const sumOf = (name: string, keep: (status: string) => boolean) => (m: Metrics) =>
  m.all(name).reduce((sum, s) => sum + (keep(s.labels.status ?? '') ? s.value : 0), 0);

/** Requests, listeners and the tile cache, each a figure with its last minutes. */
export class TrafficView {
  private readonly list = el('ul', { class: 'tiles' });

  constructor(
    element: HTMLElement,
    private readonly history: History,
  ) {
    element.append(el('h2', { class: 'sr-only' }, 'Traffic'), this.list);
  }

  show(): void {
    const m = this.history.last?.metrics;
    if (!m) return;
    keyed(
      this.list,
      this.tiles(m),
      (t) => t.name,
      (t) => el('li', { class: 'tile' }, el('h3', {}, t.name), el('p', { class: 'now' }), el('div', {}), el('p', { class: 'more' })),
      (node, t) => {
        const [, now, chart, more] = node.children;
        node.classList.toggle('bad', t.bad === true);
        if (now) now.textContent = t.now;
        if (more) more.textContent = t.more;
        chart?.replaceChildren(...(t.chart ? [t.chart] : []));
      },
    );
  }

  private tiles(m: Metrics): Tile[] {
    const { history } = this;
    const { spanMs } = history;
    const now = history.last?.at ?? 0;
    const requests = history.rate(sumOf('gridlight_http_requests_total', () => true));
    const faults = history.rate(sumOf('gridlight_http_requests_total', (s) => s.startsWith('5')));
    const faultsAll = sumOf('gridlight_http_requests_total', (s) => s.startsWith('5'))(m);
    const listeners = history.gauge('gridlight_events_listeners');
    const how = (h: string) => m.value('gridlight_tile_requests_total', { how: h }) ?? 0;
    const [hit, joined, miss, stale] = [how('hit'), how('joined'), how('miss'), how('stale')];
    const asked = hit + joined + miss + stale;
    const latest = (line: readonly [number, number][]) => line[line.length - 1]?.[1];
    const out: Tile[] = [
      {
        name: 'Requests a second',
        now: perSecond(latest(requests)),
        more: `${whole(m.value('gridlight_http_requests_in_flight'))} being answered · ${whole(m.value('gridlight_http_connections'))} connections`,
        chart: sparkline(requests, now, spanMs, 'Requests a second over the last minutes'),
      },
      {
        name: 'Answers of 500 and above',
        now: perSecond(latest(faults)),
        more: `${whole(faultsAll)} since the start · ${whole(m.value('gridlight_http_connections_refused_total'))} connections refused`,
        chart: sparkline(faults, now, spanMs, 'Faults a second over the last minutes'),
        bad: (latest(faults) ?? 0) > 0,
      },
      {
        name: 'Listeners to events',
        now: whole(m.value('gridlight_events_listeners')),
        more: `${whole(m.value('gridlight_events_dropped_total'))} cut off for being slow`,
        chart: sparkline(listeners, now, spanMs, 'Listeners over the last minutes'),
      },
      {
        name: 'Tiles kept',
        now: bytes(m.value('gridlight_tile_cache_bytes') ?? 0),
        more: `${whole(m.value('gridlight_tile_cache_tiles'))} tiles · gone: ${whole(m.value('gridlight_tile_evictions_total', { reason: 'changed' }))} changed, ${whole(m.value('gridlight_tile_evictions_total', { reason: 'room' }))} for room`,
        chart: sparkline(history.gauge('gridlight_tile_cache_bytes'), now, spanMs, 'Bytes of kept tiles over the last minutes'),
      },
      {
        name: 'Tiles from memory',
        now: asked === 0 ? '–' : `${(((hit + joined) / asked) * 100).toFixed(hit + joined === asked ? 0 : 1)} %`,
        more: `${whole(hit)} kept · ${whole(joined)} joined · ${whole(miss)} made${stale > 0 ? ` · ${whole(stale)} stale` : ''}`,
        chart:
          asked === 0
            ? null
            : parts([
                { className: 'hit', share: hit / asked },
                { className: 'joined', share: joined / asked },
                { className: 'stale', share: stale / asked },
              ]),
      },
    ];
    return out;
  }
}
