/* SPDX-License-Identifier: MIT */
/*
 * book.c - what each bot is busy with, and for how long it will be.
 *
 * The book knows the runs of each bot: when they began and how long each of
 * them was expected to take. While a bot has room, a task need not wait. When
 * it is full, what is left of a run is its expected time less what has passed,
 * and at least a quarter of both together: a run that is overdue is expected to
 * last on, and the longer the more (for log-normal times with sigma 0.5 that is
 * right within a tenth of the expected time). Of `c` runs at a time the first
 * ends after the mean of what is left, over c.
 */
#include "scheduler/scheduler.h"

#include <string.h>

/* Runs over whose time the busy share of a bot is averaged. */
#define BUSY_RUNS 8

/* Usual seconds of a run at a bot, whatever its type. */
static double usual_seconds(const deia_scheduler *s,
			    const struct deia__sched_bot *b)
{
	double sum = 0;

	for (unsigned i = 0; i < s->n_types; i++)
		sum += (double)s->types[i]->pairs[b->index].seconds_to_run;
	return s->n_types ? sum / s->n_types : 1;
}

void deia__book_age(deia_scheduler *s, struct deia__sched_bot *b)
{
	double span = fmax(BUSY_RUNS * s->service, 0.001);
	double z = (double)(s->now_ms - b->busy_ms) / 1000 / span;
	double now =
		fmin((double)(b->n_runs + b->others) / b->max_concurrent, 1);

	b->busy += (now - b->busy) * (1 - 1 / (1 + z + z * z / 2));
	b->busy_ms = s->now_ms;
}

static float price(const deia_scheduler *s, const struct deia__sched_bot *b)
{
	double u = fmin(b->busy, 0.98);

	if (!b->available || b->circuit == DEIA_CIRCUIT_OPEN)
		return INFINITY;
	if (b->circuit == DEIA_CIRCUIT_PROBING && b->n_runs + b->others > 0)
		return INFINITY;
	return (float)(1 + s->opts.load_price * u / (1 - u));
}

/* What a bot works on: its runs, and what others gave it. */
static void full(deia_scheduler *s, struct deia__sched_bot *b)
{
	unsigned i = b->index, busy = b->n_runs + b->others;
	double start = 0, seconds = 0, usual = usual_seconds(s, b);

	for (unsigned n = 0; n < b->n_runs; n++) {
		start += (double)(b->runs[n].start_ms - s->base_ms) / 1000;
		seconds += (double)b->runs[n].seconds;
	}
	start += b->others * (double)(b->others_ms - s->base_ms) / 1000;
	seconds += b->others * usual;
	start /= busy;
	seconds /= busy;
	s->at.end[i] = (float)(start + seconds);
	s->at.late[i] = (float)((seconds - start) / 4);
	s->at.share[i] = 1 / (float)b->max_concurrent;
	s->at.queue[i] =
		(float)(b->reserved + (busy - b->max_concurrent) * seconds);
}

void deia__book_update(deia_scheduler *s, struct deia__sched_bot *b)
{
	unsigned i = b->index, busy = b->n_runs + b->others;
	bool had_room = s->at.share[i] == 0;

	deia__book_age(s, b);
	s->at.price[i] = price(s, b);
	s->at.load[i] = (float)(busy + b->waiting) / (float)b->max_concurrent;
	if (busy >= b->max_concurrent) {
		full(s, b);
	} else {
		s->at.end[i] = s->at.late[i] = s->at.queue[i] = 0;
		/* A bot that is not to be chosen has no room either. */
		s->at.share[i] = isinf(s->at.price[i]) ? 1 : 0;
	}
	s->n_room += s->at.share[i] == 0;
	s->n_room -= had_room;
}

void deia__book_rebase(deia_scheduler *s)
{
	s->base_ms = s->now_ms;
	for (unsigned i = 0; i < s->top; i++)
		if (s->bots[i])
			deia__book_update(s, s->bots[i]);
}

deia_err deia_scheduler_start(deia_scheduler *s, const char *bot,
			      const char *type, int64_t now_ms, uint64_t *run)
{
	struct deia__sched_type *t;
	struct deia__sched_bot *b;
	deia_err err = deia__sched_find_pair(s, bot, type, &b, &t);

	*run = 0;
	if (err)
		return err;
	if (b->n_runs >= DEIA_MAX_CONCURRENT)
		return deia__fail(&s->msg, DEIA_EBUSY, "\"%s\" runs %u already",
				  b->id, b->n_runs);
	deia__sched_now(s, now_ms);
	deia__book_age(s, b);
	/* The bot's index is in the id, so that its end is found at once. */
	*run = ++s->runs_begun << 16 | b->index;
	b->runs[b->n_runs++] =
		(struct deia__run){ *run, s->now_ms,
				    t->pairs[b->index].seconds_to_run };
	deia__book_update(s, b);
	return DEIA_OK;
}

void deia_scheduler_end(deia_scheduler *s, uint64_t run, int64_t now_ms)
{
	unsigned i = (unsigned)(run & 0xffff);
	struct deia__sched_bot *b = i < s->top ? s->bots[i] : NULL;

	deia__sched_now(s, now_ms);
	for (unsigned n = 0; b && n < b->n_runs; n++) {
		if (b->runs[n].id != run)
			continue;
		deia__book_age(s, b);
		b->runs[n] = b->runs[--b->n_runs];
		deia__book_update(s, b);
		return;
	}
}
