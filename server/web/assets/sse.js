// SPDX-License-Identifier: MIT
// Reads server-sent events from a fetch answer. EventSource cannot be used:
// it sends no Authorization header.

const MAX_LINE = 16 * 1024 * 1024;
const SILENCE_MS = 45000; // heartbeats come every 15 s

/** Cuts a connection over which nothing comes any more. */
export class Watch {
  constructor() {
    this.controller = new AbortController();
    this.alive();
  }

  get signal() { return this.controller.signal; }

  alive() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.controller.abort(), SILENCE_MS);
  }

  cut() {
    this.end();
    this.controller.abort();
  }

  end() {
    clearTimeout(this.timer);
  }
}

/** Yields {event, id, data} of each event. */
export async function* events(response, watch) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const next = { event: 'message', id: null, data: null };
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      watch.alive();
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      if (rest.length > MAX_LINE) throw new Error('a line is too long');
      for (const line of lines) {
        if (field(next, line.endsWith('\r') ? line.slice(0, -1) : line)) {
          yield { event: next.event, id: next.id, data: next.data };
          next.event = 'message';
          next.data = null;
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Takes one line in; true when an event is complete. */
function field(next, line) {
  if (line === '') return next.data !== null;
  const colon = line.indexOf(':');
  if (colon === 0) return false;
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (name === 'event') next.event = value;
  else if (name === 'id') next.id = value;
  else if (name === 'data') {
    next.data = next.data === null ? value : `${next.data}\n${value}`;
  }
  return false;
}
