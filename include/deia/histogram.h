/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - how many values fell where: plain counters that a part of the
 * library keeps, and that a program reads or keeps itself.
 *
 * The bounds are fixed, a few for each kind of value, so that adding costs some
 * nanoseconds and histograms of many parts can be summed up. Durations are
 * microseconds. A histogram is a plain value: copy it as you like. All since
 * 0.3.
 */
#ifndef DEIA_HISTOGRAM_H
#define DEIA_HISTOGRAM_H

#include <deia/base.h>

DEIA_BEGIN

typedef enum deia_scale {
	DEIA_SCALE_FAST, /* 100 us to 10 s: requests, the store, the loop */
	DEIA_SCALE_TURN, /* 50 ms to half an hour: answers of models */
	DEIA_SCALE_WAIT, /* 10 ms to a day: what waits in a queue */
	DEIA_SCALE_COUNT /* 1 to 4096: how many at a time */
} deia_scale;
#define DEIA_SCALES 4
#define DEIA_HISTOGRAM_BOUNDS 15 /* at most, of any scale */

struct deia_histogram {
	deia_scale scale;
	/* Of values up to the bound of the same index and above the one
	 * before; the one behind the last bound is of all that are larger. */
	uint64_t counts[DEIA_HISTOGRAM_BOUNDS + 1];
	uint64_t sum; /* of all values */
};

/* The bounds of a scale, rising; returns how many. *bounds: static. Any
 * thread. */
DEIA_API unsigned deia_scale_bounds(deia_scale scale, const uint64_t **bounds);
/* Makes h empty. Any thread. */
DEIA_API void deia_histogram_init(struct deia_histogram *h, deia_scale scale);
/* Counts a value; below 0 counts as 0. The caller sees to it that no two
 * threads use h at a time. */
DEIA_API void deia_histogram_add(struct deia_histogram *h, int64_t value);
/* How many values were counted. */
DEIA_API uint64_t deia_histogram_count(const struct deia_histogram *h);

DEIA_END

#endif
