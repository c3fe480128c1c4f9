/* SPDX-License-Identifier: MIT */
/* health.c - life, options, a look, and what there is to read. */
#include "health/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/opts.h"

#define DAY_MS 86400000
#define RESTORE_MS 600000 /* for a restored subject to be measured again */

/* ---- options -------------------------------------------------------------- */

static bool within(int64_t v, int64_t low, int64_t high)
{
	return v >= low && v <= high;
}

static const char *wrong_opt(const struct deia_health_opts *o)
{
	if (!within(o->max_alerts, 1, DEIA_HEALTH_MAX_ALERTS))
		return "max_alerts";
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++)
		if (!within(o->remind_ms[l], 0, DAY_MS))
			return "remind_ms";
	if (!within(o->remind_max_ms, 0, DAY_MS))
		return "remind_max_ms";
	if (!within(o->flap_ms, 0, DAY_MS))
		return "flap_ms";
	if (!within(o->reopen_ms, 0, DAY_MS))
		return "reopen_ms";
	if (!within(o->gap_ms, 1000, DAY_MS))
		return "gap_ms";
	if (!within(o->point_ms, 1000, 60000))
		return "point_ms";
	return NULL;
}

/* ---- life ------------------------------------------------------------------ */

static deia_err set_up(deia_health *h)
{
	const struct deia_health_rule *rules;
	deia_err err = deia__health_add_builtin(h);
	size_t n;

	if (!err && !deia__health_timeline_init(h))
		err = DEIA_ENOMEM;
	rules = deia_health_default_rules(&n);
	return err ? err
		   : deia_health_set_rules(h, rules, h->opts.no_rules ? 0 : n,
					   NULL);
}

deia_err deia_health_new(deia_health **out, const struct deia_health_opts *opts)
{
	struct deia_health_opts o = DEIA_HEALTH_OPTS_INIT;
	deia_health *h;
	deia_err err;

	if (!out)
		return DEIA_EINVAL;
	*out = NULL;
	if ((opts && !deia__opts_take(&o, sizeof(o), opts)) || wrong_opt(&o))
		return DEIA_EINVAL;
	h = deia__alloc(sizeof(*h));
	if (!h)
		return DEIA_ENOMEM;
	h->opts = o;
	h->due_ms = DEIA__HEALTH_NEVER; /* scan at the first look */
	err = set_up(h);
	if (err) {
		deia_health_free(h);
		return err;
	}
	*out = h;
	return DEIA_OK;
}

void deia_health_free(deia_health *h)
{
	if (!h)
		return;
	deia__health_alerts_fini(h);
	deia__health_rules_free(h->rules, h->n_rules);
	deia__health_metrics_fini(h);
	deia__health_timeline_fini(h);
	deia__free(h);
}

const char *deia_health_errmsg(const deia_health *h)
{
	return h->msg.text;
}

/* ---- a look ----------------------------------------------------------------- */

static void begin(deia_health *h, int64_t now_ms, int64_t unix_ms)
{
	if (now_ms < h->now_ms)
		now_ms = h->now_ms;
	h->gap = !h->looked || now_ms - h->now_ms > h->opts.gap_ms;
	if (!h->looked) {
		h->restore_ms = now_ms + RESTORE_MS;
		h->status_unix_ms = unix_ms;
	}
	h->looked = true;
	h->looks++;
	h->now_ms = now_ms;
	h->unix_ms = unix_ms;
	h->unkept = 0;
	h->failed = false;
}

deia_err deia_health_look(deia_health *h, int64_t now_ms, int64_t unix_ms)
{
	if (h->calling)
		return deia__fail(&h->msg, DEIA_ESTATE, "on_change runs");
	if (now_ms < 0 || unix_ms < 0)
		return deia__fail(&h->msg, DEIA_EINVAL, "a time is negative");
	begin(h, now_ms, unix_ms);
	deia__health_end_lost(h);
	deia__health_judge(h);
	deia__health_remind(h);
	deia__health_sweep(h);
	deia__health_tell(h, unix_ms);
	deia__health_timeline_add(h);
	if (h->failed)
		return deia__fail(&h->msg, DEIA_ENOMEM,
				  "no memory for an alert");
	return DEIA_OK;
}

/* ---- reading ------------------------------------------------------------------ */

void deia_health_get_summary(const deia_health *h,
			     struct deia_health_summary *out)
{
	memset(out, 0, sizeof(*out));
	out->status = h->status;
	out->since_unix_ms = h->status_unix_ms;
	out->score = deia__health_score(h);
	memcpy(out->firing, h->n_firing, sizeof(out->firing));
	for (struct deia__health_alert *a = h->firing; a; a = a->s_next) {
		out->acknowledged += a->pub.acknowledged.at_unix_ms != 0;
		out->silenced += a->pub.silent_until_unix_ms != 0;
	}
	out->kept = h->n_alerts;
	out->unkept = h->unkept;
}

const struct deia_health_alert *deia_health_get_alert(const deia_health *h,
						      const char *id)
{
	struct deia__health_alert *a = NULL;

	if (id)
		HASH_FIND(hh, h->by_id, id, (unsigned)strlen(id), a);
	return a ? &a->pub : NULL;
}

const struct deia_health_alert *deia_health_next_alert(
	const deia_health *h, const struct deia_health_alert *before)
{
	const struct deia__health_alert *a =
		(const struct deia__health_alert *)before;

	if (!h->alerts || a == h->alerts)
		return NULL;
	return a ? &a->prev->pub : &h->alerts->prev->pub;
}

/* ---- score --------------------------------------------------------------------- */

/* What one alert costs, and what alerts of its level cost at most together:
 * so a score below 90 says warning, one below 50 says critical. */
static const struct {
	unsigned points, floor;
} costs[DEIA_HEALTH_LEVELS] = {
	[DEIA_HEALTH_INFO] = { 2, 90 },
	[DEIA_HEALTH_WARNING] = { 10, 50 },
	[DEIA_HEALTH_CRITICAL] = { 60, 0 },
};

/* The second and each further one of a rule costs a fifth, and all of them
 * together no more than the first. */
static unsigned wanted(int level, unsigned alerts)
{
	unsigned first = costs[level].points;
	unsigned more = (alerts - 1) * (first / 5 > 0 ? first / 5 : 1);

	return first + (more > first ? first : more);
}

/* What is left of 100; each group is told to a function, if there is one. */
static unsigned deduct(const deia_health *h, struct deia_health_deduction *out,
		       size_t max, size_t *n)
{
	unsigned score = 100;

	*n = 0;
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++) {
		for (unsigned k = 0; h->n_firing[l] && k < h->n_rules; k++) {
			const struct deia__health_rule *r = h->rules[k];
			unsigned points =
				r->firing[l] ? wanted(l, r->firing[l]) : 0;

			if (!points)
				continue;
			if (points > score - costs[l].floor)
				points = score - costs[l].floor;
			score -= points;
			if (*n < max) {
				snprintf(out[*n].rule, sizeof(out[*n].rule),
					 "%s", r->pub.id);
				out[*n].level = (deia_health_level)l;
				out[*n].alerts = r->firing[l];
				out[*n].points = points;
			}
			++*n;
		}
	}
	return score;
}

unsigned deia__health_score(const deia_health *h)
{
	size_t n;

	return deduct(h, NULL, 0, &n);
}

static int by_level_and_points(const void *p, const void *q)
{
	const struct deia_health_deduction *a = p, *b = q;

	if (a->level != b->level)
		return a->level > b->level ? -1 : 1;
	if (a->points != b->points)
		return a->points > b->points ? -1 : 1;
	return strcmp(a->rule, b->rule);
}

size_t deia_health_deductions(const deia_health *h,
			      struct deia_health_deduction *out, size_t max)
{
	struct deia_health_deduction
		all[DEIA_HEALTH_MAX_RULES * DEIA_HEALTH_LEVELS];
	size_t n;

	deduct(h, all, sizeof(all) / sizeof(*all), &n);
	qsort(all, n, sizeof(*all), by_level_and_points);
	for (size_t i = 0; i < n && i < max; i++)
		out[i] = all[i];
	return n;
}
