/* SPDX-License-Identifier: MIT */
/*
 * When another node counts as gone: a clock that the test moves, and beats that
 * come or do not. A hive that shares its store with nobody is its only node.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include <deia/node.h>

#include "hive/nodes/node_judge.h"

#define SECOND 1000

static struct deia__judge j;
static int64_t now, other; /* other: when its beat was last seen to move */

static void begin(void)
{
	now = 1000000;
	other = now;
	deia__judge_begin(&j, now);
}

/* Seconds in which this node beats, and the other one when it lives. */
static enum deia__verdict pass(int seconds, bool lives)
{
	bool may = false;

	while (seconds-- > 0) {
		now += SECOND;
		deia__judge_beat(&j, now);
		if (lives)
			other = now;
		may = deia__judge_may(&j, now, false);
	}
	return may ? deia__judge_node(&j, other, now) : DEIA__NODE_LIVES;
}

/* The same without the database. */
static void be_away(int seconds)
{
	while (seconds-- > 0) {
		now += SECOND;
		ck_assert(!deia__judge_may(&j, now, true));
	}
}

START_TEST(one_that_beats_lives)
{
	begin();
	ck_assert_int_eq(pass(3600, true), DEIA__NODE_LIVES);
	ck_assert(deia__judge_hears(&j, other, now));
}
END_TEST

START_TEST(one_without_a_beat_is_shut_out_after_three_seconds)
{
	begin();
	pass(10, true);
	ck_assert_int_eq(pass(2, false), DEIA__NODE_LIVES);
	ck_assert(deia__judge_hears(&j, other, now));
	ck_assert_int_eq(pass(1, false), DEIA__NODE_SILENT);
	ck_assert(!deia__judge_hears(&j, other, now));
}
END_TEST

START_TEST(one_that_keeps_its_session_is_given_up_after_fifteen_seconds)
{
	begin();
	ck_assert_int_eq(pass(14, false), DEIA__NODE_SILENT);
	ck_assert_int_eq(pass(1, false), DEIA__NODE_GIVEN_UP);
}
END_TEST

START_TEST(one_that_beats_again_lives)
{
	begin();
	ck_assert_int_eq(pass(10, false), DEIA__NODE_SILENT);
	ck_assert_int_eq(pass(1, true), DEIA__NODE_LIVES);
	ck_assert_int_eq(pass(2, false), DEIA__NODE_LIVES);
	ck_assert_int_eq(pass(1, false), DEIA__NODE_SILENT);
}
END_TEST

START_TEST(whose_own_store_is_away_judges_nobody_and_gives_time_afterwards)
{
	begin();
	be_away(60);
	ck_assert_int_eq(pass(5, false), DEIA__NODE_LIVES);
	ck_assert_int_eq(pass(1, false), DEIA__NODE_SILENT);
	/* The time away is no silence of the other's. */
	ck_assert_int_eq(pass(9, false), DEIA__NODE_SILENT);
	ck_assert_int_eq(pass(1, false), DEIA__NODE_GIVEN_UP);
}
END_TEST

START_TEST(one_that_comes_back_with_the_database_lives)
{
	begin();
	be_away(60);
	pass(4, false);
	ck_assert_int_eq(pass(20, true), DEIA__NODE_LIVES);
}
END_TEST

START_TEST(whose_own_beat_is_late_judges_nobody)
{
	begin();
	now += DEIA__NODE_OWN_MS;
	ck_assert(deia__judge_may(&j, now, false));
	now += 1;
	ck_assert(!deia__judge_may(&j, now, false));
	/* It was asleep, or the disk was: others get their time. */
	now += 3600 * SECOND;
	ck_assert(!deia__judge_may(&j, now, false));
	deia__judge_beat(&j, now);
	ck_assert(!deia__judge_may(&j, now, false));
	ck_assert_int_eq(deia__judge_node(&j, other, now), DEIA__NODE_LIVES);
	ck_assert_int_eq(pass(4, false), DEIA__NODE_LIVES);
	ck_assert_int_eq(pass(1, false), DEIA__NODE_SILENT);
}
END_TEST

START_TEST(one_that_could_not_look_for_a_while_gives_time)
{
	begin();
	now += 60 * SECOND;
	deia__judge_beat(&j, now); /* before the first look */
	ck_assert(!deia__judge_may(&j, now, false));
	ck_assert_int_eq(pass(4, false), DEIA__NODE_LIVES);
	ck_assert_int_eq(pass(1, false), DEIA__NODE_SILENT);
}
END_TEST

START_TEST(a_hive_alone_is_its_only_node)
{
	struct fixture f;
	struct deia_node nodes[2];
	struct deia_hive_bot bot;

	fixture_open(&f);
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	ck_assert_str_eq(deia_hive_node_name(f.hive), "main");
	ck_assert_uint_eq(deia_hive_nodes(f.hive, NULL, nodes, 2), 1);
	ck_assert_str_eq(nodes[0].name, "main");
	ck_assert(nodes[0].own && nodes[0].alive);
	ck_assert_uint_eq(nodes[0].bots, 1);
	ck_assert_uint_eq(deia_hive_nodes(f.hive, "main", nodes, 2), 0);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "b", &bot), DEIA_OK);
	ck_assert_str_eq(bot.node, "main");
	ck_assert(!bot.elsewhere);
	fixture_close(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nodes");
	TCase *tc = tcase_create("judge");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(tc, one_that_beats_lives);
	tcase_add_test(tc, one_without_a_beat_is_shut_out_after_three_seconds);
	tcase_add_test(
		tc,
		one_that_keeps_its_session_is_given_up_after_fifteen_seconds);
	tcase_add_test(tc, one_that_beats_again_lives);
	tcase_add_test(
		tc,
		whose_own_store_is_away_judges_nobody_and_gives_time_afterwards);
	tcase_add_test(tc, one_that_comes_back_with_the_database_lives);
	tcase_add_test(tc, whose_own_beat_is_late_judges_nobody);
	tcase_add_test(tc, one_that_could_not_look_for_a_while_gives_time);
	tcase_add_test(tc, a_hive_alone_is_its_only_node);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
