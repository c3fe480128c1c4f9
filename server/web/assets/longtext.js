// SPDX-License-Identifier: MIT
// A text of which there may be much: its beginning, all of it when asked for.

import { h, setText } from './dom.js';

const TEXT_MAX = 4000;

export class LongText {
  /** label: a heading, or null. */
  constructor(label = null) {
    this.body = h('div', { class: 'text', dir: 'auto' });
    this.more = h('button', { type: 'button', class: 'plain', click: () => this.all() });
    this.el = h('div', {}, label && h('h3', {}, label), this.body, this.more);
  }

  /** The text may change; null: there is none. */
  paint(text) {
    this.el.hidden = text === null;
    if (text === null || text === this.text) return this;
    this.text = text;
    setText(this.body, text.slice(0, TEXT_MAX));
    setText(this.more, `Show all ${text.length} characters`);
    this.more.hidden = text.length <= TEXT_MAX;
    return this;
  }

  all() {
    setText(this.body, this.text);
    this.more.hidden = true;
  }
}
