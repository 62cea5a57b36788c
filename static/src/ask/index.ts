import './ask.css';
import type { App } from '../app';
import { el } from '../common/dom';
import { Area } from './area';
import { Context } from './context';
import { Detail } from './detail';
import { askNearest } from './nearest';
import { Overlay } from './overlay';
import { Panel } from './panel';
import { Radius } from './radius';
import { Search } from './search';

/** The questions that somebody may put to the map: what is near, what lies within, where is. */
export function installAsk(app: App): void {
  const tools = el('div', { class: 'ask-tools', role: 'toolbar', 'aria-label': 'Ask the map' });
  app.panel.append(tools);
  const intro = el(
    'p',
    { class: 'ask-intro' },
    'Click the map for what is nearest. Hold, then drag, for all within a radius. Press / to search for an id or a name.',
  );
  app.panel.append(intro);
  const c = new Context(app, new Overlay(app), new Panel(app));
  const button = (text: string, title: string, act: () => void) => {
    const out = el('button', { type: 'button', class: 'button', title }, text);
    out.addEventListener('click', act);
    tools.append(out);
    return out;
  };
  const press = (b: HTMLElement, on: boolean) => b.setAttribute('aria-pressed', String(on));

  button('Nearest', 'What is nearest to the middle of the map. A click on the map asks for that place.', () => {
    stop();
    const { lng, lat } = app.map.getCenter();
    void askNearest(c, [lng, lat]);
  });
  const radius = new Radius(c, (on) => press(radiusButton, on));
  const radiusButton = button('Radius', 'Drag a circle on the map. Without this button: hold, then drag.', () => {
    const on = radiusButton.getAttribute('aria-pressed') !== 'true';
    stop();
    radius.arm(on);
    if (on) radius.open();
  });
  const area = new Area(c, (on) => press(areaButton, on));
  const areaButton = button('Area', 'Draw an area and count what lies in it.', () => {
    const on = !area.drawing;
    stop();
    if (on) area.begin();
  });
  press(radiusButton, false);
  press(areaButton, false);
  roving(tools);

  const stop = () => {
    radius.cancel();
    radius.arm(false);
    if (area.drawing) c.panel.close();
  };
  document.addEventListener(
    'keydown',
    (e) => {
      if (e.key !== 'Escape') return;
      radius.cancel();
      radius.arm(false);
    },
    { capture: true },
  );
  // The second click of a double click zooms and asks nothing: what it asks waits for that.
  let waiting: number | undefined;
  app.map.on('click', (e) => {
    if (app.busy || area.drawing) return;
    window.clearTimeout(waiting);
    if (c.results?.chooseAt(e.point)) return;
    waiting = window.setTimeout(() => void askNearest(c, [e.lngLat.lng, e.lngLat.lat]), 220);
  });
  app.map.on('dblclick', () => window.clearTimeout(waiting));
  app.onSelect(() => c.results?.current());
  new Search(app);
  new Detail(c);
}

/** One button of a toolbar is in the tab order; left and right move to the others. */
function roving(bar: HTMLElement): void {
  const all = [...bar.querySelectorAll('button')];
  for (const [i, b] of all.entries()) {
    b.tabIndex = i === 0 ? 0 : -1;
    b.addEventListener('focus', () => {
      for (const each of all) each.tabIndex = each === b ? 0 : -1;
    });
  }
  bar.addEventListener('keydown', (e) => {
    const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    const at = all.findIndex((b) => b === document.activeElement);
    if (step === 0 || at < 0) return;
    e.preventDefault();
    all[(at + step + all.length) % all.length]?.focus();
  });
}
