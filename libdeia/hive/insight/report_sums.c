/* SPDX-License-Identifier: MIT */
/* report_sums.c - sums by name, and how long things took. */
#include "hive/insight/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_AN_OCTAVE 8

/* ---- how long ------------------------------------------------------------ */

void deia__spread_add(struct deia__spread *s, int64_t ms)
{
	double place;

	if (ms < 0)
		ms = 0;
	place = ms < 1 ? 0 : 1 + floor(log2((double)ms) * PLACES_AN_OCTAVE);
	if (place >= DEIA__SPREAD_PLACES)
		place = DEIA__SPREAD_PLACES - 1;
	s->counts[(size_t)place]++;
	s->n++;
	s->sum_seconds += (double)ms / 1000;
	if ((double)ms / 1000 > s->max_seconds)
		s->max_seconds = (double)ms / 1000;
}

/* The middle of a place, as a ratio: at most 2^(1/16), 4.4 %, off. */
static double middle_of(size_t place)
{
	return place ? exp2(((double)place - 0.5) / PLACES_AN_OCTAVE) / 1000
		     : 0;
}

double deia__spread_at(const struct deia__spread *s, double part)
{
	double wanted = ceil(part * (double)s->n), value = 0;
	uint64_t seen = 0;

	if (!s->n)
		return 0;
	for (size_t i = 0; i < DEIA__SPREAD_PLACES; i++) {
		seen += s->counts[i];
		if (seen && (double)seen >= wanted) {
			value = middle_of(i);
			break;
		}
	}
	return value < s->max_seconds ? value : s->max_seconds;
}

/* ---- by name ------------------------------------------------------------- */

static void sum_free(struct deia__sum *s)
{
	char *name = (char *)(uintptr_t)s->row.name;

	deia__free(name);
	deia__free(s->spread);
	deia__free(s->said);
	deia__free(s);
}

static struct deia__sum *sum_new(const struct deia__sums *sums,
				 const char *name)
{
	struct deia__sum *s = deia__alloc(sizeof(*s));

	if (!s)
		return NULL;
	s->row.name = deia__strdup(name);
	if (sums->spreads)
		s->spread = deia__alloc(sizeof(*s->spread));
	if (s->row.name && (s->spread || !sums->spreads))
		return s;
	sum_free(s);
	return NULL;
}

struct deia__sum *deia__sum_of(struct deia__sums *sums, const char *name)
{
	struct deia__sum *s;

	HASH_FIND_STR(sums->all, name, s);
	if (s)
		return s;
	if (HASH_COUNT(sums->all) >= DEIA__REPORT_NAMES) {
		sums->over = true;
		return &sums->others;
	}
	s = sum_new(sums, name);
	if (!s)
		return NULL;
	HASH_ADD_KEYPTR(hh, sums->all, s->row.name, strlen(s->row.name), s);
	if (s->hh.tbl)
		return s;
	sum_free(s);
	return NULL;
}

void deia__sums_free(struct deia__sums *sums)
{
	struct deia__sum *s, *next;

	HASH_ITER(hh, sums->all, s, next) {
		HASH_DEL(sums->all, s);
		sum_free(s);
	}
	deia__free(sums->others.said);
	sums->others.said = NULL;
}

/* ---- lists --------------------------------------------------------------- */

static int compare(double a, double b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static double tokens(const struct deia_report_row *r)
{
	return (double)r->prompt_tokens + (double)r->completion_tokens;
}

int deia__by_tokens(const void *a, const void *b)
{
	const struct deia_report_row *x = a, *y = b;
	int c = compare(tokens(x), tokens(y));

	if (!c)
		c = compare((double)x->done + (double)x->answers,
			    (double)y->done + (double)y->answers);
	return c ? c : strcmp(x->name, y->name);
}

int deia__by_seconds(const void *a, const void *b)
{
	const struct deia_report_row *x = a, *y = b;
	int c = compare(x->mean_seconds, y->mean_seconds);

	return c ? c : strcmp(x->name, y->name);
}

static void fill_times(struct deia__sum *s)
{
	const struct deia__spread *p = s->spread;

	if (!p || !p->n)
		return;
	s->row.mean_seconds = p->sum_seconds / (double)p->n;
	s->row.p50_seconds = deia__spread_at(p, 0.5);
	s->row.p95_seconds = deia__spread_at(p, 0.95);
	s->row.max_seconds = p->max_seconds;
}

bool deia__sums_list(struct deia__sums *sums, unsigned top,
		     int (*order)(const void *a, const void *b),
		     struct deia_report_row **rows,
		     struct deia_report_list *list)
{
	struct deia__sum *s, *next;
	size_t n = 0;

	*rows = deia__alloc((HASH_COUNT(sums->all) + 1) * sizeof(**rows));
	if (!*rows)
		return false;
	HASH_ITER(hh, sums->all, s, next) {
		fill_times(s);
		(*rows)[n++] = s->row;
	}
	qsort(*rows, n, sizeof(**rows), order);
	list->items = *rows;
	list->all = n;
	list->n = n < top ? n : top;
	return true;
}
