/* SPDX-License-Identifier: MIT */
/* insight.c - its life; a look at all of it, and its JSON. */
#include "hive/insight/insight.h"

#include <deia/hive_insight.h>

#include <math.h>
#include <string.h>

#include "hive/health/health.h"

#define POINTS_AN_HOUR 12.0 /* of a bot's memory */
#define KIB_A_MIB 1024.0

/* ---- life ---------------------------------------------------------------- */

deia_err deia__insight_new(deia_hive *h)
{
	h->insight = deia__alloc(sizeof(*h->insight));
	return h->insight ? DEIA_OK : DEIA_ENOMEM;
}

static void on_time(void *arg)
{
	deia_hive *h = arg;

	if (h->stopping || h->freeing)
		return;
	deia__queues_mark(h);
	deia__insight_start(h);
}

void deia__insight_start(deia_hive *h)
{
	h->insight->timer.fn = on_time;
	h->insight->timer.arg = h;
	if (deia__timer_set(h->timers, &h->insight->timer, DEIA__MARK_MS))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "how queues move is not noted any more: out of "
			       "memory");
}

void deia__insight_free(deia_hive *h)
{
	if (!h->insight)
		return;
	if (h->timers)
		deia__timer_clear(h->timers, &h->insight->timer);
	for (size_t i = 0; i < DEIA_MAX_TASK_TYPES; i++)
		deia__free(h->insight->past[i]);
	deia__free(h->insight);
	h->insight = NULL;
}

/* ---- a look -------------------------------------------------------------- */

bool deia__look_init(deia_hive *h, struct deia__look *l)
{
	size_t n = deia_bots_count(h->bots);

	memset(l, 0, sizeof(*l));
	l->bots = deia__alloc((n + 1) * sizeof(*l->bots));
	if (!l->bots)
		return false;
	l->n_bots = deia_bots_list(h->bots, NULL, l->bots, n);
	deia__look_kinds(h, l);
	return true;
}

void deia__look_fini(struct deia__look *l)
{
	deia__free(l->bots);
}

/* ---- bots ---------------------------------------------------------------- */

static void print_value(const deia_hive *h, struct deia_jw *w, const char *key,
			const char *metric, const char *bot)
{
	double v = deia_health_get(h->health->monitor, metric, bot);

	if (isnan(v))
		deia_jw_kraw(w, key, NULL);
	else
		deia_jw_knum(w, key, v);
}

static double to_mib(double kib_a_point)
{
	return kib_a_point * POINTS_AN_HOUR / KIB_A_MIB;
}

static void print_trend(struct deia_jw *w, const struct deia__bot_health *bh)
{
	struct deia__trend t = deia__trend_fit(bh->memory_kib, bh->n_memory);

	deia_jw_key(w, "memory_trend");
	if (t.n < 3) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	deia_jw_kint(w, "points", t.n);
	deia_jw_knum(w, "mib_per_hour", to_mib(t.slope));
	deia_jw_knum(w, "error_mib_per_hour", to_mib(t.error));
	deia_jw_kbool(w, "leaks", deia__trend_leaks(&t));
	deia_jw_end_object(w);
}

static double part_of(const struct deia_histogram *hist, double part)
{
	const uint64_t *bounds;
	unsigned n = deia_scale_bounds(hist->scale, &bounds);
	uint64_t all = deia_histogram_count(hist), seen = 0;

	for (unsigned i = 0; i < n; i++) {
		seen += hist->counts[i];
		if ((double)seen >= part * (double)all)
			return (double)bounds[i] / 1e6;
	}
	return (double)bounds[n - 1] / 1e6;
}

static void print_latency(struct deia_jw *w, const struct deia_bot_counts *c)
{
	deia_jw_key(w, "latency_seconds");
	if (!c || !deia_histogram_count(&c->answers)) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	deia_jw_knum(w, "p50", part_of(&c->answers, 0.5));
	deia_jw_knum(w, "p95", part_of(&c->answers, 0.95));
	deia_jw_end_object(w);
}

static void print_bot(deia_hive *h, const struct deia_bot_info *info,
		      struct deia_jw *w)
{
	const struct deia_bot_counts *c = info->counts;
	const char *id = info->spec->id;
	struct deia__hbot *b = deia__hbot_get(h, id);

	deia_jw_object(w);
	deia_jw_kstr(w, "bot", id);
	deia_jw_kstr(w, "state", deia_bot_state_name(info->state));
	print_value(h, w, "cpu_ratio", "bot.cpu_ratio", id);
	print_value(h, w, "memory_bytes", "bot.memory_bytes", id);
	if (b)
		print_trend(w, &b->health);
	else
		deia_jw_kraw(w, "memory_trend", NULL);
	print_latency(w, c);
	deia_jw_kint(w, "restarts", c ? (int64_t)c->restarts : 0);
	deia_jw_kint(w, "turns_done", c ? (int64_t)c->turns_done : 0);
	deia_jw_kint(w, "turns_failed", c ? (int64_t)c->turns_failed : 0);
	deia_jw_kint(w, "faults", (int64_t)info->faults);
	print_value(h, w, "success_ratio", "bot.success_ratio", id);
	deia_jw_end_object(w);
}

static void print_bots(deia_hive *h, const struct deia__look *l,
		       const char *after, unsigned limit, struct deia_jw *w)
{
	size_t i = 0, end;

	while (after && i < l->n_bots &&
	       strcmp(l->bots[i]->spec->id, after) <= 0)
		i++;
	end = l->n_bots - i > limit ? i + limit : l->n_bots;
	deia_jw_key(w, "items");
	deia_jw_array(w);
	for (; i < end; i++)
		print_bot(h, l->bots[i], w);
	deia_jw_end_array(w);
	deia_jw_kstr(w, "next_cursor",
		     end && end < l->n_bots ? l->bots[end - 1]->spec->id
					    : NULL);
	deia_jw_kint(w, "total", (int64_t)l->n_bots);
}

static void print_bottleneck(deia_hive *h, const struct deia__look *l,
			     struct deia_jw *w)
{
	struct deia__bottleneck b;

	deia__queues_judge(h, l, &b);
	deia_jw_key(w, "bottleneck");
	if (!b.is) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	deia_jw_kstr(w, "type", b.type);
	deia_jw_kstr(w, "text", b.text);
	deia_jw_kstr(w, "command", b.command);
	deia_jw_end_object(w);
}

deia_err deia_hive_insight_print(deia_hive *h, const char *after,
				 unsigned limit, struct deia_jw *w)
{
	struct deia__look l;
	deia_err err = deia__hive_check_limit(h, limit);

	if (err)
		return err;
	if (!deia__look_init(h, &l))
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	deia_jw_object(w);
	print_bots(h, &l, after, limit, w);
	deia__queues_print(h, w);
	print_bottleneck(h, &l, w);
	deia__cascade_print(h, &l, w);
	deia_jw_end_object(w);
	deia__look_fini(&l);
	return DEIA_OK;
}
