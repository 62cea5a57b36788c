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

test('areas of boxes as large as the world, whose edges follow the parallels', () => {
  const box = (west, south, east, north) => [[west, south], [east, south], [east, north], [west, north], [west, south]];
  // The ellipsoid's whole surface; and zones of it by the authalic latitude, whose sine is that of a sphere of the same area.
  const whole = 5.10065621724e14;
  const [a, f] = [6_378_137, 1 / 298.257223563];
  const e = Math.sqrt(f * (2 - f));
  const q = (lat) => {
    const sin = Math.sin((lat * Math.PI) / 180);
    return (1 - e * e) * (sin / (1 - e * e * sin * sin) - Math.log((1 - e * sin) / (1 + e * sin)) / (2 * e));
  };
  const zone = (west, south, east, north) => ((a * a) / 2) * (((east - west) * Math.PI) / 180) * (q(north) - q(south));
  near(zone(-180, -90, 180, 90), whole, 1e6);
  for (const at of [[-180, -85.05, 180, 85.05], [-170, -60, 170, 75], [-95, -40, 100, 10], [-96, 29, -95, 30], [-180, 10, 20, 60]])
    for (const ring of [box(...at), box(...at).reverse()]) near(area(ring) / zone(...at), 1, 1e-4, at.join(' '));
});

test('longitudes come back into their range', () => {
  for (const [lon, want] of [[0, 0], [180, 180], [-180, -180], [181, -179], [-181, 179], [540, 180], [-95.37 + 720, -95.37]])
    near(wrapped(lon), want, 1e-9, String(lon));
});
