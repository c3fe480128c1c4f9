/* SPDX-License-Identifier: MIT */
/*
 * mail.h - the hive's mail: the messenger with identities, pushes, dialogues.
 *
 * Each bot of the hive has an inbox, and "system" is that of its people. Who
 * may do what: a bot sends as itself, receives and settles what is in its own
 * inbox, and reads messages that it sent or got. Operators and administrators
 * may do all of it for any bot, and name another sender; that is recorded as
 * `by`. Viewers look. What is not allowed is DEIA_EDENIED; a message that is
 * none of a bot's business is DEIA_ENOTFOUND for it.
 *
 * A bot that runs a program of its own (adapter process) gets its mail as
 * `message` lines, under a held lease that is renewed while it works. A bot
 * with on_message "reply" answers its mail: each message is a turn in the
 * pair's conversation, and the answer goes back with reply_to. External bots
 * receive. For all others mail waits until somebody receives it.
 *
 * Everything as in hive.h: loop thread, callbacks after the change is durable,
 * deia_hive_errmsg and deia_hive_field_error for details.
 */
#ifndef DEIA_MAIL_H
#define DEIA_MAIL_H

#include <deia/hive.h>
#include <deia/messenger.h>

DEIA_BEGIN

/* The hive's messenger, for its constant-time calls. Never NULL. */
DEIA_API deia_messenger *deia_hive_messenger(deia_hive *hive);

struct deia_mail_opts {
	size_t size;
	struct deia_messenger_opts messenger; /* moved, user, journal: unused */
	/* A message that is the answer to an answer ... this often is not
	 * answered by itself any more: it fails, and its reason says so; when
	 * it is requeued it is answered once more. Default 32. */
	unsigned max_hops;
	/* Answers by themselves between two bots in a minute, those of
	 * dialogues too; what is above waits until the minute is over, and
	 * there is an event "message.held". Default 120. */
	unsigned answers_per_minute;
};
#define DEIA_MAIL_OPTS_INIT                                                    \
	{                                                                      \
		sizeof(struct deia_mail_opts), DEIA_MESSENGER_OPTS_INIT, 32,   \
			120                                                    \
	}
/* Before deia_hive_start, or while it runs. DEIA_EINVAL. */
DEIA_API DEIA_NODISCARD deia_err
deia_mail_configure(deia_hive *hive, const struct deia_mail_opts *opts);

/* One request, to one or several recipients: a copy for each. */
struct deia_mail_draft {
	struct deia_message_draft draft; /* its `to` and `by` are not used;
					  * from NULL: the actor's bot, else
					  * "system" */
	const char *const *to;		 /* ids */
	size_t n_to;
	const char *to_type; /* or: every bot of this type, but the sender */
};
/*
 * Sends all copies of all drafts, or none. The copies are at most
 * DEIA_MAX_BATCH_LEN. cb, key, replayed: as deia_messenger_send. Errors: its
 * own, DEIA_EDENIED, DEIA_ELIMIT (too many copies); then
 * deia_mail_error_index says which draft was wrong, and with DEIA_EFIELD
 * deia_hive_field_error which member of it ("/ttl_seconds").
 */
DEIA_API DEIA_NODISCARD deia_err
deia_mail_send(deia_hive *hive, const struct deia_actor *actor,
	       const struct deia_mail_draft *drafts, size_t n, const char *key,
	       bool *replayed, deia_messages_cb cb, void *user);

/* After a failed deia_mail_send, and in its callback: the draft that was wrong,
 * counted from 0; -1: none in particular. */
DEIA_API int deia_mail_error_index(const deia_hive *hive);

struct deia_mail_receive {
	size_t size;
	struct deia_receive what;
	/* Acknowledged before, each alone; errs as deia_messenger_read. */
	const struct deia_message_claim *read;
	size_t n_read;
	deia_err *errs;
};
/*
 * As deia_messenger_receive; what.inbox NULL: the actor's own bot. A sign of
 * life of an external bot, as long as it waits; for one that is stopped
 * DEIA_ESTATE. DEIA_EUNAVAILABLE in cb: the hive stops (deia_hive_end_waits).
 * out (may be NULL): for deia_mail_receive_cancel, until cb runs.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_mail_receive(deia_hive *hive, const struct deia_actor *actor,
		  const struct deia_mail_receive *what, deia_receiver **out,
		  deia_messages_cb cb, void *user);
/* Ends it: cb runs with DEIA_ECANCELED, later; messages that were on their way
 * go back by themselves, which costs them no attempt. */
DEIA_API void deia_mail_receive_cancel(deia_hive *hive,
				       deia_receiver *receiver);

/* Each as its namesake in messenger.h; claim->inbox NULL: the actor's own bot,
 * else any. */
DEIA_API DEIA_NODISCARD deia_err
deia_mail_read(deia_hive *hive, const struct deia_actor *actor,
	       const struct deia_message_claim *claim, deia_messages_cb cb,
	       void *user);
DEIA_API DEIA_NODISCARD deia_err
deia_mail_release(deia_hive *hive, const struct deia_actor *actor,
		  const struct deia_message_claim *claim, int64_t delay_ms,
		  const char *reason, deia_messages_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err
deia_mail_extend(deia_hive *hive, const struct deia_actor *actor,
		 const struct deia_message_claim *claim, int64_t lease_ms,
		 deia_messages_cb cb, void *user);
/* Operators and administrators; audited. */
DEIA_API DEIA_NODISCARD deia_err
deia_mail_requeue(deia_hive *hive, const struct deia_actor *actor,
		  const char *id, deia_messages_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err deia_mail_get(deia_hive *hive,
					       const struct deia_actor *actor,
					       const char *id,
					       deia_messages_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err
deia_mail_page(deia_hive *hive, const struct deia_actor *actor,
	       const struct deia_message_query *query, deia_messages_cb cb,
	       void *user);

/* ---- dialogues: two bots on a subject ---------------------------------- */

typedef enum deia_dialogue_status {
	DEIA_DIALOGUE_RUNNING,
	DEIA_DIALOGUE_DONE,    /* all its turns were taken */
	DEIA_DIALOGUE_STOPPED, /* by somebody, or its budget is used up */
	DEIA_DIALOGUE_FAILED   /* a bot could not answer */
} deia_dialogue_status;
/* "running", "done", "stopped", "failed"; static text. */
DEIA_API const char *deia_dialogue_status_name(deia_dialogue_status status);

#define DEIA_MAX_DIALOGUES 100	     /* running at a time */
#define DEIA_MAX_DIALOGUE_TURNS 1000 /* answers of both together */

struct deia_dialogue {
	const char *id;	   /* UUIDv7 */
	const char *a, *b; /* a answers first */
	const char *topic;
	size_t topic_len;
	deia_dialogue_status status;
	const char *reason; /* why it ended, "" while it runs */
	unsigned turns, turns_done;
	/* Budget; 0: none. Tokens count prompt and answer, where bots say. */
	int64_t max_tokens, tokens, max_seconds;
	const char *by;				/* who started it */
	int64_t created_unix_ms, ended_unix_ms; /* 0: runs */
	/* The node that leads it, and where both bots live. Since 0.3. */
	const char *node;
};
/* items: n dialogues; NULL on an error; borrowed until it returns. */
typedef void (*deia_dialogues_cb)(deia_err err,
				  const struct deia_dialogue *items, size_t n,
				  bool more, void *user);
/*
 * Sends the topic from b to a; each answers the other until `turns` answers
 * were given, whatever their on_message says. Of what: a, b, topic, topic_len,
 * turns (0: 10), max_tokens, max_seconds. cb when the topic is sent. Operators
 * and administrators; audited. DEIA_EFIELD, DEIA_ENOTFOUND, DEIA_ESTATE (one of
 * them is stopped or has failed), DEIA_EOTHERNODE (one of them lives on another
 * node), DEIA_ELIMIT, DEIA_EDENIED ...
 *
 * The n-th answer has n hops; no receiver gets these messages. The last answer
 * is sent, so that the other's inbox shows the whole talk, and settled as read;
 * so is the open question of a dialogue that is stopped. In one that failed it
 * is a dead letter: requeued, it makes the dialogue go on (also above
 * DEIA_MAX_DIALOGUES). A dialogue goes on by itself after a restart of the hive
 * and waits for bots that are stopped, paused, busy or offline.
 */
DEIA_API DEIA_NODISCARD deia_err deia_dialogue_start(
	deia_hive *hive, const struct deia_actor *actor,
	const struct deia_dialogue *what, deia_dialogues_cb cb, void *user);
/* Stopped: a running answer is interrupted, no other is asked for; cb when it
 * has ended. One that has ended before: DEIA_ESTATE. Operators and
 * administrators; audited. */
DEIA_API DEIA_NODISCARD deia_err
deia_dialogue_stop(deia_hive *hive, const struct deia_actor *actor,
		   const char *id, deia_dialogues_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err deia_dialogue_get(deia_hive *hive,
						   const char *id,
						   deia_dialogues_cb cb,
						   void *user);
/* Newest first; before: id of the last one of the page before, or NULL. */
DEIA_API DEIA_NODISCARD deia_err deia_dialogue_list(deia_hive *hive,
						    const char *before,
						    unsigned limit,
						    deia_dialogues_cb cb,
						    void *user);
/* Its messages, oldest first; after: id, or NULL. */
DEIA_API DEIA_NODISCARD deia_err
deia_dialogue_messages(deia_hive *hive, const char *id, const char *after,
		       unsigned limit, deia_messages_cb cb, void *user);

DEIA_END

#endif
