/* SPDX-License-Identifier: MIT */
/* What budgets allow, when a day's is renewed, and that figures survive as a
 * row. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "queue/budget.h"

#define DAY_MS INT64_C(86400000)
#define NOON (20000 * DAY_MS + DAY_MS / 2)

static struct deia__budget budget;
static struct deia__budget_count spent;
static struct deia__budget_verdict verdict;

static void setup(void)
{
	memset(&budget, 0, sizeof(budget));
	memset(&spent, 0, sizeof(spent));
	budget.per = DEIA__BUDGET_TASK;
}

static bool add(int64_t tokens, int64_t ms, int64_t messages, int64_t now)
{
	int64_t more[] = { tokens, ms, messages };

	deia__budget_add(&budget, &spent, more, now, &verdict);
	ck_assert_int_eq(verdict.exceeded, *verdict.text != '\0');
	return verdict.exceeded;
}

static bool ask(int64_t tokens, int64_t ms, int64_t messages, int64_t now)
{
	int64_t more[] = { tokens, ms, messages };

	deia__budget_ask(&budget, &spent, more, now, &verdict);
	ck_assert_int_eq(verdict.exceeded, *verdict.text != '\0');
	return verdict.exceeded;
}

START_TEST(budget_without_limits_allows_everything)
{
	ck_assert(!add(INT64_MAX, INT64_MAX, INT64_MAX, NOON));
	ck_assert(!add(1, 1, 1, NOON));
	ck_assert(!ask(1, 1, 1, NOON));
	ck_assert_int_eq(spent.used[DEIA__BUDGET_TOKENS], INT64_MAX);
}
END_TEST

START_TEST(limit_is_what_may_be_used)
{
	budget.limits[DEIA__BUDGET_TOKENS] = 100;
	ck_assert(!ask(100, 0, 0, NOON));
	ck_assert(ask(101, 0, 0, NOON));
	ck_assert_str_eq(verdict.text,
			 "the task's budget of 100 tokens is too small: 0 were "
			 "used, more are wanted: 101");
	ck_assert(!add(100, 5, 5, NOON));
	/* Used up: nothing begins, whatever it will use. */
	ck_assert(ask(0, 0, 0, NOON));
	ck_assert_str_eq(verdict.text, "the task's budget of 100 tokens is "
				       "used up: 100 were used");
	ck_assert(add(1, 0, 0, NOON));
	ck_assert_int_eq(verdict.unit, DEIA__BUDGET_TOKENS);
	ck_assert_str_eq(verdict.text, "the task's budget of 100 tokens is "
				       "used up: 101 were used");
}
END_TEST

START_TEST(each_unit_has_its_limit)
{
	budget.per = DEIA__BUDGET_BOT;
	budget.limits[DEIA__BUDGET_MS] = 90000;
	budget.limits[DEIA__BUDGET_MESSAGES] = 2;
	ck_assert(!add(1000000, 90000, 2, NOON));
	ck_assert(add(0, 550, 0, NOON));
	ck_assert_int_eq(verdict.unit, DEIA__BUDGET_MS);
	ck_assert_str_eq(verdict.text, "the bot's budget of 90.0 seconds is "
				       "used up: 90.5 were used");
	budget.limits[DEIA__BUDGET_MS] = 0;
	ck_assert(ask(0, 0, 1, NOON));
	ck_assert_int_eq(verdict.unit, DEIA__BUDGET_MESSAGES);
}
END_TEST

START_TEST(what_is_exceeded_is_fresh_once)
{
	budget.limits[DEIA__BUDGET_TOKENS] = 10;
	budget.limits[DEIA__BUDGET_MESSAGES] = 1;
	ck_assert(add(11, 0, 0, NOON));
	ck_assert(verdict.fresh);
	ck_assert(add(1, 0, 0, NOON));
	ck_assert(!verdict.fresh);
	ck_assert(ask(1, 0, 0, NOON));
	ck_assert(!verdict.fresh);
	/* Another unit is news again. */
	ck_assert(add(0, 0, 2, NOON));
	ck_assert(verdict.fresh);
}
END_TEST

START_TEST(figures_that_were_not_said_count_nothing)
{
	budget.limits[DEIA__BUDGET_TOKENS] = 10;
	ck_assert(!add(-1, -1, -1, NOON));
	ck_assert_int_eq(spent.used[DEIA__BUDGET_TOKENS], 0);
	ck_assert_int_eq(spent.used[DEIA__BUDGET_MS], 0);
	ck_assert(!ask(-1, -1, -1, NOON));
}
END_TEST

START_TEST(day_is_renewed_at_midnight_utc)
{
	int64_t midnight = 20001 * DAY_MS;

	budget.per = DEIA__BUDGET_DAY;
	budget.limits[DEIA__BUDGET_TOKENS] = 10;
	ck_assert(add(11, 0, 0, NOON));
	ck_assert_str_eq(verdict.text,
			 "the day's budget of 10 tokens is used up: 11 were "
			 "used; it is renewed at 00:00 UTC");
	ck_assert_int_eq(deia__budget_renewed_unix_ms(&budget, NOON), midnight);
	ck_assert(ask(1, 0, 0, midnight - 1));
	ck_assert(!ask(1, 0, 0, midnight));
	ck_assert(!add(1, 0, 0, midnight));
	ck_assert_int_eq(spent.used[DEIA__BUDGET_TOKENS], 1);
	ck_assert(add(10, 0, 0, midnight + 1));
	ck_assert(verdict.fresh);
}
END_TEST

START_TEST(only_a_day_is_renewed)
{
	budget.limits[DEIA__BUDGET_TOKENS] = 10;
	ck_assert(add(11, 0, 0, NOON));
	ck_assert(ask(1, 0, 0, NOON + 365 * DAY_MS));
	ck_assert_int_eq(deia__budget_renewed_unix_ms(&budget, NOON), 0);
}
END_TEST

START_TEST(clock_that_steps_back_gives_no_day_twice)
{
	budget.per = DEIA__BUDGET_DAY;
	budget.limits[DEIA__BUDGET_TOKENS] = 10;
	ck_assert(!add(10, 0, 0, 20001 * DAY_MS + 5));
	ck_assert(ask(1, 0, 0, 20001 * DAY_MS - 5));
	ck_assert(add(1, 0, 0, 20001 * DAY_MS - 5));
	ck_assert_int_eq(spent.day, 20001);
	/* One that was years ahead is set right: a new day. */
	spent.day = 40000;
	ck_assert(!ask(1, 0, 0, NOON));
	ck_assert(!add(1, 0, 0, NOON));
	ck_assert_int_eq(spent.day, 20000);
}
END_TEST

START_TEST(count_survives_as_a_row)
{
	int64_t row[DEIA__BUDGET_NUMBERS];
	struct deia__budget_count again;

	budget.per = DEIA__BUDGET_DAY;
	budget.limits[DEIA__BUDGET_MESSAGES] = 2;
	ck_assert(add(7, 8, 9, NOON));
	deia__budget_save(&spent, row);
	ck_assert(deia__budget_load(&again, row));
	ck_assert_int_eq(again.used[DEIA__BUDGET_TOKENS], 7);
	ck_assert_int_eq(again.used[DEIA__BUDGET_MS], 8);
	ck_assert_int_eq(again.used[DEIA__BUDGET_MESSAGES], 9);
	ck_assert_int_eq(again.day, 20000);
	ck_assert_uint_eq(again.told, spent.told);
	for (int i = 0; i < DEIA__BUDGET_NUMBERS; i++) {
		int64_t kept = row[i];

		row[i] = -1;
		ck_assert(!deia__budget_load(&again, row));
		ck_assert_int_eq(again.used[DEIA__BUDGET_TOKENS], 0);
		row[i] = kept;
	}
	row[DEIA__BUDGET_NUMBERS - 1] = 8;
	ck_assert(!deia__budget_load(&again, row));
}
END_TEST

START_TEST(names_are_read_as_they_are_written)
{
	for (int i = DEIA__BUDGET_BOT; i <= DEIA__BUDGET_DAY; i++)
		ck_assert_int_eq(
			deia__budget_per_parse(deia__budget_per_name(i)), i);
	for (int i = DEIA_ON_EXCEED_PAUSE; i <= DEIA_ON_EXCEED_NOTIFY; i++)
		ck_assert_int_eq(deia_on_exceed_parse(deia_on_exceed_name(i)),
				 i);
	ck_assert_int_eq(deia__budget_per_parse("week"), -1);
	ck_assert_int_eq(deia_on_exceed_parse(""), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queue-budget");
	TCase *tc = tcase_create("budget");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, budget_without_limits_allows_everything);
	tcase_add_test(tc, limit_is_what_may_be_used);
	tcase_add_test(tc, each_unit_has_its_limit);
	tcase_add_test(tc, what_is_exceeded_is_fresh_once);
	tcase_add_test(tc, figures_that_were_not_said_count_nothing);
	tcase_add_test(tc, day_is_renewed_at_midnight_utc);
	tcase_add_test(tc, only_a_day_is_renewed);
	tcase_add_test(tc, clock_that_steps_back_gives_no_day_twice);
	tcase_add_test(tc, count_survives_as_a_row);
	tcase_add_test(tc, names_are_read_as_they_are_written);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
