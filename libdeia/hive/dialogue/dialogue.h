/* SPDX-License-Identifier: MIT */
/*
 * dialogue.h - a dialogue that runs, shared by dialogue*.c.
 *
 *   dialogue.c        the public calls
 *   dialogue_run.c    whose turn it is, and how it ends
 *   dialogue_rows.c   rows, events, what a killed process left
 *   dialogue_mail.c   its messages, page by page
 */
#ifndef DEIA_HIVE_DIALOGUE_H
#define DEIA_HIVE_DIALOGUE_H

#include "hive/mail/reply.h"

#define DEIA__DIALOGUE_WAITERS 16 /* who wait for the end of one */

enum deia__dialogue_phase {
	TALK_SAVING,  /* its row is not committed */
	TALK_SENDING, /* the topic */
	TALK_READING, /* where it stands, after a restart */
	TALK_WAITING, /* for a place at the bot, or some time */
	TALK_TAKING,  /* the message from the inbox */
	TALK_TURN,    /* the bot answers */
	TALK_ENDING   /* the last message is settled, the row written */
};

struct deia__dialogue {
	deia_hive *hive;
	TAILQ_ENTRY(deia__dialogue) link;
	enum deia__dialogue_phase phase;
	char id[37], first[37]; /* first: of the message with the topic */
	char a[DEIA_MAX_ID_LEN + 1], b[DEIA_MAX_ID_LEN + 1], by[80];
	char traceparent[DEIA_TRACEPARENT_LEN + 1]; /* of who started it */
	char *topic;
	size_t topic_len;
	unsigned turns, turns_done;
	int64_t max_tokens, tokens, max_seconds, created_ms, ended_ms;
	deia_dialogue_status status; /* what it is, or is about to be */
	bool ending;
	char reason[DEIA_MAX_REASON_BYTES];
	char next[37]; /* the message that is answered next */
	struct deia__seat seat;
	struct deia__mail_turn *turn;
	struct deia__timer delay, budget;
	/* Who started it is told when the topic is sent. */
	deia_dialogues_cb start_cb;
	void *start_user;
	struct {
		deia_dialogues_cb cb;
		void *user;
	} waiters[DEIA__DIALOGUE_WAITERS];
	unsigned n_waiters;
	bool requeued;	  /* while it ended: it is to go on */
	bool was_stopped; /* by this one, for the audit: */
	struct deia_actor stopper;
};

struct deia__dialogues {
	TAILQ_HEAD(, deia__dialogue) running; /* oldest first */
	unsigned n;
};

/* ---- dialogue.c ---------------------------------------------------------- */

/* Says that there is none; returns DEIA_ENOTFOUND. */
deia_err deia__no_dialogue(deia_hive *h, const char *id);
/* As callers see it. */
void deia__dialogue_view(const struct deia__dialogue *d,
			 struct deia_dialogue *out);
struct deia__dialogue *deia__dialogue_find(const deia_hive *h, const char *id);
/* Into the list of those that run; NULL: out of memory. */
struct deia__dialogue *deia__dialogue_new(deia_hive *h, const char *topic,
					  size_t topic_len);
void deia__dialogue_free(struct deia__dialogue *d);

/* ---- dialogue_run.c ------------------------------------------------------ */

/* Its row is there: sends the topic, or goes on where it stands. */
void deia__dialogue_go(struct deia__dialogue *d);
/* It stands here: on with the next turn, or to its end. */
void deia__dialogue_step(struct deia__dialogue *d);
/* There are no messages of it: its bots' inboxes were purged. */
void deia__dialogue_gone(struct deia__dialogue *d);
/* Ends it as soon as nothing of it is under way. The first reason counts. */
void deia__dialogue_end(struct deia__dialogue *d, deia_dialogue_status status,
			const char *fmt, ...) DEIA_PRINTF(3, 4);
/* Tries that again, or something else, after a while. */
void deia__dialogue_later(struct deia__dialogue *d, int64_t delay_ms);

/* ---- dialogue_rows.c ----------------------------------------------------- */

/* Text borrowed from it. */
void deia__dialogue_row(struct deia_value *row, const struct deia__dialogue *d);
void deia__dialogue_from_row(struct deia_dialogue *out, const deia_rows *rows,
			     size_t r);
/* message: id of the answer, or NULL. */
void deia__dialogue_event(struct deia__change *c, const char *type,
			  const struct deia__dialogue *d, const char *message);
/* first is known, or a turn was taken (then its event, too). */
void deia__dialogue_save(struct deia__dialogue *d, const char *message);

/* ---- dialogue_mail.c ----------------------------------------------------- */

/* Finds where it stands from its messages; deia__dialogue_step follows. */
void deia__dialogue_read(struct deia__dialogue *d);

#endif
