/* SPDX-License-Identifier: MIT */
/*
 * status.c - GET /bots/{id}/status: memory, processor and errors of a bot, now
 * and in the past.
 */
#include "routes.h"

#include <stdio.h>
#include <time.h>
#include <deia/hive.h>

#include "../http/reply.h"

#define MAX_HOURS (365 * 24)

static int64_t unix_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void print_thousandth(struct deia_jw *w, const char *key, int64_t n)
{
	if (n < 0)
		deia_jw_kraw(w, key, NULL);
	else
		deia_jw_knum(w, key, (double)n / 1000);
}

static void print_sample(struct deia_jw *w, const struct deia_bot_sample *s)
{
	deia_jw_object(w);
	deia_jw_ktime(w, "at", s->at_unix_ms);
	deia_jw_kstr(w, "state", s->state);
	print_int_or_null(w, "pid", s->pid, 0);
	print_int_or_null(w, "memory_bytes", s->memory_bytes, -1);
	print_thousandth(w, "cpu_seconds", s->cpu_ms);
	print_thousandth(w, "cpu_ratio", s->cpu_permille);
	deia_jw_kint(w, "uptime_seconds", s->uptime_ms / 1000);
	deia_jw_ktime(w, "last_message_at", s->last_message_unix_ms);
	deia_jw_kint(w, "errors", (int64_t)s->errors);
	deia_jw_kint(w, "restarts", s->restarts);
	deia_jw_end_object(w);
}

static void samples(deia_err err, const struct deia_bot_sample *items, size_t n,
		    bool more, void *user)
{
	struct rq *rq = user;
	struct deia_bot_sample now;
	struct deia_jw w;
	char cursor[24];

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_sample(&w, &items[i]);
	snprintf(cursor, sizeof(cursor), "%lld",
		 n ? (long long)items[n - 1].at_unix_ms : 0);
	deia_jw_end_array(&w);
	deia_jw_key(&w, "now");
	/* A bot that is gone has a past alone. */
	if (deia_hive_bot_sample_now(rq->srv->hive, rq->param[0], &now))
		deia_jw_null(&w);
	else
		print_sample(&w, &now);
	deia_jw_kstr(&w, "next_cursor", more && n ? cursor : NULL);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
	rq_drop(rq);
}

void route_bot_status(struct rq *rq)
{
	int64_t hours, cursor;
	unsigned limit;

	if (!query_limit(rq, &limit) ||
	    !query_int(rq, "hours", 1, MAX_HOURS, 24, &hours) ||
	    !query_int(rq, "cursor", 1, INT64_MAX, 0, &cursor))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_bot_samples(rq->srv->hive, rq->param[0],
					   unix_ms() - hours * 3600 * 1000,
					   cursor, limit, samples, rq));
}
