import { el } from '../common/dom';
import { heldToken, holdToken } from '../common/token';

let open: HTMLDialogElement | undefined;

/** Asks for the token that the server wants, once however often it is called. `then` is called when one was given. Only
    with `decline` can one go on without, and is that called. */
export function askForToken(then: () => void, decline?: () => void): void {
  if (open) return;
  const refused = heldToken() !== null;
  holdToken(null);
  const input = el('input', { type: 'password', id: 'token', autocomplete: 'off', spellcheck: 'false', required: true });
  const buttons = el('div', { class: 'dialog-buttons' }, el('button', { class: 'button', type: 'submit' }, 'Use it'));
  const form = el(
    'form',
    { method: 'dialog' },
    el('h2', { id: 'token-title' }, refused ? 'The server refused that token' : 'This server wants a token'),
    el('p', {}, 'Whoever runs it makes one by gridlight token. It stays in this tab and is gone when the tab closes.'),
    el('label', { for: 'token' }, 'Token'),
    input,
    buttons,
  );
  const dialog = el('dialog', { class: 'dialog', 'aria-labelledby': 'token-title' }, form);
  open = dialog;
  // form-action 'none' forbids sending forms anywhere, dialogs too.
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const token = input.value.trim();
    if (token === '') return;
    holdToken(token);
    dialog.close();
  });
  dialog.addEventListener('close', () => {
    dialog.remove();
    open = undefined;
    if (decline && heldToken() === null) decline();
    else then();
  });
  dialog.addEventListener('cancel', (event) => {
    if (!decline) event.preventDefault();
  });
  if (decline) {
    const without = el('button', { class: 'button', type: 'button' }, 'Go on without');
    without.addEventListener('click', () => dialog.close());
    buttons.append(without);
  }
  document.body.append(dialog);
  dialog.showModal();
}
