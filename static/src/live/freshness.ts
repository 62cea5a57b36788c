import { ApiError, ask } from '../common/api';
import { lagAllowedBy, type Schedule } from '../common/lateness';

interface LayerRun {
  layer: string;
  version: number | null;
  row_count: number | null;
  lag_s: number | null;
  changed_at: string | null;
  failures_since: number;
}
interface Settings {
  tables: { layer?: string; name: string; schedule: Schedule | null }[];
}

export interface Freshness {
  rows: number | null;
  /** Seconds behind its source; null: no run has brought it, so that nobody knows. */
  lag_s: number | null;
  stale: boolean;
  failures: number;
}

const poll_ms = 10_000;
// One look may fail by chance; whether it did is asked soon.
const again_ms = 2_000;
const patience_ms = 8_000;
// Without a schedule of its own a layer that comes from a source counts as stale after this.
const usual_limit_s = 900;

/** Why a request got no good answer, in two words. */
export function reasonOf(error: unknown): string {
  const title = error instanceof ApiError && error.status > 0 ? error.title : 'No answer';
  return /^database/i.test(title) ? 'Database away' : title;
}

/** Asks now and then how far each layer lies behind its source. What was heard last goes on ageing. */
export class FreshnessWatch {
  readonly byLayer = new Map<string, Freshness>();
  /** Why nobody can say how fresh the layers are, such as "Database away"; '' while somebody can. */
  doubt = '';
  private last: { layers: LayerRun[]; at: number } = { layers: [], at: 0 };
  private readonly limits = new Map<string, number>();
  private knowsLimits = false;
  private failures = 0;
  private soon: number | undefined;

  constructor(private readonly onChange: () => void) {
    void this.look();
    window.setInterval(() => {
      if (!document.hidden) void this.look();
    }, poll_ms);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.look();
    });
  }

  async look(): Promise<void> {
    window.clearTimeout(this.soon);
    try {
      if (!this.knowsLimits) await this.readLimits();
      const { value } = await ask<{ layers: LayerRun[] }>('api/postgres/sync/status', { signal: AbortSignal.timeout(patience_ms) });
      this.last = { layers: value.layers, at: Date.now() };
      this.failures = 0;
      this.doubt = '';
    } catch (error) {
      this.missed(error);
    }
    this.age();
    this.onChange();
  }

  private missed(error: unknown): void {
    const status = error instanceof ApiError ? error.status : 0;
    if (status === 401) return; // the page asks for a token, and says so
    if (status === 403) {
      // Whoever may see the map need not be told of the sync.
      this.last = { layers: [], at: 0 };
      this.doubt = '';
      return;
    }
    this.failures += 1;
    if (this.failures < 2) {
      this.soon = window.setTimeout(() => void this.look(), again_ms);
      return;
    }
    this.doubt = reasonOf(error);
  }

  private age(): void {
    const passed_s = (Date.now() - this.last.at) / 1000;
    this.byLayer.clear();
    for (const each of this.last.layers) {
      const limit = this.limits.get(each.layer) ?? usual_limit_s;
      const lag_s = each.lag_s === null ? null : each.lag_s + passed_s;
      this.byLayer.set(each.layer, {
        rows: each.row_count,
        lag_s,
        stale: this.doubt !== '' || each.failures_since > 0 || (lag_s !== null && lag_s > limit),
        failures: each.failures_since,
      });
    }
  }

  private async readLimits(): Promise<void> {
    const { value } = await ask<Settings>('api/postgres/sync/settings', { signal: AbortSignal.timeout(patience_ms) });
    for (const table of value.tables) this.limits.set(table.layer ?? table.name, lagAllowedBy(table.schedule) ?? usual_limit_s);
    this.knowsLimits = true;
  }
}
