/* SPDX-License-Identifier: MIT */
/*
 * timeline.c - how it was: an hour in short points, a day in minutes, a month
 * in quarters of an hour.
 *
 * Each look goes into the growing point of every tier; when its time is over
 * the point is put into the ring of the tier. Times are those of now_ms, so a
 * wall clock that jumps moves labels, never points.
 */
#include "health/health.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"

#define HOUR_MS 3600000.0
#define MINUTE_MS 60000
#define QUARTER_MS (15 * MINUTE_MS)

static const double hours_of[DEIA__HEALTH_TIERS] = { 1, 24, 720 };

bool deia__health_timeline_init(deia_health *h)
{
	const int64_t widths[DEIA__HEALTH_TIERS] = { h->opts.point_ms,
						     MINUTE_MS, QUARTER_MS };

	if (h->opts.no_timeline)
		return true;
	for (int i = 0; i < DEIA__HEALTH_TIERS; i++) {
		struct deia__health_tier *t = &h->tiers[i];

		t->width_ms = widths[i];
		t->cap = (unsigned)ceil(hours_of[i] * HOUR_MS /
					(double)widths[i]);
		t->ring = deia__alloc(t->cap * sizeof(*t->ring));
		if (!t->ring)
			return false;
	}
	return true;
}

void deia__health_timeline_fini(deia_health *h)
{
	for (int i = 0; i < DEIA__HEALTH_TIERS; i++)
		deia__free(h->tiers[i].ring);
}

/* ---- writing ------------------------------------------------------------- */

static void set_means(struct deia__health_slot *slot,
		      const struct deia__health_tier *t)
{
	for (int k = 0; k < DEIA_HEALTH_KEPT; k++)
		slot->mean[k] =
			t->count[k] ? (float)(t->sum[k] / t->count[k]) : NAN;
}

static void close_point(struct deia__health_tier *t)
{
	set_means(&t->now, t);
	t->ring[t->next] = t->now;
	t->next = (t->next + 1) % t->cap;
	if (t->n < t->cap)
		t->n++;
	t->open = false;
}

static void open_point(struct deia__health_tier *t, int64_t at_ms,
		       int64_t at_unix_ms)
{
	memset(&t->now, 0, sizeof(t->now));
	memset(t->sum, 0, sizeof(t->sum));
	memset(t->count, 0, sizeof(t->count));
	for (int k = 0; k < DEIA_HEALTH_KEPT; k++)
		t->now.max[k] = NAN;
	t->now.at_ms = at_ms;
	t->now.at_unix_ms = at_unix_ms;
	t->now.score = 100;
	t->open = true;
}

/* What a look knows, the same for all tiers. */
struct now {
	double values[DEIA_HEALTH_KEPT];
	unsigned firing, score;
};

static void add(deia_health *h, struct deia__health_tier *t,
		const struct now *now)
{
	int64_t at_ms = h->now_ms - h->now_ms % t->width_ms;

	if (t->open && t->now.at_ms != at_ms)
		close_point(t);
	if (!t->open)
		open_point(t, at_ms, h->unix_ms);
	if (t->now.status < h->status)
		t->now.status = (uint8_t)h->status;
	if (t->now.score > now->score)
		t->now.score = (uint8_t)now->score;
	if (t->now.firing < now->firing)
		t->now.firing = now->firing;
	for (unsigned k = 0; k < h->n_kept; k++) {
		float v = (float)now->values[k];

		if (isnan(v))
			continue;
		t->sum[k] += now->values[k];
		t->count[k]++;
		if (!(t->now.max[k] >= v))
			t->now.max[k] = v;
	}
}

void deia__health_timeline_add(deia_health *h)
{
	struct now now = { .score = deia__health_score(h) };

	if (h->opts.no_timeline)
		return;
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++)
		now.firing += h->n_firing[l];
	for (unsigned k = 0; k < h->n_kept; k++)
		now.values[k] = h->kept[k]->values[0];
	for (int i = 0; i < DEIA__HEALTH_TIERS; i++)
		add(h, &h->tiers[i], &now);
}

/* ---- reading --------------------------------------------------------------- */

static void show(struct deia_health_point *out,
		 const struct deia__health_slot *slot, int64_t width_ms)
{
	out->at_unix_ms = slot->at_unix_ms;
	out->seconds = (unsigned)((width_ms + 999) / 1000);
	out->status = (deia_health_status)slot->status;
	out->score = slot->score;
	out->firing = slot->firing;
	for (int k = 0; k < DEIA_HEALTH_KEPT; k++) {
		out->mean[k] = (double)slot->mean[k];
		out->max[k] = (double)slot->max[k];
	}
}

/* The i-th newest point, 0: the one that grows. */
static struct deia__health_slot slot_at(const struct deia__health_tier *t,
					unsigned i)
{
	struct deia__health_slot slot = t->now;

	if (i > 0)
		return t->ring[(t->next + t->cap - i) % t->cap];
	set_means(&slot, t);
	return slot;
}

size_t deia_health_timeline(const deia_health *h, double hours,
			    struct deia_health_point *out, size_t max)
{
	const struct deia__health_tier *t;
	int64_t from_ms;
	unsigned n;
	int i = 0;

	if (!(hours > 0) || h->opts.no_timeline || !h->looked)
		return 0;
	while (i < DEIA__HEALTH_TIERS - 1 && hours > hours_of[i])
		i++;
	if (hours > hours_of[i])
		hours = hours_of[i];
	t = &h->tiers[i];
	from_ms = h->now_ms - (int64_t)(hours * HOUR_MS);
	for (n = 0; n <= t->n && n < max; n++)
		if (slot_at(t, n).at_ms <= from_ms - t->width_ms)
			break;
	for (unsigned k = 0; k < n; k++) {
		struct deia__health_slot slot = slot_at(t, n - 1 - k);

		show(&out[k], &slot, t->width_ms);
	}
	return n;
}
