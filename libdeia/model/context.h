/* SPDX-License-Identifier: MIT */
/* context.h - which messages of a conversation fit a model's window. */
#ifndef DEIA_MODEL_CONTEXT_H
#define DEIA_MODEL_CONTEXT_H

#include <deia/worker.h>

/* English text has 3 to 4 bytes a token; 3 leaves a margin. */
#define DEIA__TOKENS_PER_KIB 341u
/* One token a byte: no tokenizer needs more. */
#define DEIA__TOKENS_PER_KIB_MAX 1024u

struct deia__context {
	int64_t num_ctx;     /* tokens the model looks at */
	int64_t num_predict; /* tokens kept free for the answer; <= 0: a
			      * quarter of num_ctx */
	unsigned tokens_per_kib;
};

/* Estimated tokens of one message of len bytes, its role mark included. */
int64_t deia__context_tokens(const struct deia__context *c, size_t len);
/*
 * Index of the first history item to send; n_history: none. The system prompt
 * (may be NULL) and the newest message always go, whatever their size. What is
 * sent is the unbroken end of the history and does not begin with an answer
 * whose question was left out.
 */
size_t deia__context_first(const struct deia__context *c,
			   const struct deia_turn_info *info,
			   const char *system_prompt);

#endif
