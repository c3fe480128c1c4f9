// SPDX-License-Identifier: MIT
// The open bot: its head, and below it a conversation or its log.

import { api } from './api.js';
import { BotHead } from './bots.js';
import { Chat } from './chat.js';
import { act, h, menu, prompt, setText } from './dom.js';
import { LogsView } from './logs.js';
import { MailView } from './mail.js';

const MAX_TITLE = 200;

export class BotPanel {
  constructor(id, hive) {
    this.id = id;
    this.hive = hive;
    this.chats = new Map();
    this.conversations = [];
    this.logs = new LogsView(id);
    this.mail = new MailView(id, hive.me);
    this.tabs = this.makeTabs();
    this.head = new BotHead(id, hive, this.tabs.el);
    this.bar = this.makeBar();
    this.note = h('p', { class: 'note', role: 'status' }, 'Reading the conversations …');
    this.body = h('div', { class: 'panel-body' }, this.note);
    this.el = h('main', { id: 'main', class: 'panel', tabindex: -1 },
      this.head.el, this.bar.el, this.body);
    this.tab = 'chat';
    this.view = null;
    this.mark();
  }

  makeTabs() {
    const buttons = [['chat', 'Chat'], ['mail', 'Mail'], ['logs', 'Log']].map(([name, label]) =>
      h('button', { type: 'button', 'data-tab': name, click: () => this.show(name) }, label));
    return { buttons, el: h('div', { class: 'tabs', role: 'group', 'aria-label': 'View' }, buttons) };
  }

  makeBar() {
    const select = h('select', {
      'aria-label': 'Conversation', change: () => this.choose(select.value),
    });
    const fresh = h('button', { type: 'button', click: (e) => this.begin(e.currentTarget) }, 'New');
    const exports = ['txt', 'json'].map((f) => h('button', {
      type: 'button', click: (e) => this.chat?.export(f, e.currentTarget),
    }, `Export as ${f.toUpperCase()}`));
    const clear = h('button', {
      type: 'button', class: 'danger', click: (e) => this.clear(e.currentTarget),
    }, 'Clear …');
    const more = menu('More', [...exports, clear]);
    return { select, fresh, clear, el: h('div', { class: 'toolbar' }, select, fresh, more) };
  }

  get chat() {
    return this.chats.get(this.chosen);
  }

  mark() {
    for (const b of this.tabs.buttons) {
      b.setAttribute('aria-pressed', String(b.dataset.tab === this.tab));
    }
    this.bar.el.hidden = this.tab !== 'chat';
  }

  show(tab) {
    this.tab = tab;
    this.mark();
    this.place();
  }

  /** Puts the view that is chosen into the page. */
  place() {
    const view = { logs: this.logs, mail: this.mail }[this.tab] ?? this.chat;
    if (this.view === view) return;
    this.view?.detached();
    this.view = view;
    if (!view) {
      this.body.replaceChildren(this.note);
      return;
    }
    this.body.replaceChildren(view.el);
    view.attached();
  }

  paint(bot) {
    this.head.paint(bot, this.hive.mayOperate);
    this.bar.fresh.hidden = !this.hive.mayOperate;
    this.bar.clear.hidden = !this.hive.mayOperate;
    this.bot = bot;
    const n = bot.unread ?? 0;
    setText(this.tabs.buttons.find((b) => b.dataset.tab === 'mail'), n ? `Mail (${n})` : 'Mail');
    this.chat?.setBot(bot);
  }

  /** The panel is in the page; reads what it shows. */
  async attached() {
    this.view?.attached();
    await this.reload();
  }

  detached() {
    this.view?.detached();
  }

  async reload() {
    try {
      this.conversations = await api.conversations(this.id);
    } catch (error) {
      this.note.textContent = error.message;
      return;
    }
    this.paintConversations();
    this.chat?.refresh();
    this.mail.changed();
  }

  told(event) {
    const { type, subject } = event;
    this.mail.told(event);
    if (subject !== this.id) return;
    if (['chat.message', 'chat.failed'].includes(type)) this.chat?.refresh();
    else if (/^(chat|conversation)\./.test(type)) this.reload();
  }

  paintConversations() {
    const first = this.conversations.find((c) => c.default) ?? this.conversations.at(-1);
    const known = this.conversations.some((c) => c.id === this.chosen);
    this.bar.select.replaceChildren(...this.conversations.map((c) =>
      h('option', { value: c.id }, this.titleOf(c, c === first))));
    const wanted = known ? this.chosen : first?.id;
    if (wanted) this.choose(wanted);
    else this.note.textContent = 'No conversation yet.';
  }

  titleOf(c, isFirst) {
    if (c.title) return c.title;
    if (isFirst) return 'First conversation';
    return new Date(c.created_at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  }

  choose(id) {
    const conversation = this.conversations.find((c) => c.id === id);
    if (!conversation) return;
    this.chosen = id;
    this.bar.select.value = id;
    if (!this.chats.has(id)) {
      this.chats.set(id, new Chat(this.id, conversation, this.hive.me));
    }
    this.chat.setMayTalk(this.hive.mayOperate);
    this.chat.setBot(this.bot);
    this.place();
  }

  async begin(button) {
    const title = await prompt({
      title: 'New conversation', label: 'Title (optional)', yes: 'Begin', maxLength: MAX_TITLE,
    });
    if (title === null) return;
    const made = await act(button, () => api.newConversation(this.id, title));
    if (!made?.id) return;
    this.conversations.unshift(made);
    this.chosen = made.id;
    this.paintConversations();
    this.chat.input.focus();
  }

  async clear(button) {
    const cleared = await this.chat?.clear(button);
    if (!cleared) return;
    this.chats.delete(this.chosen);
    this.view = null;
    await this.reload();
  }

  focus() {
    const input = this.chat?.input;
    if (this.tab === 'chat' && input && matchMedia('(min-width: 720px)').matches) input.focus();
    else this.head.el.querySelector('h1').focus();
  }

  /** Escape: stops the answer that is being written. */
  escape() {
    if (this.chat?.turns.size) this.chat.stop();
  }

  get isBusy() {
    return [...this.chats.values()].some((c) => c.turns.size > 0);
  }
}
