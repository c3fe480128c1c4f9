/* SPDX-License-Identifier: MIT */
/* test_probes.c - the health checks: how they judge, who may, what is shared. */
#include "watched.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hive/checks/checks.h"

struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- without a hive ------------------------------------------------------ */

START_TEST(a_figure_is_judged_below_at_and_above_its_limits)
{
	static const struct {
		double value, warn, fail;
		deia_check_status status;
	} cases[] = {
		{ 0.1, 0.2, 1, DEIA_CHECK_PASS },
		{ 0.2, 0.2, 1, DEIA_CHECK_PASS },
		{ 0.21, 0.2, 1, DEIA_CHECK_WARN },
		{ 1, 0.2, 1, DEIA_CHECK_WARN },
		{ 1.01, 0.2, 1, DEIA_CHECK_FAIL },
		{ 1e9, 0.2, (double)NAN, DEIA_CHECK_WARN },
		{ 1e9, (double)NAN, (double)NAN, DEIA_CHECK_PASS },
		{ 1e9, (double)NAN, 1, DEIA_CHECK_FAIL },
		{ 0, 0, (double)NAN, DEIA_CHECK_PASS },
	};
	struct deia_check_result r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(&r, 0, sizeof(r));
		ck_assert_int_eq(
			deia__probe_figure(&r, "x", "seconds", cases[i].value,
					   cases[i].warn, cases[i].fail),
			cases[i].status);
		ck_assert_int_eq(r.figures[0].status, cases[i].status);
	}
	for (int i = 0; i < 2 * DEIA_CHECK_FIGURES; i++)
		(void)deia__probe_figure(&r, "x", "count", i, (double)NAN,
					 (double)NAN);
	ck_assert_uint_eq(r.n_figures, DEIA_CHECK_FIGURES);
}
END_TEST

START_TEST(the_worst_counts_and_brings_its_advice)
{
	struct deia_check_result r = { 0 }, whole = { 0 };

	deia__probe_say(&r, DEIA_CHECK_PASS, "nothing", "Well.");
	ck_assert_str_eq(r.advice, "");
	deia__probe_say(&r, DEIA_CHECK_WARN, "do one", "So so.");
	deia__probe_say(&r, DEIA_CHECK_FAIL, "do two", "Bad.");
	deia__probe_say(&r, DEIA_CHECK_WARN, "do three", "So\nso.");
	ck_assert_int_eq(r.status, DEIA_CHECK_FAIL);
	ck_assert_str_eq(r.advice, "do two");
	ck_assert_str_eq(r.text, "Well. So so. Bad. So?so.");
	(void)deia__probe_figure(&r, "x", "count", 3, 1, (double)NAN);
	deia__probe_merge(&whole, &r);
	ck_assert_int_eq(whole.status, DEIA_CHECK_FAIL);
	ck_assert_str_eq(whole.text, r.text);
	ck_assert_uint_eq(whole.n_figures, 1);
	for (int i = 0; i < 500; i++)
		deia__probe_say(&r, DEIA_CHECK_PASS, "", "\xc3\xa4\xc3\xb6");
	ck_assert_uint_lt(strlen(r.text), sizeof(r.text));
	ck_assert_uint_ne((unsigned char)r.text[strlen(r.text) - 1], 0xc3);
}
END_TEST

START_TEST(who_may_not_see_gets_three_members)
{
	struct deia_check_result r = { 0 };
	struct deia_jw w;

	deia__probe_say(&r, DEIA_CHECK_FAIL, "advice", "secret");
	(void)deia__probe_figure(&r, "x", "count", 1, (double)NAN, (double)NAN);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_check_print(DEIA_CHECK_DB, &r, false, &w);
	deia_jw_end_object(&w);
	ck_assert_str_eq(w.text, "{\"check\":\"db\",\"status\":\"fail\","
				 "\"checked_at\":null}");
	deia_jw_reset(&w);
	deia_jw_object(&w);
	deia_check_print(DEIA_CHECK_DB, &r, true, &w);
	deia_jw_end_object(&w);
	ck_assert_ptr_nonnull(strstr(w.text, "\"warn_above\":null"));
	ck_assert_ptr_nonnull(strstr(w.text, "secret"));
	deia_jw_fini(&w);
}
END_TEST

START_TEST(names_are_read_as_they_are_printed)
{
	for (int i = 0; i < DEIA_CHECKS; i++)
		ck_assert_int_eq(
			deia_check_parse(deia_check_name((deia_check)i)), i);
	ck_assert_int_eq(deia_check_parse("nonsense"), -1);
	ck_assert_int_eq(deia_check_parse(""), -1);
	ck_assert_str_eq(deia_check_status_name(DEIA_CHECK_WARN), "warn");
}
END_TEST

static struct deia_check_result journal(const char *text, unsigned *lines)
{
	struct deia_check_result r = { 0 };
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/x.jsonl", f.dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	*lines = 0;
	deia__probe_journal(&r, path, "x", lines);
	return r;
}

#define LINE(time) "{\"timestamp\":\"2026-11-22T" time "Z\",\"event\":\"e\"}\n"

START_TEST(journals_are_parsed)
{
	struct deia_check_result r;
	unsigned lines;
	char *large;

	r = journal(LINE("10:00:00.000") LINE("10:00:00.000"), &lines);
	ck_assert_int_eq(r.status, DEIA_CHECK_UNKNOWN); /* nothing was found */
	ck_assert_uint_eq(lines, 2);
	r = journal(LINE("10:00:00.000") "half a li", &lines);
	ck_assert_int_eq(r.status,
			 DEIA_CHECK_UNKNOWN); /* it is being written */
	r = journal(LINE("10:00:00.000") "{\"timestamp\"}\n", &lines);
	ck_assert_int_eq(r.status, DEIA_CHECK_WARN);
	ck_assert_ptr_nonnull(strstr(r.text, "1 of the last 2"));
	r = journal("{\"event\":\"no time\"}\n", &lines);
	ck_assert_int_eq(r.status, DEIA_CHECK_WARN);
	r = journal(LINE("10:00:00.001") LINE("10:00:00.000"), &lines);
	ck_assert_int_eq(r.status, DEIA_CHECK_WARN);
	ck_assert_ptr_nonnull(strstr(r.text, "backwards"));
	large = calloc(1, 200001);
	while (strlen(large) < 100000)
		strcat(large, LINE("10:00:00.000"));
	r = journal(large, &lines); /* what is read begins within a line */
	free(large);
	ck_assert_int_eq(r.status, DEIA_CHECK_UNKNOWN);
	ck_assert_uint_gt(lines, 1000);
}
END_TEST

/* ---- a hive -------------------------------------------------------------- */

struct told {
	bool done;
	deia_err err;
};

static void on_run(deia_err err, void *user)
{
	struct told *t = user;

	t->err = err;
	t->done = true;
}

/* A new run, whenever the one before was. */
static const struct deia_check_result *run(deia_check check)
{
	struct told t = { false, DEIA_OK };

	f.hive->probes->runs[check].ended_ms -= 60000;
	ck_assert_int_eq(deia_hive_checks_run(f.hive, deia_actor_local(),
					      1u << check, on_run, &t),
			 DEIA_OK);
	ck_assert(!t.done);
	run_until(&f, &t.done);
	ck_assert_int_eq(t.err, DEIA_OK);
	return deia_hive_check_get(f.hive, check);
}

static struct deia_histogram the_requests;
static struct deia_check_log the_log;

static void requests(struct deia_histogram *out, void *user)
{
	(void)user;
	*out = the_requests;
}

static void logged(struct deia_check_log *out, void *user)
{
	(void)user;
	*out = the_log;
}

/* The one model server, which answers in a later turn. */
static deia_check_answered_cb the_answered;
static void *the_ctx;
static const char *the_problem;

static void answer(void *arg)
{
	(void)arg;
	the_answered(the_problem, the_ctx);
}

static bool ask_model(const struct deia_check_model *m,
		      deia_check_answered_cb answered, void *ctx, void *user)
{
	(void)user;
	ck_assert_str_eq(m->adapter, "ollama");
	the_answered = answered;
	the_ctx = ctx;
	return the_problem && deia_hive_post(f.hive, answer, NULL) == DEIA_OK;
}

static void set_host(void)
{
	struct deia_checks_host host = DEIA_CHECKS_HOST_INIT;

	deia_histogram_init(&the_requests, DEIA_SCALE_FAST);
	memset(&the_log, 0, sizeof(the_log));
	host.requests = requests;
	host.log = logged;
	host.ask_model = ask_model;
	ck_assert_int_eq(deia_hive_checks_set_host(f.hive, &host), DEIA_OK);
	host.size = 3;
	ck_assert_int_eq(deia_hive_checks_set_host(f.hive, &host), DEIA_EINVAL);
}

static void add_requests(int n, int64_t us)
{
	while (n--)
		deia_histogram_add(&the_requests, us);
}

/* What the look before has counted is not looked at again. */
static void much_later(void)
{
	f.hive->health->skew_ms += 31000;
}

static deia_check_status of(const struct deia_check_result *r, const char *name)
{
	for (unsigned i = 0; i < r->n_figures; i++)
		if (strcmp(r->figures[i].name, name) == 0)
			return r->figures[i].status;
	return DEIA_CHECK_UNKNOWN;
}

START_TEST(requests_are_judged_by_their_p95_since_the_look_before)
{
	ck_assert_ptr_nonnull(strstr(run(DEIA_CHECK_API)->text, "no HTTP"));
	set_host();
	ck_assert_ptr_nonnull(strstr(run(DEIA_CHECK_API)->text, "No request"));
	add_requests(100, 1000);
	ck_assert_int_eq(of(run(DEIA_CHECK_API), "p95"), DEIA_CHECK_PASS);
	much_later();
	(void)run(DEIA_CHECK_API);
	much_later();
	add_requests(94, 1000);
	add_requests(6, 400000);
	ck_assert_int_eq(of(run(DEIA_CHECK_API), "p95"), DEIA_CHECK_WARN);
	much_later();
	(void)run(DEIA_CHECK_API);
	much_later();
	add_requests(10, 3000000);
	ck_assert_int_eq(of(run(DEIA_CHECK_API), "p95"), DEIA_CHECK_FAIL);
	much_later();
	(void)run(DEIA_CHECK_API);
	much_later();
	ck_assert_int_eq(of(run(DEIA_CHECK_API), "p95"), DEIA_CHECK_UNKNOWN);
}
END_TEST

START_TEST(the_loop_is_judged_apart)
{
	set_host();
	add_requests(100, 1000);
	deia__health_late(f.hive, 300);
	ck_assert_int_eq(of(run(DEIA_CHECK_API), "loop_delay"),
			 DEIA_CHECK_WARN);
	ck_assert_int_eq(of(run(DEIA_CHECK_API), "p95"), DEIA_CHECK_PASS);
	deia__health_late(f.hive, 2500);
	ck_assert_int_eq(run(DEIA_CHECK_API)->status, DEIA_CHECK_FAIL);
}
END_TEST

START_TEST(what_was_logged_is_judged_by_its_number)
{
	static const struct {
		unsigned errors, warnings;
		deia_check_status status;
	} cases[] = {
		{ 0, 0, DEIA_CHECK_PASS },  { 0, 20, DEIA_CHECK_PASS },
		{ 0, 21, DEIA_CHECK_WARN }, { 1, 0, DEIA_CHECK_WARN },
		{ 9, 0, DEIA_CHECK_WARN },  { 10, 0, DEIA_CHECK_FAIL },
	};

	ck_assert_int_eq(run(DEIA_CHECK_LOGS)->status, DEIA_CHECK_PASS);
	set_host();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		the_log.errors = cases[i].errors;
		the_log.warnings = cases[i].warnings;
		ck_assert_int_eq(run(DEIA_CHECK_LOGS)->status, cases[i].status);
	}
	the_log.errors = 0;
	the_log.lost = 3;
	ck_assert_int_eq(run(DEIA_CHECK_LOGS)->status, DEIA_CHECK_FAIL);
	ck_assert_int_eq(run(DEIA_CHECK_LOGS)->status, DEIA_CHECK_PASS);
}
END_TEST

START_TEST(model_servers_of_bots_are_asked)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	set_host();
	ck_assert_int_eq(run(DEIA_CHECK_LLM)->status, DEIA_CHECK_PASS);
	spec.id = "ada";
	spec.adapter = "ollama";
	spec.model = "m";
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	the_problem = "";
	ck_assert_int_eq(run(DEIA_CHECK_LLM)->status, DEIA_CHECK_PASS);
	the_problem = "refused";
	ck_assert_int_eq(run(DEIA_CHECK_LLM)->status, DEIA_CHECK_FAIL);
	ck_assert_ptr_nonnull(strstr(run(DEIA_CHECK_LLM)->text, "refused"));
	the_problem = NULL; /* cannot be asked */
	ck_assert_int_eq(run(DEIA_CHECK_LLM)->status, DEIA_CHECK_FAIL);
}
END_TEST

START_TEST(all_pass_and_the_probe_is_no_bot_of_the_hive)
{
	for (int i = 0; i < DEIA_CHECKS; i++) {
		const struct deia_check_result *r = run((deia_check)i);

		ck_assert_msg(r->status == DEIA_CHECK_PASS ||
				      r->status == DEIA_CHECK_WARN,
			      "%s: %s", deia_check_name((deia_check)i),
			      r->text);
		ck_assert_int_gt(r->checked_unix_ms, 0);
	}
	ck_assert_uint_eq(deia_bots_count(f.hive->bots), 0);
	ck_assert_uint_eq(deia_bots_count(f.hive->probes->bots), 0);
	ck_assert_uint_eq(HASH_COUNT(f.hive->hbots), 0);
}
END_TEST

START_TEST(who_may_have_them_run)
{
	struct deia_actor viewer = { .name = "v", .role = DEIA_ROLE_VIEWER };
	struct told t = { false, DEIA_OK };

	ck_assert_int_eq(deia_hive_checks_run(f.hive, &viewer, 1, on_run, &t),
			 DEIA_EDENIED);
	ck_assert_int_eq(
		deia_hive_checks_run(f.hive, deia_actor_local(), 0, on_run, &t),
		DEIA_EINVAL);
	ck_assert_int_eq(deia_hive_checks_run(f.hive, deia_actor_local(),
					      1u << DEIA_CHECKS, on_run, &t),
			 DEIA_EINVAL);
	ck_assert(!t.done);
}
END_TEST

START_TEST(many_share_one_run_and_too_many_are_refused)
{
	struct told t[DEIA__PROBE_WAITERS + 1];
	unsigned number = f.hive->probes->runs[DEIA_CHECK_DB].number;

	memset(t, 0, sizeof(t));
	for (int i = 0; i < DEIA__PROBE_WAITERS; i++)
		ck_assert_int_eq(deia_hive_checks_run(
					 f.hive, deia_actor_local(),
					 1u << DEIA_CHECK_DB, on_run, &t[i]),
				 DEIA_OK);
	ck_assert_int_eq(deia_hive_checks_run(f.hive, deia_actor_local(), 1,
					      on_run, &t[DEIA__PROBE_WAITERS]),
			 DEIA_EBUSY);
	for (int i = 0; i < DEIA__PROBE_WAITERS; i++)
		run_until(&f, &t[i].done);
	ck_assert_uint_eq(f.hive->probes->runs[DEIA_CHECK_DB].number,
			  number + 1);
}
END_TEST

START_TEST(a_hive_that_goes_tells_those_who_wait)
{
	struct told t = { false, DEIA_OK };

	ck_assert_int_eq(deia_hive_checks_run(f.hive, deia_actor_local(),
					      (1u << DEIA_CHECKS) - 1, on_run,
					      &t),
			 DEIA_OK);
	fixture_reopen(&f, _i == 1); /* freed under them, or stopped */
	ck_assert(t.done);
	ck_assert_int_eq(t.err, DEIA_ECANCELED);
	ck_assert_int_ge(run(DEIA_CHECK_DB)->status, DEIA_CHECK_PASS);
}
END_TEST

START_TEST(what_hangs_has_failed_and_is_tried_again)
{
	struct deia__probe_run *r = &f.hive->probes->runs[DEIA_CHECK_BOTS];
	struct told t = { false, DEIA_OK };

	ck_assert_int_eq(deia_hive_checks_run(f.hive, deia_actor_local(),
					      1u << DEIA_CHECK_BOTS, on_run,
					      &t),
			 DEIA_OK);
	deia__timer_clear(f.hive->timers, &r->deadline);
	r->deadline.fn(r);
	run_until(&f, &t.done);
	ck_assert_int_eq(r->result.status, DEIA_CHECK_FAIL);
	ck_assert_ptr_nonnull(strstr(r->result.text, "within"));
	while (deia_bots_count(f.hive->probes->bots))
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_int_eq(run(DEIA_CHECK_BOTS)->status, DEIA_CHECK_PASS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-probes");
	TCase *tc = tcase_create("checks");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_figure_is_judged_below_at_and_above_its_limits);
	tcase_add_test(tc, the_worst_counts_and_brings_its_advice);
	tcase_add_test(tc, who_may_not_see_gets_three_members);
	tcase_add_test(tc, names_are_read_as_they_are_printed);
	tcase_add_test(tc, journals_are_parsed);
	tcase_add_test(tc,
		       requests_are_judged_by_their_p95_since_the_look_before);
	tcase_add_test(tc, the_loop_is_judged_apart);
	tcase_add_test(tc, what_was_logged_is_judged_by_its_number);
	tcase_add_test(tc, model_servers_of_bots_are_asked);
	tcase_add_test(tc, all_pass_and_the_probe_is_no_bot_of_the_hive);
	tcase_add_test(tc, who_may_have_them_run);
	tcase_add_test(tc, many_share_one_run_and_too_many_are_refused);
	tcase_add_loop_test(tc, a_hive_that_goes_tells_those_who_wait, 0, 2);
	tcase_add_test(tc, what_hangs_has_failed_and_is_tried_again);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
