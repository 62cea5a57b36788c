import { byId, el } from '../common/dom';
import { count } from '../common/format';
import type { Theme } from '../common/theme';
import type { LinkState } from '../live/event_stream';
import type { GridState } from '../live/grid_state';
import { statuses } from '../map/catalog';
import { statusIcon } from './icons';

/** The bar on top: how the grid is, whether we hear of it, and the theme. */
export class Bar {
  private readonly tally = byId('tally');
  private readonly link = byId('link');
  private goneSince = 0;
  private why = '';

  constructor(theme: Theme) {
    const button = byId('theme');
    const name = () => {
      button.title = `Switch to ${theme.name === 'dark' ? 'light' : 'dark'} colours`;
      button.setAttribute('aria-label', button.title);
    };
    button.addEventListener('click', () => theme.toggle());
    theme.onChange(name);
    name();
    this.showLink('connecting');
    window.setInterval(() => {
      if (this.goneSince > 0) this.showGone();
    }, 1000);
  }

  showTally(state: GridState): void {
    if (!state.complete) return;
    const tally = { ...state.tally(), outage: state.outages.size };
    const shown = statuses.filter((s) => s !== 'unknown' || tally[s] > 0);
    this.tally.replaceChildren(
      ...shown.map((s) =>
        el(
          'li',
          { class: tally[s] === 0 ? `${s} none` : s, title: s === 'outage' ? 'open outages' : `substations: ${s}` },
          statusIcon(s, 12),
          el('b', {}, count(tally[s])),
          el('span', {}, s === 'outage' ? (tally[s] === 1 ? 'outage' : 'outages') : s),
        ),
      ),
    );
  }

  /** \param doubt  why what is known may be old all the same, such as "Database away" */
  showLink(state: LinkState, doubt = ''): void {
    if (state === 'gone') {
      this.why = doubt === '' || doubt === 'No answer' ? 'No server' : doubt;
      if (this.goneSince === 0) this.goneSince = Date.now();
      this.showGone();
      return;
    }
    if (state === 'connecting' && this.goneSince > 0) return;
    this.goneSince = 0;
    const doubted = state === 'live' && doubt !== '';
    const text = doubted ? `${doubt}: showing what is known` : { connecting: 'Connecting…', live: 'Live', refused: 'A token is needed' }[state];
    if (this.link.textContent !== text) this.link.textContent = text;
    this.link.dataset.state = doubted ? 'gone' : state;
  }

  private showGone(): void {
    const seconds = Math.round((Date.now() - this.goneSince) / 1000);
    this.link.dataset.state = 'gone';
    // Said once; the seconds are for the eye.
    const text = `${this.why}: showing what is known`;
    if (!this.link.querySelector('span') || this.link.firstChild?.textContent !== text)
      this.link.replaceChildren(text, el('span', { 'aria-hidden': 'true' }));
    const since = this.link.querySelector('span');
    if (since) since.textContent = seconds > 2 ? `${seconds} s` : '';
  }
}
