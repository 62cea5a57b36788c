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

// Of an edge at most so many degrees are taken as the shortest way.
const longestPiece = 1;

/** Square metres within a ring, whichever way it runs. Its edges are straight in longitude and latitude, as they are for the
    server: one of more than 180° goes its own way, and not the short one round the back of the earth. */
export function area(ring: readonly Position[]): number {
  const polygon = earth.Polygon(false);
  for (const [i, to] of ring.entries()) {
    const from = ring[i - 1];
    if (!from) continue;
    const pieces = Math.max(1, Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])) / longestPiece));
    for (let k = 1; k <= pieces; ++k)
      polygon.AddPoint(from[1] + ((to[1] - from[1]) * k) / pieces, from[0] + ((to[0] - from[0]) * k) / pieces);
  }
  const within = Math.abs(polygon.Compute(false, true).area ?? 0);
  const lons = ring.map(([lon]) => lon);
  if (Math.max(...lons) - Math.min(...lons) <= 180) return within;
  // More than half of the earth is as likely as less: which side is meant is told by the way the ring runs.
  const turn = ring.reduce((sum, [lon, lat], i) => {
    const [x, y] = ring[i + 1] ?? [lon, lat];
    return sum + lon * y - x * lat;
  }, 0);
  return polygon.Compute(turn < 0, false).area ?? within;
}

/** −180 to 180, of a longitude that went round. */
export function wrapped(lon: number): number {
  const out = ((((lon + 180) % 360) + 360) % 360) - 180;
  return out === -180 && lon > 0 ? 180 : out;
}
