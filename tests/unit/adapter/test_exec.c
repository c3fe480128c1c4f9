/* SPDX-License-Identifier: MIT */
/*
 * test_exec.c - the exec adapter when memory runs out: no crash, no leak, no
 * process left, an honest end. What it does otherwise is tested from outside
 * (tests/adapter/test_exec*.py). The worker runs in this process, with pipes
 * for stdin and stdout.
 */
#include <deia/sys/adapter.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/sweep.h"
#include "core/mem.h"

#define INIT                                                                   \
	"{\"type\":\"init\",\"bot\":\"b\",\"protocol\":1,\"config\":{"         \
	"\"argv\":[\"/bin/sh\",\"-c\",\"cat; echo out; echo err >&2; "         \
	"echo > new\",\"{model}\",\"{bot}\"],\"work_dir\":\"%s\","             \
	"\"system_prompt\":\"be\",\"options\":{\"history\":\"transcript\","    \
	"\"resume_argv\":[\"/bin/true\"]}}}\n"
#define TASK                                                                   \
	"{\"type\":\"task\",\"id\":\"1\",\"content\":\"hi\","                  \
	"\"history\":[{\"role\":\"user\",\"content\":\"before\"}]}\n"

struct ends {
	int in, out;
	char text[8192];
};

/* Reads all, and closes stdin once the turn has ended. */
static void *read_all(void *arg)
{
	struct ends *e = arg;
	size_t len = 0;
	ssize_t n;

	while ((n = read(e->out, e->text + len, sizeof(e->text) - 1 - len)) >
	       0) {
		len += (size_t)n;
		e->text[len] = '\0';
		if (e->in >= 0 && (strstr(e->text, "\"type\":\"done\"") ||
				   strstr(e->text, "\"type\":\"error\""))) {
			close(e->in);
			e->in = -1;
		}
	}
	return NULL;
}

/* Puts a pipe in the place of a descriptor; returns our end. */
static int put_pipe(int fd, bool we_write)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(ends[we_write ? 0 : 1], fd), fd);
	close(ends[we_write ? 0 : 1]);
	return ends[we_write ? 1 : 0];
}

static deia_err run_exec(struct ends *e, const char *input,
			 unsigned long fail_at)
{
	const struct deia_adapter *a = &deia_adapter_exec;
	int saved_in = dup(STDIN_FILENO), saved_out = dup(STDOUT_FILENO);
	struct deia_worker_ops ops = a->ops;
	pthread_t reader;
	deia_err err = DEIA_ENOMEM;
	void *user;

	e->in = put_pipe(STDIN_FILENO, true);
	e->out = put_pipe(STDOUT_FILENO, false);
	e->text[0] = '\0';
	ck_assert_int_eq(write(e->in, input, strlen(input)),
			 (ssize_t)strlen(input));
	pthread_create(&reader, NULL, read_all, e);
	deia__mem_fail_at(fail_at, false);
	user = a->create();
	if (user) {
		err = deia_worker_run(NULL, &ops, user);
		a->destroy(user);
	}
	deia__mem_fail_at(0, false);
	dup2(saved_in, STDIN_FILENO);
	dup2(saved_out, STDOUT_FILENO); /* the reader sees the end */
	pthread_join(reader, NULL);
	if (e->in >= 0)
		close(e->in);
	close(saved_in);
	close(saved_out);
	close(e->out);
	return err;
}

static char dir[] = "/tmp/deia-exec-XXXXXX";
static char input[2048];

static void setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(input, sizeof(input), INIT TASK, dir);
}

static void teardown(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/new", dir);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(turn_runs_in_a_host_program)
{
	struct ends e;

	ck_assert_int_eq(run_exec(&e, input, 0), DEIA_OK);
	ck_assert_ptr_nonnull(strstr(e.text, "before\\n</message>"));
	ck_assert_ptr_nonnull(strstr(e.text, "out"));
	ck_assert_ptr_nonnull(strstr(e.text, "\"files\":[\"new\"]"));
}
END_TEST

START_TEST(any_failing_allocation_ends_in_order)
{
	struct ends e;
	deia_err err = run_exec(&e, input, (unsigned long)_i + 1);

	ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
	/* Either the bot ended and said so, or the turn did. */
	if (err == DEIA_OK)
		ck_assert(strstr(e.text, "\"type\":\"done\"") ||
			  strstr(e.text, "\"type\":\"error\""));
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(mark_finds_nobody_but_its_own)
{
	char mark[DEIA__MARK_BYTES], other[DEIA__MARK_BYTES];

	deia__mark_make(mark);
	deia__mark_make(other);
	ck_assert_str_ne(mark, other);
	ck_assert_uint_gt(deia__started_at(getpid()), 0);
	ck_assert_uint_eq(deia__started_at(1 << 30), 0);
	ck_assert_uint_eq(deia__sweep(1 << 30, mark, 0, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exec");
	TCase *tc = tcase_create("exec");
	SRunner *runner;

	(void)signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, turn_runs_in_a_host_program);
	tcase_add_loop_test(tc, any_failing_allocation_ends_in_order, 0, 100);
	tcase_add_test(tc, mark_finds_nobody_but_its_own);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
