import { Geodesic } from 'geographiclib-geodesic';

// Distances on the ellipsoid, as the server's.
const earth = Geodesic.WGS84;

export type Position = [lon: number, lat: number];

/** Metres between two places. */
export function distance(a: Position, b: Position): number {
  return earth.Inverse(a[1], a[0], b[1], b[0], Geodesic.DISTANCE).s12 ?? 0;
}

/** A ring of all that is `radius` metres away, closed, counter-clockwise. Longitudes go on over 180°, so that it is drawn
    in one piece. */
export function circle(centre: Position, radius: number, corners = 96): Position[] {
  const out: Position[] = [];
  const mask = Geodesic.LATITUDE | Geodesic.LONGITUDE | Geodesic.LONG_UNROLL;
  for (let i = 0; i < corners; ++i) {
    const to = earth.Direct(centre[1], centre[0], -(i * 360) / corners, radius, mask);
    out.push([to.lon2 ?? centre[0], to.lat2 ?? centre[1]]);
  }
  const first = out[0];
  return first ? [...out, [first[0], first[1]]] : out;
}

/** Square metres within a ring, whichever way it runs. */
export function area(ring: readonly Position[]): number {
  const polygon = earth.Polygon(false);
  for (const [lon, lat] of ring.slice(0, -1)) polygon.AddPoint(lat, lon);
  return Math.abs(polygon.Compute(false, true).area ?? 0);
}

/** −180 to 180, of a longitude that went round. */
export function wrapped(lon: number): number {
  const out = ((((lon + 180) % 360) + 360) % 360) - 180;
  return out === -180 && lon > 0 ? 180 : out;
}
