import { heldToken, tokenHeaders } from './token';

/** The server's address with its prefix, ending in a slash: the page may live below one behind a proxy. */
export const root = new URL('.', document.baseURI).href;

export function urlOf(path: string): string {
  return new URL(path, root).href;
}

/** Milliseconds by name, from Server-Timing: queue, db, encode, cache. */
export type ServerTiming = Record<string, number>;

export interface Answer<T> {
  value: T;
  status: number;
  bytes: number;
  /** From sending to the last byte, as the page saw it. */
  took_ms: number;
  timing: ServerTiming;
  /** Versions of the layers that the answer was made from. */
  versions: Record<string, string>;
  /** Seconds since the data could last be checked; undefined when it is fresh. */
  stale_s: number | undefined;
  curl: string;
}

/** What the server said of a request that it refused (RFC 9457), or why none came back (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly parameter?: string,
    readonly request_id?: string,
    /** What was sent with it, when that was JSON. */
    readonly body?: unknown,
  ) {
    super(detail || title);
    this.name = 'ApiError';
  }
}

export interface Question {
  method?: 'GET' | 'POST';
  body?: unknown;
  signal?: AbortSignal;
  accept?: string;
}

/** Called when the server wants a token, or refuses the one we hold. */
let askForToken: () => void = () => undefined;
export function onUnauthorized(ask: () => void): void {
  askForToken = ask;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The same request for a terminal. The token is named, never shown. */
export function curlLine(path: string, question: Question = {}): string {
  const parts = ['curl', shellQuoted(urlOf(path))];
  if (heldToken() !== null) parts.push('-H', '"Authorization: Bearer $GRIDLIGHT_TOKEN"');
  if (question.accept !== undefined) parts.push('-H', shellQuoted(`Accept: ${question.accept}`));
  if (question.body !== undefined)
    parts.push('-H', "'Content-Type: application/geo+json'", '-d', shellQuoted(JSON.stringify(question.body)));
  return parts.join(' ');
}

export function readTiming(header: string | null): ServerTiming {
  const out: ServerTiming = {};
  for (const item of (header ?? '').split(',')) {
    const [name, ...parameters] = item.split(';').map((part) => part.trim());
    const duration = parameters.find((part) => part.startsWith('dur='));
    if (name && duration) out[name] = Number(duration.slice(4));
  }
  return out;
}

function readVersions(header: string | null): Record<string, string> {
  const out: Record<string, string> = {};
  for (const item of (header ?? '').split(',')) {
    const [name, version] = item.trim().split('=');
    if (name && version) out[name] = version;
  }
  return out;
}

async function failureOf(response: Response): Promise<ApiError> {
  const { status } = response;
  try {
    const problem = (await response.json()) as Record<string, unknown>;
    const text = (name: string) => (typeof problem[name] === 'string' ? problem[name] : undefined);
    return new ApiError(
      status,
      text('title') ?? `Status ${status}`,
      text('detail') ?? '',
      text('parameter'),
      text('request_id'),
      problem,
    );
  } catch {
    return new ApiError(status, `Status ${status}`, response.statusText);
  }
}

/** fetch with our token; an ApiError when there is no answer, or none that is good. */
export async function send(path: string, question: Question = {}): Promise<Response> {
  const token = heldToken();
  const headers: Record<string, string> = { ...tokenHeaders() };
  if (question.accept !== undefined) headers.Accept = question.accept;
  const init: RequestInit = { method: question.method ?? (question.body === undefined ? 'GET' : 'POST'), headers };
  if (question.body !== undefined) {
    headers['Content-Type'] = 'application/geo+json';
    init.body = JSON.stringify(question.body);
  }
  if (question.signal) init.signal = question.signal;
  let response: Response;
  try {
    response = await fetch(urlOf(path), init);
  } catch (error) {
    if (question.signal?.aborted) throw error;
    throw new ApiError(0, 'No answer', 'The server does not answer.');
  }
  if (response.ok) return response;
  // Not when another has been given meanwhile.
  if (response.status === 401 && token === heldToken()) askForToken();
  throw await failureOf(response);
}

/** Asks for JSON. `path` is relative to the server's root, such as "api/postgres/layers". */
export async function ask<T>(path: string, question: Question = {}): Promise<Answer<T>> {
  const start = performance.now();
  const response = await send(path, question);
  const text = await response.text();
  const stale = response.headers.get('Gridlight-Stale');
  return {
    value: JSON.parse(text) as T,
    status: response.status,
    bytes: text.length,
    took_ms: performance.now() - start,
    timing: readTiming(response.headers.get('Server-Timing')),
    versions: readVersions(response.headers.get('Gridlight-Version')),
    stale_s: stale === null ? undefined : Number(stale),
    curl: curlLine(path, question),
  };
}

/** Plain text, such as /metrics. */
export async function askText(path: string): Promise<string> {
  return (await send(path)).text();
}
