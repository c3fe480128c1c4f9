/* SPDX-License-Identifier: MIT */
/* types.c - the types of tasks: pauses, and how many may be under way. */
#include <stdio.h>
#include <string.h>

#include "queue/queue.h"

#define MAX_WIP_LIMIT 10000

struct deia__ttype *deia__ttype_find(deia_tasks *q, const char *name)
{
	for (unsigned i = 0; name && i < q->n_types; i++)
		if (strcmp(q->types[i].name, name) == 0)
			return &q->types[i];
	return NULL;
}

struct deia__ttype *deia__ttype_add(deia_tasks *q, const char *name)
{
	struct deia__ttype *type = deia__ttype_find(q, name);

	if (type)
		return type;
	if (q->n_types == DEIA_MAX_TASK_TYPES ||
	    strlen(name) > DEIA_MAX_ID_LEN ||
	    deia_scheduler_add_type(q->scheduler, name))
		return NULL;
	type = &q->types[q->n_types++];
	memset(type, 0, sizeof(*type));
	snprintf(type->name, sizeof(type->name), "%s", name);
	deia_histogram_init(&type->waits, DEIA_SCALE_WAIT);
	return type;
}

struct deia__ttype *deia__ttype_known(deia_tasks *q, const char *name)
{
	struct deia__ttype *type = deia__ttype_find(q, name);

	if (type)
		return type;
	(void)deia__ttypes_add_known(q);
	return deia__ttype_find(q, name);
}

bool deia__ttypes_add_known(deia_tasks *q)
{
	const char *type;
	bool all = true;

	for (size_t n = 0; (type = deia_task_analyzer_type(q->analyzer, n));
	     n++)
		all = deia__ttype_add(q, type) && all;
	return all;
}

void deia__task_waited(const struct deia__task *t)
{
	int64_t since = t->rank - (int64_t)t->priority * t->q->opts.ageing_ms;

	if (t->s.attempt == 1)
		deia_histogram_add(&t->type->waits,
				   (deia__tasks_now(t->q) - since) * 1000);
}

bool deia__ttype_may_run(const struct deia__ttype *type)
{
	return !type->paused &&
	       (type->wip_limit == 0 || type->active < type->wip_limit);
}

struct change {
	struct deia__ttype *type;
	deia_tasks *q;
	bool paused;
	unsigned wip_limit;
	void (*cb)(deia_err err, void *user);
	void *user;
};

static void on_commit(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	struct change *c = user;

	(void)seqs;
	(void)n;
	c->q->n_under_way--;
	if (!err) {
		c->type->paused = c->paused;
		c->type->wip_limit = c->wip_limit;
		deia__plan_soon(c->q);
	} else {
		deia__tasks_store_error(c->q, err);
	}
	if (c->cb)
		c->cb(err, c->user);
	deia__free(c);
}

static deia_err commit(struct change *c, const char *by)
{
	struct deia_value row[TASK_TYPE_COLUMNS];
	deia_txn *txn = deia_txn_new(c->q->store);

	row[TASK_TYPE_NAME] = deia_text(c->type->name);
	row[TASK_TYPE_PAUSED] = deia_int(c->paused);
	row[TASK_TYPE_WIP_LIMIT] = deia_int(c->wip_limit);
	row[TASK_TYPE_UPDATED] = deia_int(deia__tasks_wall(c->q));
	row[TASK_TYPE_UPDATED_BY] = deia_text(by ? by : "");
	deia_txn_put(txn, &deia__table_task_types, row);
	return deia_txn_commit(txn, on_commit, c);
}

deia_err deia_tasks_set_type(deia_tasks *q, const char *name, bool paused,
			     unsigned wip_limit, const char *by,
			     void (*cb)(deia_err err, void *user), void *user)
{
	struct deia__ttype *type = name ? deia__ttype_known(q, name) : NULL;
	struct change *c;
	deia_err err;

	if (!type)
		return deia__tasks_fail(q, DEIA_ENOTFOUND,
					"there is no type of task \"%.64s\"",
					name ? name : "");
	if (wip_limit > MAX_WIP_LIMIT)
		return deia__tasks_fail(q, DEIA_EINVAL,
					"wip_limit must be from 0 to 10000");
	c = deia__alloc(sizeof(*c));
	if (!c)
		return DEIA_ENOMEM;
	*c = (struct change){ type, q, paused, wip_limit, cb, user };
	err = commit(c, by);
	if (err)
		deia__free(c);
	else
		q->n_under_way++;
	return err ? deia__tasks_store_error(q, err) : DEIA_OK;
}

static int64_t oldest(const deia_tasks *q, const struct deia__ttype *type)
{
	const struct deia__lane *lane;
	const struct deia__task *first;
	int64_t now = deia__tasks_now(q), least = 0, since;

	for (lane = q->lanes; lane; lane = lane->hh.next) {
		first = TAILQ_FIRST(&lane->tasks);
		if (lane->type != type || !first)
			continue;
		since = first->rank -
			(int64_t)first->priority * q->opts.ageing_ms;
		if (least == 0 || since < least)
			least = since;
	}
	return least ? deia__tasks_wall(q) - (now - least) : 0;
}

bool deia_tasks_type_at(const deia_tasks *q, size_t n,
			struct deia_task_type_status *out)
{
	const struct deia__ttype *type;

	if (n >= q->n_types)
		return false;
	type = &q->types[n];
	*out = (struct deia_task_type_status){
		type->name,   type->paused, type->wip_limit,
		type->queued, type->active, oldest(q, type),
	};
	memcpy(out->ended, type->ended, sizeof(out->ended));
	out->waits = type->waits;
	return true;
}
