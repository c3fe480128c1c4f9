/* SPDX-License-Identifier: MIT */
/* A trial through its C API: options, counts, memory that runs out, nothing
 * left behind. What it finds in bots is tested through `deia bot test`. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <deia/trial.h>

#include "core/mem.h"

static struct {
	char checks[512]; /* "start:ok ready:ok ..." */
	char failed[256]; /* the first failure's detail */
	pid_t pid;
	unsigned n_log;
} seen;

static void on_finding(const struct deia_trial_finding *f, void *user)
{
	size_t len = strlen(seen.checks);

	ck_assert_ptr_eq(user, &seen);
	ck_assert_ptr_nonnull(f->detail);
	ck_assert_ptr_nonnull(f->advice);
	ck_assert_int_ge(f->took_ms, 0);
	snprintf(seen.checks + len, sizeof(seen.checks) - len, "%s:%s ",
		 f->check, deia_trial_verdict_name(f->verdict));
	if (f->verdict == DEIA_TRIAL_FAILED && seen.failed[0] == '\0')
		snprintf(seen.failed, sizeof(seen.failed), "%s", f->detail);
	if (strcmp(f->check, "start") == 0)
		(void)sscanf(f->detail, "it runs, pid %d", &seen.pid);
}

static void on_log(const char *text, size_t len, void *user)
{
	(void)text, (void)len;
	ck_assert_ptr_eq(user, &seen);
	seen.n_log++;
}

static const char *const good[] = { BOT, "--adapter", "echo" };

static struct deia_trial_opts opts_of(const char *const *argv, size_t n)
{
	struct deia_trial_opts opts = DEIA_TRIAL_OPTS_INIT;

	opts.guard_program = GUARD;
	opts.argv = argv;
	opts.n_argv = n;
	opts.timeout_seconds = 5;
	opts.on_finding = on_finding;
	opts.on_log = on_log;
	opts.user = &seen;
	memset(&seen, 0, sizeof(seen));
	return opts;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

START_TEST(good_bot_is_counted_and_nothing_is_left)
{
	struct deia_trial_opts opts = opts_of(good, 3);
	struct deia_trial_result r;
	int fds = count_fds();

	ck_assert_int_eq(deia_trial_run(&opts, &r), DEIA_OK);
	ck_assert_msg(r.failed == 0, "%s: %s", seen.checks, seen.failed);
	ck_assert_uint_eq(r.ok + r.warnings + r.skipped, 18);
	ck_assert_int_eq(count_fds(), fds);
	ck_assert_int_eq(kill(seen.pid, 0), -1);
	ck_assert_int_eq(errno, ESRCH);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(bot_that_stops_itself_is_told_and_ended)
{
	static const char *const argv[] = { "sh", "-c", "kill -STOP $$" };
	struct deia_trial_opts opts = opts_of(argv, 3);
	struct deia_trial_result r;

	opts.timeout_seconds = 1;
	ck_assert_int_eq(deia_trial_run(&opts, &r), DEIA_OK);
	ck_assert_msg(strstr(seen.failed, "stopped by signal 19 (SIGSTOP)"),
		      "%s", seen.failed);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(stderr_is_handed_on)
{
	static const char *const argv[] = { "sh", "-c",
					    "echo one >&2; echo two >&2" };
	struct deia_trial_opts opts = opts_of(argv, 3);
	struct deia_trial_result r;

	ck_assert_int_eq(deia_trial_run(&opts, &r), DEIA_OK);
	ck_assert_uint_eq(seen.n_log, 2);
	ck_assert_str_eq(seen.failed,
			 "no ready line: it exited with 0; it last said: two");
	ck_assert_uint_eq(r.failed, 1);
}
END_TEST

START_TEST(missing_guard_is_a_finding)
{
	struct deia_trial_opts opts = opts_of(good, 3);
	struct deia_trial_result r;

	opts.guard_program = "/nowhere/deia-guard";
	ck_assert_int_eq(deia_trial_run(&opts, &r), DEIA_OK);
	ck_assert_str_eq(seen.checks, "start:failed ");
	ck_assert_ptr_nonnull(strstr(seen.failed, "/nowhere/deia-guard"));
}
END_TEST

static void refused(struct deia_trial_opts opts)
{
	struct deia_trial_result r;

	memset(&r, 0xff, sizeof(r));
	ck_assert_int_eq(deia_trial_run(&opts, &r), DEIA_EINVAL);
	ck_assert_uint_eq(r.ok + r.failed + r.warnings + r.skipped, 0);
	ck_assert_str_eq(seen.checks, "");
}

START_TEST(options_that_make_no_sense_are_refused)
{
	struct deia_trial_opts o;
	struct deia_trial_result r;

	ck_assert_int_eq(deia_trial_run(NULL, &r), DEIA_EINVAL);
#define REFUSED(member, value)                                                 \
	o = opts_of(good, 3);                                                  \
	o.member = value;                                                      \
	refused(o)
	REFUSED(guard_program, NULL);
	REFUSED(argv, NULL);
	REFUSED(n_argv, 0);
	REFUSED(on_finding, NULL);
	REFUSED(timeout_seconds, 0);
	REFUSED(timeout_seconds, 3601);
	REFUSED(config, "[]");
	REFUSED(config, "{\"a\":1,\"a\":2}");
	REFUSED(config, "{\n}");
	REFUSED(size, 8);
}
END_TEST

START_TEST(memory_that_runs_out_ends_it_cleanly)
{
	struct deia_trial_result r;
	unsigned long n;
	deia_err err = DEIA_ENOMEM;
	unsigned failures = 0;

	/* Each allocation of the first part, then samples of the rest. */
	for (n = 1; n < 1200; n += n < 60 ? 1 : 41) {
		struct deia_trial_opts opts = opts_of(good, 3);

		opts.timeout_seconds = 1;
		deia__mem_fail_at(n, false);
		err = deia_trial_run(&opts, &r);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		failures += err == DEIA_ENOMEM;
		ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	}
	ck_assert_uint_gt(failures, 20);
}
END_TEST

START_TEST(verdicts_have_names)
{
	ck_assert_str_eq(deia_trial_verdict_name(DEIA_TRIAL_OK), "ok");
	ck_assert_str_eq(deia_trial_verdict_name(DEIA_TRIAL_SKIPPED),
			 "skipped");
	ck_assert_str_eq(deia_trial_verdict_name((deia_trial_verdict)9),
			 "unknown");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("trial");
	Suite *suite = suite_create("trial");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, good_bot_is_counted_and_nothing_is_left);
	tcase_add_test(tc, bot_that_stops_itself_is_told_and_ended);
	tcase_add_test(tc, stderr_is_handed_on);
	tcase_add_test(tc, missing_guard_is_a_finding);
	tcase_add_test(tc, options_that_make_no_sense_are_refused);
	tcase_add_test(tc, memory_that_runs_out_ends_it_cleanly);
	tcase_add_test(tc, verdicts_have_names);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
