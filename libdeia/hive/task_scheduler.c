/* SPDX-License-Identifier: MIT */
/*
 * task_scheduler.c - the hive's scheduler, kept in step with its bots.
 *
 * What it learned is not stored.
 */
#include "hive/task_scheduler.h"

#include <string.h>

#include "hive/tasks.h"

#define OTHERS_MAX (DEIA_MAX_CONCURRENT + DEIA_MAX_QUEUE_LEN)

deia_scheduler *deia__scheduling_scheduler(deia_hive *h)
{
	return h->scheduler;
}

deia_err deia__scheduling_add_type(deia_hive *h, const char *pointer,
				   const char *type)
{
	deia_err err = deia_scheduler_add_type(h->scheduler, type);

	if (err == DEIA_EINVAL)
		return deia__hive_field(h, pointer, "the name of a type");
	return err ? deia__hive_fail(h, err, "%s",
				     deia_scheduler_errmsg(h->scheduler))
		   : DEIA_OK;
}

/* All of its turns but those of tasks, which are in the scheduler's book. */
static unsigned others_of(const struct deia__hbot *b,
			  const struct deia_bot_info *info)
{
	unsigned n = info->running + info->queued;

	n = n > b->n_task_runs ? n - b->n_task_runs : 0;
	return n < OTHERS_MAX ? n : OTHERS_MAX;
}

static bool is_available(const struct deia__hbot *b,
			 const struct deia_bot_info *info)
{
	return !b->creating && !b->removing && !info->blocked &&
	       (info->state == DEIA_BOT_READY || info->state == DEIA_BOT_BUSY);
}

void deia__scheduling_bot(deia_hive *h, const char *id)
{
	struct deia_scheduler_bot bot = DEIA_SCHEDULER_BOT_INIT;
	const struct deia__hbot *b = deia__hbot_get(h, id);
	const struct deia_bot_info *info =
		b ? deia_bots_get(h->bots, id) : NULL;

	if (!h->scheduler || !info || h->freeing)
		return;
	bot.available = is_available(b, info);
	bot.max_concurrent = info->max_concurrent ? info->max_concurrent : 1;
	bot.others = others_of(b, info);
	if (deia_scheduler_set_bot(h->scheduler, id, &bot,
				   deia__timers_now(h->timers)))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "bot %s gets no tasks until something about it "
			       "changes: %s",
			       id, deia_scheduler_errmsg(h->scheduler));
}

void deia__scheduling_bot_removed(deia_hive *h, const char *id)
{
	if (h->scheduler) /* one that it never knew is fine */
		(void)!deia_scheduler_remove_bot(h->scheduler, id);
}

deia_err deia__scheduling_open(deia_hive *h)
{
	struct deia__hbot *b, *next;
	deia_err err = deia_scheduler_new(&h->scheduler, NULL);

	if (err)
		return deia__hive_fail(h, err, "scheduler: %s",
				       deia_err_text(err));
	HASH_ITER(hh, h->hbots, b, next)
		deia__scheduling_bot(h, b->id);
	return DEIA_OK;
}

void deia__scheduling_free(deia_hive *h)
{
	deia_scheduler_free(h->scheduler);
	h->scheduler = NULL;
}
