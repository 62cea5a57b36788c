import assert from 'node:assert/strict';
import { test } from 'node:test';
import { area, circle, distance, wrapped } from '../src/ask/geodesic.ts';

const near = (a, b, by, what) => assert.ok(Math.abs(a - b) <= by, `${what ?? ''} ${a} is not ${b} ± ${by}`);

test('distances on the ellipsoid', () => {
  // A degree of longitude on the equator, a quarter of a meridian, and Flinders Peak to Buninyong (GDA94).
  near(distance([0, 0], [1, 0]), 111_319.491, 0.001);
  near(distance([0, 0], [0, 90]), 10_001_965.729, 0.001);
  near(distance([144.42486789, -37.95103342], [143.92649553, -37.65282114]), 54_972.271, 0.01);
  assert.equal(distance([-95.37, 29.76], [-95.37, 29.76]), 0);
});

test('every corner of a circle is as far away as it should be', () => {
  for (const centre of [[-95.37, 29.76], [0, 0], [179.999, 10], [-179.9999, -45], [12, 89.9], [5, -90]])
    for (const radius of [0.5, 250, 5_000, 50_000]) {
      const ring = circle(centre, radius);
      assert.equal(ring.length, 97);
      assert.deepEqual(ring[0], ring[96]);
      for (const at of ring) near(distance(centre, at), radius, 1e-6 * radius + 1e-6, `${centre} ${radius}`);
    }
});

test('a circle over the antimeridian is in one piece', () => {
  const lons = circle([179.99, 0], 10_000).map(([lon]) => lon);
  assert.ok(Math.max(...lons) > 180);
  assert.ok(Math.max(...lons) - Math.min(...lons) < 1);
});

test('areas, whichever way a ring runs', () => {
  const ring = circle([-95.37, 29.76], 1000, 720);
  near(area(ring), Math.PI * 1e6, 200);
  near(area([...ring].reverse()), area(ring), 1e-3);
});

test('longitudes come back into their range', () => {
  for (const [lon, want] of [[0, 0], [180, 180], [-180, -180], [181, -179], [-181, 179], [540, 180], [-95.37 + 720, -95.37]])
    near(wrapped(lon), want, 1e-9, String(lon));
});
