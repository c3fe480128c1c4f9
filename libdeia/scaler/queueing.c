/* SPDX-License-Identifier: MIT */
/*
 * queueing.c - how long work waits for one of several workers.
 *
 * M/M/c: arrivals at random, times of runs exponential. With a = arrivals x
 * run (the load, in slots) and c > a slots, Erlang's loss formula by its
 * recursion B(0) = 1, B(k) = a B(k-1) / (k + a B(k-1)), his delay formula
 * C = B / (1 - (a / c) (1 - B)), and the mean wait C x run / (c - a). The
 * recursion neither overflows nor cancels. Sources: docs/scaling.md.
 */
#include <math.h>

#include "scaler/scaler.h"

/* B(k) from B(k - 1). */
static double next_loss(double loss, double load, unsigned k)
{
	return load * loss / ((double)k + load * loss);
}

static double wait_of(double loss, double load, double run, unsigned slots)
{
	double delay;

	if (load >= (double)slots)
		return (double)INFINITY;
	delay = loss / (1 - load / (double)slots * (1 - loss));
	return delay * run / ((double)slots - load);
}

double deia_scaler_wait_seconds(double arrivals_per_second, double run_seconds,
				unsigned slots)
{
	double load = arrivals_per_second * run_seconds, loss = 1;

	if (!(arrivals_per_second >= 0 && run_seconds >= 0) || !isfinite(load))
		return (double)NAN;
	if (load <= 0)
		return 0;
	if (load >= (double)slots)
		return (double)INFINITY;
	for (unsigned k = 1; k <= slots; k++)
		loss = next_loss(loss, load, k);
	return wait_of(loss, load, run_seconds, slots);
}

unsigned deia__scaler_slots(double arrivals, double run, double wait,
			    unsigned max)
{
	double load = arrivals * run, loss = 1;

	if (load <= 0)
		return 0;
	for (unsigned k = 1; k <= max && load < (double)max; k++) {
		loss = next_loss(loss, load, k);
		if (wait_of(loss, load, run, k) <= wait)
			return k;
	}
	return max + 1;
}
