// SPDX-License-Identifier: MIT
// The page: signs in, keeps the bots up to date, shows the one that is open.

import { ALERTS_PAGE, HealthLight } from './alerts.js';
import { api, session } from './api.js';
import { BotList } from './bots.js';
import { act, h } from './dom.js';
import { launchDialog } from './launch.js';
import { LEARNED_PAGE } from './learned.js';
import { Live } from './live.js';
import { SYSTEM_PAGE } from './mail.js';
import { Page } from './page.js';
import { BotPanel } from './panel.js';
import { signIn, signInView, takeCode } from './signin.js';
import { TASKS_PAGE } from './tasks.js';
import { throttled } from './throttled.js';

const PANELS_MAX = 20;
const PAGES = [TASKS_PAGE, ALERTS_PAGE, SYSTEM_PAGE, LEARNED_PAGE];
const MANY = 20; // bots changed at once: the list is cheaper
const root = document.getElementById('app');

class Hive {
  constructor(me) {
    this.me = me;
    this.mayOperate = ['operator', 'admin'].includes(me.role);
    this.bots = new Map();
    this.counts = {}; // by ids of pages
    this.counters = PAGES.filter((page) => page.counted).map((page) => (
      { page, soon: throttled(() => this.count(page)) }));
    this.panels = new Map();
    this.dirty = new Set();
    this.mailDirty = new Set();
    this.mailSoon = throttled(() => this.rereadMail());
    this.health = new HealthLight((n) => {
      this.counts[ALERTS_PAGE.id] = n;
      this.paint();
    });
    this.list = new BotList(() => this.launch(), PAGES);
    this.list.launch.hidden = !this.mayOperate;
    this.banner = this.makeBanner();
    this.content = h('div', { class: 'content' });
    this.welcome = h('main', { id: 'main', class: 'panel welcome', tabindex: -1 },
      h('h1', {}, 'The hive'),
      this.hint = h('p'));
    this.onHash = () => this.route();
    this.onKey = (e) => this.key(e);
    this.live = new Live({
      open: () => this.connected(),
      event: (e) => this.event(e),
      down: (seconds) => this.disconnected(seconds),
    });
  }

  makeBanner() {
    this.bannerText = h('span');
    return h('div', { class: 'banner', role: 'alert', hidden: true }, this.bannerText,
      h('button', { type: 'button', click: () => this.live.retry() }, 'Try now'));
  }

  makeTop() {
    const out = h('button', { type: 'button', class: 'plain' }, 'Sign out');
    out.addEventListener('click', () => signOut(out));
    this.light = h('span', { class: 'link-state', role: 'status' }, 'connecting');
    return h('header', { class: 'top-bar' },
      h('a', { class: 'brand', href: '#/' }, h('span', { class: 'hex' }), 'deia'),
      this.light, this.health.el,
      h('span', { class: 'me' }, `${this.me.name} (${this.me.role})`), out);
  }

  start() {
    root.replaceChildren(this.makeTop(), this.banner,
      h('div', { class: 'frame' }, this.list.el, this.content));
    window.addEventListener('hashchange', this.onHash);
    document.addEventListener('keydown', this.onKey);
    this.live.start();
    this.route();
  }

  stop() {
    this.stopped = true;
    this.live.stop();
    this.health.stop();
    this.panel?.detached();
    window.removeEventListener('hashchange', this.onHash);
    document.removeEventListener('keydown', this.onKey);
  }

  /* ---- what the server says ---------------------------------------- */

  connected() {
    this.banner.hidden = true;
    this.light.textContent = 'live';
    this.light.dataset.state = 'live';
    this.reload();
    this.health.refresh();
    this.counters.forEach(({ page }) => this.count(page));
    this.panel?.reload();
  }

  disconnected(seconds) {
    this.light.textContent = 'offline';
    this.light.dataset.state = 'offline';
    this.bannerText.textContent =
      `The server does not answer. Next try in ${seconds} s; what you see may be old.`;
    this.banner.hidden = false;
  }

  event(event) {
    const { type, subject, data } = event;
    if (type.startsWith('bot.')) this.touch(subject);
    if (type.startsWith('message.')) this.mail(data.items ?? []);
    for (const { page, soon } of this.counters) if (page.counted.changes(event)) soon();
    this.health.told(event);
    this.panel?.told(event);
  }

  /** Mail moved: the inboxes it is in are counted again. */
  mail(items) {
    for (const { to } of items) this.mailDirty.add(to);
    this.mailSoon();
  }

  async rereadMail() {
    if (this.stopped) return;
    const ids = [...this.mailDirty];
    this.mailDirty.clear();
    const bots = ids.filter((id) => this.bots.has(id));
    if (bots.length > MANY) await this.reload();
    else await Promise.all(bots.map((id) => this.reread(id)));
  }

  /** What is counted at the link of a page. */
  async count(page) {
    if (this.stopped) return;
    try {
      this.counts[page.id] = await page.counted.read();
    } catch { /* the stream of events says it */ }
    this.paint();
  }

  /** Reads a bot again soon; many changes at once become one reading. */
  touch(id) {
    this.dirty.add(id);
    if (this.dirtyTimer) return;
    this.dirtyTimer = setTimeout(() => {
      this.dirtyTimer = null;
      const ids = [...this.dirty];
      this.dirty.clear();
      if (ids.length > MANY) this.reload();
      else ids.forEach((i) => this.reread(i));
    }, 50);
  }

  async reread(id) {
    try {
      this.changed(await api.bot(id));
    } catch (error) {
      if (error.status === 404) this.removed(id);
    }
  }

  async reload() {
    if (this.reloading) {
      this.reloadAgain = true;
      return;
    }
    this.reloading = true;
    try {
      this.bots = new Map((await api.bots()).map((b) => [b.id, b]));
      this.known = true;
      this.paint();
    } catch { /* the stream of events says it */ } finally {
      this.reloading = false;
    }
    if (this.reloadAgain) {
      this.reloadAgain = false;
      this.reload();
    }
  }

  changed(bot) {
    this.bots.set(bot.id, bot);
    this.paint();
  }

  removed(id) {
    this.bots.delete(id);
    this.panels.delete(id);
    this.paint();
  }

  /* ---- what is shown ------------------------------------------------ */

  paint() {
    if (this.stopped) return;
    this.list.paint(this.bots, this.selected);
    this.list.paintPages(this.counts, this.selected);
    this.hint.textContent = this.bots.size ? 'Choose a bot to talk to it.'
      : 'A bot answers what you say. Launch one to begin.';
    if (this.panel instanceof Page) {
      this.panel.paintBots([...this.bots.keys()].sort());
      return;
    }
    if (this.selected && this.known && !this.bots.has(this.selected)) {
      history.replaceState(null, '', '#/');
      this.route();
      return;
    }
    const bot = this.bots.get(this.selected);
    if (bot && !this.panel) this.open(bot.id);
    if (bot) this.panel.paint(bot);
  }

  route() {
    const m = /^#\/bots\/([A-Za-z0-9._-]+)$/.exec(location.hash);
    const page = PAGES.find((p) => p.hash === location.hash);
    const id = page?.id ?? m?.[1] ?? null;
    if (id !== null && id === this.selected && this.panel) return;
    this.selected = id;
    document.body.classList.toggle('has-bot', id !== null);
    const name = page?.name ?? id;
    document.title = name ? `${name} · deia` : 'deia';
    this.panel?.detached();
    this.panel = null;
    if (!id) this.content.replaceChildren(this.welcome);
    else if (page) this.openPage(new Page(page, this.me));
    this.paint();
  }

  openPage(panel) {
    this.panel = panel;
    this.content.replaceChildren(this.panel.el);
    this.panel.attached();
    this.panel.focus();
  }

  open(id) {
    if (!this.panels.has(id)) this.panels.set(id, new BotPanel(id, this));
    this.forget(id);
    this.panel = this.panels.get(id);
    this.content.replaceChildren(this.panel.el);
    this.panel.paint(this.bots.get(id));
    this.panel.attached().then(() => {
      if (this.panel?.id === id && !document.querySelector('dialog')) this.panel.focus();
    });
  }

  /** Keeps the number of panels small, but none that is being answered. */
  forget(keep) {
    for (const [id, panel] of this.panels) {
      if (this.panels.size <= PANELS_MAX) return;
      if (id !== keep && !panel.isBusy) this.panels.delete(id);
    }
  }

  launch() {
    launchDialog(this.bots, (bot) => {
      this.changed(bot);
      location.hash = `#/bots/${encodeURIComponent(bot.id)}`;
    });
  }

  key(e) {
    if (e.key === 'Escape' && !document.querySelector('dialog[open]')) this.panel?.escape();
  }
}

let hive = null;

function showSignIn(message) {
  hive?.stop();
  hive = null;
  document.body.classList.remove('has-bot');
  document.title = 'Sign in · deia';
  document.querySelectorAll('dialog').forEach((d) => d.close());
  root.replaceChildren(signInView(message, showHive));
  document.getElementById('secret').focus();
}

function showHive(me) {
  hive = new Hive(me);
  hive.start();
}

async function signOut(button) {
  await act(button, api.logout);
  session.clear();
  showSignIn('');
}

/** Whoever the kept token belongs to; waits while the server is away. */
async function resume() {
  try {
    showHive(await api.whoami());
  } catch (error) {
    if (error.status === 401) return;
    root.replaceChildren(h('main', { id: 'main', class: 'center', role: 'alert' },
      h('p', {}, error.message), h('p', { class: 'hint' }, 'Trying again …')));
    setTimeout(resume, 1500);
  }
}

async function begin() {
  session.onSignedOut((message) => showSignIn(message));
  const code = takeCode();
  if (code) {
    const kept = session.token;
    try {
      const me = await signIn(code);
      hive?.stop();
      showHive(me);
    } catch (error) {
      // A link that was used already does not end the session it began.
      if (kept && session.token === kept) {
        if (!hive) await resume();
        return;
      }
      session.clear();
      showSignIn(error.message);
    }
  } else if (session.token) await resume();
  else showSignIn('');
}

document.querySelector('.skip').addEventListener('click', (e) => {
  e.preventDefault();
  document.getElementById('main')?.focus();
});
window.addEventListener('hashchange', () => {
  if (/^#code=/.test(location.hash)) begin();
});
begin();
