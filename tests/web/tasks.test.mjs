// SPDX-License-Identifier: MIT
// Tasks on the page, in a real browser against a real deiad.

import assert from 'node:assert/strict';

import { BOT, open, shot, signIn, story, tab } from './page.mjs';

const EVIL = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

const submit = (hive, content, more = {}) =>
  hive.call('POST', '/api/v1/tasks', { content, ...more });
const told = (hive, id = 'BOT-001') => hive.bot(id, { adapter: 'process', argv: ['python3', BOT] });
const tasks = async (page) => {
  await page.click('.side .work');
  await page.waitForSelector('h1:text-is("Tasks")');
};
const row = (text) => `.task:has(.task-line:text-is("${text}"))`;
const status = (page, text, wanted) =>
  page.waitForSelector(`${row(text)} .status:text-is("${wanted}")`);
const show = async (page, text) => {
  await page.click(`${row(text)} .task-line`);
  await page.waitForSelector(`${row(text)} .task-detail .facts:not(:empty)`);
};
const press = (page, text, button) =>
  page.click(`${row(text)} .task-detail button:text-is("${button}")`);

story('a task is submitted and its result is shown', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await tasks(page);
  assert.match(await page.title(), /^Tasks/);
  await page.waitForSelector('text=No task yet.');
  await shot(page, 'tasks-empty');

  await page.fill('.composer textarea', 'sum up the minutes');
  await page.keyboard.press('Enter');
  await status(page, 'sum up the minutes', 'succeeded');
  assert.equal(await page.inputValue('.composer textarea'), '');
  await show(page, 'sum up the minutes');
  const box = page.locator(row('sum up the minutes'));
  assert.equal(await box.locator('.text').first().textContent(), 'sum up the minutes');
  assert.equal(await box.locator('.attempts li').count(), 1);
  assert.match(await box.locator('.attempts li').textContent(), /^BOT-001 succeeded/);
  await shot(page, 'tasks');

  // Thumbs, and a second thought.
  await press(page, 'sum up the minutes', '👍 Good');
  await page.waitForSelector(`${row('sum up the minutes')} [aria-pressed=true]:text-is("👍 Good")`);
  await press(page, 'sum up the minutes', '👎 Bad');
  await page.waitForSelector(`${row('sum up the minutes')} [aria-pressed=true]:text-is("👎 Bad")`);
  const [task] = (await hive.call('GET', '/api/v1/tasks')).items;
  assert.equal(task.verdict.success, false);
  assert.deepEqual(await page.evaluate(() =>
    [...document.querySelectorAll('button,a,input,select,textarea')]
      .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label')))
      .map((e) => e.outerHTML)), []);
});

story('tasks of others come by themselves, and the list is filtered', async (hive, t) => {
  await told(hive);
  const page = await tab(t);
  await signIn(hive, page);
  await tasks(page);
  await page.waitForSelector('text=No task yet.');
  await submit(hive, 'say hello');
  await submit(hive, 'fail no paper');
  await status(page, 'say hello', 'succeeded');
  await status(page, 'fail no paper', 'failed');
  await page.waitForSelector(`${row('fail no paper')} .why:has-text("no paper")`);
  await page.selectOption('.toolbar select', 'failed');
  await page.waitForSelector(row('say hello'), { state: 'detached' });
  await status(page, 'fail no paper', 'failed');

  await show(page, 'fail no paper');
  assert.match(await page.locator(`${row('fail no paper')} .attempts li`).textContent(),
    /failed.*no paper/);
  // Among the failed ones it would go while it is tried again.
  await page.selectOption('.toolbar select', '');
  await status(page, 'say hello', 'succeeded');
  await press(page, 'fail no paper', 'Try again');
  await page.waitForFunction((text) => [...document.querySelectorAll('.task')]
    .find((el) => el.querySelector('.task-line').textContent === text)
    ?.querySelectorAll('.attempts li').length === 2, 'fail no paper');
});

story('a running task is cancelled from the page', async (hive, t) => {
  await told(hive);
  const page = await tab(t);
  await signIn(hive, page);
  await tasks(page);
  await page.reload(); // also when the page begins with the tasks
  await page.fill('.composer textarea', 'hold it');
  await page.selectOption('.composer select[aria-label=Bot]', 'BOT-001');
  await page.click('.composer button');
  await status(page, 'hold it', 'running');
  await page.waitForSelector('text=1 running');
  await show(page, 'hold it');
  await press(page, 'hold it', 'Cancel');
  await status(page, 'hold it', 'cancelled');
  await page.waitForSelector('text=Nothing is under way.');
});

story('what waits for a person is counted, and approved', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await submit(hive, 'delete everything', { approval: true });
  await page.waitForSelector('.work .unread:text-is("1")');
  await tasks(page);
  await status(page, 'delete everything', 'awaiting approval');
  await show(page, 'delete everything');
  await shot(page, 'tasks-approval');
  await press(page, 'delete everything', 'Approve');
  await status(page, 'delete everything', 'succeeded');
  await page.waitForSelector('.work .unread:empty', { state: 'attached' });
});

story('a viewer only looks, and texts are text', async (hive, t) => {
  await hive.bot('BOT-001');
  await submit(hive, EVIL);
  await submit(hive, 'x'.repeat(10000), { approval: true });
  const page = await tab(t);
  await signIn(hive, page, 'viewer');
  await tasks(page);
  await status(page, EVIL.replaceAll('"', '\\"'), 'succeeded');
  assert.equal(await page.isVisible('.composer'), false);
  await page.click('.task .task-line >> nth=1');
  await page.waitForFunction((evil) => [...document.querySelectorAll('.task-detail .text')]
    .filter((el) => el.textContent === evil).length === 2, EVIL);
  assert.equal(await page.evaluate(() => document.querySelectorAll('.task img').length), 0);
  await page.click('.task .task-line >> nth=0');
  await page.click('text=Show all 10000 characters');
  await page.waitForFunction(() => [...document.querySelectorAll('.task-detail .text')]
    .some((el) => el.textContent.length === 10000));
  assert.equal(await page.evaluate(() => [...document.querySelectorAll('.task-detail .row button')]
    .filter((b) => !b.hidden).length), 0);
});

story('tasks go on while the server is away', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await tasks(page);
  await page.waitForSelector('text=No task yet.');
  await hive.kill();
  await page.waitForSelector('.link-state[data-state=offline]');
  await hive.run();
  await submit(hive, 'are you back?');
  await status(page, 'are you back?', 'succeeded');
});

story('tasks on a telephone', async (hive, t) => {
  await hive.bot('BOT-001');
  await submit(hive, 'say something short about the long words of this line');
  const page = await tab(t, { viewport: { width: 390, height: 780 } });
  await signIn(hive, page);
  await tasks(page);
  await status(page, 'say something short about the long words of this line', 'succeeded');
  await show(page, 'say something short about the long words of this line');
  assert.equal(await page.evaluate(() =>
    document.documentElement.scrollWidth > innerWidth), false);
  await shot(page, 'tasks-telephone');
  await page.click('.back');
  await open(page, 'BOT-001');
});
