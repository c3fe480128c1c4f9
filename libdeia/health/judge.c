/* SPDX-License-Identifier: MIT */
/*
 * judge.c - what the values mean: levels that are reached, kept and left.
 *
 * Each level of a watch is a small machine of its own: off, and on once it was
 * reached for for_ms; on, and off once it was not held for keep_ms. A level
 * below one that is on is on as soon as it holds. The alert is on the highest
 * one. What the levels say and what the alert says are compared in each look,
 * so that what could not be done for want of memory is done by the next.
 */
#include "health/health.h"

#include <math.h>
#include <string.h>

/* What one look says about a watch. */
struct seen {
	double x;	/* sign * value */
	bool may_reach; /* also and unless allow it */
	bool may_hold;	/* also allows it */
	int64_t keep_ms;
};

void deia__health_watch_reset(struct deia__health_watch *w)
{
	memset(w, 0, sizeof(*w));
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++)
		w->since_ms[l] = DEIA__HEALTH_NEVER;
}

static bool holds(const struct deia__health_test *t, unsigned subject,
		  double limit)
{
	return t->sign * deia__health_is(t, subject) >= limit;
}

static struct seen see(const deia_health *h, const struct deia__health_rule *r,
		       const struct deia__health_watch *w, unsigned subject)
{
	struct seen s = { r->sign * r->metric->values[subject], true, true,
			  r->pub.keep_ms };

	for (size_t i = 0; i < r->pub.n_also; i++) {
		const struct deia__health_test *t = &r->also[i];

		s.may_reach = s.may_reach && holds(t, subject, t->at);
		s.may_hold = s.may_hold && holds(t, subject, t->clear);
	}
	for (size_t i = 0; i < r->pub.n_unless; i++)
		if (holds(&r->unless[i], subject, r->unless[i].at))
			s.may_reach = false;
	if (w->flaps && s.keep_ms < h->opts.flap_ms)
		s.keep_ms = h->opts.flap_ms;
	return s;
}

static void relapse(const struct deia__health_watch *w, int level)
{
	if (w->alert && w->alert->pub.state == DEIA_HEALTH_FIRING &&
	    (int)w->alert->pub.level == level)
		w->alert->pub.relapses++;
}

static void step(const deia_health *h, const struct deia__health_rule *r,
		 struct deia__health_watch *w, int l, const struct seen *s)
{
	bool reached = s->may_reach && s->x >= r->at[l];
	bool held = s->may_hold && s->x >= r->clear[l];
	uint8_t bit = (uint8_t)(1u << l);

	if (!reached)
		w->since_ms[l] = DEIA__HEALTH_NEVER;
	else if (h->gap || w->since_ms[l] == DEIA__HEALTH_NEVER)
		w->since_ms[l] = h->now_ms;
	if (!(w->on & bit)) {
		if ((reached &&
		     h->now_ms - w->since_ms[l] >= r->pub.levels[l].for_ms) ||
		    (held && w->on > bit)) {
			w->on |= bit;
			w->held_ms[l] = h->now_ms;
		}
		return;
	}
	if (held && w->slack & bit)
		relapse(w, l);
	if (held || h->gap)
		w->held_ms[l] = h->now_ms;
	w->slack &= (uint8_t)~bit;
	if (!held && h->now_ms - w->held_ms[l] >= s->keep_ms)
		w->on &= (uint8_t)~bit;
	else if (!held)
		w->slack |= bit;
}

static void leave_all(struct deia__health_watch *w)
{
	w->on = w->slack = 0;
	w->waits = false;
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++)
		w->since_ms[l] = DEIA__HEALTH_NEVER;
}

static int highest(const struct deia__health_watch *w)
{
	int l = DEIA_HEALTH_LEVELS - 1;

	while (l >= 0 && !(w->on & 1u << l))
		l--;
	return l;
}

/* Somebody said that it is dealt with, and nothing is worse since. */
static bool is_muted(const deia_health *h, struct deia__health_watch *w,
		     int level)
{
	if (level < 0 || level + 1 > w->muted || h->now_ms >= w->muted_ms)
		w->muted = 0;
	return w->muted > 0;
}

static void act(deia_health *h, struct deia__health_rule *r, unsigned subject,
		struct deia__health_watch *w)
{
	struct deia__health_alert *a = w->alert;
	double value = r->metric->values[subject];
	int level = highest(w);

	if (a && a->pub.state == DEIA_HEALTH_FIRING) {
		if (!isnan(value))
			a->pub.value = value;
		if (level < 0)
			deia__health_alert_end(h, a,
					       isnan(value)
						       ? DEIA_HEALTH_GONE
						       : DEIA_HEALTH_CLEARED);
		else if (level != (int)a->pub.level)
			deia__health_alert_move(h, a, (deia_health_level)level);
	} else if (!is_muted(h, w, level) && level >= 0) {
		deia__health_alert_fire(h, r, subject,
					(deia_health_level)level);
	}
}

static bool is_busy(const struct deia__health_watch *w)
{
	if (w->on || w->muted || w->waits ||
	    (w->alert && w->alert->pub.state == DEIA_HEALTH_FIRING))
		return true;
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++)
		if (w->since_ms[l] != DEIA__HEALTH_NEVER)
			return true;
	return false;
}

static void judge_watch(deia_health *h, struct deia__health_rule *r,
			unsigned subject)
{
	struct deia__health_watch *w = &r->watches[subject];
	struct seen s;

	if (isnan(r->metric->values[subject])) {
		if (w->waits && h->now_ms < h->restore_ms)
			return;
		leave_all(w);
	} else {
		s = see(h, r, w, subject);
		w->waits = false;
		w->on &= r->used;
		for (int l = DEIA_HEALTH_LEVELS - 1; l >= 0; l--)
			if (r->used & 1u << l)
				step(h, r, w, l, &s);
			else
				w->since_ms[l] = DEIA__HEALTH_NEVER;
	}
	act(h, r, subject, w);
	r->busy[subject] = is_busy(w);
}

void deia__health_judge(deia_health *h)
{
	for (unsigned k = 0; k < h->n_rules; k++) {
		struct deia__health_rule *r = h->rules[k];
		const double *values = r->metric->values;
		unsigned n = r->metric->scope->n;

		if (r->pub.off)
			continue;
		for (unsigned i = 0; i < n; i++)
			if (r->busy[i] || r->sign * values[i] >= r->lowest)
				judge_watch(h, r, i);
	}
}
