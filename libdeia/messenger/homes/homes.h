/* SPDX-License-Identifier: MIT */
/*
 * homes.h - several messengers on one store: who serves an inbox.
 *
 * An inbox has one home at a time: the messenger whose writer stands in its row
 * of message_homes. It alone hands messages over, ends leases and settles; it
 * does so as if the store were its own. The others insert messages, and tell
 * it. So all that must not happen twice is fenced by one row, which changes
 * hands in the database alone:
 *
 * - Free is a home whose writer is no node's any more. It was shut out of the
 *   database before its row of `nodes` went, so nothing it began can come
 *   after the update that takes its home. Whoever is first has it: the update
 *   is guarded by the old writer.
 * - A live home is asked for by a notice. It gives when nothing of the inbox is
 *   under way, and forgets what it knew.
 *
 * Whoever took an inbox counts it, reads its rows of message_leases, and serves
 * it from then on. What is sent by others meanwhile is told by notices; a
 * notice has its commit, the count has its snapshot, so that each message is
 * counted once.
 *
 * The files: homes.c (life, who there is), want.c (what waits for a home),
 * take.c (a home is taken), give.c (asked for, given), notice.c (what the
 * messengers tell each other), leases.c (what was handed over elsewhere),
 * recount.c (notices were missed), call.c (calls
 * on messages that are elsewhere).
 */
#ifndef DEIA_MESSENGER_HOMES_H
#define DEIA_MESSENGER_HOMES_H

#include "messenger/messenger.h"

enum deia__home_state {
	HOME_AWAY, /* somebody else's, nobody's, or not known */
	HOME_TAKING,
	HOME_HERE,
	HOME_GIVING
};

/* Something that waits for an inbox to be here. */
struct deia__home_wait {
	struct deia__home_wait *next;
	struct deia__inbox *inbox;
	int64_t until_ms; /* boot clock */
	void (*fn)(struct deia__home_wait *w, deia_err err);
};

/* Told while the inbox was being counted. */
struct deia__home_came {
	struct deia__home_came *next;
	uint64_t commit;
	int64_t expires;
	unsigned char id[DEIA__MSG_ID_BYTES];
	uint8_t priority;
};

struct deia__home {
	deia_messenger *m;
	struct deia__inbox *inbox;
	struct deia__msg *msgs; /* to it, in memory */
	uint8_t state;
	bool claimed;  /* it has mail, and nobody serves it */
	bool has_slot; /* taking: among the few that ask the store */
	bool reading;  /* its leases are being read */
	bool queued;   /* in homes->queue */
	bool known;    /* its counts are in the totals, its mail in memory */
	bool given;    /* told so while it was being taken */
	bool again;    /* not here yet: notices were missed, count once more */
	bool recount;  /* here: notices were missed */
	bool looking;  /* away: it is being counted */
	bool asked_idle; /* given only when no receiver waits here */
	bool gifted;	 /* taking: another one, which lives, gave it */
	bool draining;	 /* giving: once what is under way has ended */
	bool unused;	 /* giving: nothing of it is in memory */
	unsigned moving; /* plans under way */
	unsigned tries;
	uint32_t changes;  /* of its counts */
	uint32_t counted;  /* changes when its count began */
	int64_t owner;	   /* its writer when it was last read; 0: none */
	int64_t looked_ms; /* boot clock; away: when it was counted */
	int64_t since_ms;  /* boot clock; 0: nothing urgent waits */
	int64_t asked_by, asked_until_ms;
	struct deia__timer timer; /* of the next try to get, or to give */
	struct deia__home_wait *waits;
	struct deia__home_came *came;
	unsigned n_came;
	deia_snapshot *seen;	      /* what its count saw */
	TAILQ_ENTRY(deia__home) link; /* in queue or leases */
};

TAILQ_HEAD(deia__home_list, deia__home);

struct deia__homes {
	deia_messenger *m;
	int64_t *nodes;
	size_t n_nodes;
	bool has_nodes, watching, claiming, claim_again;
	bool claim_failed; /* the store did not say which are free */
	bool passing;	   /* the queue is being gone through */
	bool rerun;	   /* a call that waited is made again */
	unsigned n_calls;
	unsigned n_taking, n_looks;
	struct deia__home_list queue;	/* to be taken */
	struct deia__home_list leases;	/* counted; their leases are next */
	struct deia__home_list reading; /* their leases are being read */
	struct deia__timer recount;
	/* Of all inboxes, wherever they are served, by phase. */
	uint64_t totals[4];
	bool has_totals, counting_totals;
	bool was_alone; /* until now: what is counted here is all there is */
	int64_t totals_ms, totals_took_ms; /* boot clock: begun; duration */
};

/* ---- homes.c ------------------------------------------------------------- */

DEIA_NODISCARD deia_err deia__homes_new(deia_messenger *m);
/* Begins to watch the store. */
DEIA_NODISCARD deia_err deia__homes_start(deia_messenger *m);
/* Ends what waits. */
void deia__homes_stop(deia_messenger *m);
void deia__homes_free(deia_messenger *m);
bool deia__homes_is_node(const struct deia__homes *hs, int64_t writer);

/* False: no memory. */
bool deia__home_init(deia_messenger *m, struct deia__inbox *inbox);
void deia__home_fini(deia_messenger *m, struct deia__inbox *inbox);
/* A message to it came into memory, or leaves it. */
static inline void deia__home_link(struct deia__home *h, struct deia__msg *msg)
{
	msg->of_inbox = h->msgs;
	msg->of_inbox_at = &h->msgs;
	if (h->msgs)
		h->msgs->of_inbox_at = &msg->of_inbox;
	h->msgs = msg;
}
static inline void deia__home_unlink(struct deia__msg *msg)
{
	*msg->of_inbox_at = msg->of_inbox;
	if (msg->of_inbox)
		msg->of_inbox->of_inbox_at = msg->of_inbox_at;
}
static inline bool deia__home_is_here(const struct deia__inbox *inbox)
{
	return !inbox->home || inbox->home->state == HOME_HERE;
}
/* A plan of the inbox begins; it ended. */
static inline void deia__home_hold(struct deia__inbox *inbox)
{
	if (inbox->home)
		inbox->home->moving++;
}
void deia__home_let(deia_messenger *m, struct deia__inbox *inbox);
/* The same by its id. */
bool deia__home_serves(const deia_messenger *m, const char *inbox);
/* A call came too late for a message that was here a moment ago: EBUSY. */
deia_err deia__home_moved(deia_messenger *m, const char *id);
/* Somebody looks at its counts: when it is away they are made new. */
void deia__home_look(deia_messenger *m, struct deia__inbox *inbox);
/* Of one that is away: one more is in it, or it seems to be full. */
void deia__home_grew(deia_messenger *m, struct deia__inbox *inbox);

/* ---- want.c -------------------------------------------------------------- */

/* A receiver waits here. */
void deia__home_want(deia_messenger *m, struct deia__inbox *inbox);
/* w->fn is called once the inbox is here (DEIA_OK) or when the time is over
 * (DEIA_EUNAVAILABLE, DEIA_ESTATE), never inside this call. */
void deia__home_wait(deia_messenger *m, struct deia__inbox *inbox,
		     struct deia__home_wait *w);
/* Another one gave it to this messenger, which serves it from then on, whether
 * or not it still wants it. */
void deia__home_given(struct deia__home *h);
/* Its messenger may be gone, or may have given it: who waits tries anew soon. */
void deia__home_look_around(struct deia__home *h);
/* Takes it if nobody has it, and it is not here. */
void deia__home_claim(deia_messenger *m, struct deia__inbox *inbox);
/* The expiry sweep may end messages of this inbox. */
bool deia__home_sweeps(deia_messenger *m, const char *inbox);
/* It is here: what waited goes on. */
void deia__home_came_here(struct deia__home *h);
/* It was not got: another one was asked for it, or the store failed. */
void deia__home_not_got(struct deia__home *h, bool asked);
void deia__home_end_waits(struct deia__home *h, deia_err err, bool all);
/* Whatever waits is given another try at this moment. */
void deia__home_try_now(struct deia__home *h);

/* ---- take.c -------------------------------------------------------------- */

/* Now, or when others have been taken; first: before all that wait for it. */
void deia__home_take(struct deia__home *h, bool first);
/* All free inboxes that have open mail. */
void deia__homes_claim_all(deia_messenger *m);

/* ---- give.c -------------------------------------------------------------- */

/* Another messenger wants it. idle: not while a receiver waits here. */
void deia__home_asked(deia_messenger *m, const char *inbox, int64_t by,
		      bool idle);
/* Gives it if it was asked for and nothing of it is under way. */
void deia__home_try_give(struct deia__home *h);
/* Memory knows nothing of it any more. */
void deia__home_forget(struct deia__home *h);
/* A receiver is gone, or something else that kept it here. */
void deia__home_idle(deia_messenger *m, struct deia__inbox *inbox);

/* ---- notice.c ------------------------------------------------------------ */

#define DEIA__MAIL_TOPIC "mail"

/* Told once the transaction is durable. */
void deia__home_tell_sent(deia_txn *txn, const struct deia__msg *msg);
void deia__home_tell_want(deia_txn *txn, const struct deia__home *h, bool idle);
void deia__home_tell_given(deia_txn *txn, const char *inbox, int64_t to);
void deia__homes_notice(const struct deia_notice *notice, void *messenger);
/* A message that another one sent is counted, and found by its lane. */
void deia__home_arrived(struct deia__home *h,
			const struct deia__home_came *came);
/* The counts are in: what was told meanwhile is dealt with. */
void deia__home_came_all(struct deia__home *h);
void deia__home_came_drop(struct deia__home *h);

/* ---- recount.c ----------------------------------------------------------- */

/* Notices may have been missed: all that is here is read and counted anew. */
void deia__homes_resync(deia_messenger *m);
/* The count of one inbox by priority; cb as of deia_store_count. */
DEIA_NODISCARD deia_err deia__home_count(struct deia__home *h,
					 deia_counted_cb cb);
/* Its counts are these rows'. */
void deia__home_set_counts(struct deia__home *h, const deia_rows *counts,
			   const deia_snapshot *snapshot);
void deia__homes_recount(void *homes); /* of its timer */
/* The counts of the whole store instead of those of here, as of a moment ago,
 * once there were other nodes. */
void deia__homes_totals(struct deia__homes *hs,
			struct deia_messenger_status *out);
/* Of one that is here: read anew now, counted as soon as it is still. */
void deia__home_recount(struct deia__home *h);

/* ---- call.c -------------------------------------------------------------- */

/*
 * A call on messages some of which are elsewhere, or not in memory. run makes
 * it again when all of them are here that can be: err is DEIA_OK, or why not.
 * claims are copies, args too (up to DEIA__CALL_ARGS bytes).
 */
#define DEIA__CALL_ARGS 96
struct deia__call;
typedef void (*deia__call_fn)(deia_messenger *m,
			      const struct deia_message_claim *claims, size_t n,
			      void *args, deia_err err);
/* Some message of it is not here, or not in memory. */
bool deia__call_must_wait(const deia_messenger *m,
			  const struct deia_message_claim *claims, size_t n);
/*
 * DEIA_OK: run is called later, and args are its. Else it cannot wait. failed: a
 * message that failed is moved as well (requeue).
 */
DEIA_NODISCARD deia_err deia__call_wait(deia_messenger *m,
					const struct deia_message_claim *claims,
					size_t n, bool failed,
					deia__call_fn run, const void *args,
					size_t args_len);

#endif
