import type { Metrics } from './metrics';

/** Counts of a histogram, each bucket's own. bounds[i] is the upper bound of counts[i]; the last is Infinity. */
export interface Histogram {
  bounds: number[];
  counts: number[];
  total: number;
  sum: number;
}

/** The histograms of a metric by the value of one label. */
export function histograms(metrics: Metrics, name: string, label: string): Map<string, Histogram> {
  const below = new Map<string, [number, number][]>();
  for (const s of metrics.all(`${name}_bucket`)) {
    const bound = s.labels.le === '+Inf' ? Infinity : Number(s.labels.le);
    const key = s.labels[label] ?? '';
    if (Number.isNaN(bound) || !Number.isFinite(s.value)) continue;
    const list = below.get(key);
    if (list) list.push([bound, s.value]);
    else below.set(key, [[bound, s.value]]);
  }
  const out = new Map<string, Histogram>();
  for (const [key, list] of below) {
    list.sort((a, b) => a[0] - b[0]);
    const counts = list.map(([, n], i) => Math.max(0, n - (list[i - 1]?.[1] ?? 0)));
    out.set(key, {
      bounds: list.map(([bound]) => bound),
      counts,
      total: counts.reduce((a, b) => a + b, 0),
      sum: metrics.value(`${name}_sum`, { [label]: key }) ?? NaN,
    });
  }
  return out;
}

/** What came between two readings; all of the later when the server was started anew in between. */
export function since(later: Histogram, earlier: Histogram | undefined): Histogram {
  const same = earlier?.counts.length === later.counts.length && later.counts.every((n, i) => n >= (earlier.counts[i] ?? 0));
  if (!earlier || !same) return later;
  return {
    bounds: later.bounds,
    counts: later.counts.map((n, i) => n - (earlier.counts[i] ?? 0)),
    total: later.total - earlier.total,
    sum: later.sum - earlier.sum,
  };
}

/** The value below which a share of all lies, on a straight line through its bucket; the last bound that is known for what
    lies above all. undefined: there is nothing. */
export function quantile(h: Histogram, share: number): number | undefined {
  if (h.total === 0) return undefined;
  const rank = share * h.total;
  let below = 0;
  for (const [i, n] of h.counts.entries()) {
    if (n > 0 && below + n >= rank) {
      const from = i === 0 ? 0 : (h.bounds[i - 1] ?? 0);
      const to = h.bounds[i] ?? Infinity;
      return Number.isFinite(to) ? from + ((to - from) * (rank - below)) / n : from;
    }
    below += n;
  }
  return undefined;
}
