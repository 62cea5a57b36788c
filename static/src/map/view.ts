import type { Map as GlMap } from 'maplibre-gl';
import type { UrlState } from '../common/url_state';

export interface View {
  zoom: number;
  center: [number, number];
  bearing: number;
  pitch: number;
}

/** "12.5/29.76/-95.37/30/55" (zoom, latitude, longitude, bearing, pitch; the last two may be left out). */
export function readView(text: string | null): View | null {
  const [zoom, lat, lon, bearing = 0, pitch = 0] = (text ?? '').split('/').map(Number);
  if (zoom === undefined || lat === undefined || lon === undefined) return null;
  if (![zoom, lat, lon, bearing, pitch].every(Number.isFinite)) return null;
  if (Math.abs(lat) > 85 || Math.abs(lon) > 180 || zoom < 0 || zoom > 22) return null;
  return { zoom, center: [lon, lat], bearing, pitch: Math.min(Math.max(pitch, 0), 70) };
}

export function writeView(map: GlMap): string {
  const { lng, lat } = map.getCenter();
  const parts = [map.getZoom().toFixed(2), lat.toFixed(5), lng.toFixed(5)];
  if (map.getBearing() !== 0 || map.getPitch() !== 0) parts.push(map.getBearing().toFixed(0), map.getPitch().toFixed(0));
  return parts.join('/');
}

/** Keeps the address and the view the same. */
export function keepView(map: GlMap, url: UrlState): void {
  map.on('moveend', () => url.set('view', writeView(map)));
  url.onChange(() => {
    const view = readView(url.get('view'));
    if (view) map.jumpTo(view);
  });
}
