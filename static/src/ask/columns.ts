import type { Position } from './geodesic';

/** The answer to f=columns. */
export interface Columns {
  layer: string;
  length: number;
  truncated?: boolean;
  ids: (string | number)[];
  positions: number[];
  offsets?: number[];
  columns: Record<string, unknown[]>;
}

/** One feature of an answer, in whatever form it came. */
export interface Hit {
  layer: string;
  id: string;
  /** A place to point at: of lines and areas the middle one of their positions. */
  at: Position | null;
  properties: Record<string, unknown>;
  geometry?: GeoJSON.Geometry | null;
}

export function readColumns(answer: Columns): Hit[] {
  const names = Object.keys(answer.columns);
  return Array.from({ length: answer.length }, (_, i) => {
    const properties: Record<string, unknown> = {};
    for (const name of names) properties[name] = answer.columns[name]?.[i] ?? null;
    return { layer: answer.layer, id: String(answer.ids[i]), at: placeOf(answer, i), properties };
  });
}

function placeOf({ offsets, positions }: Columns, i: number): Position | null {
  const first = offsets ? (offsets[i] ?? 0) : i;
  const end = offsets ? (offsets[i + 1] ?? first) : i + 1;
  if (end <= first) return null;
  const middle = first + ((end - first) >> 1);
  const [lon, lat] = [positions[middle * 2], positions[middle * 2 + 1]];
  return lon === undefined || lat === undefined ? null : [lon, lat];
}

export function readFeature(layer: string, f: GeoJSON.Feature): Hit {
  return {
    layer,
    id: String(f.id),
    at: middleOf(f.geometry as GeoJSON.Geometry | null),
    properties: f.properties ?? {},
    geometry: f.geometry as GeoJSON.Geometry | null,
  };
}

/** The middle one of a geometry's positions: of a line near its middle, of an area on its outline. */
export function middleOf(geometry: GeoJSON.Geometry | null): Position | null {
  if (!geometry) return null;
  if (geometry.type === 'GeometryCollection') return middleOf(geometry.geometries[0] ?? null);
  let flat: unknown = geometry.coordinates;
  while (Array.isArray(flat) && Array.isArray(flat[0])) {
    if (Array.isArray(flat[0][0])) flat = flat[0];
    else {
      const positions = flat as number[][];
      flat = positions[positions.length >> 1];
    }
  }
  if (!Array.isArray(flat)) return null;
  const [lon, lat] = flat as unknown[];
  return typeof lon === 'number' && typeof lat === 'number' ? [lon, lat] : null;
}
