/* SPDX-License-Identifier: MIT */
/*
 * cgroup_dir.c - reads, empties and removes cgroup folders.
 *
 * Everything in a folder of ours was put there by us, or is a descendant. Two
 * cases need care all the same. A process id that is read from a folder may
 * belong to someone else a moment later: a process is opened as pidfd first,
 * and signalled only if it still is in the folder. And a folder left by a
 * process that seems dead may belong to a living one that this process cannot
 * see, in another pid namespace: then its processes are not in ours, and it
 * is left alone.
 */
#include "process/cgroup_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 1024
/* Deepest level that is looked at below a bot's cgroup. */
#define MAX_DEPTH 8
/* Left folders are given this long in all to empty, at the start only. */
#define STALE_ROUNDS 20
#define STALE_PAUSE_MS 10

static bool join(char *out, const char *dir, const char *name)
{
	int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);

	return n > 0 && n < PATH_BYTES;
}

bool deia__cgroup_read(const char *dir, const char *file, char *out,
		       size_t size)
{
	char path[PATH_BYTES];
	size_t len = 0;
	ssize_t n = 0;
	int fd;

	if (file != NULL && !join(path, dir, file))
		return false;
	fd = open(file != NULL ? path : dir, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (len + 1 < size && (n = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	out[len] = '\0';
	return n >= 0 && len + 1 < size;
}

int deia__cgroup_write(const char *dir, const char *file, const char *text)
{
	char path[PATH_BYTES];
	int fd, error = 0;

	if (!join(path, dir, file))
		return ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error;
}

bool deia__cgroup_has(const char *dir, const char *file)
{
	char path[PATH_BYTES];

	return join(path, dir, file) && access(path, F_OK) == 0;
}

/* ---- processes in it ---------------------------------------------------------- */

/* Calls fn for each process; false once fn did or the list cannot be read. */
static bool each_process(const char *dir,
			 bool (*fn)(const char *dir, pid_t pid))
{
	char path[PATH_BYTES];
	bool good = true;
	FILE *f;
	int pid;

	if (!join(path, dir, "cgroup.procs"))
		return false;
	f = fopen(path, "re");
	if (f == NULL)
		return errno == ENOENT;
	while (good && fscanf(f, "%d", &pid) == 1)
		good = fn(dir, pid);
	fclose(f);
	return good;
}

/* Whether a process is in the cgroup that the folder's name says. */
static bool is_in(const char *dir, pid_t pid)
{
	const char *name = strrchr(dir, '/');
	char path[64], text[8192], *line, *save = NULL;
	size_t len, want = strlen(name);

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (!deia__cgroup_read(path, NULL, text, sizeof(text)))
		return false;
	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		len = strlen(line);
		if (len >= want && strcmp(line + len - want, name) == 0)
			return true;
	}
	return false;
}

static bool kill_one(const char *dir, pid_t pid)
{
	int fd = pid > 0 ? pidfd_open(pid, 0) : -1;

	if (fd < 0)
		return true;
	if (is_in(dir, pid))
		(void)pidfd_send_signal(fd, SIGKILL, NULL, 0);
	close(fd);
	return true;
}

static bool in_our_namespace(const char *dir, pid_t pid)
{
	char path[64], own[64], its[64];
	ssize_t a = readlink("/proc/self/ns/pid", own, sizeof(own)), b;

	(void)dir;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	b = readlink(path, its, sizeof(its));
	if (b < 0 && errno == ENOENT)
		return pid > 0; /* it has just ended */
	return a > 0 && a == b && memcmp(own, its, (size_t)a) == 0;
}

/* ---- folders -------------------------------------------------------------------- */

/* fn for each folder below dir and then dir itself; false once fn did. */
static bool each_folder(const char *dir, int depth, bool (*fn)(const char *dir))
{
	char path[PATH_BYTES];
	struct dirent *e;
	bool good = true;
	DIR *d;

	if (depth > MAX_DEPTH)
		return false;
	d = opendir(dir);
	if (d == NULL)
		return errno == ENOENT;
	while (good && (e = readdir(d)) != NULL)
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0)
			good = join(path, dir, e->d_name) &&
			       each_folder(path, depth + 1, fn);
	closedir(d);
	return good && fn(dir);
}

static bool kill_in(const char *dir)
{
	return each_process(dir, kill_one);
}

static bool remove_folder(const char *dir)
{
	return rmdir(dir) == 0 || errno == ENOENT;
}

static bool is_ours(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && st.st_uid == geteuid() &&
	       each_process(dir, in_our_namespace);
}

bool deia__cgroup_clear(const char *dir)
{
	if (each_folder(dir, 0, remove_folder))
		return true;
	if (deia__cgroup_write(dir, "cgroup.kill", "1") != 0)
		(void)!each_folder(dir, 0, kill_in);
	return each_folder(dir, 0, remove_folder);
}

/* ---- what is left over -------------------------------------------------------------- */

/* "deia-PID-TAG-...": whether PID lives no more. */
static bool is_stale(const char *name)
{
	int pid, end = 0;

	if (sscanf(name, "deia-%d-%*8[0-9a-f]-%n", &pid, &end) != 1 ||
	    end == 0 || pid <= 0)
		return false;
	return kill(pid, 0) != 0 && errno == ESRCH;
}

void deia__cgroup_clear_stale(const char *parent)
{
	DIR *d = opendir(parent);
	int rounds = STALE_ROUNDS;
	char path[PATH_BYTES];
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (!is_stale(e->d_name) || !join(path, parent, e->d_name) ||
		    !each_folder(path, 0, is_ours))
			continue;
		while (!deia__cgroup_clear(path) && rounds-- > 0)
			(void)poll(NULL, 0, STALE_PAUSE_MS);
	}
	closedir(d);
}

void deia__cgroup_clear_own(const char *parent, const char *prefix)
{
	size_t len = strlen(prefix);
	char path[PATH_BYTES];
	DIR *d = opendir(parent);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, prefix, len) == 0 &&
		    e->d_name[len] != '.' && join(path, parent, e->d_name))
			(void)!deia__cgroup_clear(path);
	closedir(d);
}
