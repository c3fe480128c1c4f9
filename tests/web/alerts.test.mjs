// SPDX-License-Identifier: MIT
// Health and alerts on the page, in a real browser against a real deiad.

import assert from 'node:assert/strict';

import { shot, signIn, story, tab } from './page.mjs';

const EVIL = '<img src=x onerror="document.title=1">';

const fail = (hive, id = 'BOT-001') => hive.call('POST', '/api/v1/bots', {
  id, adapter: 'process', argv: ['/nonexistent/program'] });
const rules = (hive, list) => hive.call('PUT', '/api/v1/health/rules', { rules: list });
/** Whatever this machine is busy with. */
const onlyOfFailed = async (hive) => {
  const built = await hive.call('GET', '/api/v1/health/rules');
  await rules(hive, built.rules.filter((r) => r.id === 'bot_failed'));
};
const fewBots = (id, level, text = '') => ({
  id, metric: 'hive.bots', compare: '<', levels: { [level]: { at: 100 } }, text });
const light = (page, status) => page.waitForSelector(`.health[data-status=${status}]`);
const row = (summary) => `.alert:has(.alert-summary:has-text("${summary}"))`;
const open = async (page) => {
  await page.click('.health');
  await page.waitForSelector('h1:text-is("Alerts")');
};
const press = (page, summary, button) =>
  page.click(`${row(summary)} .row > button:text-is("${button}")`);
const answer = async (page, reason) => {
  await page.fill('dialog input', reason);
  await page.click('dialog button[type=submit]');
};

story('a failed bot is seen, acknowledged, silenced and resolved', async (hive, t) => {
  await onlyOfFailed(hive);
  const page = await tab(t);
  await signIn(hive, page);
  await light(page, 'HEALTHY');
  assert.equal(await page.textContent('.health'), 'HEALTHY 100');
  await open(page);
  await page.waitForSelector('text=Nothing is wrong.');
  assert.match(await page.title(), /^Alerts/);
  await shot(page, 'alerts-none');

  await fail(hive);
  await page.waitForSelector(row('BOT-001'));
  await light(page, 'DEGRADED');
  assert.match(await page.getAttribute('.health', 'aria-label'), /DEGRADED, score 90 of 100/);
  await page.waitForSelector('a[href="#/alerts"] .unread:text-is("1")');
  await page.waitForSelector('.note:has-text("bot_failed −10")');
  assert.equal(await page.textContent(`${row('BOT-001')} .level`), 'warning');
  assert.equal(await page.textContent(`${row('BOT-001')} .hint code >> nth=0`), 'deia bot logs');
  await shot(page, 'alerts');

  await press(page, 'BOT-001', 'Acknowledge');
  await answer(page, 'I look at it');
  await page.waitForSelector(`${row('BOT-001')} .note:has-text("by admin: I look at it")`);

  await page.click(`${row('BOT-001')} summary`);
  await page.click(`${row('BOT-001')} .menu button:text-is("For 8 hours")`);
  await page.waitForSelector(`${row('BOT-001')} .note:has-text("silenced by admin until")`);
  await press(page, 'BOT-001', 'End the silence');
  await page.waitForSelector(`${row('BOT-001')} summary:visible`);
  assert.doesNotMatch(await page.textContent(`${row('BOT-001')} .note`), /silenced/);

  await press(page, 'BOT-001', 'Resolve');
  await page.keyboard.press('Escape'); // called off
  await press(page, 'BOT-001', 'Resolve');
  await answer(page, 'not needed');
  await page.waitForSelector('text=Nothing is wrong.');
  await light(page, 'HEALTHY');
  await page.waitForSelector('a[href="#/alerts"] .unread:empty', { state: 'attached' });
  await page.selectOption('.toolbar select', 'resolved');
  await page.waitForSelector(`${row('BOT-001')} .note:has-text("resolved by admin: not needed")`);
  assert.equal(await page.isVisible(`${row('BOT-001')} .row`), false);
  assert.deepEqual(await page.evaluate(() =>
    [...document.querySelectorAll('button,a,input,select,textarea')]
      .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label')))
      .map((e) => e.outerHTML)), []);
});

story('a viewer looks, texts are text, and it is critical', async (hive, t) => {
  await rules(hive, [fewBots('few', 'critical', `Launch \`more\`. ${EVIL}`),
    fewBots('fewer', 'info')]);
  const page = await tab(t, { viewport: { width: 390, height: 780 } });
  await signIn(hive, page, 'viewer');
  await light(page, 'CRITICAL');
  await open(page);
  await page.waitForSelector('.alert >> nth=1');
  assert.deepEqual((await page.$$eval('.alert .level', (l) => l.map((e) => e.textContent))).sort(),
    ['critical', 'info']);
  await page.waitForFunction((evil) => [...document.querySelectorAll('.alert .hint')]
    .some((el) => el.textContent === `Launch more. ${evil}`), EVIL);
  assert.equal(await page.locator('.alert img').count(), 0);
  assert.equal(await page.locator('.alert .row:visible').count(), 0);
  assert.equal(await page.evaluate(() =>
    document.documentElement.scrollWidth > innerWidth), false);
  await shot(page, 'alerts-telephone');

  await rules(hive, []);
  await page.waitForSelector('text=Nothing is wrong.');
  await light(page, 'HEALTHY');
  await page.selectOption('.toolbar select', '');
  await page.waitForSelector('.note:has-text("its rule was taken out") >> nth=1');
});

story('it is there again after the server was away', async (hive, t) => {
  await rules(hive, [fewBots('few', 'warning')]);
  const page = await tab(t);
  await signIn(hive, page);
  await light(page, 'DEGRADED');
  await open(page);
  await page.waitForSelector('.alert');
  const id = await page.getAttribute('.alert', 'data-id');
  await hive.kill();
  await page.waitForSelector('.link-state[data-state=offline]');
  await hive.run();
  await page.waitForSelector('.link-state[data-state=live]');
  await page.waitForSelector(`.alert[data-id="${id}"]`);
  await page.click('.brand');
  await page.waitForSelector('h1:text-is("The hive")');
});
