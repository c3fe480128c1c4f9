/* SPDX-License-Identifier: MIT */
/*
 * scaled.h - a hive that scales the template "parrot", for the tests of the
 * auto-scaler. Its clock is moved by hand, and looks are made by hand.
 */
#ifndef TEST_HIVE_SCALED_H
#define TEST_HIVE_SCALED_H

#include <deia/scaling.h>

#include "fixture.h"
#include "hive/scaling/scaling.h"

extern struct fixture f; /* the test's */

/* Tells the hive what bots of a template are made of. */
void scaled_template(const char *name, const char *adapter,
		     const char *const *argv, size_t n_argv);
/* Short windows, and a machine that is never short of anything. */
struct deia_scaling_limits scaled_quick(void);
/* As a file would say it, with a target of one second. */
void scaled_configure(const char *name, unsigned min, unsigned max,
		      const struct deia_scaling_limits *limits);
/* All of it for echo bots of the template "parrot". */
void scaled_echo(unsigned min, unsigned max);
/* A look, so many seconds after the one before. */
void scaled_look(int seconds);
struct deia_scaling_status scaled_status(const char *name);
/* What was written so far is durable. */
void scaled_settle(void);

unsigned count_bots(void);
bool has_bot(const char *id);
void wait_gone(const char *id);
void wait_there(const char *id); /* and ready */

/* Decisions, newest first. */
struct decisions {
	bool done, more;
	deia_err err;
	size_t n;
	struct {
		char name[72], kind[16], cause[16], bot[72], by[72];
		char reason[256];
		bool done;
		unsigned count;
		int64_t seq;
	} items[64];
};
void read_decisions(struct decisions *p, int64_t before, unsigned limit);

/* As PUT /scaling. */
deia_err scaled_put(const char *text);

struct hand {
	bool done;
	deia_err err;
	size_t n;
	char ids[8][72];
};
void scaled_on_hand(deia_err err, const char *const *bots, size_t n,
		    void *user);
/* Of "parrot"; waits for the callback. */
deia_err scaled_by_hand(deia_scaling_direction d, unsigned n, struct hand *x);

#endif
