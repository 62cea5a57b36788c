import { IconLayer, ScatterplotLayer } from '@deck.gl/layers';
import { MapLibreOverlay } from '@deck.gl/maplibre';
import type { Map as GlMap } from 'maplibre-gl';
import type { Theme } from '../common/theme';
import { statuses } from '../map/catalog';
import { belowPoints } from '../map/style';
import type { GridState, Outage, Substation } from './grid_state';
import { atlasCell, drawAtlas } from './shapes';

type Colour = [number, number, number, number];

function colourOf(text: string, alpha = 255): Colour {
  const n = Number.parseInt(text.slice(1), 16);
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255, alpha];
}

const iconMapping = Object.fromEntries(
  statuses.map((s, i) => [s, { x: i * atlasCell, y: 0, width: atlasCell, height: atlasCell, mask: true }]),
);
// The map's overlay reads it, deck's own types do not know it.
const placed = { beforeId: belowPoints } as object;
const pulse_ms = 2400;

export interface Point {
  kind: 'substations' | 'outages';
  id: string;
}

/** Substations and outages: few, and always in motion, so that deck.gl draws them; the tiles' layers lie below. */
export class LivePoints {
  private readonly overlay = new MapLibreOverlay({ interleaved: true, layers: [] });
  private readonly atlas = drawAtlas(statuses);
  private readonly still = matchMedia('(prefers-reduced-motion: reduce)');
  private shown = { substations: true, outages: true };
  private beating = false;

  constructor(
    private readonly map: GlMap,
    private readonly theme: Theme,
    private readonly state: GridState,
  ) {
    map.addControl(this.overlay);
    theme.onChange(() => this.draw());
    map.on('zoom', () => this.draw());
    this.draw();
  }

  show(layer: 'substations' | 'outages', shown: boolean): void {
    this.shown = { ...this.shown, [layer]: shown };
    this.draw();
  }

  /** What is drawn at this point of the map's picture. */
  at(x: number, y: number): Point | null {
    const found = this.overlay.pickObject({ x, y, radius: 6 });
    const object = found?.object as Substation | Outage | undefined;
    if (!object) return null;
    return { kind: 'customers' in object ? 'outages' : 'substations', id: object.id };
  }

  draw(): void {
    const colour = (name: string, alpha?: number) => colourOf(this.theme.token(name), alpha);
    const zoom = this.map.getZoom();
    const scale = Math.min(1.5, Math.max(0.55, 0.55 + (zoom - 9) * 0.12));
    const substations = this.shown.substations && this.state.complete ? [...this.state.substations.values()] : [];
    const outages = this.shown.outages ? [...this.state.outages.values()] : [];
    const now = Date.now();
    const fresh = this.still.matches ? [] : [...substations, ...outages].filter((p) => now - p.changed_at < pulse_ms);
    const motion = this.still.matches ? {} : { getColor: 500, getSize: 500 };
    const size: Record<string, number> = { good: 13, warning: 18, critical: 21, outage: 19, unknown: 14 };
    const name = this.theme.name;
    const substationIcons = (id: string, halo: boolean) =>
      new IconLayer<Substation>({
        id,
        data: substations,
        ...placed,
        pickable: !halo,
        iconAtlas: this.atlas as never, // deck takes pixels, too
        iconMapping,
        getIcon: (s) => s.status,
        getPosition: (s) => s.position,
        getSize: (s) => (size[s.status] ?? 14) + (halo ? 6 : 0),
        sizeScale: scale,
        getColor: (s) => (halo ? colour('--map-halo') : colour(`--${s.status}`)),
        updateTriggers: { getColor: name },
        transitions: motion,
        parameters: { depthCompare: 'always' },
      });
    this.overlay.setProps({
      layers: [
        new ScatterplotLayer<Outage>({
          id: 'outages',
          data: outages,
          ...placed,
          pickable: true,
          radiusUnits: 'pixels',
          lineWidthUnits: 'pixels',
          stroked: true,
          filled: true,
          getPosition: (o) => o.position,
          getRadius: (o) => (4 + Math.sqrt(o.customers) * 0.55) * Math.max(0.7, scale),
          getFillColor: colour('--outage', 56),
          getLineColor: colour('--outage'),
          getLineWidth: 1.6,
          updateTriggers: { getFillColor: name, getLineColor: name, getRadius: scale },
          transitions: this.still.matches ? {} : { getRadius: 500 },
          parameters: { depthCompare: 'always' },
        }),
        substationIcons('substations-halo', true),
        substationIcons('substations', false),
        new ScatterplotLayer<Substation | Outage>({
          id: 'pulse',
          data: fresh,
          ...placed,
          radiusUnits: 'pixels',
          lineWidthUnits: 'pixels',
          stroked: true,
          filled: false,
          getPosition: (p) => p.position,
          getRadius: (p) => 10 + 26 * Math.min(1, (now - p.changed_at) / pulse_ms),
          getLineColor: (p) => colour('status' in p && 'row' in p ? `--${p.status}` : '--outage', 255 * (1 - Math.min(1, (now - p.changed_at) / pulse_ms))),
          getLineWidth: 2,
          updateTriggers: { getRadius: now, getLineColor: now },
          parameters: { depthCompare: 'always' },
        }),
      ],
    });
    if (fresh.length > 0) this.beat();
  }

  // Rings round what has just changed, for a moment.
  private beat(): void {
    if (this.beating) return;
    this.beating = true;
    requestAnimationFrame(() => {
      this.beating = false;
      this.draw();
    });
  }
}
