/* SPDX-License-Identifier: MIT */
/*
 * alerts.c - the life of alerts, and who is told of it.
 *
 * Before anything changes there is room for the events that it makes. Events
 * are handed out at the end of the call, when all of it is done; an alert that
 * one of them names is not thrown out before.
 */
#include "health/health.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "core/id.h"
#include "core/mem.h"

#define NEVER_MS INT64_MAX
#define MAX_EVENTS 3 /* of one move: unsilenced, escalated, notify */

/* ---- events -------------------------------------------------------------- */

bool deia__health_reserve(deia_health *h, size_t n)
{
	size_t cap = h->cap_events ? h->cap_events : 16;
	void *p;

	while (cap < h->n_events + n)
		cap *= 2;
	if (cap <= h->cap_events)
		return true;
	p = deia__realloc(h->events, cap * sizeof(*h->events));
	if (!p) {
		h->failed = true;
		return false;
	}
	h->events = p;
	h->cap_events = cap;
	return true;
}

void deia__health_event(deia_health *h, struct deia__health_alert *a,
			deia_health_change change, deia_health_level from)
{
	struct deia_health_event *e = &h->events[h->n_events++];

	e->change = change;
	e->from = from;
	e->alert = &a->pub;
	a->queued++;
}

static deia_health_status find_status(const deia_health *h)
{
	if (h->n_firing[DEIA_HEALTH_CRITICAL])
		return DEIA_HEALTH_IS_CRITICAL;
	return h->n_firing[DEIA_HEALTH_WARNING] ? DEIA_HEALTH_IS_DEGRADED
						: DEIA_HEALTH_IS_HEALTHY;
}

void deia__health_tell(deia_health *h, int64_t unix_ms)
{
	deia_health_status status = find_status(h);

	if (status != h->status)
		h->status_unix_ms = unix_ms;
	h->status = status;
	h->calling = true;
	for (size_t i = 0; i < h->n_events; i++) {
		struct deia__health_alert *a =
			(struct deia__health_alert *)(uintptr_t)h->events[i]
				.alert;

		if (h->opts.on_change)
			h->opts.on_change(&h->events[i], h->opts.user);
		a->queued--;
	}
	h->n_events = 0;
	h->calling = false;
}

/* ---- lists ---------------------------------------------------------------- */

static struct deia__health_watch *watch_of(const struct deia__health_alert *a)
{
	return a->rule && !a->rule->pub.off ? &a->rule->watches[a->subject]
					    : NULL;
}

static void count(deia_health *h, const struct deia__health_alert *a, int n)
{
	h->n_firing[a->pub.level] += (unsigned)n;
	if (a->rule)
		a->rule->firing[a->pub.level] += (unsigned)n;
}

static void forget_alert(deia_health *h, struct deia__health_alert *a)
{
	struct deia__health_watch *w = watch_of(a);

	if (w && w->alert == a)
		w->alert = NULL;
	DL_DELETE(h->alerts, a);
	DL_DELETE2(h->resolved, a, s_prev, s_next);
	HASH_DEL(h->by_id, a);
	deia__free(a);
	h->n_alerts--;
}

/* The last eighth of the room is for critical ones. */
static bool make_room(deia_health *h, deia_health_level level)
{
	unsigned max = h->opts.max_alerts;

	if (level < DEIA_HEALTH_CRITICAL &&
	    h->n_firing[DEIA_HEALTH_INFO] + h->n_firing[DEIA_HEALTH_WARNING] >=
		    max - max / 8)
		return false;
	if (h->n_alerts < max)
		return true;
	if (h->resolved && !h->resolved->queued)
		forget_alert(h, h->resolved);
	return h->n_alerts < max;
}

struct deia__health_alert *deia__health_alert_new(deia_health *h,
						  deia_health_level level,
						  bool *full)
{
	*full = !make_room(h, level);
	return *full ? NULL : deia__alloc(sizeof(struct deia__health_alert));
}

bool deia__health_alert_add(deia_health *h, struct deia__health_alert *a)
{
	HASH_ADD(hh, h->by_id, pub.id, (unsigned)strlen(a->pub.id), a);
	if (!a->hh.tbl) {
		deia__free(a);
		return false;
	}
	DL_APPEND(h->alerts, a);
	if (a->pub.state == DEIA_HEALTH_FIRING) {
		DL_APPEND2(h->firing, a, s_prev, s_next);
		count(h, a, 1);
	} else {
		DL_APPEND2(h->resolved, a, s_prev, s_next);
	}
	h->n_alerts++;
	return true;
}

void deia__health_alerts_fini(deia_health *h)
{
	struct deia__health_alert *a, *next;

	HASH_CLEAR(hh, h->by_id);
	for (a = h->alerts; a; a = next) {
		next = a->next;
		deia__free(a);
	}
	deia__free(h->events);
}

/* ---- who is told ----------------------------------------------------------- */

static bool is_silent(const struct deia__health_alert *a, int64_t unix_ms)
{
	return a->pub.silent_until_unix_ms > unix_ms;
}

static void remind_later(deia_health *h, struct deia__health_alert *a)
{
	int64_t ms = h->opts.remind_ms[a->pub.level];

	for (unsigned i = 0; i < a->pub.step && ms < h->opts.remind_max_ms; i++)
		ms *= 2;
	if (a->pub.step && ms > h->opts.remind_max_ms)
		ms = h->opts.remind_max_ms;
	a->remind_ms = ms > 0 ? h->now_ms + ms : NEVER_MS;
	if (a->remind_ms < h->due_ms)
		h->due_ms = a->remind_ms;
}

static void notify(deia_health *h, struct deia__health_alert *a,
		   int64_t unix_ms)
{
	if (is_silent(a, unix_ms)) {
		a->remind_ms = NEVER_MS; /* until the silence ends */
		return;
	}
	a->pub.told = true;
	a->told_look = h->looks;
	deia__health_event(h, a, DEIA_HEALTH_NOTIFY, a->pub.level);
	remind_later(h, a);
}

static void end_silence(deia_health *h, struct deia__health_alert *a,
			int64_t unix_ms, bool told)
{
	a->pub.silent_until_unix_ms = 0;
	memset(&a->pub.silenced, 0, sizeof(a->pub.silenced));
	deia__health_event(h, a, DEIA_HEALTH_UNSILENCED, a->pub.level);
	if (!told && !a->pub.acknowledged.at_unix_ms)
		notify(h, a, unix_ms);
}

static void remind(deia_health *h, struct deia__health_alert *a)
{
	if (!deia__health_reserve(h, MAX_EVENTS))
		return;
	if (a->pub.silent_until_unix_ms && !is_silent(a, h->unix_ms))
		end_silence(h, a, h->unix_ms, a->told_look == h->looks);
	if (a->remind_ms == DEIA__HEALTH_NEVER) { /* of another life */
		remind_later(h, a);
	} else if (a->remind_ms <= h->now_ms) {
		if (a->pub.acknowledged.at_unix_ms) {
			a->remind_ms = NEVER_MS;
		} else {
			a->pub.step++;
			if (a->rule)
				deia__health_summarize(a);
			notify(h, a, h->unix_ms);
		}
	}
}

void deia__health_remind(deia_health *h)
{
	struct deia__health_alert *a;

	if (h->now_ms < h->due_ms && !h->silences)
		return;
	h->due_ms = NEVER_MS;
	h->silences = false;
	for (a = h->firing; a; a = a->s_next) {
		remind(h, a);
		if (a->remind_ms < h->due_ms)
			h->due_ms = a->remind_ms;
		if (a->pub.silent_until_unix_ms)
			h->silences = true;
	}
}

/* ---- moves ------------------------------------------------------------------ */

static void on_level(struct deia__health_alert *a, int64_t unix_ms)
{
	struct deia_health_alert *p = &a->pub;

	if (p->level > p->peak)
		p->peak = p->level;
	p->level_unix_ms = unix_ms;
	p->step = 0;
	p->at = a->rule->pub.levels[p->level].at;
	deia__health_summarize(a);
}

static void fill(const deia_health *h, struct deia__health_alert *a,
		 deia_health_level level)
{
	const struct deia__health_rule *r = a->rule;
	const struct deia__health_scope *scope = r->metric->scope;
	struct deia_health_alert *p = &a->pub;

	deia__uuid7(p->id, h->unix_ms);
	snprintf(p->rule, sizeof(p->rule), "%s", r->pub.id);
	snprintf(p->metric, sizeof(p->metric), "%s", r->metric->name);
	snprintf(p->scope, sizeof(p->scope), "%s", scope->name);
	if (scope->name[0])
		snprintf(p->subject, sizeof(p->subject), "%s",
			 scope->subjects[a->subject]->name);
	snprintf(p->text, sizeof(p->text), "%s", r->pub.text);
	p->level = p->peak = level;
	p->value = r->metric->values[a->subject];
	p->fired_unix_ms = h->unix_ms;
	on_level(a, h->unix_ms);
}

/* What is left of the last alert of the same cause. */
static void follow(deia_health *h, struct deia__health_watch *w,
		   struct deia__health_alert *a)
{
	const struct deia_health_alert *last = w->alert ? &w->alert->pub : NULL;

	w->flaps = last && last->end != DEIA_HEALTH_BY_HAND &&
		   h->unix_ms - last->resolved_unix_ms < h->opts.flap_ms;
	if (last && last->silent_until_unix_ms > h->unix_ms) {
		a->pub.silenced = last->silenced;
		a->pub.silent_until_unix_ms = last->silent_until_unix_ms;
		h->silences = true;
	}
}

void deia__health_alert_fire(deia_health *h, struct deia__health_rule *r,
			     unsigned subject, deia_health_level level)
{
	struct deia__health_watch *w = &r->watches[subject];
	struct deia__health_alert *a = NULL;
	bool full = false;

	if (deia__health_reserve(h, MAX_EVENTS))
		a = deia__health_alert_new(h, level, &full);
	if (full)
		h->unkept++;
	if (!a) {
		h->failed = h->failed || !full;
		return;
	}
	a->rule = r;
	a->subject = subject;
	fill(h, a, level);
	follow(h, w, a);
	if (!deia__health_alert_add(h, a)) {
		h->failed = true;
		return;
	}
	w->alert = a;
	w->muted = 0;
	deia__health_event(h, a, DEIA_HEALTH_GENERATED, level);
	notify(h, a, h->unix_ms);
}

void deia__health_alert_move(deia_health *h, struct deia__health_alert *a,
			     deia_health_level level)
{
	deia_health_level from = a->pub.level;

	if (!deia__health_reserve(h, MAX_EVENTS))
		return;
	count(h, a, -1);
	a->pub.level = level;
	count(h, a, 1);
	on_level(a, h->unix_ms);
	if (level < from) {
		deia__health_event(h, a, DEIA_HEALTH_DEESCALATED, from);
		remind_later(h, a);
		return;
	}
	deia__health_event(h, a, DEIA_HEALTH_ESCALATED, from);
	if (a->pub.acknowledged.at_unix_ms &&
	    level <= a->pub.acknowledged_level)
		return;
	memset(&a->pub.acknowledged, 0, sizeof(a->pub.acknowledged));
	notify(h, a, h->unix_ms);
}

static void end(deia_health *h, struct deia__health_alert *a,
		deia_health_end why, int64_t unix_ms)
{
	count(h, a, -1);
	a->pub.state = DEIA_HEALTH_RESOLVED;
	a->pub.end = why;
	a->pub.resolved_unix_ms = unix_ms;
	a->lost = false;
	DL_DELETE2(h->firing, a, s_prev, s_next);
	DL_APPEND2(h->resolved, a, s_prev, s_next);
	deia__health_event(h, a, DEIA_HEALTH_ENDED, a->pub.level);
}

void deia__health_alert_end(deia_health *h, struct deia__health_alert *a,
			    deia_health_end why)
{
	if (deia__health_reserve(h, MAX_EVENTS))
		end(h, a, why, h->unix_ms);
}

void deia__health_end_lost(deia_health *h)
{
	struct deia__health_alert *a, *next;

	if (!h->lost)
		return;
	h->lost = false;
	for (a = h->firing; a; a = next) {
		next = a->s_next;
		if (a->lost)
			deia__health_alert_end(h, a, DEIA_HEALTH_NO_RULE);
		if (a->lost)
			h->lost = true; /* memory was short */
	}
}

/* ---- people ------------------------------------------------------------------ */

/* NULL: *err says why not. There is room for what it will tell. */
static struct deia__health_alert *find_firing(deia_health *h, const char *id,
					      const char *by,
					      const char *reason,
					      int64_t unix_ms, deia_err *err)
{
	struct deia__health_alert *a = NULL;

	*err = DEIA_OK;
	if (id)
		HASH_FIND(hh, h->by_id, id, (unsigned)strlen(id), a);
	if (h->calling)
		*err = deia__fail(&h->msg, DEIA_ESTATE, "on_change runs");
	else if (!deia__health_is_id(by) ||
		 !deia__health_is_line(reason, 0, 255) || unix_ms < 0)
		*err = deia__fail(&h->msg, DEIA_EINVAL,
				  "who, why or the time is absurd");
	else if (!a)
		*err = deia__fail(&h->msg, DEIA_ENOTFOUND,
				  "there is no alert \"%.64s\"", id ? id : "");
	else if (a->pub.state != DEIA_HEALTH_FIRING)
		*err = deia__fail(&h->msg, DEIA_ESTATE,
				  "the alert is resolved already");
	else if (!deia__health_reserve(h, MAX_EVENTS))
		*err = deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
	return *err ? NULL : a;
}

static void mark(struct deia_health_mark *m, const char *by, const char *reason,
		 int64_t unix_ms)
{
	m->at_unix_ms = unix_ms > 0 ? unix_ms : 1; /* 0: nobody */
	snprintf(m->by, sizeof(m->by), "%s", by);
	snprintf(m->reason, sizeof(m->reason), "%s", reason);
}

deia_err deia_health_acknowledge(deia_health *h, const char *id, const char *by,
				 const char *reason, int64_t unix_ms)
{
	deia_err err;
	struct deia__health_alert *a =
		find_firing(h, id, by, reason, unix_ms, &err);

	if (!a)
		return err;
	mark(&a->pub.acknowledged, by, reason, unix_ms);
	a->pub.acknowledged_level = a->pub.level;
	deia__health_event(h, a, DEIA_HEALTH_ACKNOWLEDGED, a->pub.level);
	deia__health_tell(h, unix_ms);
	return DEIA_OK;
}

deia_err deia_health_silence(deia_health *h, const char *id, const char *by,
			     const char *reason, int64_t until_unix_ms,
			     int64_t unix_ms)
{
	deia_err err;
	struct deia__health_alert *a =
		find_firing(h, id, by, reason, unix_ms, &err);

	if (!a)
		return err;
	if (until_unix_ms != 0 &&
	    (until_unix_ms <= unix_ms ||
	     until_unix_ms - unix_ms > DEIA_HEALTH_MAX_SILENCE_MS))
		return deia__fail(
			&h->msg, DEIA_EINVAL,
			"a silence ends in the future, within %d days",
			(int)(DEIA_HEALTH_MAX_SILENCE_MS / 86400000));
	if (until_unix_ms) {
		mark(&a->pub.silenced, by, reason, unix_ms);
		a->pub.silent_until_unix_ms = until_unix_ms;
		a->remind_ms = NEVER_MS;
		h->silences = true;
		deia__health_event(h, a, DEIA_HEALTH_SILENCED, a->pub.level);
	} else if (a->pub.silent_until_unix_ms) {
		end_silence(h, a, unix_ms, false);
	}
	deia__health_tell(h, unix_ms);
	return DEIA_OK;
}

deia_err deia_health_resolve(deia_health *h, const char *id, const char *by,
			     const char *reason, int64_t unix_ms)
{
	struct deia__health_watch *w;
	deia_err err;
	struct deia__health_alert *a =
		find_firing(h, id, by, reason, unix_ms, &err);

	if (!a)
		return err;
	w = watch_of(a);
	if (w) {
		w->muted = (uint8_t)(a->pub.level + 1);
		w->muted_ms = h->now_ms + h->opts.reopen_ms;
	}
	mark(&a->pub.resolved_by, by, reason, unix_ms);
	end(h, a, DEIA_HEALTH_BY_HAND, unix_ms);
	deia__health_tell(h, unix_ms);
	return DEIA_OK;
}
