import type { Picked } from '../app';
import { ask, ApiError } from '../common/api';
import { el } from '../common/dom';
import { readFeature } from './columns';
import type { Context } from './context';
import { homeCard } from './home_card';
import { titleOf } from './layers';
import { faultNode } from './panel';
import { factsOf, hasPlace, homeOf } from './related';
import { requestsOf } from './requests';
import { unansweredNodes } from './unanswered';
import { label, value } from './words';

/** What is known of the chosen feature, at the top of the panel; with its circuit and substation marked on the map. */
export class Detail {
  private running: AbortController | undefined;

  constructor(private readonly c: Context) {
    c.app.onSelect((picked) => void this.show(picked));
    if (c.app.selected) void this.show(c.app.selected);
  }

  private async show(picked: Picked | null): Promise<void> {
    const { app, panel } = this.c;
    this.running?.abort();
    this.running = undefined;
    if (!picked) {
      panel.chosen.replaceChildren();
      if (panel.isOpen && panel.isOnlyDetail) panel.close();
      return;
    }
    const running = new AbortController();
    this.running = running;
    const { signal } = running;
    if (!panel.isOpen) panel.openDetail();
    const began = performance.now();
    const title = await titleOf(picked.layer).catch(() => picked.layer);
    try {
      const answer = await ask<GeoJSON.Feature>(`api/postgres/layers/${picked.layer}/features/${encodeURIComponent(picked.id)}`, { signal });
      const hit = readFeature(picked.layer, answer.value);
      const card = this.card(title, picked, answer.value.properties ?? {});
      const foot = el('div', {}, requestsOf([answer], performance.now() - began, (t) => app.announce(t)));
      panel.chosen.replaceChildren(card, foot);
      app.announce(`${title} ${picked.id}`);
      const facts = await factsOf(homeOf(hit), signal);
      if (signal.aborted) return;
      const home = homeCard({ ...facts, circuit: picked.layer === 'circuits' ? null : facts.circuit, substation: picked.layer === 'substations' ? null : facts.substation }, app);
      if (home) card.append(home);
      if (facts.wrong !== undefined)
        card.append(...unansweredNodes([{ title: 'its circuit and substation', error: facts.wrong }], () => void this.show(picked)));
      app.mark({
        type: 'FeatureCollection',
        features: [facts.area, facts.circuit, facts.substation].filter(hasPlace),
      });
      foot.replaceChildren(requestsOf([answer, ...facts.answers], performance.now() - began, (t) => app.announce(t)));
    } catch (error) {
      if (signal.aborted) return;
      const gone = error instanceof ApiError && error.status === 404;
      panel.chosen.replaceChildren(
        gone
          ? el('div', { class: 'ask-empty' }, el('p', {}, `${title} has no ${picked.id} any more.`))
          : faultNode(error, () => void this.show(picked)),
      );
    }
  }

  private card(title: string, picked: Picked, properties: Record<string, unknown>): HTMLElement {
    const { app } = this.c;
    const drop = el('button', { type: 'button', class: 'ask-close', 'aria-label': `Let go of ${picked.id}` }, '×');
    drop.addEventListener('click', () => app.select(null));
    const list = el('dl', { class: 'ask-facts' });
    for (const [name, v] of Object.entries(properties)) {
      // The map shows where it is.
      if (/^(centroid_)?(lat|lon|latitude|longitude)$/.test(name)) continue;
      const text = value(v);
      if (text !== '') list.append(el('dt', {}, label(name)), el('dd', {}, text));
    }
    return el(
      'article',
      { class: 'ask-detail', 'aria-label': `${title} ${picked.id}` },
      el('header', {}, el('span', { class: 'ask-home-kind' }, title), el('h3', {}, picked.id), drop),
      list,
    );
  }
}
