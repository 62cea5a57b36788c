/** 35 m, 1.2 km, 12 km. */
export function metres(m: number): string {
  if (m < 10) return `${m.toFixed(1)} m`;
  if (m < 999.5) return `${Math.round(m)} m`;
  if (m < 9_950) return `${(m / 1000).toFixed(1)} km`;
  return `${Math.round(m / 1000).toLocaleString('en')} km`;
}

export function squareMetres(m2: number): string {
  if (m2 < 99_999.5) return `${Math.round(m2).toLocaleString('en')} m²`;
  const km2 = m2 / 1e6;
  if (km2 < 0.9995) return `${km2.toFixed(3)} km²`;
  if (km2 < 9.995) return `${km2.toFixed(2)} km²`;
  return `${Math.round(km2).toLocaleString('en')} km²`;
}

export function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** As much of a text as has so many bytes in UTF-8, in whole characters. */
export function firstBytes(text: string, most: number): string {
  const bytes = new Uint8Array(most);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return new TextDecoder().decode(bytes.subarray(0, written));
}

/** "rated_kva" → "rated kva". */
export function label(column: string): string {
  return column.replaceAll('_', ' ');
}

/** A property's value for people; an empty text when there is none. */
export function value(v: unknown): string {
  if (v === null || v === undefined || v === '') return '';
  if (typeof v === 'number') return Number.isInteger(v) ? v.toLocaleString('en') : v.toLocaleString('en', { maximumFractionDigits: 2 });
  if (typeof v === 'boolean') return v ? 'yes' : 'no';
  if (typeof v === 'string') return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(v) ? `${v.slice(0, 16).replace('T', ' ')}${v.endsWith('Z') ? ' UTC' : ''}` : v;
  return JSON.stringify(v);
}
