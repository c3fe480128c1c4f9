/* SPDX-License-Identifier: MIT */
/*
 * scheduling.c - the hive's scheduler: its life, and its bots.
 *
 * Each move of a bot and each begin and end of a turn tells the scheduler about
 * that one bot: a look into two hashes, no walk.
 */
#include "hive/scheduling/scheduling.h"
#include "hive/tasks/budgets.h"

#include <stdio.h>
#include <string.h>

#include <deia/hive_task.h>

#define OTHERS_MAX (DEIA_MAX_CONCURRENT + DEIA_MAX_QUEUE_LEN)

deia_scheduler *deia__scheduling_scheduler(deia_hive *h)
{
	return h->scheduling->scheduler;
}

const deia_scheduler *deia_hive_get_scheduler(const deia_hive *h)
{
	return h->scheduling->scheduler;
}

int64_t deia__scheduling_now(const deia_hive *h)
{
	return deia__timers_now(h->timers);
}

int64_t deia_hive_scheduler_unix_ms(const deia_hive *h, int64_t at_ms)
{
	return deia__unix_ms(NULL) - (deia__scheduling_now(h) - at_ms);
}

/* ---- types -------------------------------------------------------------- */

bool deia__scheduling_has_type(const deia_hive *h, const char *type)
{
	const deia_scheduler *s = h->scheduling->scheduler;
	const char *name;

	for (size_t i = 0; type && (name = deia_scheduler_type_at(s, i)); i++)
		if (strcmp(name, type) == 0)
			return true;
	return false;
}

deia_err deia__scheduling_check_type(deia_hive *h, const char *pointer,
				     const char *type)
{
	if (type && deia_bot_id_valid(type))
		return DEIA_OK;
	return deia__hive_field(h, pointer,
				"a type of task is 1 to %d letters, digits, "
				"'.', '_' and '-', and begins with a letter or "
				"digit",
				DEIA_MAX_ID_LEN);
}

deia_err deia__scheduling_add_type(deia_hive *h, const char *pointer,
				   const char *type)
{
	deia_scheduler *s = h->scheduling->scheduler;
	deia_err err = deia__scheduling_check_type(h, pointer, type);

	if (err)
		return err;
	err = deia_scheduler_add_type(s, type);
	return err ? deia__hive_fail(h, err, "%s", deia_scheduler_errmsg(s))
		   : DEIA_OK;
}

deia_err deia__scheduling_add_types(deia_hive *h)
{
	const deia_task_analyzer *a = deia_hive_analyzer(h);
	const char *type;
	deia_err err = DEIA_OK;

	for (size_t n = 0; !err && (type = deia_task_analyzer_type(a, n)); n++)
		err = deia__scheduling_add_type(h, "task_types", type);
	return err;
}

/* ---- bots --------------------------------------------------------------- */

/* What a bot has to do that the scheduler did not start: all of its turns but
 * those of tasks, which are in the scheduler's own book. */
static unsigned others_of(const struct deia__hbot *b,
			  const struct deia_bot_info *info)
{
	unsigned n = info->running + info->queued;

	n = n > b->n_task_runs ? n - b->n_task_runs : 0;
	return n < OTHERS_MAX ? n : OTHERS_MAX;
}

static bool is_available(const deia_hive *h, const struct deia__hbot *b,
			 const struct deia_bot_info *info)
{
	return !deia__budgets_held(h, b) && !b->creating && !b->removing &&
	       !b->draining && !info->blocked &&
	       (info->state == DEIA_BOT_READY || info->state == DEIA_BOT_BUSY);
}

void deia__scheduling_bot(deia_hive *h, const char *id)
{
	struct deia_scheduler_bot bot = DEIA_SCHEDULER_BOT_INIT;
	const struct deia__hbot *b = deia__hbot_get(h, id);
	const struct deia_bot_info *info =
		b ? deia_bots_get(h->bots, id) : NULL;
	deia_scheduler *s = h->scheduling ? h->scheduling->scheduler : NULL;

	if (!s || !info || h->freeing)
		return;
	bot.available = is_available(h, b, info);
	bot.max_concurrent = info->max_concurrent ? info->max_concurrent : 1;
	bot.others = others_of(b, info);
	if (deia_scheduler_set_bot(s, id, &bot, deia__scheduling_now(h)))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "bot %s gets no tasks until something about it "
			       "changes: %s",
			       id, deia_scheduler_errmsg(s));
}

/* {"circuit","reason","failures"} */
static void tell_circuit(deia_hive *h, struct deia__hbot *b,
			 const struct deia_scheduler_bot_status *st)
{
	const char *circuit = deia_scheduler_circuit_name(st->circuit);
	bool is_open = st->circuit == DEIA_CIRCUIT_OPEN;
	struct deia__change *c = deia__change_new(h);
	deia_jw w;

	deia__hive_log(h, is_open ? DEIA_LOG_WARN : DEIA_LOG_INFO,
		       "bot %s: circuit %s%s%s", b->id, circuit,
		       is_open ? ": " : "", is_open ? st->reason : "");
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "circuit", circuit);
	deia_jw_kstr(&w, "reason", is_open ? st->reason : "");
	deia_jw_kint(&w, "failures", st->failures);
	deia_jw_end_object(&w);
	deia__change_event(c, "bot.circuit", b->id,
			   deia_jw_status(&w) ? NULL : w.text);
	deia_jw_fini(&w);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "an event of bot %s could not be stored: %s",
			       b->id, h->msg.text);
}

/* Whether it is probed is no news: only that it is out, and that it is back. */
static void look_at_circuit(deia_hive *h, struct deia__hbot *b)
{
	struct deia_scheduler_bot_status st;
	int circuit;

	if (deia_scheduler_bot_status(h->scheduling->scheduler, b->id, &st))
		return;
	circuit = (int)st.circuit;
	if (circuit == b->circuit || circuit == DEIA_CIRCUIT_PROBING)
		return;
	b->circuit = circuit;
	tell_circuit(h, b, &st);
}

void deia__scheduling_circuit(deia_hive *h, const char *id)
{
	struct deia__errmsg kept = h->msg;
	bool has_field = h->has_field;
	struct deia__hbot *b = id ? deia__hbot_get(h, id) : NULL, *next;

	if (b) {
		look_at_circuit(h, b);
	} else if (!id) {
		HASH_ITER(hh, h->hbots, b, next)
			look_at_circuit(h, b);
	}
	h->msg = kept; /* a caller's detail stands */
	h->has_field = has_field;
}

void deia__scheduling_bot_removed(deia_hive *h, const char *id)
{
	if (h->scheduling) /* one that it never knew is fine */
		(void)!deia_scheduler_remove_bot(h->scheduling->scheduler, id);
}

/* ---- life --------------------------------------------------------------- */

static deia_err make(deia_hive *h, const struct deia_hive_opts *o)
{
	struct deia_scheduler_opts defaults = DEIA_SCHEDULER_OPTS_INIT;
	const struct deia_scheduler_opts *opts =
		o->scheduler ? o->scheduler : &defaults;
	deia_err err;

	h->scheduling = deia__alloc(sizeof(*h->scheduling));
	if (!h->scheduling)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	h->scheduling->policy = opts->policy;
	deia__saver_init(&h->scheduling->saver, h, &deia__scheduling_rows);
	deia_jw_init(&h->scheduling->line);
	err = deia_scheduler_new(&h->scheduling->scheduler, opts);
	if (err)
		return deia__hive_fail(h, err, "scheduler: %s",
				       err == DEIA_EINVAL
					       ? "an option is out of its "
						 "range"
					       : deia_err_text(err));
	return deia__scheduling_journal_open(h);
}

deia_err deia__scheduling_open(deia_hive *h, const struct deia_hive_opts *o,
			       char *detail, size_t detail_len)
{
	struct deia__hbot *b, *next;
	deia_err err = make(h, o);

	if (!err)
		err = deia__scheduling_add_types(h);
	if (!err) {
		HASH_ITER(hh, h->hbots, b, next)
			deia__scheduling_bot(h, b->id);
		err = deia__scheduling_load(h);
	}
	if (err && detail && detail_len)
		snprintf(detail, detail_len, "%s", h->msg.text);
	return err;
}

void deia__scheduling_stop(deia_hive *h)
{
	if (h->scheduling && h->scheduling->scheduler)
		deia__saver_stop(&h->scheduling->saver);
}

void deia__scheduling_free(deia_hive *h)
{
	struct deia__scheduling *sc = h->scheduling;

	if (!sc)
		return;
	deia_scheduler_free(sc->scheduler);
	deia_jw_fini(&sc->line);
	if (sc->journal)
		deia__logfile_close(sc->journal);
	deia__free(sc);
	h->scheduling = NULL;
}
