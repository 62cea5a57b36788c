const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** "13,104" */
export function count(n: number): string {
  return whole.format(n);
}

/** "2.7M"; small numbers stay whole. */
export function shortCount(n: number): string {
  return n < 10_000 ? whole.format(n) : compact.format(n);
}

/** "12 s", "4 min", "3 h", "2 d" */
export function duration(seconds: number): string {
  if (seconds < 1) return '< 1 s';
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6_000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
