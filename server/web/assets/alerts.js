// SPDX-License-Identifier: MIT
// The hive's health: the light at the top, and the list of alerts with what
// people do about them. Events tell of changes; while the store is away there
// are none, so it looks now and then as well.

import { api } from './api.js';
import { act, h, menu, prompt, say, setText, timeElement } from './dom.js';
import { Listing } from './listing.js';
import { throttled } from './throttled.js';

const LOOK_MS = 15000;
const MAX_REASON = 255;
const FILTERS = [['firing', 'Firing'], ['resolved', 'Resolved'], ['', 'All alerts']];
const EMPTY = { firing: 'Nothing is wrong.', resolved: 'None was resolved.', '': 'No alert yet.' };
const SILENCES = [['For an hour', 60], ['For 8 hours', 480], ['For a day', 1440],
  ['For a week', 10080]];
const ENDS = { gone: 'what it was about is gone', no_rule: 'its rule was taken out',
  cleared: 'it is over' };
const isOfAlerts = ({ type }) => type.startsWith('alert.');

const firing = ({ alerts }) => alerts.info + alerts.warning + alerts.critical;

/** Status and score in the bar at the top; leads to the alerts. */
export class HealthLight {
  /** counted(n): so many alerts fire. */
  constructor(counted) {
    this.counted = counted;
    this.el = h('a', { class: 'health', href: '#/alerts', hidden: true });
    this.soon = throttled(() => this.refresh());
    this.timer = setInterval(() => this.refresh(), LOOK_MS);
  }

  stop() { clearInterval(this.timer); }

  told(event) {
    if (isOfAlerts(event)) this.soon();
  }

  async refresh() {
    try {
      const health = await api.health();
      this.paint(health);
      this.counted(firing(health));
    } catch { /* the stream of events says it */ }
  }

  paint({ status, score, since }) {
    setText(this.el, `${status} ${score}`);
    this.el.dataset.status = status;
    this.el.title = since ? `since ${new Date(since).toLocaleString()}` : '';
    this.el.setAttribute('aria-label', `The hive is ${status}, score ${score} of 100: alerts`);
    this.el.hidden = false;
  }
}

/** "acknowledged by ann: why". */
function markText(what, mark, more = '') {
  if (!mark) return '';
  return `${what} by ${mark.by}${more}${mark.reason ? `: ${mark.reason}` : ''}`;
}

function untilText(mark) {
  return mark ? ` until ${new Date(mark.until).toLocaleString([],
    { dateStyle: 'medium', timeStyle: 'short' })}` : '';
}

/** One alert of the list; kept while the alert is in it. */
class Row {
  constructor(alert, view) {
    this.id = alert.id;
    this.view = view;
    this.level = h('span', { class: 'level' });
    this.state = h('span', { class: 'alert-state' });
    this.summary = h('p', { class: 'alert-summary', dir: 'auto' });
    this.text = h('p', { class: 'hint', dir: 'auto' });
    this.marks = h('p', { class: 'note', dir: 'auto' });
    this.acknowledge = this.button('Acknowledge', (b) => this.withReason(b, 'Acknowledge',
      api.acknowledgeAlert, 'You have seen it.'));
    this.resolve = this.button('Resolve', (b) => this.withReason(b, 'Resolve',
      api.resolveAlert, 'It is resolved.'));
    this.unsilence = this.button('End the silence', (b) => this.silence(b, 0));
    this.silences = menu('Silence', SILENCES.map(([label, minutes]) =>
      this.button(label, (b) => this.silence(b, minutes))));
    this.actions = h('div', { class: 'row' }, this.acknowledge, this.silences, this.unsilence,
      this.resolve);
    this.el = h('li', { class: 'alert', 'data-id': this.id },
      h('div', { class: 'meta' }, this.level, h('span', {}, alert.rule),
        timeElement(alert.fired_at), this.state),
      this.summary, this.text, this.marks, this.actions);
  }

  button(label, fn) {
    return h('button', { type: 'button', click: (e) => fn(e.currentTarget) }, label);
  }

  paint(a) {
    setText(this.level, a.level);
    this.level.dataset.level = a.level;
    this.el.dataset.state = a.state;
    setText(this.state, a.state === 'firing' ? '' : 'resolved');
    setText(this.summary, a.summary);
    say(this.text, a.text);
    setText(this.marks, [
      markText('acknowledged', a.acknowledged),
      markText('silenced', a.silenced, untilText(a.silenced)),
      markText('resolved', a.resolved_by) || ENDS[a.end],
    ].filter(Boolean).join(' · '));
    this.actions.hidden = a.state !== 'firing' || !this.view.mayOperate;
    this.unsilence.hidden = !a.silenced;
    this.silences.hidden = Boolean(a.silenced);
  }

  async withReason(button, yes, call, done) {
    const reason = await prompt({ title: `${yes} this alert`, label: 'Reason (optional)', yes,
      maxLength: MAX_REASON });
    if (reason !== null) await this.run(button, () => call(this.id, reason), done);
  }

  silence(button, minutes) {
    return this.run(button, () => api.silenceAlert(this.id, minutes),
      minutes ? 'Nobody is told of it.' : 'People are told of it again.');
  }

  async run(button, call, done) {
    await act(button, call, done);
    await this.view.refresh();
  }
}

class AlertsView extends Listing {
  /** me: who is signed in. */
  constructor(me) {
    super({ kind: 'alerts', name: 'Alerts', which: 'Which alerts', label: 'Alerts',
      filters: FILTERS, reading: 'Reading the alerts …' });
    [[this.filter]] = FILTERS;
    this.mayOperate = ['operator', 'admin'].includes(me.role);
  }

  attached() {
    this.timer = setInterval(() => this.refresh(), LOOK_MS);
    return super.attached();
  }

  detached() {
    clearInterval(this.timer);
    super.detached();
  }

  told(event) {
    if (isOfAlerts(event)) this.changed();
  }

  read(state, limit) {
    return Promise.all([api.alerts(state, limit), api.health()]);
  }

  row(alert) { return new Row(alert, this); }

  painted(items, { deductions }) {
    if (!items.length) return EMPTY[this.filter];
    return deductions.filter((d) => d.points)
      .map((d) => `${d.rule} −${d.points}`).join(', ');
  }
}

export const ALERTS_PAGE = {
  id: '#alerts',
  hash: '#/alerts',
  name: 'Alerts',
  title: 'Alerts',
  kind: 'work',
  counted: {
    what: 'firing',
    changes: () => false, // the light says it
    read: async () => firing(await api.health()),
  },
  about: 'What is wrong, since when, and what to do.',
  view: (me) => new AlertsView(me),
};
