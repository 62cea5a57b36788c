import { Map as GlMap, NavigationControl, ScaleControl, setWorkerUrl, type StyleSpecification } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import labelFont from '@fontsource/ibm-plex-sans/files/ibm-plex-sans-latin-500-normal.woff2?url';
import { root } from '../common/api';
import { byId } from '../common/dom';
import type { Theme } from '../common/theme';
import { tokenHeaders } from '../common/token';
import type { UrlState } from '../common/url_state';
import { mapLayers, type LineColouring } from './catalog';
import type { Sources } from './sources';
import { fontName, styleIdsOf, styleLayers } from './style';
import { readView } from './view';

interface Setup {
  sources: Sources;
  theme: Theme;
  url: UrlState;
  shown: ReadonlySet<string>;
  colouring: LineColouring;
  onTile: (url: string) => void;
}

/** The map, with its sources and layers; paint and visibility follow theme and switches. */
export function makeMap(s: Setup): GlMap {
  setWorkerUrl(workerUrl);
  const view = readView(s.url.get('view'));
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  return new GlMap({
    container: byId('map'),
    style: makeStyle(s),
    ...(view ?? {}),
    ...(view === null && s.sources.bounds ? { bounds: s.sources.bounds, fitBoundsOptions: { padding: 24 } } : {}),
    maxPitch: 70,
    maxZoom: 20,
    attributionControl: false,
    refreshExpiredTiles: false, // what changed we are told
    fadeDuration: still ? 0 : 200,
    transformRequest: (url, type) => {
      if (String(type) === 'Tile') s.onTile(url);
      return url.startsWith(root) ? { url, headers: tokenHeaders() } : { url };
    },
    locale: { 'Map.Title': 'Map of the grid. Arrow keys move it, plus and minus zoom.' },
  })
    .addControl(new NavigationControl({ visualizePitch: true }), 'top-right')
    .addControl(new ScaleControl({ maxWidth: 96 }), 'bottom-right');
}

function makeStyle({ sources, theme, shown, colouring }: Setup): StyleSpecification {
  const known = new Set(['substations', ...Object.keys(sources.byLayer)]);
  const hidden = new Set(mapLayers.filter((l) => !shown.has(l.id)).flatMap((l) => styleIdsOf(l.id)));
  return {
    version: 8,
    'font-faces': { [fontName]: labelFont },
    transition: { duration: 250, delay: 0 },
    light: { anchor: 'map', position: [1.3, 210, 40], intensity: theme.name === 'dark' ? 0.25 : 0.3 },
    sources: {
      ...sources.byLayer,
      substations: { type: 'geojson', data: { type: 'FeatureCollection', features: [] } },
    },
    layers: styleLayers(theme, colouring)
      .filter((layer) => !('source' in layer) || known.has(layer.source))
      .map((layer) => (hidden.has(layer.id) ? ({ ...layer, layout: { ...layer.layout, visibility: 'none' } } as typeof layer) : layer)),
  };
}

/** Other colours in place: a new style would throw away what others have added to the map. */
export function repaint(map: GlMap, theme: Theme, colouring: LineColouring): void {
  for (const layer of styleLayers(theme, colouring)) {
    if (!map.getLayer(layer.id)) continue;
    for (const [name, value] of Object.entries(layer.paint ?? {}) as [never, never][])
      if (/(color|opacity)$/.test(name)) map.setPaintProperty(layer.id, name, value, { validate: false });
  }
}

export function setShown(map: GlMap, layer: string, shown: boolean): void {
  for (const id of styleIdsOf(layer))
    if (map.getLayer(id)) map.setLayoutProperty(id, 'visibility', shown ? 'visible' : 'none');
}
