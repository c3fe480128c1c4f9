/* SPDX-License-Identifier: MIT */
/*
 * scheduling_look.c - what people ask the scheduler: recommendations, how a bot
 * stands, what was recorded.
 */
#include "hive/scheduling/scheduling.h"
#include "hive/tasks/budgets.h"
#include "hive/nodes/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- recommendations ------------------------------------------------------ */

/* The bots that were named, in order of id. */
struct named {
	const char **ids;
	size_t n;
};

static int by_id(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_named(const char *bot, void *user)
{
	const struct named *named = user;

	return bsearch(&bot, named->ids, named->n, sizeof(*named->ids),
		       by_id) != NULL;
}

static deia_err check_named(deia_hive *h, const char *const *bots, size_t n)
{
	if (n > DEIA_MAX_BATCH_LEN)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "bots: at most %d can be named",
				       DEIA_MAX_BATCH_LEN);
	for (size_t i = 0; i < n; i++)
		if (!deia__hbot_find(h, bots[i]))
			return deia__not_here(h, bots[i]);
	return DEIA_OK;
}

static deia_err recommend(deia_hive *h, const struct deia_scheduler_ask *ask,
			  unsigned alternatives,
			  struct deia_scheduler_recommendation *out)
{
	deia_scheduler *s = h->scheduling->scheduler;
	deia_err err;

	err = deia_scheduler_recommend(s, ask, alternatives,
				       deia__scheduling_now(h), out);
	return err ? deia__hive_fail(h, err, "%s", deia_scheduler_errmsg(s))
		   : DEIA_OK;
}

deia_err deia_hive_scheduler_recommend(
	deia_hive *h, const char *type, const char *const *bots, size_t n_bots,
	unsigned alternatives, struct deia_scheduler_recommendation *out)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct named named = { NULL, n_bots };
	deia_err err = check_named(h, bots, n_bots);

	if (err)
		return err;
	if (!deia__scheduling_has_type(h, type))
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "task_type: there is no type of task "
				       "\"%.64s\"",
				       type ? type : "");
	ask.type = type;
	if (n_bots) {
		named.ids = deia__alloc(n_bots * sizeof(*named.ids));
		if (!named.ids)
			return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
		memcpy(named.ids, bots, n_bots * sizeof(*named.ids));
		qsort(named.ids, n_bots, sizeof(*named.ids), by_id);
		ask.may = is_named;
		ask.user = &named;
	}
	err = recommend(h, &ask, alternatives, out);
	deia__free(named.ids);
	return err;
}

/* ---- bots and the past ----------------------------------------------------- */

deia_err deia_hive_scheduler_bot(deia_hive *h, const char *id,
				 struct deia_scheduler_bot_status *out)
{
	const struct deia__hbot *b = deia__hbot_find(h, id);
	const char *held;

	if (!b || deia_scheduler_bot_status(h->scheduling->scheduler, id, out))
		return deia__not_here(h, id);
	held = deia__budgets_held(h, b);
	if (held)
		snprintf(out->reason, sizeof(out->reason), "%.*s",
			 (int)sizeof(out->reason) - 1, held);
	return DEIA_OK;
}

size_t deia_hive_scheduler_history(const deia_hive *h, uint64_t before,
				   const struct deia_scheduler_entry **out,
				   size_t max)
{
	const deia_scheduler *s = h->scheduling->scheduler;
	const struct deia_scheduler_entry *e = deia_scheduler_history(s, 0);
	size_t at = 0, n = 0;

	if (e && before && before <= e->number) /* they are numbered in turn */
		at = (size_t)(e->number - before) + 1;
	while (n < max && (e = deia_scheduler_history(s, at + n)))
		out[n++] = e;
	return n;
}
