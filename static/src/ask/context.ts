import type { App } from '../app';
import type { Overlay } from './overlay';
import type { Panel } from './panel';
import type { Results } from './results';

/** Read anew after each await, which TypeScript does not know to change it. */
export const given = (signal: AbortSignal): boolean => signal.aborted;

/** What the tools of Ask share: one panel, one overlay, one question at a time. */
export class Context {
  results: Results | undefined;
  private running: AbortController | undefined;

  constructor(
    readonly app: App,
    readonly overlay: Overlay,
    readonly panel: Panel,
  ) {}

  /** A new question: the one before is not waited for any more. After the panel was opened for it, which ends the
      one before. */
  begin(): AbortSignal {
    this.running?.abort();
    this.running = new AbortController();
    return this.running.signal;
  }

  /** The panel's content goes, and with it what is drawn. */
  end(): void {
    this.running?.abort();
    this.running = undefined;
    this.results?.drop();
    this.results = undefined;
    this.overlay.clear();
    this.app.mark(null);
  }
}
