/* SPDX-License-Identifier: MIT */
/*
 * insight.h - the inside of what is known of bots and queues beyond their
 * states, and of reports.
 *
 *   insight.c       its life; a look at all of it, and its JSON
 *   trend.c         a line through points: does memory leak
 *   queues.c        how queues moved in the last hour, which one holds up most
 *   cascade.c       what fails, and what that would take with it
 *   report*.c       what happened since some time; see report.h
 */
#ifndef DEIA_HIVE_INSIGHT_INSIGHT_H
#define DEIA_HIVE_INSIGHT_INSIGHT_H

#include <deia/task.h>

#include "hive/hive.h"

/* ---- trend.c ------------------------------------------------------------- */

/* The line of least squares through points at equal distances. */
struct deia__trend {
	unsigned n;
	double slope; /* of a distance */
	double error; /* the standard error of the slope; 0: a straight line */
};
struct deia__trend deia__trend_fit(const uint32_t *points, unsigned n);
/* Whether memory leaks, from points in KiB: see docs/report.md. */
bool deia__trend_leaks(const struct deia__trend *t);

/* ---- queues.c ------------------------------------------------------------ */

#define DEIA__MARKS 13 /* ten minutes apart: two hours, and now */
#define DEIA__MARK_MS 600000
#define DEIA__KINDS 64 /* of tasks that wait, that are looked at */

/* The counters of a type, some time ago. */
struct deia__queue_mark {
	uint64_t done, failed;
	struct deia_histogram waits;
};

struct deia__queue_past {
	struct deia__queue_mark marks[DEIA__MARKS]; /* circular */
};

struct deia__insight {
	unsigned n_reports; /* under way */
	struct deia__timer timer;
	unsigned
		n_marks; /* that were made; the newest at n_marks % DEIA__MARKS */
	int64_t at_ms[DEIA__MARKS];
	struct deia__queue_past *past[DEIA_MAX_TASK_TYPES];
};

/* What ended of a type in a time. */
struct deia__moved {
	uint64_t done, failed;
	double p50, p95; /* upper bounds of the wait, in seconds; -1: none */
	double seconds;	 /* how long that time is */
};
/* recent: the last hour, or since the start; before: the hour before that;
 * false: it is not known yet. */
bool deia__queue_moved(const deia_hive *h, size_t type,
		       const struct deia_task_type_status *now,
		       struct deia__moved *recent, struct deia__moved *before);
void deia__queues_mark(deia_hive *h);
/* "up", "down" or "steady": by a fifth or more, of five or more. */
const char *deia__trend_word(uint64_t recent, uint64_t before);

/* Tasks that wait for the same. Borrowed from the queue. */
struct deia__kind {
	const char *type, *pinned;
	const char *const *capabilities;
	size_t n_capabilities;
	unsigned n;
	int64_t oldest_ms;
	/* Bots that could do them now: how many, on how many tasks at a time,
	 * and how many turns they work on. */
	unsigned able, places, busy;
	const char *able_bot, *template_name; /* one of them; or NULL */
};
bool deia__kind_fits(const struct deia__kind *k,
		     const struct deia_bot_info *info);

/* A look at all bots and all that waits; nothing changes meanwhile. */
struct deia__look {
	const struct deia_bot_info **bots;
	size_t n_bots;
	struct deia__kind kinds[DEIA__KINDS]; /* most first */
	size_t n_kinds;
};
void deia__look_kinds(deia_hive *h, struct deia__look *l);

struct deia__bottleneck {
	bool is;
	const char *type;
	char text[320], command[160];
};
/* Why the tasks of a type wait, and what helps. */
void deia__bottleneck_say(struct deia__bottleneck *b,
			  const struct deia__look *l,
			  const struct deia_task_type_status *s);
/* A type of whose tasks one has waited for a minute or longer. */
void deia__queues_judge(deia_hive *h, const struct deia__look *l,
			struct deia__bottleneck *b);
void deia__queues_print(deia_hive *h, struct deia_jw *w);

/* ---- cascade.c ----------------------------------------------------------- */

/* Of a bot that fails: what depends on it. */
struct deia__risk {
	const struct deia_bot_info *bot;
	const char *why;
	unsigned dependents;   /* bots, also through others */
	unsigned pinned, only; /* tasks that wait for it; that none but it can
				* do */
};
struct deia__risk deia__risk_of(const struct deia__look *l,
				const struct deia_bot_info *bot);
void deia__cascade_print(deia_hive *h, const struct deia__look *l,
			 struct deia_jw *w);

/* ---- insight.c ----------------------------------------------------------- */

DEIA_NODISCARD deia_err deia__insight_new(deia_hive *h);
void deia__insight_start(deia_hive *h);
void deia__insight_free(deia_hive *h);
/* False: out of memory. Free it. */
bool deia__look_init(deia_hive *h, struct deia__look *l);
void deia__look_fini(struct deia__look *l);

#endif
