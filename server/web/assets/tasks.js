// SPDX-License-Identifier: MIT
// Tasks: submitting one, the list of them, one in detail.

import { api } from './api.js';
import { Composer } from './composer.js';
import { act, h, say, setText, timeElement } from './dom.js';
import { Listing } from './listing.js';
import { LongText } from './longtext.js';

const LINE_MAX = 200;

const STATUSES = [
  ['', 'All tasks'], ['queued', 'Queued'], ['running', 'Running'], ['assigned', 'Assigned'],
  ['blocked', 'Blocked'], ['awaiting_approval', 'Awaiting approval'], ['succeeded', 'Succeeded'],
  ['failed', 'Failed'], ['timed_out', 'Timed out'], ['cancelled', 'Cancelled'],
];
const COUNTED = ['awaiting_approval', 'blocked', 'queued', 'assigned', 'running'];
const RETRIABLE = ['failed', 'cancelled', 'timed_out'];
const words = (status) => status.replace('_', ' ');
const isOfTasks = ({ type }) => type.startsWith('task.');
const isOpen = (t) => COUNTED.includes(t.status);

function tries(t) {
  if (!t.attempt) return '';
  return t.attempt > t.max_attempts ? `attempt ${t.attempt}`
    : `attempt ${t.attempt} of ${t.max_attempts}`;
}

function seconds(n) {
  if (n < 100) return `${Math.round(n * 10) / 10} s`;
  return n < 7200 ? `${Math.round(n / 60)} min` : `${Math.round(n / 3600)} h`;
}

/** One task in full, below its row. */
class Detail {
  constructor(id, view) {
    this.id = id;
    this.view = view;
    this.facts = h('p', { class: 'facts' });
    this.content = new LongText('Content');
    this.result = new LongText('Result');
    this.attempts = h('ol', { class: 'attempts' });
    const button = (label, fn, attrs = {}) =>
      h('button', { type: 'button', ...attrs, click: (e) => fn(e.currentTarget) }, label);
    this.cancel = button('Cancel', (b) => this.run(b, api.cancelTask, 'It is cancelled.'),
      { class: 'danger' });
    this.retry = button('Try again', (b) => this.run(b, api.retryTask, 'It is queued again.'));
    this.approve = button('Approve', (b) => this.run(b, api.approveTask, 'It may run.'),
      { class: 'primary' });
    this.good = button('👍 Good', (b) => this.judge(b, true));
    this.bad = button('👎 Bad', (b) => this.judge(b, false));
    this.verdict = h('span', { class: 'note', dir: 'auto' });
    this.actions = h('div', { class: 'row' }, this.approve, this.retry, this.cancel,
      this.good, this.bad, this.verdict);
    this.problem = h('p', { class: 'problem', role: 'alert' });
    this.el = h('div', { class: 'task-detail' }, this.facts, this.actions, this.problem,
      this.result.el, this.content.el, h('h3', {}, 'Attempts'), this.attempts);
  }

  async refresh() {
    try {
      this.paint(await api.task(this.id));
      this.problem.textContent = '';
    } catch (error) {
      if (error.name !== 'Unreachable') say(this.problem, error.message);
    }
  }

  paint(t) {
    const may = this.view.mayOperate;
    setText(this.facts, [t.id, `submitted by ${t.submitted_by}`,
      t.pinned_bot ? `only for ${t.pinned_bot}` : '',
      t.every_seconds ? `every ${seconds(t.every_seconds)}` : '',
      t.depends_on.length ? `after ${t.depends_on.join(', ')}` : ''].filter(Boolean).join(' · '));
    this.content.paint(t.content);
    this.result.paint(t.result?.text ?? null);
    this.attempts.replaceChildren(...t.attempts.map((a) => this.attempt(a)));
    this.attempts.previousElementSibling.hidden = t.attempts.length === 0;
    this.cancel.hidden = !may || !isOpen(t);
    this.retry.hidden = !may || !RETRIABLE.includes(t.status);
    this.approve.hidden = !may || t.status !== 'awaiting_approval';
    this.paintVerdict(t, may);
  }

  paintVerdict(t, may) {
    for (const [button, value] of [[this.good, true], [this.bad, false]]) {
      button.hidden = !may || isOpen(t) || !t.result;
      button.setAttribute('aria-pressed', String(t.verdict?.success === value));
    }
    const v = t.verdict;
    setText(this.verdict, v ? [`${v.success ? 'good' : 'bad'}, says ${v.by}`, v.note]
      .filter(Boolean).join(': ') : '');
  }

  attempt(a) {
    const text = [`${a.outcome ?? 'it goes on'}, ${seconds(a.seconds)}`, a.error];
    return h('li', { dir: 'auto' }, h('strong', {}, a.bot), ` ${text.filter(Boolean).join(': ')}`);
  }

  async run(button, call, done) {
    await act(button, () => call(this.id), done);
    await this.view.refresh();
  }

  async judge(button, success) {
    await act(button, () => api.judgeTask(this.id, success), 'Your verdict is noted.');
    await this.view.refresh();
  }
}

/** One task of the list; kept while the task is in it. */
class Row {
  constructor(t, view) {
    this.id = t.id;
    this.view = view;
    this.status = h('span', { class: 'status' });
    this.bot = h('span', { class: 'author' });
    this.tries = h('span');
    this.reason = h('p', { class: 'why', dir: 'auto' });
    const line = t.content.slice(0, LINE_MAX);
    this.toggle = h('button', { type: 'button', class: 'task-line', dir: 'auto',
      'aria-expanded': 'false', click: () => this.flip() },
    line.length < t.content_bytes ? `${line} …` : line);
    this.el = h('li', { class: 'task', 'data-id': t.id },
      h('div', { class: 'meta' },
        h('span', { class: 'priority', 'data-priority': t.priority }, t.priority),
        this.status, h('span', {}, t.type), this.bot, timeElement(t.created_at), this.tries),
      this.toggle, this.reason);
  }

  paint(t) {
    setText(this.status, words(t.status));
    this.status.dataset.status = t.status;
    setText(this.bot, t.bot ?? '');
    setText(this.tries, t.attempt > 1 || t.retry ? tries(t) : '');
    const bad = t.status === 'succeeded' ? '' : t.reason ?? t.error?.message ?? '';
    setText(this.reason, bad);
    this.detail?.refresh();
  }

  flip() {
    const open = !this.detail;
    this.toggle.setAttribute('aria-expanded', String(open));
    if (open) {
      this.detail = new Detail(this.id, this.view);
      this.el.append(this.detail.el);
      this.detail.refresh();
    } else {
      this.detail.el.remove();
      this.detail = null;
    }
  }
}

class TasksView extends Listing {
  /** me: who is signed in. */
  constructor(me) {
    super({ kind: 'tasks', name: 'Tasks', which: 'Which tasks', label: 'Tasks',
      filters: STATUSES, reading: 'Reading the tasks …' });
    this.mayOperate = ['operator', 'admin'].includes(me.role);
    this.bot = h('select', { 'aria-label': 'Bot' }, h('option', { value: '' }, 'Best bot'));
    const composer = new Composer({ label: 'What is to be done',
      placeholder: 'What is to be done?', button: 'Submit', more: [this.bot], done: 'Submitted.',
      send: (content, priority) => this.submit(content, priority),
      after: () => this.refresh() });
    composer.el.hidden = !this.mayOperate;
    this.el.append(composer.el);
  }

  told(event) {
    if (isOfTasks(event)) this.changed();
  }

  /** The ids of the bots there are, which one may choose from. */
  paintBots(ids) {
    if (ids.join() === this.bots) return;
    this.bots = ids.join();
    const chosen = this.bot.value;
    this.bot.replaceChildren(h('option', { value: '' }, 'Best bot'),
      ...ids.map((id) => h('option', { value: id }, id)));
    this.bot.value = ids.includes(chosen) ? chosen : '';
  }

  read(status, limit) {
    return Promise.all([api.tasks(status, limit), api.tasksStatus()]);
  }

  row(t) { return new Row(t, this); }

  painted(items, counts) {
    const open = COUNTED.filter((s) => counts[s]).map((s) => `${counts[s]} ${words(s)}`);
    const none = items.length || this.filter ? 'Nothing is under way.' : 'No task yet.';
    return open.join(', ') || none;
  }

  submit(content, priority) {
    const bot = this.bot.value;
    return api.submitTask({ content, priority, ...(bot ? { bot } : {}) });
  }
}

export const TASKS_PAGE = {
  id: '#tasks',
  hash: '#/tasks',
  name: 'Tasks',
  title: 'Tasks',
  kind: 'work',
  counted: {
    what: 'to approve',
    changes: isOfTasks,
    read: async () => (await api.tasksStatus()).awaiting_approval,
  },
  about: 'Work for whichever bot does it best.',
  view: (me) => new TasksView(me),
};
