// SPDX-License-Identifier: MIT
// The lines of one conversation: pages of history back to the beginning, and
// the newest page merged in again whenever something changed.
//
// Lines that the server keeps are in order of id (which is order of time);
// lines it has not confirmed yet stand at the end.

import { api } from './api.js';
import { h } from './dom.js';
import { Line } from './lines.js';

const PAGE = 50;
const NEAR_END_PX = 80;

export class Transcript {
  constructor(bot, conversation, mayWrite) {
    this.bot = bot;
    this.invitation = mayWrite ? 'Nothing said yet. Write the first message below.'
      : 'Nothing said yet.';
    this.conversation = conversation;
    this.lines = new Map();
    this.next = null;
    this.top = h('div', { class: 'top' });
    this.list = h('div', { class: 'lines' });
    this.el = h('div', {
      class: 'transcript', role: 'log', 'aria-live': 'off', tabindex: 0,
      'aria-label': 'Conversation', scroll: () => this.scrolled(),
    }, this.top, this.list);
    this.loaded = false;
    this.stick = true;
  }

  /** Reads the newest page and merges it in. */
  async refresh() {
    const page = await api.lines(this.bot, this.conversation, null, PAGE);
    const gap = this.lines.size > 0 && page.next_cursor
      && !page.items.some((item) => this.lines.has(item.id));
    const cleared = page.items.length === 0;
    if (gap || cleared) this.drop();
    this.merge(page.items);
    if (!this.loaded || gap || cleared) this.setNext(page);
    this.loaded = true;
    if (this.stick) this.toEnd();
  }

  drop() {
    for (const line of this.lines.values()) line.el.remove();
    this.lines.clear();
  }

  /** items: newest first. */
  merge(items) {
    for (const item of [...items].reverse()) {
      const known = this.lines.get(item.id);
      if (known) known.update(item);
      else this.insert(new Line(item.role, item.author).update(item));
    }
  }

  insert(line) {
    this.lines.set(line.id, line);
    let before = null;
    for (let el = this.list.lastElementChild; el; el = el.previousElementSibling) {
      if (el.dataset.id && el.dataset.id < line.id) break;
      before = el;
    }
    this.list.insertBefore(line.el, before);
  }

  setNext(page) {
    const oldest = page.items[page.items.length - 1];
    this.next = page.next_cursor && oldest ? oldest.id : null;
    this.paintTop();
  }

  paintTop() {
    if (this.next) {
      this.top.replaceChildren(h('button', {
        type: 'button', class: 'plain', click: () => this.earlier(),
      }, 'Earlier messages'));
    } else {
      this.top.replaceChildren(h('p', { class: 'hint' }, this.list.childElementCount
        ? 'The beginning of the conversation.'
        : this.invitation));
    }
  }

  /** Reads the page before the oldest line; the view does not jump. */
  async earlier() {
    if (!this.next || this.reading) return;
    this.reading = true;
    this.top.setAttribute('aria-busy', 'true');
    try {
      const page = await api.lines(this.bot, this.conversation, this.next, PAGE);
      const height = this.el.scrollHeight;
      const place = this.el.scrollTop;
      this.merge(page.items);
      this.setNext(page);
      this.el.scrollTop = place + this.el.scrollHeight - height;
    } catch (error) {
      this.top.append(h('p', { class: 'problem', role: 'alert' }, error.message));
    } finally {
      this.reading = false;
      this.top.removeAttribute('aria-busy');
    }
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.el;
    this.stick = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    this.place = scrollTop;
    if (scrollTop < NEAR_END_PX && scrollHeight > clientHeight) this.earlier();
  }

  /** Back in the page: where it was when it left. */
  attached() {
    if (this.stick) this.toEnd();
    else this.el.scrollTop = this.place ?? 0;
  }

  toEnd() {
    this.el.scrollTop = this.el.scrollHeight;
  }

  /** Puts a line without id at the end. */
  append(line) {
    this.list.append(line.el);
    this.stick = true;
    this.paintTop();
    this.toEnd();
  }

  /** A line at the end was confirmed under this id. */
  confirm(line, item) {
    const twin = this.lines.get(item.id);
    if (twin && twin !== line) twin.el.remove();
    line.update(item);
    this.lines.set(item.id, line);
  }

  follow() {
    if (this.stick) this.toEnd();
  }
}
