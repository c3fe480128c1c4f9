/* SPDX-License-Identifier: MIT */
/* Bots as real processes under the real guard: the ordinary life. */
#include "rig.h"

START_TEST(bot_starts_answers_and_stops)
{
	struct turn t;

	rig_launch("a", "GOOD");
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_STARTING);
	rig_wait_state("a", DEIA_BOT_READY);
	ck_assert_int_gt(deia_bots_get(rig.bots, "a")->pid, 0);
	rig_submit(&t, "a", "t1", "hello");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_OK);
	ck_assert_str_eq(t.text, "hello");
	ck_assert_int_eq(t.started, 1);
	rig_stop("a");
	ck_reason("a", "stopped; exited with 0");
	ck_assert_str_eq(rig.states,
			 "starting ready busy ready stopping stopped");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("live");
	TCase *tc = tcase_create("life");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, bot_starts_answers_and_stops);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
