import { el } from '../common/dom';
import type { Round, Verdict } from './poll';
import { span, whole } from './words';

/** The first thing to see: does it serve, and if not, why. */
export class VerdictView {
  private readonly word = el('p', { class: 'verdict-word' });
  private readonly why = el('ul', { class: 'verdict-why' });
  private readonly facts = el('dl', { class: 'facts' });
  private goneSince: number | null = null;
  private said = '';

  constructor(
    private readonly element: HTMLElement,
    private readonly announce: (text: string) => void,
  ) {
    element.append(el('div', {}, this.word, this.why), this.facts);
  }

  show(round: Round): void {
    const { verdict } = round;
    if (round.gone) this.goneSince ??= round.at;
    else this.goneSince = null;
    const state = round.gone ? 'gone' : !verdict ? 'unknown' : verdict.status === 'ready' ? 'ready' : 'unready';
    const word = { gone: 'The server does not answer', unknown: 'Its state is not to be had', ready: 'Ready', unready: 'Not ready' }[state];
    this.element.dataset.state = state;
    this.word.textContent = word;
    const reasons = [...(verdict?.reason ? [verdict.reason] : []), ...(verdict?.warnings ?? []), ...round.faults];
    for (const each of verdict?.layers?.unusable ?? []) reasons.push(`Layer ${each.name}: ${each.reason}`);
    if (this.goneSince !== null)
      reasons.push(`Since ${new Date(this.goneSince).toLocaleTimeString()}, ${span((round.at - this.goneSince) / 1000)}. Figures below are the last that came; this page goes on asking.`);
    const text = reasons.join('\n');
    if (this.why.dataset.text !== text) {
      this.why.dataset.text = text;
      this.why.replaceChildren(...reasons.map((r) => el('li', {}, r)));
    }
    const told = [word, ...reasons.slice(0, 1)].join('. ');
    if (this.said !== '' && state !== this.said) this.announce(told);
    this.said = state;
    if (verdict) this.tell(verdict);
  }

  private tell(v: Verdict): void {
    const facts: [string, string][] = [];
    if (v.database) facts.push(['Database', v.database.answers ? `answers in ${v.database.ms.toFixed(1)} ms` : 'does not answer']);
    if (v.uptime_s !== undefined) facts.push(['Up for', span(v.uptime_s)]);
    if (v.layers) facts.push(['Layers', whole(v.layers.served)]);
    if (v.database) facts.push(['Schema', v.database.schema_version === null ? 'none' : `version ${v.database.schema_version}`]);
    if (v.version !== undefined) facts.push(['gridlight', v.version]);
    this.facts.replaceChildren(...facts.map(([name, text]) => el('div', {}, el('dt', {}, name), el('dd', {}, text))));
  }
}
