// SPDX-License-Identifier: MIT
// Writing something with a priority, and sending it.

import { act, h } from './dom.js';

/** For the field of a form: Enter runs fn, with Shift it begins a line. */
export function onEnter(fn) {
  return (e) => {
    if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    fn();
  };
}

export class Composer {
  /**
   * label, placeholder: of the field; button: what is on it; more: elements
   * that go with the text; send(content, priority): a call; done: what is said
   * then; after(): runs last.
   */
  constructor({ label, placeholder, button, more = [], send, done, after }) {
    this.call = send;
    this.done = done;
    this.after = after;
    this.input = h('textarea', { rows: 1, 'aria-label': label, placeholder,
      keydown: onEnter(() => this.submit()) });
    this.priority = h('select', { 'aria-label': 'Priority' },
      ['P0', 'P1', 'P2', 'P3'].map((p) => h('option', { value: p, selected: p === 'P2' }, p)));
    this.button = h('button', { type: 'submit', class: 'primary' }, button);
    this.el = h('form', { class: 'composer',
      submit: (e) => { e.preventDefault(); this.submit(); } },
    this.input, more, this.priority, this.button);
  }

  async submit() {
    const content = this.input.value;
    if (content.trim() === '') return;
    const sent = await act(this.button, () => this.call(content, this.priority.value), this.done);
    if (!sent) return;
    this.input.value = '';
    await this.after();
  }
}
