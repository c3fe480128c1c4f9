/* SPDX-License-Identifier: MIT */
/*
 * depends.c - who waits for whom.
 *
 * A task that others wait for is a "dep" with a list of its waiters, which are
 * places in the waiting tasks themselves. When it has ended it leaves the index
 * and its waiters are told, some in each turn of the loop: there may be as many
 * of them as there are tasks.
 */
#include <stdio.h>

#include "queue/queue.h"

#define TOLD_A_TURN 256

struct deia__dep {
	UT_hash_handle hh; /* until it has ended */
	char id[DEIA__UUID_BYTES];
	TAILQ_HEAD(deia__wait_list, deia__wait) waiting;
	bool ended, success;
	TAILQ_ENTRY(deia__dep) in_ended;
};

static struct deia__dep *find_dep(deia_tasks *q, const char *id)
{
	struct deia__dep *d;

	HASH_FIND_STR(q->deps, id, d);
	return d;
}

static void drop_dep(deia_tasks *q, struct deia__dep *d)
{
	if (d->ended)
		TAILQ_REMOVE(&q->ended_deps, d, in_ended);
	else
		HASH_DEL(q->deps, d);
	deia__free(d);
}

static struct deia__dep *need_dep(deia_tasks *q, const char *id)
{
	struct deia__dep *d = find_dep(q, id);

	if (d)
		return d;
	d = deia__alloc(sizeof(*d));
	if (!d)
		return NULL;
	snprintf(d->id, sizeof(d->id), "%s", id);
	TAILQ_INIT(&d->waiting);
	HASH_ADD_STR(q->deps, id, d);
	if (d->hh.tbl)
		return d;
	deia__free(d);
	return NULL;
}

/* Room for all that it can ever depend on: the places stay where they are. */
static bool reserve(struct deia__task *t)
{
	if (!t->deps)
		t->deps = deia__alloc(t->spec.n_depends_on * sizeof(*t->deps));
	return t->deps != NULL;
}

deia_err deia__dep_add(struct deia__task *t, const char *id)
{
	struct deia__dep *d = reserve(t) ? need_dep(t->q, id) : NULL;
	struct deia__wait *w;

	if (!d)
		return DEIA_ENOMEM;
	w = &t->deps[t->n_deps++];
	w->t = t;
	w->dep = d;
	TAILQ_INSERT_TAIL(&d->waiting, w, in_dep);
	t->deps_open++;
	return DEIA_OK;
}

/* The dep is gone when nobody is left that waits for it. */
static void leave(struct deia__wait *w)
{
	struct deia__dep *d = w->dep;

	TAILQ_REMOVE(&d->waiting, w, in_dep);
	w->dep = NULL;
	if (TAILQ_EMPTY(&d->waiting))
		drop_dep(w->t->q, d);
}

void deia__deps_leave(struct deia__task *t)
{
	for (unsigned i = 0; i < t->n_deps; i++)
		if (t->deps[i].dep)
			leave(&t->deps[i]);
	t->n_deps = 0;
	t->deps_open = 0;
}

void deia__deps_tell(deia_tasks *q, const char *id, bool success)
{
	struct deia__dep *d = find_dep(q, id);

	if (!d)
		return;
	HASH_DEL(q->deps, d);
	d->ended = true;
	d->success = success;
	TAILQ_INSERT_TAIL(&q->ended_deps, d, in_ended);
	deia__ready_soon(q);
}

void deia__deps_run(deia_tasks *q)
{
	struct deia__dep *d;
	struct deia__task *t;

	for (unsigned n = 0;
	     n < TOLD_A_TURN && (d = TAILQ_FIRST(&q->ended_deps)); n++) {
		t = TAILQ_FIRST(&d->waiting)->t;
		t->deps_open--;
		if (!d->success)
			t->dep_failed = true;
		leave(TAILQ_FIRST(&d->waiting));
		deia__task_settle(t);
	}
}
