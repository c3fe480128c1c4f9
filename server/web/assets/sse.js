// SPDX-License-Identifier: MIT
// Reads server-sent events from a fetch answer. EventSource cannot be used:
// it sends no Authorization header.

const MAX_LINE = 16 * 1024 * 1024;

/**
 * Yields {event, id, data} of each event. onActivity is called for every
 * piece that arrives, comments too.
 */
export async function* events(response, onActivity = () => {}) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const next = { event: 'message', id: null, data: null };
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      onActivity();
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
