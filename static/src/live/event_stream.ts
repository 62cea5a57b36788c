import { heldToken, tokenHeaders } from '../common/token';
import { urlOf } from '../common/api';

export interface ServerEvent {
  type: string;
  data: string;
  id: string;
}

/** Cuts the text of an event stream into events (HTML standard, 9.2.6). */
export class EventReader {
  private rest = '';
  private type = '';
  private data: string[] = [];
  lastId = '';

  /** The events that end within this piece. */
  read(piece: string): ServerEvent[] {
    const out: ServerEvent[] = [];
    const lines = (this.rest + piece).split(/\r\n|\n|\r/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.data.length > 0) out.push({ type: this.type || 'message', data: this.data.join('\n'), id: this.lastId });
        this.type = '';
        this.data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.type = value;
      else if (field === 'data') this.data.push(value);
      else if (field === 'id' && !value.includes('\0')) this.lastId = value;
    }
    return out;
  }
}

export type LinkState = 'connecting' | 'live' | 'gone' | 'refused';

interface Options {
  path: string;
  onEvent: (event: ServerEvent) => void;
  onState: (state: LinkState) => void;
  /** Called when the server wants a token. */
  onUnauthorized: () => void;
}

// The server sends a heartbeat each 15 s unless it was told otherwise.
const silence_ms = 45_000;
const first_pause_ms = 500;
const longest_pause_ms = 8_000;
// A stream that ended in good order, such as after events.max_duration, is not missed before it has been away for this long.
const grace_ms = 3_000;

/** Events by fetch, since an EventSource cannot send a token; comes again by itself, and tells where it had got to. */
export class EventStream {
  private abort = new AbortController();
  private lastId = '';
  private pause = first_pause_ms;
  private timer: number | undefined;
  private grace: number | undefined;
  private stopped = false;

  constructor(private readonly options: Options) {
    window.addEventListener('online', () => this.again());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.timer !== undefined) this.again();
    });
    void this.run();
  }

  /** Connects now, such as with another token. */
  again(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.pause = first_pause_ms;
    this.abort.abort();
    this.abort = new AbortController();
    this.stopped = false;
    void this.run();
  }

  private async run(): Promise<void> {
    if (this.abort.signal.aborted) this.abort = new AbortController(); // by silence
    const { signal } = this.abort;
    const end = await this.connect(this.abort).catch(() => 'gone' as const);
    if (signal !== this.abort.signal) return; // somebody began again
    if (end === 'ended') this.grace ??= window.setTimeout(() => this.tell('connecting'), grace_ms);
    else this.tell(end);
    this.stopped = end === 'refused';
    if (this.stopped) return;
    this.timer = window.setTimeout(() => {
      this.timer = undefined;
      void this.run();
    }, this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(this.pause * 2, longest_pause_ms);
  }

  private tell(state: LinkState): void {
    window.clearTimeout(this.grace);
    this.grace = undefined;
    this.options.onState(state);
  }

  // Reads until the stream ends, and says what to make of its end.
  private async connect(abort: AbortController): Promise<'ended' | 'gone' | 'refused'> {
    let quiet: number | undefined;
    const heard = () => {
      window.clearTimeout(quiet);
      quiet = window.setTimeout(() => abort.abort(), silence_ms);
    };
    const token = heldToken();
    const headers: Record<string, string> = { Accept: 'text/event-stream', ...tokenHeaders() };
    if (this.lastId !== '') headers['Last-Event-ID'] = this.lastId;
    try {
      heard();
      const response = await fetch(urlOf(this.options.path), { headers, signal: abort.signal, cache: 'no-store' });
      if (response.status === 401) {
        if (token !== heldToken()) return 'ended';
        this.options.onUnauthorized();
        return 'refused';
      }
      if (!response.ok || !response.body) return 'gone';
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const events = new EventReader();
      events.lastId = this.lastId;
      this.pause = first_pause_ms;
      this.tell('live');
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 'ended';
        heard();
        for (const event of events.read(value)) {
          this.lastId = event.id;
          this.options.onEvent(event);
        }
      }
    } finally {
      window.clearTimeout(quiet);
    }
  }
}
