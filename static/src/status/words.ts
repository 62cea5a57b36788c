export function bytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1024;
    ++i;
  }
  return `${n < 10 && i > 0 ? n.toFixed(1) : Math.round(n).toLocaleString('en')} ${units[i] ?? ''}`;
}

/** 8 s, 3 min, 2 h 5 min, 4 d. */
export function span(s: number): string {
  if (s < 1) return 'under 1 s';
  if (s < 100) return `${Math.round(s)} s`;
  if (s < 5_400) return `${Math.round(s / 60)} min`;
  const minutes = Math.round(s / 60);
  if (minutes < 2_880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(s / 86_400)} d`;
}

export function ago(time: string | null, now: number): string {
  if (time === null) return '';
  const s = (now - Date.parse(time)) / 1000;
  return Number.isNaN(s) ? '' : s < 1 ? 'now' : `${span(s)} ago`;
}

export function ms(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  const v = seconds * 1000;
  return v < 10 ? `${v.toFixed(1)} ms` : v < 10_000 ? `${Math.round(v).toLocaleString('en')} ms` : `${Math.round(v / 1000)} s`;
}

export const whole = (n: number | undefined): string => (n === undefined ? '–' : Math.round(n).toLocaleString('en'));

export function perSecond(n: number | undefined): string {
  if (n === undefined) return '–';
  return n === 0 ? '0' : n < 10 ? n.toFixed(1) : Math.round(n).toLocaleString('en');
}
