/* SPDX-License-Identifier: MIT */
/*
 * lanes.c - what waits for a bot, in order.
 *
 * Tasks of one type and priority that ask for the same bot or capabilities, and
 * avoid the same bots, stand in one lane, by rank: since when they are queued, plus what their
 * priority costs them (linear ageing). When the first ones of a lane must wait
 * on, so must the others, so a plan need not look at all of them.
 */
#include <string.h>

#include "core/buf.h"
#include "queue/queue.h"

static void print_key(struct deia__buf *key, const struct deia__task *t)
{
	const char *failed[DEIA_MAX_ATTEMPTS];
	size_t n = deia__attempts_failed(t, failed, DEIA_MAX_ATTEMPTS);

	deia__buf_addf(key, "%s\x1f%u\x1f%s", t->type->name, t->priority,
		       t->pinned ? t->pinned : "");
	for (unsigned i = 0; i < t->spec.n_capabilities; i++) {
		deia__buf_adds(key, "\x1f");
		deia__buf_adds(key, t->spec.capabilities[i]);
	}
	for (size_t i = 0; i < n; i++) {
		deia__buf_adds(key, "\x1e");
		deia__buf_adds(key, failed[i]);
	}
}

static struct deia__lane *make(deia_tasks *q, const struct deia__task *t,
			       const struct deia__buf *key)
{
	struct deia__lane *lane = deia__alloc(sizeof(*lane) + key->len + 1);

	if (!lane)
		return NULL;
	lane->type = t->type;
	TAILQ_INIT(&lane->tasks);
	memcpy(lane->key, key->data, key->len + 1);
	HASH_ADD_KEYPTR(hh, q->lanes, lane->key, key->len, lane);
	if (lane->hh.tbl)
		return lane;
	deia__free(lane);
	return NULL;
}

static struct deia__lane *lane_of(struct deia__task *t)
{
	struct deia__lane *lane = NULL;
	struct deia__buf key;

	deia__buf_init(&key, 0);
	print_key(&key, t);
	if (!key.err) {
		HASH_FIND(hh, t->q->lanes, key.data, key.len, lane);
		if (!lane)
			lane = make(t->q, t, &key);
	}
	deia__buf_fini(&key);
	return lane;
}

/* Most come last; one that is tried again comes near the front. */
static void insert(struct deia__lane *lane, struct deia__task *t)
{
	struct deia__task *last = TAILQ_LAST(&lane->tasks, deia__lane_list);
	struct deia__task *at;

	if (!last || last->rank <= t->rank) {
		TAILQ_INSERT_TAIL(&lane->tasks, t, in_lane);
		return;
	}
	at = TAILQ_FIRST(&lane->tasks);
	while (at->rank <= t->rank)
		at = TAILQ_NEXT(at, in_lane);
	TAILQ_INSERT_BEFORE(at, t, in_lane);
}

void deia__lane_enter(struct deia__task *t)
{
	deia_tasks *q = t->q;

	if (t->lane)
		return;
	t->lane = lane_of(t);
	if (!t->lane) {
		deia__task_hold(t);
		return;
	}
	if (t->rank == 0)
		t->rank = deia__tasks_now(q) +
			  (int64_t)t->priority * q->opts.ageing_ms;
	t->type->queued++;
	t->waits = WAITS_TURN;
	t->waits_for[0] = '\0';
	insert(t->lane, t);
	t->lane->n++;
	deia__plan_soon(q);
}

void deia__lane_leave(struct deia__task *t)
{
	struct deia__lane *lane = t->lane;

	if (!lane)
		return;
	TAILQ_REMOVE(&lane->tasks, t, in_lane);
	t->lane = NULL;
	lane->n--;
	t->type->queued--;
	if (!TAILQ_EMPTY(&lane->tasks) || t->q->planning)
		return;
	HASH_DEL(t->q->lanes, lane);
	deia__free(lane);
}

void deia_tasks_each_waiting(
	const deia_tasks *q,
	void (*cb)(const struct deia_tasks_waiting *waiting, void *user),
	void *user)
{
	const struct deia__lane *lane;
	const struct deia__task *t;
	struct deia_tasks_waiting w;

	for (lane = q->lanes; lane; lane = lane->hh.next) {
		t = TAILQ_FIRST(&lane->tasks);
		if (!t || !deia__ttype_may_run(lane->type))
			continue;
		w = (struct deia_tasks_waiting){
			.type = lane->type->name,
			.pinned = t->pinned ? t->pinned : "",
			.waits_for = t->waits_for,
			.capabilities =
				(const char *const *)t->spec.capabilities,
			.n_capabilities = t->spec.n_capabilities,
			.n = lane->n,
			.oldest_wait_ms =
				deia__tasks_now(q) - t->rank +
				(int64_t)t->priority * q->opts.ageing_ms,
		};
		cb(&w, user);
	}
}
