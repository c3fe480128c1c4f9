/* SPDX-License-Identifier: MIT */
/*
 * rates.c - how much comes and how long it takes, from counters.
 *
 * Arrivals a second: arrivals over seconds, both fading with one time constant
 * long enough for some 30 arrivals. The mean time of a run by Little's law on
 * the slots: slot-seconds that were busy over runs that ended in them. The
 * time of runs fades by runs, not by the clock: it does not get stale because
 * nobody works.
 */
#include <math.h>

#include "scaler/scaler.h"

#define MIN_SECONDS 60.0   /* before that, one arrival says little */
#define FADE_MIN_S 180.0   /* the time constant for busy templates */
#define FADE_MAX_S 1800.0  /* and for those where little comes */
#define FADE_ARRIVALS 30.0 /* relative error of a rate: 1 / sqrt(2 x 30) */
#define FADE_RUNS 200.0
#define JUMP_PER_SECOND 1e6 /* more is no arrival, but another counter */

double deia__scaler_arrivals(const struct deia__scaler_rates *r)
{
	return r->arrivals / fmax(r->seconds, MIN_SECONDS);
}

double deia__scaler_run(const struct deia__scaler_rates *r)
{
	return r->busy / fmax(r->ended, 1);
}

/* By how much a counter grew; one that fell, or leapt, began anew. */
static double grown(uint64_t from, uint64_t to, double seconds)
{
	double by = to >= from ? (double)(to - from) : 0;

	return by <= JUMP_PER_SECOND * (seconds + 1) ? by : 0;
}

static void fade(struct deia__scaler_rates *r, double seconds, double ended)
{
	double rate = deia__scaler_arrivals(r);
	double constant = fmin(
		fmax(FADE_ARRIVALS / fmax(rate, 1e-9), FADE_MIN_S), FADE_MAX_S);
	double keep = exp(-seconds / constant);
	double keep_runs = exp(-ended / FADE_RUNS);

	r->arrivals *= keep;
	r->seconds *= keep;
	r->ended *= keep_runs;
	r->busy *= keep_runs;
}

void deia__scaler_rates_look(struct deia__scaler_rates *r,
			     const struct deia_scaler_view *v, int64_t dt_ms,
			     int64_t now_ms)
{
	double seconds = (double)dt_ms / 1000;

	if (r->counting) {
		double came = grown(r->arrived, v->arrived, seconds);
		double ended = grown(r->finished, v->finished, seconds);

		fade(r, seconds, ended);
		r->arrivals += came;
		r->seconds += seconds;
		r->ended += ended;
		r->busy += seconds * v->running;
		if (came > 0)
			r->arrival_ms = now_ms;
	}
	r->counting = true;
	r->arrived = v->arrived;
	r->finished = v->finished;
}
