// SPDX-License-Identifier: MIT
// A deiad of its own for each test: a new directory, a free port, echo bots;
// and a client for its API. Everything is gone at the end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_MS = 20000;

/** Resolves when fn() gives something true; asks again until then. */
export async function until(fn, what, ms = 15000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await fn();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

export class Hive {
  constructor({ env = {} } = {}) {
    this.env = { ...process.env, ...env };
    this.dir = mkdtempSync(join(tmpdir(), 'deia-web-'));
    this.log = '';
    this.port = 0;
  }

  static async start(options) {
    const hive = new Hive(options);
    await hive.run();
    hive.token = readFileSync(join(hive.dir, 'token'), 'utf8').trim();
    return hive;
  }

  /** Starts deiad, on the same port and directory as before, if any. */
  async run() {
    this.process = spawn(process.env.DEIAD,
      ['--dir', this.dir, '--host', '127.0.0.1', '--port', String(this.port)],
      { stdio: ['ignore', 'pipe', 'pipe'], env: this.env });
    this.process.stderr.on('data', (d) => { this.log += d; });
    this.exit = once(this.process, 'exit');
    const lines = createInterface({ input: this.process.stdout });
    this.url = await this.listening(lines);
    this.port = Number(new URL(this.url).port);
  }

  listening(lines) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`deiad is not up: ${this.log}`)), START_MS);
      const fail = () => { clearTimeout(timer); reject(new Error(`deiad ended: ${this.log}`)); };
      this.process.once('exit', fail);
      lines.on('line', (line) => {
        const m = /^deiad listening on (http:\S+)$/.exec(line);
        if (!m) return;
        clearTimeout(timer);
        this.process.off('exit', fail);
        resolve(m[1]);
      });
    });
  }

  async kill(signal = 'SIGKILL') {
    this.process.kill(signal);
    await this.exit;
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      await this.kill('SIGTERM');
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  async call(method, path, body, token = this.token) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** A code for the sign-in link. */
  async code(role = 'admin') {
    return (await this.call('POST', '/api/v1/auth/codes', { role })).code;
  }

  /** A launched bot that is ready. */
  async bot(id, spec = {}) {
    await this.call('POST', '/api/v1/bots', { id, adapter: 'echo', ...spec });
    return this.ready(id);
  }

  ready(id) {
    return until(async () => {
      const bot = await this.call('GET', `/api/v1/bots/${id}`);
      return bot.state === 'ready' ? bot : null;
    }, `${id} is ready; ${this.log.slice(-2000)}`);
  }

  say(id, content) {
    return this.call('POST', `/api/v1/bots/${id}/chat`, { content });
  }
}
