/* SPDX-License-Identifier: MIT */
/*
 * report.h - the inside of a report.
 *
 *   report.c        asks the store, page by page, one step after the other
 *   report_rows.c   what rows add to it
 *   report_sums.c   sums by name, and how long tasks took
 *   report_say.c    verdict, what wants a person, what is missing
 *   report_print.c  as JSON
 *
 * Nothing in it grows beyond the limits below, whatever the store has.
 */
#ifndef DEIA_HIVE_INSIGHT_REPORT_H
#define DEIA_HIVE_INSIGHT_REPORT_H

#include <deia/hive_health.h>
#include <deia/hive_report.h>
#include <deia/task.h>

#include "hive/hive.h"

#define DEIA__REPORT_NAMES 10000 /* of each kind; others are summed up */
#define DEIA__REPORT_NEEDS 64
#define DEIA__REPORT_NOTES 12
#define DEIA__REPORT_TEXT_BYTES 400
#define DEIA__REPORT_CHATS 4096 /* answers whose question is looked for */
#define DEIA__REPORT_ALERTS 32	/* that fire, and are told */

/* ---- report_sums.c ------------------------------------------------------- */

/* How long things took: eight places an octave, from 1 ms. */
#define DEIA__SPREAD_PLACES 256
struct deia__spread {
	uint32_t counts[DEIA__SPREAD_PLACES];
	uint64_t n;
	double sum_seconds, max_seconds;
};
void deia__spread_add(struct deia__spread *s, int64_t ms);
/* The value that a part (0..1) of all is not above, in seconds; 0: there are
 * none. */
double deia__spread_at(const struct deia__spread *s, double part);

struct deia__sum {
	struct deia_report_row row; /* name is its own */
	struct deia__spread *spread;
	char *said;	 /* bots: why it died last; types: what failed last */
	bool has_failed; /* bots: it is failed, or offline, now */
	UT_hash_handle hh;
};

struct deia__sums {
	struct deia__sum *all;
	struct deia__sum others; /* of names beyond the limit */
	bool spreads, over;	 /* over: there are such names */
};
/* The sum of a name; NULL: out of memory. */
struct deia__sum *deia__sum_of(struct deia__sums *s, const char *name);
void deia__sums_free(struct deia__sums *s);
/* The first `top` in an order; the rows are in *rows, which is the caller's.
 * False: out of memory. */
bool deia__sums_list(struct deia__sums *s, unsigned top,
		     int (*order)(const void *a, const void *b),
		     struct deia_report_row **rows,
		     struct deia_report_list *list);
int deia__by_tokens(const void *a, const void *b);
int deia__by_seconds(const void *a, const void *b);

/* ---- report.c ------------------------------------------------------------ */

/* An answer whose question has not been come across yet. */
struct deia__asked_for {
	char conversation[37];
	int64_t prompt, completion;
	UT_hash_handle hh;
};

struct deia__firing {
	deia_health_level level;
	char id[37], rule[DEIA_MAX_ID_LEN + 1];
	char subject[DEIA_HEALTH_MAX_SUBJECT_LEN + 1];
	char summary[240], text[DEIA_HEALTH_MAX_TEXT_LEN + 1];
};

struct deia__report {
	deia_hive *hive;
	deia_report_cb cb;
	void *user;
	unsigned top;
	int step;
	struct deia_report out;
	bool no_memory;
	struct deia__sums bots, people, types;
	struct deia__asked_for *asked; /* by conversation */
	unsigned n_asked;
	struct deia__firing firing[DEIA__REPORT_ALERTS]; /* worst first */
	unsigned n_firing;
	uint64_t kept_alerts;
	int64_t oldest_alert, oldest_task;
	char bot[DEIA_MAX_ID_LEN + 1]; /* whose states are read */
	bool bot_begun;
	unsigned n_cut; /* bots whose first states since then are gone */
	/* What is told at the end. */
	struct deia_report_row *rows[3];
	struct deia_report_need needs[DEIA__REPORT_NEEDS];
	const char *notes[DEIA__REPORT_NOTES];
	char *texts[3 * DEIA__REPORT_NEEDS + DEIA__REPORT_NOTES + 1];
	unsigned n_texts;
};

/* ---- report_rows.c ------------------------------------------------------- */

void deia__report_task(struct deia__report *r, const deia_rows *rows, size_t i);
/* False: the rows behind it are too old to count. */
bool deia__report_line(struct deia__report *r, const deia_rows *rows, size_t i);
/* Answers whose question is not there are nobody's. */
void deia__report_lines_end(struct deia__report *r);
void deia__report_alert(struct deia__report *r, const deia_rows *rows,
			size_t i);
/* Of one bot, newest first; the same. first: it is the newest. */
bool deia__report_state(struct deia__report *r, const deia_rows *rows, size_t i,
			bool first);
/* When a UUIDv7 was made; 0: it is none. */
int64_t deia__uuid7_ms(const char *id);

/* ---- report_say.c -------------------------------------------------------- */

/* All has been read: lists, needs, notes, the verdict. */
void deia__report_finish(struct deia__report *r);
/* 1234567 as "1,234,567". */
const char *deia__count_print(char out[static 32], uint64_t n);

#endif
