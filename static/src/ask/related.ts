import { ApiError, ask, type Answer } from '../common/api';
import type { Hit } from './columns';

/** The circuit and the substation that a feature hangs on. */
export interface Home {
  circuit: string | null;
  substation: string | null;
}

const text = (v: unknown): string | null => (typeof v === 'string' && v !== '' ? v : null);

/** As far as the feature's own columns tell. */
export function homeOf(hit: Hit): Home {
  const p = hit.properties;
  if (hit.layer === 'substations') return { circuit: null, substation: hit.id };
  const circuit =
    hit.layer === 'circuits' || hit.layer === 'service_areas'
      ? hit.id
      : (text(p.circuit_id) ?? text(p.feeder_id) ?? text(p.from_circuit_id));
  return { circuit, substation: text(p.substation_id) };
}

/** Of rows without coordinates the server says null, whatever the type says. */
export function hasPlace(f: GeoJSON.Feature | null): f is GeoJSON.Feature {
  return f !== null && (f.geometry as GeoJSON.Geometry | null) !== null;
}

export interface CircuitFacts {
  circuit: GeoJSON.Feature | null;
  area: GeoJSON.Feature | null;
  substation: GeoJSON.Feature | null;
  answers: Answer<GeoJSON.Feature>[];
  /** Why some of it could not be asked. */
  wrong?: unknown;
}

type Asked = Pick<CircuitFacts, 'answers' | 'wrong'>;

async function feature(layer: string, id: string, signal: AbortSignal, asked: Asked): Promise<GeoJSON.Feature | null> {
  try {
    const answer = await ask<GeoJSON.Feature>(`api/postgres/layers/${layer}/features/${encodeURIComponent(id)}`, { signal });
    asked.answers.push(answer);
    return answer.value;
  } catch (error) {
    if (signal.aborted) throw error;
    // A key without a row, or a layer that this server has not: nothing to mark.
    if (!(error instanceof ApiError && [400, 403, 404].includes(error.status))) asked.wrong ??= error;
    return null;
  }
}

/** What there is to be shown of a home. */
export async function factsOf({ circuit, substation }: Home, signal: AbortSignal): Promise<CircuitFacts> {
  const asked: Asked = { answers: [] };
  const [of, area] = circuit
    ? await Promise.all([feature('circuits', circuit, signal, asked), feature('service_areas', circuit, signal, asked)])
    : [null, null];
  const home = substation ?? text(of?.properties?.substation_id);
  return { circuit: of, area, substation: home ? await feature('substations', home, signal, asked) : null, ...asked };
}
