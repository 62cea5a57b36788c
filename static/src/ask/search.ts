import type { App } from '../app';
import { ask, type Answer } from '../common/api';
import { el } from '../common/dom';
import { layers, type LayerInfo } from './layers';
import { faultNode } from './panel';
import { requestsOf } from './requests';
import { count, firstBytes } from './words';

const pauseMs = 120;
/** Bytes that the server takes. */
const longest = 200;

interface Found {
  numberReturned: number;
  truncated: boolean;
  features: (GeoJSON.Feature<GeoJSON.Point | null, { layer: string; name: string | null; matched: 'id' | 'name'; exact: boolean }> & { id: string | number })[];
}

/** The search field: an id or a name, all layers, as one types. A combobox whose list the arrows walk. */
export class Search {
  private readonly input = el('input', {
    type: 'search',
    class: 'ask-input',
    role: 'combobox',
    placeholder: 'Search an id or a name',
    'aria-label': 'Search an id or a name',
    'aria-expanded': 'false',
    'aria-controls': 'ask-options',
    'aria-autocomplete': 'list',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-keyshortcuts': '/',
    enterkeyhint: 'search',
  });
  private readonly options = el('ul', { id: 'ask-options', role: 'listbox', 'aria-label': 'Found' });
  private readonly drop = el('div', { class: 'ask-drop', hidden: true });
  private readonly whole = el('div', { class: 'ask-search' }, this.input, this.drop);
  private found: Found['features'] = [];
  private at = -1;
  private timer: number | undefined;
  private running: AbortController | undefined;
  private asked = '';
  /** Enter came before the answer: the first of it is meant. */
  private eager = false;

  constructor(private readonly app: App) {
    app.searchSlot.append(this.whole);
    this.input.addEventListener('input', () => {
      this.eager = false;
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => void this.ask(), pauseMs);
    });
    this.input.addEventListener('keydown', (e) => this.key(e));
    this.input.addEventListener('focus', () => this.open(this.found.length > 0 && this.input.value.trim() === this.asked));
    this.options.addEventListener('click', (e) => {
      const option = e.target instanceof Element ? e.target.closest('[role=option]') : null;
      if (option) this.choose([...this.options.querySelectorAll('[role=option]')].indexOf(option));
    });
    document.addEventListener('pointerdown', (e) => {
      if (e.target instanceof Node && !this.whole.contains(e.target)) this.open(false);
    });
    // A click on what takes no focus, such as a result, tells of none: that is not leaving.
    this.whole.addEventListener('focusout', (e) => {
      if (e.relatedTarget instanceof Node && !this.whole.contains(e.relatedTarget)) this.open(false);
    });
    // Before anybody else: Escape closes what lies on top.
    document.addEventListener(
      'keydown',
      (e) => {
        if (e.key !== 'Escape' || this.drop.hidden) return;
        e.preventDefault();
        if (this.drop.contains(document.activeElement)) this.input.focus();
        this.leave();
      },
      { capture: true },
    );
    document.addEventListener('keydown', (e) => {
      const typing = e.target instanceof HTMLInputElement || e.target instanceof HTMLTextAreaElement || e.target instanceof HTMLSelectElement;
      if (e.key !== '/' || typing || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      this.input.focus();
      this.input.select();
    });
  }

  private async ask(): Promise<void> {
    const text = this.input.value.trim();
    const sought = firstBytes(text, longest);
    this.running?.abort();
    if (text === '') {
      this.asked = '';
      this.found = [];
      this.open(false);
      return;
    }
    const running = new AbortController();
    this.running = running;
    const began = performance.now();
    try {
      const [answer, all] = await Promise.all([
        ask<Found>(`api/postgres/search?q=${encodeURIComponent(sought)}&limit=20`, { signal: running.signal }),
        layers(),
      ]);
      if (!running.signal.aborted) this.show(text, sought, answer, all, performance.now() - began);
    } catch (error) {
      if (running.signal.aborted) return;
      this.found = [];
      const again = () => {
        this.input.focus();
        void this.ask();
      };
      this.drop.replaceChildren(faultNode(error, again));
      this.open(this.attended);
    }
  }

  /** Nobody went on to something else. */
  private get attended(): boolean {
    const at = document.activeElement;
    return at === document.body || this.whole.contains(at);
  }

  private show(text: string, sought: string, answer: Answer<Found>, all: readonly LayerInfo[], wall: number): void {
    this.asked = text;
    this.found = answer.value.features;
    this.at = -1;
    const titles = new Map(all.map((l) => [l.name, l.title]));
    this.options.replaceChildren(
      ...this.found.map(({ id, properties }, i) =>
        el(
          'li',
          { role: 'option', id: `ask-option-${i}`, class: 'ask-option', 'aria-selected': 'false' },
          el('span', { class: 'ask-id' }, ...marked(properties.name ?? String(id), sought)),
          el('span', { class: 'ask-far' }, titles.get(properties.layer) ?? properties.layer),
          el('span', { class: 'ask-gist' }, ...(properties.name === null ? [] : marked(String(id), sought))),
        ),
      ),
    );
    const foot = requestsOf([answer], wall, (t) => this.app.announce(t));
    foot.querySelector('details')?.removeAttribute('open');
    const empty = el('div', { class: 'ask-empty' }, el('p', {}, `Nothing is called “${sought}${sought.length < text.length ? '…' : ''}”.`), el('p', { class: 'ask-hint' }, 'Ids are found by how they begin; names of substations, circuits and waters by any part.'));
    this.drop.replaceChildren(this.found.length > 0 ? this.options : empty, foot);
    // Whoever went elsewhere meanwhile finds it on coming back.
    if (!this.attended) return;
    this.app.announce(this.found.length === 0 ? `Nothing found for ${text}` : `${count(this.found.length, 'result')}${answer.value.truncated ? ', there are more' : ''}`);
    this.open(true);
    if (this.eager) this.choose(0);
    this.eager = false;
  }

  private key(e: KeyboardEvent): void {
    if (e.defaultPrevented) return;
    if (e.key === 'Escape') {
      e.preventDefault();
      this.leave();
      this.input.value = '';
      this.input.blur();
      this.app.map.getCanvas().focus();
    } else if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      if (this.drop.hidden) {
        this.open(this.found.length > 0);
        return;
      }
      const n = this.found.length;
      if (n > 0) this.point(e.key === 'ArrowDown' ? (this.at + 1) % n : (this.at - 1 + n + (this.at < 0 ? 1 : 0)) % n);
    } else if (e.key === 'Enter') {
      e.preventDefault();
      if (this.input.value.trim() === this.asked) this.choose(Math.max(0, this.at));
      else {
        window.clearTimeout(this.timer);
        this.eager = true;
        void this.ask();
      }
    }
  }

  private point(to: number): void {
    this.at = to;
    for (const [i, option] of this.options.querySelectorAll('[role=option]').entries()) {
      option.setAttribute('aria-selected', String(i === to));
      if (i === to) option.scrollIntoView({ block: 'nearest' });
    }
    this.input.setAttribute('aria-activedescendant', to < 0 ? '' : `ask-option-${to}`);
  }

  private choose(i: number): void {
    const hit = this.found[i];
    if (!hit) return;
    this.leave();
    const { layer } = hit.properties;
    const { map } = this.app;
    const box = hit.bbox;
    if (box?.length === 4) map.fitBounds([box[0], box[1], box[2], box[3]], { padding: 80, maxZoom: 16 });
    else if (hit.geometry) map.flyTo({ center: [hit.geometry.coordinates[0] ?? 0, hit.geometry.coordinates[1] ?? 0], zoom: Math.max(map.getZoom(), 15) });
    else this.app.announce('It has no place on the map');
    this.app.select({ layer, id: String(hit.id) });
  }

  /** Closes the list, and what is still asked does not open it again. */
  private leave(): void {
    window.clearTimeout(this.timer);
    this.running?.abort();
    this.open(false);
  }

  private open(on: boolean): void {
    this.drop.hidden = !on;
    this.input.setAttribute('aria-expanded', String(on));
    if (!on) {
      this.at = -1;
      this.input.removeAttribute('aria-activedescendant');
    }
  }
}

/** The text with what was typed in it set off. */
function marked(text: string, typed: string): (Node | string)[] {
  const at = text.toLowerCase().indexOf(typed.toLowerCase());
  if (at < 0) return [text];
  const end = at + typed.length;
  return [text.slice(0, at), el('mark', {}, text.slice(at, end)), text.slice(end)];
}
