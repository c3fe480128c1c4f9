/* SPDX-License-Identifier: MIT */
/*
 * test_model.c - random operations against the reference model.
 *
 * On every kind of store, in virtual time; after each step the messenger is
 * what the model says. DEIA_SOAK_MINUTES makes it longer, DEIA_SEED picks the
 * first seed. A failure names its run; to see it again, or to find the few
 * steps that matter:
 *   test-messenger-model --backend sqlite --profile mixed --seed 7 --trace
 *   test-messenger-model --backend sqlite --profile mixed --seed 7 --shrink
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ops.h"

/* As many steps as the usual tests have time for. */
static const unsigned long usual_steps[SIM_KINDS][PROFILES] = {
	[SIM_KEPT] = { 40000, 800, 40000, 2000 },
	[SIM_MEMORY] = { 20000, 400, 20000, 1000 },
	[SIM_SQLITE] = { 6000, 200, 6000, 500 },
	[SIM_SQLITE_FULL] = { 1500, 80, 1500, 150 },
	[SIM_POSTGRES] = { 1500, 80, 1500, 150 },
	[SIM_SHARED] = { 1500, 80, 1500, 150 },
};

static uint64_t first_seed(void)
{
	const char *seed = getenv("DEIA_SEED");

	return seed ? strtoull(seed, NULL, 10) : 1;
}

static time_t soak_seconds(void)
{
	const char *minutes = getenv("DEIA_SOAK_MINUTES");

	return minutes ? (time_t)(atof(minutes) * 60) : 0;
}

/* ---- the usual tests --------------------------------------------------- */

static void run_profile(enum profile profile, enum sim_kind kind)
{
	const char *missing = sim_missing(kind);
	struct run r = { .kind = kind,
			 .profile = profile,
			 .seed = first_seed(),
			 .steps = usual_steps[kind][profile] };
	/* The soak is shared by all kinds and profiles. */
	time_t until = time(NULL) + soak_seconds() / (SIM_KINDS * PROFILES);
	unsigned long n = 0;

	if (missing) {
		printf("# without %s: %s\n", sim_kind_names[kind], missing);
		return;
	}
	do {
		n += run_steps(&r);
		r.seed++;
	} while (time(NULL) < until);
	printf("# %s, %s: %lu operations, seeds %llu..%llu\n",
	       sim_kind_names[kind], profile_names[profile], n,
	       (unsigned long long)first_seed(),
	       (unsigned long long)r.seed - 1);
	fflush(stdout);
}

START_TEST(messenger_does_what_the_model_does)
{
	run_profile(PROFILE_MIXED, (enum sim_kind)_i);
}
END_TEST

START_TEST(inboxes_longer_than_memory_keep_their_order)
{
	run_profile(PROFILE_DEEP, (enum sim_kind)_i);
}
END_TEST

START_TEST(short_leases_and_many_waits_lose_nothing)
{
	run_profile(PROFILE_HASTY, (enum sim_kind)_i);
}
END_TEST

START_TEST(calls_that_overlap_lose_nothing)
{
	run_profile(PROFILE_LOOSE, (enum sim_kind)_i);
}
END_TEST

/* ---- one run, by hand -------------------------------------------------- */

static struct run *by_hand_run;

START_TEST(one_run)
{
	printf("# %lu operations\n", run_steps(by_hand_run));
}
END_TEST

static void run_once(struct run *r)
{
	Suite *s = suite_create("run");
	TCase *tc = tcase_create("run");
	SRunner *runner = srunner_create(s);

	by_hand_run = r;
	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, one_run);
	suite_add_tcase(s, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_set_tap(runner, "/dev/null");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
}

/* The step at which it fails; steps when it does not. */
static unsigned long fails_at(struct run *r, const char **why)
{
	static char text[600];
	unsigned long at = r->steps;
	char *found;
	int fd[2];
	ssize_t n, len = 0;
	pid_t pid;

	if (pipe(fd))
		exit(2);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		run_once(r);
		fflush(stdout);
		_exit(0);
	}
	close(fd[1]);
	/* The last of it is what counts. */
	while ((n = read(fd[0], text + len, sizeof(text) - 1 - (size_t)len)) >
	       0) {
		len += n;
		if (len < (ssize_t)sizeof(text) - 1)
			continue;
		memmove(text, text + 200, (size_t)len - 200);
		len -= 200;
	}
	text[len] = '\0';
	close(fd[0]);
	waitpid(pid, NULL, 0);
	found = strstr(text, ", step ");
	if (found)
		at = strtoul(found + 7, NULL, 10);
	*why = text;
	return at;
}

static bool still_fails(struct run *r, unsigned char *left_out,
			unsigned long from, unsigned long n)
{
	const char *why;
	unsigned long at;

	memset(left_out + from, 1, n);
	at = fails_at(r, &why);
	if (at < r->steps)
		r->steps = at + 1;
	return at < r->steps;
}

/* Leaves out ever smaller stretches of steps, as long as it still fails. */
static int shrink(struct run *r)
{
	unsigned char *left_out = calloc(r->steps + 1, 1), *was;
	unsigned long size, from, n;
	const char *why;

	r->left_out = left_out;
	r->steps = fails_at(r, &why) + 1;
	printf("fails at step %lu\n", r->steps - 1);
	was = malloc(r->steps + 1);
	for (size = r->steps / 2; size > 0; size = size == 1 ? 0 : size / 2) {
		for (from = 0; from + 1 < r->steps; from += size) {
			n = from + size < r->steps ? size : r->steps - 1 - from;
			if (!memchr(left_out + from, 0, n))
				continue;
			memcpy(was, left_out, r->steps);
			if (!still_fails(r, left_out, from, n))
				memcpy(left_out, was, r->steps);
		}
		printf("stretches of %lu: %lu steps\n", size, r->steps);
		fflush(stdout);
	}
	r->trace = true;
	run_once(r);
	return 1;
}

static int find_name(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	fprintf(stderr, "there is no \"%s\"\n", name);
	exit(2);
}

static int by_hand(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "profile", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ "steps", required_argument, NULL, 'n' },
		{ "shrink", no_argument, NULL, 'k' },
		{ "trace", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct run r = { .seed = 1, .steps = 100000 };
	bool smaller = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'b')
			r.kind = (enum sim_kind)find_name(sim_kind_names,
							  SIM_KINDS, optarg);
		else if (c == 'p')
			r.profile = (enum profile)find_name(profile_names,
							    PROFILES, optarg);
		else if (c == 's')
			r.seed = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			r.steps = strtoul(optarg, NULL, 10);
		else if (c == 't')
			r.trace = true;
		else if (c == 'k')
			smaller = true;
		else
			return 2;
	}
	if (smaller)
		return shrink(&r);
	run_once(&r);
	return 0;
}

int main(int argc, char **argv)
{
	SRunner *runner;
	Suite *s;
	TCase *tc;
	int failed;

	if (argc > 1)
		return by_hand(argc, argv);
	s = suite_create("model");
	tc = tcase_create("model");
	runner = srunner_create(s);
	tcase_set_timeout(tc, 0);
	tcase_add_loop_test(tc, messenger_does_what_the_model_does, 0,
			    SIM_KINDS);
	tcase_add_loop_test(tc, inboxes_longer_than_memory_keep_their_order, 0,
			    SIM_KINDS);
	tcase_add_loop_test(tc, short_leases_and_many_waits_lose_nothing, 0,
			    SIM_KINDS);
	tcase_add_loop_test(tc, calls_that_overlap_lose_nothing, 0, SIM_KINDS);
	suite_add_tcase(s, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
