// SPDX-License-Identifier: MIT
// What the scheduler learned, on the page.

import assert from 'node:assert/strict';

import { shot, signIn, story, tab } from './page.mjs';

const record = (hive, bot, type, seconds, success = true) =>
  hive.call('POST', '/api/v1/scheduler/executions', {
    bot, task_type: type, seconds, success, new_type: true });
const cells = (page, bot) => page.$$eval(`tr[data-bot="${bot}"] td`,
  (l) => l.map((e) => e.textContent));

story('what was learned is a table of bots and types', async (hive, t) => {
  await hive.bot('BOT-001');
  await hive.bot('BOT-002');
  const page = await tab(t);
  await signIn(hive, page, 'viewer');
  await page.click('a[href="#/learned"]');
  await page.waitForSelector('text=Nothing yet: no task was done.');
  assert.equal(await page.getAttribute('a[href="#/learned"]', 'aria-current'), 'page');

  for (let i = 0; i < 4; i++) await record(hive, 'BOT-001', 'writing', 2);
  await record(hive, 'BOT-002', 'writing', 1234);
  await record(hive, 'BOT-002', 'invoices', 3, false);
  // It comes by itself.
  await page.waitForSelector('tr[data-bot="BOT-002"] td:text-is("3 s · 0 % (1)")');
  assert.deepEqual(await page.$$eval('thead th', (l) => l.map((e) => e.textContent)),
    ['Bot', 'writing', 'invoices', '']);
  assert.deepEqual(await cells(page, 'BOT-001'), ['2 s · 100 % (4)', '–', '']);
  assert.deepEqual(await cells(page, 'BOT-002'), ['1234 s · 100 % (1)', '3 s · 0 % (1)', '']);
  assert.equal(await page.locator('td.best').first().textContent(), '2 s · 100 % (4)');
  await shot(page, 'learned');

  await page.click('.bots a:has(strong:text-is("BOT-001"))');
  await page.waitForSelector('.bot-head h1:text-is("BOT-001")');
  await page.reload();
  await page.goBack();
  await page.waitForSelector('h1:text-is("What was learned")');
});

story('a bot that is taken out says why', async (hive, t) => {
  await hive.bot('BOT-001');
  for (let i = 0; i < 12; i++) await record(hive, 'BOT-001', 'writing', 1);
  for (let i = 0; i < 12; i++) await record(hive, 'BOT-001', 'writing', 1, false);
  const page = await tab(t);
  await signIn(hive, page);
  await page.click('a[href="#/learned"]');
  await page.waitForSelector('td.circuit:has-text("failed 12 times in a row")');
});
