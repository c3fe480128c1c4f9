// SPDX-License-Identifier: MIT
// Talking to a bot: one conversation with its composer and running turns.

import { api } from './api.js';
import { onEnter } from './composer.js';
import { act, announce, ask, download, h, say } from './dom.js';
import { Line } from './lines.js';
import { events, Watch } from './sse.js';
import { Transcript } from './transcript.js';

const SPOKEN_MAX = 2000;
const TURNS_MAX = 3; // connections that a page keeps open for answers
let turnsOpen = 0;

/** One conversation. Kept while its turns run, also when not in sight. */
export class Chat {
  constructor(bot, conversation, me) {
    this.bot = bot;
    this.me = me;
    this.transcript = new Transcript(bot, conversation.id, me.role !== 'viewer');
    this.conversation = conversation;
    this.turns = new Set();
    this.unsure = [];
    this.stale = false;
    this.problem = h('p', { class: 'problem', role: 'alert' });
    this.input = h('textarea', {
      rows: 1, 'aria-label': `Message to ${bot}`, placeholder: `Message ${bot}`,
      enterkeyhint: 'send', keydown: onEnter(() => this.submit()), input: () => this.grow(),
    });
    this.sendButton = h('button', { type: 'submit', class: 'primary' }, 'Send');
    this.stopButton = h('button', {
      type: 'button', class: 'stop', hidden: true, click: () => this.stop(),
    }, 'Stop');
    this.composer = h('form', {
      class: 'composer', submit: (e) => { e.preventDefault(); this.submit(); },
    }, this.input, this.stopButton, this.sendButton);
    this.el = h('section', { class: 'chat', 'aria-label': 'Chat' },
      this.transcript.el, this.problem, this.composer);
  }

  attached() {
    this.transcript.attached();
    this.refresh();
  }

  detached() {}

  setMayTalk(may) {
    this.composer.hidden = !may;
  }

  /** Says in the empty field why the bot would not answer now. */
  setBot(bot) {
    const idle = ['stopped', 'stopping', 'failed', 'paused', 'offline'].includes(bot.state);
    this.input.placeholder = idle ? `${this.bot} is ${bot.state}` : `Message ${this.bot}`;
  }

  grow() {
    this.input.style.height = 'auto';
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, 200)}px`;
  }

  /** Brings the transcript up to date, later when a turn runs here. */
  async refresh() {
    if (this.turns.size > 0) {
      this.stale = true;
      return;
    }
    this.stale = false;
    if (this.refreshing) {
      this.again = true;
      return;
    }
    this.refreshing = true;
    try {
      await this.transcript.refresh();
      this.settle();
      if (this.unread) this.problem.textContent = '';
      this.unread = false;
    } catch (error) {
      this.unread = true;
      if (error.name !== 'Unreachable') say(this.problem, error.message);
    } finally {
      this.refreshing = false;
    }
    if (this.again) {
      this.again = false;
      this.refresh();
    }
  }

  /** Lines whose fate was unknown: the history just read decides. */
  settle() {
    for (const { mine, answer, since } of this.unsure.splice(0)) {
      answer.el.remove();
      if (mine.id) continue;
      const kept = [...this.transcript.lines.values()].some((l) =>
        l.role === 'user' && l.content === mine.content && l.id > since);
      if (kept) {
        mine.el.remove();
        continue;
      }
      mine.setMark('failed', 'it did not reach the server');
      mine.setExtra('Send again', () => {
        mine.el.remove();
        this.say(mine.content);
      });
    }
    this.transcript.paintTop();
  }

  submit() {
    const text = this.input.value;
    if (text.trim() === '') return;
    if (turnsOpen >= TURNS_MAX) {
      say(this.problem, `${TURNS_MAX} answers are being written; wait for one of them.`);
      return;
    }
    this.input.value = '';
    this.grow();
    this.say(text);
  }

  async say(text) {
    const mine = new Line('user', this.me.name);
    mine.setText(text);
    mine.setMark('sending');
    const answer = new Line('assistant', this.bot);
    answer.el.classList.add('writing');
    answer.el.setAttribute('aria-busy', 'true');
    const since = [...this.transcript.lines.keys()].sort().at(-1) ?? '';
    const turn = { mine, answer, since, state: 'open' };
    this.problem.textContent = '';
    this.turns.add(turn);
    turnsOpen++;
    this.transcript.append(mine);
    this.paintStop();
    try {
      await this.stream(turn, text);
    } catch (error) {
      this.failed(turn, error, text);
    }
    answer.el.classList.remove('writing');
    answer.el.removeAttribute('aria-busy');
    this.turns.delete(turn);
    turnsOpen--;
    this.paintStop();
    if (this.turns.size === 0) this.refresh();
  }

  async stream(turn, text) {
    const watch = new Watch();
    try {
      const response = await api.say(this.bot, this.conversation.id, text, watch.signal);
      turn.state = 'accepted';
      turn.mine.setMark('sent');
      this.transcript.append(turn.answer);
      announce(`${this.bot} is answering.`);
      for await (const e of events(response, watch)) {
        this.take(turn, e.event, JSON.parse(e.data));
      }
    } finally {
      watch.end();
    }
    if (turn.state === 'accepted') throw new Error('The connection was lost.');
  }

  take(turn, event, data) {
    const { mine, answer } = turn;
    if (event === 'accepted') this.transcript.confirm(mine, data);
    else if (event === 'chunk') {
      answer.chunk(data.channel ?? 'answer', data.text, () => this.transcript.follow());
    } else if (event === 'done') {
      turn.state = 'done';
      answer.paintChunks();
      this.transcript.confirm(answer, data);
      if (mine.status === 'sent') mine.setMark('answered');
      this.transcript.follow();
      announce(`${this.bot}: ${answer.content.slice(0, SPOKEN_MAX)}`);
    } else if (event === 'error') {
      turn.state = 'error';
      throw new Error(data.detail || data.title || 'The bot failed.');
    }
  }

  /** Refused, broken off, or answered with an error. */
  failed(turn, error, text) {
    const { mine, answer, state } = turn;
    const lost = ['AbortError', 'TypeError'].includes(error.name);
    const why = lost ? 'The connection was lost.' : error.message;
    answer.paintChunks();
    if (error.status) {
      mine.el.remove();
      if (!this.input.value) this.input.value = text;
      this.grow();
      this.transcript.paintTop();
      say(this.problem, error.message);
      return;
    }
    announce(why);
    if (state === 'error') {
      mine.setMark(answer.content ? 'answered' : 'failed', answer.content ? '' : why);
      answer.setMark('partial', why);
    } else {
      mine.setMark(mine.id ? 'sent' : 'unsure', why);
      answer.setMark('partial', why);
    }
    this.unsure.push(turn);
  }

  paintStop() {
    this.stopButton.hidden = this.turns.size === 0;
  }

  /** Ends what the bot is writing; what there is of it is kept. */
  async stop() {
    const lines = [...this.turns].map((turn) => turn.mine.id).filter(Boolean);
    await act(this.stopButton, () => Promise.all(lines.map(
      (line) => api.interrupt(this.bot, line).catch((error) => {
        if (error.status !== 404) throw error; // it has just ended
      }))));
  }

  async export(format, button) {
    await act(button, async () => {
      const blob = await api.exportChat(this.bot, this.conversation.id, format);
      download(`${this.bot}-${this.conversation.id.slice(0, 8)}.${format}`, blob);
    }, 'The conversation was saved as a file.');
  }

  /** Resolves to true when the conversation was cleared. */
  async clear(button) {
    const answer = await ask({
      title: 'Clear this conversation?',
      text: 'All its messages are deleted for good. Export it first to keep a copy.',
      yes: 'Clear',
    });
    if (!answer) return false;
    const ok = await act(button, async () => {
      await api.clearChat(this.bot, this.conversation.id);
      return true;
    }, 'The conversation was cleared.');
    if (ok) await this.refresh();
    return ok === true;
  }
}
