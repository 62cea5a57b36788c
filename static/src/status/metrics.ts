/** One line of Prometheus' text format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const lineShape = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{.*\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;

function readNumber(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return text === 'NaN' || text.trim() === '' ? NaN : Number(text);
}

const escapes: Record<string, string> = { n: '\n', '\\': '\\', '"': '"' };

/** `{a="1",b="x\"y"}`; null when it is no such thing. */
function readLabels(text: string): Record<string, string> | null {
  const out: Record<string, string> = {};
  let at = 1;
  while (text[at] !== '}') {
    const name = /^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"/.exec(text.slice(at));
    if (!name?.[1]) return null;
    at += name[0].length;
    let value = '';
    for (; text[at] !== '"'; ++at) {
      if (at >= text.length) return null;
      if (text[at] === '\\') {
        ++at;
        const c = text[at] ?? '';
        value += escapes[c] ?? `\\${c}`;
      } else value += text[at] ?? '';
    }
    out[name[1]] = value;
    at += 1;
    const comma = /^\s*,?\s*/.exec(text.slice(at));
    at += comma?.[0].length ?? 0;
    if (at >= text.length) return null;
  }
  return at === text.length - 1 ? out : null;
}

/** The samples of a page of metrics; comments and lines that are none are left out. */
export function parseMetrics(text: string): Sample[] {
  const out: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const parts = lineShape.exec(line);
    if (!parts?.[1] || parts[3] === undefined) continue;
    const labels = parts[2] === undefined ? {} : readLabels(parts[2]);
    if (labels) out.push({ name: parts[1], labels, value: readNumber(parts[3]) });
  }
  return out;
}

/** Samples by name, to be asked for values. */
export class Metrics {
  private readonly byName = new Map<string, Sample[]>();

  constructor(samples: readonly Sample[]) {
    for (const s of samples) {
      const list = this.byName.get(s.name);
      if (list) list.push(s);
      else this.byName.set(s.name, [s]);
    }
  }

  all(name: string): readonly Sample[] {
    return this.byName.get(name) ?? [];
  }

  /** The sum of the samples with these labels; undefined when there is none. */
  value(name: string, labels: Record<string, string> = {}): number | undefined {
    const found = this.all(name).filter((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v));
    return found.length === 0 ? undefined : found.reduce((sum, s) => sum + s.value, 0);
  }
}
