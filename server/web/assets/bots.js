// SPDX-License-Identifier: MIT
// The list of bots and the head of the bot that is open.

import { api } from './api.js';
import { act, ask, h, setText, showRows } from './dom.js';

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

/** How many of something wait; nothing when there is none. */
function paintCount(el, n, what) {
  setText(el, n > 999 ? '999+' : String(n || ''));
  if (n) el.setAttribute('aria-label', `${n} ${what}`);
  else el.removeAttribute('aria-label');
}

function mark(link, selected) {
  if (selected) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
}

/** The list at the side. Rows are kept and repainted in place. */
export class BotList {
  /** pages: what page.js says they are. */
  constructor(onLaunch, pages) {
    this.rows = new Map();
    this.list = h('ul', { class: 'bots' });
    this.empty = h('p', { class: 'empty' },
      'No bots yet.');
    this.launch = h('button', {
      type: 'button', class: 'primary', click: onLaunch,
    }, 'Launch a bot');
    this.pages = pages.map(({ id, hash, title, kind, counted }) => {
      const count = counted && h('span', { class: 'unread' });
      return { id, counted, count,
        link: h('a', { class: kind, href: hash }, h('span', {}, title), count) };
    });
    this.el = h('nav', { class: 'side', 'aria-label': 'Bots' },
      h('div', { class: 'side-head' }, h('h2', {}, 'Bots'), this.launch),
      this.list, this.empty, this.pages.map((p) => p.link));
  }

  row(id) {
    const state = h('span', { class: 'state' });
    const kind = h('span', { class: 'kind' });
    const reason = h('span', { class: 'reason' });
    const unread = h('span', { class: 'unread' });
    const link = h('a', { href: `#/bots/${encodeURIComponent(id)}` },
      h('span', { class: 'line' }, h('strong', {}, id), unread, state),
      kind, reason);
    const row = { el: h('li', {}, link), link, state, kind, reason, unread,
      paint: (bot) => this.paintRow(row, bot) };
    return row;
  }

  paint(bots, selected) {
    const sorted = [...bots.keys()].sort().map((id) => bots.get(id));
    this.selected = selected;
    // With more than one node each bot names its own.
    this.several = new Set(sorted.map((bot) => bot.node)).size > 1;
    showRows(this.list, this.rows, sorted, (bot) => this.row(bot.id));
    this.empty.hidden = sorted.length > 0;
  }

  paintRow(row, bot) {
    paintState(row.state, bot.state);
    const kind = [kindOf(bot), bot.restarts ? restartsText(bot.restarts) : '',
      this.several ? `node ${bot.node}` : ''];
    setText(row.kind, kind.filter(Boolean).join(' · '));
    setText(row.reason, reasonOf(bot));
    paintCount(row.unread, bot.unread ?? 0, 'unread');
    mark(row.link, bot.id === this.selected);
  }

  /** The rows of the pages; counts: by their ids. */
  paintPages(counts, selected) {
    for (const { id, counted, count, link } of this.pages) {
      if (count) paintCount(count, counts[id] ?? 0, counted.what);
      mark(link, id === selected);
    }
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
