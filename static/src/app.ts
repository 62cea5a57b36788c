import type { Map as GlMap } from 'maplibre-gl';
import type { Theme } from './common/theme';
import type { UrlState } from './common/url_state';

/** A feature that somebody chose: its layer and its key. */
export interface Picked {
  layer: string;
  id: string;
}

/** What the parts of the map page share. */
export interface App {
  readonly map: GlMap;
  readonly theme: Theme;
  readonly url: UrlState;
  /** Where the panels of Ask stand: beside the map, on a phone below it. */
  readonly panel: HTMLElement;
  /** Where the search field stands, in the bar. */
  readonly searchSlot: HTMLElement;
  readonly selected: Picked | null;
  /** Chooses a feature, or none; the map marks it, the address keeps it, listeners hear of it. */
  select(picked: Picked | null): void;
  onSelect(listener: (picked: Picked | null) => void): void;
  /** Marks these places on the map above all else; nothing takes the marks away. */
  mark(features: GeoJSON.FeatureCollection | null): void;
  /** Layers of one's own go below this one, so that labels stay readable. */
  readonly belowLabels: string;
  /** While true a click or drag on the map belongs to whoever set it, not to the choice of a feature. */
  busy: boolean;
  /** Says it to those who listen to the page instead of looking at it. */
  announce(text: string): void;
}
