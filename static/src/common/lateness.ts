/** Of a table, as /api/postgres/sync/settings tells it. */
export interface Schedule {
  every_s?: number;
  cron?: string;
  longest_pause_s?: number;
}

// A run takes its time, and one may fail; of a seldom one it need not be two more rounds until somebody is told.
const least_s = 30;
const most_s = 6 * 3600;

/** How far a table may lie behind its source that is fetched by this schedule. undefined: nobody can say. */
export function lagAllowedBy(schedule: Schedule | null | undefined): number | undefined {
  const pause = schedule?.longest_pause_s;
  return pause === undefined ? undefined : Math.max(least_s, pause + Math.min(2 * pause, most_s));
}
