import { byId, el } from '../common/dom';

/** A word over the map on what it cannot show, with the way out. Gives what takes it away again. */
export function notice(title: string, text: string, way: { name: string; act: () => void } | null): () => void {
  const out = el('div', { class: 'notice', role: 'alert', tabindex: -1 }, el('h2', {}, title), el('p', {}, text));
  if (way) {
    const button = el('button', { type: 'button', class: 'button' }, way.name);
    button.addEventListener('click', way.act);
    out.append(button);
  }
  byId('map').append(out);
  return () => out.remove();
}

const reload = { name: 'Load the page again', act: () => location.reload() };

/** There will be no map. What else the page tells goes on. */
export function tellNoMap(error: unknown): () => void {
  byId('map').replaceChildren();
  // Which asks the map.
  byId('ask').hidden = true;
  byId('tabs').querySelector('[data-panel=ask]')?.setAttribute('hidden', '');
  const ofWebGl = error instanceof Error && error.name === 'GPUInitializationError';
  return ofWebGl
    ? notice(
        'This browser cannot draw the map',
        'It needs WebGL 2, which is switched off or not to be had here. Figures and lists go on without it; the status page needs none.',
        reload,
      )
    : notice('The map could not be made', String(error), reload);
}

/** The page could not even begin. */
export function tellNoStart(error: unknown): void {
  const link = byId('link');
  link.textContent = 'Not started';
  link.dataset.state = 'gone';
  notice('The page could not start', String(error), reload);
}

const firstPause_ms = 1_000;
const longestPause_ms = 30_000;

/** A part of the page that comes later. A server may be away at that moment, or have another version by now, which has no
    such part any more: it is asked for again and again, and meanwhile said what is missing. */
export async function laterPart<T>(part: () => Promise<T>, missing: string): Promise<T> {
  let drop: (() => void) | undefined;
  for (let pause = firstPause_ms; ; pause = Math.min(pause * 2, longestPause_ms)) {
    try {
      const out = await part();
      drop?.();
      return out;
    } catch {
      drop ??= notice(missing, 'A part of the page did not come. It is asked for again; after an update of the server only loading the page helps.', reload);
      await new Promise((resume) => window.setTimeout(resume, pause));
    }
  }
}
