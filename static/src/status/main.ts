import '../common/base.css';
import './status.css';
import { ask, onUnauthorized } from '../common/api';
import { byId, el } from '../common/dom';
import { Theme } from '../common/theme';
import { askForToken } from '../panel/token_dialog';
import { History, readingOf } from './history';
import { LatencyView } from './latency_view';
import { LayersView } from './layers_view';
import { askAll, type Round, type Settings } from './poll';
import { PoolView } from './pool_view';
import { RunsView } from './runs_view';
import { TrafficView } from './traffic_view';
import { VerdictView } from './verdict_view';

const everyMs = 3_000;
const keptMs = 5 * 60_000;

const theme = new Theme();
const themeButton = byId('theme');
const nameTheme = () => (themeButton.textContent = theme.name === 'dark' ? 'Light colours' : 'Dark colours');
themeButton.addEventListener('click', () => theme.toggle());
theme.onChange(nameTheme);
nameTheme();

const announce = (text: string) => (byId('say').textContent = text);
const section = (className: string) => {
  const out = el('section', { class: `block ${className}` });
  byId('blocks').append(out);
  return out;
};
const history = new History(keptMs);
const verdict = new VerdictView(byId('verdict'), announce);
const traffic = new TrafficView(section('bare'), history);
const latencies = new LatencyView(section(''), history);
const pool = new PoolView(section(''));
const layers = new LayersView(section(''));
const runs = new RunsView(section(''));

let settings: Settings | undefined;
let settingsAsked = 0;
const page = document.documentElement;
let hurry: () => void = () => undefined;

// A part of the figures may be open to all, so that one may go on without a token.
let declined = false;
onUnauthorized(() => {
  if (declined) return;
  askForToken(
    () => {
      settingsAsked = 0;
      hurry();
    },
    () => (declined = true),
  );
});

async function askSettings(): Promise<void> {
  settingsAsked = Date.now();
  settings = await ask<Settings>('api/postgres/sync/settings').then(
    (a) => a.value,
    () => settings,
  );
}

function show(round: Round): void {
  verdict.show(round);
  page.classList.toggle('gone', round.gone);
  if (round.metrics) {
    history.add(readingOf(round.metrics, round.at));
    traffic.show();
    latencies.show();
    pool.show(round.metrics);
  }
  if (round.sync) {
    layers.show(round.sync, settings, round.at);
    runs.show(round.sync, settings, round.at);
  }
  byId('blocks').hidden = history.last === undefined && round.sync === undefined;
}

async function rounds(): Promise<void> {
  for (;;) {
    // A page that nobody sees asks nothing.
    if (document.visibilityState === 'visible') {
      if (Date.now() - settingsAsked > 60_000) await askSettings();
      show(await askAll());
      page.dataset.ready = 'yes';
    }
    await new Promise<void>((done) => {
      hurry = done;
      setTimeout(done, everyMs);
    });
  }
}
void rounds();
