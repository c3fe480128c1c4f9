/* SPDX-License-Identifier: MIT */
/*
 * node_judge.h - when a node counts as gone, from its heartbeats alone.
 *
 * A node raises its beat each second. Another one judges it by how long the
 * beat has not moved, on its own boot clock; clocks of different machines are
 * never compared. Who is cut off from the database itself judges nobody, and
 * gives all others time when it is back. All functions are pure: now_ms is the
 * boot clock.
 */
#ifndef DEIA_HIVE_NODE_JUDGE_H
#define DEIA_HIVE_NODE_JUDGE_H

#include <deia/base.h>

#define DEIA__NODE_BEAT_MS 1000
#define DEIA__NODE_STALE_MS 3000  /* then it is shut out, if it lets go */
#define DEIA__NODE_FORCE_MS 15000 /* then also if it has a session */
#define DEIA__NODE_OWN_MS 2000	  /* own beat older: the fault may be here */
#define DEIA__NODE_GRACE_MS 5000  /* for all, after a fault here */

enum deia__verdict {
	DEIA__NODE_LIVES,
	DEIA__NODE_SILENT,  /* shut it out, unless it holds its session */
	DEIA__NODE_GIVEN_UP /* shut it out in any case */
};

struct deia__judge {
	int64_t own_ms;	  /* when the own beat was last durable */
	int64_t since_ms; /* no silence counts from before */
	int64_t from_ms;  /* nobody is judged before */
	bool trouble;
};

/* The own beat was made durable for the first time. */
void deia__judge_begin(struct deia__judge *j, int64_t now_ms);
/* And again. */
void deia__judge_beat(struct deia__judge *j, int64_t now_ms);
/* Once at each look, before the verdicts. away: the store cannot be reached. */
bool deia__judge_may(struct deia__judge *j, int64_t now_ms, bool away);
/* moved_ms: when this node's beat was last seen to move, or it was first seen. */
enum deia__verdict deia__judge_node(const struct deia__judge *j,
				    int64_t moved_ms, int64_t now_ms);
/* For those who look: heard of lately. */
bool deia__judge_hears(const struct deia__judge *j, int64_t moved_ms,
		       int64_t now_ms);

#endif
