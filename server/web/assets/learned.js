// SPDX-License-Identifier: MIT
// What the scheduler learned: a row for each bot, a column for each type of task
// that was seen. Read again now and then while it is in the page.

import { api } from './api.js';
import { h, say, setText } from './dom.js';

const READ_MS = 5000;

const seconds = (n) => `${n >= 100 ? n.toFixed(0) : Number(n.toPrecision(3))} s`;
const percent = (ratio) => `${(100 * ratio).toFixed(0)} %`;

/** What was seen of a bot and a type, in a cell. */
function cellOf(pair) {
  if (!pair) return h('td', {}, '–');
  const best = pair.efficiency >= 0.999;
  const title = `${pair.successes} of ${pair.samples} succeeded; ${
    seconds(pair.seconds_to_success)} expected to a success; efficiency ${
    pair.efficiency.toFixed(2)}`;
  return h('td', { class: best ? 'best' : null, title },
    `${seconds(pair.avg_seconds)} · ${percent(pair.success_ratio)} (${pair.samples})`);
}

function rowOf(bot, types) {
  const seen = new Map(bot.task_types.filter((p) => p.samples).map((p) => [p.task_type, p]));
  return h('tr', { 'data-bot': bot.bot },
    h('th', { scope: 'row' }, bot.bot), types.map((t) => cellOf(seen.get(t))),
    h('td', { class: 'circuit' }, bot.circuit === 'closed' ? '' : bot.reason ?? bot.circuit));
}

/** Types of which any bot has a sample, in the server's order. */
function typesOf(bots) {
  const all = bots.flatMap((b) => b.task_types.filter((p) => p.samples).map((p) => p.task_type));
  return [...new Set(all)];
}

class LearnedView {
  constructor() {
    this.note = h('p', { class: 'note', role: 'status' }, 'Reading …');
    this.problem = h('p', { class: 'problem', role: 'alert' });
    this.table = h('table', { class: 'learned' });
    this.el = h('div', { class: 'learned-box', tabindex: 0, 'aria-label': 'What was learned' },
      this.note, this.table, this.problem);
  }

  async attached() {
    this.timer = setInterval(() => this.refresh(), READ_MS);
    await this.refresh();
  }

  detached() { clearInterval(this.timer); }

  async refresh() {
    try {
      this.show(await api.learned());
      this.problem.textContent = '';
    } catch (error) {
      if (error.name !== 'Unreachable') say(this.problem, error.message);
    }
  }

  show({ items, next_cursor: more }) {
    const types = typesOf(items);
    setText(this.note, types.length === 0 ? 'Nothing yet: no task was done.'
      : `Average time · success (tasks)${more ? '; the first bots of many' : ''}`);
    this.table.hidden = types.length === 0;
    const head = ['Bot', ...types, ''].map((t) => h('th', { scope: 'col' }, t));
    this.table.replaceChildren(h('thead', {}, h('tr', {}, head)),
      h('tbody', {}, items.map((b) => rowOf(b, types))));
  }
}

export const LEARNED_PAGE = {
  id: '#learned',
  hash: '#/learned',
  name: 'learned',
  title: 'What was learned',
  kind: 'people',
  counted: null,
  about: 'How long each bot takes for each type of task, and how often it succeeds.',
  view: () => new LearnedView(),
};
