import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cornersOfBox, crossesItself, distinct, fault, polygonOf } from '../src/ask/polygon.ts';

const square = [[0, 0], [1, 0], [1, 1], [0, 1]];

test('a square is an area, closed and rounded', () => {
  assert.equal(fault(square), null);
  const p = polygonOf([[0.123456789, 0], [1, 0], [1, 1]]);
  assert.deepEqual(p.coordinates[0], [[0.1234568, 0], [1, 0], [1, 1], [0.1234568, 0]]);
});

test('corners set twice, and the one that closes, count once', () => {
  assert.deepEqual(distinct([...square, [0, 1], [0, 0]]), square);
  assert.equal(fault([...square, [0, 1], [0, 0]]), null);
});

test('too few corners', () => {
  for (const few of [[], [[0, 0]], [[0, 0], [1, 1]], [[0, 0], [1, 1], [0, 0]], [[0, 0], [0, 0], [0, 0]]]) assert.match(fault(few), /three/);
});

test('outlines that cross or touch themselves', () => {
  const bad = {
    bow: [[0, 0], [1, 1], [1, 0], [0, 1]],
    spike: [[0, 0], [2, 0], [1, 0], [1, 1]],
    line: [[0, 0], [1, 0], [2, 0]],
    touching: [[0, 0], [2, 0], [2, 2], [1, 0], [0, 2]],
    doubled: [[0, 0], [2, 0], [2, 2], [2, 0], [0, 2]],
  };
  for (const [name, ring] of Object.entries(bad)) {
    assert.ok(crossesItself(ring), name);
    assert.match(fault(ring), /crosses/, name);
  }
});

test('hollow outlines are fine, whichever way they run', () => {
  const hollow = [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]];
  assert.ok(!crossesItself(hollow));
  assert.ok(!crossesItself([...hollow].reverse()));
  // A star-shaped ring of many corners.
  const many = Array.from({ length: 300 }, (_, i) => [Math.cos(i / 47.75) * (1 + (i % 2)), Math.sin(i / 47.75) * (1 + (i % 2))]);
  assert.ok(!crossesItself(many));
});

test('corners out of the world', () => {
  assert.match(fault([[0, 0], [181, 0], [0, 1]]), /180th/);
  assert.match(fault([[0, 0], [1, 91], [0, 1]]), /pole/);
  assert.match(fault([[0, 0], [NaN, 1], [0, 1]]), /pole/);
  assert.match(fault(Array.from({ length: 10_001 }, (_, i) => [Math.cos(i / 1600), Math.sin(i / 1600)])), /9,999/);
});

test('a view of the map as corners', () => {
  assert.deepEqual(cornersOfBox(-1, -2, 3, 4), [[-1, -2], [3, -2], [3, 4], [-1, 4]]);
  assert.equal(fault(cornersOfBox(-1 + 360, -2, 3 + 360, 4)), null);
  assert.equal(fault(cornersOfBox(-400, -80, 400, 80)), null);
});
