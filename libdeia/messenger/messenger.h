/* SPDX-License-Identifier: MIT */
/*
 * messenger.h - the inside of the messenger, shared by the files of this folder.
 *
 * The files: messenger.c (life), inbox.c, turn.c (the end of a turn), names.c
 * (names, the state table), time.c (hive time), msg.c (messages in memory, by
 * id), place.c (lanes and the heap of what is timed), op.c (one durable
 * change, from plan to effect), send.c, keys.c, receive.c, settle.c, answer.c
 * (the calls), due.c and cleanup.c (what happens by itself), look.c (pages),
 * view.c (what callers see), ask.c, rows.c and load.c (with a store), kept.c (without
 * one), journal.c; homes/ (several messengers on one store).
 *
 * A message is in memory when it is one of the next in its lane, when it was
 * handed over before and is not finished, or while something changes it.
 * Without a store all are. What changes goes through one door: an op plans new
 * values, makes them durable, and only then are they applied and told.
 */
#ifndef DEIA_MESSENGER_PRIV_H
#define DEIA_MESSENGER_PRIV_H

#include <sys/queue.h>

#include <deia/messenger.h>
#include <deia/sys/store.h>
#include <deia/trace.h>

#include "core/clock.h"
#include "core/errmsg.h"
#include "core/id.h"
#include "core/logfile.h"
#include "core/mem.h"
#include "core/timer.h"
#include "core/wheel.h"

#define HASH_NONFATAL_OOM 1 /* hh.tbl stays NULL */
#include <uthash.h>

#define DEIA__MSG_ID_BYTES 16
/* Of one lane in memory, and when more are read; with a store. */
#define DEIA__LANE_MAX 512
#define DEIA__LANE_LOW 128
#define DEIA__LANE_PAGE 256
/* Larger contents are not kept in memory while they wait. */
#define DEIA__BODY_KEPT_BYTES (16u << 10)
/* At most this many by-itself changes in one turn and one transaction. */
#define DEIA__DUE_STEP 256
#define DEIA__AGED_TURN 8 /* every so many hand-overs go to an aged message */
#define DEIA__KEY_KEPT_MS (INT64_C(48) * 3600 * 1000)
#define DEIA__DELAY_MAX_MS (INT64_C(3600) * 1000)

/* In the store. */
enum { PHASE_OPEN, PHASE_READ, PHASE_FAILED, PHASE_EXPIRED };

struct deia__inbox;

/* What of a message never changes and may be left in the store. */
struct deia__body {
	uint32_t content_len, ttl_seconds, hops;
	uint16_t metadata_len, by_len;
	uint8_t reply_to_len, dialogue_len, trace_len;
	/* by, reply_to, dialogue, traceparent, metadata, content, each with
	 * a NUL. */
	char text[];
};

enum deia__place {
	PLACE_NONE, /* an op has it, or it is finished */
	PLACE_LANE,
	PLACE_TIMED,
	PLACE_ASIDE /* pending, of a dialogue: waits to be taken by its id */
};

struct deia__msg {
	unsigned char id[DEIA__MSG_ID_BYTES];
	struct deia__msg *hash_next;
	union { /* in a lane, among the finished, or in m->timed */
		struct deia__wheel_node timer;
		struct {
			struct deia__msg *next, *prev;
			/* Of lease or retry, hive time; 0: at once. */
			int64_t due;
		};
	};
	union { /* without a store: in m->expiring while it is open */
		struct deia__wheel_node expiry;
		struct {
			/* On a shared store: those to the same inbox. */
			struct deia__msg *of_inbox, **of_inbox_at;
			int64_t expires; /* hive time */
		};
	};
	struct deia__inbox *to, *from;
	struct deia__body *body; /* NULL: in the store only */
	char *reason;
	int64_t created_ms, delivered_ms; /* wall */
	uint64_t lease;
	uint32_t content_len; /* without a body: plus 1; 0: not known */
	uint16_t attempt, excused, max_attempts;
	uint8_t priority, status, place;
	bool held : 1, notify : 1, own_body : 1;
	bool sending : 1;  /* not durable yet: nobody may see it */
	bool has_row : 1;  /* in message_leases */
	bool aside : 1;	   /* of a dialogue */
	bool reviving : 1; /* a dead letter that is being requeued */
};

struct deia__lane {
	struct deia__msg *first, *last; /* by id */
	unsigned n;
	/* With a store: what waits behind the last one that was read or sent
	 * (upto) is in the store only, unless the lane is complete. */
	unsigned char upto[DEIA__MSG_ID_BYTES];
	bool complete, loading, spilled;
	/* While it is loading: what came behind upto's back; see homes/. */
	bool rewound;
	unsigned char rewind[DEIA__MSG_ID_BYTES];
	/* Finished since the read began: its rows may still say pending. */
	unsigned char (*gone)[DEIA__MSG_ID_BYTES];
	unsigned n_gone, cap_gone;
};

TAILQ_HEAD(deia__receivers, deia_receiver);

/* A recipient, a sender, or both. Freed when nothing needs it. */
struct deia__inbox {
	char id[DEIA_MAX_ID_LEN + 1];
	bool open, dirty, purging;
	unsigned refs; /* messages in memory and receivers that name it */
	struct deia__lane lanes[DEIA_PRIORITIES];
	uint64_t pending[DEIA_PRIORITIES], delivered, waiting, sending;
	unsigned passed; /* hand-overs that passed over an aged message */
	struct deia__receivers receivers;
	unsigned n_receivers;
	struct deia__home *home; /* NULL: the store is not shared */
	TAILQ_ENTRY(deia__inbox) dirty_link;
	UT_hash_handle hh;
};

struct deia_receiver {
	deia_messenger *m;
	struct deia__inbox *inbox;
	unsigned max;
	int64_t lease_ms;
	bool held, no_wait, waits, busy;
	struct deia__timer timer;
	/* Contents that are being read. */
	struct deia__mail_op *op;
	unsigned n_reads;
	deia_err read_err;
	deia_messages_cb cb;
	void *user;
	TAILQ_ENTRY(deia_receiver) link;
};

/* ---- op.c: one durable change ------------------------------------------- */

#define DEIA__EXTENDED ((deia_message_event)100) /* told to nobody */

/* What a message will be once the change is durable. */
struct deia__plan {
	struct deia__msg *msg;
	deia_message_event event;
	uint64_t lease;
	int64_t due; /* hive time: end of lease, retry, expiry (requeued) */
	uint16_t attempt, excused;
	bool held;
	bool away;    /* sent to an inbox that is served elsewhere */
	bool stray;   /* of no place: freed when the change fails */
	bool leaves;  /* memory, after the effect: finished, or in the store */
	char *reason; /* owned; NULL: as before */
	/* Owned: what memory does not keep of a message that was sent; shown
	 * until the op ends. */
	struct deia__body *body;
};

/* Why a send under a key is refused, unless the key is known. */
struct deia__refusal {
	deia_err err;
	int index;
	const char *field;
	char text[DEIA__ERRMSG_BYTES];
};

struct deia__mail_op {
	struct deia__mail_op *next; /* done, waiting for the loop */
	deia_messenger *m;
	struct deia__plan *plans;
	unsigned n, cap;
	int64_t wall_ms; /* when it was planned */
	deia_err err;
	/* With sends: the caller's key. */
	char *key, *sender;
	unsigned char fingerprint[16];
	struct deia__refusal *refusal; /* NULL: it is not */
	/* On the loop, after the effect; the op is freed after it. */
	void (*done)(struct deia__mail_op *op, deia_err err);
	void *arg;
	deia_messages_cb cb; /* the caller's, for done to use */
	void *user;
	bool *replayed;
	struct deia__plan few[2]; /* plans, while these are enough */
};

struct deia__mail_key; /* kept.c */
struct deia__homes;    /* homes/ */
struct deia__leases;

struct deia_messenger {
	struct event_base *base;
	deia_store *store; /* NULL: everything is in memory */
	const struct deia__clock *clock;
	deia__timers *timers;
	struct event *kick;
	bool kicked, in_turn;
	struct deia__later *later_first, *later_last;
	struct deia_messenger_opts opts;
	struct deia__errmsg msg;
	int error_index;
	const char *field;
	struct deia__rng rng;
	bool stopped;
	unsigned n_ops; /* ops, reads under way */

	/* time.c */
	int64_t now_hive, now_wall;
	int64_t hive_offset, saved_hive, saved_wall, suspended_ms;
	uint64_t last_id; /* upper half of the newest id */

	/* msg.c */
	struct deia__msg **buckets;
	uint32_t n_buckets, n_msgs;
	struct deia__inbox *inboxes;
	size_t cached_bytes;

	/* place.c */
	struct deia__wheel timed, expiring;
	TAILQ_HEAD(, deia__inbox) dirty;

	/* kept.c */
	struct deia__msg *finished_first, *finished_last;
	unsigned n_finished;
	struct deia__mail_key *keys;
	struct deia__mail_key *keys_first, *keys_last;
	struct deia__mail_op *done_first, *done_last;

	/* due.c */
	struct deia__timer tick, sweep, cleanup, save_clock;
	int64_t next_expiry;	/* with a store: no open one expires before */
	int64_t backoff_until;	/* boot clock: the store refused something */
	int64_t sweep_pause_ms; /* before the next one, once */
	bool sweeping, cleaning;
	bool sweep_on; /* the next page begins behind this place */
	int64_t sweep_due;
	unsigned char sweep_id[DEIA__MSG_ID_BYTES];

	/* For one callback at a time: what it is shown. */
	struct deia__view *views;
	struct deia_message *items;
	unsigned views_cap;

	struct deia__homes *homes; /* NULL: the store is not shared */

	unsigned n_waits;
	struct deia_messenger_status status;
	deia__logs *logs;
	deia__logfile *journal;
};

/* A call of its own at the end of the turn; embedded where it belongs. */
struct deia__later {
	struct deia__later *next;
	void (*fn)(void *arg);
	void *arg;
};

deia_err deia__msgr_fail(deia_messenger *m, deia_err err, const char *fmt, ...)
	DEIA_PRINTF(3, 4);

/* ---- messenger.c -------------------------------------------------------- */

/* As deia_messenger_new, on a clock of the test's own; NULL: the real one. */
DEIA_NODISCARD deia_err deia__messenger_new_at(
	deia_messenger **out, struct event_base *base, deia_store *store,
	const struct deia_messenger_opts *opts, const struct deia__clock *clock,
	char *detail, size_t detail_len);
/* Runs what is due after a virtual clock was moved; the loop does the rest. */
void deia__messenger_tick(deia_messenger *m);
/* Finds or makes it; NULL: out of memory. */
struct deia__inbox *deia__inbox_get(deia_messenger *m, const char *id);
struct deia__inbox *deia__inbox_find(const deia_messenger *m, const char *id);
void deia__inbox_ref(struct deia__inbox *inbox);
void deia__inbox_free(deia_messenger *m, struct deia__inbox *inbox);
/* The last one may free it. */
void deia__inbox_unref(deia_messenger *m, struct deia__inbox *inbox);
/* Its receivers may be served: at the end of this turn. */
void deia__inbox_wake(deia_messenger *m, struct deia__inbox *inbox);
uint64_t deia__inbox_open_len(const struct deia__inbox *inbox);
/*
 * A count of pending messages as others see it. It is below 0 for a moment when
 * a message of another messenger's was handed over before it was told.
 */
static inline uint64_t deia__count_shown(uint64_t n)
{
	return n <= INT64_MAX ? n : 0;
}
/* Of the event that the two below make active. */
void deia__turn_end(int fd, short what, void *messenger);
/* The calls that end at the end of this turn are run then. */
void deia__msgr_kick(deia_messenger *m);
/* fn runs at the end of this turn; until then it counts as under way. */
void deia__later_call(deia_messenger *m, struct deia__later *l,
		      void (*fn)(void *arg), void *arg);
/* Those that wait for the end of this turn. */
void deia__later_run(deia_messenger *m);
/* ESTATE when it was stopped. */
deia_err deia__msgr_check(deia_messenger *m);

/* Fewer are in this status; of finished ones others may have added, unseen. */
void deia__status_less(deia_messenger *m, unsigned status, uint64_t n);

/* ---- names.c ------------------------------------------------------------ */

bool deia__message_can(unsigned from, unsigned to);

/* ---- time.c ------------------------------------------------------------- */

/*
 * Hive time: Unix milliseconds that run with the boot clock while the
 * messenger lives, and over its down time by the wall clock, if that went
 * forward.
 */
int64_t deia__hive_now(const deia_messenger *m);
int64_t deia__wall_now(const deia_messenger *m);
/* Both stand still until this is called: once for each call and callback. */
void deia__time_look(deia_messenger *m);
int64_t deia__wall_of(const deia_messenger *m, int64_t hive_ms);
void deia__time_init(deia_messenger *m, int64_t saved_hive, int64_t saved_wall);
/* How long the machine was suspended since the last call. */
int64_t deia__time_suspended(deia_messenger *m);
/* The next id: rising, its first 48 bits are hive time. */
void deia__id_next(deia_messenger *m, unsigned char id[static 16]);
int64_t deia__id_ms(const unsigned char *id);
/* The highest one that is below it; id is not all zeros. */
void deia__id_before(unsigned char out[static 16], const unsigned char *id);
/* False: not a UUID in lower or upper case hexadecimal digits. */
bool deia__id_parse(unsigned char id[static 16], const char *text);

/* ---- msg.c -------------------------------------------------------------- */

struct deia__body_text {
	const char *by, *reply_to, *dialogue, *traceparent, *metadata, *content;
	size_t content_len;
	int64_t ttl_seconds;
	unsigned hops;
};

/* A message in memory, not yet findable; body NULL: none. NULL: no memory. */
struct deia__msg *deia__msg_new(deia_messenger *m, struct deia__inbox *to,
				struct deia__inbox *from,
				const struct deia__body_text *body);
bool deia__msg_set_body(deia_messenger *m, struct deia__msg *msg,
			const struct deia__body_text *body);
void deia__msg_drop_body(deia_messenger *m, struct deia__msg *msg);
/* The same, but the body is the caller's; NULL when it is not one of its own. */
struct deia__body *deia__msg_take_body(deia_messenger *m,
				       struct deia__msg *msg);
void deia__msg_free(deia_messenger *m, struct deia__msg *msg);
struct deia__msg *deia__msg_find(const deia_messenger *m,
				 const unsigned char *id);
void deia__msg_add(deia_messenger *m, struct deia__msg *msg); /* to the hash */
void deia__msg_remove(deia_messenger *m, struct deia__msg *msg);
void deia__body_read(const struct deia__body *body,
		     struct deia__body_text *out);
bool deia__msgs_init(deia_messenger *m);
void deia__msgs_fini(deia_messenger *m);

/* ---- place.c ------------------------------------------------------------ */

/* The messages of nodes of m->timed and m->expiring. */
struct deia__msg *deia__msg_of_timer(struct deia__wheel_node *node);
struct deia__msg *deia__msg_of_expiry(struct deia__wheel_node *node);
/* Where it belongs by its status and times. */
void deia__place_put(deia_messenger *m, struct deia__msg *msg);
/* Out of there: an op has it now. */
void deia__place_take(deia_messenger *m, struct deia__msg *msg);
/*
 * The next message of an inbox, taken, by the order of messenger.h. NULL: none
 * is there; *wait: since rows must be read first. On an error they cannot be.
 */
deia_err deia__place_pick(deia_messenger *m, struct deia__inbox *inbox,
			  struct deia__msg **out, bool *wait);
/* Something could be picked, or read. */
bool deia__place_has_next(const struct deia__inbox *inbox);
void deia__lane_fini(struct deia__lane *lane);
/* A message that memory has not is in the store, perhaps among those that were
 * read already: the lane is read anew from there. */
void deia__lane_came(struct deia__lane *lane, const unsigned char *id);
/* The page that was being read is dealt with. */
void deia__lane_loaded(struct deia__lane *lane);
/* A page that is being read may still have it as pending. */
void deia__lane_gone(struct deia__lane *lane, const unsigned char *id);

/* ---- op.c --------------------------------------------------------------- */

/* For n plans; NULL: no memory. */
struct deia__mail_op *deia__op_new(deia_messenger *m, unsigned n);
/* Takes the message from its place; reason is copied. The plan has the
 * message's present values; the caller changes them. NULL: no memory. */
struct deia__plan *deia__op_plan(struct deia__mail_op *op,
				 struct deia__msg *msg,
				 deia_message_event event, const char *reason);
/* Back to pending after delay_ms (DEIA_DELAY_BACKOFF), or failed. */
struct deia__plan *deia__op_plan_return(struct deia__mail_op *op,
					struct deia__msg *msg, int64_t delay_ms,
					bool excused, const char *reason);
/* A bad end, without or with used up attempts. Tells a sender who wants to
 * know in the same change. */
struct deia__plan *deia__op_plan_end(struct deia__mail_op *op,
				     struct deia__msg *msg,
				     deia_message_event event,
				     const char *reason);
/* Puts the messages back and frees it: nothing happened. */
void deia__op_drop(struct deia__mail_op *op);
/* Begins it. On an error everything is as before, done is never called and
 * the op is freed. */
DEIA_NODISCARD deia_err deia__op_commit(struct deia__mail_op *op);
void deia__op_free(struct deia__mail_op *op); /* it alone */
/* Puts the messages back; no plan is left. */
void deia__op_undo(struct deia__mail_op *op);
/* Handed over: one attempt more, under a new lease. */
void deia__op_lease(struct deia__mail_op *op, struct deia__plan *plan,
		    int64_t lease_ms, bool held);
/* The outcome: effect, moves, done. */
void deia__op_end(struct deia__mail_op *op, deia_err err);

/* ---- keys.c, send.c ------------------------------------------------------ */

void deia__draft_fingerprint(unsigned char out[static 16],
			     const struct deia_message_draft *drafts, size_t n);
/* A kept key answers instead of the op, which was refused with EEXIST. */
void deia__key_answer(struct deia__mail_op *op);
/* The same for one that was refused for another reason: the kept key answers,
 * or the refusal does. On an error nothing is under way. */
DEIA_NODISCARD deia_err deia__key_ask(struct deia__mail_op *op);
/* Says why it is refused; returns op->refusal->err. */
deia_err deia__refuse(struct deia__mail_op *op);
/* Checks a draft and makes its message; field and errmsg say what is wrong. */
DEIA_NODISCARD deia_err deia__draft_msg(deia_messenger *m,
					const struct deia_message_draft *draft,
					struct deia__msg **out);

/* ---- receive.c ----------------------------------------------------------- */

void deia__inbox_serve(deia_messenger *m, struct deia__inbox *inbox);
void deia__receivers_end(deia_messenger *m, struct deia__inbox *inbox,
			 deia_err err);
/* Only those that do not wait for a message. */
void deia__receivers_end_unwaiting(struct deia__inbox *inbox, deia_err err);

/* ---- due.c --------------------------------------------------------------- */

void deia__due_init(deia_messenger *m);
void deia__due_fini(deia_messenger *m);
/* Sets the timer by what is first in the heap. */
void deia__due_arm(deia_messenger *m);
/* Not when it is stopped. */
void deia__due_set(deia_messenger *m, struct deia__timer *t, int64_t delay_ms);
/* Stores how hive time and wall clock stand. */
void deia__due_save_clock(deia_messenger *m);
/* An open message expires then. */
void deia__due_expiry(deia_messenger *m, int64_t hive_ms);

/* cleanup.c: of its timer; the next step comes by itself. */
void deia__cleanup_step(void *messenger);

/* ---- view.c -------------------------------------------------------------- */

struct deia__view {
	struct deia_message pub;
	char id[37], token[17];
};
/*
 * Room for n views and messages, good until it is asked for again: not for
 * what must outlive a callback. False: no memory.
 */
bool deia__views_room(deia_messenger *m, unsigned n);
/* As it stands in memory; content NULL when it is not there. */
void deia__view_msg(const deia_messenger *m, struct deia__view *v,
		    const struct deia__msg *msg);
/* The message of a plan, whole if it was sent with it. */
void deia__view_plan(const deia_messenger *m, struct deia__view *v,
		     const struct deia__plan *plan);
/* A row of messages, with what memory knows of it, or else leases (or NULL). */
void deia__view_row(const deia_messenger *m, struct deia__view *v,
		    const struct deia__leases *leases, const deia_rows *rows,
		    size_t r);
/* As it was when it was sent. */
void deia__view_as_new(struct deia__view *v);

/* ---- ask.c: reading the store ------------------------------------------- */

/*
 * As deia_store_page; counted as under way until cb runs, which finds the clock
 * looked at. On an error, here and there, errmsg says so.
 */
DEIA_NODISCARD deia_err deia__ask_page(deia_messenger *m,
				       const struct deia_page_query *query,
				       deia_page_cb cb, void *user);
/* The row of one message, or none. */
DEIA_NODISCARD deia_err deia__ask_message(deia_messenger *m,
					  const unsigned char *id,
					  deia_page_cb cb, void *user);

/* ---- rows.c: with a store ------------------------------------------------ */

DEIA_NODISCARD deia_err deia__rows_commit(struct deia__mail_op *op);
/* Reads on where the lane's memory ends, unless it is being read. */
deia_err deia__rows_load_lane(deia_messenger *m, struct deia__inbox *inbox,
			      unsigned priority);
/* Both ids in byte order with a space between. Returns out. */
const char *deia__pair_print(char out[static 2 * DEIA_MAX_ID_LEN + 2],
			     const char *a, const char *b);
/* The message of a row, not yet findable; NULL: no memory. */
struct deia__msg *deia__rows_msg(deia_messenger *m, const deia_rows *rows,
				 size_t r);
/* What never changes; texts borrowed from the row. */
void deia__rows_body(const deia_rows *rows, size_t r,
		     struct deia__body_text *out);
/* The row is as it was written. */
bool deia__rows_fine(const deia_rows *rows, size_t r);
/* load.c: blocks. */
DEIA_NODISCARD deia_err deia__rows_load(deia_messenger *m);
/* What a row of message_leases says of its message. */
void deia__lease_read(struct deia__msg *msg, const deia_rows *rows, size_t r);
/* One row of message_leases comes into memory: DEIA_OK, DEIA_ENOMEM. */
deia_err deia__rows_lease(deia_messenger *m, const deia_rows *rows, size_t r);

/* ---- kept.c: without one ------------------------------------------------- */

void deia__kept_commit(struct deia__mail_op *op);
/* Ends with err at the end of this turn. */
void deia__kept_end_later(struct deia__mail_op *op, deia_err err);
bool deia__kept_has_key(struct deia__mail_op *op);
void deia__kept_done(deia_messenger *m); /* the ops that ended in this turn */
void deia__kept_finished(deia_messenger *m, struct deia__msg *msg);
/* Called back at once. after_id: NULL, or where the page before ended.
 * DEIA_ENOTFOUND: there is none, and cb is not called. */
deia_err deia__kept_page(deia_messenger *m, const struct deia_message_query *q,
			 const unsigned char *after_id, deia_messages_cb cb,
			 void *user);
/* Answers an op whose key is known; else ECONFLICT, and cb is not called. */
deia_err deia__kept_key_answer(struct deia__mail_op *op);
void deia__kept_revive(deia_messenger *m, struct deia__msg *msg);
void deia__kept_forget(deia_messenger *m, struct deia__msg *msg);
void deia__kept_trim(deia_messenger *m);
void deia__kept_fini(deia_messenger *m);

/* ---- journal.c ----------------------------------------------------------- */

void deia__journal_write(deia_messenger *m,
			 const struct deia_message_move *move);

#endif
