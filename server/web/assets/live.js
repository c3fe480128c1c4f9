// SPDX-License-Identifier: MIT
// The stream of events, kept open: reconnects with growing pauses and the
// last seq seen, and says when the server cannot be reached.

import { api, Unreachable } from './api.js';
import { events, Watch } from './sse.js';

// Browsers open six connections to a server in all: a page that nobody looks
// at gives its own back.
const HIDDEN_MS = 60000;
const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 10000;

export class Live {
  /**
   * on.open(): connected (again): read everything anew. on.event(e): one
   * event. on.down(seconds): not connected, next try in so many seconds.
   */
  constructor(on) {
    this.on = on;
    this.seq = null;
    this.pause = PAUSE_MIN_MS;
    this.stopped = false;
    this.wake = () => {};
    this.soon = () => this.seen();
  }

  start() {
    window.addEventListener('online', this.soon);
    document.addEventListener('visibilitychange', this.soon);
    this.run();
  }

  stop() {
    this.stopped = true;
    window.removeEventListener('online', this.soon);
    document.removeEventListener('visibilitychange', this.soon);
    clearTimeout(this.hiding);
    this.watch?.cut();
    this.wake();
  }

  /** The page came into sight or went out of it. */
  seen() {
    clearTimeout(this.hiding);
    if (document.hidden) {
      this.hiding = setTimeout(() => {
        this.asleep = true;
        this.watch?.cut();
      }, HIDDEN_MS);
    } else {
      this.asleep = false;
      this.wake();
    }
  }

  /** Tries now instead of waiting. */
  retry() {
    this.wake();
  }

  async run() {
    while (!this.stopped) {
      try {
        await this.follow();
      } catch (error) {
        if (error.status === 401) return;
        // A server that was gone may count from 1 again; open() rereads all.
        if (error instanceof Unreachable) this.seq = null;
      }
      if (this.stopped) return;
      await this.rest();
    }
  }

  /** One connection, from its beginning to its end. */
  async follow() {
    this.watch = new Watch();
    try {
      const response = await api.events(this.seq, this.watch.signal);
      this.pause = PAUSE_MIN_MS;
      this.on.open();
      for await (const e of events(response, this.watch)) this.take(e);
    } finally {
      this.watch.end();
    }
  }

  take(e) {
    if (e.id && /^[0-9]+$/.test(e.id)) this.seq = Number(e.id);
    if (e.event === 'open') return; // it only carries where the stream begins
    if (e.event === 'resync') {
      this.on.open();
      return;
    }
    let body;
    try {
      body = JSON.parse(e.data);
    } catch {
      return;
    }
    this.on.event({ type: body.type ?? e.event, subject: body.subject ?? '', data: body.data ?? {} });
  }

  /** Waits for the next try, or until the page is looked at again. */
  rest() {
    if (this.asleep) return new Promise((resolve) => { this.wake = resolve; });
    const ms = this.pause * (0.75 + Math.random() / 2);
    this.pause = Math.min(this.pause * 2, PAUSE_MAX_MS);
    this.on.down(Math.ceil(ms / 1000));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => { clearTimeout(timer); resolve(); };
    });
  }
}
