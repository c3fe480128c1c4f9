// SPDX-License-Identifier: MIT
// An inbox: what is in it, dead letters, and writing to it. Looking changes
// nothing.

import { api } from './api.js';
import { Composer } from './composer.js';
import { act, h, setText, timeElement } from './dom.js';
import { Listing } from './listing.js';
import { LongText } from './longtext.js';

export const SYSTEM = 'system';

const FOLDERS = [
  ['', 'Waiting'], ['read', 'Read'], ['failed', 'Dead letters'], ['expired', 'Expired'],
];
const EMPTY = {
  '': 'No mail is waiting.', read: 'Nothing was read yet.',
  failed: 'No dead letters.', expired: 'Nothing has expired.',
};

const isMailTo = ({ type, data }, id) =>
  type.startsWith('message.') && (data.items ?? []).some(({ to }) => to === id);

/** One message of the list; kept while the message is in it. */
class Letter {
  constructor(m, view) {
    this.view = view;
    this.status = h('span', { class: 'status' });
    this.tries = h('span');
    this.reason = h('p', { class: 'why', dir: 'auto' });
    this.requeue = h('button', { type: 'button', hidden: true,
      'aria-label': `Requeue the message of ${m.from}`,
      click: (e) => view.requeue(m.id, e.currentTarget) }, 'Requeue');
    this.el = h('li', { class: 'letter', 'data-id': m.id },
      h('div', { class: 'meta' },
        h('span', { class: 'priority', 'data-priority': m.priority }, m.priority),
        h('span', { class: 'author' }, m.from), timeElement(m.created_at),
        this.status, this.tries, this.requeue),
      new LongText().paint(m.content ?? '').el, this.reason);
  }

  paint(m) {
    setText(this.status, m.status);
    this.status.dataset.status = m.status;
    setText(this.tries, m.attempt > 1 ? `attempt ${m.attempt} of ${m.max_attempts}` : '');
    setText(this.reason, m.reason ?? '');
    this.requeue.hidden = !(this.view.mayOperate && m.status === 'failed');
  }
}

export class MailView extends Listing {
  /** me: who is signed in. */
  constructor(id, me) {
    super({ kind: 'mail', name: `Mail of ${id}`, which: 'Which mail', label: 'Messages',
      filters: FOLDERS, reading: 'Reading the mail …' });
    this.id = id;
    this.mayOperate = me.role !== 'viewer';
    this.all = h('button', { type: 'button', hidden: true,
      click: (e) => this.requeueAll(e.currentTarget) }, 'Requeue all');
    this.done = h('button', { type: 'button', hidden: true,
      click: (e) => this.markRead(e.currentTarget) }, 'Mark these as read');
    this.bar.append(this.done, this.all);
    const composer = new Composer({ label: `Mail to ${id}`, placeholder: `Write to ${id}`,
      button: 'Send mail', done: `Sent to ${id}.`,
      send: (content, priority) => api.sendMail(id, content, priority),
      after: () => this.refresh() });
    composer.el.hidden = !this.mayOperate || id === SYSTEM;
    this.el.append(composer.el);
  }

  read(folder, limit) {
    return Promise.all([api.inbox(this.id, folder, limit), api.inboxStatus(this.id)]);
  }

  told(event) {
    if (isMailTo(event, this.id)) this.changed();
  }

  row(m) { return new Letter(m, this); }

  painted(items, counts) {
    const any = items.length > 0;
    this.all.hidden = !(this.mayOperate && any && this.filter === 'failed');
    this.done.hidden = !(this.mayOperate && any && this.filter === '' && this.id === SYSTEM);
    return any ? `${counts.pending} pending, ${counts.delivered} delivered` : EMPTY[this.filter];
  }

  async requeue(id, button) {
    await act(button, () => api.requeue(id), 'It is waiting again.');
    await this.refresh();
  }

  /** All that is shown, one after the other. */
  async requeueAll(button) {
    await act(button, async () => {
      for (const id of [...this.rows.keys()]) await api.requeue(id);
    }, 'They are waiting again.');
    await this.refresh();
  }

  /**
   * People acknowledge as bots do: receive, then read. Only what is shown is
   * read; mail that came meanwhile goes back.
   */
  async markRead(button) {
    const shown = new Set([...this.rows.keys()]);
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
export const SYSTEM_PAGE = {
  id: SYSTEM,
  hash: '#/system',
  name: 'system',
  title: 'Mail to the people',
  kind: 'people',
  counted: {
    what: 'unread',
    changes: (event) => isMailTo(event, SYSTEM),
    read: async () => {
      const { pending, delivered } = await api.inboxStatus(SYSTEM);
      return pending + delivered;
    },
  },
  about: 'What bots send to system, and notices about mail that failed.',
  view: (me) => new MailView(SYSTEM, me),
};
