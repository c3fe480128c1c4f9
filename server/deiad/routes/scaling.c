/* SPDX-License-Identifier: MIT */
/*
 * scaling.c - the auto-scaler: how it is, its settings, a person's hand on it,
 * and what it decided.
 */
#include <deia/scaling.h>

#include <deia/limits.h>

#include "../http/reply.h"
#include "routes.h"

#define MAX_COUNT 1000
#define PAGE 16

/* ---- how it is ----------------------------------------------------------- */

static void print_limits(struct deia_jw *w, const struct deia_scaling_state *s)
{
	const struct deia_scaling_limits *l = &s->limits;

	deia_jw_key(w, "limits");
	deia_jw_object(w);
	deia_jw_kint(w, "max_bots", l->max_bots);
	deia_jw_kbool(w, "dry_run", l->dry_run);
	deia_jw_kint(w, "up_cooldown_seconds", l->up_cooldown_seconds);
	deia_jw_kint(w, "down_cooldown_seconds", l->down_cooldown_seconds);
	deia_jw_kint(w, "down_window_seconds", l->down_window_seconds);
	deia_jw_kint(w, "cpu_max_percent", l->cpu_max_percent);
	deia_jw_kint(w, "reserve_mib", l->reserve_mib);
	deia_jw_end_object(w);
	deia_jw_kstr(w, "source", deia_scaling_source_name(s->source));
}

/* A number, or null where it is not known. */
static void print_known(struct deia_jw *w, const char *key, double v,
			bool known)
{
	deia_jw_key(w, key);
	if (known)
		deia_jw_num(w, v);
	else
		deia_jw_null(w);
}

static void print_machine(struct deia_jw *w, const struct deia_scaling_state *s)
{
	deia_jw_kbool(w, "active", s->active);
	deia_jw_kint(w, "bots", s->bots);
	print_known(w, "cpu_ratio", s->cpu_ratio, s->cpu_ratio > 0);
	print_int_or_null(w, "free_memory_bytes",
			  s->memory_known ? (int64_t)s->free_bytes : -1, -1);
}

static void print_counts(struct deia_jw *w, const unsigned *counts)
{
	deia_jw_key(w, "bots");
	deia_jw_object(w);
	for (int i = 0; i < DEIA_SCALER_STATES; i++)
		deia_jw_kint(w, deia_scaler_state_name((deia_scaler_state)i),
			     counts[i]);
	deia_jw_end_object(w);
}

static void print_now(struct deia_jw *w, const struct deia_scaling_status *t)
{
	const struct deia_scaler_status *n = &t->now;

	print_counts(w, n->counts);
	deia_jw_kint(w, "managed", t->managed);
	deia_jw_kint(w, "wanted", n->wanted);
	deia_jw_kint(w, "queued", n->queued);
	deia_jw_kint(w, "running", t->running);
	deia_jw_knum(w, "load", n->load);
	deia_jw_knum(w, "arrivals_per_second", n->arrivals_per_second);
	print_known(w, "run_seconds", n->run_seconds, n->run_seconds > 0);
	print_known(w, "expected_wait_seconds", n->wait_seconds,
		    n->wait_seconds >= 0);
	deia_jw_kint(w, "failures", n->failures);
	deia_jw_knum(w, "paused_seconds", (double)n->paused_ms / 1000);
	deia_jw_kstr(w, "reason", n->reason);
}

static void print_template(struct deia_jw *w,
			   const struct deia_scaling_status *t)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "template", t->name);
	deia_jw_kstr(w, "source", deia_scaling_source_name(t->source));
	deia_jw_kbool(w, "known", t->known);
	deia_jw_kbool(w, "enabled", t->set.enabled);
	deia_jw_kint(w, "min_bots", t->set.min_bots);
	deia_jw_kint(w, "max_bots", t->set.max_bots);
	deia_jw_knum(w, "wait_seconds", t->set.wait_seconds);
	print_now(w, t);
	deia_jw_ktime(w, "updated_at", t->updated_unix_ms);
	print_text_or_null(w, "updated_by", t->updated_by);
	deia_jw_end_object(w);
}

static void print_templates(struct deia_jw *w, deia_hive *hive)
{
	struct deia_scaling_status page[PAGE];
	const char *after = NULL;
	size_t n;

	deia_jw_key(w, "templates");
	deia_jw_array(w);
	do {
		n = deia_hive_scaling_list(hive, after, page, PAGE);
		for (size_t i = 0; i < n; i++)
			print_template(w, &page[i]);
		after = n ? page[n - 1].name : NULL;
	} while (n == PAGE);
	deia_jw_end_array(w);
}

static void send_scaling(struct rq *rq)
{
	struct deia_scaling_state s;
	struct deia_jw w;

	deia_hive_scaling_get(rq->srv->hive, &s);
	deia_jw_init(&w);
	deia_jw_object(&w);
	print_limits(&w, &s);
	print_machine(&w, &s);
	print_templates(&w, rq->srv->hive);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

void route_scaling(struct rq *rq)
{
	send_scaling(rq);
}

/* ---- settings ------------------------------------------------------------ */

static void on_put(deia_err err, void *user)
{
	struct rq *rq = user;

	if (err)
		rq_fail(rq, err);
	else
		send_scaling(rq);
	rq_drop(rq);
}

void route_scaling_put(struct rq *rq)
{
	rq_hold(rq);
	rq_begun(rq, deia_hive_scaling_put(rq->srv->hive, &rq->actor, rq->json,
					   on_put, rq));
}

/* ---- by hand ------------------------------------------------------------- */

static void on_scaled(deia_err err, const char *const *bots, size_t n,
		      void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_key(&w, "bots");
	deia_jw_array(&w);
	for (size_t i = 0; i < n; i++)
		deia_jw_str(&w, bots[i]);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
	rq_drop(rq);
}

static void scale(struct rq *rq, deia_scaling_direction direction)
{
	static const struct field fields[] = {
		{ "template", FIELD_TEXT, true, 1, DEIA_MAX_ID_LEN },
		{ "count", FIELD_INT, false, 1, MAX_COUNT },
	};

	if (!BODY_FIELDS(rq, fields))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_scale(rq->srv->hive, &rq->actor,
				     body_text(rq, "template"), direction,
				     (unsigned)body_int(rq, "count", 1),
				     on_scaled, rq));
}

void route_scaling_up(struct rq *rq)
{
	scale(rq, DEIA_SCALE_UP);
}

void route_scaling_down(struct rq *rq)
{
	scale(rq, DEIA_SCALE_DOWN);
}

/* ---- what was decided ---------------------------------------------------- */

static void print_decision(struct deia_jw *w,
			   const struct deia_scaling_decision *d)
{
	deia_jw_object(w);
	deia_jw_kint(w, "seq", d->seq);
	deia_jw_ktime(w, "at", d->at_unix_ms);
	deia_jw_kstr(w, "template", d->name);
	deia_jw_kstr(w, "kind", d->kind);
	deia_jw_kstr(w, "cause", d->cause);
	deia_jw_kbool(w, "done", d->done);
	deia_jw_kint(w, "count", d->count);
	print_text_or_null(w, "bot", d->bot);
	deia_jw_kint(w, "bots", d->bots);
	deia_jw_kint(w, "wanted", d->wanted);
	deia_jw_kstr(w, "by", d->by);
	deia_jw_kstr(w, "node", d->node);
	deia_jw_kstr(w, "reason", d->reason);
	deia_jw_end_object(w);
}

static void on_history(deia_err err, const struct deia_scaling_decision *items,
		       size_t n, bool more, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_decision(&w, &items[i]);
	list_send_seq(rq, &w, more && n ? items[n - 1].seq : 0);
	rq_drop(rq);
}

void route_scaling_history(struct rq *rq)
{
	unsigned limit;
	int64_t before;

	if (!query_page(rq, &limit, &before))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_scaling_history(rq->srv->hive, before, limit,
					       on_history, rq));
}
