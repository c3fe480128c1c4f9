/* SPDX-License-Identifier: MIT */
/*
 * messenger.h - durable mail between bots, with priorities.
 *
 * A message is pending, then delivered (handed over under a lease), then read
 * (the recipient acknowledged it). A lease that runs out makes it pending
 * again, after a growing delay; when its attempts are used up it is failed: a
 * dead letter, until somebody requeues it. A message whose time to live is
 * over is expired. Delivery is at least once: attempt and lease are durable
 * before a message is handed over, so every repeat is flagged `redelivered`,
 * and a message that was read is never handed over again.
 *
 * Order in an inbox: priority, then age; first in, first out for each sender
 * and priority, but for messages that wait for their next attempt. Ageing, so
 * that low priorities are not starved: when the oldest message of an inbox has
 * waited longer than ageing_ms, every 8th hand-over takes it, whatever its
 * priority. So it waits for at most 7 others once it is that old.
 *
 * With a store everything is durable and memory holds only what is next for
 * each inbox. Without one everything is kept in memory and gone at the end;
 * then the newest finished_kept finished messages can still be looked up.
 *
 * Time: leases and retries run on the boot clock, so a jump of the wall clock
 * changes nothing; after a suspend leases get a grace. The time to live runs
 * on as well while the messenger is not running.
 *
 * Several messengers on one shared store (deia_store_is_shared, opts.writer):
 * each inbox is served by one of them at a time, its home. Anybody sends to it;
 * what is to be handed over or acknowledged at another one lets the home move
 * there first, unless it is busy where it is: then the call waits for it for
 * some seconds, and fails with DEIA_EUNAVAILABLE. Counts of an inbox that is
 * served elsewhere are as of a moment ago, and count what is delivered there
 * as pending.
 *
 * Calls return at once; when they returned DEIA_OK their callback runs exactly
 * once, on the loop, after the change is durable. Texts are UTF-8 without NUL.
 * Threads: all functions belong to the loop thread.
 */
#ifndef DEIA_MESSENGER_H
#define DEIA_MESSENGER_H

#include <deia/error.h>
#include <deia/histogram.h>
#include <deia/limits.h>

DEIA_BEGIN

struct event_base;
struct deia_store;
typedef struct deia_messenger deia_messenger;

/* ---- messages ---------------------------------------------------------- */

typedef enum deia_message_status {
	DEIA_MESSAGE_PENDING,
	DEIA_MESSAGE_DELIVERED,
	DEIA_MESSAGE_READ,
	DEIA_MESSAGE_FAILED,
	DEIA_MESSAGE_EXPIRED
} deia_message_status;
#define DEIA_MESSAGE_STATUSES 5
/* "pending", "delivered", "read", "failed", "expired"; static text. */
DEIA_API const char *deia_message_status_name(deia_message_status status);
/* The status of this name, -1: there is none. */
DEIA_API int deia_message_status_parse(const char *name);

/* P0 is the most urgent; P2 is the default on the wire. */
#define DEIA_PRIORITIES 4
/* "P0" ... "P3"; static text. */
DEIA_API const char *deia_priority_name(unsigned priority);
/* 0..3 for "P0" ... "P3", -1 for anything else. */
DEIA_API int deia_priority_parse(const char *name);

/* The inbox of the people who run the hive, and the sender of notices. */
#define DEIA_MESSAGE_SYSTEM "system"

/* A message as it stands. Everything is borrowed. */
struct deia_message {
	const char *id; /* UUIDv7 */
	const char *from, *to;
	const char *by;	     /* who sent it for `from`; "": itself */
	const char *content; /* NULL where the call says so */
	size_t content_len;
	unsigned priority;
	deia_message_status status;
	unsigned attempt, max_attempts; /* attempt: hand-overs so far */
	bool redelivered;		/* attempt > 1 */
	bool notify;			/* the sender is told of a bad end */
	unsigned hops; /* answers that led to it, one after another */
	int64_t ttl_seconds;
	/* Wall clock, Unix milliseconds; 0: not, or not yet. */
	int64_t created_unix_ms, expires_unix_ms, delivered_unix_ms,
		finished_unix_ms; /* when it was read, failed or expired */
	int64_t lease_unix_ms;	  /* delivered: when the lease ends */
	int64_t retry_unix_ms;	  /* pending: not handed over before */
	const char *lease_token;  /* 16 hexadecimal digits; "": no lease */
	const char *reply_to;	  /* "": none */
	const char *dialogue;	  /* id of the dialogue it belongs to, or "" */
	const char *metadata;	  /* a JSON object */
	const char *reason;	  /* of failed, expired, or the last return */
	const char *traceparent;  /* see trace.h; "": none. Since 0.3 */
};

/* A message to be. Everything is copied. */
struct deia_message_draft {
	size_t size;
	const char *from; /* required: a bot's id or "system" */
	const char *to;	  /* required */
	const char *by;	  /* who sends it for `from`, or NULL */
	const char *content;
	size_t content_len;    /* up to DEIA_MAX_CONTENT_BYTES */
	unsigned priority;     /* 0..3 */
	int64_t ttl_seconds;   /* 1 s .. 90 days; 0: the default (7 days) */
	unsigned max_attempts; /* 1..100; 0: the default (3) */
	const char *reply_to;  /* id of a message, or NULL */
	const char *dialogue;  /* or NULL; then it is handed over by
				* deia_messenger_take alone */
	const char *metadata;  /* a JSON object of up to 16 KiB, or NULL */
	bool notify;	       /* tell the sender when it fails or expires */
	unsigned hops;
	/* Of the step that sends it, see trace.h; NULL or "": none. What is
	 * none is left out. Not a part of what a key stands for. Since 0.3. */
	const char *traceparent;
};
#define DEIA_MESSAGE_DRAFT_INIT                                                \
	{                                                                      \
		.size = sizeof(struct deia_message_draft), .priority = 2       \
	}

/* ---- life -------------------------------------------------------------- */

/* What happened to a message. */
typedef enum deia_message_event {
	DEIA_MESSAGE_QUEUED,
	DEIA_MESSAGE_HANDED_OVER,
	DEIA_MESSAGE_WAS_READ,
	DEIA_MESSAGE_RETRY,    /* delivered -> pending */
	DEIA_MESSAGE_GAVE_UP,  /* -> failed */
	DEIA_MESSAGE_RAN_OUT,  /* -> expired */
	DEIA_MESSAGE_REQUEUED, /* failed -> pending */
	DEIA_MESSAGE_CLEANED   /* old ones deleted; message is NULL */
} deia_message_event;
#define DEIA_MESSAGE_EVENTS 8
/* "message_queued", "message_delivered", "message_read", "message_retry",
 * "message_failed", "message_expired", "message_requeued",
 * "cleanup_completed": the names in the journal; static text. */
DEIA_API const char *deia_message_event_name(deia_message_event event);

struct deia_message_move {
	deia_message_event event;
	const struct deia_message *message; /* content may be NULL */
	size_t count; /* of messages, with DEIA_MESSAGE_CLEANED */
};
/* Moves that are durable now, before the callback of the call that made them.
 * Not to call into the messenger from here, but for the constant-time ones. */
typedef void (*deia_messenger_moved_cb)(const struct deia_message_move *moves,
					size_t n, void *user);

struct deia_messenger_opts {
	size_t size;
	int64_t ttl_seconds;	 /* default of drafts: 604800 */
	unsigned max_attempts;	 /* default of drafts: 3 */
	unsigned inbox_max;	 /* open messages of one inbox: 100000 */
	unsigned retention_days; /* of finished messages: 90 */
	int64_t ageing_ms;	 /* 60000; see above */
	unsigned finished_kept;	 /* without a store: 10000 */
	/* Contents of waiting messages in memory, in all, with a store. */
	size_t cache_bytes; /* 16 MiB */
	uint64_t seed;	    /* of jitter and lease tokens; 0: random */
	deia_messenger_moved_cb moved; /* or NULL */
	void *user;
	const char *journal;  /* path of a JSON Lines journal, or NULL */
	bool journal_content; /* with the contents */
	/*
	 * Of deia_store_writer, when others share the store; then nothing is
	 * handed over before deia_messenger_set_nodes. 0: they do not.
	 */
	int64_t writer;
};
#define DEIA_MESSENGER_OPTS_INIT                                               \
	{                                                                      \
		.size = sizeof(struct deia_messenger_opts),                    \
		.ttl_seconds = 604800, .max_attempts = 3, .inbox_max = 100000, \
		.retention_days = 90, .ageing_ms = 60000,                      \
		.finished_kept = 10000, .cache_bytes = 16u << 20               \
	}

/*
 * Makes a messenger. With a store it loads what must be in memory (blocks;
 * call it before the loop runs): messages that were delivered keep their
 * lease, but for held ones (struct deia_receive), which are pending again.
 * base: borrowed, outlives it. store: borrowed, outlives it; NULL: none.
 * detail: at least 256 bytes or NULL; on failure one line that says what to do.
 * DEIA_OK, DEIA_EINVAL, DEIA_ENOMEM, DEIA_EIO, DEIA_ESTORE.
 */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_new(
	deia_messenger **out, struct event_base *base, struct deia_store *store,
	const struct deia_messenger_opts *opts, char *detail,
	size_t detail_len);
/*
 * Ends all waits (DEIA_ECANCELED) and frees. Calls that are under way must
 * have ended: close the store first, or wait for them. With a store the clock
 * of times to live is made durable by deia_messenger_stop before; with
 * opts.writer it is stopped, or the store closed, before. NULL is fine.
 */
DEIA_API void deia_messenger_free(deia_messenger *m);
/* Ends all waits (DEIA_ECANCELED); no message moves by itself any more, and
 * calls are refused with DEIA_ESTATE. Calls under way end as usual. */
DEIA_API void deia_messenger_stop(deia_messenger *m);
/* Nothing is under way any more. */
DEIA_API bool deia_messenger_idle(const deia_messenger *m);
/* One line about the last failed call, or in a callback about its error. */
DEIA_API const char *deia_messenger_errmsg(const deia_messenger *m);
/* After a failed deia_messenger_send: which draft was wrong, counted from 0;
 * -1: none in particular. With DEIA_EFIELD the field: deia_messenger_field. */
DEIA_API int deia_messenger_error_index(const deia_messenger *m);
/* The member of the draft that was wrong ("ttl_seconds"), or NULL. */
DEIA_API const char *deia_messenger_field(const deia_messenger *m);
/* Applies options that can change while it runs: all but seed, journal, user,
 * moved, finished_kept. DEIA_EINVAL. */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_configure(
	deia_messenger *m, const struct deia_messenger_opts *opts);
/* Reopens the journal (SIGHUP). */
DEIA_API void deia_messenger_reopen_journal(deia_messenger *m);

/*
 * With opts.writer: which messengers there are on this store, by their stores'
 * writers; this one's own is among them. To be called once this one is known to
 * the others by its row of `nodes`, and whenever one came or went. One that is
 * left out must be shut out of the store for good (deia_store_fence, or it was
 * closed) and its row be gone: the inboxes it served are taken over, the leases
 * it gave out run on, held ones (struct deia_receive) end.
 * DEIA_EINVAL (no opts.writer), DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_messenger_set_nodes(deia_messenger *m, const int64_t *writers, size_t n);

/* ---- inboxes ----------------------------------------------------------- */

/* A recipient that mail may be sent to; "system" is one from the start. Fine
 * when it is one already. On a shared store it is served here from now on if
 * nobody else serves it. DEIA_EINVAL (no id), DEIA_ENOMEM. */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_open_inbox(deia_messenger *m,
							   const char *id);
/* No mail can be sent to it any more, waits end (DEIA_ENOTFOUND); what is in
 * it stays until its time to live is over, or it is opened again. */
DEIA_API void deia_messenger_close_inbox(deia_messenger *m, const char *id);
/* Deletes what is in it, all statuses, in small steps. */
DEIA_API DEIA_NODISCARD deia_err
deia_messenger_purge_inbox(deia_messenger *m, const char *id,
			   void (*cb)(deia_err err, void *user), void *user);

struct deia_inbox_status {
	bool open; /* mail can be sent to it */
	uint64_t pending, delivered, pending_by_priority[DEIA_PRIORITIES];
	uint64_t waiting; /* of pending: for their next attempt */
	unsigned waits;	  /* receivers that wait */
	uint64_t max;
	bool elsewhere; /* another messenger serves it; see above */
};
/* Constant time. DEIA_ENOTFOUND: neither opened nor with mail. */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_inbox(
	deia_messenger *m, const char *id, struct deia_inbox_status *out);

struct deia_messenger_status {
	/* Messages now in each status. accepted is their sum and what
	 * retention deleted since the start. Once others share the store the
	 * counts are of all of it, as of some seconds ago, and what others
	 * handed over counts as pending. */
	uint64_t by_status[DEIA_MESSAGE_STATUSES], accepted, cleaned;
	unsigned inboxes, waits;
	size_t cached_bytes;
	/* Since the start: */
	uint64_t sent, handed_over, read, retried, failed, expired, refused;
	/* From its sending to its first hand-over, by the wall clock; by this
	 * messenger, since the start. Since 0.3. */
	struct deia_histogram delivery;
};
/* Constant time. */
DEIA_API void deia_messenger_get_status(const deia_messenger *m,
					struct deia_messenger_status *out);

/* ---- sending ----------------------------------------------------------- */

/*
 * items: n messages, or NULL on an error. more: pages only, true when others
 * follow. Borrowed until the callback returns.
 */
typedef void (*deia_messages_cb)(deia_err err, const struct deia_message *items,
				 size_t n, bool more, void *user);

/*
 * Sends n (1..DEIA_MAX_BATCH_LEN) messages, all or none; their contents are at
 * most DEIA_MAX_SEND_BYTES in all (DEIA_ELIMIT). key: NULL, or 1..128
 * bytes that name this call among those of the first draft's sender: for at
 * least 24 hours the same key with the same drafts (but for their hops) gives
 * the same answer and sends nothing; with other drafts DEIA_ECONFLICT. replayed
 * (may be NULL) is set before cb runs.
 * Errors: DEIA_EFIELD (errmsg, error_index, field), DEIA_ENOTFOUND (a
 * recipient is not known), DEIA_EBUSY (an inbox is full, or the store is
 * behind), DEIA_ELIMIT, DEIA_ESTATE, DEIA_ENOMEM; in cb also DEIA_EFULL,
 * DEIA_ESTORE, DEIA_ECONFLICT, and with a key DEIA_ENOTFOUND and DEIA_EBUSY.
 */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_send(
	deia_messenger *m, const struct deia_message_draft *drafts, size_t n,
	const char *key, bool *replayed, deia_messages_cb cb, void *user);

/* ---- receiving --------------------------------------------------------- */

#define DEIA_WAIT_FOR_EVER (-1)

struct deia_receive {
	size_t size;
	const char *inbox;
	unsigned max;	  /* 1..DEIA_MAX_BATCH_LEN; 0: 1. An answer ends at
			   * 8 MiB of contents all the same, and with a store
			   * it may be shorter though there is more */
	int64_t wait_ms;  /* 0: do not wait; DEIA_WAIT_FOR_EVER */
	int64_t lease_ms; /* 1000..3600000; 0: 60000 */
	/*
	 * The lease is the caller's as long as it lives: it is renewed with
	 * deia_messenger_renew without a write, and is over when the messenger
	 * is made anew; that costs the message no attempt.
	 */
	bool held;
};
#define DEIA_RECEIVE_INIT                                                      \
	{                                                                      \
		.size = sizeof(struct deia_receive), .max = 1                  \
	}

typedef struct deia_receiver deia_receiver;
/*
 * Takes the next messages under a lease. When there are none it waits for
 * wait_ms for the first, then answers with n == 0. Receivers of one inbox are
 * served in turn. out (may be NULL): to cancel it; valid until cb runs.
 * DEIA_ENOTFOUND (inbox), DEIA_EINVAL, DEIA_EBUSY (DEIA_MAX_OUT_LEN messages of
 * the inbox are under lease: acknowledge first; or too many waits),
 * DEIA_ESTATE, DEIA_ENOMEM; in cb also DEIA_EFULL, DEIA_ESTORE, DEIA_ECANCELED.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_messenger_receive(deia_messenger *m, const struct deia_receive *what,
		       deia_receiver **out, deia_messages_cb cb, void *user);
/* Ends it: cb runs with DEIA_ECANCELED, unless messages are already on their
 * way; it must then give them back (deia_messenger_release) or let them be. */
DEIA_API void deia_messenger_receive_cancel(deia_messenger *m,
					    deia_receiver *receiver);

/*
 * Takes one pending message of a dialogue, whatever waits before it and before
 * its next attempt is due: the dialogue's own business. Receivers never get
 * such a message, so that nobody else answers it. lease_ms and held as in
 * struct deia_receive; cb gets the message. DEIA_ENOTFOUND (no such message in
 * that inbox), DEIA_ESTATE (it is not pending, or of no dialogue), DEIA_ENOMEM;
 * in cb also DEIA_EFULL, DEIA_ESTORE.
 */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_take(
	deia_messenger *m, const char *inbox, const char *id, int64_t lease_ms,
	bool held, deia_messages_cb cb, void *user);

/* One message and the claim to it. */
struct deia_message_claim {
	const char *id;
	const char *inbox; /* whose it is; NULL: any (an operator) */
	const char *token; /* of the lease, NULL: whatever lease it has now */
};
/*
 * Acknowledges messages: they are read. Each counts alone; cb gets the first
 * error, and errs (n entries, may be NULL, lives until cb ran) one for each.
 * Errors of each: DEIA_ENOTFOUND (no such message in that inbox),
 * DEIA_ECONFLICT (the lease is another one now), DEIA_ESTATE (it is not
 * delivered). One that was read under this token before is read: DEIA_OK.
 */
typedef void (*deia_settled_cb)(deia_err err, void *user);
DEIA_API DEIA_NODISCARD deia_err
deia_messenger_read(deia_messenger *m, const struct deia_message_claim *claims,
		    size_t n, deia_err *errs, deia_settled_cb cb, void *user);

#define DEIA_DELAY_BACKOFF (-1)
/*
 * Gives a delivered message back: pending again after delay_ms (0: at once, up
 * to an hour; DEIA_DELAY_BACKOFF: as if the lease had run out), or failed when
 * its attempts are used up. excused: it was not the recipient's fault, the
 * attempt is not counted against it. reason: one line or NULL. cb gets the
 * message (content NULL). Errors as deia_messenger_read.
 */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_release(
	deia_messenger *m, const struct deia_message_claim *claim,
	int64_t delay_ms, bool excused, const char *reason, deia_messages_cb cb,
	void *user);
/* Gives up a delivered message: failed, with the reason. */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_give_up(
	deia_messenger *m, const struct deia_message_claim *claim,
	const char *reason, deia_messages_cb cb, void *user);
/* The lease ends lease_ms (as in deia_receive) from now. */
DEIA_API DEIA_NODISCARD deia_err
deia_messenger_extend(deia_messenger *m, const struct deia_message_claim *claim,
		      int64_t lease_ms, deia_messages_cb cb, void *user);
/* The same for a held lease, at once and without a write. DEIA_ENOTFOUND,
 * DEIA_ECONFLICT, DEIA_ESTATE (not held). */
DEIA_API DEIA_NODISCARD deia_err
deia_messenger_renew(deia_messenger *m, const struct deia_message_claim *claim,
		     int64_t lease_ms);
/*
 * Sends the answer and reads what it answers, in one durable step; claim->inbox
 * is the answer's sender. The answer goes out once: after a crash between its
 * commit and the callback the same call finds the message read (DEIA_OK when
 * under the same token, else DEIA_ESTATE). Errors as send and read.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_messenger_answer(deia_messenger *m, const struct deia_message_claim *claim,
		      const struct deia_message_draft *answer,
		      deia_messages_cb cb, void *user);
/* A dead letter is pending again: its attempts count from 0, its time to live
 * starts anew. DEIA_ENOTFOUND, DEIA_ESTATE (not failed), DEIA_EBUSY (full). */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_requeue(deia_messenger *m,
							const char *id,
							deia_messages_cb cb,
							void *user);

/* ---- looking, without side effects ------------------------------------- */

/* One message. DEIA_ENOTFOUND in cb. */
DEIA_API DEIA_NODISCARD deia_err deia_messenger_get(deia_messenger *m,
						    const char *id,
						    deia_messages_cb cb,
						    void *user);

struct deia_message_query {
	size_t size;
	/* One of these three is asked for: */
	const char *inbox; /* what is in it, in the order of priority, age */
	const char *a, *b; /* mail between these two, newest first */
	bool oldest_first; /* with a and b */
	int status;	   /* alone: all of this status, newest end first */
	int priority;	   /* with inbox: only this; -1: any */
	/* With inbox: only this status; -1: pending and delivered. */
	/* id of the last message of the page before; with oldest_first any
	 * UUID: what is newer follows. */
	const char *after;
	unsigned limit; /* 1..DEIA_MAX_PAGE_LEN */
};
#define DEIA_MESSAGE_QUERY_INIT                                                \
	{                                                                      \
		.size = sizeof(struct deia_message_query), .status = -1,       \
		.priority = -1, .limit = DEIA_DEFAULT_PAGE_LEN                 \
	}
/* A page. A page may be shorter than its limit (8 MiB are a page, too); only
 * `more` tells the end. DEIA_EINVAL, DEIA_ENOTFOUND (after), DEIA_EBUSY. */
DEIA_API DEIA_NODISCARD deia_err
deia_messenger_page(deia_messenger *m, const struct deia_message_query *query,
		    deia_messages_cb cb, void *user);

DEIA_END

#endif
