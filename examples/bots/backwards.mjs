#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// A small bot for Node: the words of the prompt in reverse order.
//
//     deia bot test -- ./backwards.mjs
//     deia bot launch BACK --adapter process -- $PWD/backwards.mjs
//
// Lines are read while turns wait for their next word, so that a ping or an
// interrupt is heard at once.
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const PACE_MS = 20;
const running = new Map(); // id of a turn -> its AbortController

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

async function turn(id, content, signal) {
	const words = content.split(/\s+/).filter(Boolean).reverse();

	try {
		for (const [n, word] of words.entries()) {
			say({ type: "chunk", id, text: (n ? " " : "") + word });
			await pause(PACE_MS, null, { signal });
		}
		say({ type: "done", id });
	} catch {
		say({ type: "error", id, code: "interrupted",
			message: "interrupted", retryable: false });
	}
	running.delete(id);
}

const heed = {
	init: () => say({ type: "ready", max_concurrent: 4 }),
	ping: ({ n }) => say({ type: "pong", n }),
	task({ id, content }) {
		running.set(id, new AbortController());
		turn(id, content, running.get(id).signal);
	},
	interrupt: ({ id }) => running.get(id)?.abort(),
	shutdown: () => process.exit(0),
};

for await (const text of createInterface({ input: process.stdin })) {
	try {
		const line = JSON.parse(text);

		heed[line.type]?.(line); // types it does not know are ignored
	} catch (error) {
		console.error(`bad line from the hive: ${error.message}`);
	}
}
process.exit(0); // the end of input: the hive is gone
