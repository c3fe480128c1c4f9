/* SPDX-License-Identifier: MIT */
/*
 * adapter.h - what answers a prompt inside deia-bot.
 *
 * An adapter is a worker (worker.h) with a name. Built-in ones: echo, exec,
 * ollama.
 */
#ifndef DEIA_SYS_ADAPTER_H
#define DEIA_SYS_ADAPTER_H

#include <deia/worker.h>

DEIA_BEGIN

struct deia_adapter {
	size_t size;
	const char *name;
	const char *summary; /* one line for --help */
	struct deia_worker_ops ops;
	/* The user pointer of the ops, allocated before the run. NULL return:
	 * out of memory. create and destroy may both be NULL: the adapter
	 * keeps nothing. ops.note is left to the program. */
	void *(*create)(void);
	void (*destroy)(void *user);
};

/* Answers with the last user message unchanged. */
DEIA_API extern const struct deia_adapter deia_adapter_echo;
/* A command for each turn: docs/exec.md. Starts programs; its user must be kept
 * until its destroy ran, which waits for them (at most a few seconds). */
DEIA_API extern const struct deia_adapter deia_adapter_exec;
/* A model behind Ollama's /api/chat. Needs libcurl. */
DEIA_API extern const struct deia_adapter deia_adapter_ollama;

DEIA_END

#endif
