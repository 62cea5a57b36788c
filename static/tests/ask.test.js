import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import './page.js';
import { middleOf, readColumns } from '../src/ask/columns.ts';
import { homeOf } from '../src/ask/related.ts';
import { count, firstBytes, metres, milliseconds, squareMetres, value } from '../src/ask/words.ts';
import { curlLine, readTiming } from '../src/common/api.ts';
import { allowedLag, stateOf } from '../src/status/layers_view.ts';

// What a shell makes of a line: the words, one after the other.
const words = (line) => execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${line}`]).toString().split('\0').slice(0, -1);

test('a curl line is read by a shell as it was meant', () => {
  const nasty = ["it's", '$(touch /tmp/x)', '`id`', '"', '\\', "';rm -rf ~;'", '!', '\n', '*', 'ü', '&& echo', '#', '~'];
  for (const text of nasty) {
    const got = words(curlLine(`api/postgres/search?q=${encodeURIComponent(text)}`));
    assert.equal(got.length, 2, text);
    assert.equal(got[0], 'curl');
    assert.equal(new URL(got[1]).searchParams.get('q'), text);
    const body = { type: 'Feature', properties: { text } };
    const posted = words(curlLine('api/postgres/layers/x/intersects?limit=1', { body }));
    assert.deepEqual(posted.slice(2, 5), ['-H', 'Content-Type: application/geo+json', '-d']);
    assert.deepEqual(JSON.parse(posted[5]), body);
    assert.equal(posted.length, 6);
  }
});

test('a path that was not encoded is no command either', () => {
  for (const text of ["x' ; echo bad; '", '$HOME', '`id`']) assert.equal(words(curlLine(`api/${text}`)).length, 2, text);
});

test('Server-Timing', () => {
  assert.deepEqual(readTiming('queue;dur=0.03, db;dur=1.21, encode;dur=0.11'), { queue: 0.03, db: 1.21, encode: 0.11 });
  assert.deepEqual(readTiming('db;desc="x";dur=2'), { db: 2 });
  assert.deepEqual(readTiming(null), {});
});

test('columns become rows; lines are pointed at in their middle', () => {
  const points = readColumns({
    layer: 't',
    length: 2,
    ids: ['a', 7],
    positions: [1, 2, 3, 4],
    columns: { kva: [75, null], distance_m: [1.5, 2] },
  });
  assert.deepEqual(points[1], { layer: 't', id: '7', at: [3, 4], properties: { kva: null, distance_m: 2 } });
  const lines = readColumns({ layer: 'l', length: 3, ids: [1, 2, 3], positions: [0, 0, 1, 1, 2, 2, 9, 9], offsets: [0, 3, 3, 4], columns: {} });
  assert.deepEqual(lines.map((l) => l.at), [[1, 1], null, [9, 9]]);
});

test('a place in any geometry', () => {
  assert.equal(middleOf(null), null);
  assert.deepEqual(middleOf({ type: 'Point', coordinates: [1, 2] }), [1, 2]);
  assert.deepEqual(middleOf({ type: 'LineString', coordinates: [[0, 0], [1, 1], [2, 2]] }), [1, 1]);
  assert.deepEqual(middleOf({ type: 'MultiPolygon', coordinates: [[[[0, 0], [4, 0], [4, 4], [0, 0]]]] }), [4, 4]);
  assert.equal(middleOf({ type: 'Polygon', coordinates: [] }), null);
  assert.deepEqual(middleOf({ type: 'GeometryCollection', geometries: [{ type: 'Point', coordinates: [5, 6] }] }), [5, 6]);
});

test('what a feature hangs on', () => {
  const hit = (layer, properties) => ({ layer, id: 'X', at: null, properties });
  assert.deepEqual(homeOf(hit('transformers', { feeder_id: 'F', substation_id: 'S' })), { circuit: 'F', substation: 'S' });
  assert.deepEqual(homeOf(hit('topology', { from_circuit_id: 'F' })), { circuit: 'F', substation: null });
  assert.deepEqual(homeOf(hit('circuits', { substation_id: 'S' })), { circuit: 'X', substation: 'S' });
  assert.deepEqual(homeOf(hit('substations', {})), { circuit: null, substation: 'X' });
  assert.deepEqual(homeOf(hit('vegetation', { circuit_id: '' })), { circuit: null, substation: null });
});

test('figures in words', () => {
  assert.equal(metres(3.25), '3.3 m');
  assert.equal(metres(999.6), '1.0 km');
  assert.equal(metres(34.2), '34 m');
  assert.equal(metres(50_000), '50 km');
  assert.equal(squareMetres(2_500_000), '2.50 km²');
  assert.equal(squareMetres(14_900), '14,900 m²');
  assert.equal(squareMetres(99_999.4), '99,999 m²');
  assert.equal(squareMetres(149_400), '0.149 km²');
  assert.equal(squareMetres(999_700), '1.00 km²');
  assert.equal(squareMetres(9_996_000), '10 km²');
  assert.equal(milliseconds(3.21), '3.2 ms');
  assert.equal(value('2025-05-30T12:00:00Z'), '2025-05-30 12:00 UTC');
  assert.equal(value('FD-1'), 'FD-1');
  assert.equal(count(1, 'feature'), '1 feature');
  assert.equal(count(1200, 'feature'), '1,200 features');
});

test('a layer is late by its own schedule', () => {
  const settings = { enabled: true, snowflake: { configured: true }, tables: [{ name: 'outages', in_force: true, schedule: { every_s: 300, longest_pause_s: 300 } }, { name: 'x', in_force: false, schedule: { every_s: 1, longest_pause_s: 1 } }] };
  assert.equal(allowedLag('outages', settings), 900);
  assert.equal(allowedLag('x', settings), undefined);
  assert.equal(allowedLag('outages', undefined), undefined);
  const layer = (lag_s, failures_since = 0) => ({ lag_s, failures_since });
  assert.equal(stateOf(layer(10), 900), 'good');
  assert.equal(stateOf(layer(1000), 900), 'warning');
  assert.equal(stateOf(layer(9000), 900), 'critical');
  assert.equal(stateOf(layer(null), undefined), 'sourceless');
  assert.equal(stateOf(layer(1, 1), 900), 'warning');
  assert.equal(stateOf(layer(null, 5), undefined), 'critical');
});

test('a search is cut by bytes, between characters', () => {
  assert.equal(firstBytes('Heights', 200), 'Heights');
  assert.equal(firstBytes('ü'.repeat(150), 200), 'ü'.repeat(100));
  assert.equal(firstBytes(`a${'€'.repeat(100)}`, 200), `a${'€'.repeat(66)}`);
  assert.equal(firstBytes('😀'.repeat(60), 199), '😀'.repeat(49));
  // Half of a pair has no bytes of its own.
  assert.doesNotThrow(() => encodeURIComponent(firstBytes('a\ud83d', 200)));
});
