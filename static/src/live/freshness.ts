import { ask } from '../common/api';

interface LayerRun {
  layer: string;
  version: number | null;
  row_count: number | null;
  lag_s: number | null;
  changed_at: string | null;
  failures_since: number;
}
interface Settings {
  tables: { layer?: string; name: string; schedule: { every_s?: number; cron?: string } | null }[];
}

export interface Freshness {
  rows: number | null;
  /** Seconds behind its source; null: no run has brought it, so that nobody knows. */
  lag_s: number | null;
  stale: boolean;
  failures: number;
}

const poll_ms = 10_000;
// Without a schedule of its own a layer that comes from a source counts as stale after this.
const usual_limit_s = 900;

/** Asks now and then how far each layer lies behind its source. */
export class FreshnessWatch {
  readonly byLayer = new Map<string, Freshness>();
  private readonly limits = new Map<string, number>();
  private knowsLimits = false;

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
    try {
      if (!this.knowsLimits) await this.readLimits();
      const { value } = await ask<{ layers: LayerRun[] }>('api/postgres/sync/status');
      for (const each of value.layers) {
        const limit = this.limits.get(each.layer) ?? usual_limit_s;
        this.byLayer.set(each.layer, {
          rows: each.row_count,
          lag_s: each.lag_s,
          stale: each.failures_since > 0 || (each.lag_s !== null && each.lag_s > limit),
          failures: each.failures_since,
        });
      }
    } catch {
      // Whoever shows it sees by the link's state that nothing is known.
    }
    this.onChange();
  }

  private async readLimits(): Promise<void> {
    const { value } = await ask<Settings>('api/postgres/sync/settings');
    for (const table of value.tables) {
      const every_s = table.schedule?.every_s ?? (table.schedule?.cron === undefined ? usual_limit_s / 3 : 86_400);
      this.limits.set(table.layer ?? table.name, Math.max(every_s * 3, 30));
    }
    this.knowsLimits = true;
  }
}
