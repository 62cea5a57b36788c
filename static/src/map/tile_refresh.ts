import type { Map as GlMap } from 'maplibre-gl';

type Box = [number, number, number, number];
interface Tile {
  x: number;
  y: number;
  z: number;
}

interface Entry {
  tile: Tile;
  /** Touched by a change since it was asked for. */
  dirty: boolean;
  failed: boolean;
}

const mostRemembered = 4000;

function boxOf({ x, y, z }: Tile): Box {
  const n = 2 ** z;
  const lat = (row: number) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / n))) * 180) / Math.PI;
  // A line near the edge is drawn into the neighbour, too.
  const margin = (360 / n) * 0.02;
  return [(x / n) * 360 - 180 - margin, lat(y + 1) - margin, ((x + 1) / n) * 360 - 180 + margin, lat(y) + margin];
}

function touch(a: Box, b: Box): boolean {
  return a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
}

/** Asks anew for exactly the tiles that a change touched: at once for those in view, for others when they come back into
    view. The server answers 304 for what is the same after all. */
export class TileRefresh {
  /** Of each source: what was asked for since the start. */
  private readonly asked = new Map<string, Map<string, Entry>>();
  private scheduled = false;

  constructor(
    private readonly map: GlMap,
    private readonly onRefresh: (source: string, tiles: Tile[]) => void = () => undefined,
  ) {
    map.on('moveend', () => this.schedule());
    map.on('idle', () => this.schedule());
  }

  /** To be called with the URL of each tile as it is asked for. */
  noteRequest(url: string): void {
    const found = /\/tiles\/([a-z_0-9]+)\/(\d+)\/(\d+)\/(\d+)/.exec(url);
    const source = found?.[1];
    if (!found || source === undefined) return;
    const tile = { z: Number(found[2]), x: Number(found[3]), y: Number(found[4]) };
    const tiles = this.asked.get(source) ?? new Map<string, Entry>();
    this.asked.set(source, tiles);
    const key = `${tile.z}/${tile.x}/${tile.y}`;
    tiles.delete(key); // so that the oldest stand first
    tiles.set(key, { tile, dirty: false, failed: false });
    if (tiles.size > mostRemembered) {
      const oldest = tiles.keys().next().value;
      if (oldest !== undefined) tiles.delete(oldest);
    }
  }

  /** Something changed within these envelopes; undefined: anywhere. */
  changed(source: string, envelopes: Box[] | undefined): void {
    for (const entry of this.asked.get(source)?.values() ?? []) {
      const box = boxOf(entry.tile);
      entry.dirty ||= envelopes?.some((each) => touch(each, box)) ?? true;
    }
    this.schedule();
  }

  /** Nothing is known of what changed while nobody told us. */
  everythingChanged(): void {
    for (const source of this.asked.keys()) this.changed(source, undefined);
  }

  /** Tiles that could not be had while the server was away are asked for again. */
  noteFailure(source: string, tile: Tile): void {
    const entry = this.asked.get(source)?.get(`${tile.z}/${tile.x}/${tile.y}`);
    if (entry) entry.failed = true;
  }
  retryFailed(): void {
    for (const tiles of this.asked.values())
      for (const entry of tiles.values()) if (entry.failed) entry.dirty = true;
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setTimeout(() => {
      this.scheduled = false;
      this.refresh();
    }, 30);
  }

  // MapLibre passes over those that are not in view; they stay dirty until they are.
  private refresh(): void {
    for (const [source, tiles] of this.asked) {
      const dirty = [...tiles.values()].filter((entry) => entry.dirty).map((entry) => entry.tile);
      if (dirty.length === 0 || !this.map.getSource(source)) continue;
      this.map.refreshTiles(source, dirty);
      this.onRefresh(source, dirty);
    }
  }
}
