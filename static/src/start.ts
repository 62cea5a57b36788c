import type { GeoJSONSource, Map as GlMap } from 'maplibre-gl';
import type { App } from './app';
import { installAsk } from './ask';
import { ApiError, onUnauthorized } from './common/api';
import { byId } from './common/dom';
import { Theme } from './common/theme';
import { UrlState } from './common/url_state';
import { EventStream, type LinkState } from './live/event_stream';
import { FreshnessWatch, reasonOf } from './live/freshness';
import { GridState, type Substation } from './live/grid_state';
import { Places, readSubstations } from './live/places';
import type { LivePoints } from './live/points';
import { mapLayers, type LineColouring } from './map/catalog';
import { makeMap, repaint, setShown } from './map/grid_map';
import { laterPart, tellNoMap } from './map/notice';
import { Selection } from './map/selection';
import { readColouring, readShown, writeColouring, writeShown } from './map/shown';
import { readSources, type Sources } from './map/sources';
import { belowLabels } from './map/style';
import { TileRefresh } from './map/tile_refresh';
import { keepView } from './map/view';
import { Attention } from './panel/attention';
import { Bar } from './panel/bar';
import { LayersPanel } from './panel/layers_panel';
import { installTabs } from './panel/tabs';
import { askForToken } from './panel/token_dialog';
import { Tooltip } from './panel/tooltip';

/** Layers whose tiles carry the state of their circuit. */
const conditioned = ['power_lines', 'topology', 'service_areas'];

/** Waits for the server as long as it takes, and for a token when it wants one. */
async function patiently<T>(what: () => Promise<T>, tell: (state: LinkState, why: string) => void = () => undefined): Promise<T> {
  for (let pause = 500; ; pause = Math.min(pause * 2, 8000)) {
    try {
      return await what();
    } catch (error) {
      const { status } = error instanceof ApiError ? error : { status: 0 };
      tell(status === 401 ? 'refused' : 'gone', status === 0 ? '' : reasonOf(error));
      await new Promise<void>((resume) => {
        waiting.add(resume);
        setTimeout(resume, pause);
      });
    }
  }
}
const waiting = new Set<() => void>();
function waitNoLonger(): void {
  for (const resume of waiting) resume();
  waiting.clear();
}

export async function startApp(): Promise<void> {
  const theme = new Theme();
  const url = new UrlState();
  const bar = new Bar(theme);
  const shown = readShown(url);
  let colouring = readColouring(url);
  let linkState: LinkState = 'connecting';
  installTabs();

  let restart: () => void = waitNoLonger;
  onUnauthorized(() => askForToken(() => restart()));

  let map: GlMap | undefined;
  let refresh: TileRefresh | undefined;
  let points: LivePoints | undefined;
  const attention = new Attention(byId('attention'), (s) => goTo(s));
  const show = (layer: string, on: boolean) => {
    if (on) shown.add(layer);
    else shown.delete(layer);
    if (!map) return;
    setShown(map, layer, on);
    if (layer === 'substations' || layer === 'outages') points?.show(layer, on);
    panel.setZoom(map.getZoom());
  };
  const colour = (now: LineColouring) => {
    colouring = now;
    if (map) repaint(map, theme, now);
  };
  const panel = new LayersPanel(byId('layer-list'), shown, colouring, {
    onToggle: (layer, on) => {
      show(layer, on);
      writeShown(url, shown);
    },
    onColouring: (now) => {
      colour(now);
      writeColouring(url, now);
    },
  });
  url.onChange(() => {
    const now = readShown(url);
    for (const { id } of mapLayers) {
      if (now.has(id) === shown.has(id)) continue;
      panel.setShown(id, now.has(id));
      show(id, now.has(id));
    }
    const lines = readColouring(url);
    panel.setColouring(lines);
    if (lines !== colouring) colour(lines);
  });

  const state = new GridState({
    points: () => {
      bar.showTally(state);
      attention.show(state);
      panel.setOpen('outages', state.outages.size);
      showFreshness();
      points?.draw();
      showNames();
    },
    layer: ({ layer, envelopes }) => {
      const sources = layer === 'circuit_condition' ? conditioned : [layer];
      for (const source of sources) refresh?.changed(source, envelopes);
      showFreshness();
    },
    missed: (layers) => {
      for (const layer of layers)
        for (const source of layer === 'circuit_condition' ? conditioned : [layer]) refresh?.changed(source, undefined);
    },
    said: announce,
  });
  const freshness = new FreshnessWatch(() => {
    bar.showLink(linkState, freshness.doubt);
    showFreshness();
  });
  function showFreshness(): void {
    panel.setFreshness(state.versions, freshness.byLayer, linkState === 'live' ? freshness.doubt : 'Not connected', refresh?.failing ?? new Set());
  }
  function showNames(): void {
    const source = map?.getSource<GeoJSONSource>('substations');
    const order = { critical: 0, outage: 0, warning: 1, good: 2, unknown: 3 };
    void source?.setData({
      type: 'FeatureCollection',
      features: [...state.substations.values()].map((s) => ({
        type: 'Feature',
        geometry: { type: 'Point', coordinates: s.position },
        properties: { name: s.name, rank: order[s.status] },
      })),
    });
  }

  const sources: Sources = await patiently(readSources, (now, why) => {
    linkState = now;
    bar.showLink(now, why);
  });
  for (const layer of sources.missing) panel.remove(layer);
  const attach = (made: GlMap) => {
    map = made;
    const tiles = (refresh = new TileRefresh(made, showFreshness));
    keepView(made, url);
    theme.onChange(() => repaint(made, theme, colouring));
    made.on('zoom', () => panel.setZoom(made.getZoom()));
    panel.setZoom(made.getZoom());
    // MapLibre tells of a failed tile here.
    made.on('error', (event) => {
      const { sourceId, tile } = event as { sourceId?: string; tile?: { tileID: { canonical: { x: number; y: number; z: number } } } };
      if (sourceId !== undefined && tile) tiles.noteFailure(sourceId, tile.tileID.canonical);
    });
    made.once('idle', () => performance.mark('gridlight.picture'));
    made.once('load', () => loaded(made));
  };

  const told = [...mapLayers.map((l) => l.id).filter((id) => !sources.missing.has(id)), 'circuits', 'circuit_condition'];
  const places = new Places(
    () => patiently(readSubstations),
    (features) => state.setPlaces(features),
  );
  const stream = new EventStream({
    path: `api/postgres/events?layers=${told.join(',')}`,
    onEvent: (event) => {
      state.take(event);
      places.want(state.versions.get('substations'));
    },
    onState: (now) => {
      const back = now === 'live' && (linkState === 'gone' || linkState === 'refused');
      linkState = now;
      bar.showLink(now, freshness.doubt);
      showFreshness();
      if (!back) return;
      void freshness.look();
      refresh?.retryFailed();
    },
    onUnauthorized: () => askForToken(() => restart()),
  });
  restart = () => {
    waitNoLonger();
    stream.again();
    refresh?.retryFailed();
  };

  const loaded = (theMap: GlMap) => {
    const selection = new Selection(theMap, theme, url);
    const app: App = {
      map: theMap,
      theme,
      url,
      panel: byId('ask'),
      searchSlot: byId('search'),
      get selected() {
        return selection.selected;
      },
      select: (picked) => selection.select(picked),
      onSelect: (listener) => selection.onSelect(listener),
      mark: (features) => selection.mark(features),
      belowLabels,
      busy: false,
      announce,
    };
    goTo = (s) => {
      theMap.easeTo({ center: s.position, zoom: Math.max(theMap.getZoom(), 13.5), duration: 600 });
      selection.select({ layer: 'substations', id: s.id });
    };
    installAsk(app);
    showNames();
    // A fifth of the page's bytes, and the map can be looked at without it.
    void laterPart(() => import('./live/points'), 'Substations and outages are not drawn').then(({ LivePoints: Points }) => {
      points = new Points(theMap, theme, state);
      for (const layer of ['substations', 'outages'] as const) points.show(layer, shown.has(layer));
      new Tooltip(theMap, points, state);
      document.documentElement.dataset.ready = 'true';
    });
  };
  try {
    attach(makeMap({ sources, theme, url, shown, colouring, onTile: (tile) => refresh?.noteRequest(tile) }));
  } catch (error) {
    tellNoMap(error);
    goTo = () => document.querySelector<HTMLElement>('#map .notice')?.focus();
  }
}

let goTo: (s: Substation) => void = () => undefined;

function announce(text: string): void {
  byId('say').textContent = text;
}
