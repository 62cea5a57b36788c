import type { Answer } from '../common/api';
import { ask } from '../common/api';
import { el } from '../common/dom';
import { readFeature, type Hit } from './columns';
import { given, type Context } from './context';
import type { Position } from './geodesic';
import { wrapped } from './geodesic';
import { homeCard } from './home_card';
import { layers, type LayerInfo } from './layers';
import { line, point } from './overlay';
import { factsOf, hasPlace, homeOf } from './related';
import { Results } from './results';
import { notKnown, unansweredNodes, type Unanswered } from './unanswered';
import { count } from './words';

const reach = 2_000;
const ofEach = 3;
// Whose features are no assets that one clicks for, or which stand for others.
const notAsked = new Set(['buildings', 'water', 'service_areas', 'topology', 'circuits', 'customers']);

type Collection = GeoJSON.FeatureCollection;

function distanceOf(hit: Hit): number {
  return typeof hit.properties.distance_m === 'number' ? hit.properties.distance_m : Infinity;
}

/** What stands nearest to a place, of several layers, and the circuit and substation that it hangs on. */
export async function askNearest(c: Context, at: Position): Promise<void> {
  const { app, overlay, panel } = c;
  const lon = wrapped(at[0]).toFixed(6);
  const lat = at[1].toFixed(6);
  panel.open('Nearest', `${lat}, ${lon}`, () => c.end());
  const signal = c.begin();
  panel.wait('Asking what is near…');
  overlay.ask(point(at, 'corner'));
  overlay.find([]);
  app.mark(null);
  const start = performance.now();
  const again = () => void askNearest(c, at);
  let asked: LayerInfo[];
  try {
    asked = (await layers()).filter((l) => !notAsked.has(l.name));
  } catch (error) {
    if (!given(signal)) panel.fail(error, again);
    return;
  }
  const settled = await Promise.allSettled(
    asked.map((l) =>
      ask<Collection>(`api/postgres/layers/${l.name}/nearest?lon=${lon}&lat=${lat}&limit=${ofEach}&max_distance_m=${reach}`, { signal }),
    ),
  );
  if (given(signal)) return;
  const answers: Answer<unknown>[] = [];
  const hits: Hit[] = [];
  const failed: Unanswered[] = [];
  for (const [i, s] of settled.entries()) {
    const layer = asked[i];
    if (!layer) continue;
    if (s.status === 'rejected') failed.push({ title: layer.title, error: s.reason });
    else {
      answers.push(s.value);
      hits.push(...s.value.value.features.map((f) => readFeature(layer.name, f)));
    }
  }
  if (answers.length === 0 && failed[0]) {
    panel.fail(failed[0].error, again);
    return;
  }
  // What stands in a layer of its own is among the assets once more.
  const own = new Set(hits.filter((h) => h.layer !== 'assets').map((h) => h.id));
  for (let i = hits.length; i-- > 0; ) if (hits[i]?.layer === 'assets' && own.has(hits[i]?.id ?? '')) hits.splice(i, 1);
  hits.sort((a, b) => distanceOf(a) - distanceOf(b));
  if (hits.length === 0) {
    if (failed.length === 0) panel.nothing('Nothing stands within 2 km of here.', 'Click nearer to the grid, or search for an id or a name.');
    else {
      panel.show(...unansweredNodes(failed, again), el('p', { class: 'ask-hint' }, 'Of all else nothing stands within 2 km of here.'));
      app.announce(notKnown(failed));
    }
    panel.requests(answers, performance.now() - start);
    return;
  }
  const nearest = hits.find((h) => homeOf(h).circuit !== null || homeOf(h).substation !== null);
  const titles = new Map(asked.map((l) => [l.name, l]));
  const results = new Results(app, overlay, hits, { name: 'Nearest assets, by distance', titles });
  c.results = results;
  overlay.find(hits);
  panel.show(...unansweredNodes(failed, again), results.element);
  panel.requests(answers, performance.now() - start);
  app.announce(`${count(hits.length, 'asset')} near; the nearest is ${hits[0]?.id ?? ''}${failed.length > 0 ? `. ${notKnown(failed)}` : ''}`);
  if (!nearest) return;

  const facts = await factsOf(homeOf(nearest), signal).catch(() => null); // only when another question came
  if (!facts || given(signal)) return;
  const marks = [facts.area, facts.circuit, facts.substation].filter(hasPlace);
  app.mark({ type: 'FeatureCollection', features: marks });
  const home = (facts.substation?.geometry as GeoJSON.Point | null | undefined)?.coordinates as Position | undefined;
  overlay.ask(
    point(at, 'corner'),
    ...(nearest.at ? [line(at, nearest.at, 'measure')] : []),
    ...(nearest.at && home ? [line(nearest.at, home, 'measure')] : []),
  );
  const card = homeCard(facts, app);
  if (facts.wrong !== undefined) failed.push({ title: 'its circuit and substation', error: facts.wrong });
  panel.show(...unansweredNodes(failed, again), ...(card ? [card] : []), results.element);
  panel.requests([...answers, ...facts.answers], performance.now() - start);
}
