import type { App } from '../app';

/** The questions that somebody may put to the map: what is near, what lies within, where is. */
export function installAsk(app: App): void {
  void app;
}
