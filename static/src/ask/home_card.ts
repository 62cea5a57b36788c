import { el } from '../common/dom';
import type { App } from '../app';
import type { CircuitFacts } from './related';
import { count, value } from './words';

type Properties = Record<string, unknown>;

/** The map page's words for a state, of a circuit's load and health; the same limits as the server's. */
export function stateOf(p: Properties): string {
  const load = typeof p.avg_load_percent === 'number' ? p.avg_load_percent : null;
  const health = typeof p.avg_health_score === 'number' ? p.avg_health_score : null;
  if (typeof p.outage_count === 'number' && p.outage_count > 0) return 'outage';
  if (load === null && health === null) return 'unknown';
  if ((load ?? 0) > 85 || (health ?? 100) < 50) return 'critical';
  return (load ?? 0) > 70 || (health ?? 100) < 70 ? 'warning' : 'good';
}

function line(what: string, f: GeoJSON.Feature, layer: string, name: string, state: string | null, facts: string[], app: App): HTMLElement {
  const go = el('button', { type: 'button', class: 'ask-home-name' }, name || String(f.id));
  go.addEventListener('click', () => {
    app.select({ layer, id: String(f.id) });
    const at = (f.geometry as GeoJSON.Point | null)?.coordinates;
    if (at?.[0] !== undefined && at[1] !== undefined) app.map.easeTo({ center: [at[0], at[1]] });
  });
  const about = [String(f.id), ...facts].filter((t) => t !== '').join(' · ');
  return el(
    'div',
    { class: 'ask-home-line' },
    el('span', { class: 'ask-home-kind' }, what),
    go,
    ...(state ? [el('span', { class: `ask-state ${state}` }, state)] : []),
    el('span', { class: 'ask-gist' }, about),
  );
}

/** The circuit and substation that are highlighted on the map. */
export function homeCard(facts: CircuitFacts, app: App): HTMLElement | null {
  const lines: HTMLElement[] = [];
  if (facts.circuit) {
    const p = facts.circuit.properties ?? {};
    const load = typeof p.avg_load_percent === 'number' ? `load ${Math.round(p.avg_load_percent)} %` : '';
    const served = typeof p.customers_served === 'number' ? count(p.customers_served, 'customer') : '';
    lines.push(line('Circuit', facts.circuit, 'circuits', value(p.circuit_name), stateOf(p), [load, served], app));
  }
  if (facts.substation) {
    const p = facts.substation.properties ?? {};
    lines.push(line('Substation', facts.substation, 'substations', value(p.substation_name), null, [value(p.voltage_level)], app));
  }
  return lines.length === 0 ? null : el('div', { class: 'ask-home' }, ...lines);
}
