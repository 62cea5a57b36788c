import type { GeoJSONSource, Map as GlMap } from 'maplibre-gl';
import type { Picked } from '../app';
import { ask } from '../common/api';
import type { Theme } from '../common/theme';
import type { UrlState } from '../common/url_state';
import { belowLabels } from './style';

const nothing: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] };

/** The feature that somebody chose, kept in the address, and the marks on the map. */
export class Selection {
  private now: Picked | null;
  private readonly listeners = new Set<(picked: Picked | null) => void>();
  private abort: AbortController | undefined;

  constructor(
    private readonly map: GlMap,
    private readonly theme: Theme,
    private readonly url: UrlState,
  ) {
    for (const source of ['marked', 'selected']) {
      map.addSource(source, { type: 'geojson', data: nothing });
      this.addLayers(source);
    }
    theme.onChange(() => this.paint());
    this.now = read(url);
    if (this.now) void this.draw(this.now);
    url.onChange(() => {
      const picked = read(url);
      if (picked?.id !== this.now?.id || picked?.layer !== this.now?.layer) this.select(picked);
    });
  }

  get selected(): Picked | null {
    return this.now;
  }

  select(picked: Picked | null): void {
    this.now = picked;
    this.url.set('select', picked ? `${picked.layer}/${picked.id}` : null);
    for (const listener of this.listeners) listener(picked);
    void this.draw(picked);
  }

  onSelect(listener: (picked: Picked | null) => void): void {
    this.listeners.add(listener);
  }

  mark(features: GeoJSON.FeatureCollection | null): void {
    void this.map.getSource<GeoJSONSource>('marked')?.setData(features ?? nothing);
  }

  private async draw(picked: Picked | null): Promise<void> {
    this.abort?.abort();
    const source = this.map.getSource<GeoJSONSource>('selected');
    if (!picked) {
      void source?.setData(nothing);
      return;
    }
    const abort = new AbortController();
    this.abort = abort;
    const path = `api/postgres/layers/${picked.layer}/features/${encodeURIComponent(picked.id)}`;
    try {
      const { value } = await ask<GeoJSON.Feature>(path, { signal: abort.signal });
      if (!abort.signal.aborted) void source?.setData(value);
    } catch {
      if (!abort.signal.aborted) void source?.setData(nothing);
    }
  }

  private addLayers(source: string): void {
    this.map.addLayer(
      {
        id: `${source}-line`,
        type: 'line',
        source,
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: {
          'line-opacity': source === 'marked' ? 0.7 : 0.95,
          'line-width': ['interpolate', ['linear'], ['zoom'], 8, 1.5, 14, 3, 18, 6],
        },
      },
      belowLabels,
    );
    this.map.addLayer(
      {
        id: `${source}-point`,
        type: 'circle',
        source,
        filter: ['==', ['geometry-type'], 'Point'],
        paint: {
          'circle-opacity': 0,
          'circle-radius': source === 'marked' ? 8 : 13,
          'circle-stroke-width': source === 'marked' ? 1.6 : 2.5,
        },
      },
      belowLabels,
    );
    this.paint();
  }

  private paint(): void {
    for (const source of ['marked', 'selected']) {
      if (!this.map.getLayer(`${source}-point`)) continue;
      const colour = this.theme.token(source === 'marked' ? '--accent' : '--mark');
      this.map.setPaintProperty(`${source}-line`, 'line-color', colour);
      this.map.setPaintProperty(`${source}-point`, 'circle-stroke-color', colour);
    }
  }
}

function read(url: UrlState): Picked | null {
  const text = url.get('select');
  const slash = text?.indexOf('/') ?? -1;
  return text === null || slash < 1 ? null : { layer: text.slice(0, slash), id: text.slice(slash + 1) };
}
