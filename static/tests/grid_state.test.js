/* global Response */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import './page.js';
import { Clock } from './clock.js';
import { GridState } from '../src/live/grid_state.ts';
import { Places, readSubstations } from '../src/live/places.ts';

const row = (id, status = 'good') => ({ substation_id: id, substation_name: id, circuit_count: 1, status });
const place = (id, lon = 1, name = id) => ({ type: 'Feature', id, geometry: { type: 'Point', coordinates: [lon, 2] }, properties: { substation_name: name } });
const event = (type, data) => ({ type, data: JSON.stringify(data), id: '' });

/** A page's state, and the server that it reads places from. */
function page(server) {
  const clock = new Clock();
  const said = [];
  const state = new GridState({ points: () => undefined, layer: () => undefined, missed: () => undefined, said: (text) => said.push(text) });
  let reads = 0;
  const read = async () => {
    reads += 1;
    return { features: server.features, version: server.version };
  };
  const places = new Places(read, (features) => state.setPlaces(features));
  const take = async (type, data) => {
    state.take(event(type, data));
    places.want(state.versions.get('substations'));
    await clock.pass(100);
  };
  const names = () => [...state.substations.values()].map((s) => `${s.name} ${s.status}`).join(', ');
  return { clock, state, take, names, reads: () => reads, said };
}

test('a substation that comes, moves or is renamed while the page is open is shown so', async () => {
  const server = { features: [place('A')], version: 1 };
  const { take, names, reads, state, said } = page(server);
  await take('snapshot', { versions: { substations: 1 }, substations: [row('A')], outages: [] });
  assert.equal(names(), 'A good');
  assert.equal(reads(), 1, 'what is known is not read twice');
  Object.assign(server, { features: [place('A', 9, 'A2'), place('B')], version: 2 });
  await take('status', row('B', 'critical'));
  await take('layer', { layer: 'substations', version: 2, envelopes: [] });
  assert.equal(names(), 'A2 good, B critical');
  assert.deepEqual(state.substations.get('A').position, [9, 2]);
  assert.equal(reads(), 2);
  await take('layer', { layer: 'outages', version: 7, envelopes: [] });
  assert.equal(reads(), 2, 'other layers are not its business');
  assert.deepEqual(said, []);
});

test('a change that was missed, such as while the link was cut', async () => {
  const server = { features: [place('A'), place('B')], version: 1 };
  const { take, names } = page(server);
  await take('snapshot', { versions: { substations: 1 }, substations: [row('A'), row('B', 'critical')], outages: [] });
  Object.assign(server, { features: [place('A'), place('C')], version: 5 });
  await take('snapshot', { versions: { substations: 5 }, substations: [row('A'), row('C', 'warning')], outages: [] });
  assert.equal(names(), 'A good, C warning');
});

test('who is not in the snapshot any more keeps no state, also before the places are read again', () => {
  const never = { features: [place('A'), place('B')], version: 1 };
  const { state, names } = page(never);
  state.setPlaces(never.features);
  state.take(event('snapshot', { versions: { substations: 1 }, substations: [row('A'), row('B', 'critical')] }));
  assert.equal(names(), 'A good, B critical');
  state.take(event('snapshot', { versions: { substations: 2 }, substations: [row('A')] }));
  assert.equal(names(), 'A good');
  state.take(event('snapshot', { versions: { substations: 3 } }));
  assert.equal(names(), 'A unknown');
});

test('a change of status keeps its ring when the places are read again', () => {
  const server = { features: [place('A')], version: 1 };
  const { state } = page(server);
  state.setPlaces(server.features);
  state.take(event('snapshot', { versions: { substations: 1 }, substations: [row('A')] }));
  state.take(event('status', row('A', 'critical')));
  const { changed_at } = state.substations.get('A');
  assert.ok(changed_at > 0);
  state.setPlaces(server.features);
  assert.equal(state.substations.get('A').changed_at, changed_at);
});

test('a server that has not heard of the version is asked again, but not for ever; one that is ahead is not', async () => {
  const server = { features: [place('A')], version: 1 };
  const { take, reads, clock } = page(server);
  await take('snapshot', { versions: { substations: 2 }, substations: [row('A')] });
  await clock.pass(4_000);
  assert.ok(reads() >= 3, `${reads()}`);
  server.version = 2;
  await clock.pass(4_000);
  const now = reads();
  await clock.pass(60_000);
  assert.equal(reads(), now);
  server.version = 9;
  await take('layer', { layer: 'substations', version: 8 });
  await clock.pass(60_000);
  assert.equal(reads(), now + 1);
  server.version = 8;
  await take('layer', { layer: 'substations', version: 10 });
  await clock.pass(60_000);
  assert.ok(reads() <= now + 7, `${reads() - now}`);
});

test('pages of substations are put together, and count as of the oldest version', async () => {
  globalThis.fetch = async (url) => {
    const second = String(url).includes('cursor');
    const body = { features: [place(second ? 'B' : 'A')], links: second ? [] : [{ rel: 'next', href: 'http://127.0.0.1:8080/api/x?cursor=1' }] };
    return Response.json(body, { headers: { 'Gridlight-Version': second ? 'substations=8' : 'substations=7' } });
  };
  const { features, version } = await readSubstations();
  assert.deepEqual([features.map((f) => f.id), version], [['A', 'B'], 7]);
});
