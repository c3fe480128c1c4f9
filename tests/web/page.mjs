// SPDX-License-Identifier: MIT
// A browser for the tests, and what they do with the page.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Hive } from './hive.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
  '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync'];
const SHOTS = process.env.DEIA_SCREENSHOTS;
export const BOT = join(import.meta.dirname, 'bot.py');
const playwright = await import('playwright-core').catch(() => null);
const skip = !playwright ? 'the node packages of tests/web are not installed'
  : !existsSync(CHROMIUM) ? `there is no ${CHROMIUM}`
    : !process.env.DEIAD ? 'DEIAD does not name the server' : false;

let browser;
before(async () => {
  if (skip) return;
  browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
});
after(() => browser?.close());

/**
 * A test with a hive of its own. prepare(t) may start what the hive needs and
 * give options for it; why: a reason to skip it.
 */
export function story(name, body, { prepare = () => ({}), why = false } = {}) {
  test(name, { skip: skip || why, timeout: 120000 }, async (t) => {
    const hive = await Hive.start(await prepare(t));
    t.after(() => hive.stop());
    await body(hive, t);
  });
}

/** A tab that notes every error and every complaint about the policy. */
export async function tab(t, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 780 }, acceptDownloads: true, ...options,
  });
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (e) => page.complaints.push(`error: ${e.stack}`));
  page.on('dialog', (d) => { page.complaints.push(`dialog: ${d.message()}`); d.dismiss(); });
  page.on('console', (m) => {
    if (/Content.Security.Policy|TrustedHTML|Trusted Types/i.test(m.text())) {
      page.complaints.push(m.text());
    }
  });
  await page.addInitScript(() => {
    window.reports = [];
    addEventListener('securitypolicyviolation', (e) => {
      window.reports.push(`${e.violatedDirective} ${e.blockedURI}`);
    });
  });
  t.after(async () => {
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(await page.evaluate(() => window.reports).catch(() => []), []);
    await context.close();
  });
  return page;
}

export async function signIn(hive, page, role = 'admin') {
  await page.goto(`${hive.url}/#code=${await hive.code(role)}`);
  await page.waitForSelector('.link-state[data-state=live]');
}

export const open = async (page, id) => {
  await page.click(`.bots a:has(strong:text-is("${id}"))`);
  await page.waitForSelector(`.bot-head h1:text-is("${id}")`);
  await page.waitForSelector('.transcript .top > *');
};
export const field = (page) => page.locator('.composer textarea');
export const say = async (page, text) => {
  await field(page).fill(text);
  await field(page).press('Enter');
};
export const answered = (page, text) => page.waitForFunction((wanted) => {
  const last = [...document.querySelectorAll('.line-item.assistant')].at(-1);
  return last?.dataset.status === 'answered'
    && last.querySelector('.text').textContent === wanted;
}, text);
export const state = (page, id, wanted) => page.waitForSelector(
  `.bots a:has(strong:text-is("${id}")) .state[data-state=${wanted}]`);
export const shot = async (page, name) => {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`) });
};
