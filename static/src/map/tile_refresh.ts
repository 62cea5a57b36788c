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
const firstPause_ms = 1_000;
const longestPause_ms = 30_000;

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
  /** Sources of which a tile in view could not be had. */
  readonly failing = new Set<string>();
  private timer: number | undefined;
  private pause = firstPause_ms;

  constructor(
    private readonly map: Pick<GlMap, 'on' | 'getSource' | 'refreshTiles' | 'triggerRepaint'>,
    private readonly onFailing: () => void = () => undefined,
  ) {
    map.on('moveend', () => this.schedule());
    map.on('idle', () => {
      this.schedule();
      this.settled();
    });
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

  /** A tile could not be had: it is asked for again by itself, ever more seldom while that fails. */
  noteFailure(source: string, tile: Tile): void {
    const entry = this.asked.get(source)?.get(`${tile.z}/${tile.x}/${tile.y}`);
    if (!entry) return;
    entry.failed = true;
    this.timer ??= window.setTimeout(() => this.retry(), this.pause * (0.75 + Math.random() / 2));
    if (this.failing.has(source)) return;
    this.failing.add(source);
    this.onFailing();
  }

  /** Now is a better time than any: the server is back, or has another token. */
  retryFailed(): void {
    this.pause = firstPause_ms;
    this.retry();
  }

  private retry(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.pause = Math.min(this.pause * 2, longestPause_ms);
    for (const tiles of this.asked.values())
      for (const entry of tiles.values()) if (entry.failed) entry.dirty = true;
    this.refresh();
    this.map.triggerRepaint(); // so that it comes to rest, even when none of them is in view any more
  }

  // The map rests, and nothing has failed since the last try.
  private settled(): void {
    if (this.timer !== undefined) return;
    this.pause = firstPause_ms;
    if (this.failing.size === 0) return;
    this.failing.clear();
    this.onFailing();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    window.setTimeout(() => {
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
    }
  }
}
