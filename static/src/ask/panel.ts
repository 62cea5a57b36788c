import type { App } from '../app';
import { ApiError, type Answer } from '../common/api';
import { el } from '../common/dom';
import { requestsOf } from './requests';

/** The one panel of Ask: a title, what was found, and the requests it came from. Escape closes it, and the focus goes
    back to where it was. */
export class Panel {
  private readonly title = el('h2', { class: 'ask-title', id: 'ask-title', tabindex: -1 });
  private readonly line = el('p', { class: 'ask-lead' });
  private readonly controls = el('div', { class: 'ask-controls' });
  /** The chosen feature stands here, above what was found. */
  readonly chosen = el('div', { class: 'ask-chosen' });
  private readonly body = el('div', { class: 'ask-body' });
  private readonly foot = el('div', {});
  private readonly card: HTMLElement;
  private back: HTMLElement | null = null;
  private closed: (() => void) | null = null;

  constructor(private readonly app: App) {
    const close = el('button', { type: 'button', class: 'ask-close', 'aria-label': 'Close' }, '×');
    close.addEventListener('click', () => this.close());
    this.card = el(
      'section',
      { class: 'ask-card', 'aria-labelledby': 'ask-title', hidden: true },
      el('header', { class: 'ask-head' }, this.title, close, this.line),
      this.controls,
      this.chosen,
      this.body,
      this.foot,
    );
    app.panel.append(this.card);
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented || this.card.hidden) return;
      event.preventDefault();
      this.close();
    });
  }

  get isOpen(): boolean {
    return !this.card.hidden;
  }

  /** Nothing was asked: the chosen feature is all that there is. */
  isOnlyDetail = false;

  openDetail(): void {
    this.open('Chosen', '', () => undefined);
    this.isOnlyDetail = true;
  }

  /** Begins anew: whatever it showed is put away. `closed` is called when this content goes. */
  open(title: string, lead: string, closed: () => void): void {
    this.put();
    if (this.card.hidden) {
      const focused = document.activeElement;
      this.back = focused instanceof HTMLElement && focused !== document.body ? focused : this.app.map.getCanvas();
    }
    this.isOnlyDetail = false;
    this.closed = closed;
    // On a phone one panel at a time is to be seen.
    const tab = document.querySelector<HTMLElement>('#tabs [data-panel=ask]');
    if (document.body.dataset.panel !== 'ask') tab?.click();
    this.title.textContent = title;
    this.say(lead);
    this.card.hidden = false;
    this.app.panel.classList.add('open');
  }

  /** The line below the title. */
  say(lead: string): void {
    this.line.textContent = lead;
    this.line.hidden = lead === '';
  }

  /** Fields that ask the question in another way. */
  lead(form: HTMLElement): void {
    const name = document.activeElement instanceof HTMLElement && this.controls.contains(document.activeElement) ? document.activeElement.getAttribute('name') : null;
    this.controls.replaceChildren(form);
    if (name) form.querySelector<HTMLElement>(`[name="${name}"]`)?.focus();
  }

  show(...nodes: (Node | string)[]): void {
    this.card.removeAttribute('aria-busy');
    this.body.replaceChildren(...nodes);
  }

  wait(what: string): void {
    this.card.setAttribute('aria-busy', 'true');
    this.body.replaceChildren(el('p', { class: 'ask-wait' }, what));
    this.foot.replaceChildren();
  }

  requests(answers: readonly Answer<unknown>[], wall: number): void {
    this.foot.replaceChildren(...(answers.length > 0 ? [requestsOf(answers, wall, (t) => this.app.announce(t))] : []));
  }

  nothing(what: string, hint: string): void {
    this.show(el('div', { class: 'ask-empty' }, el('p', {}, what), el('p', { class: 'ask-hint' }, hint)));
    this.app.announce(what);
  }

  fail(error: unknown, again?: () => void): void {
    const node = faultNode(error, again);
    this.show(node);
    this.app.announce(node.textContent);
  }

  close(): void {
    if (this.card.hidden) return;
    const within = this.card.contains(document.activeElement);
    this.card.hidden = true;
    this.app.panel.classList.remove('open');
    this.put();
    this.controls.replaceChildren();
    if (this.app.selected) this.app.select(null);
    if (within || document.activeElement === document.body) this.back?.focus();
    this.back = null;
  }

  private put(): void {
    this.closed?.();
    this.closed = null;
    if (!this.controls.contains(document.activeElement)) this.controls.replaceChildren();
    this.body.replaceChildren();
    this.foot.replaceChildren();
  }
}

/** A fault said plainly: what the server found wrong, and with which parameter. */
export function faultNode(error: unknown, again?: () => void): HTMLElement {
  const out = el('div', { class: 'ask-fault', role: 'alert' });
  if (error instanceof ApiError) {
    out.append(el('p', { class: 'ask-fault-title' }, error.status === 0 ? 'The server does not answer' : error.title));
    if (error.status === 0) out.append(el('p', {}, 'It may be restarting, or the network is away.'));
    else if (error.detail) out.append(el('p', {}, error.detail));
    if (error.parameter) out.append(el('p', { class: 'ask-hint' }, 'Parameter ', el('code', {}, error.parameter)));
    if (error.request_id) out.append(el('p', { class: 'ask-hint' }, `Request ${error.request_id}`));
  } else {
    out.append(el('p', { class: 'ask-fault-title' }, 'Something went wrong in the page'), el('p', {}, String(error)));
  }
  if (again) {
    const button = el('button', { type: 'button', class: 'button' }, 'Try again');
    button.addEventListener('click', again);
    out.append(button);
  }
  return out;
}
