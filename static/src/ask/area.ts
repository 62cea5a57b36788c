import type { MapMouseEvent } from 'maplibre-gl';
import type { Context } from './context';
import { el } from '../common/dom';
import { area, type Position } from './geodesic';
import { line, point, ring } from './overlay';
import { cornersOfBox, crossesItself, distinct, fault } from './polygon';
import { countWithin } from './area_counts';
import { count, squareMetres } from './words';

const closePx = 12;

/** Draws an area corner by corner, and asks what lies in it. */
export class Area {
  private corners: Position[] | null = null;
  private readonly undo = el('button', { type: 'button', class: 'button' }, 'Undo');
  private readonly finish = el('button', { type: 'button', class: 'button ask-main' }, 'Ask');
  private readonly told = el('p', { class: 'ask-hint', role: 'status' });

  constructor(
    private readonly c: Context,
    private readonly drawingChanged: (drawing: boolean) => void,
  ) {
    const { map } = c.app;
    map.on('click', (e) => this.click(e));
    map.on('dblclick', (e) => {
      if (!this.corners) return;
      e.preventDefault();
      this.done();
    });
    map.on('mousemove', (e) => this.rubber([e.lngLat.lng, e.lngLat.lat]));
    this.undo.addEventListener('click', () => this.back());
    this.finish.addEventListener('click', () => this.done());
    document.addEventListener('keydown', (e) => this.key(e));
  }

  get drawing(): boolean {
    return this.corners !== null;
  }

  begin(): void {
    const { app, overlay, panel } = this.c;
    panel.open('Within an area', 'Click the corners; Enter or a click on the first one closes the area.', () => {
      this.stop();
      this.c.end();
    });
    this.corners = [];
    app.busy = true;
    app.map.getCanvas().classList.add('ask-cross');
    app.mark(null);
    overlay.find([]);
    const view = el('button', { type: 'button', class: 'button' }, 'Take what is in view');
    view.addEventListener('click', () => {
      const b = app.map.getBounds();
      this.corners = cornersOfBox(b.getWest(), b.getSouth(), b.getEast(), b.getNorth());
      this.done();
    });
    panel.show(this.told, el('div', { class: 'ask-buttons' }, this.finish, this.undo, view));
    this.draw();
    this.drawingChanged(true);
    app.map.getCanvas().focus({ preventScroll: true });
  }

  /** Stops drawing; what has been drawn is dropped. */
  stop(): void {
    if (!this.corners) return;
    this.corners = null;
    this.c.app.map.getCanvas().classList.remove('ask-cross');
    window.setTimeout(() => (this.c.app.busy = false), 0);
    this.drawingChanged(false);
  }

  private click(e: MapMouseEvent): void {
    if (!this.corners) return;
    const first = this.corners[0];
    if (first && this.corners.length > 2) {
      const at = this.c.app.map.project(first);
      if (Math.hypot(at.x - e.point.x, at.y - e.point.y) < closePx) {
        this.done();
        return;
      }
    }
    this.corners.push([e.lngLat.lng, e.lngLat.lat]);
    this.draw();
  }

  private key(e: KeyboardEvent): void {
    if (!this.corners) return;
    // Elsewhere these keys are those of what has the focus, such as a link.
    const onMap = e.target === this.c.app.map.getCanvas() || e.target === document.body;
    if (e.key === 'Enter' && onMap) this.done();
    else if (e.key === 'Backspace' && (onMap || e.target === this.undo)) this.back();
    else return;
    e.preventDefault();
  }

  private back(): void {
    this.corners?.pop();
    this.draw();
  }

  private rubber(to: Position): void {
    if (this.corners && this.corners.length > 0) this.draw(to);
  }

  private draw(to?: Position): void {
    if (!this.corners) return;
    const all = distinct(this.corners);
    const last = all[all.length - 1];
    this.c.overlay.ask(
      ...(all.length > 1 ? [ring(all, all.length > 2)] : []),
      ...(last && to ? [line(last, to, 'measure')] : []),
      ...all.map((at) => point(at, 'corner')),
    );
    if (to) return;
    const wrong = all.length > 3 && crossesItself(all);
    this.told.textContent = wrong
      ? 'The outline crosses itself. Undo a corner.'
      : all.length < 3
        ? `${count(all.length, 'corner')} of three or more`
        : `${count(all.length, 'corner')} · ${squareMetres(area([...all, all[0] ?? [0, 0]]))}`;
    this.undo.disabled = all.length === 0;
    this.finish.disabled = all.length < 3 || wrong;
  }

  private done(): void {
    if (!this.corners) return;
    // A double click has set its corner twice.
    const corners = distinct(this.corners);
    const wrong = fault(corners);
    if (wrong) {
      this.told.textContent = wrong;
      this.c.app.announce(wrong);
      return;
    }
    this.stop();
    void countWithin(this.c, corners);
  }
}
