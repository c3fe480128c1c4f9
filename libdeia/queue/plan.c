/* SPDX-License-Identifier: MIT */
/*
 * plan.c - who of those that wait gets a bot now.
 *
 * A plan walks the lanes together, in the order of the ranks, and asks the
 * scheduler for each task. One that shall wait for a bot holds its time back
 * there, so that those behind it see it.
 */
#include <stdio.h>
#include <string.h>

#include "queue/queue.h"

/* Tasks of a lane that have to wait on, one after another, until the rest of it
 * is left alone: fewer where there are many lanes. */
#define VAIN_MAX 64u
#define VAIN_IN_ALL 4096u
/* After a plan that looked at more, the next one waits: so many a millisecond. */
#define LOOKS_PER_MS 100
/* What waits is looked at again, for time alone changes what is best: a run
 * that takes longer than expected, the end of a pause. */
#define LOOK_AGAIN_MS 1000

/* ---- a heap of lanes, by the rank of the task that is next ------------- */

static bool before(const struct deia__lane *a, const struct deia__lane *b)
{
	return a->at->rank < b->at->rank;
}

static void sift_down(struct deia__lane **heap, size_t n, size_t i)
{
	for (;;) {
		size_t least = i, l = 2 * i + 1;
		struct deia__lane *swap = heap[i];

		if (l < n && before(heap[l], heap[least]))
			least = l;
		if (l + 1 < n && before(heap[l + 1], heap[least]))
			least = l + 1;
		if (least == i)
			return;
		heap[i] = heap[least];
		heap[least] = swap;
		i = least;
	}
}

static bool grow(deia_tasks *q, unsigned n)
{
	struct deia__lane **heap;

	if (n <= q->heap_cap)
		return true;
	heap = deia__realloc(q->heap, n * 2 * sizeof(*heap));
	if (!heap)
		return false;
	q->heap = heap;
	q->heap_cap = n * 2;
	return true;
}

static size_t build(deia_tasks *q)
{
	struct deia__lane *lane;
	size_t n = 0, i;

	if (!grow(q, HASH_COUNT(q->lanes))) {
		deia__plan_later(q, DEIA__AGAIN_MS);
		return 0;
	}
	for (lane = q->lanes; lane; lane = lane->hh.next) {
		lane->at = TAILQ_FIRST(&lane->tasks);
		lane->vain = 0;
		if (lane->at && deia__ttype_may_run(lane->type))
			q->heap[n++] = lane;
	}
	for (i = n / 2; i-- > 0;)
		sift_down(q->heap, n, i);
	return n;
}

/* ---- one task ---------------------------------------------------------- */

static bool can(const struct deia__task_bot *bot, const char *capability)
{
	for (unsigned i = 0; i < bot->n_capabilities; i++)
		if (strcmp(bot->capabilities[i], capability) == 0)
			return true;
	return false;
}

static bool may(const char *id, void *user)
{
	const struct deia__task *t = user;
	const struct deia__task_bot *bot;

	if (t->pinned)
		return strcmp(t->pinned, id) == 0;
	if (t->spec.n_capabilities == 0)
		return true;
	bot = deia__task_bot(t->q, id);
	for (unsigned i = 0; bot && i < t->spec.n_capabilities; i++)
		if (!can(bot, t->spec.capabilities[i]))
			return false;
	return bot != NULL;
}

static void explain(struct deia__task *t, deia_err err, const char *bot)
{
	t->waits_for[0] = '\0';
	if (!err)
		snprintf(t->waits_for, sizeof(t->waits_for), "%s", bot);
	t->waits = t->pinned		    ? WAITS_PINNED
		   : t->spec.n_capabilities ? WAITS_CAPABLE
					    : WAITS_ANY;
}

static void tell_why(struct deia__task *t, const struct deia_scheduler_ask *ask,
		     const char *bot)
{
	struct deia_scheduler_recommendation why;
	deia_tasks *q = t->q;

	if (q->opts.decided &&
	    !deia_scheduler_explain(q->scheduler, ask, bot,
				    DEIA_MAX_ALTERNATIVES, &why))
		q->opts.decided(t->id, t->s.attempt + 1, &why, q->opts.user);
}

/* True: it is on its way to a bot. */
static bool try(struct deia__task *t)
{
	const char *failed[DEIA_MAX_ATTEMPTS];
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice choice;
	char bot[DEIA_MAX_ID_LEN + 1];
	unsigned used = t->s.attempt - t->s.excused;
	deia_err err;

	ask.type = t->type->name;
	ask.avoid = failed;
	ask.avoid_len = deia__attempts_failed(t, failed, DEIA_MAX_ATTEMPTS);
	ask.attempts_left = t->max_attempts > used ? t->max_attempts - used : 1;
	ask.may = t->pinned || t->spec.n_capabilities ? may : NULL;
	ask.user = t;
	err = deia_scheduler_choose(t->q->scheduler, &ask, &choice);
	if (err || !choice.start) {
		explain(t, err, err ? "" : choice.bot);
		return false;
	}
	snprintf(bot, sizeof(bot), "%s", choice.bot);
	tell_why(t, &ask, bot);
	deia__task_assign(t, bot);
	return true;
}

/* ---- a plan ------------------------------------------------------------ */

static size_t drop_top(deia_tasks *q, size_t n)
{
	q->heap[0] = q->heap[n - 1];
	sift_down(q->heap, n - 1, 0);
	return n - 1;
}

/* Looks at the task that is next; returns how many lanes are left. */
static size_t step(deia_tasks *q, size_t n, unsigned vain_max)
{
	struct deia__lane *lane = q->heap[0];
	struct deia__task *t = lane->at;

	if (!deia__ttype_may_run(lane->type))
		return drop_top(q, n);
	lane->at = TAILQ_NEXT(t, in_lane);
	if (try(t))
		lane->vain = 0;
	else
		lane->vain++;
	if (!lane->at || lane->vain >= vain_max)
		return drop_top(q, n);
	sift_down(q->heap, n, 0);
	return n;
}

static void free_empty(deia_tasks *q)
{
	struct deia__lane *lane, *next;

	HASH_ITER(hh, q->lanes, lane, next) {
		if (!TAILQ_EMPTY(&lane->tasks))
			continue;
		HASH_DEL(q->lanes, lane);
		deia__free(lane);
	}
}

static unsigned walk(deia_tasks *q)
{
	size_t n = build(q);
	unsigned vain_max = n ? VAIN_IN_ALL / (unsigned)n : 0, looked = 0;

	if (vain_max < 1)
		vain_max = 1;
	if (vain_max > VAIN_MAX)
		vain_max = VAIN_MAX;
	while (n > 0 && deia_scheduler_has_room(q->scheduler)) {
		n = step(q, n, vain_max);
		looked++;
	}
	return looked;
}

void deia__plan_run(void *arg)
{
	deia_tasks *q = arg;
	unsigned looked, rest = 0;

	if (!q->started || q->stopped || !q->lanes)
		return;
	deia_scheduler_plan(q->scheduler, deia__tasks_now(q));
	if (deia_scheduler_has_room(q->scheduler)) {
		q->planning = true;
		looked = walk(q);
		q->planning = false;
		free_empty(q);
		if (looked > VAIN_IN_ALL)
			rest = looked / LOOKS_PER_MS;
	}
	q->no_plan_before = deia__tasks_now(q) + rest;
	if (q->lanes)
		deia__plan_later(q, LOOK_AGAIN_MS);
}

void deia__plan_later(deia_tasks *q, int64_t delay_ms)
{
	struct deia__timer *timer = &q->plan_timer;
	int64_t rest = q->no_plan_before - deia__tasks_now(q);

	if (!q->started || q->stopped)
		return;
	if (delay_ms < rest)
		delay_ms = rest;
	if (deia__timer_armed(timer) &&
	    timer->due_ms <= deia__tasks_now(q) + delay_ms)
		return;
	(void)!deia__timer_set(q->timers, timer, delay_ms);
}

void deia__plan_soon(deia_tasks *q)
{
	deia__plan_later(q, 0);
}
