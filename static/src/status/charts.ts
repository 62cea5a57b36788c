import { svg } from '../common/dom';
import type { Histogram } from './histogram';

/** Where a duration stands on the axis of all routes, 0 to 1: logarithmic from 0.25 ms to 10 s. */
export const least = 0.00025;
export const greatest = 10;
export function place(seconds: number): number {
  const at = Math.log(Math.max(seconds, least) / least) / Math.log(greatest / least);
  return Math.min(1, at);
}

const percent = (share: number) => `${(share * 100).toFixed(2)}%`;

/** A route's latencies: buckets as tall as their share, marks for p50 (line) and p99 (diamond), and the promise. Places are
    in percent, so that marks keep their shape whatever the width. */
export function strip(h: Histogram, p50: number | undefined, p99: number | undefined, promise: number, late: boolean): SVGSVGElement {
  const height = 22;
  const out = svg('svg', { class: 'strip', height, 'aria-hidden': true });
  const most = Math.max(1, ...h.counts);
  for (const [i, n] of h.counts.entries()) {
    if (n === 0) continue;
    const from = place(i === 0 ? least : (h.bounds[i - 1] ?? least));
    const bound = h.bounds[i] ?? greatest;
    const to = Number.isFinite(bound) ? place(bound) : 1;
    // A bucket with one of a thousand is still to be seen.
    const tall = Math.max(0.14, Math.sqrt(n / most)) * (height - 4);
    out.append(svg('rect', { class: 'bucket', x: percent(from), y: height - 1 - tall, width: percent(Math.max(0.005, to - from)), height: tall }));
  }
  const line = (className: string, at: number, top: number) => svg('line', { class: className, x1: percent(place(at)), x2: percent(place(at)), y1: top, y2: height });
  out.append(line('promise', promise, 0));
  if (p50 !== undefined) out.append(line('p50', p50, 2));
  if (p99 !== undefined) {
    const mark = svg('svg', { x: percent(place(p99)), overflow: 'visible', width: 1, height });
    mark.append(svg('path', { class: late ? 'p99 late' : 'p99', d: 'M0 1l4.5 5l-4.5 5l-4.5-5z' }));
    out.append(mark);
  }
  return out;
}

/** The axis above the strips. */
export function axis(): SVGSVGElement {
  const out = svg('svg', { class: 'axis', height: 14, 'aria-hidden': true });
  for (const [at, text] of [[0.001, '1 ms'], [0.01, '10'], [0.1, '100'], [1, '1 s'], [10, '10 s']] as const)
    out.append(svg('text', { x: percent(place(at)), y: 11, 'text-anchor': at === 10 ? 'end' : 'middle' }, text));
  return out;
}

/** A line over the last minutes, with its area; `spanMs` is what the whole width stands for. */
export function sparkline(points: readonly (readonly [number, number])[], now: number, spanMs: number, name: string): SVGSVGElement {
  const width = 240;
  const height = 44;
  const out = svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': name });
  const most = Math.max(1e-9, ...points.map(([, v]) => v));
  const at = ([t, v]: readonly [number, number]) => `${(width - ((now - t) / spanMs) * width).toFixed(1)} ${(height - 2 - (v / most) * (height - 6)).toFixed(1)}`;
  const first = points[0];
  const last = points[points.length - 1];
  out.append(svg('line', { class: 'base', x1: 0, x2: width, y1: height - 1.5, y2: height - 1.5 }));
  if (!first || !last || points.length < 2) return out;
  const path = points.map(at).join('L');
  const foot = (p: readonly [number, number]) => `${(width - ((now - p[0]) / spanMs) * width).toFixed(1)} ${height - 2}`;
  out.append(svg('path', { class: 'under', d: `M${foot(first)}L${path}L${foot(last)}Z` }), svg('path', { class: 'over', d: `M${path}` }));
  return out;
}

/** Parts of a whole side by side. */
export function parts(items: readonly { className: string; share: number }[]): SVGSVGElement {
  const out = svg('svg', { class: 'parts', viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': true });
  out.append(svg('rect', { class: 'rest', x: 0, y: 0, width: 100, height: 8 }));
  let x = 0;
  for (const { className, share } of items) {
    const width = Math.max(0, Math.min(1, share)) * 100;
    if (width > 0) out.append(svg('rect', { class: className, x, y: 0, width, height: 8 }));
    x += width;
  }
  return out;
}

/** Runs on a line of time; how one ended is told by colour and by height. */
export function runMarks(runs: readonly { at: number; status: string }[], from: number, to: number): SVGSVGElement {
  const height = 18;
  const out = svg('svg', { class: 'runs-line', height, 'aria-hidden': true });
  out.append(svg('line', { class: 'base', x1: 0, x2: '100%', y1: height - 2, y2: height - 2 }));
  for (const { at, status } of runs) {
    const share = Math.max(0, Math.min(1, (at - from) / Math.max(1, to - from)));
    const tall = status === 'failed' ? height - 2 : status === 'running' ? 12 : status === 'skipped' ? 5 : 9;
    out.append(svg('rect', { class: `run ${status}`, x: percent(share * 0.99), y: height - 2 - tall, width: 2.5, height: tall }));
  }
  return out;
}
