// SPDX-License-Identifier: MIT
// Building the page: elements, messages to the reader, questions.
// Text becomes text nodes and nothing else: there is no way in here from a
// string to markup.

/** An element. Attributes whose value is a function are event listeners. */
export function h(tag, attrs, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (typeof value === 'function') el.addEventListener(name, value);
    else if (value === true) el.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) {
      el.setAttribute(name, String(value));
    }
  }
  el.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return el;
}

/** Sets the text only when it differs, so that nothing flickers. */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/**
 * Makes a list show the items, in order. rows is a Map of ids to what make(item)
 * gave, el and paint(item): they are kept while their item is among them, so
 * that what is open stays so.
 */
export function showRows(list, rows, items, make) {
  const ids = new Set(items.map((item) => item.id));
  for (const [id, row] of rows) {
    if (ids.has(id)) continue;
    row.el.remove();
    rows.delete(id);
  }
  items.forEach((item, i) => {
    if (!rows.has(item.id)) rows.set(item.id, make(item));
    const row = rows.get(item.id);
    row.paint(item);
    if (list.children[i] !== row.el) list.insertBefore(row.el, list.children[i] ?? null);
  });
}

/** Shows a sentence of the server; what stands in `backticks` is to be typed. */
export function say(el, text) {
  el.replaceChildren(...text.split('`').map((part, i) =>
    (i % 2 ? h('code', {}, part) : part)));
}

/** Says something to people who listen instead of look. */
export function announce(text) {
  document.getElementById('announce').textContent = text;
}

const TOASTS_MAX = 4;

/** Shows a message for a while; one about a failure stays longer. */
export function toast(text, kind = 'good') {
  const box = document.getElementById('toasts');
  const close = () => el.remove();
  const words = h('span');
  say(words, text);
  const el = h('div', {
    class: `toast ${kind}`,
    role: kind === 'bad' ? 'alert' : 'status',
  }, words, h('button', {
    class: 'plain', type: 'button', 'aria-label': 'Close this message',
    click: close,
  }, '×'));
  while (box.childElementCount >= TOASTS_MAX) box.firstElementChild.remove();
  box.append(el);
  setTimeout(close, kind === 'bad' ? 20000 : 5000);
}

/**
 * Runs an action from a button: shows that it is under way, then the result.
 * Returns what the action returned, or undefined when it failed.
 */
export async function act(button, action, done) {
  if (button?.getAttribute('aria-busy') === 'true') return undefined;
  button?.setAttribute('aria-busy', 'true');
  try {
    const result = await action();
    if (done) toast(done);
    return result ?? true;
  } catch (error) {
    if (error.name !== 'AbortError') toast(error.message, 'bad');
    return undefined;
  } finally {
    button?.removeAttribute('aria-busy');
  }
}

/** A modal dialog; Escape and a press beside it close it. */
export function modal(title, className, ...children) {
  const name = h('h2', { id: `title-${crypto.getRandomValues(new Uint32Array(1))[0]}` }, title);
  const dialog = h('dialog', { class: className, 'aria-labelledby': name.id },
    name, ...children);
  let pressed = null;
  dialog.addEventListener('pointerdown', (e) => { pressed = e.target; });
  dialog.addEventListener('click', (e) => {
    if (e.target === dialog && pressed === dialog) dialog.close('cancel');
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks before something that cannot be undone. Resolves to null, or to an
 * object with the state of the extra box.
 */
export function ask({ title, text, yes, option = null }) {
  return new Promise((resolve) => {
    const box = option && h('input', { type: 'checkbox' });
    const form = h('form', { method: 'dialog' },
      h('p', {}, text),
      box && h('label', { class: 'check' }, box, option),
      h('div', { class: 'row end' },
        h('button', { type: 'submit', value: 'cancel' }, 'Cancel'),
        h('button', { type: 'submit', value: 'yes', class: 'danger' }, yes)));
    const dialog = modal(title, 'small', form);
    dialog.addEventListener('close', () => resolve(
      dialog.returnValue === 'yes' ? { option: box?.checked ?? false } : null));
  });
}

/** Asks for one line of text; resolves to null when it was called off. */
export function prompt({ title, label, yes, maxLength }) {
  return new Promise((resolve) => {
    const input = h('input', { maxlength: maxLength });
    const form = h('form', { method: 'dialog' },
      h('label', {}, label, input),
      h('div', { class: 'row end' },
        h('button', { type: 'button', click: () => dialog.close('cancel') }, 'Cancel'),
        h('button', { type: 'submit', value: 'yes', class: 'primary' }, yes)));
    const dialog = modal(title, 'small', form);
    input.focus();
    dialog.addEventListener('close', () => resolve(
      dialog.returnValue === 'yes' ? input.value.trim() : null));
  });
}

/** A button that opens a small menu; Escape, a choice or leaving closes it. */
export function menu(label, buttons) {
  const el = h('details', {
    class: 'menu',
    keydown: (e) => {
      if (e.key !== 'Escape' || !el.open) return;
      e.stopPropagation();
      el.open = false;
      el.firstElementChild.focus();
    },
    click: (e) => { if (e.target.closest('button')) el.open = false; },
    focusout: (e) => { if (!el.contains(e.relatedTarget)) el.open = false; },
  }, h('summary', {}, label), h('div', { class: 'menu-items' }, buttons));
  return el;
}

/** A time as people say it, with the exact one to hover over. */
export function timeElement(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return h('time', {}, '');
  const today = date.toDateString() === new Date().toDateString();
  const text = today
    ? date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : date.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  return h('time', { datetime: iso, title: iso }, text);
}

/** Gives a text to the browser as a file. */
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
