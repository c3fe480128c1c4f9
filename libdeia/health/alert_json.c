/* SPDX-License-Identifier: MIT */
/*
 * alert_json.c - an alert as JSON, and back into the monitor of another life.
 *
 * A restored alert that fires is put on its watch as if it had held until now;
 * from the first look on it is judged like any other.
 */
#include "health/health.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/id.h"
#include "core/mem.h"
#include "health/read.h"

/* ---- printing -------------------------------------------------------------- */

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static void print_mark(struct deia_jw *w, const char *key,
		       const struct deia_health_mark *m, int64_t until)
{
	deia_jw_key(w, key);
	if (!m->at_unix_ms) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	deia_jw_ktime(w, "at", m->at_unix_ms);
	deia_jw_kstr(w, "by", m->by);
	deia_jw_kstr(w, "reason", m->reason);
	if (until)
		deia_jw_ktime(w, "until", until);
	deia_jw_end_object(w);
}

static void print_number(struct deia_jw *w, const char *key, double v)
{
	char number[40];

	deia__json_number(number, v);
	deia_jw_kraw(w, key, number);
}

void deia_health_print_alert(const struct deia_health_alert *a,
			     struct deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", a->id);
	deia_jw_kstr(w, "rule", a->rule);
	deia_jw_kstr(w, "metric", a->metric);
	deia_jw_kstr(w, "scope", or_null(a->scope));
	deia_jw_kstr(w, "subject", or_null(a->subject));
	deia_jw_kstr(w, "state", deia_health_state_name(a->state));
	deia_jw_kstr(w, "level", deia_health_level_name(a->level));
	deia_jw_kstr(w, "peak", deia_health_level_name(a->peak));
	deia_jw_kstr(w, "end", or_null(deia_health_end_name(a->end)));
	print_number(w, "value", a->value);
	print_number(w, "at", a->at);
	deia_jw_ktime(w, "fired_at", a->fired_unix_ms);
	deia_jw_ktime(w, "level_at", a->level_unix_ms);
	deia_jw_ktime(w, "resolved_at", a->resolved_unix_ms);
	deia_jw_kbool(w, "told", a->told);
	deia_jw_kint(w, "step", a->step);
	deia_jw_kint(w, "relapses", a->relapses);
	print_mark(w, "acknowledged", &a->acknowledged, 0);
	deia_jw_kstr(w, "acknowledged_level",
		     a->acknowledged.at_unix_ms
			     ? deia_health_level_name(a->acknowledged_level)
			     : NULL);
	print_mark(w, "silenced", &a->silenced, a->silent_until_unix_ms);
	print_mark(w, "resolved_by", &a->resolved_by, 0);
	deia_jw_kstr(w, "summary", a->summary);
	deia_jw_kstr(w, "text", a->text);
	deia_jw_end_object(w);
}

/* ---- reading ---------------------------------------------------------------- */

/* One line of min..len-1 bytes; "" when left out and min is 0. */
static void read_line(struct deia__read *r, const cJSON *json,
		      const char *member, size_t min, char *out, size_t len)
{
	const char *text = deia__read_text(r, json, member, min > 0);

	if (!text)
		return;
	if (!deia__health_is_line(text, min, len - 1))
		deia__read_wrong(r, member,
				 "expected one line of %zu to %zu bytes", min,
				 len - 1);
	else
		snprintf(out, len, "%s", text);
}

#define READ_LINE(r, json, member, min, to)                                    \
	read_line(r, json, member, min, to, sizeof(to))

/* The number of a name; 0 when left out. */
static unsigned read_word(struct deia__read *r, const cJSON *json,
			  const char *member, const char *(*name)(unsigned),
			  unsigned n)
{
	const char *text = deia__read_text(r, json, member, false);

	for (unsigned i = 0; text && i < n; i++)
		if (strcmp(name(i), text) == 0)
			return i;
	if (text)
		deia__read_wrong(r, member, "there is no such word");
	return 0;
}

static const char *state_name(unsigned i)
{
	return deia_health_state_name((deia_health_state)i);
}

static const char *level_name(unsigned i)
{
	return deia_health_level_name((deia_health_level)i);
}

static const char *end_name(unsigned i)
{
	return deia_health_end_name((deia_health_end)i);
}

static void read_mark(struct deia__read *r, const cJSON *json,
		      const char *member, struct deia_health_mark *out,
		      int64_t *until)
{
	static const char *const names[] = { "at", "by", "reason", NULL };
	static const char *const with[] = { "at", "by", "reason", "until",
					    NULL };
	const cJSON *item = deia__json_get(json, member);
	size_t up = deia__read_down(r, member);

	if (item && deia__read_object(r, item, until ? with : names)) {
		out->at_unix_ms = deia__read_time(r, item, "at");
		READ_LINE(r, item, "by", 1, out->by);
		READ_LINE(r, item, "reason", 0, out->reason);
		if (until)
			*until = deia__read_time(r, item, "until");
		if (!out->at_unix_ms || (until && !*until))
			deia__read_wrong(r, "at", "expected a time");
	}
	deia__read_up(r, up);
}

static void read_numbers(struct deia__read *r, const cJSON *json,
			 struct deia_health_alert *a)
{
	a->value = deia__read_number(r, json, "value", -1e300, 1e300, 0);
	a->at = deia__read_number(r, json, "at", -1e300, 1e300, 0);
	a->fired_unix_ms = deia__read_time(r, json, "fired_at");
	a->level_unix_ms = deia__read_time(r, json, "level_at");
	a->resolved_unix_ms = deia__read_time(r, json, "resolved_at");
	a->told = deia__read_bool(r, json, "told", false);
	a->step = (unsigned)deia__read_number(r, json, "step", 0, 1e6, 0);
	a->relapses =
		(unsigned)deia__read_number(r, json, "relapses", 0, 1e9, 0);
}

static void check(struct deia__read *r, const struct deia_health_alert *a)
{
	bool resolved = a->state == DEIA_HEALTH_RESOLVED;

	if (!deia__uuid_valid(a->id))
		deia__read_wrong(r, "id", "expected a UUID");
	if (a->peak < a->level)
		deia__read_wrong(r, "peak", "expected no less than the level");
	if (resolved != (a->end != DEIA_HEALTH_NOT_ENDED))
		deia__read_wrong(r, "end",
				 "expected one, if it is resolved only");
	if (resolved != (a->resolved_unix_ms != 0))
		deia__read_wrong(r, "resolved_at",
				 "expected a time, if it is resolved only");
	if (!*a->scope != !*a->subject)
		deia__read_wrong(r, "subject",
				 "expected one with a scope, and only then");
}

static void read_alert(struct deia__read *r, const cJSON *json,
		       struct deia_health_alert *a)
{
	static const char *const names[] = { "id",
					     "rule",
					     "metric",
					     "scope",
					     "subject",
					     "state",
					     "level",
					     "peak",
					     "end",
					     "value",
					     "at",
					     "fired_at",
					     "level_at",
					     "resolved_at",
					     "told",
					     "step",
					     "acknowledged_level",
					     "relapses",
					     "acknowledged",
					     "silenced",
					     "resolved_by",
					     "summary",
					     "text",
					     NULL };

	if (!deia__read_object(r, json, names))
		return;
	READ_LINE(r, json, "id", 1, a->id);
	READ_LINE(r, json, "rule", 1, a->rule);
	READ_LINE(r, json, "metric", 1, a->metric);
	READ_LINE(r, json, "scope", 0, a->scope);
	READ_LINE(r, json, "subject", 0, a->subject);
	a->state =
		(deia_health_state)read_word(r, json, "state", state_name, 2);
	a->level = (deia_health_level)read_word(r, json, "level", level_name,
						DEIA_HEALTH_LEVELS);
	a->peak = (deia_health_level)read_word(r, json, "peak", level_name,
					       DEIA_HEALTH_LEVELS);
	a->acknowledged_level = (deia_health_level)read_word(
		r, json, "acknowledged_level", level_name, DEIA_HEALTH_LEVELS);
	a->end = (deia_health_end)read_word(r, json, "end", end_name,
					    DEIA_HEALTH_ENDS);
	read_numbers(r, json, a);
	read_mark(r, json, "acknowledged", &a->acknowledged, NULL);
	read_mark(r, json, "silenced", &a->silenced, &a->silent_until_unix_ms);
	read_mark(r, json, "resolved_by", &a->resolved_by, NULL);
	READ_LINE(r, json, "summary", 0, a->summary);
	READ_LINE(r, json, "text", 0, a->text);
	check(r, a);
}

/* ---- restoring ----------------------------------------------------------------- */

/* Its rule is there, watches what it did, and has its level or a lower one. */
static struct deia__health_rule *rule_of(const deia_health *h,
					 const struct deia_health_alert *a)
{
	struct deia__health_rule *r = deia__health_rule(h, a->rule);

	if (!r || r->pub.off || strcmp(r->metric->name, a->metric) != 0 ||
	    strcmp(r->metric->scope->name, a->scope) != 0)
		return NULL;
	return r;
}

/* All levels of the rule up to the alert's. */
static uint8_t levels_up_to(const struct deia__health_rule *r,
			    deia_health_level level)
{
	return r->used & (uint8_t)((2u << level) - 1);
}

static deia_err find_place(deia_health *h, struct deia__health_alert *a)
{
	struct deia__health_scope *scope = a->rule->metric->scope;
	struct deia__health_subject *sub = NULL;
	const struct deia__health_watch *w;
	deia_err err = DEIA_OK;

	if (scope->name[0])
		err = deia__health_subject(h, scope, a->pub.subject, &sub);
	if (err)
		return err;
	a->subject = sub ? sub->index : 0;
	w = &a->rule->watches[a->subject];
	if (a->pub.state == DEIA_HEALTH_FIRING && w->alert &&
	    w->alert->pub.state == DEIA_HEALTH_FIRING)
		return deia__fail(&h->msg, DEIA_EEXIST,
				  "another alert of rule \"%s\" fires for it",
				  a->pub.rule);
	return DEIA_OK;
}

static void settle(deia_health *h, struct deia__health_alert *a)
{
	struct deia__health_watch *w;

	if (!a->rule) {
		a->lost = a->pub.state == DEIA_HEALTH_FIRING;
		h->lost = h->lost || a->lost;
		return;
	}
	w = &a->rule->watches[a->subject];
	if (a->pub.state == DEIA_HEALTH_FIRING) {
		w->alert = a;
		w->on = levels_up_to(a->rule, a->pub.level);
		w->waits = true;
		for (int l = 0; l < DEIA_HEALTH_LEVELS; l++)
			w->held_ms[l] = h->now_ms;
		a->rule->busy[a->subject] = true;
	} else if (!w->alert) {
		w->alert = a;
	} else if (w->alert->pub.state == DEIA_HEALTH_RESOLVED) {
		w->alert = a; /* the later one */
	}
}

static deia_err take_in(deia_health *h, const struct deia_health_alert *from)
{
	struct deia__health_alert *a;
	bool full;
	deia_err err;

	if (deia_health_get_alert(h, from->id))
		return deia__fail(&h->msg, DEIA_EEXIST,
				  "alert \"%s\" is kept already", from->id);
	a = deia__health_alert_new(h, DEIA_HEALTH_CRITICAL, &full);
	if (!a)
		return deia__fail(&h->msg, full ? DEIA_ELIMIT : DEIA_ENOMEM,
				  "no room for another alert");
	a->pub = *from;
	a->rule = rule_of(h, from);
	a->remind_ms = h->due_ms = DEIA__HEALTH_NEVER;
	h->silences = true;
	err = a->rule ? find_place(h, a) : DEIA_OK;
	if (err) {
		deia__free(a);
		return err;
	}
	if (!deia__health_alert_add(h, a))
		return deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
	settle(h, a);
	deia__health_tell(h, h->unix_ms);
	return DEIA_OK;
}

deia_err deia_health_restore_alert(deia_health *h, const struct cJSON *json,
				   struct deia_field_error *where)
{
	struct deia__read r = { .where = where, .msg = &h->msg };
	struct deia_health_alert a;

	if (h->calling)
		return deia__fail(&h->msg, DEIA_ESTATE, "on_change runs");
	memset(&a, 0, sizeof(a));
	read_alert(&r, json, &a);
	return r.err ? r.err : take_in(h, &a);
}
