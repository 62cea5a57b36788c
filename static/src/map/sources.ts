import type { LngLatBoundsLike, SourceSpecification, VectorSourceSpecification } from 'maplibre-gl';
import { ApiError, ask } from '../common/api';
import { lastTileZoom, mapLayers } from './catalog';

interface TileJson {
  tiles: string[];
  bounds: [number, number, number, number];
  minzoom: number;
  maxzoom: number;
}

export interface Sources {
  byLayer: Record<string, SourceSpecification>;
  /** All that the layers hold; undefined while none of them is known. */
  bounds: LngLatBoundsLike | undefined;
  /** Layers that this server does not serve. */
  missing: Set<string>;
}

async function tileSource(id: string, properties: string[]): Promise<[VectorSourceSpecification, TileJson]> {
  const answer = await ask<TileJson>(`api/postgres/tiles/${id}.json?properties=${properties.join(',')}`);
  const { tiles, bounds, minzoom, maxzoom } = answer.value;
  return [{ type: 'vector', tiles, bounds, minzoom, maxzoom: Math.min(maxzoom, lastTileZoom) }, answer.value];
}

/** A vector source for each layer, as its TileJSON describes it. A layer that is not served is left out. */
export async function readSources(): Promise<Sources> {
  const out: Sources = { byLayer: {}, bounds: undefined, missing: new Set() };
  const wanted = mapLayers.filter((layer) => layer.properties);
  const found = await Promise.allSettled(wanted.map((layer) => tileSource(layer.id, layer.properties ?? [])));
  found.forEach((result, i) => {
    const id = wanted[i]?.id ?? '';
    if (result.status === 'fulfilled') {
      const [source, json] = result.value;
      out.byLayer[id] = source;
      if (id === 'power_lines') out.bounds = json.bounds;
    } else if (result.reason instanceof ApiError && [400, 403, 404].includes(result.reason.status)) {
      out.missing.add(id);
    } else {
      throw result.reason;
    }
  });
  return out;
}
