/* SPDX-License-Identifier: MIT */
/*
 * replay.h - a journal of the scheduler is gone through again: what another
 * policy would have decided.
 *
 * A fresh scheduler learns what the journal says was learned, at the times it
 * says; at each decision it chooses among the bots that were candidates then,
 * with the load they had. The journal is read as a stream; memory grows with the
 * number of bots and types alone.
 */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include <stdio.h>

#include <deia/scheduler.h>

#define REPLAY_LINE_MAX 65536 /* bytes of a line */
#define REPLAY_CANDIDATES 64  /* of a decision */

struct replay_decision {
	uint64_t line;
	const char *task, *type; /* task: "" when it was not said */
	const char *was;	 /* the bot of the journal */
	const char
		*now; /* of the policy; NULL: it would have had the task wait */
	/* Expected seconds to a successful result with the one and the other,
	 * waiting included, by what was learned up to then; -1: not known. */
	double was_seconds, now_seconds;
};

struct replay_sum {
	uint64_t lines, outcomes, verdicts, resets, decisions, passed_over;
	uint64_t agreed, without; /* of the decisions; without: no bot */
	uint64_t compared;	  /* decisions in the two sums */
	double was_seconds, now_seconds;
};

/* Told of each decision; texts live until it returns. */
typedef void (*replay_cb)(const struct replay_decision *d, void *user);

/*
 * Goes through a journal. False: *message (free it) says what is wrong, and in
 * which line. A last line without an end that is no JSON is passed over: it was
 * being written.
 */
bool replay_run(FILE *in, deia_scheduler_policy policy, replay_cb cb,
		void *user, struct replay_sum *sum, char **message);

#endif
