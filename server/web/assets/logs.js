// SPDX-License-Identifier: MIT
// A bot's log: its last lines, followed while it is looked at.

import { api } from './api.js';
import { h } from './dom.js';

const TAIL = 500;
const FOLLOW_MS = 1500;

export class LogsView {
  constructor(id) {
    this.id = id;
    this.text = h('pre', { class: 'log', tabindex: 0, 'aria-label': `Log of ${id}` });
    this.note = h('p', { class: 'note', role: 'status' }, 'Reading the log …');
    this.follow = h('input', { type: 'checkbox', checked: true, change: () => this.tick() });
    this.el = h('section', { class: 'logs', 'aria-label': 'Log' },
      h('div', { class: 'toolbar' }, this.note,
        h('label', { class: 'check' }, this.follow, 'Follow')),
      this.text);
    this.shown = false;
    this.timer = null;
  }

  attached() {
    this.shown = true;
    this.tick();
  }

  detached() {
    this.shown = false;
    clearTimeout(this.timer);
  }

  async tick() {
    clearTimeout(this.timer);
    if (!this.shown) return;
    if (!document.hidden) await this.load();
    clearTimeout(this.timer);
    if (this.shown && this.follow.checked) {
      this.timer = setTimeout(() => this.tick(), FOLLOW_MS);
    }
  }

  async load() {
    try {
      const { items } = await api.logs(this.id, TAIL);
      const text = items.join('\n');
      if (text !== this.text.textContent) {
        this.text.textContent = text;
        if (this.follow.checked) this.text.scrollTop = this.text.scrollHeight;
      }
      this.note.textContent = items.length === 0 ? 'The log is empty so far.'
        : items.length < TAIL ? `${items.length} lines` : `The last ${TAIL} lines`;
    } catch (error) {
      this.note.textContent = error.message;
    }
  }
}
