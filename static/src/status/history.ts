import { histograms, type Histogram } from './histogram';
import type { Metrics } from './metrics';

/** One reading of /metrics. */
export interface Reading {
  at: number;
  metrics: Metrics;
  routes: Map<string, Histogram>;
}

export const latency = 'gridlight_http_request_duration_seconds';

export function readingOf(metrics: Metrics, at: number): Reading {
  return { at, metrics, routes: histograms(metrics, latency, 'route') };
}

/** The last minutes' readings, the oldest first. */
export class History {
  private readings: Reading[] = [];

  constructor(private readonly keepMs: number) {}

  add(reading: Reading): void {
    this.readings.push(reading);
    while (this.readings.length > 2 && (this.readings[0]?.at ?? 0) < reading.at - this.keepMs) this.readings.shift();
  }

  get last(): Reading | undefined {
    return this.readings[this.readings.length - 1];
  }

  /** How far back it reaches, but a minute at least: what a chart's width stands for. */
  get spanMs(): number {
    const first = this.readings[0]?.at ?? 0;
    return Math.min(this.keepMs, Math.max(60_000, (this.last?.at ?? 0) - first));
  }

  /** The newest reading that is at least so old; the oldest when none is. */
  before(ms: number): Reading | undefined {
    const end = (this.last?.at ?? 0) - ms;
    for (let i = this.readings.length - 1; i >= 0; --i) if ((this.readings[i]?.at ?? 0) <= end) return this.readings[i];
    return this.readings.length > 1 ? this.readings[0] : undefined;
  }

  /** A gauge over time. */
  gauge(name: string, labels: Record<string, string> = {}): [at: number, value: number][] {
    return this.readings.flatMap((r): [number, number][] => {
      const v = r.metrics.value(name, labels);
      return v === undefined ? [] : [[r.at, v]];
    });
  }

  /** What a counter grew by, a second. A counter that fell belongs to a new process: that step is left out. */
  rate(read: (m: Metrics) => number | undefined): [at: number, perSecond: number][] {
    const out: [number, number][] = [];
    for (const [i, r] of this.readings.entries()) {
      const before = this.readings[i - 1];
      const a = before && read(before.metrics);
      const b = read(r.metrics);
      if (!before || a === undefined || b === undefined || b < a || r.at <= before.at) continue;
      out.push([r.at, ((b - a) * 1000) / (r.at - before.at)]);
    }
    return out;
  }
}
