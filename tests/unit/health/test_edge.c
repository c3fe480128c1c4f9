/* SPDX-License-Identifier: MIT */
/* What is refused, what is bounded, and what happens without memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"
#include "rig.h"

static struct rig g;

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

/* ---- samples ----------------------------------------------------------------- */

static const struct {
	struct deia_health_sample s;
	deia_err err;
	const char *word; /* of the message */
} bad[] = {
	{ { "host.cpu_ratio", NULL, (double)NAN }, DEIA_EINVAL, "nan" },
	{ { "host.cpu_ratio", NULL, (double)INFINITY }, DEIA_EINVAL, "inf" },
	{ { "host.cpu_ratio", NULL, (double)-INFINITY }, DEIA_EINVAL, "inf" },
	{ { "host.cpu_ratio", NULL, -0.01 }, DEIA_EINVAL, "from 0 to 1" },
	{ { "host.cpu_ratio", NULL, 1.01 }, DEIA_EINVAL, "from 0 to 1" },
	{ { "store.latency_seconds", NULL, -1 }, DEIA_EINVAL, "from 0" },
	{ { "process.memory_bytes", NULL, 1e300 }, DEIA_EINVAL, "from 0" },
	{ { "host.cpu", NULL, 0.5 }, DEIA_ENOTFOUND, "host.cpu" },
	{ { "", NULL, 0.5 }, DEIA_ENOTFOUND, "no metric" },
	{ { NULL, NULL, 0.5 }, DEIA_ENOTFOUND, "no metric" },
	{ { "bot.failed", NULL, 1 }, DEIA_EINVAL, "needs a subject" },
	{ { "host.cpu_ratio", "BOT-1", 1 }, DEIA_EINVAL, "no subjects" },
	{ { "bot.failed", "", 1 }, DEIA_EINVAL, "line" },
	{ { "bot.failed", "a\nb", 1 }, DEIA_EINVAL, "line" },
	{ { "bot.failed", "\xff", 1 }, DEIA_EINVAL, "line" },
	{ { "bot.failed",
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "4",
	    1 },
	  DEIA_EINVAL,
	  "128" },
};

START_TEST(bad_samples_are_refused_all_of_them)
{
	struct deia_health_sample s[3] = { { "host.cpu_ratio", NULL, 0.5 },
					   { "bot.failed", "BOT-1", 1 } };

	s[2] = bad[_i].s;
	rig_open(&g, NULL);
	rig_put(&g, "host.cpu_ratio", NULL, 0.25);
	ck_assert_int_eq(deia_health_put(g.h, s, 3), bad[_i].err);
	ck_assert_msg(strstr(deia_health_errmsg(g.h), bad[_i].word) != NULL,
		      "%s", deia_health_errmsg(g.h));
	ck_assert_ptr_nonnull(strstr(deia_health_errmsg(g.h), "sample 2"));
	ck_assert_double_eq(deia_health_get(g.h, "host.cpu_ratio", NULL), 0.25);
	ck_assert_double_nan(deia_health_get(g.h, "bot.failed", "BOT-1"));
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_alerts(&g), 0);
	rig_close(&g);
}
END_TEST

START_TEST(what_is_unknown_is_forgotten_without_a_word)
{
	rig_open(&g, NULL);
	deia_health_forget(g.h, "none", NULL);
	deia_health_forget(g.h, NULL, NULL);
	deia_health_forget(g.h, "bot.failed", "BOT-1");
	deia_health_forget(g.h, "bot.failed", NULL);
	deia_health_remove(g.h, "bot", "BOT-1");
	deia_health_remove(g.h, "none", "BOT-1");
	deia_health_remove(g.h, NULL, NULL);
	ck_assert_double_nan(deia_health_get(g.h, "none", NULL));
	ck_assert_double_nan(deia_health_get(g.h, "m", NULL));
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_alerts(&g), 0);
	rig_close(&g);
}
END_TEST

/* A host that lacks a /proc entry: nothing of it, all else. */
START_TEST(without_a_value_a_rule_is_silent)
{
	rig_open(&g, NULL);
	rig_put(&g, "host.memory_ratio", NULL, 0.95);
	rig_run(&g, RIG_MINUTES(2));
	ck_assert_uint_eq(rig_firing(&g), 1);
	deia_health_forget(g.h, "host.memory_ratio", NULL);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_firing(&g), 0);
	ck_assert_int_eq(rig_newest(&g)->end, DEIA_HEALTH_GONE);
	rig_close(&g);
}
END_TEST

/* ---- metrics ------------------------------------------------------------------- */

START_TEST(wrong_metrics_are_refused)
{
	const struct deia_health_metric init = DEIA_HEALTH_METRIC_INIT;
	struct deia_health_metric m[10];

	rig_open(&g, NULL);
	for (int i = 0; i < 10; i++) {
		m[i] = init;
		m[i].name = "x";
		m[i].text = "x";
	}
	m[0].size = 1;
	m[1].name = NULL;
	m[2].name = "a-b";
	m[3].scope = "A";
	m[4].text = NULL;
	m[5].text = "";
	m[6].max = (double)NAN;
	m[7].min = m[7].max = 1;
	m[8].max = (double)INFINITY;
	m[9].scope = "s";
	m[9].kept = true;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(deia_health_add_metric(g.h, &m[i]),
				 DEIA_EINVAL);
	m[1].name = "host.cpu_ratio";
	ck_assert_int_eq(deia_health_add_metric(g.h, &m[1]), DEIA_EEXIST);
	rig_close(&g);
}
END_TEST

START_TEST(metrics_and_scopes_are_bounded)
{
	struct deia_health_metric m = DEIA_HEALTH_METRIC_INIT, seen;
	char name[16];
	deia_err err = DEIA_OK;
	size_t n = 0;

	rig_open(&g, NULL);
	m.name = m.text = m.scope = name;
	for (int i = 0; !err && i < 1000; i++) {
		snprintf(name, sizeof(name), "a%d", i);
		err = deia_health_add_metric(g.h, &m);
	}
	ck_assert_int_eq(err, DEIA_ELIMIT);
	m.scope = NULL;
	err = DEIA_OK;
	for (int i = 0; !err && i < 1000; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		err = deia_health_add_metric(g.h, &m);
	}
	ck_assert_int_eq(err, DEIA_ELIMIT);
	while (deia_health_get_metric(g.h, n, &seen))
		n++;
	ck_assert_uint_eq(n, DEIA_HEALTH_MAX_METRICS);
	rig_close(&g);
}
END_TEST

START_TEST(subjects_are_bounded_and_their_numbers_come_back)
{
	char name[16];
	struct deia_health_sample s = { "bot.failed", name, 0 };

	rig_open(&g, NULL);
	for (int i = 0; i < DEIA_HEALTH_MAX_SUBJECTS; i++) {
		snprintf(name, sizeof(name), "BOT-%d", i);
		ck_assert_int_eq(deia_health_put(g.h, &s, 1), DEIA_OK);
	}
	memcpy(name, "more", 5);
	ck_assert_int_eq(deia_health_put(g.h, &s, 1), DEIA_ELIMIT);
	deia_health_remove(g.h, "bot", "BOT-77");
	rig_look(&g, 1000);
	ck_assert_int_eq(deia_health_put(g.h, &s, 1), DEIA_OK);
	s.value = 1;
	ck_assert_int_eq(deia_health_put(g.h, &s, 1), DEIA_OK);
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_newest(&g)->subject, "more");
	rig_close(&g);
}
END_TEST

/* ---- options, people ------------------------------------------------------------- */

START_TEST(wrong_options_are_refused)
{
	const struct deia_health_opts good = DEIA_HEALTH_OPTS_INIT;
	struct deia_health_opts o[12];
	deia_health *h;

	for (int i = 0; i < 12; i++)
		o[i] = good;
	o[0].size = 2;
	o[1].max_alerts = 0;
	o[2].max_alerts = DEIA_HEALTH_MAX_ALERTS + 1;
	o[3].remind_ms[1] = -1;
	o[4].remind_ms[2] = INT64_MAX;
	o[5].remind_max_ms = -1;
	o[6].flap_ms = -1;
	o[7].reopen_ms = INT64_MAX;
	o[8].gap_ms = 999;
	o[9].point_ms = 999;
	o[10].point_ms = 60001;
	o[11].gap_ms = INT64_MAX;
	for (int i = 0; i < 12; i++) {
		ck_assert_int_eq(deia_health_new(&h, &o[i]), DEIA_EINVAL);
		ck_assert_ptr_null(h);
	}
	ck_assert_int_eq(deia_health_new(NULL, NULL), DEIA_EINVAL);
	deia_health_free(NULL);
}
END_TEST

START_TEST(options_of_older_and_newer_callers)
{
	struct {
		struct deia_health_opts o;
		char more[16];
	} newer = { .o = DEIA_HEALTH_OPTS_INIT };
	struct deia_health_opts older = {
		.size = offsetof(struct deia_health_opts, no_rules),
		.max_alerts = 3
	};
	deia_health *h;

	newer.o.size = sizeof(newer);
	ck_assert_int_eq(deia_health_new(&h, &newer.o), DEIA_OK);
	deia_health_free(h);
	newer.more[3] = 1;
	ck_assert_int_eq(deia_health_new(&h, &newer.o), DEIA_EINVAL);
	ck_assert_int_eq(deia_health_new(&h, &older), DEIA_OK);
	deia_health_free(h);
}
END_TEST

START_TEST(absurd_people_and_times_are_refused)
{
	char long_reason[300];
	int64_t at = RIG_UNIX_MS;

	memset(long_reason, 'x', sizeof(long_reason) - 1);
	long_reason[sizeof(long_reason) - 1] = '\0';
	rig_open(&g, NULL);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_look(&g, 1000);
	rig_log(&g);
	ck_assert_int_eq(deia_health_look(g.h, -1, 1), DEIA_EINVAL);
	ck_assert_int_eq(deia_health_look(g.h, 1, -1), DEIA_EINVAL);
	ck_assert_int_eq(deia_health_acknowledge(g.h, g.id, NULL, "", at),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_health_acknowledge(g.h, g.id, "a b", "", at),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_health_acknowledge(g.h, g.id, "e", NULL, at),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_health_acknowledge(g.h, g.id, "e", "a\n", at),
			 DEIA_EINVAL);
	ck_assert_int_eq(
		deia_health_acknowledge(g.h, g.id, "e", long_reason, at),
		DEIA_EINVAL);
	ck_assert_int_eq(deia_health_acknowledge(g.h, g.id, "e", "", -1),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_health_acknowledge(g.h, NULL, "e", "", at),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_health_silence(g.h, g.id, "e", "", at, at),
			 DEIA_EINVAL);
	ck_assert_int_eq(
		deia_health_silence(g.h, g.id, "e", "",
				    at + DEIA_HEALTH_MAX_SILENCE_MS + 1, at),
		DEIA_EINVAL);
	ck_assert_int_eq(deia_health_silence(g.h, g.id, "e", "", INT64_MIN, 1),
			 DEIA_EINVAL);
	ck_assert_str_eq(rig_log(&g), "");
	rig_close(&g);
}
END_TEST

START_TEST(names_of_everything)
{
	ck_assert_str_eq(deia_health_level_name(DEIA_HEALTH_CRITICAL),
			 "critical");
	ck_assert_str_eq(deia_health_status_name(DEIA_HEALTH_IS_DEGRADED),
			 "DEGRADED");
	ck_assert_str_eq(deia_health_state_name(DEIA_HEALTH_RESOLVED),
			 "resolved");
	ck_assert_str_eq(deia_health_end_name(DEIA_HEALTH_BY_HAND), "by_hand");
	ck_assert_str_eq(deia_health_change_name(DEIA_HEALTH_ENDED),
			 "resolved");
	ck_assert_str_eq(deia_health_compare_name(DEIA_HEALTH_AT_MOST), "<=");
	ck_assert_str_eq(deia_health_level_name((deia_health_level)3),
			 "unknown");
	ck_assert_str_eq(deia_health_change_name((deia_health_change)99),
			 "unknown");
}
END_TEST

/* ---- comparisons ------------------------------------------------------------------- */

static const struct {
	deia_health_compare compare;
	double value;
	bool fires;
} compares[] = {
	{ DEIA_HEALTH_ABOVE, 5, false },
	{ DEIA_HEALTH_ABOVE, 5.001, true },
	{ DEIA_HEALTH_AT_LEAST, 5, true },
	{ DEIA_HEALTH_AT_LEAST, 4.999, false },
	{ DEIA_HEALTH_BELOW, 5, false },
	{ DEIA_HEALTH_BELOW, 4.999, true },
	{ DEIA_HEALTH_AT_MOST, 5, true },
	{ DEIA_HEALTH_AT_MOST, 5.001, false },
};

START_TEST(comparisons_are_exact)
{
	struct deia_health_rule r = DEIA_HEALTH_RULE_INIT;

	rig_open(&g, NULL);
	r.id = "r";
	r.metric = "m";
	r.compare = compares[_i].compare;
	r.levels[0] = (struct deia_health_limit){ true, 5, 5, 0 };
	rig_rule(&g, &r);
	rig_put(&g, "m", NULL, compares[_i].value);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_firing(&g), compares[_i].fires);
	/* The same as a condition of another. */
	r.also[0] = (struct deia_health_condition){ "m", r.compare, 5, 5 };
	r.n_also = 1;
	r.metric = "n";
	r.compare = DEIA_HEALTH_AT_LEAST;
	rig_rule(&g, &r);
	rig_put(&g, "n", NULL, 9);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_firing(&g), compares[_i].fires);
	r.unless[0] = r.also[0];
	r.n_also = 0;
	r.n_unless = 1;
	r.id = "u";
	rig_rule(&g, &r);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_firing(&g), !compares[_i].fires);
	rig_close(&g);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------- */

START_TEST(the_nth_allocation_of_new_fails)
{
	unsigned long n = 0;
	deia_health *h;
	deia_err err;

	do {
		deia__mem_fail_at(++n, false);
		err = deia_health_new(&h, NULL);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		ck_assert((h == NULL) == (err != DEIA_OK));
	} while (err);
	ck_assert_uint_gt(n, 100);
	deia_health_free(h);
}
END_TEST

/* Put and look with failing memory until all is done. */
START_TEST(what_could_not_be_told_is_told_later)
{
	struct deia_health_sample s[40];
	char names[40][8];
	unsigned failed = 0;
	deia_err err;

	rig_open(&g, NULL);
	for (int i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "B%d", i);
		s[i] = (struct deia_health_sample){ "bot.failed", names[i], 1 };
	}
	for (unsigned long n = 1; n < 400; n++) {
		deia__mem_fail_at(n % 43 + 1, n % 2);
		err = deia_health_put(g.h, s, 40);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		if (!err) {
			g.now_ms += 1000;
			err = deia_health_look(g.h, g.now_ms,
					       RIG_UNIX_MS + g.now_ms);
			ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		}
		failed += err != DEIA_OK;
		deia__mem_fail_at(0, false);
		if (n == 200)
			for (int i = 0; i < 40; i++)
				s[i].value = i % 2;
	}
	ck_assert_int_eq(deia_health_put(g.h, s, 40), DEIA_OK);
	rig_look(&g, 1000);
	ck_assert_uint_gt(failed, 10);
	ck_assert_uint_eq(rig_firing(&g), 20);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_GENERATED], 40);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 40);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ENDED], 20);
	rig_close(&g);
}
END_TEST

START_TEST(people_without_memory_change_nothing)
{
	struct deia_health_opts o = DEIA_HEALTH_OPTS_INIT;
	deia_err err;

	o.no_timeline = true;
	rig_open(&g, &o);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_look(&g, 1000);
	deia__mem_fail_at(1, true);
	err = deia_health_acknowledge(g.h, g.id, "e", "", 5);
	deia__mem_fail_at(0, false);
	ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
	ck_assert_uint_eq(rig_summary(&g).acknowledged, err == DEIA_OK);
	rig_close(&g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("edge");

	tcase_add_loop_test(t, bad_samples_are_refused_all_of_them, 0,
			    COUNT(bad));
	tcase_add_test(t, what_is_unknown_is_forgotten_without_a_word);
	tcase_add_test(t, without_a_value_a_rule_is_silent);
	tcase_add_test(t, wrong_metrics_are_refused);
	tcase_add_test(t, metrics_and_scopes_are_bounded);
	tcase_add_test(t, subjects_are_bounded_and_their_numbers_come_back);
	tcase_add_test(t, wrong_options_are_refused);
	tcase_add_test(t, options_of_older_and_newer_callers);
	tcase_add_test(t, absurd_people_and_times_are_refused);
	tcase_add_test(t, names_of_everything);
	tcase_add_loop_test(t, comparisons_are_exact, 0, COUNT(compares));
	tcase_add_test(t, the_nth_allocation_of_new_fails);
	tcase_add_test(t, what_could_not_be_told_is_told_later);
	tcase_add_test(t, people_without_memory_change_nothing);
	return rig_main("health-edge", t);
}
