/* SPDX-License-Identifier: MIT */
/*
 * alertmanager.c - what fires, as Alertmanager's API v2 takes it.
 *
 * An alert there is its labels; so one that changed its level ends under the
 * old severity. One that fires ends by itself some resends after the last, so
 * that a hive that died does not fire for ever.
 */
#include "notify/notify.h"

#include <stdio.h>

#include <deia/sys/json.h>

#include "core/mem.h"

#define RESENDS 4 /* as Prometheus itself does */
#define TEST_MS 60000

static void labels(deia_jw *w, const struct deia__letter *l, const char *name,
		   deia_health_level level)
{
	deia_jw_key(w, "labels");
	deia_jw_object(w);
	deia_jw_kstr(w, "alertname", name);
	deia_jw_kstr(w, "severity", deia_health_level_name(level));
	if (l->instance)
		deia_jw_kstr(w, "instance", l->instance);
}

static void print_one(deia_jw *w, const struct deia__letter *l,
		      const struct deia_health_alert *a,
		      deia_health_level level, int64_t ends_ms)
{
	deia_jw_object(w);
	labels(w, l, a->rule, level);
	deia_jw_kstr(w, "rule", a->rule);
	if (a->subject[0])
		deia_jw_kstr(w, "subject", a->subject);
	deia_jw_end_object(w);
	deia_jw_key(w, "annotations");
	deia_jw_object(w);
	deia_jw_kstr(w, "summary", a->summary);
	deia_jw_kstr(w, "description", a->text);
	deia_jw_kstr(w, "id", a->id);
	deia_jw_end_object(w);
	deia_jw_ktime(w, "startsAt",
		      a->fired_unix_ms < ends_ms ? a->fired_unix_ms
						 : ends_ms - 1);
	deia_jw_ktime(w, "endsAt", ends_ms);
	if (l->link)
		deia_jw_kstr(w, "generatorURL", l->link);
	deia_jw_end_object(w);
}

static void print_alert(deia_jw *w, const struct deia__letter *l, size_t i)
{
	const struct deia_health_alert *a = l->alerts[i];
	int told = l->told[i] < 0 ? -1 : (unsigned char)l->told[i];

	if (told >= 0 && told != (int)a->level)
		print_one(w, l, a, (deia_health_level)told, l->at_unix_ms);
	print_one(w, l, a, a->level,
		  a->state == DEIA_HEALTH_FIRING
			  ? l->at_unix_ms + RESENDS * l->resend_ms
			  : l->at_unix_ms);
}

static void print_test(deia_jw *w, const struct deia__letter *l)
{
	deia_jw_object(w);
	labels(w, l, "deia_test", DEIA_HEALTH_INFO);
	deia_jw_end_object(w);
	deia_jw_key(w, "annotations");
	deia_jw_object(w);
	deia_jw_kstr(w, "summary", "This is a test message of deia.");
	deia_jw_end_object(w);
	deia_jw_ktime(w, "startsAt", l->at_unix_ms);
	deia_jw_ktime(w, "endsAt", l->at_unix_ms + TEST_MS);
	deia_jw_end_object(w);
}

deia_err deia__letter_alertmanager(char **out, const struct deia__letter *l)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_array(&w);
	if (l->test)
		print_test(&w, l);
	for (size_t i = 0; i < l->n; i++)
		print_alert(&w, l, i);
	deia_jw_end_array(&w);
	*out = NULL;
	if (deia_jw_status(&w)) {
		deia_jw_fini(&w);
		return DEIA_ENOMEM;
	}
	*out = w.text;
	return DEIA_OK;
}
