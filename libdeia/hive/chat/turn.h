/* SPDX-License-Identifier: MIT */
/* turn.h - one question and its answer, shared by turn.c and ask.c. */
#ifndef DEIA_HIVE_TURN_H
#define DEIA_HIVE_TURN_H

#include "core/buf.h"
#include "hive/hive.h"

#define DEIA__TURN_ERROR_BYTES 512

enum deia__phase {
	TURN_FINDING,  /* which conversation */
	TURN_SAVING,   /* the question */
	TURN_WAITING,  /* for earlier turns of the conversation */
	TURN_READING,  /* what was said before */
	TURN_WORKING,  /* the bot has it, or queues it */
	TURN_FINISHING /* the answer is being committed */
};

struct deia_chat_turn {
	deia_hive *hive;
	struct deia__hbot *bot;
	TAILQ_ENTRY(deia_chat_turn) link;
	enum deia__phase phase;
	bool io, cancelled;
	char id[37], answer_id[37], conversation[37];
	struct deia_actor actor; /* who asked */
	char *content;
	size_t content_len;
	int64_t user_seq, answer_seq;
	int64_t asked_ms, answered_ms; /* wall */
	struct deia_chat_events events;
	void *user;
	deia_work *work;
	struct deia__buf text; /* the answer so far */
	size_t saved_len;      /* of it, in the store */
	struct deia__timer checkpoint;
	/* How it ended: */
	bool ended, retryable; /* retryable: the bot said so */
	deia_err err;
	char error[DEIA__TURN_ERROR_BYTES];
	unsigned retry_after_seconds;
	int64_t prompt_tokens, completion_tokens;
	char *details; /* what the bot added, or NULL */
	/* The agent's own: what the store has, then what the bot said. */
	char *session;
	bool new_session;
	/* external.c: who gave the answer, told when it is durable. */
	deia_done_cb kept_cb;
	void *kept_user;
};

void deia__turn_free(struct deia_chat_turn *t);
/* The first step is done: the conversation is known, or not. */
void deia__turn_found(deia_hive *h, deia_err err, const char *conversation,
		      void *arg);
/* Ends a turn that failed; it is not to be touched afterwards. */
void deia__turn_fail(struct deia_chat_turn *t, deia_err err, const char *text);
/* Ends a cancelled turn between two steps; true when it did. */
bool deia__turn_stop_if_cancelled(struct deia_chat_turn *t);

#endif
