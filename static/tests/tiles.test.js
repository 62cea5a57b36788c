/* global window */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import './page.js';
import { Clock } from './clock.js';
import { TileRefresh } from '../src/map/tile_refresh.ts';

/** A map of three tiles, which `server.down` keeps from coming. It rests when nothing is under way, as MapLibre's does. */
function made() {
  const clock = new Clock();
  const server = { down: true, asked: [] };
  const heard = {};
  const map = {
    on: (name, act) => (heard[name] = act),
    getSource: () => ({}),
    triggerRepaint: () => window.setTimeout(heard.idle, 100),
    refreshTiles: (source, tiles) => {
      for (const tile of tiles) ask(source, tile);
      map.triggerRepaint();
    },
  };
  const told = [];
  const refresh = new TileRefresh(map, () => told.push([...refresh.failing].join()));
  const ask = (source, tile) => {
    server.asked.push(clock.now);
    refresh.noteRequest(`http://x/api/postgres/tiles/${source}/${tile.z}/${tile.x}/${tile.y}?properties=a`);
    const { down } = server;
    window.setTimeout(() => down && refresh.noteFailure(source, tile), 20);
  };
  const tiles = [0, 1, 2].map((x) => ({ z: 12, x, y: 5 }));
  for (const tile of tiles) ask('power_lines', tile);
  map.triggerRepaint();
  return { clock, server, refresh, told };
}

test('tiles that failed while the link lives are asked for again, ever more seldom, until they come', async () => {
  const { clock, server, refresh, told } = made();
  await clock.pass(2_000);
  assert.equal(server.asked.length, 6, 'again within two seconds');
  assert.deepEqual(told, ['power_lines']);
  await clock.pass(118_000);
  const rounds = server.asked.length / 3;
  assert.ok(rounds >= 7 && rounds <= 13, `${rounds} rounds in two minutes`);
  server.down = false;
  await clock.pass(40_000);
  assert.equal(refresh.failing.size, 0);
  assert.deepEqual(told, ['power_lines', '']);
  const { length } = server.asked;
  await clock.pass(120_000);
  assert.equal(server.asked.length, length, 'what has come is not asked for again');
});

test('after a long time away the next failure is tried again soon', async () => {
  const { clock, server, refresh } = made();
  await clock.pass(120_000);
  server.down = false;
  await clock.pass(40_000);
  server.down = true;
  const { length } = server.asked;
  refresh.changed('power_lines', undefined);
  await clock.pass(2_500);
  assert.equal(server.asked.length, length + 6);
});

test('a new token, or a server that is back, is reason to ask at once', async () => {
  const { clock, server, refresh } = made();
  await clock.pass(120_000);
  server.down = false;
  const { length } = server.asked;
  refresh.retryFailed();
  assert.equal(server.asked.length, length + 3);
  await clock.pass(1_000);
  assert.equal(refresh.failing.size, 0);
});
