/* SPDX-License-Identifier: MIT */
/*
 * adapter.h - what answers a prompt inside deia-bot.
 *
 * An adapter is a worker (worker.h) with a name. Built-in ones: echo, ollama,
 * openai, anthropic, exec.
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
/* A model behind /v1/chat/completions, which many servers have. libcurl. */
DEIA_API extern const struct deia_adapter deia_adapter_openai;
/* A model behind Anthropic's /v1/messages. libcurl. */
DEIA_API extern const struct deia_adapter deia_adapter_anthropic;

/*
 * The address that lists the models of a server, as the adapters ask it: for
 * openai and anthropic "/v1" is added to a base_url without a version. out: at
 * least cap bytes, always the whole text or an error.
 * Returns DEIA_OK, DEIA_EINVAL, DEIA_ENOTFOUND (the adapter has no models),
 * DEIA_EFIELD (base_url is no http or https address), DEIA_ELIMIT (longer than
 * cap), DEIA_ENOMEM. Any thread. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_adapter_models_url(char *out, size_t cap,
							 const char *adapter,
							 const char *base_url);
/* The base_url of an adapter when none is given, or NULL. Static. Since 0.1. */
DEIA_API const char *deia_adapter_default_url(const char *adapter);
/*
 * The key of a model server, from a variable of the environment or a file, of
 * which at most one is given; *out is the caller's, to be freed with free(), or
 * NULL when neither is. why: at least why_len bytes; takes one line that says
 * what to do and never holds the key.
 * Returns DEIA_OK, DEIA_EFIELD (see why), DEIA_ENOMEM. Reads a file: not for an
 * event loop in service. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_adapter_key_read(char **out,
						       const char *env,
						       const char *file,
						       char *why,
						       size_t why_len);

DEIA_END

#endif
