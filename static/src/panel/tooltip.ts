import type { Map as GlMap, MapMouseEvent } from 'maplibre-gl';
import { el } from '../common/dom';
import { count } from '../common/format';
import type { GridState } from '../live/grid_state';
import type { LivePoints } from '../live/points';
import { asStatus } from '../map/catalog';
import { statusIcon } from './icons';

const pause_ms = 40;
const lines = ['power_lines', 'power_lines-outage', 'topology', 'topology-outage'];

/** A word on what lies under the pointer. The panels say the same to who has none. */
export class Tooltip {
  private readonly box = el('div', { class: 'tooltip', hidden: true });
  private timer: number | undefined;

  constructor(
    private readonly map: GlMap,
    private readonly points: LivePoints,
    private readonly state: GridState,
  ) {
    map.getContainer().append(this.box);
    map.on('mousemove', (event) => {
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.show(event), pause_ms);
    });
    for (const end of ['mouseout', 'movestart'] as const)
      map.on(end, () => {
        window.clearTimeout(this.timer);
        this.box.hidden = true;
      });
  }

  private show(event: MapMouseEvent): void {
    const text = this.textAt(event);
    this.box.hidden = text === null;
    this.map.getCanvas().style.cursor = text ? 'pointer' : '';
    if (!text) return;
    this.box.replaceChildren(...text);
    const { width, height } = this.map.getContainer().getBoundingClientRect();
    const right = event.point.x + this.box.offsetWidth + 24 > width;
    const low = event.point.y + this.box.offsetHeight + 24 > height;
    const x = right ? event.point.x - this.box.offsetWidth - 12 : event.point.x + 14;
    const y = low ? event.point.y - this.box.offsetHeight - 12 : event.point.y + 14;
    this.box.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  private textAt({ point }: MapMouseEvent): Node[] | null {
    const found = this.points.at(point.x, point.y);
    const substation = found?.kind === 'substations' ? this.state.substations.get(found.id) : undefined;
    if (substation) {
      const { row } = substation;
      const load = row?.worst_circuit_load;
      return [
        el('strong', {}, statusIcon(substation.status, 12), substation.name),
        el('span', {}, `${substation.status} · ${row?.circuit_count ?? 0} circuits${load == null ? '' : ` · highest load ${Math.round(load)} %`}`),
      ];
    }
    const outage = found?.kind === 'outages' ? this.state.outages.get(found.id) : undefined;
    if (outage) {
      const out = Math.max(0, outage.customers - outage.restored);
      return [
        el('strong', {}, statusIcon('outage', 12), `Outage ${outage.id}`),
        el('span', {}, `${count(out)} customers · circuit ${outage.circuit}`),
        el('span', {}, [outage.cause, outage.status.replace('_', ' ')].filter(Boolean).join(' · ').toLowerCase()),
      ];
    }
    const layers = lines.filter((id) => this.map.getLayer(id));
    const { x, y } = point;
    const [line] = this.map.queryRenderedFeatures([[x - 3, y - 3], [x + 3, y + 3]], { layers });
    if (!line) return null;
    const p = line.properties;
    const status = asStatus(p['circuit_status']);
    const circuit = String(p['circuit_id'] ?? p['from_circuit_id'] ?? '');
    const voltage = typeof p['voltage_class'] === 'string' ? ` · ${p['voltage_class'].toLowerCase()} voltage` : '';
    return [el('strong', {}, statusIcon(status, 12), `Circuit ${circuit}`), el('span', {}, `${status}${voltage}`)];
  }
}
