/* SPDX-License-Identifier: MIT */
/*
 * Where bots' cgroups are made, on made-up machines below a folder of the
 * test; and that nothing but what is ours is ever cleared, on this machine's
 * own cgroups where it has some that can be written.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/cgroup.h"
#include "process/cgroup_dir.h"

#define ok(expr) ck_assert_int_eq((expr), DEIA_OK)

static char root[64];
static struct deia__cgroups *groups;

static void setup(void)
{
	groups = NULL;
	snprintf(root, sizeof(root), "/tmp/deia-cgroup-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void teardown(void)
{
	char command[128];

	deia__cgroups_free(groups);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

/* Makes a file of the machine, and its folders. */
static void put(const char *path, const char *text)
{
	char command[512], full[300];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s')\"",
		 full);
	ck_assert_int_eq(system(command), 0);
	f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void look(void)
{
	struct deia__cgroups_opts o = { .root = root, .may_move = true };

	ok(deia__cgroups_new(&groups, &o));
}

/* want NULL: there is none. */
static void ck_place(enum deia__cgroup_kind kind, const char *want)
{
	char dir[1024] = "", full[400];
	bool have = deia__cgroup_path(groups, kind, "BOT-1", dir, sizeof(dir));

	ck_assert_msg(have == (want != NULL), "kind %d: \"%s\"", kind, dir);
	if (want == NULL)
		return;
	snprintf(full, sizeof(full), "%s%s/deia-%d-", root, want,
		 (int)getpid());
	ck_assert_msg(strncmp(dir, full, strlen(full)) == 0, "%s is not in %s",
		      dir, full);
	ck_assert_str_eq(dir + strlen(full) + 8, "-BOT-1");
}

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
#define G "/sys/fs/cgroup/system.slice/deia.service"

static void v2_machine(const char *procs, const char *subtree)
{
	put("/proc/self/mountinfo",
	    "22 1 8:1 / / rw - ext4 /dev/sda rw\n" V2_MOUNT);
	put("/proc/self/cgroup", "0::/system.slice/deia.service\n");
	put(G "/cgroup.procs", procs);
	put(G "/cgroup.type", "domain\n");
	put(G "/cgroup.controllers", "cpu memory pids\n");
	put(G "/cgroup.subtree_control", subtree);
}

START_TEST(v2_with_controllers_is_one_place_for_all)
{
	v2_machine("1\n", "memory pids\n");
	look();
	ck_place(DEIA__CGROUP_KILL, G);
	ck_place(DEIA__CGROUP_MEMORY, G);
	ck_place(DEIA__CGROUP_PIDS, G);
	ck_assert_int_eq(deia__cgroups_error(groups), 0);
	ck_assert_str_eq(deia__cgroups_text(groups),
			 "cgroups for bots: kill memory pids");
}
END_TEST

START_TEST(v2_with_some_controllers_uses_those)
{
	v2_machine("1\n", "cpu pids\n");
	look();
	ck_place(DEIA__CGROUP_KILL, G);
	ck_place(DEIA__CGROUP_MEMORY, NULL);
	ck_place(DEIA__CGROUP_PIDS, G);
}
END_TEST

static int count_folders(const char *path)
{
	char command[256];
	int n = -1;
	FILE *f;

	snprintf(command, sizeof(command),
		 "find %s%s -mindepth 1 -type d | wc -l", root, path);
	f = popen(command, "r");
	ck_assert_int_eq(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

START_TEST(cgroup_shared_with_others_is_left_as_it_is)
{
	char procs[64], text[256];

	snprintf(procs, sizeof(procs), "1\n%d\n", (int)getpid());
	v2_machine(procs, "");
	look();
	ck_place(DEIA__CGROUP_KILL, G);
	ck_place(DEIA__CGROUP_MEMORY, NULL);
	ck_assert_int_eq(count_folders(G), 0);
	snprintf(text, sizeof(text), "%s" G, root);
	ck_assert(deia__cgroup_read(text, "cgroup.subtree_control", procs,
				    sizeof(procs)));
	ck_assert_str_eq(procs, "");
}
END_TEST

START_TEST(move_that_fails_leaves_nothing)
{
	char procs[64];

	/* These are plain files: what is written moves nobody. */
	snprintf(procs, sizeof(procs), "%d\n", (int)getpid());
	v2_machine(procs, "");
	look();
	ck_place(DEIA__CGROUP_KILL, G);
	ck_place(DEIA__CGROUP_PIDS, NULL);
	ck_assert_int_eq(count_folders(G), 0);
}
END_TEST

START_TEST(v1_hierarchies_beside_v2_are_used)
{
	put("/proc/self/mountinfo",
	    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:5 - cgroup "
	    "cgroup rw,memory\n"
	    "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
	    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup "
	    "rw,name=systemd\n"
	    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	put("/proc/self/cgroup", "9:name=systemd:/pids\n8:pids:/\n"
				 "4:cpu,memory:/a/b\n0::/u\n");
	put("/sys/fs/cgroup/memory/a/b/tasks", "");
	put("/sys/fs/cgroup/pids/tasks", "");
	put("/sys/fs/cgroup/unified/u/cgroup.procs", "");
	put("/sys/fs/cgroup/unified/u/cgroup.controllers", "\n");
	look();
	ck_place(DEIA__CGROUP_KILL, "/sys/fs/cgroup/unified/u");
	ck_place(DEIA__CGROUP_MEMORY, "/sys/fs/cgroup/memory/a/b");
	ck_place(DEIA__CGROUP_PIDS, "/sys/fs/cgroup/pids");
}
END_TEST

START_TEST(part_of_a_hierarchy_and_escaped_names_are_understood)
{
	put("/proc/self/mountinfo",
	    "29 23 0:25 /other /mnt/other rw - cgroup2 cgroup2 rw\n"
	    "30 23 0:26 /docker/abc /my\\040cgroups rw - cgroup2 cgroup2 "
	    "rw\n");
	put("/proc/self/cgroup", "0::/docker/abc/x\n");
	put("/my cgroups/x/cgroup.procs", "");
	look();
	ck_place(DEIA__CGROUP_KILL, "/my cgroups/x");
}
END_TEST

static const struct {
	const char *mountinfo, *cgroup;
} none[] = {
	{ V2_MOUNT, "0::/../outside\n" },
	{ V2_MOUNT, "0::/does/not/exist\n" },
	{ V2_MOUNT, "" },
	{ V2_MOUNT, "nonsense\n::\n:\n" },
	{ "", "0::/\n" },
	{ "nonsense\n - \n1 - cgroup2\n - cgroup2 x y\n", "0::/\n" },
	{ "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
	  "0::/docker/abcdef\n" },
};

START_TEST(what_cannot_be_seen_is_not_used)
{
	put("/proc/self/mountinfo", none[_i].mountinfo);
	put("/proc/self/cgroup", none[_i].cgroup);
	put("/sys/fs/cgroup/cgroup.procs", "");
	put("/sys/fs/cgroup/def/cgroup.procs", "");
	look();
	ck_place(DEIA__CGROUP_KILL, NULL);
	ck_place(DEIA__CGROUP_PIDS, NULL);
	ck_assert_int_eq(deia__cgroups_error(groups), ENOENT);
	ck_assert_ptr_nonnull(strstr(deia__cgroups_text(groups),
				     "no cgroups for bots: No such file or "
				     "directory"));
}
END_TEST

START_TEST(superuser_leaves_what_systemd_did_not_hand_over)
{
	if (geteuid() != 0)
		return;
	v2_machine("1\n", "memory pids\n");
	put("/run/systemd/system/x", "");
	look();
	ck_place(DEIA__CGROUP_KILL, NULL);
	ck_assert_int_eq(deia__cgroups_error(groups), EPERM);
	ck_assert_ptr_nonnull(
		strstr(deia__cgroups_text(groups), "Delegate=yes"));
}
END_TEST

/* ---- what is ours ------------------------------------------------------------- */

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

/* The number of a process that has just ended. */
static pid_t dead_pid(void)
{
	pid_t pid = sleeper();

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return pid;
}

static bool lives(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

START_TEST(process_that_is_not_in_the_cgroup_is_not_killed)
{
	char procs[32], dir[128];
	pid_t stranger = sleeper();

	/* A list that is out of date: the number is someone else's by now. */
	snprintf(procs, sizeof(procs), "%d\n0\n", (int)stranger);
	put("/sys/fs/cgroup/deia-1-00000000-x/cgroup.procs", procs);
	snprintf(dir, sizeof(dir), "%s/sys/fs/cgroup/deia-1-00000000-x", root);
	ck_assert(!deia__cgroup_clear(dir));
	ck_assert(lives(stranger));
	end(stranger);
}
END_TEST

/* The folder in which this machine's cgroups are made, in a kind; "": none. */
static const char *real_parent(enum deia__cgroup_kind kind)
{
	static char dir[1024];
	struct deia__cgroups_opts o = { 0 };

	if (groups == NULL)
		ok(deia__cgroups_new(&groups, &o));
	if (!deia__cgroup_path(groups, kind, "x", dir, sizeof(dir)))
		return "";
	*strrchr(dir, '/') = '\0';
	return dir;
}

static bool make(char *out, size_t size, const char *parent, const char *name,
		 pid_t inside)
{
	char text[24];

	snprintf(out, size, "%s/%s", parent, name);
	snprintf(text, sizeof(text), "%d", (int)inside);
	return mkdir(out, 0755) == 0 &&
	       (inside == 0 ||
		deia__cgroup_write(out, "cgroup.procs", text) == 0);
}

static const enum deia__cgroup_kind real_kinds[] = { DEIA__CGROUP_KILL,
						     DEIA__CGROUP_PIDS };

START_TEST(leftovers_of_the_dead_are_cleared)
{
	const char *parent = real_parent(real_kinds[_i]);
	char name[64], dir[1100], below[1200];
	pid_t left;

	if (*parent == '\0')
		return;
	left = sleeper();
	snprintf(name, sizeof(name), "deia-%d-0a1b2c3d-BOT", (int)dead_pid());
	ck_assert(make(dir, sizeof(dir), parent, name, 0));
	ck_assert(make(below, sizeof(below), dir, "below", left));
	deia__cgroup_clear_stale(parent);
	ck_assert_int_eq(waitpid(left, NULL, 0), left);
	deia__cgroup_clear_stale(parent);
	ck_assert_int_ne(access(dir, F_OK), 0);
}
END_TEST

START_TEST(cgroups_of_the_living_and_of_others_are_left_alone)
{
	const char *parent = real_parent(real_kinds[_i]);
	char name[5][64], dir[5][1100];
	pid_t left, owner;
	int i;

	if (*parent == '\0')
		return;
	left = sleeper();
	owner = sleeper();
	snprintf(name[0], 64, "deia-%d-0a1b2c3d-BOT", (int)owner);
	snprintf(name[1], 64, "deia-%d-BOT", (int)dead_pid());
	snprintf(name[2], 64, "deia-test%d-00000000-x", (int)getpid());
	snprintf(name[3], 64, "xdeia-%d-00000000-x", (int)dead_pid());
	snprintf(name[4], 64, "deia--%d-00000000-x", (int)getpid());
	for (i = 0; i < 5; i++)
		ck_assert(make(dir[i], sizeof(dir[i]), parent, name[i],
			       i == 0 ? left : 0));
	deia__cgroup_clear_stale(parent);
	ck_assert(lives(left));
	end(left);
	end(owner);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(rmdir(dir[i]), 0);
}
END_TEST

START_TEST(own_cgroups_are_swept)
{
	char dir[1024], text[24];
	pid_t left;
	int rounds = 0;

	if (*real_parent(real_kinds[_i]) == '\0')
		return;
	left = sleeper();
	ck_assert(deia__cgroup_path(groups, real_kinds[_i], "b", dir,
				    sizeof(dir)));
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	snprintf(text, sizeof(text), "%d", (int)left);
	ck_assert_int_eq(deia__cgroup_write(dir, "cgroup.procs", text), 0);
	if (!deia__cgroup_sweep(groups, "b")) {
		ck_assert_int_eq(waitpid(left, NULL, 0), left);
		while (!deia__cgroup_sweep(groups, "b"))
			ck_assert_int_lt(rounds++, 1000);
	} else {
		ck_assert_int_eq(waitpid(left, NULL, 0), left);
	}
	ck_assert_int_ne(access(dir, F_OK), 0);
}
END_TEST

static TCase *places(void)
{
	TCase *tc = tcase_create("places");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, v2_with_controllers_is_one_place_for_all);
	tcase_add_test(tc, v2_with_some_controllers_uses_those);
	tcase_add_test(tc, cgroup_shared_with_others_is_left_as_it_is);
	tcase_add_test(tc, move_that_fails_leaves_nothing);
	tcase_add_test(tc, v1_hierarchies_beside_v2_are_used);
	tcase_add_test(tc,
		       part_of_a_hierarchy_and_escaped_names_are_understood);
	tcase_add_loop_test(tc, what_cannot_be_seen_is_not_used, 0,
			    sizeof(none) / sizeof(*none));
	tcase_add_test(tc, superuser_leaves_what_systemd_did_not_hand_over);
	return tc;
}

static TCase *ours(void)
{
	TCase *tc = tcase_create("ours");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, process_that_is_not_in_the_cgroup_is_not_killed);
	tcase_add_loop_test(tc, leftovers_of_the_dead_are_cleared, 0, 2);
	tcase_add_loop_test(
		tc, cgroups_of_the_living_and_of_others_are_left_alone, 0, 2);
	tcase_add_loop_test(tc, own_cgroups_are_swept, 0, 2);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("cgroup");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, places());
	suite_add_tcase(s, ours());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
