// SPDX-License-Identifier: MIT
// An inbox: what is in it, dead letters, and writing to it. Looking changes
// nothing; what the server says about mail makes it look again, at most a few
// times a second.

import { api } from './api.js';
import { act, h, say, setText, timeElement } from './dom.js';

const PAGE = 50;
const PAGE_MAX = 1000;
const TEXT_MAX = 4000;
const PAUSE_MS = 400;
export const SYSTEM = 'system';

const FOLDERS = [
  ['', 'Waiting'], ['read', 'Read'], ['failed', 'Dead letters'], ['expired', 'Expired'],
];
const EMPTY = {
  '': 'No mail is waiting.', read: 'Nothing was read yet.',
  failed: 'No dead letters.', expired: 'Nothing has expired.',
};

/** Runs fn soon, and not again before a pause is over. */
export function throttled(fn) {
  let timer = null;
  let again = false;
  const run = async () => {
    timer = setTimeout(() => {
      timer = null;
      if (again) run();
    }, PAUSE_MS);
    again = false;
    await fn();
  };
  return () => {
    if (timer) again = true;
    else run();
  };
}

/** One message of the list; kept while the message is in it. */
class Letter {
  constructor(m, requeue) {
    this.status = h('span', { class: 'status' });
    this.tries = h('span');
    this.reason = h('p', { class: 'why', dir: 'auto' });
    this.requeue = h('button', { type: 'button', hidden: true,
      'aria-label': `Requeue the message of ${m.from}`,
      click: (e) => requeue(m.id, e.currentTarget) }, 'Requeue');
    this.el = h('li', { class: 'letter', 'data-id': m.id },
      h('div', { class: 'meta' },
        h('span', { class: 'priority', 'data-priority': m.priority }, m.priority),
        h('span', { class: 'author' }, m.from), timeElement(m.created_at),
        this.status, this.tries, this.requeue),
      this.text(m.content ?? ''), this.reason);
  }

  /** The beginning of the text; all of it when asked for. */
  text(content) {
    const body = h('div', { class: 'text', dir: 'auto' }, content.slice(0, TEXT_MAX));
    if (content.length <= TEXT_MAX) return body;
    const more = h('button', { type: 'button', class: 'plain', click: () => {
      setText(body, content);
      more.remove();
    } }, `Show all ${content.length} characters`);
    return h('div', {}, body, more);
  }

  paint(m, mayRequeue) {
    setText(this.status, m.status);
    this.status.dataset.status = m.status;
    setText(this.tries, m.attempt > 1 ? `attempt ${m.attempt} of ${m.max_attempts}` : '');
    setText(this.reason, m.reason ?? '');
    this.requeue.hidden = !(mayRequeue && m.status === 'failed');
  }
}

export class MailView {
  /** me: who is signed in. */
  constructor(id, me) {
    this.id = id;
    this.mayOperate = me.role !== 'viewer';
    this.folder = '';
    this.limit = PAGE;
    this.letters = new Map();
    this.note = h('p', { class: 'note', role: 'status' }, 'Reading the mail …');
    this.problem = h('p', { class: 'problem', role: 'alert' });
    this.list = h('ul', { class: 'letters' });
    this.more = h('button', { type: 'button', class: 'plain', hidden: true,
      click: () => this.readMore() }, 'Show more');
    this.el = h('section', { class: 'mail', 'aria-label': `Mail of ${id}` },
      this.makeBar(), h('div', { class: 'letters-box', tabindex: 0, 'aria-label': 'Messages' },
        this.list, this.more),
      this.problem, this.makeComposer());
    this.soon = throttled(() => this.refresh());
  }

  makeBar() {
    const select = h('select', { 'aria-label': 'Which mail', change: () => {
      this.folder = select.value;
      this.limit = PAGE;
      this.refresh();
    } }, FOLDERS.map(([value, label]) => h('option', { value }, label)));
    this.all = h('button', { type: 'button', hidden: true,
      click: (e) => this.requeueAll(e.currentTarget) }, 'Requeue all');
    this.done = h('button', { type: 'button', hidden: true,
      click: (e) => this.markRead(e.currentTarget) }, 'Mark these as read');
    return h('div', { class: 'toolbar' }, select, this.note, this.done, this.all);
  }

  makeComposer() {
    this.input = h('textarea', { rows: 1, 'aria-label': `Mail to ${this.id}`,
      placeholder: `Write to ${this.id}`, keydown: (e) => this.key(e) });
    this.priority = h('select', { 'aria-label': 'Priority' },
      ['P0', 'P1', 'P2', 'P3'].map((p) => h('option', { value: p, selected: p === 'P2' }, p)));
    this.send = h('button', { type: 'submit', class: 'primary' }, 'Send mail');
    return h('form', { class: 'composer', hidden: !this.mayOperate || this.id === SYSTEM,
      submit: (e) => { e.preventDefault(); this.submit(); } },
    this.input, this.priority, this.send);
  }

  key(e) {
    if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    this.submit();
  }

  attached() {
    this.shown = true;
    this.refresh();
  }

  detached() {
    this.shown = false;
  }

  /** Something happened to mail of this inbox. */
  changed() {
    if (this.shown) this.soon();
  }

  async refresh() {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    const { folder } = this;
    try {
      const [page, counts] = await Promise.all([
        api.inbox(this.id, folder, this.limit), api.inboxStatus(this.id)]);
      if (folder === this.folder) this.paint(page, counts);
      this.problem.textContent = '';
    } catch (error) {
      if (error.name !== 'Unreachable') say(this.problem, error.message);
    }
    this.reading = false;
    if (!this.again && folder === this.folder) return;
    this.again = false;
    await this.refresh();
  }

  paint(page, counts) {
    const ids = new Set(page.items.map((m) => m.id));
    for (const [id, letter] of this.letters) {
      if (ids.has(id)) continue;
      letter.el.remove();
      this.letters.delete(id);
    }
    page.items.forEach((m, i) => {
      if (!this.letters.has(m.id)) {
        this.letters.set(m.id, new Letter(m, (id, button) => this.requeue(id, button)));
      }
      const letter = this.letters.get(m.id);
      letter.paint(m, this.mayOperate);
      if (this.list.children[i] !== letter.el) {
        this.list.insertBefore(letter.el, this.list.children[i] ?? null);
      }
    });
    this.more.hidden = !page.next_cursor || this.limit >= PAGE_MAX;
    const any = page.items.length > 0;
    this.all.hidden = !(this.mayOperate && any && this.folder === 'failed');
    this.done.hidden = !(this.mayOperate && any && this.folder === '' && this.id === SYSTEM);
    const waiting = `${counts.pending} pending, ${counts.delivered} delivered`;
    setText(this.note, any ? waiting : EMPTY[this.folder]);
  }

  readMore() {
    this.limit = Math.min(this.limit * 2, PAGE_MAX);
    this.refresh();
  }

  async submit() {
    const content = this.input.value;
    if (content.trim() === '') return;
    const sent = await act(this.send,
      () => api.sendMail(this.id, content, this.priority.value), `Sent to ${this.id}.`);
    if (!sent) return;
    this.input.value = '';
    await this.refresh();
  }

  async requeue(id, button) {
    await act(button, () => api.requeue(id), 'It is waiting again.');
    await this.refresh();
  }

  /** All that is shown, one after the other. */
  async requeueAll(button) {
    await act(button, async () => {
      for (const id of [...this.letters.keys()]) await api.requeue(id);
    }, 'They are waiting again.');
    await this.refresh();
  }

  /**
   * People acknowledge as bots do: receive, then read. Only what is shown is
   * read; mail that came meanwhile goes back.
   */
  async markRead(button) {
    const shown = new Set([...this.letters.keys()]);
    await act(button, async () => {
      const { items } = await api.receive(this.id, shown.size);
      for (const m of items) {
        const claim = { bot: this.id, lease_token: m.lease_token };
        if (shown.has(m.id)) await api.readMail(m.id, claim);
        else await api.release(m.id, claim);
      }
    });
    await this.refresh();
  }
}

/** The inbox of the people who run the hive. */
export class SystemPanel {
  constructor(me) {
    this.id = SYSTEM;
    this.mail = new MailView(SYSTEM, me);
    this.heading = h('h1', { tabindex: -1 }, 'Mail to the people');
    this.el = h('main', { id: 'main', class: 'panel', tabindex: -1 },
      h('header', { class: 'bot-head' },
        h('div', { class: 'line' },
          h('a', { class: 'back', href: '#/', 'aria-label': 'Back to the list' }, '‹'),
          this.heading),
        h('p', { class: 'facts' }, 'What bots send to system, and notices about mail that failed.')),
      h('div', { class: 'panel-body' }, this.mail.el));
  }

  async attached() { this.mail.attached(); }

  detached() { this.mail.detached(); }

  reload() { return this.mail.refresh(); }

  mailChanged() { this.mail.changed(); }

  paint() {}

  focus() { this.heading.focus(); }

  escape() {}
}
