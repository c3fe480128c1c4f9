/* SPDX-License-Identifier: MIT */
/*
 * ops.h - random operations on a messenger and its model at once.
 *
 * Each step has random numbers of its own, from the seed and the step's
 * number: so steps can be left out to make a failing run smaller.
 */
#ifndef TEST_MESSENGER_OPS_H
#define TEST_MESSENGER_OPS_H

#include "core/id.h"
#include "model.h"
#include "sim.h"

/* What a run is like. */
enum profile {
	PROFILE_MIXED, /* all operations, small inboxes */
	PROFILE_DEEP,  /* batches, more in an inbox than memory holds */
	PROFILE_HASTY, /* short leases, many waits, small steps of time */
	PROFILE_LOOSE, /* many calls under way at once */
	PROFILES
};
extern const char *const profile_names[PROFILES];

struct run {
	enum sim_kind kind;
	enum profile profile;
	uint64_t seed;
	unsigned long steps;
	const unsigned char *left_out; /* a byte for each step, or NULL */
	bool trace;		       /* print each step */
};

/* Ends the test when the messenger does what the model does not allow.
 * Returns how many operations were made. */
unsigned long run_steps(const struct run *r);

/* ---- inside ------------------------------------------------------------ */

struct world {
	const struct run *run;
	struct sim sim;
	struct model md;
	struct deia__rng rng;
	unsigned long step, n_ops;
	/* Of the call under way. */
	int calls;
	unsigned n_open; /* calls without an answer, receivers aside */
	deia_err want, err;
	struct model_wait taking;
	char what[160];
};

unsigned pick(struct world *w, unsigned n);
/* One in n. */
bool once_in(struct world *w, unsigned n);
/* A message of this status (-1: any), NULL: there is none. */
struct model_msg *pick_msg(struct world *w, int status);
void describe(struct world *w, const char *fmt, ...) DEIA_PRINTF(2, 3);
/* Runs the loop until the call is answered, and the answer is as wanted. */
void finish_call(struct world *w, deia_err err);
/* A draft that is fine. */
void pick_draft(struct world *w, struct model_draft *d);

/* ops_send.c */
void op_inbox(struct world *w);
void op_purge(struct world *w);
void op_send(struct world *w);
void op_send_bad(struct world *w);
void op_send_key(struct world *w);
/* ops_take.c */
int free_slot(struct model *md);
void take_items(struct model *md, const struct model_wait *r,
		const struct deia_message *items, size_t n);
void on_received(deia_err err, const struct deia_message *items, size_t n,
		 bool more, void *user);
void op_receive(struct world *w);
void op_wait(struct world *w);
void op_cancel(struct world *w);
void op_take(struct world *w);
/* ops_settle.c */
void op_read(struct world *w);
void op_return(struct world *w);
void op_extend(struct world *w);
void op_renew(struct world *w);
void op_answer(struct world *w);
void op_requeue(struct world *w);
/* ops_loose.c: many calls at once; returns when all are answered. */
void op_many(struct world *w);
/* ops_look.c */
void op_get(struct world *w);
void op_page(struct world *w);
void recount(struct world *w);

#endif
