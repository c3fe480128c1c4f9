/* SPDX-License-Identifier: MIT */
/*
 * Guards with real children, below the level of bots: limits and how they
 * hold, reports, and misbehaviour of one kind each. Afterwards no process, no
 * descriptor and no cgroup is left (run_ended() and the rig's teardown look), and
 * a neighbour has been answered all the while.
 */
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process/cgroup.h"
#include "bot/priv.h"

/* ---- limits ------------------------------------------------------------------ */

START_TEST(limits_hold_and_are_reported)
{
	struct deia__limits l = { .open_files = 100, .file_size_mib = 3 };
	struct run r;
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/limits", rig.dir);
	f = fopen(path, "w");
	fputs("#!/bin/sh\nulimit -n; ulimit -f; ulimit -c; ulimit -Hn\n", f);
	fclose(f);
	ck_assert_int_eq(chmod(path, 0700), 0);
	run_start(&r, "a", path, &l);
	run_ended(&r, path);
	ck_assert_str_eq(r.out, "100|6144|0|100|"); /* blocks of 512 */
	ck_assert_str_eq(r.told, "core=0 rlimit|open_files=100 rlimit|"
				 "file_size_mib=3 rlimit|");
	ck_assert_int_eq(r.end.code, 0);
}
END_TEST

START_TEST(limit_above_the_hard_one_is_reported_as_what_it_is)
{
	struct deia__limits l = { .open_files = UINT_MAX };
	struct rlimit have;
	char want[64];
	struct run r;

	getrlimit(RLIMIT_NOFILE, &have);
	if (have.rlim_max > UINT_MAX)
		return;
	snprintf(want, sizeof(want), "open_files=%u rlimit|",
		 (unsigned)have.rlim_max);
	run_start(&r, "a", "/bin/true", &l);
	run_ended(&r, "true");
	ck_assert_ptr_nonnull(strstr(r.told, want));
}
END_TEST

START_TEST(processes_limit_says_how_it_holds)
{
	struct deia__limits l = { .processes = 50 };
	struct run r;

	run_without_cgroups(_i == 1);
	run_start(&r, "a", "ignore_term", &l);
	rig_wait(run_has_line, &r, "its word");
	ck_assert_ptr_nonnull(strstr(r.told, run_has_cgroup(DEIA__CGROUP_PIDS)
						     ? "processes=50 cgroup|"
						     : "processes=50 watch|"));
	deia__proc_kill(r.proc);
	run_ended(&r, "ignore_term");
	ck_assert_str_eq(r.end.limit, "");
}
END_TEST

static const char *const bombs[] = { "fork_bomb plain", "fork_bomb session" };

START_TEST(fork_bomb_is_ended_at_its_limit)
{
	struct deia__limits l = { .processes = 64 };
	int64_t began;
	struct run r;

	run_without_cgroups(_i >= 2);
	run_launch_neighbour();
	began = rig_now_ms();
	run_start(&r, "bomb", bombs[_i % 2], &l);
	rig_wait(run_has_started, &r, "its start");
	while (!r.ended)
		run_neighbour_answers();
	run_ended(&r, "fork_bomb");
	ck_assert_int_lt(rig_now_ms() - began, 10000);
	ck_assert_str_eq(r.end.limit, "processes");
	ck_assert_uint_eq(r.end.limit_value, 64);
	run_neighbour_answers();
}
END_TEST

START_TEST(memory_eater_is_ended_at_its_limit)
{
	struct deia__limits l = { .memory_max_mib = 64 };
	struct run r;

	run_without_cgroups(_i == 1);
	run_launch_neighbour();
	run_start(&r, "eater", "eat_memory 900", &l);
	run_ended(&r, "eat_memory");
	ck_assert_ptr_nonnull(
		strstr(r.told, run_has_cgroup(DEIA__CGROUP_MEMORY)
				       ? "memory_max_mib=64 cgroup|"
				       : "memory_max_mib=64 watch|"));
	ck_assert_str_eq(r.end.limit, "memory_max_mib");
	ck_assert_uint_eq(r.end.limit_value, 64);
	ck_assert_int_eq(r.end.signal, SIGKILL);
	run_neighbour_answers();
}
END_TEST

static bool has_usage(void *arg)
{
	return ((struct run *)arg)->n_usage > 1;
}

START_TEST(use_of_memory_is_reported_when_asked_for)
{
	struct deia__limits l = { .memory_mib = 4000 };
	struct run r;

	run_start(&r, "a", "eat_memory 64", &l);
	rig_wait(has_usage, &r, "two reports of its use");
	ck_assert_ptr_nonnull(strstr(r.told, "memory_mib=4000 watch|"));
	ck_assert_int_ge(r.bytes, 64 << 20);
	ck_assert_int_lt(r.bytes, 80 << 20);
	ck_assert_uint_eq(r.tasks, 1);
	deia__proc_kill(r.proc);
	run_ended(&r, "eat_memory");
}
END_TEST

START_TEST(shared_memory_counts_once)
{
	struct deia__limits l = { .memory_mib = 128, .memory_max_mib = 160 };
	struct run r;

	run_without_cgroups(true);
	run_start(&r, "a", "eat_memory 64 5", &l);
	rig_wait(has_usage, &r, "two reports of its use");
	ck_assert_int_ge(r.bytes, 64 << 20);
	ck_assert_int_lt(r.bytes, 100 << 20);
	ck_assert_uint_eq(r.tasks, 6);
	ck_assert_str_eq(r.end.limit, "");
	deia__proc_kill(r.proc);
	run_ended(&r, "eat_memory");
}
END_TEST

START_TEST(lack_of_cgroups_is_said)
{
	static const char root[] = "/nonexistent";
	struct deia__cgroups_opts o = { .root = root };
	struct deia__limits l = { .processes = 50 };
	struct run r;

	run_without_cgroups(true);
	ok(deia__cgroups_new(&rig.bots->env.cgroups, &o));
	run_start(&r, "a", "/bin/cat", &l);
	rig_wait(run_has_started, &r, "its start");
	ck_assert_ptr_nonnull(strstr(r.told, "refused cgroup 2|"));
	ck_assert_ptr_nonnull(strstr(r.told, "processes=50 watch|"));
	deia__proc_finish_input(r.proc);
	run_ended(&r, "cat");
}
END_TEST

/* ---- misbehaviour -------------------------------------------------------------- */

START_TEST(stop_and_continue_are_reported)
{
	struct run r;
	int i;

	run_start(&r, "a", "stop_itself", NULL);
	for (i = 1; i <= 2; i++) {
		while (r.n_stopped < i)
			event_base_loop(rig.base, EVLOOP_ONCE);
		ck_assert_int_eq(r.stopped_by, SIGSTOP);
		kill((pid_t)r.pid, SIGCONT);
		while (r.n_continued < i)
			event_base_loop(rig.base, EVLOOP_ONCE);
		ok(deia__proc_write(r.proc, "again", 5));
	}
	ck_assert_str_eq(r.out, "went on|");
	deia__proc_kill(r.proc);
	run_ended(&r, "stop_itself");
}
END_TEST

START_TEST(stopped_child_ends_on_term)
{
	struct run r;

	run_start(&r, "a", "stop_itself", NULL);
	while (r.n_stopped == 0)
		event_base_loop(rig.base, EVLOOP_ONCE);
	deia__proc_term(r.proc);
	run_ended(&r, "stop_itself");
	ck_assert_int_eq(r.end.signal, SIGTERM);
}
END_TEST

START_TEST(child_that_ignores_everything_is_killed)
{
	struct run r;

	run_start(&r, "a", "ignore_term", NULL);
	rig_wait(run_has_line, &r, "its word");
	deia__proc_term(r.proc);
	deia__proc_kill(r.proc);
	run_ended(&r, "ignore_term");
	ck_assert_int_eq(r.end.signal, SIGKILL);
}
END_TEST

START_TEST(orphan_in_its_own_session_ends_with_the_bot)
{
	struct run r;

	run_without_cgroups(_i == 1);
	run_start(&r, "a", "double_fork", NULL);
	run_ended(&r, "double_fork");
	ck_assert_uint_eq(r.n_lines, 1);
	ck_assert_int_eq(r.end.code, 0);
}
END_TEST

static const char *const floods[] = { "flood stdout 1024",
				      "flood stderr 1024" };

static long resident_mib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	ck_assert_int_eq(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages >> 8;
}

START_TEST(gigabyte_of_garbage_costs_no_memory)
{
	long before __attribute__((unused));
	struct run r;

	run_launch_neighbour();
	before = resident_mib();
	run_start(&r, "a", floods[_i], NULL);
	while (!r.ended)
		run_neighbour_answers();
	run_ended(&r, "flood");
	ck_assert_int_eq(r.end.code, 0);
	/* Of each MiB, and the last, which has no end. */
	ck_assert_uint_eq(r.n_lines, 1024 * ((1ul << 20) / 100) + 1);
	/* A sanitizer keeps what was freed for a while. */
#ifndef __SANITIZE_ADDRESS__
	ck_assert_int_lt(resident_mib() - before, 10);
#endif
}
END_TEST

START_TEST(closed_output_is_noticed)
{
	struct run r;

	run_start(&r, "a", "close_stdout", NULL);
	run_ended(&r, "close_stdout");
	ck_assert_str_eq(r.broken, "closed its standard output");
}
END_TEST

/* ---- the guard itself ------------------------------------------------------------ */

static pid_t parent_of(int64_t pid)
{
	char path[64];
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	ck_assert_int_eq(fscanf(f, "%*d %*s %*c %d", &parent), 1);
	fclose(f);
	return parent;
}

/* What a killed guard leaves becomes ours: how many of it were killed. */
static int reap_killed(void)
{
	int status, n = 0;

	while (waitpid(-1, &status, 0) > 0)
		n += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	return n;
}

START_TEST(killed_guard_leaves_no_grandchild_where_there_are_cgroups)
{
	struct run r;

	if (!run_has_cgroup(DEIA__CGROUP_KILL) &&
	    !run_has_cgroup(DEIA__CGROUP_PIDS))
		return;
	run_start(&r, "a", "double_fork stay",
		  &(struct deia__limits){ .processes = 50 });
	rig_wait(run_has_line, &r, "the grandchild's pid");
	kill(parent_of(r.pid), SIGKILL);
	rig_wait(run_has_ended, &r, "its end");
	ck_assert(r.end.lost);
	ck_assert_int_eq(reap_killed(), 2);
	run_ended(&r, "double_fork");
}
END_TEST

START_TEST(stopped_guard_is_woken_to_kill)
{
	struct run r;

	run_start(&r, "a", "ignore_term", NULL);
	rig_wait(run_has_line, &r, "its word");
	kill(parent_of(r.pid), SIGSTOP);
	deia__proc_kill(r.proc);
	run_ended(&r, "ignore_term");
	ck_assert(!r.end.lost);
}
END_TEST

START_TEST(leftover_cgroup_of_a_former_run_is_replaced)
{
	struct run r;
	char dir[1024];

	if (!run_has_cgroup(DEIA__CGROUP_KILL))
		return;
	ck_assert(deia__cgroup_path(rig.bots->env.cgroups, DEIA__CGROUP_KILL,
				    "a", dir, sizeof(dir)));
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	strcat(dir, "/below");
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	run_start(&r, "a", "/bin/true", NULL);
	run_ended(&r, "true");
	ck_assert_int_eq(r.end.code, 0);
	ck_assert_ptr_null(strstr(r.told, "refused"));
}
END_TEST

START_TEST(idle_guard_never_wakes)
{
	struct run r;
	char path[64], line[128];
	long first = -1, now = -1;
	pid_t guard;
	int i;

	run_start(&r, "a", "ignore_term", NULL);
	rig_wait(run_has_line, &r, "its word");
	guard = parent_of(r.pid);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)guard);
	run_launch_neighbour(); /* so that time passes */
	for (i = 0; i < 200; i++) {
		FILE *f = fopen(path, "r");

		while (fgets(line, sizeof(line), f) != NULL)
			(void)sscanf(line, "voluntary_ctxt_switches: %ld",
				     &now);
		fclose(f);
		if (first < 0)
			first = now;
		run_neighbour_answers();
	}
	ck_assert_int_eq(now, first);
	deia__proc_kill(r.proc);
	run_ended(&r, "ignore_term");
}
END_TEST

static TCase *limits(void)
{
	TCase *tc = tcase_create("limits");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, limits_hold_and_are_reported);
	tcase_add_test(tc, limit_above_the_hard_one_is_reported_as_what_it_is);
	tcase_add_loop_test(tc, processes_limit_says_how_it_holds, 0, 2);
	tcase_add_loop_test(tc, fork_bomb_is_ended_at_its_limit, 0, 4);
	tcase_add_loop_test(tc, memory_eater_is_ended_at_its_limit, 0, 2);
	tcase_add_test(tc, use_of_memory_is_reported_when_asked_for);
	tcase_add_test(tc, shared_memory_counts_once);
	tcase_add_test(tc, lack_of_cgroups_is_said);
	return tc;
}

static TCase *misbehaviour(void)
{
	TCase *tc = tcase_create("misbehaviour");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, stop_and_continue_are_reported);
	tcase_add_test(tc, stopped_child_ends_on_term);
	tcase_add_test(tc, child_that_ignores_everything_is_killed);
	tcase_add_loop_test(tc, orphan_in_its_own_session_ends_with_the_bot, 0,
			    2);
	tcase_add_loop_test(tc, gigabyte_of_garbage_costs_no_memory, 0, 2);
	tcase_add_test(tc, closed_output_is_noticed);
	return tc;
}

static TCase *guards(void)
{
	TCase *tc = tcase_create("guards");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(
		tc, killed_guard_leaves_no_grandchild_where_there_are_cgroups);
	tcase_add_test(tc, stopped_guard_is_woken_to_kill);
	tcase_add_test(tc, leftover_cgroup_of_a_former_run_is_replaced);
	tcase_add_test(tc, idle_guard_never_wakes);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("guard");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, limits());
	suite_add_tcase(s, misbehaviour());
	suite_add_tcase(s, guards());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
