/* SPDX-License-Identifier: MIT */
/*
 * context.c - the last messages that fit a model's window.
 *
 * Tokens are estimated from bytes (no tokenizer here): bytes * tokens_per_kib
 * / 1024, rounded up, plus MESSAGE_TOKENS for the role marks of a message. A
 * server that finds the prompt too long all the same makes the adapter raise
 * tokens_per_kib. Messages are never cut.
 */
#include "model/context.h"

#include <string.h>

#define MESSAGE_TOKENS 4

int64_t deia__context_tokens(const struct deia__context *c, size_t len)
{
	return (int64_t)((len * c->tokens_per_kib + 1023) / 1024) +
	       MESSAGE_TOKENS;
}

/* Tokens left for the prompt; an answer may claim half of the window. */
static int64_t prompt_tokens(const struct deia__context *c)
{
	int64_t answer = c->num_predict > 0 ? c->num_predict : c->num_ctx / 4;

	if (answer > c->num_ctx / 2)
		answer = c->num_ctx / 2;
	return c->num_ctx - answer;
}

size_t deia__context_first(const struct deia__context *c,
			   const struct deia_turn_info *info,
			   const char *system_prompt)
{
	int64_t left = prompt_tokens(c) -
		       deia__context_tokens(c, strlen(info->content));
	size_t first = info->n_history;

	if (system_prompt)
		left -= deia__context_tokens(c, strlen(system_prompt));
	while (first > 0) {
		const char *text = info->history[first - 1].content;
		left -= deia__context_tokens(c, strlen(text));
		if (left < 0)
			break;
		first--;
	}
	if (first == 0)
		return 0;
	while (first < info->n_history &&
	       strcmp(info->history[first].role, "assistant") == 0)
		first++;
	return first;
}
