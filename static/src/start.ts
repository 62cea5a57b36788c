import { Map as GlMap, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { App, Picked } from './app';
import { installAsk } from './ask';
import { byId } from './common/dom';
import { Theme } from './common/theme';
import { UrlState } from './common/url_state';

export function startApp(): void {
  setWorkerUrl(workerUrl);
  const theme = new Theme();
  const url = new UrlState();
  const map = new GlMap({
    container: byId('map'),
    style: {
      version: 8,
      sources: {},
      layers: [{ id: 'ground', type: 'background', paint: { 'background-color': theme.token('--ground') } }],
    },
    center: [-95.37, 29.76],
    zoom: 11,
  });
  const listeners = new Set<(picked: Picked | null) => void>();
  let selected: Picked | null = null;
  const app: App = {
    map,
    theme,
    url,
    panel: byId('ask'),
    searchSlot: byId('search'),
    get selected() {
      return selected;
    },
    select(picked) {
      selected = picked;
      for (const listener of listeners) listener(picked);
    },
    onSelect: (listener) => listeners.add(listener),
    mark: () => undefined,
    belowLabels: 'ground',
    busy: false,
    announce: (text) => (byId('say').textContent = text),
  };
  map.once('load', () => installAsk(app));
}
