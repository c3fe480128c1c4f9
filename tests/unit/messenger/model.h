/* SPDX-License-Identifier: MIT */
/*
 * model.h - the messenger as its header describes it, in plain arrays.
 *
 * The model is told what the messenger did (its moves) and what it was asked,
 * and fails the test at the first move that the header does not allow. It
 * knows nothing of how the messenger works: no lanes, no heaps, no rows.
 *
 * Time is hive time: a boot clock that starts at the wall clock.
 */
#ifndef TEST_MESSENGER_MODEL_H
#define TEST_MESSENGER_MODEL_H

#include <deia/messenger.h>

#define MODEL_BOTS 8
#define MODEL_SYSTEM (MODEL_BOTS - 1)
extern const char *const model_names[MODEL_BOTS];

/* What a draft says, kept so that it can be said again. */
struct model_draft {
	int from, to;
	int by; /* -1: none */
	unsigned priority, max_attempts, hops;
	int64_t ttl_seconds;
	const char *content, *metadata, *dialogue; /* static; or NULL */
	size_t content_len;
	char reply_to[37];
	bool notify;
};
void model_draft_fill(const struct model_draft *d,
		      struct deia_message_draft *out);

struct model_msg {
	char id[37];
	struct model_draft draft; /* with the defaults filled in */
	char *owned;		  /* content of a notice */
	deia_message_status status;
	unsigned attempt, excused;
	int64_t age_ms; /* hive time in its id */
	int64_t created_unix_ms, delivered_unix_ms, finished_unix_ms;
	int64_t queued_at;					/* hive */
	int64_t expires, retry, lease_end, handed_at, finished; /* hive */
	uint64_t finish_no; /* finished in this order */
	char token[24], old_token[24];
	bool held, waited; /* waited: for a retry, at some time */
	bool overlapping;  /* calls on it may overlap */
	bool handed;	   /* moved, its callback is still to come */
	bool notice_due;
	unsigned allowed;	      /* moves that were asked for, by bit */
	int64_t retry_min, retry_max; /* of an allowed return, from now */
	char reason[192];
};

/* A receiver that waits. */
struct model_wait {
	int inbox;
	unsigned max;
	int64_t lease_ms, until_ms; /* until: boot clock; -1: for ever */
	bool held, cancelled, done;
	deia_receiver *receiver;
	struct model *model;
};

#define MODEL_KEYS 24
#define MODEL_KEY_DRAFTS 4
struct model_key {
	char key[16];
	struct model_draft drafts[MODEL_KEY_DRAFTS];
	char ids[MODEL_KEY_DRAFTS][37];
	size_t n;
	int64_t created; /* hive */
};

#define MODEL_WAITS 64
struct model {
	struct deia_messenger_opts opts;
	bool in_memory; /* no store */
	int64_t hive, wall;
	struct model_msg *msgs; /* by id, which is by age */
	size_t n, cap;
	bool open[MODEL_BOTS], closing[MODEL_BOTS];
	bool tight[MODEL_BOTS]; /* may have been full during this step */
	/* How many aged messages were passed over may be any of these bits;
	 * there are several when a counter may have begun anew. */
	unsigned passed[MODEL_BOTS];
	struct model_wait *waits[MODEL_WAITS];
	struct model_key keys[MODEL_KEYS];
	size_t n_keys;
	uint64_t cleaned, n_gone, finish_no; /* cleaned: by its moves */
	struct deia_messenger_status since;  /* the counters since the start */
	/* The drafts that are being sent, and how many are there already. */
	const struct model_draft *sending;
	size_t n_sending, n_queued;
	bool hidden;	  /* the last look left out what had just fallen due */
	bool loose;	  /* calls overlap: order among them is free */
	int64_t due_from; /* what fell due since may be in any order */
	uint64_t n_moves;
	char context[256]; /* printed when it fails */
};

/* Prints the context and ends the test. */
_Noreturn void model_fail(const struct model *md, const char *fmt, ...)
	DEIA_PRINTF(2, 3);
#define model_check(md, what, ...)                                             \
	do {                                                                   \
		if (!(what))                                                   \
			model_fail(md, __VA_ARGS__);                           \
	} while (0)

void model_init(struct model *md, const struct deia_messenger_opts *opts,
		bool in_memory);
void model_fini(struct model *md);
/* -1: no such name. */
int model_bot(const char *name);
/* NULL: not there (any more). */
struct model_msg *model_find(const struct model *md, const char *id);
void model_remove(struct model *md, struct model_msg *x);

/* ---- what is asked ----------------------------------------------------- */

/* What a claim to x (NULL: unknown) comes to. inbox -1: any; token NULL: any */
deia_err model_claim(const struct model_msg *x, int inbox, const char *token);
/* The only thing that a return of x may lead to; sets x->allowed. */
void model_allow_return(struct model *md, struct model_msg *x, int64_t delay_ms,
			bool excused);
/* Open messages of an inbox. */
uint64_t model_open_len(const struct model *md, int inbox);
/* Receivers may get it now. */
bool model_is_candidate(const struct model *md, const struct model_msg *x);
size_t model_candidates(const struct model *md, int inbox);
/* In hive time; 0 becomes 0. */
int64_t model_wall_of(const struct model *md, int64_t hive);
/* Inboxes, messages and counters after a restart. */
void model_restart(struct model *md, int64_t downtime_ms);

/* ---- what is told ------------------------------------------------------ */

void model_moved(const struct deia_message_move *moves, size_t n, void *user);
/* A message in an answer is what the model knows; content may be NULL. */
void model_compare(struct model *md, const struct model_msg *x,
		   const struct deia_message *msg);
/* After each step: nothing asked for is missing. */
void model_settled(struct model *md);
/* What is over and was not ended yet; NULL: none. */
const struct model_msg *model_overdue(const struct model *md);
void model_check_status(struct model *md, deia_messenger *m);

#endif
