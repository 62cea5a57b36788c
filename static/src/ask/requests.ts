import type { Answer } from '../common/api';
import { el } from '../common/dom';
import { milliseconds } from './words';

type Any = Answer<unknown>;

/** What the server said it spent, in words. */
function spent(answer: Any): string {
  const parts = Object.entries(answer.timing).map(([name, ms]) => `${name} ${milliseconds(ms)}`);
  return parts.length === 0 ? '' : parts.join(', ');
}

function serverTime(answer: Any): number {
  return Object.values(answer.timing).reduce((sum, ms) => sum + ms, 0);
}

async function copy(line: HTMLElement, button: HTMLButtonElement, announce: (text: string) => void): Promise<void> {
  const text = line.textContent;
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the right to the clipboard, or on plain HTTP: the old way.
    const field = el('textarea', { class: 'sr-only', 'aria-hidden': true });
    field.value = text;
    button.after(field); // the focus stays where it was, near enough for what closes when it leaves
    field.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other way there
    copied = document.execCommand('copy');
    field.remove();
    button.focus();
  }
  // What could not be copied is at least marked, for the keys of one's own.
  if (!copied) window.getSelection()?.selectAllChildren(line);
  const told = copied ? 'Copied' : 'Not copied';
  announce(copied ? told : 'Not copied; the line is selected');
  button.textContent = told;
  window.setTimeout(() => (button.textContent = 'Copy'), 1600);
}

function one(answer: Any, announce: (text: string) => void): HTMLElement {
  const button = el('button', { type: 'button', class: 'ask-copy', 'aria-label': 'Copy the request as a curl line' }, 'Copy');
  const line = el('code', { tabindex: 0, 'aria-label': 'The request as a curl line' }, answer.curl);
  button.addEventListener('click', () => void copy(line, button, announce));
  return el(
    'li',
    { class: 'ask-request' },
    el('div', { class: 'ask-curl' }, line, button),
    el(
      'p',
      { class: 'ask-took' },
      `${milliseconds(answer.took_ms)} here`,
      ...(spent(answer) ? [` · server: ${spent(answer)}`] : []),
      ` · ${Math.max(1, Math.round(answer.bytes / 1024)).toLocaleString('en')} KB`,
    ),
  );
}

/** The requests that a panel's content came from: how long they took, and each as a curl line to copy. */
export function requestsOf(answers: readonly Any[], wall: number, announce: (text: string) => void): HTMLElement {
  const slowest = Math.max(0, ...answers.map(serverTime));
  const stale = Math.max(-1, ...answers.map((a) => a.stale_s ?? -1));
  const summary = el(
    'summary',
    {},
    el('span', { class: 'ask-wall' }, milliseconds(wall)),
    el('span', { class: 'ask-server' }, `server ${milliseconds(slowest)}`),
    el('span', { class: 'ask-number' }, answers.length === 1 ? '1 request' : `${answers.length} requests`),
  );
  const details = el('details', { class: 'ask-requests', open: answers.length === 1 }, summary, el('ol', {}, ...answers.map((a) => one(a, announce))));
  const all = el('div', { class: 'ask-foot' });
  if (stale >= 0) all.append(el('p', { class: 'ask-stale' }, `The database is away: this is as it was ${stale} s ago.`));
  all.append(details);
  return all;
}
