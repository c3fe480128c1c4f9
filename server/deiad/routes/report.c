/* SPDX-License-Identifier: MIT */
/* report.c - what happened since a time; what bots need and queues lack. */
#include <deia/hive_insight.h>
#include <deia/hive_report.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../http/reply.h"
#include "routes.h"

#define MAX_DAYS 3660
#define DAY_SECONDS 86400
#define HOURS "12h"
#define TOP 10

static int64_t now_unix_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* "90s", "15m", "12h", "30d" in seconds; false: it is none. */
static bool is_duration(const char *text, int64_t *seconds)
{
	static const char units[] = "smhd";
	static const int64_t in_seconds[] = { 1, 60, 3600, DAY_SECONDS };
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*seconds = strtoll(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (!unit || end[1] ||
	    *seconds > MAX_DAYS * DAY_SECONDS / in_seconds[unit - units])
		return false;
	*seconds *= in_seconds[unit - units];
	return true;
}

static bool query_since(struct rq *rq, int64_t *since_ms)
{
	const char *text = rq_query(rq, "since");
	int64_t now = now_unix_ms(), seconds;

	if (!text)
		text = HOURS;
	if (is_duration(text, &seconds))
		*since_ms = now - seconds * 1000;
	else if (!time_parse(text, since_ms) || *since_ms > now) {
		rq_bad_field(rq, "?since",
			     "expected a time that is over, as "
			     "2026-11-22T19:00:00Z, or how long ago, as 90s, "
			     "15m, 12h, 30d");
		return false;
	}
	return true;
}

static void reported(deia_err err, const struct deia_report *report, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	deia_jw_init(&w);
	deia_report_print(report, &w);
	rq_send_json(rq, 200, &w);
	rq_drop(rq);
}

void route_report(struct rq *rq)
{
	int64_t since_ms, top;

	if (!query_since(rq, &since_ms) ||
	    !query_int(rq, "top", 1, DEIA_REPORT_MAX_TOP, TOP, &top))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_report(rq->srv->hive, since_ms, (unsigned)top,
				      reported, rq));
}

void route_insight(struct rq *rq)
{
	const char *cursor = rq_query(rq, "cursor");
	struct deia_jw w;
	unsigned limit;
	deia_err err;

	if (!query_limit(rq, &limit))
		return;
	deia_jw_init(&w);
	err = deia_hive_insight_print(rq->srv->hive, cursor, limit, &w);
	if (!err) {
		rq_send_json(rq, 200, &w);
		return;
	}
	deia_jw_fini(&w);
	rq_fail(rq, err);
}
