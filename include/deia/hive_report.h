/* SPDX-License-Identifier: MIT */
/*
 * hive_report.h - what happened since some time, for who comes in the morning.
 *
 * A report is summed up from the store alone - tasks that ended, lines of chat,
 * alerts, what became of bots - so it is the same after a restart, and of all
 * nodes that share the store. Rows are read by pages on the store's reader, one
 * page after the other; the loop goes on meanwhile. Everything as in hive.h:
 * loop thread, deia_hive_errmsg for details. All since 0.3.
 */
#ifndef DEIA_HIVE_REPORT_H
#define DEIA_HIVE_REPORT_H

#include <deia/hive.h>

DEIA_BEGIN

struct deia_jw;

/* What was done by a bot, for a person, or of a type of tasks. What does not
 * apply is 0. */
struct deia_report_row {
	const char *name;
	uint64_t done;		   /* tasks that succeeded */
	uint64_t failed;	   /* tasks that failed or timed out */
	uint64_t cancelled;	   /* tasks */
	uint64_t failed_attempts;  /* at tasks, also of those that succeeded */
	uint64_t answers;	   /* lines of chat, partial ones too */
	uint64_t restarts, deaths; /* of a bot's process */
	int64_t prompt_tokens, completion_tokens;
	/* From the first attempt at a task to its end. The middle and p95 are
	 * within 5 % of what they are. */
	double mean_seconds, p50_seconds, p95_seconds, max_seconds;
};

/* The first n of `all`. */
struct deia_report_list {
	const struct deia_report_row *items;
	size_t n, all;
};

/* Something that wants a person, the most urgent first. */
struct deia_report_need {
	const char *level;   /* "critical", "warning", "info" */
	const char *text;    /* what is the matter, one line */
	const char *advice;  /* what to do, in words */
	const char *command; /* to begin with */
};

struct deia_report {
	int64_t since_unix_ms, until_unix_ms;
	int64_t started_unix_ms; /* when this hive was started */
	const char *verdict;	 /* one sentence, the first thing to read */
	/* Tasks that ended since then. */
	uint64_t done, failed, timed_out, cancelled;
	uint64_t failed_attempts; /* of tasks that ended */
	/* Tasks as they are now; waiting: queued, or for another one. */
	uint64_t waiting, working, awaiting_approval;
	uint64_t answers, failed_questions;	/* of chat */
	uint64_t restarts, deaths;		/* of bots' processes */
	uint64_t alerts_fired, alerts_resolved; /* since then */
	uint64_t alerts_firing;			/* now */
	int64_t prompt_tokens, completion_tokens;
	struct deia_report_list bots;	/* most tokens first */
	struct deia_report_list people; /* the same; who asked, bots as well */
	struct deia_report_list types;	/* the slowest first, by its mean */
	const struct deia_report_need *needs;
	size_t n_needs, all_needs;
	/* What is not in the figures, and why: sentences. */
	const char *const *notes;
	size_t n_notes;
};

/* report: borrowed for the call; NULL on an error. */
typedef void (*deia_report_cb)(deia_err err, const struct deia_report *report,
			       void *user);

#define DEIA_REPORT_MAX_TOP 1000
/*
 * Sums up what happened since a time (Unix milliseconds, not after now). top:
 * items of each list, 1..DEIA_REPORT_MAX_TOP. Four may be made at a time. cb
 * comes once, later. DEIA_OK; DEIA_EINVAL: since or top; DEIA_EBUSY,
 * DEIA_ENOMEM; cb: also DEIA_EUNAVAILABLE, DEIA_ESTORE, DEIA_ECANCELED (the
 * hive ends).
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_report(deia_hive *hive,
						  int64_t since_unix_ms,
						  unsigned top,
						  deia_report_cb cb,
						  void *user);
/* Prints a report as one JSON object, as the API shows it. Any thread. */
DEIA_API void deia_report_print(const struct deia_report *report,
				struct deia_jw *w);

DEIA_END

#endif
