/* SPDX-License-Identifier: MIT */
/* The watchdog over real children: pings, stops by signals, memory, turns that
 * do not end; and what is known of a bot that failed. */
#include "rig.h"

#include <signal.h>
#include <sys/stat.h>

#include "bot/priv.h"

/* A bot that is pinged after a second of silence and has one to answer. */
static struct deia_bot_spec *watched(const char *command)
{
	struct deia_bot_spec *s = rig_spec("w", command);

	s->ping_interval_seconds = 1;
	s->ping_timeout_seconds = 1;
	s->stop_timeout_seconds = 1;
	s->restart = DEIA_RESTART_NEVER;
	return s;
}

static void launch(const struct deia_bot_spec *spec)
{
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, spec->id));
}

static const struct deia_bot_info *info(void)
{
	return deia_bots_get(rig.bots, "w");
}

/* ---- pings --------------------------------------------------------------------- */

START_TEST(bot_that_falls_silent_is_ended_with_the_reason)
{
	launch(watched("CHILD:fall_silent"));
	rig_wait_state("w", DEIA_BOT_FAILED);
	ck_reason("w", "did not answer a ping for 1 s");
	ck_assert_str_eq(rig.states, "starting ready failed");
	ck_assert_str_eq(info()->last_exit.reason, rig_reason("w"));
	ck_assert_int_eq(info()->last_exit.signal, SIGKILL);
	ck_assert_int_eq(info()->last_exit.code, -1);
}
END_TEST

START_TEST(silent_bot_is_found_out_though_a_turn_was_begun)
{
	struct turn t;

	launch(watched("CHILD:fall_silent"));
	rig_wait_state("w", DEIA_BOT_READY);
	while (deia_bots_get(rig.bots, "w")->lines_out < 2) /* init, ping */
		event_base_loop(rig.base, EVLOOP_ONCE);
	rig_submit(&t, "w", "t", "hi");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_EUNAVAILABLE);
	ck_reason("w", "did not answer a ping for 1 s");
}
END_TEST

static bool pinged_twice(void *arg)
{
	(void)arg;
	return info()->lines_out >= 3 && info()->ping_ms >= 0;
}

START_TEST(idle_bot_that_answers_is_left_alone)
{
	launch(watched("GOOD"));
	rig_wait_state("w", DEIA_BOT_READY);
	ck_assert_int_eq(info()->ping_ms, -1);
	rig_wait(pinged_twice, NULL, "two pings");
	ck_assert_int_lt(info()->ping_ms, 1000);
	ck_assert_int_eq(rig_state("w"), DEIA_BOT_READY);
	ck_assert_int_gt(info()->last_line_unix_ms, 1000000);
	ck_assert_uint_eq(info()->faults, 0);
}
END_TEST

static int64_t talk_until;

static bool talked_enough(void *arg)
{
	(void)arg;
	return rig_now_ms() > talk_until && info()->lines_in > 1000;
}

START_TEST(bot_that_talks_is_never_asked)
{
	launch(watched("BAD status"));
	talk_until = rig_now_ms() + 2500;
	rig_wait(talked_enough, NULL, "many lines");
	ck_assert_uint_eq(info()->lines_out, 1); /* init */
	rig_stop("w");
}
END_TEST

START_TEST(simple_bot_at_work_has_the_time_of_its_turn)
{
	struct deia_bot_spec *s = watched("GOOD");
	struct turn t;

	s->turn_timeout_seconds = 4;
	launch(s);
	rig_wait_state("w", DEIA_BOT_READY);
	rig_submit(&t, "w", "t", "block");
	rig_wait_done(&t);
	/* Two pings' time has passed by then. */
	ck_assert_int_eq(t.err, DEIA_ETIMEDOUT);
	ck_assert_str_eq(t.message, "the turn took longer than its 4 s");
	rig_wait_state("w", DEIA_BOT_FAILED);
	ck_reason("w", "the turn t took longer than its time, and did not end "
		       "when it was interrupted");
}
END_TEST

static bool answered_in_turn(void *arg)
{
	(void)arg;
	return info()->ping_ms >= 0;
}

START_TEST(bot_that_answered_while_it_worked_must_go_on_doing_so)
{
	struct turn t, u;

	launch(watched("GOOD"));
	rig_wait_state("w", DEIA_BOT_READY);
	rig_submit(&t, "w", "t", "hold");
	rig_wait(answered_in_turn, NULL, "a pong");
	rig_submit(&u, "w", "u", "block");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_EUNAVAILABLE);
	ck_assert_str_eq(t.message, "did not answer a ping for 1 s");
	ck_assert_int_eq(u.done, 1);
	rig_wait_state("w", DEIA_BOT_FAILED);
}
END_TEST

START_TEST(turn_without_a_limit_of_its_own_has_the_bots)
{
	struct deia_bot_spec *s = rig_spec("w", "GOOD");
	struct turn t;

	s->turn_timeout_seconds = 1;
	launch(s);
	rig_submit(&t, "w", "t", "hold");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_ETIMEDOUT);
	/* It ended when it was interrupted: no harm. */
	ck_assert_int_eq(rig_state("w"), DEIA_BOT_READY);
}
END_TEST

/* ---- stopped by a signal ----------------------------------------------------------- */

static bool is_stopped(void *arg)
{
	(void)arg;
	return info()->stopped_by == SIGSTOP;
}

static bool goes_on(void *arg)
{
	(void)arg;
	return info()->stopped_by == 0;
}

static void stop_it(void)
{
	ck_assert_int_eq(kill((pid_t)info()->pid, SIGSTOP), 0);
	rig_wait(is_stopped, NULL, "the stop");
}

START_TEST(stopped_bot_says_so_and_is_ended_when_it_does_not_go_on)
{
	struct deia_bot_spec *s = watched("GOOD");

	s->ping_timeout_seconds = 2;
	launch(s);
	rig_wait_state("w", DEIA_BOT_READY);
	stop_it();
	ck_assert_str_eq(rig_reason("w"), "stopped by SIGSTOP");
	ck_assert_int_eq(rig_state("w"), DEIA_BOT_READY);
	kill((pid_t)info()->pid, SIGCONT);
	rig_wait(goes_on, NULL, "SIGCONT");
	ck_assert_str_eq(rig_reason("w"), "");
	stop_it();
	rig_wait_state("w", DEIA_BOT_FAILED);
	ck_reason("w", "was stopped by SIGSTOP and did not go on within 2 s");
	ck_assert_int_eq(info()->stopped_by, 0);
}
END_TEST

START_TEST(stopped_bot_that_is_not_watched_may_stay_so)
{
	struct deia_bot_spec *s = watched("GOOD");
	struct turn t;

	s->ping_interval_seconds = 0;
	launch(s);
	rig_wait_state("w", DEIA_BOT_READY);
	stop_it();
	ck_assert(!deia__timer_armed(&rig.bots->bots[0]->watch.timer));
	rig_submit(&t, "w", "t", "hi");
	ck_assert_int_eq(rig_state("w"), DEIA_BOT_BUSY);
	ck_assert_str_eq(rig_reason("w"), "stopped by SIGSTOP");
	kill((pid_t)info()->pid, SIGCONT);
	rig_wait_done(&t);
	ck_assert_str_eq(t.text, "hi");
	rig_wait(goes_on, NULL, "SIGCONT");
	ck_assert_str_eq(rig_reason("w"), "");
	/* The watch can be switched on while it runs. */
	stop_it();
	ok(deia_bots_set_spec(rig.bots, watched("GOOD")));
	ck_assert(!info()->needs_restart);
	rig_wait_state("w", DEIA_BOT_FAILED);
	ck_reason("w", "did not go on within 1 s");
}
END_TEST

/* ---- limits --------------------------------------------------------------------------- */

static bool memory_is_known(void *arg)
{
	(void)arg;
	return info()->memory_bytes > (INT64_C(40) << 20);
}

START_TEST(bot_over_its_memory_for_too_long_is_ended)
{
	struct deia_bot_spec *s = rig_spec("w", "CHILD:eat_memory 48");

	s->memory_mib = 16;
	s->memory_seconds = 2;
	s->restart = DEIA_RESTART_NEVER;
	launch(s);
	rig_wait(memory_is_known, NULL, "a report of its memory");
	ck_assert_int_eq(info()->processes, 1);
	ck_assert_int_eq(rig_state("w"), DEIA_BOT_STARTING);
	rig_wait_state("w", DEIA_BOT_FAILED);
	ck_reason("w", "MiB for 2 s, its limit is 16 MiB");
	ck_assert_int_eq(info()->memory_bytes, -1);
}
END_TEST

static const struct deia_bot_limit *limit(const char *name)
{
	size_t i;

	for (i = 0; i < info()->n_limits; i++)
		if (strcmp(info()->limits[i].name, name) == 0)
			return &info()->limits[i];
	ck_abort_msg("no limit %s", name);
}

START_TEST(limits_that_hold_are_shown)
{
	struct deia_bot_spec *s = rig_spec("w", "GOOD");

	s->open_files = 64;
	launch(s);
	rig_wait_state("w", DEIA_BOT_READY);
	ck_assert_int_eq(limit("open_files")->value, 64);
	ck_assert_str_eq(limit("open_files")->how, "rlimit");
	ck_assert_int_eq(limit("processes")->value, 1024);
	rig_stop("w");
	ck_assert_uint_eq(info()->n_limits, 0);
}
END_TEST

START_TEST(too_many_processes_are_named)
{
	struct deia_bot_spec *s = rig_spec("w", "CHILD:fork_bomb");

	s->processes = 20;
	s->restart = DEIA_RESTART_NEVER;
	s->ready_timeout_seconds = 5;
	launch(s);
	rig_launch("neighbour", "GOOD");
	rig_wait_state("neighbour", DEIA_BOT_READY);
	rig_wait_state("w", DEIA_BOT_FAILED);
	ck_assert_str_ne(rig_reason("w"), "");
	rig_wait_state("neighbour", DEIA_BOT_READY);
}
END_TEST

START_TEST(words_of_the_ready_line_add_to_what_it_can)
{
	static const char *const own[] = { "c" };
	struct deia_bot_spec *s =
		rig_spec("w", "GOOD 2 [\"c\",\"python\",\"no-word!\"]");

	s->capabilities = own;
	s->n_capabilities = 1;
	launch(s);
	rig_wait_state("w", DEIA_BOT_READY);
	ck_assert_uint_eq(info()->max_concurrent, 2);
	ck_assert_uint_eq(info()->n_capabilities, 2);
	ck_assert_str_eq(info()->capabilities[0], "c");
	ck_assert_str_eq(info()->capabilities[1], "python");
}
END_TEST

/* ---- failure and restart ------------------------------------------------------------- */

static const char *script(const char *text)
{
	static char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/script", rig.dir);
	f = fopen(path, "w");
	fprintf(f, "#!/bin/sh\n%s\n", text);
	ck_assert_int_eq(fchmod(fileno(f), 0700), 0);
	fclose(f);
	return path;
}

START_TEST(failed_bot_keeps_its_reason_exit_and_last_words_and_tries_again)
{
	struct deia_bot_spec *s = rig_spec(
		"w", script("i=0; while [ $i -lt 25 ]; do i=$((i+1)); echo "
			    "line $i >&2; done; exit 3"));
	const char *lines[20];

	s->max_restarts = 1;
	s->window_seconds = 60;
	s->retry_failed_seconds = 1;
	launch(s);
	rig_wait_state("w", DEIA_BOT_FAILED);
	ck_assert_str_eq(rig_reason("w"),
			 "exited with 3; it last said: line 25; ended 2 times "
			 "within 60 s");
	ck_assert_int_eq(info()->last_exit.code, 3);
	ck_assert_str_eq(info()->last_exit.reason,
			 "exited with 3; it last said: line 25");
	ck_assert_uint_eq(deia_bots_last_stderr(rig.bots, "w", lines, 20), 20);
	ck_assert_str_eq(lines[0], "line 6");
	ck_assert_str_eq(lines[19], "line 25");
	ck_assert_int_gt(info()->next_start_unix_ms,
			 info()->last_exit.at_unix_ms);
	rig_wait_state("w", DEIA_BOT_STARTING);
	ck_assert_int_eq(info()->next_start_unix_ms, 0);
	rig_wait_state("w", DEIA_BOT_BACKOFF); /* a new row of restarts */
	rig_wait_state("w", DEIA_BOT_FAILED);
	/* A busy machine may look later, when it has begun once more. */
	ck_assert_ptr_eq(strstr(rig.states, "starting backoff starting failed "
					    "starting backoff starting failed"),
			 rig.states);
	rig_stop("w");
	ck_assert_int_eq(info()->next_start_unix_ms, 0);
	ck_assert_int_eq(deia_bots_stop(rig.bots, "w"), DEIA_ESTATE);
	ck_assert_str_eq(deia_bots_errmsg(rig.bots),
			 "bot w is stopped already");
}
END_TEST

static int64_t old_pid;

static bool is_new(void *arg)
{
	(void)arg;
	return info()->pid != 0 && info()->pid != old_pid;
}

START_TEST(first_restart_comes_within_10_ms)
{
	int64_t began, best = INT64_MAX;
	int i;

	for (i = 0; i < 10; i++) {
		rig_launch("w", "GOOD");
		rig_wait_state("w", DEIA_BOT_READY);
		old_pid = info()->pid;
		began = rig_now_ms();
		kill((pid_t)old_pid, SIGKILL);
		rig_wait(is_new, NULL, "another process");
		if (rig_now_ms() - began < best)
			best = rig_now_ms() - began;
		ck_assert_uint_eq(info()->restarts, 1);
		rig_stop("w");
		ok(deia_bots_remove(rig.bots, "w"));
	}
	/* The best of ten: others run beside this test. */
	ck_assert_int_le(best, 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("watch");
	TCase *tc = tcase_create("watch");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, bot_that_falls_silent_is_ended_with_the_reason);
	tcase_add_test(tc, silent_bot_is_found_out_though_a_turn_was_begun);
	tcase_add_test(tc, idle_bot_that_answers_is_left_alone);
	tcase_add_test(tc, bot_that_talks_is_never_asked);
	tcase_add_test(tc, simple_bot_at_work_has_the_time_of_its_turn);
	tcase_add_test(tc,
		       bot_that_answered_while_it_worked_must_go_on_doing_so);
	tcase_add_test(tc, turn_without_a_limit_of_its_own_has_the_bots);
	tcase_add_test(tc,
		       stopped_bot_says_so_and_is_ended_when_it_does_not_go_on);
	tcase_add_test(tc, stopped_bot_that_is_not_watched_may_stay_so);
	tcase_add_test(tc, bot_over_its_memory_for_too_long_is_ended);
	tcase_add_test(tc, limits_that_hold_are_shown);
	tcase_add_test(tc, too_many_processes_are_named);
	tcase_add_test(tc, words_of_the_ready_line_add_to_what_it_can);
	tcase_add_test(
		tc,
		failed_bot_keeps_its_reason_exit_and_last_words_and_tries_again);
	tcase_add_test(tc, first_restart_comes_within_10_ms);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
