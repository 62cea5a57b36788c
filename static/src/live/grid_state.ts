import { asStatus, type Status } from '../map/catalog';
import type { ServerEvent } from './event_stream';

export interface StatusRow {
  substation_id: string;
  substation_name: string | null;
  circuit_count: number;
  avg_load: number | null;
  worst_circuit_load: number | null;
  worst_circuit_health: number | null;
  critical_circuits: number;
  warning_circuits: number;
  status: string;
  as_of: string | null;
}

export interface Substation {
  id: string;
  name: string;
  position: [number, number];
  status: Status;
  row: StatusRow | undefined;
  /** When the status last changed under our eyes; 0: never. */
  changed_at: number;
}

export interface Outage {
  id: string;
  position: [number, number];
  customers: number;
  restored: number;
  circuit: string;
  cause: string;
  status: string;
  changed_at: number;
}

export type Box = [number, number, number, number];
export interface LayerChange {
  layer: string;
  version: number;
  /** undefined: anywhere */
  envelopes: Box[] | undefined;
}

interface OutageFeature {
  id?: string;
  outage_id?: string;
  gone?: boolean;
  geometry?: { type: string; coordinates: [number, number] } | null;
  properties?: Record<string, unknown>;
}

interface Snapshot {
  versions: Record<string, number>;
  tiles_versions?: Record<string, number>;
  substations?: StatusRow[];
  outages?: OutageFeature[];
}

/** The state of the grid as the events tell it. */
export class GridState {
  readonly substations = new Map<string, Substation>();
  readonly outages = new Map<string, Outage>();
  readonly versions = new Map<string, number>();
  private readonly rows = new Map<string, StatusRow>();

  constructor(
    private readonly on: {
      /** Substations or outages are others now. */
      points: () => void;
      layer: (change: LayerChange) => void;
      /** Changes may have passed unseen: these layers have other versions than those we knew. */
      missed: (layers: string[]) => void;
      said: (text: string) => void;
    },
  ) {}

  /** Both the places and the states of substations are known; before, a count would be wrong. */
  get complete(): boolean {
    return this.substations.size > 0 && this.rows.size > 0;
  }

  /** Places and names of all substations, which the events do not tell. */
  setPlaces(features: GeoJSON.Feature[]): void {
    const before = new Map(this.substations);
    this.substations.clear();
    for (const { id, geometry, properties } of features) {
      if (geometry.type !== 'Point' || id === undefined) continue;
      const key = String(id);
      const row = this.rows.get(key);
      const name = (properties?.['substation_name'] as string | null) ?? key;
      const [lon = 0, lat = 0] = geometry.coordinates;
      this.substations.set(key, {
        id: key,
        name,
        position: [lon, lat],
        status: asStatus(row?.status),
        row,
        changed_at: before.get(key)?.changed_at ?? 0,
      });
    }
    this.on.points();
  }

  take(event: ServerEvent): void {
    const data = JSON.parse(event.data) as unknown;
    if (event.type === 'snapshot') this.takeSnapshot(data as Snapshot);
    else if (event.type === 'status') {
      if (this.takeRow(data as StatusRow, true)) this.on.points();
    } else if (event.type === 'outage') {
      this.takeOutage(data as OutageFeature, true);
      this.on.points();
    } else if (event.type === 'layer') {
      const change = data as { layer: string; version: number; envelopes?: Box[] };
      this.versions.set(change.layer, change.version);
      this.on.layer({ layer: change.layer, version: change.version, envelopes: change.envelopes });
    }
  }

  /** How many substations are in each state. */
  tally(): Record<Status, number> {
    const out: Record<Status, number> = { good: 0, warning: 0, critical: 0, outage: 0, unknown: 0 };
    for (const each of this.substations.values()) out[each.status] += 1;
    return out;
  }

  private takeSnapshot(snapshot: Snapshot): void {
    const known = this.versions.size > 0;
    const missed: string[] = [];
    for (const [layer, version] of Object.entries(snapshot.versions)) {
      if (known && this.versions.get(layer) !== version) missed.push(layer);
      this.versions.set(layer, version);
    }
    this.rows.clear();
    for (const row of snapshot.substations ?? []) this.takeRow(row, known);
    // Those that are gone, and those of whom nothing is known any more, do not keep the state that they had.
    for (const at of this.substations.values()) {
      if (this.rows.has(at.id)) continue;
      if (snapshot.substations) this.substations.delete(at.id);
      else this.substations.set(at.id, { ...at, row: undefined, status: 'unknown' });
    }
    this.outages.clear();
    for (const feature of snapshot.outages ?? []) this.takeOutage(feature, false);
    if (missed.length > 0) this.on.missed(missed);
    this.on.points();
  }

  private takeRow(row: StatusRow & { gone?: boolean }, tell: boolean): boolean {
    if (row.gone === true) {
      this.rows.delete(row.substation_id);
      return this.substations.delete(row.substation_id);
    }
    this.rows.set(row.substation_id, row);
    const at = this.substations.get(row.substation_id);
    if (!at) return false;
    const status = asStatus(row.status);
    const changed = status !== at.status && at.row !== undefined;
    this.substations.set(at.id, { ...at, row, status, changed_at: changed && tell ? Date.now() : at.changed_at });
    if (changed && tell) this.on.said(`Substation ${at.name} is ${status} now`);
    return true;
  }

  private takeOutage(feature: OutageFeature, tell: boolean): void {
    const id = feature.id ?? feature.outage_id ?? '';
    const known = this.outages.get(id);
    const p = feature.properties ?? {};
    const over = feature.gone === true || p['status'] === 'RESTORED' || p['actual_restoration'] != null;
    if (over || feature.geometry?.type !== 'Point') {
      this.outages.delete(id);
      if (known && tell) this.on.said(`Outage ${id} is over`);
      return;
    }
    const number = (name: string) => (typeof p[name] === 'number' ? p[name] : 0);
    const text = (name: string) => (typeof p[name] === 'string' ? p[name] : '');
    this.outages.set(id, {
      id,
      position: feature.geometry.coordinates,
      customers: number('customers_affected'),
      restored: number('customers_restored'),
      circuit: text('circuit_id'),
      cause: text('cause_category'),
      status: text('status'),
      changed_at: known || !tell ? (known?.changed_at ?? 0) : Date.now(),
    });
    if (!known && tell) this.on.said(`New outage on circuit ${text('circuit_id')}: ${number('customers_affected')} customers`);
  }
}
