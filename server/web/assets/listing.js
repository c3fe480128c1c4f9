// SPDX-License-Identifier: MIT
// A list that the server gives by pages: a choice of which, rows that stay while
// what they show is in it, "Show more". Something that happened makes it look
// again.

import { h, say, setText, showRows } from './dom.js';
import { throttled } from './throttled.js';

const PAGE = 50;
const PAGE_MAX = 1000;

/**
 * What extends it has
 *   read(filter, limit): resolves to [page, rest];
 *   row(item): has el and paint(item);
 *   painted(items, rest): what is said above the list.
 */
export class Listing {
  /**
   * kind: its class; name, which, label: of itself, the choice and the list;
   * filters: [value, text] each; reading: what is said at first.
   */
  constructor({ kind, name, which, label, filters, reading }) {
    this.filter = '';
    this.limit = PAGE;
    this.rows = new Map();
    this.note = h('p', { class: 'note', role: 'status' }, reading);
    this.problem = h('p', { class: 'problem', role: 'alert' });
    this.list = h('ul', {});
    this.more = h('button', { type: 'button', class: 'plain', hidden: true,
      click: () => this.readMore() }, 'Show more');
    const select = h('select', { 'aria-label': which, change: () => {
      this.filter = select.value;
      this.limit = PAGE;
      this.refresh();
    } }, filters.map(([value, text]) => h('option', { value }, text)));
    this.bar = h('div', { class: 'toolbar' }, select, this.note);
    this.el = h('section', { class: `listing ${kind}`, 'aria-label': name }, this.bar,
      h('div', { class: 'listing-box', tabindex: 0, 'aria-label': label }, this.list, this.more),
      this.problem);
    this.soon = throttled(() => this.refresh());
  }

  attached() {
    this.shown = true;
    return this.refresh();
  }

  detached() {
    this.shown = false;
  }

  /** Something happened to what may be in it. */
  changed() {
    if (this.shown) this.soon();
  }

  async refresh() {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    const { filter } = this;
    try {
      const [page, rest] = await this.read(filter, this.limit);
      if (filter === this.filter) this.paint(page, rest);
      this.problem.textContent = '';
    } catch (error) {
      if (error.name !== 'Unreachable') say(this.problem, error.message);
    }
    this.reading = false;
    if (!this.again && filter === this.filter) return;
    this.again = false;
    await this.refresh();
  }

  paint(page, rest) {
    showRows(this.list, this.rows, page.items, (item) => this.row(item));
    this.more.hidden = !page.next_cursor || this.limit >= PAGE_MAX;
    setText(this.note, this.painted(page.items, rest));
  }

  readMore() {
    this.limit = Math.min(this.limit * 2, PAGE_MAX);
    this.refresh();
  }
}
