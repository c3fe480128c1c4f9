/* SPDX-License-Identifier: MIT */
/*
 * task_submit.c - who submits tasks, as whom, and for which bot.
 *
 * A task is submitted by the actor itself, whatever its draft says. It may name
 * any bot of this node. What people submit is audited, one entry a call.
 */
#include "hive/nodes/nodes.h"
#include "hive/tasks/checks.h"
#include "hive/tasks/tasks.h"

#include <stdio.h>
#include <string.h>

static deia_err may_submit(deia_hive *h, const struct deia_actor *actor)
{
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (actor->role == DEIA_ROLE_BOT)
		return deia__bot_known(h, actor->name)
			       ? DEIA_OK
			       : deia__no_bot(h, actor->name);
	if (actor->role < DEIA_ROLE_OPERATOR)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only bots, operators and "
				       "administrators submit tasks");
	return DEIA_OK;
}

deia_err deia__task_may_pin(const char *bot, char *why, size_t len, void *user)
{
	deia_hive *h = user;
	deia_err err =
		deia__hbot_find(h, bot) ? DEIA_OK : deia__not_here(h, bot);

	if (err)
		snprintf(why, len, "%s", deia_hive_errmsg(h));
	return err;
}

static deia_err sign_one(deia_hive *h, const struct deia_actor *actor,
			 const struct deia_task_draft *from,
			 struct deia_task_draft *to)
{
	static const struct deia_task_draft init = DEIA_TASK_DRAFT_INIT;

	if (from->size < sizeof(from->size) || from->size > sizeof(*to))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "draft: size is not of this version");
	*to = init;
	memcpy(to, from, from->size);
	to->size = sizeof(*to);
	to->submitted_by = actor->name;
	if (!to->traceparent || !*to->traceparent)
		to->traceparent = deia__trace_of(h, actor, NULL);
	if (to->check && !deia__check_is_known(h, to->check))
		return deia__hive_field(h, "/check",
					"there is no check \"%.64s\"; an "
					"administrator sets them in the "
					"configuration",
					to->check);
	return DEIA_OK;
}

/* Copies that the actor is named in; NULL with *err said. */
static struct deia_task_draft *sign(deia_hive *h,
				    const struct deia_actor *actor,
				    const struct deia_task_draft *drafts,
				    size_t n, deia_err *err)
{
	struct deia_task_draft *out = deia__alloc(n * sizeof(*out));

	*err = out ? DEIA_OK : deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	for (size_t i = 0; out && i < n && !*err; i++) {
		*err = sign_one(h, actor, &drafts[i], &out[i]);
		if (*err)
			h->tasks->error_index = (int)i;
	}
	if (!*err)
		return out;
	deia__free(out);
	return NULL;
}

struct submission {
	deia_hive *hive;
	struct deia_actor actor;
	size_t n;
	bool *replayed;
	deia_tasks_cb cb;
	void *user;
};

/* One entry for each call, by its first task. */
static void audit_submission(const struct submission *s, deia_err err,
			     const struct deia_task *items)
{
	char target[64] = "";
	int len = 0;

	if (s->actor.role == DEIA_ROLE_BOT || (s->replayed && *s->replayed))
		return;
	if (!err && items)
		len = snprintf(target, sizeof(target), "%s", items[0].id);
	if (s->n > 1 && len >= 0 && (size_t)len < sizeof(target))
		snprintf(target + len, sizeof(target) - (size_t)len, "%s%zu %s",
			 len ? " and " : "", s->n - !!len,
			 len ? "more" : "tasks");
	deia_hive_audit(s->hive, &s->actor, "task.submit", target, err);
}

static void on_submitted(deia_err err, const struct deia_task *items, size_t n,
			 bool more, void *user)
{
	struct submission *s = user;
	deia_hive *h = s->hive;

	h->tasks->error_index = deia_tasks_error_index(h->tasks->queue);
	deia__tasks_told(h, err);
	audit_submission(s, err, n ? items : NULL);
	s->cb(err, items, n, more, s->user);
	deia__free(s);
	deia__tasks_call_ended(h);
}

static deia_err hand_over(deia_hive *h, struct submission *s,
			  const struct deia_task_draft *drafts, const char *key)
{
	struct deia__tasks *tasks = h->tasks;
	deia_err err = deia_tasks_submit(tasks->queue, drafts, s->n, key,
					 s->replayed, on_submitted, s);

	if (!err) {
		tasks->n_calls++;
		return DEIA_OK;
	}
	tasks->error_index = deia_tasks_error_index(tasks->queue);
	return deia__tasks_told(h, err);
}

static struct submission *submission_new(deia_hive *h,
					 const struct deia_actor *actor,
					 size_t n, bool *replayed,
					 deia_tasks_cb cb, void *user)
{
	struct submission *s = deia__alloc(sizeof(*s));

	if (!s) {
		deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
		return NULL;
	}
	s->hive = h;
	s->actor = *actor;
	s->n = n;
	s->replayed = replayed;
	s->cb = cb;
	s->user = user;
	return s;
}

deia_err deia_hive_task_submit(deia_hive *h, const struct deia_actor *actor,
			       const struct deia_task_draft *drafts, size_t n,
			       const char *key, bool *replayed,
			       deia_tasks_cb cb, void *user)
{
	deia_err err = may_submit(h, actor);
	struct deia_task_draft *own;
	struct submission *s;

	h->tasks->error_index = -1;
	if (err)
		return err;
	if (!n || n > DEIA_MAX_BATCH_LEN)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "a call submits 1 to %d tasks",
				       DEIA_MAX_BATCH_LEN);
	own = sign(h, actor, drafts, n, &err);
	if (!own)
		return err;
	s = submission_new(h, actor, n, replayed, cb, user);
	err = s ? hand_over(h, s, own, key) : DEIA_ENOMEM;
	if (err)
		deia__free(s);
	deia__free(own);
	return err;
}
