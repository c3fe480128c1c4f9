/* SPDX-License-Identifier: MIT */
/*
 * learned.c - what the scheduler knows: of bots, of types of tasks, what of it
 * is worth knowing, and what it was told.
 */
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>
#include <deia/scheduling.h>

#include "../http/reply.h"
#include "routes.h"

void print_learned(struct deia_jw *w, const struct deia_scheduler_pair *p)
{
	deia_jw_kint(w, "samples", (int64_t)p->samples);
	deia_jw_kint(w, "successes", (int64_t)p->successes);
	deia_jw_knum(w, "avg_seconds", p->avg_seconds);
	deia_jw_knum(w, "success_ratio", p->success_ratio);
	deia_jw_knum(w, "expected_seconds", p->expected_seconds);
	deia_jw_knum(w, "expected_success", p->expected_success);
	deia_jw_knum(w, "seconds_to_success", p->seconds_to_success);
	deia_jw_knum(w, "efficiency", p->efficiency);
	deia_jw_knum(w, "certainty", p->certainty);
}

/* ---- bots -------------------------------------------------------------- */

static void print_status(struct deia_jw *w, const deia_hive *hive,
			 const struct deia_scheduler_bot_status *st)
{
	bool is_open = st->circuit == DEIA_CIRCUIT_OPEN;

	deia_jw_kstr(w, "bot", st->id);
	deia_jw_kbool(w, "available", st->available);
	print_text_or_null(w, "reason", st->reason);
	deia_jw_kstr(w, "circuit", deia_scheduler_circuit_name(st->circuit));
	deia_jw_kint(w, "failures", st->failures);
	deia_jw_kint(w, "pauses", st->pauses);
	deia_jw_ktime(
		w, "pause_until",
		is_open ? deia_hive_scheduler_unix_ms(hive, st->pause_until_ms)
			: 0);
	deia_jw_kint(w, "max_concurrent", st->max_concurrent);
	deia_jw_kint(w, "running", st->running);
	deia_jw_kint(w, "others", st->others);
	deia_jw_knum(w, "busy_ratio", st->busy_ratio);
	deia_jw_kint(w, "samples", (int64_t)st->samples);
	deia_jw_kint(w, "successes", (int64_t)st->successes);
}

static void print_scheduled_bot(struct deia_jw *w, const deia_hive *hive,
				const struct deia_scheduler_bot_status *st)
{
	const deia_scheduler *s = deia_hive_get_scheduler(hive);
	struct deia_scheduler_pair p;
	const char *type;

	deia_jw_object(w);
	print_status(w, hive, st);
	deia_jw_key(w, "task_types");
	deia_jw_array(w);
	for (size_t i = 0; (type = deia_scheduler_type_at(s, i)); i++) {
		if (deia_scheduler_pair(s, st->id, type, &p))
			continue;
		deia_jw_object(w);
		deia_jw_kstr(w, "task_type", type);
		print_learned(w, &p);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
	deia_jw_end_object(w);
}

void route_scheduler_bot(struct rq *rq)
{
	struct deia_scheduler_bot_status st;
	struct deia_jw w;
	deia_err err;

	err = deia_hive_scheduler_bot(rq->srv->hive, rq->param[0], &st);
	if (err) {
		rq_fail(rq, err);
		return;
	}
	deia_jw_init(&w);
	print_scheduled_bot(&w, rq->srv->hive, &st);
	rq_send_json(rq, 200, &w);
}

/* Goes over the bots of this node, in order of id; print: false to leave one
 * out. Ends the list. */
static void list_bots(struct rq *rq, unsigned limit,
		      bool (*print)(struct deia_jw *w, struct rq *rq,
				    const char *bot),
		      struct deia_jw *w)
{
	const char *after = rq_query(rq, "cursor");
	struct deia_hive_bot page[16];
	unsigned done = 0;
	size_t n = 1;

	while (done < limit && n) {
		n = deia_hive_bot_list(rq->srv->hive, after, page, 16);
		for (size_t i = 0; i < n && done < limit; i++) {
			after = page[i].info->spec->id;
			if (!page[i].elsewhere)
				done += print(w, rq, after);
		}
	}
	n = deia_hive_bot_list(rq->srv->hive, after, page, 1);
	list_send(rq, w, n ? after : NULL);
}

static bool print_one_bot(struct deia_jw *w, struct rq *rq, const char *bot)
{
	struct deia_scheduler_bot_status st;

	if (deia_hive_scheduler_bot(rq->srv->hive, bot, &st))
		return false;
	print_scheduled_bot(w, rq->srv->hive, &st);
	return true;
}

void route_scheduler_bots(struct rq *rq)
{
	struct deia_jw w;
	unsigned limit;

	if (!query_limit(rq, &limit))
		return;
	list_begin(&w);
	list_bots(rq, limit, print_one_bot, &w);
}

/* ---- types ------------------------------------------------------------- */

void route_scheduler_types(struct rq *rq)
{
	const deia_scheduler *s = deia_hive_get_scheduler(rq->srv->hive);
	const char *type;
	struct deia_jw w;

	list_begin(&w);
	for (size_t i = 0; (type = deia_scheduler_type_at(s, i)); i++) {
		deia_jw_object(&w);
		deia_jw_kstr(&w, "task_type", type);
		deia_jw_end_object(&w);
	}
	list_send(rq, &w, NULL);
}

static bool has_type(const deia_scheduler *s, const char *type)
{
	const char *name;

	for (size_t i = 0; (name = deia_scheduler_type_at(s, i)); i++)
		if (strcmp(name, type) == 0)
			return true;
	return false;
}

static bool print_pair(struct deia_jw *w, struct rq *rq, const char *bot)
{
	const deia_scheduler *s = deia_hive_get_scheduler(rq->srv->hive);
	struct deia_scheduler_bot_status st;
	struct deia_scheduler_pair p;

	if (deia_scheduler_pair(s, bot, rq->param[0], &p) ||
	    deia_scheduler_bot_status(s, bot, &st))
		return false;
	deia_jw_object(w);
	deia_jw_kstr(w, "bot", bot);
	deia_jw_kbool(w, "available", st.available);
	deia_jw_kstr(w, "circuit", deia_scheduler_circuit_name(st.circuit));
	print_learned(w, &p);
	deia_jw_end_object(w);
	return true;
}

void route_scheduler_type(struct rq *rq)
{
	const deia_scheduler *s = deia_hive_get_scheduler(rq->srv->hive);
	struct deia_jw w;
	unsigned limit;

	if (!query_limit(rq, &limit))
		return;
	if (!has_type(s, rq->param[0])) {
		rq_problem(rq, 404, deia_err_name(DEIA_ENOTFOUND),
			   "there is no type of task \"%.64s\"", rq->param[0]);
		return;
	}
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "task_type", rq->param[0]);
	deia_jw_key(&w, "items");
	deia_jw_array(&w);
	list_bots(rq, limit, print_pair, &w);
}

/* ---- insights, history ------------------------------------------------- */

void route_scheduler_insights(struct rq *rq)
{
	const deia_scheduler *s = deia_hive_get_scheduler(rq->srv->hive);
	struct deia_scheduler_insight *items;
	struct deia_jw w;
	unsigned limit;
	size_t n;

	if (!query_limit(rq, &limit))
		return;
	items = calloc(limit, sizeof(*items));
	if (!items) {
		rq_fail_with(rq, DEIA_ENOMEM, "out of memory");
		return;
	}
	n = deia_scheduler_insights(s, items, limit);
	list_begin(&w);
	for (size_t i = 0; i < n; i++) {
		deia_jw_object(&w);
		deia_jw_kstr(&w, "kind",
			     deia_scheduler_insight_name(items[i].kind));
		deia_jw_kstr(&w, "bot", items[i].bot);
		deia_jw_kstr(&w, "task_type", items[i].type);
		deia_jw_knum(&w, "value", items[i].value);
		deia_jw_kstr(&w, "text", items[i].text);
		deia_jw_end_object(&w);
	}
	free(items);
	list_send(rq, &w, NULL);
}

static void print_entry(struct deia_jw *w, const deia_hive *hive,
			const struct deia_scheduler_entry *e)
{
	static const char *const kinds[] = {
		[DEIA_ENTRY_RECORDED] = "recorded",
		[DEIA_ENTRY_CORRECTED] = "corrected",
		[DEIA_ENTRY_RESET] = "reset",
	};
	bool is_reset = e->kind == DEIA_ENTRY_RESET;

	deia_jw_object(w);
	deia_jw_kint(w, "number", (int64_t)e->number);
	deia_jw_kstr(w, "kind", kinds[e->kind]);
	deia_jw_ktime(w, "at", deia_hive_scheduler_unix_ms(hive, e->at_ms));
	print_text_or_null(w, "bot", e->bot);
	print_text_or_null(w, "task_type", e->type);
	if (is_reset) {
		deia_jw_kstr(w, "seconds", NULL);
		deia_jw_kstr(w, "success", NULL);
	} else {
		deia_jw_knum(w, "seconds", e->seconds);
		deia_jw_kbool(w, "success", e->success);
	}
	deia_jw_end_object(w);
}

void route_scheduler_history(struct rq *rq)
{
	const struct deia_scheduler_entry *items[DEIA_MAX_PAGE_LEN + 1];
	int64_t before;
	unsigned limit;
	struct deia_jw w;
	size_t n;

	if (!query_page(rq, &limit, &before))
		return;
	n = deia_hive_scheduler_history(rq->srv->hive, (uint64_t)before, items,
					limit + 1);
	list_begin(&w);
	for (size_t i = 0; i < n && i < limit; i++)
		print_entry(&w, rq->srv->hive, items[i]);
	list_send_seq(rq, &w,
		      n > limit ? (int64_t)items[limit - 1]->number : 0);
}
