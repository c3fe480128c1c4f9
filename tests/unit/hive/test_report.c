/* SPDX-License-Identifier: MIT */
/* test_report.c - a report of a hive: how many at a time, no memory, the end of
 * the hive; GET /report and its figures are tested from outside. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include <deia/hive_insight.h>
#include <deia/hive_report.h>
#include <deia/sys/json.h>
#include <cjson/cJSON.h>

#include "core/mem.h"

static struct fixture f;

struct told {
	deia_err err;
	bool done;
	unsigned calls;
	uint64_t answers, bots, needs;
	size_t bytes;
};

static void on_report(deia_err err, const struct deia_report *r, void *user)
{
	struct told *t = user;
	deia_jw w;

	t->err = err;
	t->done = true;
	t->calls++;
	ck_assert_int_eq(r == NULL, err != DEIA_OK);
	if (err)
		return;
	t->answers = r->answers;
	t->bots = r->bots.all;
	t->needs = r->all_needs;
	deia_jw_init(&w);
	deia_report_print(r, &w);
	t->bytes = w.len;
	deia_jw_fini(&w);
}

static void setup(void)
{
	struct answer a;

	fixture_open(&f);
	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	ck_assert_int_eq(ask_and_wait(&f, "ada", NULL, "hello", &a), DEIA_OK);
}

static void teardown(void)
{
	fixture_close(&f);
}

static deia_err begin(struct told *t)
{
	memset(t, 0, sizeof(*t));
	return deia_hive_report(f.hive, 0, 10, on_report, t);
}

START_TEST(a_report_tells_what_is_in_the_store)
{
	struct told t;

	ck_assert_int_eq(begin(&t), DEIA_OK);
	ck_assert(!t.done); /* never inside the call */
	run_until(&f, &t.done);
	ck_assert_int_eq(t.err, DEIA_OK);
	ck_assert_uint_eq(t.answers, 1);
	ck_assert_uint_eq(t.bots, 1);
	ck_assert_uint_gt(t.bytes, 100);
}
END_TEST

START_TEST(a_wrong_time_or_number_is_refused)
{
	struct told t = { .err = DEIA_OK };

	ck_assert_int_eq(deia_hive_report(f.hive, -1, 1, on_report, &t),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_hive_report(f.hive, INT64_MAX, 1, on_report, &t),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_hive_report(f.hive, 0, 0, on_report, &t),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_hive_report(f.hive, 0, DEIA_REPORT_MAX_TOP + 1,
					  on_report, &t),
			 DEIA_EINVAL);
	ck_assert_uint_eq(t.calls, 0);
}
END_TEST

START_TEST(four_are_made_at_a_time)
{
	struct told t[4], fifth;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(begin(&t[i]), DEIA_OK);
	ck_assert_int_eq(begin(&fifth), DEIA_EBUSY);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "4 reports"));
	for (int i = 0; i < 4; i++)
		run_until(&f, &t[i].done);
	ck_assert_int_eq(begin(&fifth), DEIA_OK);
	run_until(&f, &fifth.done);
	ck_assert_int_eq(fifth.err, DEIA_OK);
}
END_TEST

/* One allocation after the other fails: a report is whole, or an error. */
START_TEST(without_memory_a_report_fails_and_leaves_nothing)
{
	struct told t;
	unsigned failed = 0;

	for (unsigned long n = 1; n <= 80; n++) {
		deia__mem_fail_at(n, false);
		if (begin(&t) != DEIA_OK) {
			ck_assert_uint_eq(t.calls, 0);
			failed++;
			continue;
		}
		run_until(&f, &t.done);
		deia__mem_fail_at(0, false);
		ck_assert_uint_eq(t.calls, 1);
		failed += t.err != DEIA_OK;
		if (!t.err)
			ck_assert_uint_eq(t.answers, 1);
	}
	ck_assert_uint_gt(failed, 10);
	deia__mem_fail_at(0, false);
	ck_assert_int_eq(begin(&t), DEIA_OK);
	run_until(&f, &t.done);
	ck_assert_int_eq(t.err, DEIA_OK);
}
END_TEST

START_TEST(the_end_of_the_hive_ends_a_report_once)
{
	struct told t;

	ck_assert_int_eq(begin(&t), DEIA_OK);
	deia_hive_free(f.hive);
	event_base_free(f.base);
	ck_assert_uint_eq(t.calls, 1);
	ck_assert_int_ne(t.err, DEIA_OK);
	fixture_open(&f); /* for the teardown */
}
END_TEST

START_TEST(a_look_prints_whole_json_or_nothing)
{
	struct cJSON *json = NULL;
	deia_jw w;

	deia_jw_init(&w);
	ck_assert_int_eq(deia_hive_insight_print(f.hive, NULL, 0, &w),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_hive_insight_print(f.hive, NULL, 10, &w),
			 DEIA_OK);
	ck_assert_int_eq(deia_json_parse(&json, w.text, w.len, NULL), DEIA_OK);
	ck_assert_ptr_nonnull(strstr(w.text, "\"bot\":\"ada\""));
	cJSON_Delete(json);
	deia_jw_reset(&w);
	ck_assert_int_eq(deia_hive_insight_print(f.hive, "ada", 10, &w),
			 DEIA_OK);
	ck_assert_ptr_null(strstr(w.text, "\"bot\":\"ada\""));
	deia_jw_fini(&w);
	deia_jw_init(&w);
	deia__mem_fail_at(1, true);
	ck_assert_int_eq(deia_hive_insight_print(f.hive, NULL, 10, &w),
			 DEIA_ENOMEM);
	deia__mem_fail_at(0, false);
	deia_jw_fini(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_report_tells_what_is_in_the_store);
	tcase_add_test(t, a_wrong_time_or_number_is_refused);
	tcase_add_test(t, four_are_made_at_a_time);
	tcase_add_test(t, without_memory_a_report_fails_and_leaves_nothing);
	tcase_add_test(t, the_end_of_the_hive_ends_a_report_once);
	tcase_add_test(t, a_look_prints_whole_json_or_nothing);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
