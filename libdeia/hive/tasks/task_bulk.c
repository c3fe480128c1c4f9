/* SPDX-License-Identifier: MIT */
/*
 * task_bulk.c - one action on many tasks; types of tasks.
 *
 * Each task is a call of its own; one that does not take the action is answered
 * with that, and the others go on. What came of each is audited in one change.
 */
#include "hive/tasks/tasks.h"
#include "hive/outcomes.h"

#include <stdio.h>

/* Who the call about one of them belongs to; its place says which one. */
struct item {
	struct bulk *bulk;
};

struct bulk {
	deia_hive *hive;
	struct deia_actor actor;
	deia_task_action action;
	struct deia__outcomes of;
	size_t open; /* not answered yet */
	struct item items[];
};

static void bulk_free(struct bulk *b)
{
	deia__outcomes_fini(&b->of);
	deia__free(b);
}

static void audit(const struct bulk *b)
{
	struct deia__change *c = deia__change_new(b->hive);
	const char *action = deia__task_action_name(b->action);

	for (size_t i = 0; i < b->of.n; i++)
		deia__change_audit(c, &b->actor, action, b->of.items[i].id,
				   b->of.items[i].err);
	if (deia__change_commit(c, b->hive, NULL, NULL))
		deia__hive_log(b->hive, DEIA_LOG_ERROR,
			       "%zu audit entries %s are lost: %s", b->of.n,
			       action, b->hive->msg.text);
}

/* All are answered. */
static void give(void *arg)
{
	struct bulk *b = arg;
	deia_hive *h = b->hive;

	if (b->actor.role != DEIA_ROLE_BOT && b->of.n)
		audit(b);
	deia__outcomes_give(&b->of, DEIA_OK);
	bulk_free(b);
	deia__tasks_call_ended(h);
}

static void on_item(deia_err err, const struct deia_task *items, size_t n,
		    bool more, void *user)
{
	const struct item *it = user;
	struct bulk *b = it->bulk;

	(void)items;
	(void)n;
	(void)more;
	deia__outcomes_set(&b->of, (size_t)(it - b->items), err);
	if (--b->open == 0)
		give(b);
}

static void begin_all(struct bulk *b)
{
	deia_err err;

	for (size_t i = 0; i < b->of.n; i++) {
		err = deia__task_act(b->hive, &b->actor, b->action,
				     b->of.items[i].id, on_item, &b->items[i]);
		if (err)
			deia__outcomes_set(&b->of, i, err);
		else
			b->open++; /* its callback comes later */
	}
}

static deia_err check(deia_hive *h, const struct deia_actor *actor,
		      deia_task_action action, size_t n)
{
	if ((unsigned)action > DEIA_TASK_DO_APPROVE)
		return deia__hive_fail(h, DEIA_EINVAL, "action: %d is none",
				       (int)action);
	if (n > DEIA_MAX_BATCH_LEN)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "at most %d tasks at once",
				       DEIA_MAX_BATCH_LEN);
	if (actor->role >= DEIA_ROLE_OPERATOR ||
	    (actor->role == DEIA_ROLE_BOT && action == DEIA_TASK_DO_CANCEL))
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_EDENIED,
			       "only operators and administrators do this to "
			       "tasks");
}

deia_err deia_hive_task_bulk(deia_hive *h, const struct deia_actor *actor,
			     deia_task_action action, const char *const *ids,
			     size_t n, deia_hive_outcomes_cb cb, void *user)
{
	deia_err err = check(h, actor, action, n);
	struct bulk *b;

	if (err)
		return err;
	b = deia__alloc(sizeof(*b) + n * sizeof(b->items[0]));
	if (!b)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	b->hive = h;
	b->actor = *actor;
	b->action = action;
	for (size_t i = 0; i < n; i++)
		b->items[i].bulk = b;
	err = deia__outcomes_init(&b->of, h, ids, n, cb, user);
	if (err) {
		deia__free(b);
		return err;
	}
	h->tasks->n_calls++;
	begin_all(b);
	if (b->open || !deia__post_call(h->post, give, b))
		return DEIA_OK;
	h->tasks->n_calls--; /* none was begun */
	bulk_free(b);
	return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
}

/* ---- types -------------------------------------------------------------- */

struct type_call {
	deia_hive *hive;
	struct deia_actor actor;
	char type[DEIA_MAX_ID_LEN + 1];
	deia_done_cb cb;
	void *user;
};

static void on_type(deia_err err, void *user)
{
	struct type_call *c = user;
	deia_hive *h = c->hive;

	deia__tasks_told(h, err);
	deia_hive_audit(h, &c->actor, "task.type", c->type, err);
	if (c->cb)
		c->cb(err, c->user);
	deia__free(c);
	deia__tasks_call_ended(h);
}

deia_err deia_hive_task_set_type(deia_hive *h, const struct deia_actor *actor,
				 const char *type, bool paused,
				 unsigned wip_limit, deia_done_cb cb,
				 void *user)
{
	struct type_call *c;
	deia_err err;

	if (actor->role < DEIA_ROLE_OPERATOR)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only operators and administrators "
				       "pause and limit types of tasks");
	c = deia__alloc(sizeof(*c));
	if (!c)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	c->hive = h;
	c->actor = *actor;
	snprintf(c->type, sizeof(c->type), "%s", type ? type : "");
	c->cb = cb;
	c->user = user;
	err = deia_tasks_set_type(h->tasks->queue, type, paused, wip_limit,
				  actor->name, on_type, c);
	if (err)
		deia__free(c);
	else
		h->tasks->n_calls++;
	return deia__tasks_told(h, err);
}
