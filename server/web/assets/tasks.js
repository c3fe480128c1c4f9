// SPDX-License-Identifier: MIT
// Tasks: submitting one, the list of them, one in detail. What the server says
// about tasks makes it look again, at most a few times a second.

import { api } from './api.js';
import { act, h, say, setText, timeElement } from './dom.js';
import { throttled } from './mail.js';

const PAGE = 50;
const PAGE_MAX = 1000;
const TEXT_MAX = 4000;
const LINE_MAX = 200;
export const TASKS = '#tasks'; // no bot's id

const STATUSES = [
  ['', 'All tasks'], ['queued', 'Queued'], ['running', 'Running'], ['assigned', 'Assigned'],
  ['blocked', 'Blocked'], ['awaiting_approval', 'Awaiting approval'], ['succeeded', 'Succeeded'],
  ['failed', 'Failed'], ['timed_out', 'Timed out'], ['cancelled', 'Cancelled'],
];
const COUNTED = ['awaiting_approval', 'blocked', 'queued', 'assigned', 'running'];
const RETRIABLE = ['failed', 'cancelled', 'timed_out'];
const words = (status) => status.replace('_', ' ');
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

/** The beginning of a text that may change; all of it when asked for. */
class LongText {
  constructor(label) {
    this.body = h('div', { class: 'text', dir: 'auto' });
    this.more = h('button', { type: 'button', class: 'plain', click: () => this.all() });
    this.el = h('div', {}, h('h3', {}, label), this.body, this.more);
  }

  paint(text) {
    this.el.hidden = text === null;
    if (text === null || text === this.text) return;
    this.text = text;
    setText(this.body, text.slice(0, TEXT_MAX));
    setText(this.more, `Show all ${text.length} characters`);
    this.more.hidden = text.length <= TEXT_MAX;
  }

  all() {
    setText(this.body, this.text);
    this.more.hidden = true;
  }
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

export class TasksPanel {
  /** me: who is signed in. */
  constructor(me) {
    this.id = TASKS;
    this.mayOperate = ['operator', 'admin'].includes(me.role);
    this.limit = PAGE;
    this.status = '';
    this.rows = new Map();
    this.heading = h('h1', { tabindex: -1 }, 'Tasks');
    this.note = h('p', { class: 'note', role: 'status' }, 'Reading the tasks …');
    this.problem = h('p', { class: 'problem', role: 'alert' });
    this.list = h('ul', { class: 'tasks' });
    this.more = h('button', { type: 'button', class: 'plain', hidden: true,
      click: () => this.readMore() }, 'Show more');
    this.el = h('main', { id: 'main', class: 'panel', tabindex: -1 },
      h('header', { class: 'bot-head' },
        h('div', { class: 'line' },
          h('a', { class: 'back', href: '#/', 'aria-label': 'Back to the list' }, '‹'),
          this.heading),
        h('p', { class: 'facts' }, 'Work for whichever bot does it best.')),
      h('div', { class: 'panel-body' }, this.makeView()));
    this.soon = throttled(() => this.refresh());
  }

  makeView() {
    const select = h('select', { 'aria-label': 'Which tasks', change: () => {
      this.status = select.value;
      this.limit = PAGE;
      this.refresh();
    } }, STATUSES.map(([value, label]) => h('option', { value }, label)));
    return h('section', { class: 'mail', 'aria-label': 'Tasks' },
      h('div', { class: 'toolbar' }, select, this.note),
      h('div', { class: 'letters-box', tabindex: 0, 'aria-label': 'Tasks' }, this.list, this.more),
      this.problem, this.makeComposer());
  }

  makeComposer() {
    this.input = h('textarea', { rows: 1, 'aria-label': 'What is to be done',
      placeholder: 'What is to be done?', keydown: (e) => this.key(e) });
    this.priority = h('select', { 'aria-label': 'Priority' },
      ['P0', 'P1', 'P2', 'P3'].map((p) => h('option', { value: p, selected: p === 'P2' }, p)));
    this.bot = h('select', { 'aria-label': 'Bot' }, h('option', { value: '' }, 'Best bot'));
    this.send = h('button', { type: 'submit', class: 'primary' }, 'Submit');
    return h('form', { class: 'composer', hidden: !this.mayOperate,
      submit: (e) => { e.preventDefault(); this.submit(); } },
    this.input, this.bot, this.priority, this.send);
  }

  key(e) {
    if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    this.submit();
  }

  async attached() {
    this.shown = true;
    await this.refresh();
  }

  detached() {
    this.shown = false;
  }

  reload() { return this.refresh(); }

  /** Something happened to a task. */
  taskChanged() {
    if (this.shown) this.soon();
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

  mailChanged() {}

  paint() {}

  focus() { this.heading.focus(); }

  escape() {}

  async refresh() {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    const { status } = this;
    try {
      const [page, counts] = await Promise.all([
        api.tasks(status, this.limit), api.tasksStatus()]);
      if (status === this.status) this.paintPage(page, counts);
      this.problem.textContent = '';
    } catch (error) {
      if (error.name !== 'Unreachable') say(this.problem, error.message);
    }
    this.reading = false;
    if (!this.again && status === this.status) return;
    this.again = false;
    await this.refresh();
  }

  paintPage(page, counts) {
    const ids = new Set(page.items.map((t) => t.id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.el.remove();
      this.rows.delete(id);
    }
    page.items.forEach((t, i) => {
      if (!this.rows.has(t.id)) this.rows.set(t.id, new Row(t, this));
      const row = this.rows.get(t.id);
      row.paint(t);
      if (this.list.children[i] !== row.el) {
        this.list.insertBefore(row.el, this.list.children[i] ?? null);
      }
    });
    this.more.hidden = !page.next_cursor || this.limit >= PAGE_MAX;
    const open = COUNTED.filter((s) => counts[s]).map((s) => `${counts[s]} ${words(s)}`);
    const none = page.items.length || this.status ? 'Nothing is under way.' : 'No task yet.';
    setText(this.note, open.join(', ') || none);
  }

  readMore() {
    this.limit = Math.min(this.limit * 2, PAGE_MAX);
    this.refresh();
  }

  async submit() {
    const content = this.input.value;
    if (content.trim() === '') return;
    const bot = this.bot.value;
    const task = await act(this.send, () => api.submitTask(
      { content, priority: this.priority.value, ...(bot ? { bot } : {}) }), 'Submitted.');
    if (!task) return;
    this.input.value = '';
    await this.refresh();
  }
}
