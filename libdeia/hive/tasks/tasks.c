/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - the hive's queue of tasks: its life, and what it knows of bots.
 *
 * Every call that goes to the queue with a callback of the hive's is counted,
 * so that a stop waits for it. Order of an end: no attempt is begun any more,
 * bots' processes end and with them the turns, how they ended and the events
 * go to the store, the store is closed.
 */
#include "hive/tasks/tasks.h"
#include "hive/tasks/checks.h"
#include "hive/nodes/nodes.h"
#include "hive/scaling/scaling.h"
#include "hive/scheduling/scheduling.h"

#include <stdio.h>
#include <string.h>

#define IDLE_LOOK_MS 5
#define OWN_TYPE_SECONDS 60

deia_tasks *deia_hive_tasks(const deia_hive *h)
{
	return h->tasks->queue;
}

deia_task_analyzer *deia_hive_analyzer(const deia_hive *h)
{
	return h->tasks->analyzer;
}

int deia_hive_task_error_index(const deia_hive *h)
{
	return h->tasks->error_index;
}

void deia__tasks_call_ended(deia_hive *h)
{
	h->tasks->n_calls--;
	deia__hive_check_stopped(h);
}

deia_err deia__tasks_told(deia_hive *h, deia_err err)
{
	const deia_tasks *t = h->tasks->queue;
	const char *field = deia_tasks_field(t), *words = deia_tasks_errmsg(t);
	char pointer[64];

	if (!err)
		return DEIA_OK;
	if (err == DEIA_ESTATE && h->tasks->stopped)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (err == DEIA_EFIELD && field) {
		snprintf(pointer, sizeof(pointer), "/%s", field);
		return deia__hive_field(h, pointer, "%s", words);
	}
	return deia__hive_fail(h, err, "%s", words);
}

/* ---- bots --------------------------------------------------------------- */

static void set_capabilities(deia_hive *h, const char *id)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, id);

	if (info && deia_tasks_set_bot(h->tasks->queue, id, info->capabilities,
				       info->n_capabilities))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "bot %s gets no tasks that need capabilities: "
			       "%s",
			       id, deia_tasks_errmsg(h->tasks->queue));
}

/* Who asked for results is another process than the one there is now. */
static void forget_former(deia_hive *h, struct deia__hbot *b)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, b->id);
	const struct deia__asked *first = TAILQ_FIRST(&b->asked);

	if (first && (!info || info->pid != first->pid))
		deia__task_lines_forget(h, b);
}

void deia__tasks_bot_load(deia_hive *h, const char *id)
{
	if (!h->tasks || !h->tasks->queue || h->freeing)
		return;
	deia__scheduling_bot(h, id);
	deia_tasks_wake(h->tasks->queue);
}

void deia__tasks_bot(deia_hive *h, const char *id)
{
	struct deia__hbot *b = deia__hbot_get(h, id);

	if (!b || !h->tasks || !h->tasks->queue || h->freeing)
		return;
	forget_former(h, b);
	set_capabilities(h, id);
	deia__tasks_bot_load(h, id);
}

void deia__tasks_bot_removed(deia_hive *h, struct deia__hbot *b)
{
	deia__task_lines_forget(h, b);
	deia__scheduling_bot_removed(h, b->id);
	deia_tasks_remove_bot(h->tasks->queue, b->id);
}

/* ---- opening ------------------------------------------------------------ */

static void on_moved(deia_task_event event, const struct deia_task *task,
		     void *user)
{
	deia_hive *h = user;

	deia__task_events_add(h, event, task);
	deia__task_runs_moved(h, task);
	deia__task_lines_moved(h, event, task);
}

static void on_decided(const char *id, unsigned attempt,
		       const struct deia_scheduler_recommendation *why,
		       void *user)
{
	deia__scheduling_decided(user, id, attempt, why);
}

static void on_learned(const char *id, const char *bot, const char *type,
		       double seconds, bool success, bool corrected, void *user)
{
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;
	deia_hive *h = user;

	o.bot = bot;
	o.type = type;
	o.seconds = seconds;
	o.success = corrected ? !success : success; /* as it was recorded */
	deia__saver_changed(&h->scheduling->saver);
	if (corrected) {
		deia__scheduling_corrected(h, id, &o, success);
		return;
	}
	deia__scheduling_recorded(h, id, &o);
	deia__scheduling_circuit(h, bot);
}

static void on_idle_timer(void *arg);

static struct deia__tasks *tasks_new(deia_hive *h)
{
	struct deia__tasks *tasks = deia__alloc(sizeof(*tasks));

	if (!tasks)
		return NULL;
	h->tasks = tasks;
	tasks->error_index = -1;
	tasks->idle_timer.fn = on_idle_timer;
	tasks->idle_timer.arg = h;
	deia__task_events_init(h);
	return tasks;
}

static deia_err make_queue(deia_hive *h, const struct deia_tasks_opts *opts,
			   deia_tasks **out, char *detail, size_t detail_len)
{
	struct deia_tasks_opts o = *opts;

	o.run = deia__task_run;
	o.interrupt = deia__task_interrupt;
	o.moved = on_moved;
	o.decided = deia__scheduling_is_journaled(h) ? on_decided : NULL;
	o.learned = on_learned;
	o.check = deia__check_begin;
	o.may_pin = deia__task_may_pin;
	o.user = h;
	o.node = deia__node_mark(h);
	return deia_tasks_new(out, h->base, h->store,
			      deia__scheduling_scheduler(h), h->tasks->analyzer,
			      &o, detail, detail_len);
}

static void tell_bots(deia_hive *h)
{
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->hbots, b, next)
		deia__tasks_bot(h, b->id);
}

/* One that the owner named; how long it takes is learned. */
static deia_err add_own_type(deia_hive *h, const char *type)
{
	deia_err err = deia__scheduling_check_type(h, "task_types", type);

	if (err)
		return err;
	err = deia_task_analyzer_add_type(h->tasks->analyzer, type,
					  OWN_TYPE_SECONDS);
	if (!err || err == DEIA_EEXIST)
		return DEIA_OK;
	return deia__hive_fail(h, err, "task_types: %s: %s", type,
			       deia_err_text(err));
}

deia_err deia__tasks_new(deia_hive *h, const struct deia_hive_opts *opts)
{
	deia_err err = DEIA_ENOMEM;

	if (tasks_new(h))
		err = deia_task_analyzer_new(&h->tasks->analyzer, NULL);
	if (err)
		return deia__hive_fail(h, err, "%s", deia_err_text(err));
	for (size_t i = 0; i < opts->n_task_types && !err; i++)
		err = add_own_type(h, opts->task_types[i]);
	return err;
}

deia_err deia__tasks_open(deia_hive *h, char *detail, size_t detail_len)
{
	struct deia_tasks_opts o = DEIA_TASKS_OPTS_INIT;
	char why[DEIA__ERRMSG_BYTES] = "";
	deia_err err = deia__checks_open(h);

	if (!err)
		err = make_queue(h, &o, &h->tasks->queue, why, sizeof(why));
	if (!err) {
		deia__scaling_set_load(h, deia__task_load, NULL);
		tell_bots(h);
	}
	if (err && detail && detail_len)
		snprintf(detail, detail_len, "tasks: %s",
			 why[0] ? why : deia_err_text(err));
	return err;
}

deia_err deia_hive_task_configure(deia_hive *h,
				  const struct deia_tasks_opts *opts)
{
	struct deia_tasks_opts o = DEIA_TASKS_OPTS_INIT;
	char why[DEIA__ERRMSG_BYTES] = "";
	deia_tasks *queue = NULL;
	deia_err err;

	if (!opts || opts->size < sizeof(opts->size) || opts->size > sizeof(o))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "opts: size is not of this version");
	if (h->started)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "the hive is started: the options of "
				       "its tasks are set before that");
	if (!deia_tasks_idle(h->tasks->queue))
		return deia__hive_fail(h, DEIA_EBUSY,
				       "set the options of tasks before the "
				       "loop runs");
	memcpy(&o, opts, opts->size);
	err = make_queue(h, &o, &queue, why, sizeof(why));
	if (err)
		return deia__hive_fail(h, err, "%s", why);
	deia_tasks_free(h->tasks->queue);
	h->tasks->queue = queue;
	tell_bots(h);
	return DEIA_OK;
}

/* ---- the end ------------------------------------------------------------ */

void deia__tasks_stop(deia_hive *h)
{
	h->tasks->stopped = true;
	deia_tasks_stop(h->tasks->queue);
}

bool deia__tasks_is_idle(const deia_hive *h)
{
	const struct deia__tasks *tasks = h->tasks;

	return tasks->settling && !tasks->n_calls && !tasks->n_runs &&
	       deia_tasks_idle(tasks->queue) &&
	       !deia__gatherer_pending(&tasks->events);
}

/* What the queue has under way by itself tells nobody that it ended. */
static void on_idle_timer(void *arg)
{
	deia_hive *h = arg;

	deia__gatherer_flush(&h->tasks->events);
	if (!deia__tasks_is_idle(h))
		(void)!deia__timer_set(h->timers, &h->tasks->idle_timer,
				       IDLE_LOOK_MS);
	deia__hive_check_stopped(h);
}

void deia__tasks_settle(deia_hive *h)
{
	if (h->tasks->settling)
		return;
	h->tasks->settling = true;
	on_idle_timer(h);
}

void deia__tasks_closing(deia_hive *h)
{
	if (!h->tasks || !h->tasks->queue)
		return;
	h->tasks->stopped = true;
	deia_tasks_stop(h->tasks->queue);
}

void deia__tasks_free(deia_hive *h)
{
	struct deia__hbot *b, *next;

	if (!h->tasks)
		return;
	deia__checks_free(h);
	deia_tasks_free(h->tasks->queue);
	deia__task_runs_free(h);
	HASH_ITER(hh, h->hbots, b, next)
		deia__task_lines_forget(h, b);
	deia__timer_clear(h->timers, &h->tasks->idle_timer);
	deia__gatherer_fini(&h->tasks->events);
	deia_task_analyzer_free(h->tasks->analyzer);
	deia__free(h->tasks);
	h->tasks = NULL;
}
