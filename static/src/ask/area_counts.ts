import { ask, type Answer } from '../common/api';
import { el } from '../common/dom';
import { readFeature, type Hit } from './columns';
import { given, type Context } from './context';
import { area, type Position } from './geodesic';
import { layers, tellingColumns, type LayerInfo } from './layers';
import { ring } from './overlay';
import { polygonOf } from './polygon';
import { Results } from './results';
import { notKnown, unansweredNodes } from './unanswered';
import { count, squareMetres } from './words';

const atOnce = 4;

interface Count {
  layer: LayerInfo;
  hits: Hit[];
  more: boolean;
  error?: unknown;
}

// Outlines are heavier than points.
const limitOf = (l: LayerInfo) => (l.geometry === 'point' ? 5_000 : 2_000);

/** Asks each layer what touches the area, and shows the counts; a layer opens as the list of its features. */
export async function countWithin(c: Context, corners: readonly Position[]): Promise<void> {
  const { app, overlay, panel } = c;
  const polygon = polygonOf(corners);
  const size = squareMetres(area([...corners, corners[0] ?? [0, 0]]));
  panel.open('Within an area', size, () => c.end());
  const signal = c.begin();
  panel.wait('Counting, layer by layer…');
  overlay.find([]);
  overlay.ask(ring(corners, true));
  const began = performance.now();
  let all: LayerInfo[];
  try {
    all = await layers();
  } catch (error) {
    if (!given(signal)) panel.fail(error, () => void countWithin(c, corners));
    return;
  }
  const answers: Answer<unknown>[] = [];
  const counts: Count[] = [];
  const waiting = [...all];
  const work = async () => {
    for (let layer = waiting.shift(); layer && !given(signal); layer = waiting.shift()) {
      const of = layer;
      const path = `api/postgres/layers/${of.name}/intersects?limit=${limitOf(of)}&properties=${tellingColumns(of).join(',')}`;
      try {
        const answer = await ask<GeoJSON.FeatureCollection & { truncated?: boolean }>(path, { body: polygon, signal });
        answers.push(answer);
        counts.push({ layer: of, hits: answer.value.features.map((f) => readFeature(of.name, f)), more: answer.value.truncated === true });
      } catch (error) {
        if (given(signal)) return;
        counts.push({ layer: of, hits: [], more: false, error });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (given(signal)) return;
  const again = () => void countWithin(c, corners);
  const failed = counts.filter((k) => k.error !== undefined).map((k) => ({ title: k.layer.title, error: k.error }));
  panel.requests(answers, performance.now() - began);
  if (failed.length === counts.length && failed[0]) {
    panel.fail(failed[0].error, again);
    return;
  }
  const found = counts.filter((k) => k.hits.length > 0);
  found.sort((a, b) => b.hits.length - a.hits.length || a.layer.title.localeCompare(b.layer.title));
  if (found.length === 0 && failed.length === 0) {
    panel.nothing('Nothing lies in this area.', 'Draw a larger one, or one nearer to the grid.');
    return;
  }
  const none = counts.filter((k) => k.hits.length === 0 && k.error === undefined).map((k) => k.layer.title);
  panel.show(
    ...unansweredNodes(failed, again),
    ...(found.length > 0 ? [countList(c, found)] : []),
    ...(none.length > 0 ? [el('p', { class: 'ask-hint ask-none' }, `None of: ${none.sort().join(', ')}`)] : []),
  );
  const total = found.reduce((sum, k) => sum + k.hits.length, 0);
  const more = failed.length > 0 || found.some((k) => k.more);
  panel.say(`${size} · ${total.toLocaleString('en')}${more ? ' or more' : ''} features`);
  const told = found.map((k) => `${k.layer.title} ${number(k)}`).join(', ');
  app.announce(`In this area: ${told || 'nothing of what is known'}${failed.length > 0 ? `. ${notKnown(failed)}` : ''}`);
}

const number = (k: Count) => (k.more ? `over ${k.hits.length.toLocaleString('en')}` : k.hits.length.toLocaleString('en'));

function countList(c: Context, found: readonly Count[]): HTMLElement {
  const most = Math.max(...found.map((k) => k.hits.length));
  const out = el('ul', { class: 'ask-counts', 'aria-label': 'What lies in the area, by layer' });
  for (const k of found) {
    const inner = el('div', { hidden: true });
    const bar = el('span', { class: 'ask-count-bar', 'aria-hidden': true });
    // Few beside very many are still to be seen.
    bar.style.setProperty('--share', String(Math.max(0.02, Math.sqrt(k.hits.length / most))));
    const button = el(
      'button',
      { type: 'button', class: 'ask-count', 'aria-expanded': 'false' },
      el('span', { class: 'ask-count-name' }, k.layer.title),
      el('span', { class: 'ask-count-number' }, number(k)),
      bar,
    );
    button.addEventListener('click', () => {
      const open = inner.hidden;
      c.results?.drop();
      c.results = undefined;
      for (const each of out.querySelectorAll('.ask-count')) each.setAttribute('aria-expanded', 'false');
      for (const each of out.querySelectorAll<HTMLElement>('.ask-count + div')) {
        each.hidden = true;
        each.replaceChildren();
      }
      c.overlay.find(open ? k.hits : []);
      if (!open) return;
      const results = new Results(c.app, c.overlay, k.hits, { name: `${k.layer.title} in the area` });
      c.results = results;
      inner.hidden = false;
      inner.append(results.element);
      button.setAttribute('aria-expanded', 'true');
      c.app.announce(`${count(k.hits.length, 'feature')} of ${k.layer.title}`);
    });
    out.append(el('li', {}, button, inner));
  }
  return out;
}
