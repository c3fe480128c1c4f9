/* SPDX-License-Identifier: MIT */
/*
 * adapters.c - the table of adapters.
 *
 * It is compiled twice. deia-bot has what needs no HTTP, so that it starts in
 * about a millisecond and stays small; deia-bot-http (BOT_WITH_HTTP) has all,
 * with libcurl. A new adapter is one row here.
 */
#include "adapters.h"

#ifndef BOT_WITH_HTTP
#define BOT_WITH_HTTP 0
#endif

#if BOT_WITH_HTTP
#define HTTP_ADAPTER(a) &(a)
#else
#define HTTP_ADAPTER(a) NULL
#endif

#define HTTP_PROGRAM "deia-bot-http"

const struct bot_adapter bot_adapters[] = {
	{ "echo", "answers with the last user message, unchanged",
	  &deia_adapter_echo, NULL },
	{ "exec", "a command for each turn", &deia_adapter_exec, NULL },
	{ "ollama", "a model behind an Ollama server",
	  HTTP_ADAPTER(deia_adapter_ollama), HTTP_PROGRAM },
	{ "openai", "a model behind a server with /v1/chat/completions",
	  HTTP_ADAPTER(deia_adapter_openai), HTTP_PROGRAM },
	{ "anthropic", "a model behind a server with /v1/messages",
	  HTTP_ADAPTER(deia_adapter_anthropic), HTTP_PROGRAM },
};

const size_t n_bot_adapters = sizeof(bot_adapters) / sizeof(*bot_adapters);
