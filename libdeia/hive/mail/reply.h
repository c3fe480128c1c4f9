/* SPDX-License-Identifier: MIT */
/*
 * reply.h - mail that becomes turns, shared by reply*.c and dialogue*.c.
 *
 *   reply.c         a bot's places for such turns, and who gets them: its inbox
 *                   (on_message "reply") and the dialogues it takes part in
 *   reply_turn.c    one message, its turn, its answer
 *   reply_pair.c    the conversation of a bot with each of those who write
 *   reply_guard.c   what stops two bots that answer each other without end
 */
#ifndef DEIA_HIVE_REPLY_H
#define DEIA_HIVE_REPLY_H

#include "hive/mail/mail.h"

#define DEIA__MAIL_LEASE_MS 60000
#define DEIA__MAIL_RENEW_MS 20000
#define DEIA__MAIL_AGAIN_MS 5000 /* after trouble that is nobody's fault */

struct deia__mail_turn;
TAILQ_HEAD(deia__mail_turns, deia__mail_turn);

/* Who waits for a place at a bot: its inbox does not, dialogues do. */
struct deia__seat {
	TAILQ_ENTRY(deia__seat) link;
	struct deia__replier *at; /* waits there, or has a place there */
	bool taken;
	/* It has the place now, until deia__seat_leave. From the loop. */
	void (*granted)(void *arg);
	/* The bot will not answer any more: why. The seat is left already. */
	void (*refused)(void *arg, const char *why);
	void *arg;
};

struct deia__peer; /* reply_pair.c */
TAILQ_HEAD(deia__peers, deia__peer);

/* A bot as one that answers mail. Outlives it while something is under way. */
struct deia__replier {
	deia_hive *hive;
	struct deia__hbot *bot; /* NULL: it is removed */
	char id[DEIA_MAX_ID_LEN + 1];
	TAILQ_ENTRY(deia__replier) link; /* of all */
	struct deia__mail_turns turns;
	unsigned n, n_chat; /* places in use; of them, turns of chat */
	TAILQ_HEAD(, deia__seat) seats; /* who waits for one */
	deia_receiver *receiver;
	bool receiving, cancelling;
	unsigned reserved;  /* places for what the receiver may bring */
	bool seat_was_last; /* dialogues and inbox take turns */
	bool looking;	    /* a look is posted */
	struct deia__timer again;
	struct deia__peers peers; /* least lately used first */
	unsigned n_peers;
};

/* Finds or makes it; NULL: out of memory. */
struct deia__replier *deia__replier_get(deia_hive *h, struct deia__hbot *b);
/* Frees one whose bot is gone when nothing needs it any more. */
void deia__replier_check(struct deia__replier *r);
/* Soon: who waits gets places, the inbox its receiver, as far as they may. */
void deia__replier_look(struct deia__replier *r);
/* The bot is being forgotten. */
void deia__replier_orphan(struct deia__hbot *b);
/* The hive is freed. */
void deia__repliers_free(deia_hive *h);
void deia__seat_wait(struct deia__replier *r, struct deia__seat *seat);
/* Waits no longer, or gives the place back. Fine when it has none. */
void deia__seat_leave(struct deia__seat *seat);
/* Whether a turn of it that ended so ended by wish. */
bool deia__replier_stopped(const struct deia__replier *r);

/* Somebody wants an answer to a dead letter. */
void deia__reply_requeued(deia_hive *h, const struct deia_message *message);

/* ---- reply_turn.c -------------------------------------------------------- */

enum deia__mail_end {
	DEIA__MAIL_ANSWERED,  /* durable: answer_id, tokens */
	DEIA__MAIL_RETURNED,  /* pending again, in retry_ms */
	DEIA__MAIL_GAVE_UP,   /* a dead letter: reason */
	DEIA__MAIL_CANCELLED, /* as asked; the message is still held */
	DEIA__MAIL_LOST	      /* it is somebody else's, or nothing is known */
};

struct deia__mail_result {
	enum deia__mail_end end;
	const char *reason; /* "" when answered */
	const char *answer_id;
	int64_t tokens;	  /* of question and answer, as far as it said */
	int64_t retry_ms; /* from now */
};

struct deia__mail_turn {
	struct deia__replier *at;
	TAILQ_ENTRY(deia__mail_turn) link;
	char id[37], token[17], from[DEIA_MAX_ID_LEN + 1];
	char dialogue[37], conversation[37];
	char traceparent[DEIA_TRACEPARENT_LEN + 1]; /* of its own step */
	unsigned priority, hops, attempt;
	char *content;
	size_t content_len;
	int64_t pid;	      /* of the process that it was given to */
	deia_chat_turn *chat; /* NULL once it has ended */
	bool cancelled, lost, found_again;
	bool hopeless; /* the bot says that another try is of no use */
	int64_t tokens;
	char reason[DEIA_MAX_REASON_BYTES];
	struct deia__timer renew;
	void (*done)(const struct deia__mail_result *result, void *user);
	void *user;
};

/*
 * Answers a message that was received under a held lease; the caller has a
 * place for it. done runs once, later; it is freed after it. NULL: no memory.
 */
struct deia__mail_turn *deia__mail_turn_start(
	struct deia__replier *r, const struct deia_message *message,
	void (*done)(const struct deia__mail_result *result, void *user),
	void *user);
/* Interrupts it: it ends with DEIA__MAIL_CANCELLED, unless its answer is on
 * its way. */
void deia__mail_turn_cancel(struct deia__mail_turn *t);
/* Gives a message back, or up (delay_ms DEIA__GIVE_UP), when it is not to be
 * answered now. */
#define DEIA__GIVE_UP (-2)
void deia__mail_return(deia_hive *h, const char *inbox, const char *id,
		       const char *token, int64_t delay_ms, const char *reason);
/* The hive is freed. */
void deia__mail_turn_abandon(struct deia__mail_turn *t);

/* ---- reply_pair.c -------------------------------------------------------- */

/*
 * The conversation of a bot for what this one writes, found or made. cb runs
 * once, later.
 */
typedef void (*deia__pair_cb)(deia_err err, const char *conversation,
			      void *arg);
DEIA_NODISCARD deia_err deia__pair_find(struct deia__replier *r,
					const char *peer, deia__pair_cb cb,
					void *arg);
/* It is gone: looked for anew next time. */
void deia__pair_forget(struct deia__replier *r, const char *peer);
bool deia__pairs_busy(const struct deia__replier *r);
void deia__pairs_free(struct deia__replier *r);

/* ---- reply_guard.c ------------------------------------------------------- */

/* Somebody has requeued this message: it is answered all the same, once. */
void deia__guard_pardon(deia_hive *h, const char *id);
/* Whether a message is the last of a chain that is too long; then why not, in
 * reason. */
bool deia__guard_too_far(deia_hive *h, const struct deia_message *m,
			 char *reason, size_t len);
/*
 * One of them answers the other by itself: 0, or in how many milliseconds it
 * may; then reason says why, and people are told, once a minute.
 */
int64_t deia__guard_wait(deia_hive *h, const char *from, const char *to,
			 char *reason, size_t len);
/* A bot itself sends an answer: DEIA_ELIMIT when too many led to it; people
 * are told, once a minute. */
DEIA_NODISCARD deia_err deia__guard_send(deia_hive *h, const char *from,
					 const char *to, unsigned hops);
void deia__guard_free(deia_hive *h);

/* ---- dialogue.c ---------------------------------------------------------- */

/* Reads those that run (blocks), goes on with them, forgets them. */
DEIA_NODISCARD deia_err deia__dialogues_load(deia_hive *h);
void deia__dialogues_start(deia_hive *h);
void deia__dialogues_free(deia_hive *h);
/* A dialogue that this node leads has this bot in it. */
bool deia__dialogues_have(const deia_hive *h, const char *bot);
/* The message on which it failed is pending again: so it goes on. */
void deia__dialogue_requeued(deia_hive *h, const char *id);
/* The same by another node. */
void deia__dialogue_told(deia_hive *h, const char *id);
/* Those that ended are deleted when they began before that. */
void deia__dialogues_prune(struct deia__change *c, int64_t before_unix_ms);

#endif
