/* SPDX-License-Identifier: MIT */
/* node_judge.c - see node_judge.h. */
#include "hive/nodes/node_judge.h"

void deia__judge_begin(struct deia__judge *j, int64_t now_ms)
{
	j->own_ms = j->since_ms = j->from_ms = now_ms;
	j->trouble = false;
}

void deia__judge_beat(struct deia__judge *j, int64_t now_ms)
{
	/* Nobody may have asked meanwhile. */
	if (now_ms - j->own_ms > DEIA__NODE_OWN_MS)
		j->trouble = true;
	j->own_ms = now_ms;
}

bool deia__judge_may(struct deia__judge *j, int64_t now_ms, bool away)
{
	if (away || now_ms - j->own_ms > DEIA__NODE_OWN_MS) {
		j->trouble = true;
		return false;
	}
	if (j->trouble) {
		j->trouble = false;
		j->since_ms = now_ms;
		j->from_ms = now_ms + DEIA__NODE_GRACE_MS;
	}
	return now_ms >= j->from_ms;
}

/* How long it has been silent while it could have been heard. */
static int64_t silence(const struct deia__judge *j, int64_t moved_ms,
		       int64_t now_ms)
{
	return now_ms - (moved_ms > j->since_ms ? moved_ms : j->since_ms);
}

enum deia__verdict deia__judge_node(const struct deia__judge *j,
				    int64_t moved_ms, int64_t now_ms)
{
	int64_t ms = silence(j, moved_ms, now_ms);

	if (ms >= DEIA__NODE_FORCE_MS)
		return DEIA__NODE_GIVEN_UP;
	return ms >= DEIA__NODE_STALE_MS ? DEIA__NODE_SILENT : DEIA__NODE_LIVES;
}

bool deia__judge_hears(const struct deia__judge *j, int64_t moved_ms,
		       int64_t now_ms)
{
	return silence(j, moved_ms, now_ms) < DEIA__NODE_STALE_MS;
}
