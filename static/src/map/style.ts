import type {
  DataDrivenPropertyValueSpecification as DataDriven,
  ExpressionSpecification,
  FilterSpecification,
  LayerSpecification,
} from 'maplibre-gl';
import type { Theme } from '../common/theme';
import { mapLayers, statuses, voltages, type LineColouring } from './catalog';

/** Layers of Ask and marks go below this one. */
export const belowLabels = 'water-name';
/** Points that deck.gl draws go below this one. */
export const belowPoints = 'points-end';
export const fontName = 'IBM Plex Sans';

type Zoomed = [zoom: number, value: number | ExpressionSpecification][];
function byZoom(stops: Zoomed, base = 1): ExpressionSpecification {
  return ['interpolate', base === 1 ? ['linear'] : ['exponential', base], ['zoom'], ...stops.flat()] as never;
}

function match(property: string, cases: readonly (readonly [string, unknown])[], other: unknown): never {
  return ['match', ['get', property], ...cases.flat(), other] as never;
}

const outage: FilterSpecification = ['==', ['get', 'circuit_status'], 'outage'];
const noOutage: FilterSpecification = ['!=', ['get', 'circuit_status'], 'outage'];
const count: ExpressionSpecification = ['coalesce', ['get', 'point_count'], 1];

/** What tells the states apart without colour: bad ones are wider and lie on top. */
const severity: ExpressionSpecification = match('circuit_status', [['critical', 3], ['warning', 2], ['good', 1]], 0);
function lineWidth(thin: number): DataDriven<number> {
  const by = (width: number): ExpressionSpecification => [
    '*',
    width,
    match('circuit_status', [['critical', 2], ['warning', 1.5], ['unknown', 0.7]], 1),
    match('voltage_class', [['HIGH', 1.7], ['MEDIUM', 1.2]], 1),
  ];
  return byZoom([[8, by(0.55 * thin)], [11, by(0.9 * thin)], [14, by(1.6 * thin)], [18, by(4 * thin)]]);
}

export function lineColour(theme: Theme, colouring: LineColouring): DataDriven<string> {
  if (colouring === 'voltage')
    return match('voltage_class', voltages.map((v) => [v, theme.token(`--${v.toLowerCase()}`)] as const), theme.token('--unknown'));
  return match('circuit_status', statuses.map((s) => [s, theme.token(`--${s}`)] as const), theme.token('--unknown'));
}

/** Clusters are circles whose area goes with what they stand for; single points keep one size. */
function pointRadius(single: Zoomed, most: number): DataDriven<number> {
  const sized = (radius: number): ExpressionSpecification => [
    'case', ['has', 'point_count'], ['min', most, ['+', 1.6, ['*', 0.75, ['sqrt', count]]]], radius];
  return byZoom(single.map(([zoom, radius]) => [zoom, sized(radius as number)]));
}

/** Everything that is drawn from tiles, lowest first. */
export function styleLayers(theme: Theme, colouring: LineColouring): LayerSpecification[] {
  const c = (name: string) => theme.token(name);
  const dark = theme.name === 'dark';
  const from = (id: string) => mapLayers.find((layer) => layer.id === id)?.from ?? 0;
  const vector = (id: string) => ({ source: id, 'source-layer': id, minzoom: from(id) });
  const lineLayers = (id: string, thin: number): LayerSpecification[] => [
    {
      id,
      type: 'line',
      ...vector(id),
      filter: noOutage,
      layout: { 'line-cap': 'round', 'line-join': 'round', 'line-sort-key': severity },
      paint: { 'line-color': lineColour(theme, colouring), 'line-width': lineWidth(thin), 'line-opacity': match('circuit_status', [['critical', 1], ['warning', 0.95]], thin < 1 ? 0.5 : 0.7) },
    },
    {
      id: `${id}-outage`,
      type: 'line',
      ...vector(id),
      filter: outage,
      layout: { 'line-join': 'round' },
      paint: {
        'line-color': lineColour(theme, colouring),
        'line-width': byZoom([[8, 1.2 * thin], [11, 2 * thin], [14, 2.8 * thin], [18, 6 * thin]]),
        'line-dasharray': [2, 1.6],
      },
    },
  ];
  return [
    { id: 'ground', type: 'background', paint: { 'background-color': c('--map-ground') } },
    {
      id: 'water',
      type: 'fill',
      ...vector('water'),
      filter: ['match', ['geometry-type'], ['Polygon', 'MultiPolygon'], true, false],
      paint: {
        'fill-color': c('--map-water'),
        // A square that stands for ponds too small to be seen is mostly land.
        'fill-opacity': ['case', ['has', 'point_count'], ['min', 0.4, ['*', 0.02, count]], 1],
      },
    },
    {
      id: 'water-line',
      type: 'line',
      ...vector('water'),
      filter: ['match', ['geometry-type'], ['LineString', 'MultiLineString'], true, false],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: {
        'line-color': c('--map-water'),
        'line-width': byZoom([[9, 0.6], [13, match('water_type', [['river', 4], ['canal', 3]], 1.6)], [17, match('water_type', [['river', 22], ['canal', 14]], 7)]]),
      },
    },
    {
      id: 'service_areas',
      type: 'fill',
      ...vector('service_areas'),
      paint: {
        'fill-color': lineColour(theme, 'status'),
        'fill-opacity': match('circuit_status', [['good', 0.05], ['warning', 0.16], ['critical', 0.24], ['outage', 0.24]], 0.04),
      },
    },
    {
      id: 'service_areas-edge',
      type: 'line',
      ...vector('service_areas'),
      paint: { 'line-color': c('--map-area'), 'line-width': byZoom([[9, 0.4], [14, 1.2]]) },
    },
    {
      id: 'buildings',
      type: 'fill',
      ...vector('buildings'),
      maxzoom: 15.5,
      paint: {
        'fill-color': c('--map-building'),
        'fill-opacity': ['interpolate', ['linear'], ['zoom'],
          11, ['min', 0.75, ['+', 0.12, ['*', 0.05, ['sqrt', count]]]],
          14, ['min', 1, ['+', 0.8, ['*', 0.05, ['sqrt', count]]]]],
      },
    },
    {
      id: 'buildings-3d',
      type: 'fill-extrusion',
      ...vector('buildings'),
      minzoom: 14.5,
      paint: {
        'fill-extrusion-color': ['interpolate', ['linear'], ['coalesce', ['get', 'height_meters'], 4], 0, c('--map-building'), 60, c('--map-roof')],
        'fill-extrusion-height': byZoom([[14.5, 0], [15.5, ['coalesce', ['get', 'height_meters'], 4]]]),
        'fill-extrusion-opacity': byZoom([[14.5, 0], [15.5, dark ? 0.9 : 0.92]]),
        'fill-extrusion-vertical-gradient': true,
      },
    },
    ...lineLayers('topology', 0.55),
    ...lineLayers('power_lines', 1),
    {
      id: 'vegetation',
      type: 'circle',
      ...vector('vegetation'),
      layout: { 'circle-sort-key': match('risk_level', [['critical', 3], ['warning', 2], ['monitor', 1]], 0) },
      paint: {
        'circle-color': match('risk_level', [['critical', c('--critical')], ['warning', c('--warning')]], c('--tree')),
        'circle-opacity': match('risk_level', [['critical', 0.85], ['warning', 0.7], ['monitor', 0.5]], 0.35),
        'circle-radius': pointRadius([[10, 1.5], [14, 2.6], [18, 9]], 14),
        'circle-pitch-alignment': 'map',
      },
    },
    {
      id: 'transformers',
      type: 'circle',
      ...vector('transformers'),
      paint: {
        'circle-color': c('--map-ground'),
        'circle-stroke-color': c('--transformer'),
        'circle-stroke-width': byZoom([[12, 0.8], [16, 1.6]]),
        'circle-opacity': ['case', ['has', 'point_count'], 0.35, 0.9],
        'circle-radius': pointRadius([[12, 1.2], [14, 2], [18, 6]], 11),
      },
    },
    {
      id: 'work_orders',
      type: 'circle',
      ...vector('work_orders'),
      paint: {
        'circle-color': c('--map-halo'),
        'circle-stroke-color': c('--work'),
        'circle-stroke-width': match('priority', [['HIGH', 3], ['LOW', 1.2]], 2),
        'circle-radius': pointRadius([[8, 3], [14, 5], [18, 8]], 16),
      },
    },
    { id: belowPoints, type: 'background', layout: { visibility: 'none' } },
    {
      id: belowLabels,
      type: 'symbol',
      ...vector('water'),
      minzoom: 12.5,
      filter: ['all', ['has', 'name'], ['>', ['coalesce', ['get', 'acres'], 0], 4]],
      layout: {
        'text-field': ['get', 'name'],
        'text-font': [fontName],
        'text-size': byZoom([[12, 10], [16, 12]]),
        'text-letter-spacing': 0.06,
        'text-max-width': 7,
        'text-padding': 70, // rivers come in pieces, each with the name
      },
      paint: { 'text-color': c('--map-water-label'), 'text-halo-color': c('--map-water'), 'text-halo-width': 1 },
    },
    {
      id: 'cluster-count',
      type: 'symbol',
      ...vector('transformers'),
      filter: ['all', ['has', 'point_count'], ['>=', count, 40]],
      layout: {
        'text-field': ['to-string', count],
        'text-font': [fontName],
        'text-size': 10,
      },
      paint: { 'text-color': c('--map-label'), 'text-halo-color': c('--map-halo'), 'text-halo-width': 1.2 },
    },
    {
      id: 'substation-name',
      type: 'symbol',
      source: 'substations',
      minzoom: 9.5,
      layout: {
        'text-field': ['get', 'name'],
        'text-font': [fontName],
        'text-size': byZoom([[9, 10.5], [13, 12.5], [17, 15]]),
        'text-variable-anchor': ['left', 'right', 'bottom', 'top'],
        'text-radial-offset': 0.95,
        'text-justify': 'auto',
        'text-max-width': 9,
        'symbol-sort-key': ['get', 'rank'],
      },
      paint: {
        'text-color': c('--map-label'),
        'text-halo-color': c('--map-halo'),
        'text-halo-width': 1.6,
        'text-halo-blur': 0.4,
      },
    },
  ];
}

/** The layers of the style that show a layer of the catalog. */
export function styleIdsOf(layer: string): string[] {
  const also: Record<string, string[]> = {
    substations: ['substation-name'],
    outages: [],
    water: ['water', 'water-line', belowLabels],
    service_areas: ['service_areas', 'service_areas-edge'],
    buildings: ['buildings', 'buildings-3d'],
    topology: ['topology', 'topology-outage'],
    power_lines: ['power_lines', 'power_lines-outage'],
    transformers: ['transformers', 'cluster-count'],
  };
  return also[layer] ?? [layer];
}

