/* SPDX-License-Identifier: MIT */
/*
 * histogram.c - see histogram.h. Bounds are round in seconds and closest where
 * limits are likely to be set; each costs a time series for every histogram.
 */
#include <deia/histogram.h>

#include <string.h>

#define MS 1000u
#define S 1000000u

static const uint64_t fast[] = { 100,	  250,	     500,      1 * MS,
				 2500,	  5 * MS,    10 * MS,  25 * MS,
				 50 * MS, 100 * MS,  250 * MS, 500 * MS,
				 1 * S,	  2500 * MS, 10 * S };
static const uint64_t turn[] = {
	50 * MS, 250 * MS, 1 * S,  2500 * MS, 5 * S,
	10 * S,	 30 * S,   60 * S, 300 * S,   UINT64_C(1800) * S
};
static const uint64_t wait[] = { 10 * MS,
				 100 * MS,
				 1 * S,
				 5 * S,
				 15 * S,
				 60 * S,
				 300 * S,
				 900 * S,
				 UINT64_C(3600) * S,
				 UINT64_C(14400) * S,
				 UINT64_C(86400) * S };
static const uint64_t count[] = { 1,   2,   4,	 8,    16,   32,  64,
				  128, 256, 512, 1024, 2048, 4096 };

#define SCALE(bounds)                                                          \
	{                                                                      \
		bounds, sizeof(bounds) / sizeof(*(bounds))                     \
	}
static const struct {
	const uint64_t *bounds;
	unsigned n;
} scales[DEIA_SCALES] = {
	[DEIA_SCALE_FAST] = SCALE(fast),
	[DEIA_SCALE_TURN] = SCALE(turn),
	[DEIA_SCALE_WAIT] = SCALE(wait),
	[DEIA_SCALE_COUNT] = SCALE(count),
};
_Static_assert(sizeof(fast) / sizeof(*fast) <= DEIA_HISTOGRAM_BOUNDS &&
		       sizeof(count) / sizeof(*count) <= DEIA_HISTOGRAM_BOUNDS,
	       "a histogram has room for each bound");

unsigned deia_scale_bounds(deia_scale scale, const uint64_t **bounds)
{
	*bounds = scales[scale].bounds;
	return scales[scale].n;
}

void deia_histogram_init(struct deia_histogram *h, deia_scale scale)
{
	memset(h, 0, sizeof(*h));
	h->scale = scale;
}

void deia_histogram_add(struct deia_histogram *h, int64_t value)
{
	const uint64_t *bounds = scales[h->scale].bounds;
	uint64_t v = value > 0 ? (uint64_t)value : 0;
	unsigned n = scales[h->scale].n, i = 0;

	while (i < n && v > bounds[i])
		i++;
	h->counts[i]++;
	h->sum += v;
}

uint64_t deia_histogram_count(const struct deia_histogram *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= scales[h->scale].n; i++)
		n += h->counts[i];
	return n;
}
