import type { MapMouseEvent, MapTouchEvent } from 'maplibre-gl';
import { ask } from '../common/api';
import { el } from '../common/dom';
import { readColumns, type Columns } from './columns';
import { given, type Context } from './context';
import { circle, distance, wrapped, type Position } from './geodesic';
import { layers, tellingColumns, type LayerInfo } from './layers';
import { line, point, ring } from './overlay';
import { Results } from './results';
import { count, metres } from './words';

const holdMs = 350;
const stillPx = 6;
const most = 50_000;
const limit = 2_000;

type Press = MapMouseEvent | MapTouchEvent;
interface Place {
  at: Position;
  x: number;
  y: number;
}
const farFrom = (a: Place, b: Place): boolean => Math.hypot(a.x - b.x, a.y - b.y) > stillPx;
const placeOf = (e: Press): Place => ({ at: [e.lngLat.lng, e.lngLat.lat], x: e.point.x, y: e.point.y });

/** Hold and drag on the map: all within the circle, nearest first. Armed by its button a drag alone will do. */
export class Radius {
  private armed = false;
  private timer: number | undefined;
  private start: Place | null = null;
  /** Where the pointer was when the map last heard of it. */
  private last: Place | null = null;
  private drawing = false;
  private layer = 'transformers';

  constructor(
    private readonly c: Context,
    private readonly armedChanged: (armed: boolean) => void,
  ) {
    const { map } = c.app;
    map.on('mousedown', (e) => this.press(e));
    map.on('touchstart', (e) => (e.points.length === 1 ? this.press(e) : this.cancel()));
    map.on('mousemove', (e) => this.move(e));
    map.on('touchmove', (e) => this.move(e));
    // A mouse may be let go of over a panel, of which the map is not told. A finger's end is always told to where it began.
    window.addEventListener('mouseup', () => this.release());
    map.on('touchend', () => this.release());
    map.on('touchcancel', () => this.cancel());
    // A long press of a finger would open the browser's own menu.
    map.on('contextmenu', (e) => this.drawing && e.preventDefault());
    map.on('dragstart', () => !this.drawing && this.cancel());
  }

  arm(on: boolean): void {
    this.armed = on;
    this.c.app.map.getCanvas().classList.toggle('ask-cross', on);
    this.armedChanged(on);
  }

  /** The panel alone, for those who type numbers. */
  open(): void {
    const { app } = this.c;
    const middle = app.map.getCenter();
    void this.ask([middle.lng, middle.lat], 500);
  }

  cancel(): void {
    window.clearTimeout(this.timer);
    this.start = null;
    if (!this.drawing) return;
    this.drawing = false;
    this.c.app.map.dragPan.enable();
    this.c.overlay.ask();
    this.freeSoon();
  }

  private press(e: Press): void {
    if (this.c.app.busy || ('button' in e.originalEvent && e.originalEvent.button !== 0)) return;
    this.start = this.last = placeOf(e);
    window.clearTimeout(this.timer);
    if (this.armed) this.begin();
    else this.timer = window.setTimeout(() => this.begin(), holdMs);
  }

  private begin(): void {
    const { app } = this.c;
    if (!this.start || app.busy) return;
    this.drawing = true;
    app.busy = true;
    app.map.dragPan.disable();
    this.draw(this.start.at, this.start.at);
  }

  private move(e: Press): void {
    if (!this.start) return;
    // Let go of where no window is told, such as in another program.
    if ('buttons' in e.originalEvent && e.originalEvent.buttons === 0) {
      this.cancel();
      return;
    }
    this.last = placeOf(e);
    if (!this.drawing) {
      if (farFrom(this.start, this.last)) this.cancel();
      return;
    }
    e.preventDefault();
    this.draw(this.start.at, this.last.at);
  }

  // What the circle last showed is what is asked.
  private release(): void {
    window.clearTimeout(this.timer);
    const { start, last } = this;
    this.start = null;
    if (!this.drawing || !start || !last) return;
    this.drawing = false;
    this.c.app.map.dragPan.enable();
    this.freeSoon();
    this.arm(false);
    void this.ask(start.at, farFrom(start, last) ? Math.min(most, distance(start.at, last.at)) : 500);
  }

  /** The click that ends the press is still to come, and is not meant for anybody. */
  private freeSoon(): void {
    window.setTimeout(() => (this.c.app.busy = false), 0);
  }

  private draw(centre: Position, to: Position): void {
    const r = Math.min(most, distance(centre, to));
    const outline = r > 0 ? [ring(circle(centre, r).slice(0, -1), true)] : [];
    this.c.overlay.ask(...outline, line(centre, to, 'measure'), point(centre, 'corner'));
    this.c.app.map.getCanvas().title = r > 0 ? metres(r) : '';
  }

  private async ask(centre: Position, radius: number): Promise<void> {
    const { app, overlay, panel } = this.c;
    const r = radius < 100 ? Math.round(radius * 10) / 10 : Math.round(radius);
    app.map.getCanvas().title = '';
    panel.open('Within a radius', '', () => this.c.end());
    const signal = this.c.begin();
    panel.wait('Asking what lies within…');
    overlay.find([]);
    overlay.ask(ring(circle(centre, r).slice(0, -1), true), point(centre, 'corner'));
    const again = () => void this.ask(centre, r);
    let info: LayerInfo | undefined;
    let all: LayerInfo[];
    try {
      all = await layers();
      info = all.find((l) => l.name === this.layer) ?? all[0];
    } catch (error) {
      if (!given(signal)) panel.fail(error, again);
      return;
    }
    if (!info || given(signal)) return;
    this.layer = info.name;
    const form = this.form(centre, r, all);
    const [lon, lat] = [wrapped(centre[0]).toFixed(6), centre[1].toFixed(6)];
    const path = `api/postgres/layers/${info.name}/within?lon=${lon}&lat=${lat}&radius_m=${r}&limit=${limit}&properties=${tellingColumns(info).join(',')}&f=columns`;
    const began = performance.now();
    try {
      const answer = await ask<Columns>(path, { signal });
      const hits = readColumns(answer.value);
      const more = answer.value.truncated === true;
      panel.say(
        hits.length === 0
          ? `${metres(r)} around ${lat}, ${lon}`
          : `${more ? `the nearest ${hits.length.toLocaleString('en')}` : count(hits.length, 'feature')} within ${metres(r)}`,
      );
      if (hits.length === 0) {
        panel.nothing(`No ${info.title.toLowerCase()} within ${metres(r)}.`, 'Draw a larger circle, or choose another layer.');
      } else {
        const results = new Results(app, overlay, hits, { name: `${info.title}, by distance` });
        this.c.results = results;
        overlay.find(hits);
        panel.show(results.element);
        app.announce(`${count(hits.length, 'feature')} of ${info.title} within ${metres(r)}${more ? ', more were left out' : ''}`);
      }
      panel.lead(form);
      panel.requests([answer], performance.now() - began);
    } catch (error) {
      if (given(signal)) return;
      panel.fail(error, again);
      panel.lead(form);
    }
  }

  private form(centre: Position, r: number, all: readonly LayerInfo[]): HTMLElement {
    const which = el('select', { name: 'layer', 'aria-label': 'Layer' });
    for (const l of all) which.append(el('option', { value: l.name, selected: l.name === this.layer }, l.title));
    const size = el('input', { type: 'number', name: 'radius', min: 0.1, step: 'any', required: true, value: r, 'aria-label': 'Radius in metres', inputmode: 'decimal' });
    const form = el('form', { class: 'ask-form' }, which, el('span', { class: 'ask-metres' }, size, ' m'), el('button', { type: 'submit', class: 'button', name: 'go' }, 'Ask'));
    // Only when the fields are good; else the browser says what is wrong with them.
    which.addEventListener('change', () => form.requestSubmit());
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      this.layer = which.value;
      void this.ask(centre, Number(size.value));
    });
    return form;
  }
}
