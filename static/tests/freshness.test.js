/* global Response */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import './page.js';
import { Clock } from './clock.js';
import { FreshnessWatch } from '../src/live/freshness.ts';
import { allowedLag, stateOf } from '../src/status/layers_view.ts';

const problem = (status, title) => Response.json({ status, title, detail: '' }, { status });
const layer = { layer: 'outages', version: 3, row_count: 7, lag_s: 5, changed_at: null, failures_since: 0 };
const settings = {
  tables: [
    { name: 'outages', schedule: { every_s: 300, longest_pause_s: 300 } },
    { name: 'cron', layer: 'circuits', schedule: { cron: '*/5 * * * *', longest_pause_s: 300 } },
    { name: 'daily', layer: 'topology', schedule: { cron: '0 4 * * *', longest_pause_s: 86_400 } },
    { name: 'weekdays', schedule: { cron: '*/15 9-17 * * 1-5', longest_pause_s: 227_700 } },
    { name: 'never', schedule: null },
  ],
};

/** A watch whose server answers what `server.status` says. */
function watched() {
  const clock = new Clock();
  const server = { status: () => Response.json({ layers: [layer] }), asked: 0 };
  globalThis.fetch = async (url) => {
    if (String(url).endsWith('settings')) return Response.json(settings);
    server.asked += 1;
    return server.status();
  };
  let told = 0;
  const watch = new FreshnessWatch(() => (told += 1));
  return { clock, server, watch, told: () => told, of: (name) => watch.byLayer.get(name) };
}

test('while the server answers nothing is stale, and what it said ages with its own lag', async () => {
  const { clock, watch, of } = watched();
  await clock.pass(100);
  assert.deepEqual(of('outages'), { rows: 7, lag_s: 5, stale: false, failures: 0 });
  assert.equal(watch.doubt, '');
});

test('one look that fails is asked again soon; after two all is stale and the reason said; and it comes back', async () => {
  const { clock, server, watch, of, told } = watched();
  await clock.pass(100);
  server.status = () => problem(503, 'Database unavailable');
  await clock.pass(10_000);
  assert.equal(watch.doubt, '');
  assert.equal(of('outages').stale, false);
  const before = told();
  await clock.pass(2_500);
  assert.equal(watch.doubt, 'Database away');
  assert.equal(of('outages').stale, true);
  assert.ok(of('outages').lag_s >= 16, `${of('outages').lag_s} s: what was heard last goes on ageing`);
  assert.ok(told() > before);
  await clock.pass(30_000);
  assert.ok(of('outages').lag_s >= 40);
  server.status = () => Response.json({ layers: [layer] });
  await clock.pass(10_000);
  assert.equal(watch.doubt, '');
  assert.deepEqual([of('outages').stale, Math.round(of('outages').lag_s)], [false, 5]);
});

test('one failure between two good answers says nothing', async () => {
  const { clock, server, watch } = watched();
  await clock.pass(100);
  let n = 0;
  server.status = () => (++n === 1 ? problem(503, 'Database unavailable') : Response.json({ layers: [layer] }));
  await clock.pass(15_000);
  assert.ok(n > 1);
  assert.equal(watch.doubt, '');
  server.status = () => (++n % 2 === 0 ? problem(503, 'Database unavailable') : Response.json({ layers: [layer] }));
  await clock.pass(60_000);
  assert.equal(watch.doubt, '');
});

test('a server that refuses, is busy, or is silent', async () => {
  for (const [answer, doubt, known] of [
    [() => problem(403, 'Forbidden'), '', 0],
    [() => problem(401, 'Unauthorized'), '', 1],
    [() => problem(500, 'Internal error'), 'Internal error', 1],
    [() => Promise.reject(new TypeError('fetch failed')), 'No answer', 1],
    [() => new Response('<html>', { status: 200 }), 'No answer', 1],
  ]) {
    const { clock, server, watch } = watched();
    await clock.pass(100);
    server.status = answer;
    await clock.pass(25_000);
    assert.equal(watch.doubt, doubt);
    assert.equal(watch.byLayer.size, known, doubt);
  }
});

test('a layer is stale by its own schedule, also when that is a cron line; the status page counts alike', async () => {
  const { clock, server, watch } = watched();
  await clock.pass(100);
  const stale = async (name, lag_s) => {
    server.status = () => Response.json({ layers: [{ ...layer, layer: name, lag_s }] });
    await clock.pass(10_000);
    return watch.byLayer.get(name).stale;
  };
  for (const [name, fine, late] of [
    ['outages', 800, 1_000],
    ['circuits', 800, 1_000],
    ['topology', 25 * 3600, 31 * 3600],
    ['weekdays', 227_700, 260_000],
    ['never', 800, 1_000],
  ]) {
    assert.equal(await stale(name, fine), false, `${name} ${fine}`);
    assert.equal(await stale(name, late), true, `${name} ${late}`);
    const all = { enabled: true, tables: settings.tables.map((t) => ({ ...t, in_force: true })) };
    const allowed = allowedLag(name, all);
    if (name === 'never') assert.equal(allowed, undefined);
    else assert.deepEqual([fine, late].map((lag_s) => stateOf({ lag_s, failures_since: 0 }, allowed)), ['good', 'warning'], name);
  }
});
