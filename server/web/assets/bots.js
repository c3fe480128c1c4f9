// SPDX-License-Identifier: MIT
// The list of bots and the head of the bot that is open.

import { api } from './api.js';
import { act, ask, h, setText } from './dom.js';

const LIVE = new Set(['starting', 'ready', 'busy', 'paused', 'stopping', 'backoff']);
export const isLive = (bot) => LIVE.has(bot.state);

/** What a bot answers with, in few words. */
export function kindOf(bot) {
  return [bot.adapter, bot.model].filter(Boolean).join(' · ');
}

function restartsText(n) {
  return n === 1 ? '1 restart' : `${n} restarts`;
}

/** Why the bot is as it is: its reason, else its own status. */
function reasonOf(bot) {
  return bot.state_reason || bot.status_text || '';
}

/** Paints a state as dot and word. */
function paintState(el, state) {
  if (el.dataset.state === state) return;
  el.dataset.state = state;
  el.textContent = state;
}

/** How much mail waits; nothing when there is none. */
function paintUnread(el, n) {
  setText(el, n > 999 ? '999+' : String(n || ''));
  if (n) el.setAttribute('aria-label', `${n} unread`);
  else el.removeAttribute('aria-label');
}

function mark(link, selected) {
  if (selected) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
}

/** The list at the side. Rows are kept and repainted in place. */
export class BotList {
  constructor(onLaunch) {
    this.rows = new Map();
    this.list = h('ul', { class: 'bots' });
    this.empty = h('p', { class: 'empty' },
      'No bots yet.');
    this.launch = h('button', {
      type: 'button', class: 'primary', click: onLaunch,
    }, 'Launch a bot');
    this.people = h('span', { class: 'unread' });
    this.system = h('a', { class: 'people', href: '#/system' },
      h('span', {}, 'Mail to the people'), this.people);
    this.learned = h('a', { class: 'people', href: '#/learned' }, 'What was learned');
    this.approve = h('span', { class: 'unread' });
    this.tasks = h('a', { class: 'work', href: '#/tasks' }, h('span', {}, 'Tasks'), this.approve);
    this.el = h('nav', { class: 'side', 'aria-label': 'Bots' },
      h('div', { class: 'side-head' }, h('h2', {}, 'Bots'), this.launch),
      this.list, this.empty, this.tasks, this.system, this.learned);
  }

  row(id) {
    const state = h('span', { class: 'state' });
    const kind = h('span', { class: 'kind' });
    const reason = h('span', { class: 'reason' });
    const unread = h('span', { class: 'unread' });
    const link = h('a', { href: `#/bots/${encodeURIComponent(id)}` },
      h('span', { class: 'line' }, h('strong', {}, id), unread, state),
      kind, reason);
    return { item: h('li', {}, link), link, state, kind, reason, unread };
  }

  paint(bots, selected) {
    const ids = [...bots.keys()].sort();
    const nodes = new Set([...bots.values()].map((bot) => bot.node));
    for (const [id, row] of this.rows) {
      if (bots.has(id)) continue;
      row.item.remove();
      this.rows.delete(id);
    }
    ids.forEach((id, i) => {
      if (!this.rows.has(id)) this.rows.set(id, this.row(id));
      const row = this.rows.get(id);
      if (this.list.children[i] !== row.item) {
        this.list.insertBefore(row.item, this.list.children[i] ?? null);
      }
      this.paintRow(row, bots.get(id), id === selected, nodes.size > 1);
    });
    this.empty.hidden = ids.length > 0;
  }

  /** several: there is more than one node, so that each bot names its own. */
  paintRow(row, bot, selected, several) {
    paintState(row.state, bot.state);
    const kind = [kindOf(bot), bot.restarts ? restartsText(bot.restarts) : '',
      several ? `node ${bot.node}` : ''];
    setText(row.kind, kind.filter(Boolean).join(' · '));
    setText(row.reason, reasonOf(bot));
    paintUnread(row.unread, bot.unread ?? 0);
    mark(row.link, selected);
  }

  /** The row of the tasks; how many wait for approval. */
  paintTasks(waiting, selected) {
    setText(this.approve, waiting > 999 ? '999+' : String(waiting || ''));
    if (waiting) this.approve.setAttribute('aria-label', `${waiting} to approve`);
    else this.approve.removeAttribute('aria-label');
    mark(this.tasks, selected);
  }

  /** The row of the people's own inbox. */
  paintSystem(unread, selected) {
    paintUnread(this.people, unread);
    mark(this.system, selected);
  }

  paintLearned(selected) {
    mark(this.learned, selected);
  }
}

const ACTIONS = [
  ['start', 'Start', (b) => ['stopped', 'failed', 'backoff'].includes(b.state)],
  ['stop', 'Stop', (b) => isLive(b) && b.state !== 'stopping'],
  ['restart', 'Restart', (b) => isLive(b) && b.state !== 'stopping'],
  ['pause', 'Pause', (b) => ['ready', 'busy'].includes(b.state)],
  ['resume', 'Resume', (b) => b.state === 'paused'],
];
const DONE = {
  start: 'is starting', stop: 'is stopping', restart: 'is restarting',
  pause: 'is paused', resume: 'works again',
};

/** Name, state and actions of the open bot. */
export class BotHead {
  /** hive.changed(bot) and hive.removed(id) are told of what was done. */
  constructor(id, hive, tabs) {
    this.id = id;
    this.hive = hive;
    this.state = h('span', { class: 'state', role: 'status' });
    this.facts = h('p', { class: 'facts' });
    this.reason = h('p', { class: 'reason' });
    this.buttons = ACTIONS.map(([action, label, when]) => ({
      when,
      el: h('button', { type: 'button', click: (e) => this.run(action, e.currentTarget) }, label),
    }));
    this.remove = h('button', {
      type: 'button', class: 'danger', click: (e) => this.askRemove(e.currentTarget),
    }, 'Remove');
    this.actions = h('div', { class: 'row actions', role: 'group', 'aria-label': `Actions for ${id}` },
      this.buttons.map((b) => b.el), this.remove);
    this.el = h('header', { class: 'bot-head' },
      h('div', { class: 'line' },
        h('a', { class: 'back', href: '#/', 'aria-label': 'Back to the list' }, '‹'),
        h('h1', { tabindex: -1 }, id), this.state, tabs),
      this.facts, this.reason, this.actions);
  }

  paint(bot, mayOperate) {
    this.bot = bot;
    paintState(this.state, bot.state);
    setText(this.facts, [kindOf(bot), bot.pid ? `pid ${bot.pid}` : '',
      restartsText(bot.restarts)].filter(Boolean).join(' · '));
    const texts = [bot.elsewhere ? `lives on node ${bot.node}: act on it there` : '',
      bot.state_reason, bot.status_text].filter(Boolean);
    setText(this.reason, texts.join(' · '));
    this.reason.hidden = texts.length === 0;
    this.actions.hidden = !mayOperate || Boolean(bot.elsewhere);
    for (const b of this.buttons) {
      const focused = document.activeElement === b.el;
      b.el.hidden = !b.when(bot);
      if (focused && b.el.hidden) this.focusAction();
    }
  }

  /** Keeps the keyboard where it was when its button goes. */
  focusAction() {
    this.buttons.find((b) => b.when(this.bot))?.el.focus();
  }

  async run(action, button) {
    const bot = await act(button, () => api.botAction(this.id, action),
      `${this.id} ${DONE[action]}.`);
    if (bot?.id) this.hive.changed(bot);
  }

  async askRemove(button) {
    const live = isLive(this.bot);
    const answer = await ask({
      title: `Remove ${this.id}?`,
      text: live ? 'It is running and will be stopped first.' : 'It is not running.',
      yes: 'Remove',
      option: 'Also delete its conversations for good',
    });
    if (!answer) return;
    const ok = await act(button, () => api.removeBot(this.id, live, answer.option),
      `${this.id} was removed.`);
    if (ok) this.hive.removed(this.id);
  }
}
