import { svg } from '../common/dom';
import type { Histogram } from './histogram';

/** Where a duration stands on the axis of all routes, 0 to 1: logarithmic from 0.25 ms to 10 s. */
export const least = 0.00025;
export const greatest = 10;
export function place(seconds: number): number {
  const at = Math.log(Math.max(seconds, least) / least) / Math.log(greatest / least);
  return Math.min(1, at);
}

/** A route's latencies: buckets shaded by their share, marks for p50 (line) and p99 (diamond), and the promise's 20 ms. */
export function strip(h: Histogram, p50: number | undefined, p99: number | undefined, promise: number): SVGSVGElement {
  const width = 320;
  const height = 22;
  const out = svg('svg', { class: 'strip', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': true });
  const most = Math.max(1, ...h.counts);
  for (const [i, n] of h.counts.entries()) {
    if (n === 0) continue;
    const from = place(i === 0 ? least : (h.bounds[i - 1] ?? least)) * width;
    const bound = h.bounds[i] ?? greatest;
    const to = Number.isFinite(bound) ? place(bound) * width : width;
    // A bucket with one of a thousand is still to be seen.
    const tall = Math.max(0.14, Math.sqrt(n / most)) * (height - 4);
    out.append(svg('rect', { class: 'bucket', x: from + 0.5, y: height - 1 - tall, width: Math.max(1.5, to - from - 1), height: tall, rx: 1 }));
  }
  const x = place(promise) * width;
  out.append(svg('line', { class: 'promise', x1: x, x2: x, y1: 0, y2: height }));
  if (p50 !== undefined) out.append(svg('line', { class: 'p50', x1: place(p50) * width, x2: place(p50) * width, y1: 2, y2: height }));
  if (p99 !== undefined) {
    const at = place(p99) * width;
    out.append(svg('path', { class: p99 > promise ? 'p99 late' : 'p99', d: `M${at} 1l4.5 5l-4.5 5l-4.5-5z` }));
  }
  return out;
}

/** The axis above the strips. */
export function axis(): SVGSVGElement {
  const width = 320;
  const out = svg('svg', { class: 'axis', viewBox: `0 0 ${width} 14`, 'aria-hidden': true });
  for (const [at, text] of [[0.001, '1 ms'], [0.01, '10'], [0.1, '100'], [1, '1 s'], [10, '10 s']] as const)
    out.append(svg('text', { x: place(at) * width, y: 11, 'text-anchor': at === 10 ? 'end' : 'middle' }, text));
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
  const width = 320;
  const height = 18;
  const out = svg('svg', { class: 'runs-line', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': true });
  out.append(svg('line', { class: 'base', x1: 0, x2: width, y1: height - 2, y2: height - 2 }));
  for (const { at, status } of runs) {
    const x = ((at - from) / Math.max(1, to - from)) * (width - 4) + 2;
    const tall = status === 'failed' ? height - 2 : status === 'running' ? 12 : status === 'skipped' ? 5 : 9;
    out.append(svg('rect', { class: `run ${status}`, x: x - 1.25, y: height - 2 - tall, width: 2.5, height: tall }));
  }
  return out;
}
