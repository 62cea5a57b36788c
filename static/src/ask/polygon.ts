import { wrapped, type Position } from './geodesic';

/** Most corners that the server takes by default, less the one that closes the ring. */
export const mostCorners = 9_999;

/** Corners in the order drawn, without those that stand where the one before does. */
export function distinct(corners: readonly Position[]): Position[] {
  const out: Position[] = [];
  for (const at of corners) {
    const before = out[out.length - 1];
    if (before?.[0] !== at[0] || before[1] !== at[1]) out.push(at);
  }
  const first = out[0];
  const last = out[out.length - 1];
  if (out.length > 1 && first && last && first[0] === last[0] && first[1] === last[1]) out.pop();
  return out;
}

/** Twice the signed area of a triangle: above 0 when a, b, c turn left. */
function turn(a: Position, b: Position, c: Position): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

function between(a: Position, b: Position, p: Position): boolean {
  return (
    Math.min(a[0], b[0]) <= p[0] && p[0] <= Math.max(a[0], b[0]) && Math.min(a[1], b[1]) <= p[1] && p[1] <= Math.max(a[1], b[1])
  );
}

/** The segments ab and cd have a point in common. */
export function touch(a: Position, b: Position, c: Position, d: Position): boolean {
  const abc = Math.sign(turn(a, b, c));
  const abd = Math.sign(turn(a, b, d));
  const cda = Math.sign(turn(c, d, a));
  const cdb = Math.sign(turn(c, d, b));
  if (abc !== abd && cda !== cdb) return true;
  return (
    (abc === 0 && between(a, b, c)) || (abd === 0 && between(a, b, d)) || (cda === 0 && between(c, d, a)) || (cdb === 0 && between(c, d, b))
  );
}

/** Two edges that are no neighbours touch, or two neighbours lie on each other. */
export function crossesItself(corners: readonly Position[]): boolean {
  const n = corners.length;
  const at = (i: number): Position => corners[i % n] ?? [NaN, NaN];
  for (let i = 0; i < n; ++i) {
    const [a, b, c] = [at(i), at(i + 1), at(i + 2)];
    if (turn(a, b, c) === 0 && (between(a, b, c) || between(b, c, a))) return true;
    for (let j = i + 2; j < n; ++j) if ((j + 1) % n !== i && touch(a, b, at(j), at(j + 1))) return true;
  }
  return false;
}

/** Why these corners are no area yet; null when they are. */
export function fault(corners: readonly Position[]): string | null {
  const ring = distinct(corners);
  if (ring.length < 3) return 'An area needs three corners or more.';
  if (ring.length > mostCorners) return `An area may have ${mostCorners.toLocaleString('en')} corners at most.`;
  if (ring.some(([lon, lat]) => !Number.isFinite(lon) || Math.abs(lat) > 90 || !Number.isFinite(lat)))
    return 'A corner lies beyond a pole.';
  if (ring.some(([lon]) => Math.abs(lon) > 180)) return 'An area must not reach over the 180th meridian.';
  if (crossesItself(ring)) return 'The outline crosses itself. Move or undo a corner.';
  return null;
}

/** The area as GeoJSON. Of no use when there is a fault. */
export function polygonOf(corners: readonly Position[]): GeoJSON.Polygon {
  const ring = distinct(corners).map(([lon, lat]): Position => [round(lon), round(lat)]);
  const first = ring[0];
  return { type: 'Polygon', coordinates: [first ? [...ring, [first[0], first[1]]] : ring] };
}

/** A box's four corners, moved into the world's bounds. */
export function cornersOfBox(west: number, south: number, east: number, north: number): Position[] {
  if (east - west >= 360) [west, east] = [-180, 180];
  const shift = wrapped(west) - west;
  return [
    [west + shift, south],
    [east + shift, south],
    [east + shift, north],
    [west + shift, north],
  ];
}

function round(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}
