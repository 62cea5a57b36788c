import { ApiError, ask, send } from '../common/api';
import type { Schedule } from '../common/lateness';
import { Metrics, parseMetrics } from './metrics';

export interface Verdict {
  status: string;
  reason?: string;
  warnings?: string[];
  advisory_versions?: string[];
  version?: string;
  uptime_s?: number;
  database?: { answers: boolean; ms: number; schema_version: number | null; expected_schema_version: number };
  layers?: { served: number; unusable: { name: string; reason: string }[] };
}

export interface Run {
  run_id: number;
  layer: string;
  mode: string;
  direction: string;
  status: string;
  started_at: string;
  finished_at: string | null;
  duration_s: number | null;
  rows_read: number;
  rows_written: number;
  rows_deleted: number;
  rows_rejected: number;
  bytes: number;
  error: string | null;
}

export interface LayerState {
  layer: string;
  version: number;
  row_count: number | null;
  changed_at: string;
  source_synced_at: string | null;
  lag_s: number | null;
  last_success: string | null;
  failures_since: number;
  last_run: Run | null;
}

export interface SyncStatus {
  layers: LayerState[];
  runs: Run[];
  foreign_changes: { layer: string; changes: number; last_at: string }[];
  zombies: { application: string; state: string; held_s: number }[];
}

export interface Settings {
  enabled: boolean;
  snowflake: { configured: boolean };
  tables: { name: string; layer?: string; in_force: boolean; schedule: Schedule | null }[];
}

/** What one round of asking brought; a part that failed says why, and the others stand. */
export interface Round {
  at: number;
  /** Nothing answered at all. */
  gone: boolean;
  verdict: Verdict | undefined;
  metrics: Metrics | undefined;
  sync: SyncStatus | undefined;
  /** Faults by part, said plainly. */
  faults: string[];
}

// A server that stands still is as good as gone.
const patienceMs = 8_000;

function isVerdict(body: unknown): body is Verdict {
  return typeof body === 'object' && body !== null && 'status' in body && typeof body.status === 'string';
}

// 503 is what a server that is not ready says, with the same body.
async function verdictOf(path: string): Promise<Verdict> {
  try {
    return (await ask<Verdict>(path, { signal: AbortSignal.timeout(patienceMs) })).value;
  } catch (error) {
    if (error instanceof ApiError && error.status === 503 && isVerdict(error.body)) return error.body;
    throw error;
  }
}

function isSilence(error: unknown): boolean {
  return error instanceof DOMException || (error instanceof ApiError && error.status === 0);
}

function why(error: unknown): string {
  if (error instanceof ApiError) return error.status === 401 || error.status === 403 ? `${error.title}: ${error.detail}` : error.detail || error.title;
  return isSilence(error) ? 'A part of the answer did not come in time.' : String(error);
}

export async function askAll(): Promise<Round> {
  const [verdict, metrics, sync] = await Promise.allSettled([
    verdictOf('health').catch((error: unknown) => {
      // /health may want a token where /ready wants none.
      if (!isSilence(error)) return verdictOf('ready');
      throw error;
    }),
    send('metrics', { signal: AbortSignal.timeout(patienceMs) }).then(async (r) => new Metrics(parseMetrics(await r.text()))),
    ask<SyncStatus>('api/postgres/sync/status', { signal: AbortSignal.timeout(patienceMs) }).then((a) => a.value),
  ]);
  const all = [verdict, metrics, sync];
  const failed = all.filter((s): s is PromiseRejectedResult => s.status === 'rejected');
  const gone = failed.length === all.length && failed.every(({ reason }) => isSilence(reason));
  return {
    at: Date.now(),
    gone,
    verdict: verdict.status === 'fulfilled' ? verdict.value : undefined,
    metrics: metrics.status === 'fulfilled' ? metrics.value : undefined,
    sync: sync.status === 'fulfilled' ? sync.value : undefined,
    faults: gone ? [] : [...new Set(failed.map(({ reason }) => why(reason)))],
  };
}
