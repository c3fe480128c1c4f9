// SPDX-License-Identifier: MIT
// The web page in a real browser against a real deiad.
//
//   DEIAD=build/server/deiad/deiad node --test-reporter=tap web.test.mjs
//
// DEIA_SCREENSHOTS names a folder for pictures of the page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { until } from './hive.mjs';
import { answered, BOT, field, open, say, shot, signIn, state, story, tab } from './page.mjs';

story('the sign-in link signs in once and leaves the address bar', async (hive, t) => {
  const page = await tab(t);
  const code = await hive.code();
  await page.goto(`${hive.url}/#code=${code}`);
  await page.waitForSelector('.link-state[data-state=live]');
  assert.equal(new URL(page.url()).hash, '');
  await page.reload();
  await page.waitForSelector('.link-state[data-state=live]');

  // The link again, where it was used: the session stands.
  for (const again of [false, true]) {
    await page.goto(`${hive.url}/#code=${code}`);
    if (again) await page.reload();
    await page.waitForFunction(() => location.hash === '');
    await page.waitForSelector('.link-state[data-state=live]');
  }

  const second = await tab(t);
  await second.goto(`${hive.url}/#code=${code}`);
  await second.waitForSelector('.signin .problem:not(:empty)');
  await shot(second, 'sign-in-refused');
});

story('a token signs in too, and signing out ends the session', async (hive, t) => {
  const page = await tab(t);
  await page.goto(hive.url);
  await page.waitForSelector('text=deia login --link');
  await shot(page, 'sign-in');
  await page.fill('#secret', 'nonsense');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.signin .problem:not(:empty)');
  const { token } = await hive.call('POST', '/api/v1/tokens', { name: 'me', role: 'admin' });
  await page.fill('#secret', token);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.link-state[data-state=live]');
  await page.click('text=Sign out');
  await page.waitForSelector('#secret');
  await assert.rejects(hive.call('GET', '/api/v1/auth/whoami', undefined, token), / 401 /);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

story('a bot is launched from the dialog and answers', async (hive, t) => {
  const page = await tab(t);
  await signIn(hive, page);
  await page.waitForSelector('text=No bots yet');
  await shot(page, 'empty');
  await page.click('text=Launch a bot');
  assert.equal(await page.inputValue('dialog input'), 'BOT-001');
  await shot(page, 'launch');
  await page.click('dialog button:text-is("Launch")');
  await state(page, 'BOT-001', 'ready');
  await page.waitForSelector('.bot-head h1:text-is("BOT-001")');
  await say(page, 'Hello, hive!');
  await answered(page, 'Hello, hive!');
  assert.equal(await page.textContent('.line-item.user .author'), 'admin');
  assert.equal(await page.textContent('.line-item.assistant .author'), 'BOT-001');
  assert.equal(await page.textContent('.line-item.user .mark'), 'answered');

  await page.click('text=Launch a bot');
  assert.equal(await page.inputValue('dialog input'), 'BOT-002');
  await page.fill('dialog input', 'BOT-001');
  await page.click('dialog button:text-is("Launch")');
  assert.match(await page.textContent('dialog .problem:not(:empty)'), /BOT-001/);
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
});

story('a bot is stopped, started, restarted and removed', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  const press = (name) => page.click(`.actions button:text-is("${name}")`);
  await press('Stop');
  await state(page, 'BOT-001', 'stopped');
  await page.waitForSelector('.toast.good');
  await say(page, 'Are you there?');
  await page.waitForSelector('.chat > .problem:not(:empty)');
  assert.equal(await field(page).inputValue(), 'Are you there?');
  await press('Start');
  await state(page, 'BOT-001', 'ready');
  await field(page).press('Enter');
  await answered(page, 'Are you there?');
  const { pid } = await hive.call('GET', '/api/v1/bots/BOT-001');
  await press('Restart');
  await until(async () => {
    const bot = await hive.call('GET', '/api/v1/bots/BOT-001');
    return bot.state === 'ready' && bot.pid !== pid;
  }, 'it runs again');
  await state(page, 'BOT-001', 'ready');
  await press('Pause');
  await state(page, 'BOT-001', 'paused');
  await press('Resume');
  await state(page, 'BOT-001', 'ready');
  await press('Remove');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await press('Remove');
  await page.click('dialog button:text-is("Remove")');
  await page.waitForSelector('text=No bots yet');
});

story('an answer streams, thinking and tools are folded', async (hive, t) => {
  await hive.bot('actor', { adapter: 'process', argv: ['python3', BOT] });
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'actor');
  await say(page, 'think');
  await answered(page, 'Ring ding.');
  assert.equal(await page.evaluate(() =>
    document.querySelectorAll('.folds details[open]').length), 0);
  await page.click('summary:text-is("Thinking")');
  assert.equal(await page.textContent('details.thinking pre'), 'What would a fox say?');
  assert.equal(await page.textContent('details.tool pre'), 'ask(fox)');
  await shot(page, 'channels');
});

story('an answer is stopped; what there is of it is kept and marked', async (hive, t) => {
  await hive.bot('actor', { adapter: 'process', argv: ['python3', BOT] });
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'actor');
  await say(page, 'hold');
  await page.waitForFunction(() =>
    document.querySelector('.line-item.assistant .text')?.textContent === 'Once upon a time ');
  await state(page, 'actor', 'busy');
  await shot(page, 'streaming');
  await page.click('.stop');
  await page.waitForSelector('.line-item.assistant[data-status=partial][data-id]');
  await state(page, 'actor', 'ready');
  assert.equal(await page.textContent('.line-item.assistant .text'), 'Once upon a time ');
  assert.equal(await page.isVisible('.stop'), false);

  await say(page, 'hold');
  await page.waitForSelector('.line-item.writing');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() =>
    document.querySelectorAll('.line-item.assistant[data-status=partial][data-id]').length === 2);

  await say(page, 'fail the model is on holiday');
  await page.waitForSelector('.line-item.user[data-status=failed][data-id]');
  assert.match(await page.locator('.line-item.user .why').last().textContent(),
    /the model is on holiday/);
  await shot(page, 'partial-and-failed');
});

story('Shift+Enter breaks the line, blank messages are not sent', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await say(page, '   ');
  await field(page).fill('one');
  await field(page).press('Shift+Enter');
  await page.keyboard.type('two');
  await page.keyboard.press('Enter');
  await answered(page, 'one\ntwo');
  assert.equal(await page.locator('.line-item').count(), 2);
});

story('300 lines of history are read back to the beginning', async (hive, t) => {
  await hive.bot('BOT-001');
  const items = Array.from({ length: 300 }, (_, i) => ({
    role: i % 2 ? 'assistant' : 'user', content: `line ${i}`, status: 'answered',
  }));
  await hive.call('POST', '/api/v1/bots/BOT-001/chat/import', { title: 'Old days', items });
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await page.selectOption('.toolbar select', { label: 'Old days' });
  await page.waitForFunction(() => document.querySelectorAll('.line-item').length === 50);
  const texts = () => page.evaluate(() =>
    [...document.querySelectorAll('.line-item .text')].map((e) => e.textContent));
  assert.equal((await texts()).at(-1), 'line 299');
  await page.locator('.transcript').hover();
  await until(async () => {
    await page.mouse.wheel(0, -3000);
    return page.isVisible('text=The beginning of the conversation');
  }, 'the beginning');
  assert.deepEqual(await texts(), items.map((i) => i.content));

  await say(page, 'after all that');
  await answered(page, 'after all that');
  assert.equal((await texts()).length, 302);
  await shot(page, 'history');
});

story('conversations are begun, chosen, exported and cleared', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await say(page, 'in the first');
  await answered(page, 'in the first');
  await page.click('.toolbar button:text-is("New")');
  await page.fill('dialog input', 'Trip to Vienna');
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=Nothing said yet');
  await say(page, 'in the second');
  await answered(page, 'in the second');
  await page.selectOption('.toolbar select', { label: 'First conversation' });
  await answered(page, 'in the first');

  const saved = async (format) => {
    await page.click('.menu summary');
    const [file] = await Promise.all([page.waitForEvent('download'),
      page.click(`text=Export as ${format}`)]);
    return readFileSync(await file.path(), 'utf8');
  };
  assert.match(await saved('TXT'), /in the first/);
  const kept = JSON.parse(await saved('JSON'));
  assert.equal(kept.items.length, 2);

  await page.selectOption('.toolbar select', { label: 'Trip to Vienna' });
  await answered(page, 'in the second');
  await page.click('.menu summary');
  await page.click('text=Clear …');
  await page.click('dialog button:text-is("Clear")');
  await page.waitForFunction(() =>
    document.querySelectorAll('.toolbar option').length === 1);
  await answered(page, 'in the first');
});

story('two windows see the same', async (hive, t) => {
  await hive.bot('BOT-001');
  const [one, two] = [await tab(t), await tab(t)];
  for (const page of [one, two]) {
    await signIn(hive, page);
    await open(page, 'BOT-001');
  }
  await say(one, 'from the first window');
  await answered(one, 'from the first window');
  await answered(two, 'from the first window');
  await hive.bot('BOT-002');
  await state(one, 'BOT-002', 'ready');
  await state(two, 'BOT-002', 'ready');
  assert.equal(await two.locator('.line-item').count(), 2);
});

story('a killed bot is seen to come back', async (hive, t) => {
  const { pid } = await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  process.kill(pid, 'SIGKILL');
  await page.waitForSelector('.facts:has-text("1 restart")');
  await state(page, 'BOT-001', 'ready');
  await say(page, 'welcome back');
  await answered(page, 'welcome back');
});

story('a server that went away is announced, and the page recovers', async (hive, t) => {
  await hive.bot('BOT-001');
  await hive.say('BOT-001', 'before');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await answered(page, 'before');
  await hive.kill();
  await page.waitForSelector('.banner:not([hidden])');
  await say(page, 'while away');
  await page.waitForSelector('.line-item.user .why:has-text("does not answer")');
  await shot(page, 'unreachable');
  await hive.run();
  await page.waitForSelector('.banner', { state: 'hidden' });
  await page.waitForSelector('.link-state[data-state=live]');
  await state(page, 'BOT-001', 'ready');
  await page.click('text=Send again');
  await answered(page, 'while away');
  assert.equal(await page.locator('.line-item').count(), 4);
  await hive.bot('BOT-002');
  await state(page, 'BOT-002', 'ready');
});

story('the log is shown and followed', async (hive, t) => {
  await hive.bot('actor', { adapter: 'process', argv: ['python3', BOT] });
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'actor');
  await page.click('.tabs button:text-is("Log")');
  await hive.say('actor', 'say written to stderr');
  await page.waitForSelector('.log:has-text("written to stderr")');
  await shot(page, 'log');
});

story('everything can be done with the keyboard', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await page.goto(hive.url);
  await page.waitForSelector('#secret:focus');
  await page.keyboard.type(await hive.code());
  await page.keyboard.press('Enter');
  await page.waitForSelector('.bots a');
  const reach = async (selector) => until(async () => {
    await page.keyboard.press('Tab');
    return page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector);
  }, `Tab reaches ${selector}`);
  await reach('.side-head button');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog input:focus');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.bot-head h1:text-is("BOT-002")');
  await page.waitForSelector('.composer textarea:focus');
  await state(page, 'BOT-002', 'ready');
  await page.keyboard.type('by keyboard');
  await page.keyboard.press('Enter');
  await answered(page, 'by keyboard');
  await reach('.side-head button');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog input:focus');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await page.waitForSelector('.side-head button:focus');
  await reach('.actions .danger');
  assert.notEqual(await page.evaluate(() =>
    getComputedStyle(document.activeElement).outlineStyle), 'none');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog');
  await reach('dialog button.danger');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('.bots a').length === 1);
});

story('a session that is revoked leads back to the sign-in', async (hive, t) => {
  const page = await tab(t);
  await signIn(hive, page);
  const { items } = await hive.call('GET', '/api/v1/tokens?limit=1000');
  const { id } = items.find((i) => i.kind === 'session');
  await hive.call('DELETE', `/api/v1/tokens/${id}`);
  await page.waitForSelector('#secret');
  await page.waitForSelector('.signin .problem:not(:empty)');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

story('a viewer sees everything and is offered nothing that is refused', async (hive, t) => {
  await hive.bot('BOT-001');
  await hive.say('BOT-001', 'look at me');
  const page = await tab(t);
  await signIn(hive, page, 'viewer');
  await open(page, 'BOT-001');
  await answered(page, 'look at me');
  for (const s of ['.composer', '.actions', '.side-head button']) {
    assert.equal(await page.isVisible(s), false, s);
  }
});

story('every control has a name', async (hive, t) => {
  await hive.bot('BOT-001');
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'BOT-001');
  await page.click('text=Launch a bot');
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll('button,a,input,select,textarea,summary')]
      .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label')
        || e.labels?.length)).map((e) => e.outerHTML));
  assert.deepEqual(nameless, []);
});

story('the page fits a phone, in both themes', async (hive, t) => {
  await hive.bot('BOT-001');
  await hive.say('BOT-001', `a${'very'.repeat(60)}long word\n${'and words '.repeat(30)}`);
  for (const colorScheme of ['light', 'dark']) {
    const page = await tab(t, { viewport: { width: 360, height: 740 }, colorScheme });
    const fits = async (name) => {
      await shot(page, `phone-${colorScheme}-${name}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, name);
    };
    await signIn(hive, page);
    await page.waitForSelector('.bots a');
    await fits('list');
    await open(page, 'BOT-001');
    await page.waitForSelector('.line-item.assistant');
    await fits('chat');
    await page.click('.back');
    await page.click('text=Launch a bot');
    await page.waitForSelector('dialog');
    await fits('launch');
  }
});
