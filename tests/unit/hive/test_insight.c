/* SPDX-License-Identifier: MIT */
/* test_insight.c - trends, bottlenecks, what a bot that fails takes with it,
 * and the sums of a report, against values calculated by hand. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hive/insight/insight.h"
#include "hive/insight/report.h"

/* ---- trends -------------------------------------------------------------- */

START_TEST(a_line_has_its_slope_and_no_error)
{
	uint32_t points[12];
	struct deia__trend t;

	for (unsigned i = 0; i < 12; i++)
		points[i] = 50000 + 1000 * i;
	t = deia__trend_fit(points, 12);
	ck_assert_double_eq_tol(t.slope, 1000, 1e-6);
	ck_assert_double_eq_tol(t.error, 0, 1e-3);
	ck_assert(deia__trend_leaks(&t));
}
END_TEST

START_TEST(a_slope_is_that_of_least_squares)
{
	/* x 0..4, mean 2: Sxx 10; y 2 1 4 3 5, mean 3: Sxy 8, Syy 10. Slope
	 * 0.8; what is left over 10 - 0.8 * 8 = 3.6; sqrt(3.6 / 3 / 10). */
	static const uint32_t points[] = { 2, 1, 4, 3, 5 };
	struct deia__trend t = deia__trend_fit(points, 5);

	ck_assert_double_eq_tol(t.slope, 0.8, 1e-9);
	ck_assert_double_eq_tol(t.error, 0.346410, 1e-6);
	ck_assert(!deia__trend_leaks(&t)); /* too few */
}
END_TEST

START_TEST(few_points_and_flat_ones_have_no_trend)
{
	static const uint32_t flat[12] = { 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7 };
	struct deia__trend t = deia__trend_fit(flat, 12);

	ck_assert_double_eq(t.slope, 0);
	ck_assert(!deia__trend_leaks(&t));
	t = deia__trend_fit(flat, 2);
	ck_assert_double_eq(t.slope, 0);
	t = deia__trend_fit(flat, 0);
	ck_assert(!deia__trend_leaks(&t));
}
END_TEST

START_TEST(what_is_taken_and_given_back_is_no_leak)
{
	uint32_t points[24];
	struct deia__trend t;

	for (unsigned i = 0; i < 24; i++) /* a sawtooth of eight points */
		points[i] = 100000 + 20000 * (i % 8);
	t = deia__trend_fit(points, 24);
	ck_assert(!deia__trend_leaks(&t));
	for (unsigned i = 0; i < 24; i++) /* a cache that fills: 2.3 MiB */
		points[i] = 100000 + 100 * i;
	t = deia__trend_fit(points, 24);
	ck_assert(!deia__trend_leaks(&t));
	for (unsigned i = 0; i < 24; i++) /* shrinks */
		points[i] = 100000 - 1000 * i;
	t = deia__trend_fit(points, 24);
	ck_assert(!deia__trend_leaks(&t));
}
END_TEST

START_TEST(a_leak_is_seen_through_noise)
{
	uint32_t points[24];
	struct deia__trend t;

	for (unsigned i = 0; i < 24; i++)
		points[i] = 100000 + 2000 * i + 3000 * (i % 3);
	t = deia__trend_fit(points, 24);
	ck_assert_double_eq_tol(t.slope, 2000, 200);
	ck_assert(deia__trend_leaks(&t));
}
END_TEST

START_TEST(hours_are_compared_by_a_fifth)
{
	ck_assert_str_eq(deia__trend_word(4, 0), "steady");
	ck_assert_str_eq(deia__trend_word(5, 0), "up");
	ck_assert_str_eq(deia__trend_word(12, 10), "up");
	ck_assert_str_eq(deia__trend_word(11, 10), "steady");
	ck_assert_str_eq(deia__trend_word(9, 10), "steady");
	ck_assert_str_eq(deia__trend_word(8, 10), "down");
	ck_assert_str_eq(deia__trend_word(0, 5), "down");
}
END_TEST

/* ---- bottlenecks --------------------------------------------------------- */

static struct deia__kind kind;
static struct deia_task_type_status type;

static void setup(void)
{
	kind = (struct deia__kind){ .type = "writing", .pinned = "", .n = 40 };
	type = (struct deia_task_type_status){ .name = "writing",
					       .queued = 40 };
}

static struct deia__bottleneck say(void)
{
	struct deia__look l = { .n_kinds = 1 };
	struct deia__bottleneck b;

	l.kinds[0] = kind;
	deia__bottleneck_say(&b, &l, &type);
	return b;
}

START_TEST(a_bottleneck_says_who_could_do_it_and_what_helps)
{
	struct deia__bottleneck b;

	kind.able = 1;
	kind.places = kind.busy = 2;
	kind.able_bot = "BOT-1";
	b = say();
	ck_assert(b.is);
	ck_assert_str_eq(b.text,
			 "writing: 40 wait, 1 bot can do them, 2 at a time, "
			 "and 2 turns run there: add bots, or raise "
			 "max_concurrent.");
	ck_assert_str_eq(b.command, "deia bot describe BOT-1");
	kind.template_name = "scribe";
	kind.able = 3;
	b = say();
	ck_assert_ptr_nonnull(strstr(b.text, "3 bots can do them"));
	ck_assert_ptr_nonnull(strstr(b.text, "add bots of template scribe,"));
	ck_assert_str_eq(b.command, "deia scale up scribe");
}
END_TEST

START_TEST(a_bottleneck_that_nobody_can_do_says_so)
{
	static const char *const needs[] = { "latin" };
	struct deia__bottleneck b;

	kind.able = 0;
	kind.capabilities = needs;
	kind.n_capabilities = 1;
	b = say();
	ck_assert_str_eq(b.text,
			 "writing: 40 wait, no bot that runs can do them, they "
			 "need latin: launch one that can.");
	kind.pinned = "BOT-9";
	b = say();
	ck_assert_ptr_nonnull(strstr(b.text, "for BOT-9 alone"));
	ck_assert_str_eq(b.command, "deia bot start BOT-9");
}
END_TEST

START_TEST(a_type_that_is_held_says_by_what)
{
	struct deia__bottleneck b;

	type.paused = true;
	b = say();
	ck_assert_ptr_nonnull(strstr(b.text, "is paused"));
	ck_assert_str_eq(b.command, "deia task resume writing");
	type.paused = false;
	type.wip_limit = type.active = 2;
	b = say();
	ck_assert_ptr_nonnull(strstr(b.text, "limit of 2"));
}
END_TEST

/* ---- what fails ---------------------------------------------------------- */

static struct deia_bot_spec specs[4];
static struct deia_bot_info infos[4];
static const struct deia_bot_info *list[4];

static void four_bots(void)
{
	static const char *const ids[] = { "a", "b", "c", "d" };
	static const char *const on_a[] = { "a" }, *const on_b[] = { "b" };
	static const char *const latin[] = { "latin" };

	for (int i = 0; i < 4; i++) {
		specs[i] = (struct deia_bot_spec)DEIA_BOT_SPEC_INIT;
		specs[i].id = ids[i];
		infos[i] = (struct deia_bot_info){ .spec = &specs[i],
						   .state = DEIA_BOT_READY };
		list[i] = &infos[i];
	}
	specs[1].depends_on = on_a;
	specs[2].depends_on = on_b;
	specs[1].n_depends_on = specs[2].n_depends_on = 1;
	infos[0].state = DEIA_BOT_FAILED;
	infos[0].capabilities = latin;
	infos[0].n_capabilities = 1;
}

START_TEST(risk_counts_bots_and_tasks_that_depend_on_one)
{
	static const char *const latin[] = { "latin" };
	struct deia__look l = { .bots = list, .n_bots = 4, .n_kinds = 4 };
	struct deia__risk r;

	four_bots();
	l.kinds[0] = (struct deia__kind){ .type = "x", .pinned = "a", .n = 5 };
	l.kinds[1] = (struct deia__kind){ .type = "x", .pinned = "d", .n = 7 };
	l.kinds[2] = (struct deia__kind){ .type = "x",
					  .pinned = "",
					  .capabilities = latin,
					  .n_capabilities = 1,
					  .n = 3 };
	l.kinds[3] = (struct deia__kind){
		.type = "x", .pinned = "", .n = 9, .able = 2
	};
	r = deia__risk_of(&l, list[0]);
	ck_assert_uint_eq(r.dependents, 2); /* b, and c through it */
	ck_assert_uint_eq(r.pinned, 5);
	ck_assert_uint_eq(r.only, 3);
	r = deia__risk_of(&l, list[1]);
	ck_assert_uint_eq(r.dependents, 1);
	ck_assert_uint_eq(r.pinned + r.only, 0);
	r = deia__risk_of(&l, list[3]);
	ck_assert_uint_eq(r.dependents, 0);
	ck_assert_uint_eq(r.pinned, 7);
}
END_TEST

/* ---- sums of a report ---------------------------------------------------- */

START_TEST(middle_and_p95_are_within_a_twentieth)
{
	struct deia__spread s = { .n = 0 };

	ck_assert_double_eq(deia__spread_at(&s, 0.5), 0);
	for (int64_t ms = 1; ms <= 100000; ms++)
		deia__spread_add(&s, ms);
	ck_assert_double_eq_tol(deia__spread_at(&s, 0.5), 50, 2.5);
	ck_assert_double_eq_tol(deia__spread_at(&s, 0.95), 95, 4.75);
	ck_assert_double_eq(s.max_seconds, 100);
	ck_assert_double_eq_tol(s.sum_seconds, 5000050, 1);
	deia__spread_add(&s, -5);
	deia__spread_add(&s, INT64_MAX);
	ck_assert_uint_eq(s.n, 100002);
}
END_TEST

START_TEST(names_are_summed_up_and_listed_in_order)
{
	struct deia__sums s = { .all = NULL };
	struct deia_report_row *rows;
	struct deia_report_list l;

	deia__sum_of(&s, "few")->row.prompt_tokens = 1;
	deia__sum_of(&s, "most")->row.completion_tokens = 9;
	deia__sum_of(&s, "few")->row.prompt_tokens += 1;
	(void)deia__sum_of(&s, "none");
	ck_assert(deia__sums_list(&s, 2, deia__by_tokens, &rows, &l));
	ck_assert_uint_eq(l.all, 3);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_str_eq(l.items[0].name, "most");
	ck_assert_int_eq(l.items[1].prompt_tokens, 2);
	deia__free(rows);
	deia__sums_free(&s);
}
END_TEST

START_TEST(names_beyond_the_limit_are_one)
{
	struct deia__sums s = { .all = NULL };
	char name[16];

	for (int i = 0; i < DEIA__REPORT_NAMES + 2; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		deia__sum_of(&s, name)->row.done++;
	}
	ck_assert(s.over);
	ck_assert_uint_eq(s.others.row.done, 2);
	ck_assert_uint_eq(deia__sum_of(&s, "n5")->row.done, 1);
	deia__sums_free(&s);
}
END_TEST

START_TEST(numbers_have_commas)
{
	char out[32];

	ck_assert_str_eq(deia__count_print(out, 0), "0");
	ck_assert_str_eq(deia__count_print(out, 999), "999");
	ck_assert_str_eq(deia__count_print(out, 1234), "1,234");
	ck_assert_str_eq(deia__count_print(out, UINT64_MAX),
			 "18,446,744,073,709,551,615");
}
END_TEST

START_TEST(an_id_says_when_it_was_made)
{
	char id[37];

	deia__uuid7(id, 1700000000123);
	ck_assert_int_ge(deia__uuid7_ms(id), 1700000000123);
	ck_assert_int_lt(deia__uuid7_ms(id), 1700000000123 + 1000);
	ck_assert_int_eq(deia__uuid7_ms("no id"), 0);
	ck_assert_int_eq(deia__uuid7_ms("9a1c3c5b-5b1e-4c3a-9d52-0c3f7a9b0000"),
			 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("insight");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_line_has_its_slope_and_no_error);
	tcase_add_test(t, a_slope_is_that_of_least_squares);
	tcase_add_test(t, few_points_and_flat_ones_have_no_trend);
	tcase_add_test(t, what_is_taken_and_given_back_is_no_leak);
	tcase_add_test(t, a_leak_is_seen_through_noise);
	tcase_add_test(t, hours_are_compared_by_a_fifth);
	tcase_add_test(t, a_bottleneck_says_who_could_do_it_and_what_helps);
	tcase_add_test(t, a_bottleneck_that_nobody_can_do_says_so);
	tcase_add_test(t, a_type_that_is_held_says_by_what);
	tcase_add_test(t, risk_counts_bots_and_tasks_that_depend_on_one);
	tcase_add_test(t, middle_and_p95_are_within_a_twentieth);
	tcase_add_test(t, names_are_summed_up_and_listed_in_order);
	tcase_add_test(t, names_beyond_the_limit_are_one);
	tcase_add_test(t, numbers_have_commas);
	tcase_add_test(t, an_id_says_when_it_was_made);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
