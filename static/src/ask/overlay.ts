import type { GeoJSONSource, Map as GlMap } from 'maplibre-gl';
import type { App } from '../app';
import type { Hit } from './columns';
import type { Position } from './geodesic';

const shape = 'ask-shape';
const found = 'ask-found';
const nothing: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] };

/** What Ask draws: the circle or area that was asked about, and what was found in it. */
export class Overlay {
  private points: GeoJSON.Feature[] = [];
  private readonly map: GlMap;

  constructor(private readonly app: App) {
    this.map = app.map;
    this.install();
    app.theme.onChange(() => this.paint());
  }

  /** What is asked about: outlines are drawn, areas shaded; a `role` of "measure" is dashed, "corner" a handle. */
  ask(...shapes: GeoJSON.Feature[]): void {
    void this.source(shape)?.setData({ type: 'FeatureCollection', features: shapes });
  }

  find(hits: readonly Hit[]): void {
    this.points = hits.flatMap((hit) =>
      hit.at
        ? [{ type: 'Feature', geometry: { type: 'Point', coordinates: hit.at }, properties: { key: keyOf(hit) } } as GeoJSON.Feature]
        : [],
    );
    void this.source(found)?.setData({ type: 'FeatureCollection', features: this.points });
    this.light(null);
  }

  light(key: string | null): void {
    this.map.setFilter('ask-lit', ['==', ['get', 'key'], key ?? '']);
  }

  /** The found feature under a point of the screen. */
  at(point: { x: number; y: number }): string | null {
    if (this.points.length === 0) return null;
    const box: [[number, number], [number, number]] = [
      [point.x - 6, point.y - 6],
      [point.x + 6, point.y + 6],
    ];
    const key: unknown = this.map.queryRenderedFeatures(box, { layers: ['ask-found'] })[0]?.properties.key;
    return typeof key === 'string' ? key : null;
  }

  clear(): void {
    this.ask();
    this.find([]);
  }

  private source(id: string): GeoJSONSource | undefined {
    return this.map.getSource<GeoJSONSource>(id);
  }

  private install(): void {
    this.map.addSource(shape, { type: 'geojson', data: nothing });
    this.map.addSource(found, { type: 'geojson', data: nothing });
    this.map.addLayer({ id: 'ask-fill', type: 'fill', source: shape, filter: ['==', ['geometry-type'], 'Polygon'] });
    this.map.addLayer({
      id: 'ask-line',
      type: 'line',
      source: shape,
      filter: ['!=', ['get', 'role'], 'measure'],
      paint: { 'line-width': 2 },
      layout: { 'line-join': 'round' },
    });
    this.map.addLayer({
      id: 'ask-measure',
      type: 'line',
      source: shape,
      filter: ['==', ['get', 'role'], 'measure'],
      paint: { 'line-width': 1.5, 'line-dasharray': [2, 2] },
    });
    this.map.addLayer({
      id: 'ask-found',
      type: 'circle',
      source: found,
      paint: { 'circle-radius': ['interpolate', ['linear'], ['zoom'], 10, 2.5, 14, 4, 18, 6], 'circle-stroke-width': 1.25 },
    });
    this.map.addLayer({
      id: 'ask-lit',
      type: 'circle',
      source: found,
      filter: ['==', ['get', 'key'], ''],
      paint: { 'circle-radius': 9, 'circle-stroke-width': 3, 'circle-opacity': 0.35 },
    });
    this.map.addLayer({
      id: 'ask-corner',
      type: 'circle',
      source: shape,
      filter: ['==', ['get', 'role'], 'corner'],
      paint: { 'circle-radius': 5, 'circle-stroke-width': 2 },
    });
    this.paint();
  }

  private paint(): void {
    const accent = this.app.theme.token('--accent');
    const ground = this.app.theme.token('--surface');
    this.map.setPaintProperty('ask-fill', 'fill-color', accent);
    this.map.setPaintProperty('ask-fill', 'fill-opacity', 0.12);
    for (const id of ['ask-line', 'ask-measure']) this.map.setPaintProperty(id, 'line-color', accent);
    for (const id of ['ask-found', 'ask-lit', 'ask-corner']) {
      this.map.setPaintProperty(id, 'circle-color', id === 'ask-corner' ? ground : accent);
      this.map.setPaintProperty(id, 'circle-stroke-color', id === 'ask-found' ? ground : accent);
    }
  }
}

export function keyOf(hit: Hit): string {
  return `${hit.layer}/${hit.id}`;
}

export function ring(corners: readonly Position[], closed: boolean): GeoJSON.Feature {
  const first = corners[0];
  const all = closed && first ? [...corners, first] : [...corners];
  return {
    type: 'Feature',
    properties: {},
    geometry: closed && corners.length > 2 ? { type: 'Polygon', coordinates: [all] } : { type: 'LineString', coordinates: all },
  };
}

export function point(at: Position, role: string): GeoJSON.Feature {
  return { type: 'Feature', properties: { role }, geometry: { type: 'Point', coordinates: at } };
}

export function line(from: Position, to: Position, role: string): GeoJSON.Feature {
  return { type: 'Feature', properties: { role }, geometry: { type: 'LineString', coordinates: [from, to] } };
}
