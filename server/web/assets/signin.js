// SPDX-License-Identifier: MIT
// Sign-in: by the one-time link (#code=...), or with a code or a token typed
// into a field.

import { api, session } from './api.js';
import { h, say } from './dom.js';

/** The code of the sign-in link, taken out of the address bar. */
export function takeCode() {
  const m = /^#code=([^&]+)$/.exec(location.hash);
  if (!m) return null;
  history.replaceState(null, '', location.pathname);
  try {
    return decodeURIComponent(m[1]);
  } catch {
    return m[1];
  }
}

/** Signs in with a code or, when it looks like one, a token. */
export async function signIn(secret) {
  session.set(secret.startsWith('deia_') ? secret : (await api.login(secret)).token);
  const me = await api.whoami();
  if (me.role === 'bot') throw new Error('This is the token of a bot; use one of a person.');
  return me;
}

/** The sign-in view. onDone(identity) follows a success. */
export function signInView(message, onDone) {
  const problem = h('p', { class: 'problem', role: 'alert' });
  say(problem, message ?? '');
  const input = h('input', {
    id: 'secret', type: 'password', autocomplete: 'off', spellcheck: 'false',
    required: true,
  });
  const button = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const submit = async (e) => {
    e.preventDefault();
    if (button.getAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    problem.textContent = '';
    try {
      onDone(await signIn(input.value.trim()));
    } catch (error) {
      session.clear();
      say(problem, error.message);
      input.select();
    } finally {
      button.removeAttribute('aria-busy');
    }
  };
  return h('main', { id: 'main', class: 'signin' },
    h('form', { class: 'card', submit },
      h('div', { class: 'brand big' }, h('span', { class: 'hex' }), 'deia'),
      h('h1', {}, 'Sign in'),
      h('label', { for: 'secret' }, 'One-time code or token'),
      input, problem, button,
      h('p', { class: 'hint' }, 'No code at hand? ',
        h('code', {}, 'deia login --link'),
        ' prints a new sign-in link. It works once.')));
}
