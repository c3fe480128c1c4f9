// SPDX-License-Identifier: MIT
// The web page with a real language model: launch dialog, streaming, stopping.

import assert from 'node:assert/strict';

import { answered, field, open, say, shot, signIn, state, story, tab } from './page.mjs';
import { Models, noModels } from './models.mjs';

const PACE_MS = 30;

async function withModels(t) {
  const models = await Models.start(PACE_MS);
  t.after(() => models.stop());
  return { env: { OLLAMA_HOST: models.url } };
}

story('a model is chosen from the list, launched, and reckons', async (hive, t) => {
  const page = await tab(t);
  await signIn(hive, page);
  await page.click('text=Launch a bot');
  await page.selectOption('dialog label:has-text("Adapter") select', 'ollama');
  await page.waitForSelector('dialog small:has-text("3 models")');
  const names = await page.evaluate(() =>
    [...document.querySelectorAll('#models option')].map((o) => o.value));
  await page.fill('dialog input[list]', names.find((n) => n.startsWith('math')));
  await shot(page, 'launch-model');
  await page.click('dialog button:text-is("Launch")');
  await state(page, 'BOT-001', 'ready');
  await field(page).waitFor();
  await say(page, 'add 12 30');
  await answered(page, '42');
}, { prepare: withModels, why: noModels });

story('a story streams word by word and is stopped half way', async (hive, t) => {
  await hive.bot('teller', { adapter: 'ollama', model: 'all' });
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'teller');
  await page.evaluate(() => {
    window.lengths = new Set();
    new MutationObserver(() => {
      const text = document.querySelector('.line-item.assistant .text');
      if (text) window.lengths.add(text.textContent.length);
    }).observe(document.querySelector('.lines'),
      { subtree: true, childList: true, characterData: true });
  });
  await say(page, 'tell a story about a fox');
  await page.waitForFunction(() => window.lengths.size >= 4);
  await shot(page, 'story');
  await page.keyboard.press('Escape');
  await page.waitForSelector('.line-item.assistant[data-status=partial][data-id]');
  assert.ok((await page.textContent('.line-item.assistant .text')).length > 0);
}, { prepare: withModels, why: noModels });

story('a model that is missing: the bot says how to get it', async (hive, t) => {
  await hive.call('POST', '/api/v1/bots', { id: 'lost', adapter: 'ollama', model: 'nowhere' });
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'lost');
  await page.waitForSelector('.bot-head .reason:has-text("ollama pull nowhere")');
  await shot(page, 'model-missing');
}, { prepare: withModels, why: noModels });
