import type { App } from '../app';
import { el } from '../common/dom';
import { gist, type LayerInfo } from './layers';
import { List, type Row } from './list';
import { keyOf, type Overlay } from './overlay';
import type { Hit } from './columns';
import { metres } from './words';

const shownAtOnce = 100;

/** What was found, as a list that the map and the mouse are linked to. */
export class Results {
  readonly element = el('div', { class: 'ask-results' });
  private readonly byKey: Map<string, Hit>;
  private list: List | undefined;
  private readonly stop: () => void;

  constructor(
    private readonly app: App,
    private readonly overlay: Overlay,
    private readonly hits: readonly Hit[],
    private readonly options: { name: string; titles?: Map<string, LayerInfo>; point?: (hit: Hit | null) => void },
  ) {
    this.byKey = new Map(hits.map((hit) => [keyOf(hit), hit]));
    this.draw(shownAtOnce);
    const moved = (event: { point: { x: number; y: number } }) => {
      if (app.busy) return;
      const key = overlay.at(event.point);
      overlay.light(key);
      this.list?.light(key);
      app.map.getCanvas().classList.toggle('ask-over', key !== null);
    };
    app.map.on('mousemove', moved);
    this.stop = () => {
      app.map.off('mousemove', moved);
      app.map.getCanvas().classList.remove('ask-over');
    };
  }

  focus(): void {
    this.list?.focusFirst();
  }

  /** Chooses what is drawn at this point of the screen; false when nothing is. */
  chooseAt(point: { x: number; y: number }): boolean {
    const key = this.overlay.at(point);
    if (key === null) return false;
    this.choose(key);
    return true;
  }

  drop(): void {
    this.stop();
  }

  private draw(n: number): void {
    this.list = new List(
      this.hits.slice(0, n).map((hit) => this.row(hit)),
      this.options.name,
      {
        point: (key) => {
          this.overlay.light(key);
          this.options.point?.(key === null ? null : (this.byKey.get(key) ?? null));
        },
        choose: (key) => this.choose(key),
      },
    );
    this.element.replaceChildren(this.list.element);
    const left = this.hits.length - n;
    if (left > 0) {
      const more = el('button', { type: 'button', class: 'ask-more' }, `Show ${Math.min(left, shownAtOnce * 5).toLocaleString('en')} more`);
      more.addEventListener('click', () => {
        this.draw(n + shownAtOnce * 5);
        this.element.querySelectorAll<HTMLElement>('.ask-row')[n]?.focus();
      });
      this.element.append(more);
    }
    this.current();
  }

  private row(hit: Hit): Row {
    const far = hit.properties.distance_m;
    const distance = typeof far === 'number' ? metres(far) : '';
    const kind = this.options.titles?.get(hit.layer)?.title ?? '';
    const about = gist(hit);
    const texts = [kind, about].filter((t) => t !== '');
    return {
      key: keyOf(hit),
      node: [
        el('span', { class: 'ask-id' }, hit.id),
        el('span', { class: 'ask-far' }, distance),
        el('span', { class: 'ask-gist' }, texts.join(' · ')),
      ],
      label: [hit.id, ...texts, distance].filter((t) => t !== '').join(', '),
    };
  }

  private choose(key: string): void {
    const hit = this.byKey.get(key);
    if (!hit) return;
    this.app.select({ layer: hit.layer, id: hit.id });
    if (hit.at && !this.app.map.getBounds().contains(hit.at)) this.app.map.easeTo({ center: hit.at });
  }

  /** Marks the row of the chosen feature. */
  current(): void {
    const { selected } = this.app;
    this.list?.choose(selected ? `${selected.layer}/${selected.id}` : null);
  }
}
