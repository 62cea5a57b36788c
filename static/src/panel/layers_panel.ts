import { count, duration, shortCount } from '../common/format';
import { el } from '../common/dom';
import type { Freshness } from '../live/freshness';
import { mapLayers, statuses, type LineColouring, type MapLayer } from '../map/catalog';
import { lineIcon, statusIcon, swatch } from './icons';

interface Hooks {
  onToggle: (layer: string, shown: boolean) => void;
  onColouring: (colouring: LineColouring) => void;
}

interface Row {
  layer: MapLayer;
  item: HTMLElement;
  box: HTMLInputElement;
  note: HTMLElement;
  state: HTMLElement;
}

/** What is shown, what its signs mean, how many there are and how fresh it is. */
export class LayersPanel {
  private readonly rows = new Map<string, Row>();
  private readonly lineLegends: Record<LineColouring, HTMLElement> = { status: lineLegend(), voltage: voltageLegend() };
  private readonly radios: HTMLInputElement[] = [];
  private readonly open = new Map<string, number>();

  constructor(
    root: HTMLElement,
    shown: ReadonlySet<string>,
    colouring: LineColouring,
    private readonly hooks: Hooks,
  ) {
    for (const group of ['Grid', 'Around it'] as const) {
      const list = el('ul', { class: 'layers' });
      for (const layer of mapLayers) if (layer.group === group) list.append(this.row(layer, shown.has(layer.id)));
      root.append(el('section', {}, el('h2', { class: 'heading' }, group), list));
    }
    this.setColouring(colouring);
  }

  setColouring(colouring: LineColouring): void {
    for (const radio of this.radios) radio.checked = radio.value === colouring;
    for (const [name, legend] of Object.entries(this.lineLegends)) legend.hidden = name !== colouring;
  }

  setShown(layer: string, shown: boolean): void {
    const row = this.rows.get(layer);
    if (!row) return;
    row.box.checked = shown;
    row.item.classList.toggle('off', !shown);
  }

  remove(layer: string): void {
    this.rows.get(layer)?.item.remove();
    this.rows.delete(layer);
  }

  /** What of the layers the view is too far away for. */
  setZoom(zoom: number): void {
    for (const { layer, note, box } of this.rows.values()) {
      const far = zoom < layer.from;
      note.hidden = !far || !box.checked;
      note.textContent = far ? `Zoom in to see them` : '';
    }
  }

  /** How many are open; the layer itself keeps those of the last days, too. */
  setOpen(layer: string, open: number): void {
    this.open.set(layer, open);
  }

  /** \param doubt  why what is known of all of them may be old; '' when we hear of changes
      \param failing  those of which a part could not be fetched */
  setFreshness(versions: ReadonlyMap<string, number>, runs: ReadonlyMap<string, Freshness>, doubt: string, failing: ReadonlySet<string>): void {
    for (const [id, { state }] of this.rows) {
      const run = runs.get(id);
      const version = versions.get(id);
      const stale = doubt !== '' || run?.stale === true || failing.has(id);
      const parts = [];
      const open = this.open.get(id);
      if (open !== undefined) parts.push(`${count(open)} open`);
      else if (run?.rows != null) parts.push(shortCount(run.rows));
      if (failing.has(id)) parts.push('not all here');
      else if (run?.lag_s != null) parts.push(duration(run.lag_s));
      state.textContent = parts.join(' · ');
      state.classList.toggle('stale', stale);
      const lag = run?.lag_s == null ? 'not synced from a source' : `${duration(run.lag_s)} behind its source`;
      const failed = run && run.failures > 0 ? `, ${run.failures} failed ${run.failures === 1 ? 'run' : 'runs'}` : '';
      const part = failing.has(id) ? ', a part of it could not be fetched' : '';
      const told = `version ${version ?? 'unknown'}, ${lag}${failed}${part}${doubt === '' ? '' : `, ${doubt.toLowerCase()}`}${stale ? ': stale' : ''}`;
      state.title = told.charAt(0).toUpperCase() + told.slice(1);
      state.setAttribute('aria-label', state.title);
    }
  }

  private row(layer: MapLayer, shown: boolean): HTMLElement {
    const box = el('input', { type: 'checkbox', id: `layer-${layer.id}`, class: 'switch' });
    box.checked = shown;
    const state = el('span', { class: 'state', role: 'img' });
    const note = el('p', { class: 'note', hidden: true });
    const legend = this.legend(layer.id);
    const head = el('div', { class: 'row' }, box, el('label', { for: box.id }, layer.title), state);
    const item = el('li', { class: shown ? 'layer' : 'layer off' }, head, note, ...(legend ? [legend] : []));
    box.addEventListener('change', () => {
      this.setShown(layer.id, box.checked);
      this.hooks.onToggle(layer.id, box.checked);
    });
    this.rows.set(layer.id, { layer, item, box, note, state });
    return item;
  }

  private legend(id: string): HTMLElement | null {
    switch (id) {
      case 'substations':
        return entries(statuses.filter((s) => s !== 'outage').map((s) => [statusIcon(s), s]));
      case 'outages':
        return entries([[swatch('outage', 'ring'), 'larger: more customers']]);
      case 'power_lines':
        return el('div', { class: 'legend-lines' }, this.colouringChoice(), ...Object.values(this.lineLegends));
      case 'transformers':
        return entries([[swatch('transformer', 'ring'), 'from far away one for many']]);
      case 'work_orders':
        return entries([[swatch('work', 'ring'), 'bolder: more urgent']]);
      case 'vegetation':
        return entries([
          [swatch('critical', 'dot'), 'critical'],
          [swatch('warning', 'dot'), 'warning'],
          [swatch('tree', 'dot'), 'watched'],
        ]);
      default:
        return null;
    }
  }

  private colouringChoice(): HTMLElement {
    const group = el('div', { class: 'choice', role: 'radiogroup', 'aria-label': 'Colour lines by' });
    for (const [value, text] of [['status', 'Status'], ['voltage', 'Voltage']] as const) {
      const radio = el('input', { type: 'radio', name: 'colouring', value, id: `colour-${value}` });
      radio.addEventListener('change', () => {
        this.setColouring(value);
        this.hooks.onColouring(value);
      });
      this.radios.push(radio);
      group.append(radio, el('label', { for: radio.id }, text));
    }
    return group;
  }
}

function entries(list: [SVGSVGElement, string][]): HTMLElement {
  return el('ul', { class: 'legend' }, ...list.map(([icon, text]) => el('li', {}, icon, text)));
}

function lineLegend(): HTMLElement {
  return entries([
    [lineIcon('good', 1.6), 'good'],
    [lineIcon('warning', 2.6), 'warning'],
    [lineIcon('critical', 4), 'critical'],
    [lineIcon('outage', 3, true), 'outage'],
  ]);
}

function voltageLegend(): HTMLElement {
  return entries([
    [lineIcon('high', 3.4), 'high'],
    [lineIcon('medium', 2.4), 'medium'],
    [lineIcon('low', 1.6), 'low'],
  ]);
}
