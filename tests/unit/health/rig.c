/* SPDX-License-Identifier: MIT */
/* rig.c - see rig.h. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include <deia/sys/json.h>

static void on_change(const struct deia_health_event *e, void *user)
{
	struct rig *g = user;
	size_t n = strlen(g->log);
	const struct deia_health_alert *a = e->alert;

	ck_assert_uint_lt((unsigned)e->change, DEIA_HEALTH_CHANGES);
	g->told[e->change]++;
	memcpy(g->id, a->id, sizeof(g->id));
	if (n < sizeof(g->log) - 200)
		snprintf(g->log + n, sizeof(g->log) - n, "%s %s%s%s %s; ",
			 deia_health_change_name(e->change), a->rule,
			 *a->subject ? "/" : "", a->subject,
			 deia_health_level_name(a->level));
	if (g->also)
		g->also(g, e);
}

static void add_metric(struct rig *g, const char *name, const char *scope)
{
	struct deia_health_metric m = DEIA_HEALTH_METRIC_INIT;

	m.name = name;
	m.scope = scope;
	m.max = 1000;
	m.text = "it";
	ck_assert_int_eq(deia_health_add_metric(g->h, &m), DEIA_OK);
}

static void begin(struct rig *g)
{
	ck_assert_int_eq(deia_health_new(&g->h, &g->opts), DEIA_OK);
	add_metric(g, "m", NULL);
	add_metric(g, "n", NULL);
	add_metric(g, "s.m", "s");
	add_metric(g, "s.n", "s");
}

void rig_open(struct rig *g, const struct deia_health_opts *opts)
{
	const struct deia_health_opts init = DEIA_HEALTH_OPTS_INIT;

	memset(g, 0, sizeof(*g));
	g->opts = opts ? *opts : init;
	g->opts.on_change = on_change;
	g->opts.user = g;
	g->now_ms = RIG_HOURS(1);
	begin(g);
}

void rig_close(struct rig *g)
{
	deia_health_free(g->h);
}

static void restore(deia_health *h, const struct deia_health_alert *a)
{
	cJSON *json = NULL;
	deia_jw w;

	deia_jw_init(&w);
	deia_health_print_alert(a, &w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_int_eq(deia_json_parse(&json, w.text, w.len, NULL), DEIA_OK);
	ck_assert_msg(deia_health_restore_alert(h, json, NULL) == DEIA_OK,
		      "%s: %s", w.text, deia_health_errmsg(h));
	cJSON_Delete(json);
	deia_jw_fini(&w);
}

static void copy_rules(deia_health *to, const deia_health *from)
{
	static struct deia_health_rule rules[DEIA_HEALTH_MAX_RULES];
	size_t n = 0;

	while (deia_health_get_rule(from, n, &rules[n]))
		n++;
	ck_assert_int_eq(deia_health_set_rules(to, rules, n, NULL), DEIA_OK);
}

void rig_restart(struct rig *g)
{
	const struct deia_health_alert *list[1000], *a = NULL;
	deia_health *old = g->h;
	size_t n = 0;

	while ((a = deia_health_next_alert(old, a)) && n < 1000)
		list[n++] = a;
	begin(g);
	copy_rules(g->h, old);
	while (n > 0)
		restore(g->h, list[--n]);
	deia_health_free(old);
}

/* Each assertion of Check is a write; a night has a million of these. */
void rig_put(struct rig *g, const char *metric, const char *subject,
	     double value)
{
	struct deia_health_sample s = { metric, subject, value };

	if (deia_health_put(g->h, &s, 1))
		ck_abort_msg("%s", deia_health_errmsg(g->h));
}

void rig_look(struct rig *g, int64_t after_ms)
{
	g->now_ms += after_ms;
	if (deia_health_look(g->h, g->now_ms, RIG_UNIX_MS + g->now_ms))
		ck_abort_msg("%s", deia_health_errmsg(g->h));
}

void rig_run(struct rig *g, int64_t ms)
{
	for (int64_t i = 0; i < ms; i += 1000)
		rig_look(g, 1000);
}

const char *rig_log(struct rig *g)
{
	static char copy[sizeof(g->log)];

	memcpy(copy, g->log, sizeof(copy));
	g->log[0] = '\0';
	return copy;
}

struct deia_health_summary rig_summary(const struct rig *g)
{
	struct deia_health_summary s;

	deia_health_get_summary(g->h, &s);
	return s;
}

const struct deia_health_alert *rig_newest(const struct rig *g)
{
	const struct deia_health_alert *a = deia_health_next_alert(g->h, NULL);

	ck_assert_ptr_nonnull(a);
	return a;
}

size_t rig_alerts(const struct rig *g)
{
	const struct deia_health_alert *a = NULL;
	size_t n = 0;

	while ((a = deia_health_next_alert(g->h, a)))
		n++;
	return n;
}

unsigned rig_firing(const struct rig *g)
{
	struct deia_health_summary s = rig_summary(g);

	return s.firing[0] + s.firing[1] + s.firing[2];
}

void rig_rule(struct rig *g, const struct deia_health_rule *rule)
{
	ck_assert_msg(deia_health_set_rules(g->h, rule, 1, NULL) == DEIA_OK,
		      "%s", deia_health_errmsg(g->h));
}

int rig_main(const char *name, TCase *t)
{
	Suite *s = suite_create(name);
	SRunner *r;
	int failed;

	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
