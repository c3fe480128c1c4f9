// SPDX-License-Identifier: MIT
// A bot's log: its last lines, followed while somebody looks at it.

import { api } from './api.js';
import { h } from './dom.js';
import { events, Watch } from './sse.js';

const TAIL = 500;
const KEPT = 2000;
const RETRY_MS = 1500;

export class LogsView {
  constructor(id) {
    this.id = id;
    this.text = h('pre', { class: 'log', tabindex: 0, 'aria-label': `Log of ${id}` });
    this.note = h('p', { class: 'note', role: 'status' }, 'Reading the log …');
    this.follow = h('input', { type: 'checkbox', checked: true, change: () => this.check() });
    this.el = h('section', { class: 'logs', 'aria-label': 'Log' },
      h('div', { class: 'toolbar' }, this.note,
        h('label', { class: 'check' }, this.follow, 'Follow')),
      this.text);
    this.shown = false;
    this.seen = () => this.check();
    this.fresh = [];
  }

  attached() {
    this.shown = true;
    document.addEventListener('visibilitychange', this.seen);
    this.check();
  }

  detached() {
    this.shown = false;
    document.removeEventListener('visibilitychange', this.seen);
    this.check();
  }

  /** Begins to follow or ends it, as is wanted now. */
  check() {
    clearTimeout(this.timer);
    const wanted = this.shown && this.follow.checked && !document.hidden;
    if (!wanted) {
      this.watch?.cut();
      if (!this.follow.checked) this.note.textContent = 'Not followed.';
    } else if (!this.watch) this.run();
  }

  async run() {
    const watch = new Watch();
    this.watch = watch;
    try {
      const response = await api.followLogs(this.id, TAIL, watch.signal);
      this.text.replaceChildren();
      this.note.textContent = 'The log is empty so far.';
      for await (const e of events(response, watch)) {
        if (e.event === 'line') this.add(JSON.parse(e.data).line);
      }
    } catch (error) {
      if (error.name !== 'AbortError') this.note.textContent = error.message;
    }
    watch.end();
    this.watch = null;
    this.timer = setTimeout(() => this.check(), watch.signal.aborted ? 0 : RETRY_MS);
  }

  /** Takes a line; lines are painted together, once a frame. */
  add(line) {
    if (this.fresh.length === 0) requestAnimationFrame(() => this.paint());
    this.fresh.push(`${line}\n`);
  }

  paint() {
    const { scrollTop, scrollHeight, clientHeight } = this.text;
    const atEnd = scrollHeight - scrollTop - clientHeight < 40;
    this.text.append(...this.fresh);
    this.fresh = [];
    while (this.text.childNodes.length > KEPT) this.text.firstChild.remove();
    const n = this.text.childNodes.length;
    this.note.textContent = n === 1 ? '1 line' : `${n} lines`;
    if (atEnd) this.text.scrollTop = this.text.scrollHeight;
  }
}
