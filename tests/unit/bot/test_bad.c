/* SPDX-License-Identifier: MIT */
/* Children that misbehave: each ends in the right state, with a reason, and
 * leaves nothing behind (the rig's teardown looks). */
#include "rig.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts a bot that is not restarted. */
static void launch_once(const char *command, unsigned stop_seconds)
{
	struct deia_bot_spec *spec = rig_spec("bad", command);

	spec->restart = DEIA_RESTART_NEVER;
	spec->stop_timeout_seconds = stop_seconds;
	spec->ready_timeout_seconds = 2;
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "bad"));
}

static void neighbour_answers(void)
{
	struct turn t;

	rig_submit(&t, "neighbour", "still-here", "hello");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_OK);
	ck_assert_str_eq(t.text, "hello");
}

static const struct {
	const char *command;
	deia_bot_state state;
	const char *reason;
} ends[] = {
	{ "CHILD:end_at_once exit 0", DEIA_BOT_STOPPED, "exited with 0" },
	{ "CHILD:end_at_once exit 1", DEIA_BOT_FAILED, "exited with 1" },
	{ "CHILD:end_at_once exit 78", DEIA_BOT_FAILED,
	  "exited with 78, which means wrongly configured" },
	{ "CHILD:end_at_once signal 11", DEIA_BOT_FAILED,
	  "ended by signal 11 (SIGSEGV)" },
	{ "CHILD:never_ready", DEIA_BOT_FAILED, "not ready within 2 s" },
	{ "CHILD:stop_itself", DEIA_BOT_FAILED,
	  "not ready within 2 s: stopped by SIGSTOP" },
	{ "CHILD:close_stdout", DEIA_BOT_FAILED, "closed its standard output" },
	{ "CHILD:flood stdout 1024", DEIA_BOT_FAILED,
	  "more than 100 protocol faults" },
	{ "BAD stopped", DEIA_BOT_FAILED, "not ready within 2 s" },
	{ "BAD closed-stdout", DEIA_BOT_FAILED, "closed its standard output" },
	{ "BAD flood-stdout", DEIA_BOT_FAILED,
	  "more than 100 protocol faults within a minute, the last: not "
	  "JSON" },
	{ "BAD garbage", DEIA_BOT_FAILED, "exited with 3" },
	{ "BAD orphan", DEIA_BOT_STOPPED, "exited with 0" },
	{ "/nonexistent/program", DEIA_BOT_FAILED,
	  "cannot run /nonexistent/program: No such file or directory (is it "
	  "installed?" },
	{ "no-such-program-anywhere", DEIA_BOT_FAILED,
	  "cannot run no-such-program-anywhere: No such file" },
	{ "/etc/passwd", DEIA_BOT_FAILED,
	  "cannot run /etc/passwd: Permission denied (make it executable" },
	{ "/usr", DEIA_BOT_FAILED, "cannot run /usr: Permission denied" },
};

START_TEST(bad_child_ends_in_its_state_with_a_reason)
{
	rig_launch("neighbour", "GOOD");
	rig_wait_state("neighbour", DEIA_BOT_READY);
	launch_once(ends[_i].command, 5);
	rig_wait_state("bad", ends[_i].state);
	ck_reason("bad", ends[_i].reason);
	ck_assert_int_eq(deia_bots_get(rig.bots, "bad")->pid, 0);
	ck_assert_int_ne(deia_bots_get(rig.bots, "bad")->last_exit.at_unix_ms,
			 0);
	neighbour_answers();
}
END_TEST

/* What goes wrong only while it answers a turn. */
static const struct {
	const char *command;
	deia_bot_state state;
	const char *reason;
	unsigned faults;
	deia_err err;
} answers[] = {
	{ "CHILD:answer_wrongly garbage", DEIA_BOT_READY, "", 20, DEIA_OK },
	{ "CHILD:answer_wrongly wrong_ids", DEIA_BOT_READY, "", 20, DEIA_OK },
	{ "CHILD:answer_wrongly ten_answers", DEIA_BOT_READY, "", 9, DEIA_OK },
	{ "CHILD:answer_wrongly long_line", DEIA_BOT_READY, "", 1, DEIA_OK },
	{ "CHILD:answer_wrongly bad_utf8", DEIA_BOT_READY, "", 20, DEIA_OK },
	{ "CHILD:answer_wrongly half_line", DEIA_BOT_FAILED, "exited with 3", 1,
	  DEIA_EUNAVAILABLE },
};

static bool has_faults(void *arg)
{
	return deia_bots_get(rig.bots, "bad")->faults == *(const unsigned *)arg;
}

START_TEST(wrong_answers_are_counted_and_harm_nobody)
{
	unsigned faults = answers[_i].faults;
	struct turn t;

	rig_launch("neighbour", "GOOD");
	launch_once(answers[_i].command, 5);
	rig_wait_state("bad", DEIA_BOT_READY);
	rig_submit(&t, "bad", "t", "hi");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, answers[_i].err);
	ck_assert_str_eq(t.text, t.err ? "" : "right");
	rig_wait(has_faults, &faults, "the faults");
	rig_wait_state("bad", answers[_i].state);
	ck_reason("bad", answers[_i].reason);
	neighbour_answers();
}
END_TEST

START_TEST(wrong_working_folder_is_named)
{
	struct deia_bot_spec *spec = rig_spec("bad", "GOOD");

	spec->cwd = "/nonexistent/folder";
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "bad"));
	rig_wait_state("bad", DEIA_BOT_FAILED);
	ck_reason("bad", "cannot enter its folder /nonexistent/folder: No such "
			 "file or directory");
	ck_assert_str_eq(rig.states, "starting failed");
}
END_TEST

START_TEST(script_without_a_first_line_is_named)
{
	char path[160], command[400];

	snprintf(path, sizeof(path), "%s/script", rig.dir);
	snprintf(command, sizeof(command), "echo true >%s; chmod +x %s", path,
		 path);
	ck_assert_int_eq(system(command), 0);
	launch_once(path, 5);
	rig_wait_state("bad", DEIA_BOT_FAILED);
	ck_reason("bad", "Exec format error (a script needs a first line");
}
END_TEST

START_TEST(missing_guard_is_named)
{
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;
	deia_bots *bots;

	opts.guard_program = "/nonexistent/guard";
	opts.bot_program = "/bin/true";
	ok(deia_bots_new(&bots, rig.base, &opts));
	ok(deia_bots_add(bots, rig_spec("x", "GOOD")));
	ok(deia_bots_start(bots, "x"));
	while (deia_bots_get(bots, "x")->state != DEIA_BOT_FAILED)
		event_base_loop(rig.base, EVLOOP_ONCE);
	ck_assert_str_eq(deia_bots_get(bots, "x")->state_reason,
			 "cannot start the guard /nonexistent/guard: No such "
			 "file or directory");
	deia_bots_free(bots);
}
END_TEST

START_TEST(bot_that_ignores_shutdown_gets_term)
{
	char *log;

	launch_once("BAD deaf", 0);
	rig_wait_state("bad", DEIA_BOT_READY);
	rig_stop("bad");
	log = rig_log("bad");
	ck_assert_msg(deia_bots_get(rig.bots, "bad")->exit_signal != 0 ||
			      strstr(log, "ended by TERM") != NULL,
		      "%s", log);
	free(log);
}
END_TEST

START_TEST(bot_that_ignores_term_is_killed)
{
	launch_once("BAD stubborn", 1);
	rig_wait_state("bad", DEIA_BOT_READY);
	rig_stop("bad");
	ck_reason("bad", "ended by signal 9 (SIGKILL)");
	ck_assert_str_eq(rig.states, "starting ready stopping stopped");
}
END_TEST

static bool has_two_lines(void *arg)
{
	const char *lines[20];

	(void)arg;
	return deia_bots_last_stderr(rig.bots, "bad", lines, 20) >= 2;
}

static int64_t escaped_pid(void)
{
	const char *lines[20];

	rig_wait(has_two_lines, NULL, "the grandchild's pid");
	ck_assert_uint_eq(deia_bots_last_stderr(rig.bots, "bad", lines, 20), 2);
	ck_assert_str_eq(lines[0], "escaped");
	return atoll(lines[1]);
}

START_TEST(grandchild_in_its_own_session_ends_with_the_bot)
{
	int64_t pid;

	launch_once("BAD escape", 0);
	rig_wait_state("bad", DEIA_BOT_READY);
	pid = escaped_pid();
	ck_assert(rig_pid_alive(pid));
	rig_stop("bad");
	ck_assert(!rig_pid_alive(pid));
}
END_TEST

START_TEST(freeing_the_supervisor_ends_everything_at_once)
{
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;
	int64_t pid, began;

	launch_once("BAD escape", 5);
	rig_launch("good", "GOOD");
	rig_wait_state("bad", DEIA_BOT_READY);
	rig_wait_state("good", DEIA_BOT_READY);
	pid = escaped_pid();
	began = rig_now_ms();
	deia_bots_free(rig.bots);
	ck_assert_int_lt(rig_now_ms() - began, 2000);
	ck_assert(!rig_pid_alive(pid));
	rig_open(&opts);
}
END_TEST

START_TEST(killed_guard_takes_its_bot_along)
{
	struct deia_bot_spec *spec = rig_spec("a", "GOOD");
	int64_t pid;
	char path[64];
	int guard = 0;
	FILE *f;

	spec->max_restarts = 0;
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "a"));
	rig_wait_state("a", DEIA_BOT_READY);
	pid = deia_bots_get(rig.bots, "a")->pid;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	ck_assert_int_eq(fscanf(f, "%*d %*s %*c %d", &guard), 1);
	fclose(f);
	kill(guard, SIGKILL);
	rig_wait_state("a", DEIA_BOT_FAILED);
	ck_reason("a", "its guard was ended from outside");
	/* An orphan of ours now, that is a zombie until we reap it. */
	ck_assert_int_eq(waitpid((pid_t)pid, NULL, 0), pid);
}
END_TEST

START_TEST(closed_standard_input_is_noticed)
{
	launch_once("BAD closed-stdin", 5);
	rig_wait_state("bad", DEIA_BOT_FAILED);
	ck_reason("bad", "closed its standard input");
}
END_TEST

START_TEST(flood_on_stderr_does_not_starve_another_bot)
{
	struct turn t;
	int i;
	char id[16];

	launch_once("BAD flood-stderr", 0);
	rig_launch("good", "GOOD");
	rig_wait_state("good", DEIA_BOT_READY);
	rig_wait_state("bad", DEIA_BOT_READY);
	for (i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		rig_submit(&t, "good", id, "x");
		rig_wait_done(&t);
		ck_assert_int_eq(t.err, DEIA_OK);
	}
	ck_assert_int_eq(rig_state("bad"), DEIA_BOT_READY);
	rig_stop("bad");
}
END_TEST

START_TEST(line_of_100_megabytes_costs_one_fault)
{
	launch_once("BAD long-line", 5);
	rig_wait_state("bad", DEIA_BOT_READY);
	ck_assert_uint_eq(deia_bots_get(rig.bots, "bad")->faults, 1);
	rig_stop("bad");
	ck_reason("bad", "exited with 0");
}
END_TEST

START_TEST(garbage_is_counted_and_logged_escaped)
{
	char *log;

	launch_once("BAD garbage", 5);
	rig_wait_state("bad", DEIA_BOT_FAILED);
	ck_assert_uint_eq(deia_bots_get(rig.bots, "bad")->faults, 10);
	log = rig_log("bad");
	ck_assert_ptr_nonnull(strstr(log, "[stdout] hello, world\n"));
	ck_assert_ptr_nonnull(strstr(log, "\\x1b[31mred\\x1b[0m"));
	ck_assert_ptr_nonnull(strstr(log, "\\xff\\xfe"));
	ck_assert_ptr_nonnull(
		strstr(log, "there is no line of type \"nonsense\""));
	ck_assert_ptr_nonnull(strstr(log, "\"id\" of a chunk line must be a "
					  "string"));
	ck_assert_ptr_nonnull(
		strstr(log, "done for a turn that is not running: nobody"));
	ck_assert_ptr_null(strchr(log, '\x1b'));
	free(log);
}
END_TEST

START_TEST(stray_and_double_answers_are_faults_and_harm_nobody)
{
	struct turn t;

	rig_launch("a", "GOOD");
	rig_submit(&t, "a", "t", "stray");
	rig_wait_done(&t);
	ck_assert_str_eq(t.text, "stray");
	rig_submit(&t, "a", "u", "twice");
	rig_wait_done(&t);
	ck_assert_str_eq(t.text, "first");
	rig_submit(&t, "a", "v", "end");
	rig_wait_done(&t);
	ck_assert_uint_eq(deia_bots_get(rig.bots, "a")->faults, 2);
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_READY);
}
END_TEST

START_TEST(bot_that_does_not_read_is_bounded)
{
	static char big[1000001];
	struct turn t[DEIA_MAX_QUEUE_LEN];
	char id[16];
	int i;
	deia_err err = DEIA_OK;
	char line[4096];

	memset(big, 'z', sizeof(big) - 1);
	memset(line, ' ', sizeof(line));
	launch_once("BAD blind", 0);
	rig_wait_state("bad", DEIA_BOT_READY);
	for (i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		rig_submit(&t[i], "bad", id, big);
	}
	ck_assert_uint_le(deia_bots_get(rig.bots, "bad")->running, 6);
	for (i = 0; i < 10000 && err == DEIA_OK; i++)
		err = deia_bots_send_line(rig.bots, "bad", line, sizeof(line));
	ck_assert_int_eq(err, DEIA_EBUSY);
	rig_stop("bad");
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(t[i].done, 1);
}
END_TEST

START_TEST(stopped_bot_is_stopped_all_the_same)
{
	struct turn t;

	struct deia_bot_spec *spec = rig_spec("bad", "GOOD");

	spec->stop_timeout_seconds = 1;
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "bad"));
	rig_submit(&t, "bad", "t", "stop");
	rig_wait_state("bad", DEIA_BOT_BUSY);
	rig_stop("bad");
	ck_assert_int_eq(t.err, DEIA_ECANCELED);
}
END_TEST

static unsigned n_status;

static void on_status(const struct deia_bot_info *info, deia_bot_state from,
		      void *user)
{
	(void)user;
	if (from == info->state && info->status_text[0] != '\0')
		n_status++;
}

static bool many_lines(void *arg)
{
	(void)arg;
	return deia_bots_get(rig.bots, "bad")->lines_in > 20000;
}

START_TEST(status_flood_is_reported_now_and_then)
{
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;
	int64_t began = rig_now_ms();

	deia_bots_free(rig.bots);
	opts.on_state = on_status;
	rig_open(&opts);
	launch_once("BAD status", 0);
	rig_wait(many_lines, NULL, "many status lines");
	ck_assert_uint_gt(n_status, 0);
	ck_assert_int_le(n_status, 5 + (rig_now_ms() - began) / 50);
}
END_TEST

static TCase *bad(void)
{
	TCase *tc = tcase_create("bad");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_loop_test(tc, bad_child_ends_in_its_state_with_a_reason, 0,
			    sizeof(ends) / sizeof(*ends));
	tcase_add_loop_test(tc, wrong_answers_are_counted_and_harm_nobody, 0,
			    sizeof(answers) / sizeof(*answers));
	tcase_add_test(tc, wrong_working_folder_is_named);
	tcase_add_test(tc, script_without_a_first_line_is_named);
	tcase_add_test(tc, missing_guard_is_named);
	tcase_add_test(tc, bot_that_ignores_shutdown_gets_term);
	tcase_add_test(tc, bot_that_ignores_term_is_killed);
	tcase_add_test(tc, grandchild_in_its_own_session_ends_with_the_bot);
	tcase_add_test(tc, freeing_the_supervisor_ends_everything_at_once);
	tcase_add_test(tc, killed_guard_takes_its_bot_along);
	tcase_add_test(tc, closed_standard_input_is_noticed);
	tcase_add_test(tc, stopped_bot_is_stopped_all_the_same);
	return tc;
}

static TCase *noisy(void)
{
	TCase *tc = tcase_create("noisy");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, flood_on_stderr_does_not_starve_another_bot);
	tcase_add_test(tc, line_of_100_megabytes_costs_one_fault);
	tcase_add_test(tc, garbage_is_counted_and_logged_escaped);
	tcase_add_test(tc, stray_and_double_answers_are_faults_and_harm_nobody);
	tcase_add_test(tc, bot_that_does_not_read_is_bounded);
	tcase_add_test(tc, status_flood_is_reported_now_and_then);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("bad");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, bad());
	suite_add_tcase(s, noisy());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
