/* SPDX-License-Identifier: MIT */
/*
 * describe.c - GET /bots/{id}: everything known about one bot.
 *
 * How its last process ended is read from the bot's history, which outlives
 * deiad; when that cannot be read, the rest is shown without it.
 */
#include "routes.h"

#include <string.h>
#include <deia/hive.h>

#include "../http/reply.h"

#define LOOK_BACK 50 /* moves; the end of a process is among the latest */

static bool is_end(const struct deia_bot_history *e)
{
	int from = state_parse(e->from);

	if (e->exit_code >= 0 || e->exit_signal)
		return true;
	return state_parse(e->state) == DEIA_BOT_FAILED &&
	       (from == DEIA_BOT_STARTING || from == DEIA_BOT_BACKOFF);
}

/* As it is known in memory: its row is still on its way to the disk. */
static void print_recent_exit(struct deia_jw *w, const struct deia_bot_exit *e)
{
	deia_jw_object(w);
	deia_jw_ktime(w, "at", e->at_unix_ms);
	deia_jw_kraw(w, "pid", NULL);
	print_int_or_null(w, "code", e->code, -1);
	print_int_or_null(w, "signal", e->signal, 0);
	deia_jw_kstr(w, "reason", e->reason);
	deia_jw_key(w, "stderr");
	deia_jw_array(w);
	deia_jw_end_array(w);
	deia_jw_end_object(w);
}

/* Its row has the time of the state, which is that of the end or a little
 * later. */
static bool is_newer(const struct deia_bot_exit *known,
		     const struct deia_bot_history *e)
{
	return known->at_unix_ms != 0 &&
	       (e == NULL || e->at_unix_ms < known->at_unix_ms);
}

static void print_last_exit(struct deia_jw *w, const struct deia_bot_info *info,
			    const struct deia_bot_history *items, size_t n)
{
	const struct deia_bot_history *e = items;

	while (e < items + n && !is_end(e))
		e++;
	deia_jw_key(w, "last_exit");
	if (is_newer(&info->last_exit, e < items + n ? e : NULL)) {
		print_recent_exit(w, &info->last_exit);
		return;
	}
	if (e == items + n) {
		deia_jw_raw(w, "null");
		return;
	}
	deia_jw_object(w);
	deia_jw_ktime(w, "at", e->at_unix_ms);
	print_int_or_null(w, "pid", e->pid, 0);
	print_int_or_null(w, "code", e->exit_code, -1);
	print_int_or_null(w, "signal", e->exit_signal, 0);
	deia_jw_kstr(w, "reason", e->reason);
	deia_jw_key(w, "stderr");
	print_text_lines(w, e->last_stderr);
	deia_jw_end_object(w);
}

static void print_limits(struct deia_jw *w, const struct deia_bot_info *i)
{
	deia_jw_key(w, "limits_applied");
	deia_jw_array(w);
	for (size_t k = 0; k < i->n_limits; k++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "name", i->limits[k].name);
		deia_jw_kint(w, "value", i->limits[k].value);
		deia_jw_kstr(w, "how", i->limits[k].how);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
}

static void print_counts(struct deia_jw *w, const struct deia_hive_bot *bot)
{
	deia_jw_key(w, "counts");
	deia_jw_object(w);
	deia_jw_kint(w, "turns_done", (int64_t)bot->turns_done);
	deia_jw_kint(w, "turns_failed", (int64_t)bot->turns_failed);
	deia_jw_kint(w, "lines_in", (int64_t)bot->info->lines_in);
	deia_jw_kint(w, "lines_out", (int64_t)bot->info->lines_out);
	deia_jw_kint(w, "faults", (int64_t)bot->info->faults);
	deia_jw_end_object(w);
}

static void print_all(struct deia_jw *w, deia_hive *hive,
		      const struct deia_hive_bot *bot,
		      const struct deia_bot_history *items, size_t n)
{
	const struct deia_bot_info *i = bot->info;

	deia_jw_object(w);
	print_bot_members(w, hive, bot);
	deia_jw_key(w, "effective_capabilities");
	deia_jw_array(w);
	for (size_t k = 0; k < i->n_capabilities; k++)
		deia_jw_str(w, i->capabilities[k]);
	deia_jw_end_array(w);
	deia_jw_ktime(w, "last_line_at", i->last_line_unix_ms);
	print_int_or_null(w, "ping_ms", i->ping_ms, -1);
	print_int_or_null(w, "memory_bytes", i->memory_bytes, -1);
	print_int_or_null(w, "processes", i->processes, -1);
	print_int_or_null(w, "stopped_by", i->stopped_by, 0);
	print_limits(w, i);
	print_counts(w, bot);
	print_last_exit(w, i, items, n);
	deia_jw_end_object(w);
}

static void history(deia_err err, const struct deia_bot_history *items,
		    size_t n, bool more, void *user)
{
	struct rq *rq = user;
	struct deia_hive_bot bot;
	struct deia_jw w;

	(void)more;
	if (deia_hive_bot_get(rq->srv->hive, rq->param[0], &bot)) {
		rq_fail(rq, DEIA_ENOTFOUND); /* removed meanwhile */
	} else {
		deia_jw_init(&w);
		print_all(&w, rq->srv->hive, &bot, items, err ? 0 : n);
		rq_send_json(rq, 200, &w);
	}
	rq_drop(rq);
}

void route_bot_get(struct rq *rq)
{
	deia_hive *hive = rq->srv->hive;
	struct deia_hive_bot bot;
	deia_err err = deia_hive_bot_get(hive, rq->param[0], &bot);

	if (err) {
		rq_fail_with(rq, err,
			     "There is no bot with this id; `deia bot list` "
			     "shows the ones there are.");
		return;
	}
	rq_hold(rq);
	if (deia_hive_bot_history(hive, rq->param[0], 0, LOOK_BACK, history,
				  rq))
		history(DEIA_EIO, NULL, 0, false, rq);
}
