/* SPDX-License-Identifier: MIT */
/* store.c - the store, the events in it, and the cache in front of it. */
#include "metrics.h"

#include <deia/sys/cache.h>
#include <deia/sys/store.h>

#include "../app.h"

static void up(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, LABELS({ "backend", v->hive.store_backend }),
		  v->hive.store_ok);
}

#define COUNTER(name)                                                          \
	static void name(struct expo *e, const struct metrics_view *v)         \
	{                                                                      \
		expo_uint(e, NO_LABELS, v->hive.store.name);                   \
	}
COUNTER(transactions)
COUNTER(failed)
COUNTER(queued)

static void times(struct expo *e, const struct metrics_view *v)
{
	for (int i = 0; i < DEIA_STORE_OPS; i++)
		expo_histogram(
			e,
			LABELS({ "operation",
				 deia_store_op_name((enum deia_store_op)i) }),
			&v->hive.store.times[i]);
}

static void group_len(struct expo *e, const struct metrics_view *v)
{
	expo_histogram(e, NO_LABELS, &v->hive.store.group_len);
}

static void events(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->hive.events);
}

static void listeners(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->hive.subscriptions);
}

static void get_cache(const struct metrics_view *v, struct deia_cache_stats *st)
{
	const deia_cache *cache = deia_hive_get_cache(v->app->hive);

	*st = (struct deia_cache_stats){ .backend = "none" };
	if (cache)
		deia_cache_get_stats(cache, st);
}

static void cache_up(struct expo *e, const struct metrics_view *v)
{
	struct deia_cache_stats st;

	get_cache(v, &st);
	expo_uint(e, LABELS({ "backend", st.backend }), st.up);
}

static void cache_requests(struct expo *e, const struct metrics_view *v)
{
	struct deia_cache_stats st;

	get_cache(v, &st);
	expo_uint(e, LABELS({ "result", "hit" }), st.hits);
	expo_uint(e, LABELS({ "result", "miss" }), st.misses);
}

static void cache_faults(struct expo *e, const struct metrics_view *v)
{
	struct deia_cache_stats st;

	get_cache(v, &st);
	expo_uint(e, LABELS({ "fault", "refused" }), st.refused);
	expo_uint(e, LABELS({ "fault", "late" }), st.late);
	expo_uint(e, LABELS({ "fault", "error" }), st.errors);
}

static void cache_entries(struct expo *e, const struct metrics_view *v)
{
	struct deia_cache_stats st;

	get_cache(v, &st);
	expo_uint(e, NO_LABELS, st.entries);
}

static void cache_bytes(struct expo *e, const struct metrics_view *v)
{
	struct deia_cache_stats st;

	get_cache(v, &st);
	expo_uint(e, NO_LABELS, st.bytes);
}

static const struct metric metrics[] = {
	{ "deia_store_up", "gauge",
	  "1 while the store can be written; 0: away or failed.", up },
	{ "deia_store_transactions_total", "counter",
	  "Transactions that ended, failed ones too.", transactions },
	{ "deia_store_transactions_failed_total", "counter",
	  "Transactions that were not committed.", failed },
	{ "deia_store_queued", "gauge", "Transactions that wait for the disk.",
	  queued },
	{ "deia_store_operation_duration_seconds", "histogram",
	  "How long the store's callers waited; group: the disk alone.",
	  times },
	{ "deia_store_group_transactions", "histogram",
	  "How many transactions shared one fsync.", group_len },
	{ "deia_events_total", "counter",
	  "Events that were published, those of other nodes too.", events },
	{ "deia_event_listeners", "gauge", "Who listens to events.",
	  listeners },
	{ "deia_cache_up", "gauge", "1 while the cache answers.", cache_up },
	{ "deia_cache_requests_total", "counter",
	  "What was looked for in the cache, by result.", cache_requests },
	{ "deia_cache_faults_total", "counter",
	  "What the cache did not do: refused, late, error.", cache_faults },
	{ "deia_cache_entries", "gauge", "Entries of the memory cache.",
	  cache_entries },
	{ "deia_cache_bytes", "gauge", "Bytes of the memory cache.",
	  cache_bytes },
};
const struct metric_group metrics_of_store = METRIC_GROUP(metrics);
