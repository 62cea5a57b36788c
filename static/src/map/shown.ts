import type { UrlState } from '../common/url_state';
import { mapLayers, type LineColouring } from './catalog';

/** Which layers are shown: those of the address when it names some, else the usual ones. */
export function readShown(url: UrlState): Set<string> {
  const listed = url.get('layers')?.split(',');
  return new Set(mapLayers.filter((l) => listed?.includes(l.id) ?? l.shown).map((l) => l.id));
}

export function writeShown(url: UrlState, shown: ReadonlySet<string>): void {
  const usual = mapLayers.every((l) => l.shown === shown.has(l.id));
  url.set('layers', usual ? null : mapLayers.filter((l) => shown.has(l.id)).map((l) => l.id).join(','));
}

export function readColouring(url: UrlState): LineColouring {
  return url.get('lines') === 'voltage' ? 'voltage' : 'status';
}

export function writeColouring(url: UrlState, colouring: LineColouring): void {
  url.set('lines', colouring === 'status' ? null : colouring);
}
