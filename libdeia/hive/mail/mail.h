/* SPDX-License-Identifier: MIT */
/*
 * mail.h - the inside of a hive's mail, shared by the files of this folder.
 *
 *   mail.c         the messenger's life, inboxes of bots, hops
 *   mail_send.c    who may send as whom; several recipients
 *   mail_take.c    settling and looking: who may, and what is shown
 *   mail_wait.c    receiving: acknowledging first, waiting, its ends
 *   mail_events.c  what happened to messages, gathered into events
 *   mail_lines.c   send, ack and nack of bots' processes
 *   push.c         mail as lines to bots' own programs
 *   reply.c        bots that answer mail with turns
 *   dialogue*.c    two bots on a subject: mail of a dialogue is answered by it
 *		    alone, no receiver gets it (deia_messenger_take)
 */
#ifndef DEIA_HIVE_MAIL_H
#define DEIA_HIVE_MAIL_H

#include <deia/mail.h>

#include "hive/gather.h"
#include "hive/hive.h"

#define DEIA__HOPS_LEN 4096 /* a power of two */

/* Hops of a message that was handed over lately. */
struct deia__hops {
	char id[37];
	unsigned hops;
	char traceparent[DEIA_TRACEPARENT_LEN + 1];
};

TAILQ_HEAD(deia__mail_waits, deia__mail_wait);
TAILQ_HEAD(deia__pushes, deia__push);

struct deia__mail {
	deia_messenger *messenger;
	bool stopped;
	int error_index;
	unsigned n_calls;	       /* under way, waits included */
	struct deia__mail_waits waits; /* oldest first */
	struct deia__pushes pushes;
	struct deia__gatherer events;
	struct deia__timer idle_timer;
	struct deia__hops hops[DEIA__HOPS_LEN]; /* by hash of the id */
};

/* ---- mail.c ------------------------------------------------------------- */

/* Makes the messenger and the inboxes of all bots (blocks). */
DEIA_NODISCARD deia_err deia__mail_open(deia_hive *h,
					const struct deia_hive_opts *o,
					char *detail, size_t detail_len);
/* No process is left: no message moves any more. */
void deia__mail_stop(deia_hive *h);
/* Nothing about mail is under way. */
bool deia__mail_is_idle(const deia_hive *h);
/* Before and after the store is closed, when the hive is freed. */
void deia__mail_closing(deia_hive *h);
void deia__mail_free(deia_hive *h);
/* A bot was created; a bot is gone. */
DEIA_NODISCARD deia_err deia__mail_bot_added(deia_hive *h, const char *bot);
void deia__mail_bot_removed(deia_hive *h, const char *bot, bool purge);
/* It came into another state. */
void deia__mail_bot_moved(deia_hive *h, struct deia__hbot *b,
			  const struct deia_bot_info *info,
			  deia_bot_state from);
/* Its specification has changed. */
void deia__mail_bot_changed(deia_hive *h, const char *bot);
/* Messages in its inbox that wait or are in somebody's hands. */
uint64_t deia__mail_unread(const deia_hive *h, const char *bot);
/* Says what the messenger says about err; returns it. */
deia_err deia__mail_told(deia_hive *h, deia_err err);
/* How many answers led to one to this message: from those of it. */
unsigned deia__mail_answer_hops(const deia_hive *h, const char *reply_to);
/* The traceparent of a message that was handed over lately, or "". */
const char *deia__mail_trace(const deia_hive *h, const char *id);
/* A call to the messenger has ended. */
void deia__mail_call_ended(deia_hive *h);

/* ---- mail_take.c --------------------------------------------------------- */

/* Whether the actor may take from this inbox; sets a bot's own for NULL. */
DEIA_NODISCARD deia_err deia__mail_may_take(deia_hive *h,
					    const struct deia_actor *actor,
					    const char **inbox);

/* ---- mail_wait.c --------------------------------------------------------- */

/* Who waits for mail is told that the hive stops. */
void deia__mail_end_waits(deia_hive *h);
/* Answers all that are left, when the hive is freed. */
void deia__mail_waits_free(deia_hive *h);
/* As is whoever waits with a token that was revoked or ran out. */
void deia__mail_end_refused(deia_hive *h);
/* An external bot has another state: those that were held may go on. */
void deia__mail_waits_look(deia_hive *h, const char *bot);
/* Gives messages back that nobody takes; costs them no attempt. */
void deia__mail_give_back(deia_hive *h, const char *inbox,
			  const struct deia_message *items, size_t n);

/* ---- mail_events.c ------------------------------------------------------- */

void deia__mail_events_init(deia_hive *h);
void deia__mail_events_add(deia_hive *h, const struct deia_message_move *move);

/* ---- mail_lines.c -------------------------------------------------------- */

void deia__mail_line(deia_hive *h, const char *bot, const char *type,
		     const struct cJSON *json);
/* Its lines are not read for a while when it sends, or submits tasks, faster
 * than that becomes durable, or does not read the answers. */
void deia__mail_hold_if_fast(deia_hive *h, struct deia__hbot *b);
/* "error" of an answer, as the hive says it. */
void deia__line_error(deia_jw *w, deia_hive *h, deia_err err);
/* Its lines are read again, if they were held and need not be. */
void deia__mail_let_go(deia_hive *h, struct deia__hbot *b);
void deia__bots_on_drained(const char *bot, void *user);

/* ---- push.c -------------------------------------------------------------- */

void deia__push_state(deia_hive *h, struct deia__hbot *b,
		      const struct deia_bot_info *info, deia_bot_state from);
/* The bot is forgotten. */
void deia__push_drop(deia_hive *h, struct deia__hbot *b);
/* Something has changed that may let it have more, or none. */
void deia__push_look(deia_hive *h, struct deia__hbot *b);
/* A message was moved by somebody else, perhaps one of a window. */
void deia__push_moved(deia_hive *h, const struct deia_message_move *move);
void deia__push_ack(deia_hive *h, const char *bot, const char *id);
/* delay_ms: as of deia_messenger_release. */
void deia__push_nack(deia_hive *h, const char *bot, const char *id,
		     int64_t delay_ms);
void deia__pushes_free(deia_hive *h);

/* ---- reply.c ------------------------------------------------------------ */

/* Its mail is answered with turns: it is not pushed as lines. Asked again
 * whenever its state or specification has changed. */
bool deia__mail_wants_turns(const deia_hive *h, const char *bot);
/* Its state or specification has changed, a turn of it ended, mail can be
 * received: begins or ends what that asks for. b NULL: of all bots. */
void deia__reply_look(deia_hive *h, struct deia__hbot *b);

#endif
