/* SPDX-License-Identifier: MIT */
/* What others do with a bot's lines: write some, hold them, find faults. */
#include "rig.h"

#include <signal.h>

START_TEST(line_can_be_sent_to_a_live_bot_only)
{
	const char line[] = "{\"type\":\"message\",\"id\":\"m\"}";

	rig_add("a", "GOOD");
	ck_assert_int_eq(deia_bots_send_line(rig.bots, "a", line, strlen(line)),
			 DEIA_ESTATE);
	ok(deia_bots_start(rig.bots, "a"));
	rig_wait_state("a", DEIA_BOT_READY);
	ok(deia_bots_send_line(rig.bots, "a", line, strlen(line)));
	ck_assert_int_eq(deia_bots_send_line(rig.bots, "a", "{\n}", 3),
			 DEIA_EINVAL);
}
END_TEST

static bool has_fault(void *arg)
{
	(void)arg;
	return deia_bots_get(rig.bots, "a")->faults == 1;
}

START_TEST(held_bot_is_heard_again_and_others_meanwhile)
{
	struct turn held, free;

	rig_launch("a", "GOOD");
	rig_launch("b", "GOOD");
	rig_wait_state("a", DEIA_BOT_READY);
	rig_wait_state("b", DEIA_BOT_READY);
	deia_bots_hold_lines(rig.bots, "a", true);
	rig_submit(&held, "a", "1", "hi");
	for (int i = 0; i < 20; i++) {
		rig_submit(&free, "b", "1", "hi");
		rig_wait_done(&free);
	}
	ck_assert(!held.done);
	deia_bots_hold_lines(rig.bots, "a", false);
	rig_wait_done(&held);
	ck_assert_str_eq(held.text, "hi");
	deia_bots_hold_lines(rig.bots, "a", true);
	rig_stop("a"); /* its end is seen all the same */
	deia_bots_hold_lines(rig.bots, "nobody", true);
	ok(deia_bots_start(rig.bots, "a"));
	rig_wait_state("a", DEIA_BOT_READY); /* the next one is not held */
}
END_TEST

START_TEST(fault_found_elsewhere_counts)
{
	char *log;

	rig_launch("a", "GOOD");
	rig_wait_state("a", DEIA_BOT_READY);
	deia_bots_fault(rig.bots, "a", "an ack for nothing");
	deia_bots_fault(rig.bots, "nobody", "x");
	rig_wait(has_fault, NULL, "a fault");
	rig_stop("a");
	log = rig_log("a");
	ck_assert_ptr_nonnull(
		strstr(log, "protocol fault: an ack for nothing"));
	free(log);
}
END_TEST

static int drained;

static void on_drained(const char *bot, void *user)
{
	(void)user;
	ck_assert_str_eq(bot, "a");
	drained++;
}

static bool is_drained(void *arg)
{
	(void)arg;
	return drained > 0;
}

START_TEST(what_a_bot_does_not_read_is_counted_until_it_does)
{
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;
	static char line[200001];
	int64_t pid;

	deia_bots_free(rig.bots);
	opts.on_drained = on_drained;
	rig_open(&opts);
	memset(line, ' ', 200000);
	memcpy(line, "{\"type\":\"later\"}", 16);
	rig_launch("a", "GOOD");
	rig_wait_state("a", DEIA_BOT_READY);
	ck_assert_uint_eq(deia_bots_unread(rig.bots, "a"), 0);
	ck_assert_uint_eq(deia_bots_unread(rig.bots, "nobody"), 0);
	pid = deia_bots_get(rig.bots, "a")->pid;
	ck_assert_int_eq(kill((pid_t)pid, SIGSTOP), 0);
	ok(deia_bots_send_line(rig.bots, "a", line, 200000));
	ck_assert_uint_gt(deia_bots_unread(rig.bots, "a"), 100000);
	ck_assert_int_eq(drained, 0);
	ck_assert_int_eq(kill((pid_t)pid, SIGCONT), 0);
	rig_wait(is_drained, NULL, "that it has read");
	ck_assert_uint_eq(deia_bots_unread(rig.bots, "a"), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bot lines");
	TCase *tc = tcase_create("lines");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, line_can_be_sent_to_a_live_bot_only);
	tcase_add_test(tc, held_bot_is_heard_again_and_others_meanwhile);
	tcase_add_test(tc, fault_found_elsewhere_counts);
	tcase_add_test(tc, what_a_bot_does_not_read_is_counted_until_it_does);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
