import { ask } from '../common/api';
import { value } from './words';
import type { Hit } from './columns';

export interface LayerInfo {
  name: string;
  title: string;
  geometry: string;
  rows: number | null;
  properties: string[];
}

interface Listed {
  name: string;
  title?: string;
  status: string;
  geometry_type?: string;
  row_count?: number | null;
  properties?: { name: string }[];
}

let known: Promise<LayerInfo[]> | undefined;

/** The layers that may be asked about places, in the catalog's order. Asked once; again after a failure. */
export function layers(): Promise<LayerInfo[]> {
  known ??= ask<{ layers: Listed[] }>('api/postgres/layers')
    .then(({ value: { layers: all } }) =>
      all
        .filter((l) => l.status === 'ok' && l.geometry_type !== 'none')
        .map((l) => ({
          name: l.name,
          title: l.title ?? l.name,
          geometry: l.geometry_type ?? 'mixed',
          rows: l.row_count ?? null,
          properties: (l.properties ?? []).map((p) => p.name),
        })),
    )
    .catch((error: unknown) => {
      known = undefined;
      throw error;
    });
  return known;
}

export async function titleOf(layer: string): Promise<string> {
  return (await layers()).find((l) => l.name === layer)?.title ?? layer;
}

// What of a feature is worth a line beside its id. Layers that are not here show their first columns.
const telling: Record<string, string[]> = {
  substations: ['substation_name', 'voltage_level'],
  transformers: ['rated_kva', 'health_score'],
  power_lines: ['voltage_class', 'line_type'],
  meters: ['city', 'zip_code'],
  customers: ['city', 'county'],
  assets: ['asset_type', 'status'],
  vegetation: ['risk_level', 'subtype'],
  outages: ['status', 'cause_category'],
  work_orders: ['work_order_type', 'status'],
  circuits: ['circuit_name', 'substation_name'],
  buildings: ['building_type', 'height_meters'],
  water: ['name', 'water_type'],
  topology: ['connection_type'],
};
const units: Record<string, string> = { rated_kva: ' kVA', health_score: ' health', height_meters: ' m', capacity_mva: ' MVA' };

export function tellingColumns({ name, properties }: LayerInfo): string[] {
  const wanted = (telling[name] ?? properties.slice(0, 2)).filter((p) => properties.includes(p));
  return wanted.length > 0 ? wanted : properties.slice(0, 1);
}

/** A line about a feature, such as "75 kVA · 81.4 health". */
export function gist(hit: Hit): string {
  const columns = telling[hit.layer] ?? Object.keys(hit.properties).filter((p) => p !== 'distance_m').slice(0, 2);
  return columns
    .map((c) => ({ c, text: value(hit.properties[c]) }))
    .filter(({ text }) => text !== '')
    .map(({ c, text }) => text + (units[c] ?? ''))
    .join(' · ');
}
