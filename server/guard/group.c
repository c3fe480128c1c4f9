/* SPDX-License-Identifier: MIT */
/*
 * group.c - the bot's cgroups: made before it, removed after it.
 *
 * The folders were chosen by deiad, below its own. Their memory or pids limit
 * is set before the bot is in them. It gets into v2's by clone3, into v1's by
 * writing 0 to "tasks": moving a running process any other way makes the
 * kernel wait for all processors, 30 ms and more. The guard itself stays out,
 * so that it outlives the bot.
 *
 * A folder in which cgroup.kill was used is never used again: newer kernels
 * kill what is cloned into it later.
 */
#include "guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 1100, MAX_DEPTH = 8, ROUNDS = 50, PAUSE_MS = 10 };

static bool file_of(char *out, const char *dir, const char *file)
{
	int n = snprintf(out, PATH_BYTES, "%s/%s", dir, file);

	return n > 0 && n < PATH_BYTES;
}

static bool write_file(const char *dir, const char *file, const char *text)
{
	char path[PATH_BYTES];
	int fd, error = 0;

	if (!file_of(path, dir, file))
		return false;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	errno = error;
	return error == 0;
}

static ssize_t read_file(const char *dir, const char *file, char *out,
			 size_t size)
{
	char path[PATH_BYTES];

	return file_of(path, dir, file) ? slurp(path, out, size) : -1;
}

static bool has_file(const char *dir, const char *file)
{
	char path[PATH_BYTES];

	return file_of(path, dir, file) && access(path, F_OK) == 0;
}

static bool same(const struct group *s, int a, int b)
{
	return s->dir[a] != NULL && s->dir[b] != NULL &&
	       strcmp(s->dir[a], s->dir[b]) == 0;
}

/* Whether an earlier kind is the same folder. */
static bool is_repeated(const struct group *s, int kind)
{
	int i;

	for (i = 0; i < kind; i++)
		if (same(s, i, kind))
			return true;
	return false;
}

/* Set in the child that was made in v2's cgroup. */
static bool born_inside;

/* ---- folders ----------------------------------------------------------------- */

/* With those that the bot may have made below. */
static bool remove_tree(const char *dir, int depth)
{
	char path[PATH_BYTES];
	struct dirent *e;
	DIR *d;

	if (rmdir(dir) == 0 || errno == ENOENT)
		return true;
	if (depth > MAX_DEPTH || (d = opendir(dir)) == NULL)
		return false;
	while ((e = readdir(d)) != NULL)
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 &&
		    file_of(path, dir, e->d_name))
			(void)remove_tree(path, depth + 1);
	closedir(d);
	return rmdir(dir) == 0 || errno == ENOENT;
}

/* Waits a little for processes that are still ending. */
static bool clear(const char *dir)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (remove_tree(dir, 0))
			return true;
		(void)write_file(dir, "cgroup.kill", "1");
		(void)poll(NULL, 0, PAUSE_MS);
	}
	return false;
}

static bool make(const char *dir)
{
	if (mkdir(dir, 0755) == 0)
		return true;
	/* A former guard of this bot was killed. */
	return errno == EEXIST && clear(dir) && mkdir(dir, 0755) == 0;
}

/* ---- limits ------------------------------------------------------------------ */

static bool limit_memory(const char *dir, unsigned mib)
{
	char bytes[32];

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)mib << 20);
	if (!has_file(dir, "memory.max")) {
		if (!write_file(dir, "memory.limit_in_bytes", bytes))
			return false;
		(void)write_file(dir, "memory.memsw.limit_in_bytes", bytes);
		return true;
	}
	if (!write_file(dir, "memory.max", bytes))
		return false;
	(void)write_file(dir, "memory.swap.max", "0");
	(void)write_file(dir, "memory.oom.group", "1");
	return true;
}

static bool limit_pids(struct group *s, const char *dir, unsigned n)
{
	char text[32], path[PATH_BYTES];

	snprintf(text, sizeof(text), "%u", n);
	if (!write_file(dir, "pids.max", text))
		return false;
	if (file_of(path, dir, "pids.events"))
		s->events = open(path, O_RDONLY | O_CLOEXEC);
	s->tells = !has_file(dir, "tasks");
	return true;
}

static bool set_limit(struct guard *g, int kind)
{
	const char *dir = g->group.dir[kind];

	if (kind == GROUP_MEMORY)
		return limit_memory(dir, g->o.memory_max_mib);
	return kind != GROUP_PIDS || limit_pids(&g->group, dir, g->o.processes);
}

void group_make(struct guard *g)
{
	struct group *s = &g->group;
	int i;

	s->events = -1;
	if (g->o.no_cgroup != 0)
		guard_say(g, "refused cgroup %d", g->o.no_cgroup);
	for (i = 0; i < GROUP_KINDS; i++) {
		s->dir[i] = g->o.cgroup[i];
		if (s->dir[i] == NULL)
			continue;
		if (!is_repeated(s, i) && !make(s->dir[i])) {
			guard_say(g, "refused cgroup %d", errno);
			s->dir[i] = NULL;
		} else if (!set_limit(g, i)) {
			guard_say(g, "refused %s %d",
				  i == GROUP_MEMORY ? "memory_max_mib"
						    : "processes",
				  errno);
		}
	}
}

/* ---- joining ------------------------------------------------------------------ */

pid_t group_fork(const struct guard *g)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	const char *dir = g->group.dir[GROUP_KILL];
	pid_t pid = -1;
	int fd;

	if (dir == NULL)
		return fork();
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)fd;
		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		close(fd);
		born_inside = pid == 0;
	}
	/* An older kernel; group_join moves it. */
	return pid >= 0 ? pid : fork();
}

static bool is_in(const char *dir, pid_t pid)
{
	static char text[1 << 16];
	char *save = NULL, *word;

	if (read_file(dir, "cgroup.procs", text, sizeof(text)) <= 0)
		return false;
	for (word = strtok_r(text, "\n", &save); word != NULL;
	     word = strtok_r(NULL, "\n", &save))
		if (atoi(word) == pid)
			return true;
	return false;
}

void group_join(const struct guard *g)
{
	const struct group *s = &g->group;
	int i;

	for (i = 0; i < GROUP_KINDS; i++) {
		if (s->dir[i] == NULL || is_repeated(s, i) ||
		    (i == GROUP_KILL && born_inside))
			continue;
		/* v2 has no "tasks". */
		if (!write_file(s->dir[i], "tasks", "0"))
			(void)write_file(s->dir[i], "cgroup.procs", "0");
	}
}

/* The limit is what was asked for, to the page. */
static bool has_limit(const struct guard *g, int kind)
{
	const char *dir = g->group.dir[kind];
	unsigned long long want = (unsigned long long)g->o.memory_max_mib << 20;
	char text[64];

	if (kind == GROUP_PIDS)
		return read_file(dir, "pids.max", text, sizeof(text)) > 0 &&
		       strtoull(text, NULL, 10) == g->o.processes &&
		       text[0] != 'm';
	if (read_file(dir, "memory.max", text, sizeof(text)) <= 0 &&
	    read_file(dir, "memory.limit_in_bytes", text, sizeof(text)) <= 0)
		return false;
	return text[0] != 'm' && strtoull(text, NULL, 10) <= want;
}

void group_check(struct guard *g)
{
	struct group *s = &g->group;
	int i;

	for (i = 0; i < GROUP_KINDS; i++)
		s->joined[i] = s->dir[i] != NULL && is_in(s->dir[i], g->bot) &&
			       (i == GROUP_KILL || has_limit(g, i));
	if (s->joined[GROUP_MEMORY])
		guard_say(g, "applied memory_max_mib=%u cgroup",
			  g->o.memory_max_mib);
	if (s->joined[GROUP_PIDS])
		guard_say(g, "applied processes=%u cgroup", g->o.processes);
}

/* ---- use and end --------------------------------------------------------------- */

void group_kill(const struct guard *g)
{
	if (g->group.dir[GROUP_KILL] != NULL)
		(void)write_file(g->group.dir[GROUP_KILL], "cgroup.kill", "1");
}

/* A number behind "name " in a file of lines; 0 when there is none. */
static unsigned long counter(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *p = text;

	while (p != NULL && *p != '\0') {
		if (strncmp(p, name, len) == 0 && p[len] == ' ')
			return strtoul(p + len + 1, NULL, 10);
		p = strchr(p, '\n');
		p = p != NULL ? p + 1 : NULL;
	}
	return 0;
}

bool group_pids_passed(const struct guard *g)
{
	char text[256];
	ssize_t n;

	if (g->group.events < 0)
		return false;
	n = pread(g->group.events, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return counter(text, "max") != 0;
}

bool group_memory_passed(const struct guard *g)
{
	const char *dir = g->group.dir[GROUP_MEMORY];
	char text[512];

	if (dir == NULL)
		return false;
	if (read_file(dir, "memory.events", text, sizeof(text)) <= 0 &&
	    read_file(dir, "memory.oom_control", text, sizeof(text)) <= 0)
		return false;
	return counter(text, "oom_kill") != 0;
}

void group_remove(struct guard *g)
{
	struct group *s = &g->group;
	int i;

	if (s->events >= 0)
		close(s->events);
	s->events = -1;
	for (i = 0; i < GROUP_KINDS; i++)
		if (s->dir[i] != NULL && !is_repeated(s, i))
			(void)clear(s->dir[i]);
}
