/* SPDX-License-Identifier: MIT */
/* test_budgets.c - what bots and the day may use: who is held back, until when,
 * and what is kept. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "hive/tasks/budgets.h"

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "bob", true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	run_until_state(&f, "bob", DEIA_BOT_READY);
}

static void teardown(void)
{
	fixture_close(&f);
}

static void configure(const char *bot, struct deia_budget budget)
{
	struct deia_budget_setting s = { bot, budget };

	ck_assert_int_eq(deia_hive_budgets_configure(f.hive, &s, 1), DEIA_OK);
}

static struct deia__hbot *ada(void)
{
	return deia__hbot_get(f.hive, "ada");
}

static void use(int64_t tokens, unsigned ms)
{
	struct deia_work_result res = { 0 };

	res.prompt_tokens = tokens;
	res.completion_tokens = -1;
	res.run_ms = ms;
	deia__budgets_turn(f.hive, ada(), &res);
}

static deia_err say_to(const char *bot)
{
	struct answer a = { 0 };

	return ask_and_wait(&f, bot, NULL, "hello", &a);
}

static const char *held(const char *bot)
{
	struct deia_hive_bot b;

	ck_assert_int_eq(deia_hive_bot_get(f.hive, bot, &b), DEIA_OK);
	return b.held;
}

/* As if midnight were over since what was counted. */
static void next_day(struct deia__budget_use *u)
{
	u->count.day -= 2;
	f.hive->budgets->renew.fn(f.hive);
}

static int64_t tokens;
static unsigned n_budgets;

static void on_status(const struct deia_budget_status *s, void *user)
{
	(void)user;
	n_budgets++;
	tokens = s->tokens;
}

/* Of the last budget that there is. */
static int64_t used(void)
{
	n_budgets = 0;
	tokens = -1;
	deia_hive_budgets_each(f.hive, on_status, NULL);
	return tokens;
}

START_TEST(bot_is_held_back_until_the_next_day)
{
	configure("ada", (struct deia_budget){ .tokens = 100 });
	use(99, 0);
	ck_assert_ptr_null(held("ada"));
	use(1, 0);
	ck_assert_ptr_nonnull(held("ada"));
	ck_assert_ptr_null(held("bob"));
	ck_assert_int_eq(say_to("ada"), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "100 tokens"));
	ck_assert_int_eq(say_to("bob"), DEIA_OK);
	next_day(&ada()->budget);
	ck_assert_ptr_null(held("ada"));
	ck_assert_int_eq(used(), 0);
	ck_assert_int_eq(say_to("ada"), DEIA_OK);
}
END_TEST

START_TEST(day_holds_back_all)
{
	configure(NULL, (struct deia_budget){ .tokens = 10 });
	use(10, 0);
	ck_assert_ptr_nonnull(held("ada"));
	ck_assert_ptr_nonnull(held("bob"));
	ck_assert_int_eq(say_to("bob"), DEIA_ESTATE);
	/* A larger one lets them go on. */
	configure(NULL, (struct deia_budget){ .tokens = 11 });
	ck_assert_ptr_null(held("bob"));
	ck_assert_int_eq(used(), 10);
}
END_TEST

START_TEST(notify_only_tells)
{
	configure("*",
		  (struct deia_budget){ .tokens = 10,
					.on_exceed = DEIA_ON_EXCEED_NOTIFY });
	use(20, 0);
	ck_assert_ptr_null(held("ada"));
	ck_assert_str_eq(ada()->budget.reason,
			 "the day's budget of 10 tokens is used up: 20 were "
			 "used; it is renewed at 00:00 UTC");
	ck_assert_int_eq(say_to("ada"), DEIA_OK);
}
END_TEST

START_TEST(stop_leaves_a_turn_what_is_left)
{
	ck_assert_uint_eq(deia__budgets_time(f.hive, ada(), 600), 600);
	configure("ada",
		  (struct deia_budget){ .seconds = 100,
					.on_exceed = DEIA_ON_EXCEED_STOP });
	use(0, 30500);
	ck_assert_uint_eq(deia__budgets_time(f.hive, ada(), 600), 70);
	ck_assert_uint_eq(deia__budgets_time(f.hive, ada(), 5), 5);
	ck_assert_uint_eq(deia__budgets_time(f.hive, ada(), 0), 70);
	use(0, 70000);
	ck_assert_ptr_nonnull(held("ada"));
}
END_TEST

START_TEST(counts_survive_and_go_with_their_bot)
{
	const struct deia_budget b = { .tokens = 100 };

	configure("*", b);
	use(70, 0);
	deia__saver_flush(&f.hive->budgets->saver);
	/* What is durable after it shows that it is. */
	ck_assert_int_eq(create_bot(&f, "eve", false), DEIA_OK);
	fixture_reopen(&f, false);
	configure("*", b);
	ck_assert_int_eq(ada()->budget.count.used[DEIA__BUDGET_TOKENS], 70);
	use(70, 0);
	fixture_reopen(&f, true);
	configure("*", b);
	ck_assert_ptr_nonnull(held("ada"));
	ck_assert_int_eq(remove_bot(&f, "ada", true, true), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	fixture_reopen(&f, true);
	configure("*", b);
	ck_assert_int_eq(ada()->budget.count.used[DEIA__BUDGET_TOKENS], 0);
}
END_TEST

START_TEST(wrong_settings_are_refused)
{
	const struct deia_budget_setting wrong[] = {
		{ "ada", { .tokens = -1 } },
		{ "ada", { .messages = DEIA_BUDGET_MAX_MESSAGES + 1 } },
		{ "a b", { .tokens = 1 } },
		{ NULL, { .on_exceed = (deia_on_exceed)9 } },
	};

	configure("ada", (struct deia_budget){ .tokens = 5 });
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(
			deia_hive_budgets_configure(f.hive, &wrong[i], 1),
			DEIA_EINVAL);
	ck_assert_int_eq(deia_hive_budgets_configure(f.hive, wrong,
						     DEIA_BUDGETS_MAX + 1),
			 DEIA_ELIMIT);
	ck_assert_int_eq(used(), 0);
	ck_assert_uint_eq(n_budgets, 1);
	ck_assert_int_eq(deia_hive_budget_reset(f.hive, deia_actor_local(),
						"bob", NULL, NULL),
			 DEIA_ENOTFOUND);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("hive-budgets");
	TCase *t = tcase_create("budgets");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, bot_is_held_back_until_the_next_day);
	tcase_add_test(t, day_holds_back_all);
	tcase_add_test(t, notify_only_tells);
	tcase_add_test(t, stop_leaves_a_turn_what_is_left);
	tcase_add_test(t, counts_survive_and_go_with_their_bot);
	tcase_add_test(t, wrong_settings_are_refused);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
