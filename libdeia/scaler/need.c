/* SPDX-License-Identifier: MIT */
/*
 * need.c - how many bots one look asks for, and the window of calm that has to
 * pass before fewer are believed.
 *
 * `need` is for going up: the steady load, or the queue when what waits would
 * take far longer than it may. `calm` is for going down: somewhat more load
 * and half the wait, so that what one asks for the other does not take away.
 */
#include <math.h>
#include <string.h>

#include "scaler/scaler.h"

#define LAUNCH_SECONDS 10.0 /* where the caller knows none */
#define CALM_ARRIVALS 1.1   /* margin of load before going down */
#define CALM_WAIT 0.5	    /* and of the wait */
#define PATIENCE 2.0	    /* how often the target one task may wait */

static unsigned min_u(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned max_u(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* Slots as bots, rounded up. */
static unsigned bots_of(double slots, unsigned each)
{
	double bots = ceil(slots / each - 1e-9);

	return bots < DEIA_MAX_BOTS ? (unsigned)fmax(bots, 0) : DEIA_MAX_BOTS;
}

static void count(struct deia__scaler_seen *n, const struct deia_scaler_view *v,
		  unsigned each)
{
	uint64_t slots;

	for (size_t i = 0; i < v->n_bots; i++)
		n->counts[v->bots[i].state]++;
	n->able = n->counts[DEIA_SCALER_STARTING] +
		  n->counts[DEIA_SCALER_READY] + n->counts[DEIA_SCALER_BUSY];
	n->bots = n->able + n->counts[DEIA_SCALER_BACKOFF];
	n->all = n->bots + n->counts[DEIA_SCALER_DRAINING];
	slots = (uint64_t)each *
		(n->counts[DEIA_SCALER_READY] + n->counts[DEIA_SCALER_BUSY]);
	slots = slots > v->running ? slots - v->running : 0;
	n->queued = v->queued;
	n->waiting = slots < v->queued ? v->queued - (unsigned)slots : 0;
	n->full = slots == 0 && n->counts[DEIA_SCALER_STARTING] == 0;
}

/* Slots with which the last of the queue waits no longer than the horizon, and
 * so all of it half as long on average (what comes later waits behind it); one
 * for each task is always enough. 0: it is short enough. */
static double queue_slots(const struct deia__scaler_template *t,
			  const struct deia_scaler_view *v)
{
	const struct deia__scaler_seen *n = &t->seen;
	double one_each = (double)v->running + n->waiting;
	double have = (double)n->able * t->conf.max_concurrent;
	double target = t->conf.wait_seconds;
	double oldest = (double)v->oldest_wait_ms / 1000, rush, slots = 0;

	if (n->waiting == 0)
		return 0;
	if (n->able == 0 && n->run <= 0)
		return 1;
	if (n->run <= 0)
		return oldest > target ? one_each : 0;
	rush = n->waiting * n->run / n->horizon;
	if (rush > have)
		slots = fmin(one_each, rush);
	if (n->full && oldest > PATIENCE * target)
		slots = fmax(slots, fmin(one_each, have + 1));
	return slots;
}

/* Nothing is there and nothing came for a while: this look asks for none. That
 * others did not long ago is the window's affair. */
static bool is_quiet(const struct deia__scaler_template *t,
		     const struct deia_scaler_view *v, int64_t now_ms)
{
	if (v->queued > 0 || v->running > 0)
		return false;
	if (v->has_rates)
		return v->arrivals_per_second <= 0;
	return t->rates.arrival_ms == DEIA__SCALER_NEVER ||
	       now_ms - t->rates.arrival_ms >= t->window_ms / 4;
}

static void want(struct deia__scaler_template *t,
		 const struct deia_scaler_view *v)
{
	struct deia__scaler_seen *n = &t->seen;
	unsigned each = t->conf.max_concurrent, max = t->conf.max_bots * each;
	double wait = t->conf.wait_seconds;
	unsigned queue = bots_of(queue_slots(t, v), each);

	n->need = bots_of(deia__scaler_slots(n->arrivals, n->run, wait, max),
			  each);
	n->calm = bots_of(deia__scaler_slots(n->arrivals * CALM_ARRIVALS,
					     n->run, wait * CALM_WAIT, max),
			  each);
	if (n->run <= 0)
		n->calm = max_u(n->calm, bots_of(v->running, each));
	n->cause = queue > 0 && queue >= n->need ? DEIA_SCALER_BY_QUEUE
						 : DEIA_SCALER_BY_LOAD;
	n->need = max_u(max_u(n->need, queue), 1);
	n->calm = max_u(n->calm, n->need);
}

void deia__scaler_see(const deia_scaler *s, struct deia__scaler_template *t,
		      const struct deia_scaler_view *v)
{
	struct deia__scaler_seen *n = &t->seen;
	double launch =
		v->launch_seconds > 0 ? v->launch_seconds : LAUNCH_SECONDS;

	memset(n, 0, sizeof(*n));
	count(n, v, t->conf.max_concurrent);
	n->arrivals = v->has_rates ? v->arrivals_per_second
				   : deia__scaler_arrivals(&t->rates);
	n->run = v->has_rates ? v->run_seconds : deia__scaler_run(&t->rates);
	n->horizon = PATIENCE * fmax(t->conf.wait_seconds, launch);
	if (is_quiet(t, v, s->now_ms))
		n->arrivals = 0;
	else
		want(t, v);
	n->need = min_u(n->need, t->conf.max_bots + 1);
	n->wait = deia_scaler_wait_seconds(n->arrivals, n->run,
					   n->able * t->conf.max_concurrent);
}

/* ---- the window of calm -------------------------------------------------- */

static int64_t part_ms(const struct deia__scaler_template *t)
{
	int64_t ms = t->window_ms / DEIA__SCALER_PEAKS;

	return ms > 0 ? ms : 1;
}

void deia__scaler_peak_add(struct deia__scaler_template *t, int64_t now_ms)
{
	int64_t part = now_ms / part_ms(t);
	unsigned *peak;

	for (int i = 0; t->part < part && i < DEIA__SCALER_PEAKS; i++)
		t->peaks[++t->part % DEIA__SCALER_PEAKS] = 0;
	t->part = part;
	peak = &t->peaks[part % DEIA__SCALER_PEAKS];
	*peak = max_u(*peak, t->seen.calm);
}

unsigned deia__scaler_peak(const struct deia__scaler_template *t)
{
	unsigned most = 0;

	for (int i = 0; i < DEIA__SCALER_PEAKS; i++)
		most = max_u(most, t->peaks[i]);
	return most;
}

/* What was seen counts for the whole new window: rather too much. */
void deia__scaler_set_window(struct deia__scaler_template *t, int64_t ms,
			     int64_t now_ms)
{
	unsigned most = deia__scaler_peak(t);

	t->window_ms = ms;
	t->part = now_ms / part_ms(t);
	for (int i = 0; i < DEIA__SCALER_PEAKS; i++)
		t->peaks[i] = most;
}
