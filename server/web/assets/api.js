// SPDX-License-Identifier: MIT
// Calls to the server's API. The token lives in this tab's session storage
// and goes into a header, never into an address.

const TOKEN = 'deia.token';
const TIMEOUT_MS = 20000;

/** An answer that is a refusal; message is the server's own sentence. */
export class Problem extends Error {
  constructor(status, body) {
    const text = body?.detail || body?.title || `The server answered ${status}.`;
    super(text.charAt(0).toUpperCase() + text.slice(1));
    this.name = 'Problem';
    this.status = status;
    this.code = body?.code ?? '';
    this.pointer = body?.pointer ?? '';
  }
}

/** No answer at all. */
export class Unreachable extends Error {
  constructor() {
    super('The server does not answer. Is deiad running?');
    this.name = 'Unreachable';
  }
}

let token = sessionStorage.getItem(TOKEN);
let onSignedOut = () => {};

export const session = {
  get token() { return token; },
  set(value) {
    token = value;
    sessionStorage.setItem(TOKEN, value);
  },
  clear() {
    token = null;
    sessionStorage.removeItem(TOKEN);
  },
  /** fn(message) is called when the server does not know the token. */
  onSignedOut(fn) { onSignedOut = fn; },
};

async function refusal(response, anonymous) {
  const body = await response.json().catch(() => null);
  const problem = new Problem(response.status, body);
  if (response.status === 401 && token && !anonymous) {
    session.clear();
    onSignedOut(problem.message);
  }
  return problem;
}

/** A call; resolves to the Response when it is 2xx. */
export async function request(method, path, opts = {}) {
  const headers = { Accept: opts.accept ?? 'application/json' };
  if (token && !opts.anonymous) headers.Authorization = `Bearer ${token}`;
  if (opts.body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: opts.body === undefined ? undefined : JSON.stringify(opts.body),
      signal: opts.signal ?? AbortSignal.timeout(TIMEOUT_MS),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
    });
  } catch (error) {
    if (opts.signal?.aborted) throw error;
    throw new Unreachable();
  }
  if (!response.ok) throw await refusal(response, opts.anonymous);
  return response;
}

async function json(method, path, body) {
  const response = await request(method, path, { body });
  if (response.status === 204) return null;
  return response.json().catch(() => { throw new Unreachable(); });
}

const seg = encodeURIComponent;
const query = (values) => {
  const q = new URLSearchParams(Object.entries(values).filter(
    ([, v]) => v !== null && v !== undefined && v !== ''));
  return q.size ? `?${q}` : '';
};
const bot = (id) => `/api/v1/bots/${seg(id)}`;
const alert = (id) => `/api/v1/alerts/${seg(id)}`;
const task = (id) => `/api/v1/tasks/${seg(id)}`;

/** Every item of a list, page by page, at most `most`. */
async function all(path, most) {
  const items = [];
  let cursor = null;
  do {
    const page = await json('GET', `${path}${query({ limit: 500, cursor })}`);
    items.push(...page.items);
    cursor = page.next_cursor ?? null;
  } while (cursor && items.length < most);
  return items;
}

export const api = {
  login: async (code) => (await request('POST', '/api/v1/auth/login',
    { body: { code }, anonymous: true })).json(),
  logout: () => json('POST', '/api/v1/auth/logout'),
  whoami: () => json('GET', '/api/v1/auth/whoami'),
  bots: () => all('/api/v1/bots', 10000),
  bot: (id) => json('GET', bot(id)),
  launch: (spec) => json('POST', '/api/v1/bots', spec),
  botAction: (id, action) => json('POST', `${bot(id)}/${action}`),
  interrupt: (id, line) => json('POST', `${bot(id)}/interrupt`, { id: line }),
  removeBot: (id, force, purge) =>
    json('DELETE', `${bot(id)}${query({ force: force || null, purge: purge || null })}`),
  followLogs: (id, tail, signal) =>
    request('GET', `${bot(id)}/logs${query({ tail, follow: true })}`,
      { accept: 'text/event-stream', signal }),
  templates: () => json('GET', '/api/v1/templates'),
  models: (adapter, base_url) =>
    json('GET', `/api/v1/models${query({ adapter, base_url })}`),
  conversations: (id) => all(`${bot(id)}/conversations`, 1000),
  newConversation: (id, title) =>
    json('POST', `${bot(id)}/conversations`, title ? { title } : {}),
  lines: (id, conversation, before, limit) =>
    json('GET', `${bot(id)}/chat${query({ conversation, before, limit })}`),
  say: (id, conversation, content, signal) =>
    request('POST', `${bot(id)}/chat`,
      { body: { content, conversation }, accept: 'text/event-stream', signal }),
  exportChat: async (id, conversation, format) =>
    (await request('GET', `${bot(id)}/chat/export${query({ conversation, format })}`,
      { accept: '*/*' })).blob(),
  clearChat: (id, conversation) =>
    json('DELETE', `${bot(id)}/chat${query({ conversation })}`),
  inbox: (id, status, limit) =>
    json('GET', `${bot(id)}/inbox${query({ status, limit })}`),
  inboxStatus: (id) => json('GET', `${bot(id)}/inbox/status`),
  sendMail: (to, content, priority) =>
    json('POST', '/api/v1/messages', { to, content, priority }),
  receive: (id, max) => json('POST', `${bot(id)}/inbox/receive`, { max }),
  readMail: (id, claim) => json('POST', `/api/v1/messages/${seg(id)}/read`, claim),
  release: (id, claim) => json('POST', `/api/v1/messages/${seg(id)}/release`, claim),
  requeue: (id) => json('POST', `/api/v1/messages/${seg(id)}/requeue`, {}),
  learned: () => json('GET', '/api/v1/scheduler/bots?limit=200'),
  tasks: (status, limit) => json('GET', `/api/v1/tasks${query({ status, limit })}`),
  tasksStatus: () => json('GET', '/api/v1/tasks/status'),
  task: (id) => json('GET', task(id)),
  submitTask: (body) => json('POST', '/api/v1/tasks', body),
  cancelTask: (id) => json('DELETE', task(id)),
  retryTask: (id) => json('POST', `${task(id)}/retry`, {}),
  approveTask: (id) => json('POST', `${task(id)}/approve`, {}),
  judgeTask: (id, success) => json('POST', `${task(id)}/verdict`, { success }),
  health: () => json('GET', '/api/v1/health'),
  alerts: (state, limit) => json('GET', `/api/v1/alerts${query({ state, limit })}`),
  acknowledgeAlert: (id, reason) => json('POST', `${alert(id)}/acknowledge`, { reason }),
  silenceAlert: (id, minutes) => json('POST', `${alert(id)}/silence`, { minutes }),
  resolveAlert: (id, reason) => json('POST', `${alert(id)}/resolve`, { reason }),
  events: (after, signal) =>
    request('GET', `/api/v1/events${query({ after })}`,
      { accept: 'text/event-stream', signal }),
};
