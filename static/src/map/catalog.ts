/** A layer that the page can show: what is asked for it, and from when on it is drawn. */
export interface MapLayer {
  id: string;
  title: string;
  /** Properties that the tiles carry; undefined: no tiles, its few features come with the events. */
  properties?: string[];
  /** Below this zoom nothing is drawn, and nothing asked for. */
  from: number;
  shown: boolean;
  group: 'Grid' | 'Around it';
}

export const mapLayers: readonly MapLayer[] = [
  { id: 'substations', title: 'Substations', from: 0, shown: true, group: 'Grid' },
  { id: 'outages', title: 'Outages', from: 0, shown: true, group: 'Grid' },
  {
    id: 'power_lines',
    title: 'Power lines',
    properties: ['circuit_id', 'voltage_class', 'circuit_status'],
    from: 0,
    shown: true,
    group: 'Grid',
  },
  {
    id: 'topology',
    title: 'Connections',
    properties: ['from_circuit_id', 'circuit_status'],
    from: 13,
    shown: true,
    group: 'Grid',
  },
  {
    id: 'transformers',
    title: 'Transformers',
    properties: ['rated_kva', 'health_score', 'feeder_id'],
    from: 12,
    shown: true,
    group: 'Grid',
  },
  {
    id: 'work_orders',
    title: 'Work orders',
    properties: ['work_order_type', 'status', 'priority'],
    from: 0,
    shown: false,
    group: 'Grid',
  },
  {
    id: 'service_areas',
    title: 'Service areas',
    properties: ['substation_id', 'circuit_status'],
    from: 0,
    shown: false,
    group: 'Grid',
  },
  {
    id: 'vegetation',
    title: 'Trees at risk',
    properties: ['risk_level', 'canopy_radius_m', 'subtype'],
    from: 10,
    shown: false,
    group: 'Around it',
  },
  { id: 'buildings', title: 'Buildings', properties: ['height_meters'], from: 11, shown: true, group: 'Around it' },
  { id: 'water', title: 'Water', properties: ['water_type', 'name', 'acres'], from: 0, shown: true, group: 'Around it' },
];

/** Beyond this zoom tiles are drawn larger, not asked for again: they hold every feature to a few decimetres. */
export const lastTileZoom = 15;

export const statuses = ['good', 'warning', 'critical', 'outage', 'unknown'] as const;
export type Status = (typeof statuses)[number];
export function asStatus(text: unknown): Status {
  return statuses.find((each) => each === text) ?? 'unknown';
}

export const voltages = ['HIGH', 'MEDIUM', 'LOW'] as const;
export type LineColouring = 'status' | 'voltage';
