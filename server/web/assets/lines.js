// SPDX-License-Identifier: MIT
// One line of a conversation: author, time, text, mark. An answer that is
// being written gathers its pieces and paints them once a frame.

import { h, setText, timeElement } from './dom.js';

const MARKS = {
  sending: 'sending …',
  unsure: 'not confirmed',
  sent: 'sent',
  answered: 'answered',
  partial: 'cut short',
  failed: 'no answer',
};
const FOLDED = { thinking: 'Thinking', tool: 'Tool' };

export class Line {
  constructor(role, author) {
    this.id = null;
    this.role = role;
    this.author = h('span', { class: 'author' }, author);
    this.time = h('span');
    this.mark = h('span', { class: 'mark' });
    this.body = h('div', { class: 'text', dir: 'auto' });
    this.why = h('div', { class: 'why', dir: 'auto' });
    this.folds = h('div', { class: 'folds' });
    this.extra = h('span', { class: 'extra' });
    this.el = h('article', { class: `line-item ${role}` },
      h('div', { class: 'meta' }, this.author, this.time, this.mark, this.extra),
      this.folds, this.body, this.why);
    this.content = '';
    this.waiting = [];
  }

  /** Shows what the server keeps. */
  update(item) {
    this.id = item.id;
    this.el.dataset.id = item.id;
    this.content = item.content ?? '';
    this.waiting = [];
    setText(this.author, item.author ?? item.bot ?? item.role);
    setText(this.body, this.content);
    if (item.created_at && this.at !== item.created_at) {
      this.at = item.created_at;
      this.time.replaceChildren(timeElement(item.created_at));
    }
    this.setMark(item.status ?? 'answered', item.error);
    return this;
  }

  setMark(status, why) {
    this.status = status;
    this.el.dataset.status = status;
    const shown = this.role === 'user' || status !== 'answered';
    const text = MARKS[status] ?? status;
    setText(this.mark, shown ? text : '');
    setText(this.why, shown && why ? why : '');
  }

  setText(text) {
    this.content = text;
    setText(this.body, text);
  }

  /** Adds a button behind the mark, in the place of the one before. */
  setExtra(label, action) {
    this.extra.replaceChildren();
    if (label) {
      this.extra.append(h('button', { type: 'button', class: 'plain', click: action }, label));
    }
  }

  /** Takes a piece of the answer; painted() follows within a frame. */
  chunk(channel, text, painted) {
    if (this.waiting.length === 0) requestAnimationFrame(() => {
      this.paintChunks();
      painted();
    });
    this.waiting.push([channel, text]);
  }

  paintChunks() {
    for (const [channel, text] of this.waiting) {
      if (channel in FOLDED) this.fold(channel).append(text);
      else {
        this.content += text;
        this.body.append(text);
      }
    }
    this.waiting = [];
    this.body.normalize();
  }

  /** The box that thinking or the use of tools is folded into. */
  fold(channel) {
    const key = `fold-${channel}`;
    if (!this[key]) {
      this[key] = h('pre', { class: 'fold-text' });
      this.folds.append(h('details', { class: channel },
        h('summary', {}, FOLDED[channel]), this[key]));
    }
    return this[key];
  }
}
