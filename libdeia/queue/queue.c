/* SPDX-License-Identifier: MIT */
/* queue.c - life of the queue, bots, what it says of itself. */
#include "queue/queue.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- time and sentences ------------------------------------------------ */

int64_t deia__tasks_now(const deia_tasks *q)
{
	return deia__now_ms(q->clock);
}

int64_t deia__tasks_wall(const deia_tasks *q)
{
	return deia__unix_ms(q->clock);
}

deia_err deia__tasks_fail(deia_tasks *q, deia_err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(q->msg.text, sizeof(q->msg.text), fmt, ap);
	va_end(ap);
	q->field = NULL;
	q->error_index = -1;
	return err;
}

deia_err deia__tasks_field(deia_tasks *q, int index, const char *field,
			   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(q->msg.text, sizeof(q->msg.text), fmt, ap);
	va_end(ap);
	q->field = field;
	q->error_index = index;
	return DEIA_EFIELD;
}

deia_err deia__tasks_store_error(deia_tasks *q, deia_err err)
{
	switch (err) {
	case DEIA_EFULL:
		return deia__tasks_fail(q, err, "the disk is full");
	case DEIA_EUNAVAILABLE:
		return deia__tasks_fail(q, err, "the database is away");
	case DEIA_EBUSY:
		return deia__tasks_fail(q, err,
					"the store is behind; try again");
	case DEIA_ESTORE:
		return deia__tasks_fail(q, err, "%s",
					*deia_store_errmsg(q->store)
						? deia_store_errmsg(q->store)
						: "the store failed");
	case DEIA_ENOMEM:
		return deia__tasks_fail(q, err, "memory ran out");
	default:
		return err;
	}
}

const char *deia_tasks_errmsg(const deia_tasks *q)
{
	return q->msg.text;
}

const char *deia_tasks_field(const deia_tasks *q)
{
	return q->field;
}

int deia_tasks_error_index(const deia_tasks *q)
{
	return q->error_index;
}

/* ---- life -------------------------------------------------------------- */

static deia_err take_opts(deia_tasks *q, const struct deia_tasks_opts *opts)
{
	if (!opts || opts->size < sizeof(*opts) || !opts->run ||
	    opts->open_max < 1 || opts->ageing_ms < 1 ||
	    opts->ageing_ms > 86400000 || opts->retention_days > 36500)
		return DEIA_EINVAL;
	q->opts = *opts;
	snprintf(q->node, sizeof(q->node), "%.64s",
		 opts->node ? opts->node : "");
	q->opts.node = q->node;
	return DEIA_OK;
}

static void set_timer_fn(deia_tasks *q, struct deia__timer *timer,
			 void (*fn)(void *arg))
{
	timer->fn = fn;
	timer->arg = q;
}

deia_err deia__tasks_new_with(deia_tasks **out, struct event_base *base,
			      deia_store *store, deia_scheduler *scheduler,
			      deia_task_analyzer *analyzer,
			      const struct deia_tasks_opts *opts,
			      const struct deia__clock *clock, char *detail,
			      size_t detail_len)
{
	deia_tasks *q = deia__alloc(sizeof(*q));
	deia_err err = q ? take_opts(q, opts) : DEIA_ENOMEM;

	*out = NULL;
	if (err) {
		deia__free(q);
		return err;
	}
	q->base = base;
	q->store = store;
	q->scheduler = scheduler;
	q->analyzer = analyzer;
	q->clock = clock;
	q->error_index = -1;
	TAILQ_INIT(&q->ready);
	TAILQ_INIT(&q->ended_deps);
	deia__rng_init(&q->rng, opts->seed);
	set_timer_fn(q, &q->plan_timer, deia__plan_run);
	set_timer_fn(q, &q->clean_timer, deia__clean_run);
	set_timer_fn(q, &q->ready_timer, deia__ready_run);
	err = deia__timers_new(&q->timers, base, clock);
	if (!err)
		err = deia__timers_reserve(q->timers, DEIA__QUEUE_TIMERS);
	if (!err)
		err = deia__tasks_load(q, detail, detail_len);
	if (err)
		deia_tasks_free(q);
	else
		*out = q;
	return err;
}

deia_err deia_tasks_new(deia_tasks **out, struct event_base *base,
			struct deia_store *store,
			struct deia_scheduler *scheduler,
			struct deia_task_analyzer *analyzer,
			const struct deia_tasks_opts *opts, char *detail,
			size_t detail_len)
{
	if (!out || !base || !store || !scheduler || !analyzer)
		return DEIA_EINVAL;
	return deia__tasks_new_with(out, base, store, scheduler, analyzer, opts,
				    NULL, detail, detail_len);
}

void deia_tasks_start(deia_tasks *q)
{
	if (q->started)
		return;
	q->started = true;
	(void)deia__ttypes_add_known(q); /* some are new, perhaps */
	deia__tasks_resume(q);
	deia__plan_soon(q);
	(void)!deia__timer_set(q->timers, &q->clean_timer, 60000);
}

void deia_tasks_stop(deia_tasks *q)
{
	q->stopped = true;
	deia__timer_clear(q->timers, &q->clean_timer);
	deia__timer_clear(q->timers, &q->plan_timer);
}

bool deia_tasks_idle(const deia_tasks *q)
{
	return q->n_under_way == 0 && TAILQ_EMPTY(&q->ready) &&
	       TAILQ_EMPTY(&q->ended_deps);
}

static void free_bot(deia_tasks *q, struct deia__task_bot *bot)
{
	HASH_DEL(q->bots, bot);
	deia__texts_free(bot->capabilities, bot->n_capabilities);
	deia__free(bot);
}

void deia_tasks_free(deia_tasks *q)
{
	struct deia__task *t, *next;
	struct deia__task_bot *bot, *next_bot;

	if (!q)
		return;
	q->stopped = true;
	HASH_ITER(hh, q->tasks, t, next)
		deia__task_drop(t, DEIA_ECANCELED);
	HASH_ITER(hh, q->bots, bot, next_bot)
		free_bot(q, bot);
	deia__timer_clear(q->timers, &q->plan_timer);
	deia__timer_clear(q->timers, &q->clean_timer);
	deia__timer_clear(q->timers, &q->ready_timer);
	deia__timers_free(q->timers);
	deia__free(q->heap);
	deia__free(q);
}

/* ---- bots -------------------------------------------------------------- */

struct deia__task_bot *deia__task_bot(const deia_tasks *q, const char *id)
{
	struct deia__task_bot *bot;

	HASH_FIND_STR(q->bots, id, bot);
	return bot;
}

static struct deia__task_bot *add_bot(deia_tasks *q, const char *id)
{
	struct deia__task_bot *bot = deia__alloc(sizeof(*bot));

	if (!bot)
		return NULL;
	snprintf(bot->id, sizeof(bot->id), "%s", id);
	HASH_ADD_STR(q->bots, id, bot);
	if (bot->hh.tbl)
		return bot;
	deia__free(bot);
	return NULL;
}

deia_err deia_tasks_set_bot(deia_tasks *q, const char *id,
			    const char *const *capabilities, size_t n)
{
	struct deia__task_bot *bot;
	char **copy;

	if (!id || !*id || strlen(id) > DEIA_MAX_ID_LEN)
		return deia__tasks_fail(q, DEIA_EINVAL, "no id of a bot");
	if (n > 2 * DEIA_MAX_CAPABILITIES_LEN)
		return deia__tasks_fail(q, DEIA_ELIMIT,
					"too many capabilities");
	bot = deia__task_bot(q, id);
	copy = deia__texts_copy(capabilities, n);
	if (copy && !bot)
		bot = add_bot(q, id);
	if (!copy || !bot) {
		deia__texts_free(copy, copy ? n : 0);
		return DEIA_ENOMEM;
	}
	deia__texts_free(bot->capabilities, bot->n_capabilities);
	bot->capabilities = copy;
	bot->n_capabilities = (unsigned)n;
	deia__plan_soon(q);
	return DEIA_OK;
}

void deia_tasks_remove_bot(deia_tasks *q, const char *id)
{
	struct deia__task_bot *bot = deia__task_bot(q, id);

	if (bot)
		free_bot(q, bot);
}

void deia_tasks_wake(deia_tasks *q)
{
	deia__plan_soon(q);
}

unsigned deia_tasks_at_bot(const deia_tasks *q, const char *id)
{
	const struct deia__task_bot *bot = deia__task_bot(q, id);

	return bot ? bot->n_tasks : 0;
}

/* ---- counts ------------------------------------------------------------ */

void deia_tasks_get_status(const deia_tasks *q, struct deia_tasks_status *out)
{
	*out = q->status;
	out->cached_bytes = q->cached;
}
