/* SPDX-License-Identifier: MIT */
/*
 * task_calls.c - who may do what with tasks, and the calls for that.
 *
 * Operators and administrators may do everything. What a bot may do depends on
 * whose task it is, so the task is looked up first. For a bot a task that is
 * none of its business does not exist. Audited is what people change, each call
 * once, when it is durable or was refused by then; bots' own doings are not, as
 * with mail: the task itself says who submitted it.
 */
#include "hive/tasks/tasks.h"

#include <stdio.h>
#include <string.h>

enum what { GET, PAGE, CANCEL, RETRY, APPROVE, VERDICT };

static const struct {
	const char *audit; /* NULL: it changes nothing */
	deia_role least;   /* of people */
	bool bots;	   /* a bot may, if it is its task */
	const char *who;   /* else */
} rules[] = {
	[GET] = { NULL, DEIA_ROLE_VIEWER, true, "sign in to see tasks" },
	[PAGE] = { NULL, DEIA_ROLE_VIEWER, true, "sign in to see tasks" },
	[CANCEL] = { "task.cancel", DEIA_ROLE_OPERATOR, true,
		     "only operators, administrators and the bots concerned "
		     "cancel tasks" },
	[RETRY] = { "task.retry", DEIA_ROLE_OPERATOR, false,
		    "only operators and administrators retry tasks" },
	[APPROVE] = { "task.approve", DEIA_ROLE_OPERATOR, false,
		      "only operators and administrators approve tasks" },
	[VERDICT] = { "task.verdict", DEIA_ROLE_OPERATOR, true,
		      "only operators, administrators and the bot that "
		      "submitted it judge a task" },
};

struct call {
	deia_hive *hive;
	struct deia_actor actor; /* its replay is not looked at */
	enum what what;
	bool quiet;   /* it is audited elsewhere, if at all */
	bool success; /* verdict */
	char *note;   /* the same; or NULL */
	char id[DEIA_MAX_ID_LEN + 1];
	deia_tasks_cb cb;
	void *user;
};

const char *deia__task_action_name(deia_task_action action)
{
	static const enum what whats[] = {
		[DEIA_TASK_DO_CANCEL] = CANCEL,
		[DEIA_TASK_DO_RETRY] = RETRY,
		[DEIA_TASK_DO_APPROVE] = APPROVE,
	};

	return rules[whats[action]].audit;
}

/* ---- who may ------------------------------------------------------------ */

static deia_err may(deia_hive *h, const struct deia_actor *actor,
		    enum what what)
{
	bool yes = actor->role == DEIA_ROLE_BOT
			   ? rules[what].bots
			   : actor->role >= rules[what].least;

	return yes ? DEIA_OK
		   : deia__hive_fail(h, DEIA_EDENIED, "%s", rules[what].who);
}

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static bool was_given(const struct deia_task *t, const char *bot)
{
	if (is(t->bot, bot) || is(t->pinned, bot))
		return true;
	for (size_t i = 0; i < t->n_attempts; i++)
		if (is(t->attempts[i].bot, bot))
			return true;
	return false;
}

static deia_err no_task(deia_hive *h)
{
	return deia__hive_fail(h, DEIA_ENOTFOUND, "there is no such task");
}

/* Whether a bot may do this to this task. */
static deia_err bot_may(const struct call *c, const struct deia_task *t)
{
	const char *bot = c->actor.name;
	bool own = is(t->submitted_by, bot);

	if (!own && !was_given(t, bot))
		return no_task(c->hive);
	if (c->what == VERDICT && !own)
		return deia__hive_fail(c->hive, DEIA_EDENIED, "%s",
				       rules[VERDICT].who);
	return DEIA_OK;
}

/* ---- calls -------------------------------------------------------------- */

static struct call *call_new(deia_hive *h, const struct deia_actor *actor,
			     enum what what, deia_tasks_cb cb, void *user)
{
	struct call *c = deia__alloc(sizeof(*c));

	if (!c) {
		deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
		return NULL;
	}
	c->hive = h;
	c->actor = *actor;
	c->what = what;
	c->cb = cb;
	c->user = user;
	return c;
}

static void call_free(struct call *c)
{
	deia__free(c->note);
	deia__free(c);
}

/* Takes over: on an error the call is freed, and its cb never called. */
static deia_err began(deia_hive *h, struct call *c, deia_err err)
{
	if (err)
		call_free(c);
	else
		h->tasks->n_calls++;
	return deia__tasks_told(h, err);
}

static void audit(const struct call *c, deia_err err)
{
	const char *action = rules[c->what].audit;

	if (action && !c->quiet && c->actor.role != DEIA_ROLE_BOT)
		deia_hive_audit(c->hive, &c->actor, action, c->id, err);
}

/* The end of one that was begun; what is wrong is said already. */
static void answer(struct call *c, deia_err err, const struct deia_task *items,
		   size_t n, bool more)
{
	deia_hive *h = c->hive;

	audit(c, err);
	if (c->cb)
		c->cb(err, err ? NULL : items, err ? 0 : n, more, c->user);
	call_free(c);
	deia__tasks_call_ended(h);
}

static void on_answer(deia_err err, const struct deia_task *items, size_t n,
		      bool more, void *user)
{
	struct call *c = user;

	deia__tasks_told(c->hive, err);
	if (!err && c->what == GET && c->actor.role == DEIA_ROLE_BOT && n)
		err = bot_may(c, &items[0]);
	answer(c, err, items, n, more);
}

/* Has the queue do it; on an error the call is as it was. */
static deia_err do_it(struct call *c)
{
	deia_tasks *t = c->hive->tasks->queue;
	const char *by = c->actor.name;

	switch (c->what) {
	case CANCEL:
		return deia_tasks_cancel(t, c->id, by, on_answer, c);
	case RETRY:
		return deia_tasks_retry(t, c->id, by, on_answer, c);
	case APPROVE:
		return deia_tasks_approve(t, c->id, by, on_answer, c);
	case VERDICT:
		return deia_tasks_verdict(t, c->id, c->success, by, c->note,
					  on_answer, c);
	default:
		return deia_tasks_get(t, c->id, on_answer, c);
	}
}

/* A bot's task, before anything is done to it. */
static void on_looked(deia_err err, const struct deia_task *items, size_t n,
		      bool more, void *user)
{
	struct call *c = user;

	(void)more;
	deia__tasks_told(c->hive, err);
	if (!err && c->hive->freeing)
		err = DEIA_ECANCELED;
	if (!err)
		err = n ? bot_may(c, &items[0]) : no_task(c->hive);
	if (!err)
		err = deia__tasks_told(c->hive, do_it(c));
	if (err)
		answer(c, err, NULL, 0, false);
}

/* Takes c over, also on an error. */
static deia_err begin(deia_hive *h, struct call *c, const char *id)
{
	deia_err err = may(h, &c->actor, c->what);

	if (!err && (!id || !deia__uuid_valid(id)))
		err = no_task(h);
	if (err) {
		call_free(c);
		return err;
	}
	snprintf(c->id, sizeof(c->id), "%s", id);
	if (c->actor.role == DEIA_ROLE_BOT && c->what != GET)
		return began(
			h, c,
			deia_tasks_get(h->tasks->queue, c->id, on_looked, c));
	return began(h, c, do_it(c));
}

deia_err deia_hive_task_get(deia_hive *h, const struct deia_actor *actor,
			    const char *id, deia_tasks_cb cb, void *user)
{
	struct call *c = call_new(h, actor, GET, cb, user);

	return c ? begin(h, c, id) : DEIA_ENOMEM;
}

static deia_err act(deia_hive *h, const struct deia_actor *actor,
		    enum what what, bool quiet, const char *id,
		    deia_tasks_cb cb, void *user)
{
	struct call *c = call_new(h, actor, what, cb, user);

	if (!c)
		return DEIA_ENOMEM;
	c->quiet = quiet;
	return begin(h, c, id);
}

deia_err deia_hive_task_cancel(deia_hive *h, const struct deia_actor *actor,
			       const char *id, deia_tasks_cb cb, void *user)
{
	return act(h, actor, CANCEL, false, id, cb, user);
}

deia_err deia_hive_task_retry(deia_hive *h, const struct deia_actor *actor,
			      const char *id, deia_tasks_cb cb, void *user)
{
	return act(h, actor, RETRY, false, id, cb, user);
}

deia_err deia_hive_task_approve(deia_hive *h, const struct deia_actor *actor,
				const char *id, deia_tasks_cb cb, void *user)
{
	return act(h, actor, APPROVE, false, id, cb, user);
}

deia_err deia__task_act(deia_hive *h, const struct deia_actor *actor,
			deia_task_action action, const char *id,
			deia_tasks_cb cb, void *user)
{
	static const enum what whats[] = {
		[DEIA_TASK_DO_CANCEL] = CANCEL,
		[DEIA_TASK_DO_RETRY] = RETRY,
		[DEIA_TASK_DO_APPROVE] = APPROVE,
	};

	return act(h, actor, whats[action], true, id, cb, user);
}

deia_err deia_hive_task_verdict(deia_hive *h, const struct deia_actor *actor,
				const char *id, bool success, const char *note,
				deia_tasks_cb cb, void *user)
{
	struct call *c = call_new(h, actor, VERDICT, cb, user);

	if (!c)
		return DEIA_ENOMEM;
	c->success = success;
	c->note = deia__strdup(note);
	if (note && !c->note) {
		call_free(c);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	return begin(h, c, id);
}

deia_err deia_hive_task_page(deia_hive *h, const struct deia_actor *actor,
			     const struct deia_task_query *query,
			     deia_tasks_cb cb, void *user)
{
	struct deia_task_query q = DEIA_TASK_QUERY_INIT;
	deia_err err = may(h, actor, PAGE);
	struct call *c;

	if (err)
		return err;
	if (!query || query->size < sizeof(q.size) || query->size > sizeof(q))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "query: size is not of this version");
	memcpy(&q, query, query->size);
	q.size = sizeof(q);
	if (actor->role == DEIA_ROLE_BOT) {
		if (q.submitted_by && strcmp(q.submitted_by, actor->name) != 0)
			return deia__hive_fail(h, DEIA_EDENIED,
					       "a bot sees the tasks that it "
					       "submitted; nothing else");
		q.submitted_by = actor->name;
	}
	c = call_new(h, actor, PAGE, cb, user);
	if (!c)
		return DEIA_ENOMEM;
	return began(h, c, deia_tasks_page(h->tasks->queue, &q, on_answer, c));
}
