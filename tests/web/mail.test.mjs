// SPDX-License-Identifier: MIT
// Inboxes on the page, in a real browser against a real deiad.

import assert from 'node:assert/strict';

import { open, shot, signIn, story, tab } from './page.mjs';

const EVIL = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

const send = (hive, to, content, more = {}) =>
  hive.call('POST', '/api/v1/messages', { to, content, ...more });
const receive = (hive, bot, max = 1) =>
  hive.call('POST', `/api/v1/bots/${bot}/inbox/receive`, { max });
const mail = (page) => page.click('.tabs button[data-tab=mail]');
const letter = (page, text) => page.waitForSelector(
  `.letter:has(.text:text-is("${text}"))`);
const gone = (page, text) => page.waitForSelector(
  `.letter:has(.text:text-is("${text}"))`, { state: 'detached' });
const badge = (page, id, text) => page.waitForFunction(([bot, wanted]) => {
  const row = [...document.querySelectorAll('.bots a')]
    .find((a) => a.querySelector('strong').textContent === bot);
  return row?.querySelector('.unread').textContent === wanted;
}, [id, text]);

/** A message that was handed over once, which was too often. */
async function deadLetter(hive, bot, content) {
  const { id } = await send(hive, bot, content, { max_attempts: 1 });
  const { items } = await receive(hive, bot, 10);
  for (const m of items) {
    await hive.call('POST', `/api/v1/messages/${m.id}/release`,
      { bot, lease_token: m.lease_token, reason: 'the printer is on fire' });
  }
  return id;
}

story('mail is written, shown as it comes and counted', async (hive, t) => {
  await hive.bot('BOT-001');
  await hive.bot('BOT-002');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await badge(page, 'BOT-001', '');
  await mail(page);
  await page.waitForSelector('text=No mail is waiting.');
  await shot(page, 'mail-empty');

  await page.fill('.mail textarea', 'please look at ticket 7');
  await page.keyboard.press('Enter');
  await letter(page, 'please look at ticket 7');
  assert.equal(await page.inputValue('.mail textarea'), '');
  await badge(page, 'BOT-001', '1');
  await page.waitForSelector('.tabs button:text-is("Mail (1)")');

  // Of others it comes by itself, the most urgent first.
  await send(hive, 'BOT-001', 'the build broke', { from: 'BOT-002', priority: 'P0' });
  await letter(page, 'the build broke');
  assert.deepEqual(await page.$$eval('.letter .text', (l) => l.map((e) => e.textContent)),
    ['the build broke', 'please look at ticket 7']);
  await badge(page, 'BOT-001', '2');
  await send(hive, 'BOT-002', 'elsewhere');
  await badge(page, 'BOT-002', '1');
  await shot(page, 'mail');

  const { items: [m] } = await receive(hive, 'BOT-001');
  await page.waitForSelector('.letter .status:text-is("delivered")');
  await hive.call('POST', `/api/v1/messages/${m.id}/read`, { bot: 'BOT-001' });
  await gone(page, 'the build broke');
  await badge(page, 'BOT-001', '1');
  await page.selectOption('.mail .toolbar select', 'read');
  await letter(page, 'the build broke');
  await gone(page, 'please look at ticket 7');
});

story('what mail says is text, and long mail is cut until asked for', async (hive, t) => {
  await hive.bot('BOT-001');
  await send(hive, 'BOT-001', EVIL);
  await send(hive, 'BOT-001', 'x'.repeat(10000));
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await mail(page);
  await page.waitForFunction((evil) => [...document.querySelectorAll('.letter .text')]
    .some((el) => el.textContent === evil), EVIL);
  assert.equal(await page.evaluate(() => document.querySelectorAll('.letter img').length), 0);
  assert.match(await page.title(), /BOT-001/);
  await page.click('text=Show all 10000 characters');
  await page.waitForFunction(() => [...document.querySelectorAll('.letter .text')]
    .some((el) => el.textContent.length === 10000));
});

story('a dead letter says why and is queued again', async (hive, t) => {
  await hive.bot('BOT-001');
  await deadLetter(hive, 'BOT-001', 'print this');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await mail(page);
  await page.selectOption('.mail .toolbar select', 'failed');
  await letter(page, 'print this');
  await page.waitForSelector('.letter .why:has-text("the printer is on fire")');
  await shot(page, 'mail-dead-letter');
  assert.deepEqual(await page.evaluate(() =>
    [...document.querySelectorAll('button,a,input,select,textarea')]
      .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label')))
      .map((e) => e.outerHTML)), []);
  await page.click('.letter button:text-is("Requeue")');
  await gone(page, 'print this');
  await page.selectOption('.mail .toolbar select', '');
  await letter(page, 'print this');
  await badge(page, 'BOT-001', '1');
});

story('people have an inbox, and a viewer only looks', async (hive, t) => {
  await hive.bot('BOT-001');
  await send(hive, 'system', 'shall I delete everything?', { from: 'BOT-001' });
  const page = await tab(t);
  await signIn(hive, page);
  await page.waitForSelector('.people .unread:text-is("1")');
  await page.click('.people');
  await letter(page, 'shall I delete everything?');
  await shot(page, 'mail-people');
  assert.equal(await page.isVisible('.mail textarea'), false);
  await page.click('text=Mark these as read');
  await gone(page, 'shall I delete everything?');
  await page.waitForSelector('.people .unread:empty', { state: 'attached' });

  await deadLetter(hive, 'BOT-001', 'print this');
  const viewer = await tab(t);
  await signIn(hive, viewer, 'viewer');
  await open(viewer, 'BOT-001');
  await mail(viewer);
  await viewer.waitForSelector('text=No mail is waiting.');
  await viewer.selectOption('.mail .toolbar select', 'failed');
  await letter(viewer, 'print this');
  assert.equal(await viewer.isVisible('.mail textarea'), false);
  assert.equal(await viewer.isVisible('.letter button:text-is("Requeue")'), false);
});

story('mail that came while the server was away is there afterwards', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await mail(page);
  await page.waitForSelector('text=No mail is waiting.');
  await hive.kill();
  await page.waitForSelector('.link-state[data-state=offline]');
  await hive.run();
  await send(hive, 'BOT-001', 'are you back?');
  await letter(page, 'are you back?');
  await badge(page, 'BOT-001', '1');
});

story('mail on a telephone', async (hive, t) => {
  await hive.bot('BOT-001');
  await send(hive, 'BOT-001', 'please look at ticket 7', { priority: 'P1' });
  const page = await tab(t, { viewport: { width: 390, height: 780 } });
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await mail(page);
  await letter(page, 'please look at ticket 7');
  assert.equal(await page.evaluate(() =>
    document.documentElement.scrollWidth > innerWidth), false);
  await shot(page, 'mail-telephone');
});
