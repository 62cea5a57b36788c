import { el } from '../common/dom';

export interface Row {
  key: string;
  node: HTMLElement[];
  /** What a screen reader is told in place of the node's texts. */
  label: string;
}

/** A list of buttons of which one at a time is in the tab order; arrows, Home and End move it. `on` hears which row is
    pointed at, by mouse or by focus. */
export class List {
  readonly element: HTMLUListElement;
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(
    rows: readonly Row[],
    name: string,
    private readonly on: { point: (key: string | null) => void; choose: (key: string) => void },
  ) {
    this.element = el('ul', { class: 'ask-list', 'aria-label': name });
    for (const [i, row] of rows.entries()) {
      const button = el('button', { type: 'button', class: 'ask-row', tabindex: i === 0 ? 0 : -1, 'aria-label': row.label }, ...row.node);
      button.dataset.key = row.key;
      this.buttons.set(row.key, button);
      this.element.append(el('li', {}, button));
    }
    this.element.addEventListener('keydown', (event) => this.move(event));
    this.element.addEventListener('click', (event) => {
      const key = keyAt(event.target);
      if (key !== null) this.on.choose(key);
    });
    this.element.addEventListener('focusin', (event) => this.enter(keyAt(event.target)));
    this.element.addEventListener('focusout', () => this.on.point(null));
    this.element.addEventListener('pointerover', (event) => this.on.point(keyAt(event.target)));
    this.element.addEventListener('pointerleave', () => this.on.point(null));
  }

  /** Shows the row that the map points at. */
  light(key: string | null): void {
    for (const [each, button] of this.buttons) button.classList.toggle('lit', each === key);
    if (key !== null && !this.element.matches(':hover')) this.buttons.get(key)?.scrollIntoView({ block: 'nearest' });
  }

  choose(key: string | null): void {
    for (const [each, button] of this.buttons)
      if (each === key) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
  }

  focusFirst(): void {
    this.buttons.values().next().value?.focus();
  }

  private enter(key: string | null): void {
    for (const [each, button] of this.buttons) button.tabIndex = each === key ? 0 : -1;
    this.on.point(key);
  }

  private move(event: KeyboardEvent): void {
    const all = [...this.buttons.values()];
    const at = all.findIndex((b) => b === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1, PageDown: at + 10, PageUp: at - 10 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, to))]?.focus();
  }
}

function keyAt(target: EventTarget | null): string | null {
  return target instanceof Element ? (target.closest<HTMLElement>('.ask-row')?.dataset.key ?? null) : null;
}
