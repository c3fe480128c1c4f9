/* SPDX-License-Identifier: MIT */
/*
 * scheduling_acts.c - what people tell the scheduler: outcomes, resets, another
 * policy.
 *
 * What an outcome or a reset changes is stored in the change that holds its
 * audit entry, and acknowledged with it. All that is new goes along, since the
 * scheduler does not say which rows came from what.
 */
#include "hive/scheduling/scheduling.h"
#include "hive/nodes/nodes.h"

#include <stdio.h>
#include <string.h>

static deia_err no_type(deia_hive *h, const char *type)
{
	return deia__hive_fail(h, DEIA_ENOTFOUND,
			       "task_type: there is no type of task "
			       "\"%.64s\"",
			       type ? type : "");
}

static deia_err check_open(deia_hive *h)
{
	if (h->stopping || h->freeing)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	return DEIA_OK;
}

/* ---- one act -------------------------------------------------------------- */

struct act {
	struct deia_scheduler_outcome outcome; /* .bot NULL: a reset */
	char bot[DEIA_MAX_ID_LEN + 1], type[DEIA_MAX_ID_LEN + 1];
	deia_done_cb cb;
	void *user;
};

static struct act *act_new(const char *bot, const char *type, deia_done_cb cb,
			   void *user)
{
	struct act *a = deia__alloc(sizeof(*a));

	if (!a)
		return NULL;
	snprintf(a->bot, sizeof(a->bot), "%s", bot ? bot : "");
	snprintf(a->type, sizeof(a->type), "%s", type ? type : "");
	a->cb = cb;
	a->user = user;
	return a;
}

static void write_journal(deia_hive *h, const struct act *a)
{
	if (a->outcome.bot)
		deia__scheduling_recorded(h, NULL, &a->outcome);
	else
		deia__scheduling_was_reset(h, a->bot[0] ? a->bot : NULL,
					   a->type[0] ? a->type : NULL);
}

static void on_durable(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	struct act *a = arg;

	(void)seqs;
	(void)n_seqs;
	if (err)
		deia__saver_refused(&h->scheduling->saver);
	else
		write_journal(h, a);
	if (!h->freeing)
		deia__scheduling_circuit(h, a->bot[0] ? a->bot : NULL);
	if (a->cb)
		a->cb(err, a->user);
	deia__free(a);
}

/* Takes a and c over; what is new goes into c. */
static deia_err commit(deia_hive *h, struct deia__change *c, struct act *a)
{
	deia_err err;

	deia__saver_put(&h->scheduling->saver, c);
	err = deia__change_commit(c, h, on_durable, a);
	if (err) {
		deia__saver_refused(&h->scheduling->saver);
		deia__free(a);
	}
	return err;
}

/* ---- outcomes ------------------------------------------------------------- */

static deia_err check_type(deia_hive *h, const struct deia_execution *e)
{
	if (deia__scheduling_has_type(h, e->type))
		return DEIA_OK;
	if (!e->new_type)
		return no_type(h, e->type);
	return deia__scheduling_add_type(h, "/task_type", e->type);
}

static deia_err check_execution(deia_hive *h, const struct deia_execution *e)
{
	deia_err err = check_open(h);

	if (err)
		return err;
	if (!e || e->size != sizeof(*e))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "execution: size is not of this "
				       "version");
	if (!deia__hbot_find(h, e->bot))
		return deia__not_here(h, e->bot);
	if (!(e->seconds >= 0 && e->seconds <= 31536000))
		return deia__hive_field(h, "/seconds",
					"expected a number from 0 to "
					"31536000");
	return check_type(h, e);
}

static deia_err record(deia_hive *h, struct act *a)
{
	deia_scheduler *s = h->scheduling->scheduler;
	deia_err err;

	err = deia_scheduler_record(s, &a->outcome, deia__scheduling_now(h));
	return err ? deia__hive_fail(h, err, "%s", deia_scheduler_errmsg(s))
		   : DEIA_OK;
}

static void audit(struct deia__change *c, const struct deia_actor *actor,
		  const char *action, const char *bot, const char *type)
{
	char target[2 * DEIA_MAX_ID_LEN + 2];

	snprintf(target, sizeof(target), "%s/%s", bot && bot[0] ? bot : "*",
		 type && type[0] ? type : "*");
	deia__change_audit(c, actor, action, target, DEIA_OK);
}

deia_err deia_hive_scheduler_record(deia_hive *h,
				    const struct deia_actor *actor,
				    const struct deia_execution *e,
				    deia_done_cb cb, void *user)
{
	deia_err err = check_execution(h, e);
	struct deia__change *c;
	struct act *a;

	if (err)
		return err;
	a = act_new(e->bot, e->type, cb, user);
	c = a ? deia__change_new(h) : NULL;
	if (!c) {
		deia__free(a);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	a->outcome = (struct deia_scheduler_outcome){
		.size = sizeof(a->outcome),
		.bot = a->bot,
		.type = a->type,
		.seconds = e->seconds,
		.success = e->success,
	};
	err = record(h, a);
	if (err) {
		deia__change_drop(c);
		deia__free(a);
		return err;
	}
	deia__change_replay(c, actor, DEIA_MADE_EXECUTION, e);
	audit(c, actor, "scheduler.record", a->bot, a->type);
	return commit(h, c, a);
}

/* ---- resets ----------------------------------------------------------------- */

static deia_err check_reset(deia_hive *h, const char *bot, const char *type)
{
	deia_err err = check_open(h);

	if (err)
		return err;
	if (bot && !deia__hbot_find(h, bot))
		return deia__not_here(h, bot);
	if (type && !deia__scheduling_has_type(h, type))
		return no_type(h, type);
	return DEIA_OK;
}

deia_err deia_hive_scheduler_reset(deia_hive *h, const struct deia_actor *actor,
				   const char *bot, const char *type,
				   deia_done_cb cb, void *user)
{
	deia_scheduler *s = h->scheduling->scheduler;
	deia_err err = check_reset(h, bot, type);
	struct deia__change *c;
	struct act *a;

	if (err)
		return err;
	a = act_new(bot, type, cb, user);
	c = a ? deia__change_new(h) : NULL;
	if (!c) {
		deia__free(a);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	err = deia_scheduler_reset(s, bot, type, deia__scheduling_now(h));
	if (err) {
		deia__change_drop(c);
		deia__free(a);
		return deia__hive_fail(h, err, "%s", deia_scheduler_errmsg(s));
	}
	audit(c, actor, "scheduler.reset", bot, type);
	return commit(h, c, a);
}

/* ---- the policy --------------------------------------------------------------- */

deia_scheduler_policy deia_hive_scheduler_policy(const deia_hive *h)
{
	return h->scheduling->policy;
}

deia_err deia_hive_scheduler_set_policy(deia_hive *h,
					const struct deia_actor *actor,
					deia_scheduler_policy policy)
{
	struct deia__scheduling *sc = h->scheduling;
	deia_err err;

	if (policy == sc->policy)
		return DEIA_OK;
	err = deia_scheduler_set_policy(sc->scheduler, policy);
	if (err)
		return deia__hive_fail(h, err, "policy: %d is none",
				       (int)policy);
	sc->policy = policy;
	deia_hive_audit(h, actor, "scheduler.policy",
			deia_scheduler_policy_name(policy), DEIA_OK);
	return DEIA_OK;
}
