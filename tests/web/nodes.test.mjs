// SPDX-License-Identifier: MIT
// Two deiad on one database, in a real browser. Run by tests/support/postgres.py,
// which starts the database.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

import { Hive } from './hive.mjs';
import { open, say, shot, signIn, state, story, tab } from './page.mjs';

const cluster = process.env.DEIA_TEST_POSTGRES;
const why = cluster ? false
  : process.env.DEIA_TEST_POSTGRES_MISSING ?? 'it is not run by tests/support/postgres.py';

const node = (name) => ({
  env: { DEIA_DATABASE_URL: `${cluster}/nodes`, DEIA_NODE_NAME: name },
});

let other;

async function both(t) {
  execFileSync('psql', ['-qXc', 'CREATE DATABASE nodes', `${cluster}/postgres`]);
  other = await Hive.start(node('attic'));
  t.after(() => other.stop());
  await other.bot('BOT-ATTIC');
  await other.say('BOT-ATTIC', 'what the attic said');
  return node('cellar');
}

story('bots of another node are shown with it, read, and not acted on', async (hive, t) => {
  await hive.bot('BOT-CELLAR');
  const page = await tab(t);
  await signIn(hive, page);
  await state(page, 'BOT-ATTIC', 'ready');
  const kinds = await page.$$eval('.bots a .kind', (k) => k.map((e) => e.textContent));
  assert.deepEqual(kinds.filter((k) => k.includes('node')),
    ['echo · node attic', 'echo · node cellar']);
  await open(page, 'BOT-ATTIC');
  await page.waitForSelector('.line-item:has-text("what the attic said")');
  // What would be refused is not offered.
  await page.waitForSelector('.bot-head .reason:has-text("lives on node attic")');
  assert.equal(await page.isVisible('.bot-head .actions'), false);
  await say(page, 'come down');
  await page.waitForSelector('text=lives on node "attic"');
  await shot(page, 'nodes');
  // What is launched there comes by itself.
  await other.bot('BOT-LATE');
  await state(page, 'BOT-LATE', 'ready');
}, { prepare: both, why });
