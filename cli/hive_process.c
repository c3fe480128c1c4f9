/* SPDX-License-Identifier: MIT */
/*
 * hive_process.c - the hive of this machine: its directory, and its process.
 *
 * deiad writes DIR/state/run/deiad.json while it runs. A pid alone proves
 * nothing (it may be another program's by now), so the process must hold
 * DIR's lock file open, or be a deiad that began just before the file was
 * written: a hive whose store is elsewhere holds no lock there, though one of
 * its time in a file may be left. The pidfd stands for exactly that process.
 */
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include <deia/config.h>
#include <deia/sys/json.h>

#include "mem.h"

#define MAX_RUN_FILE_BYTES 4096

char *dir_find(const char *dir)
{
	char *found = NULL, *copy;

	if (deia_config_find_dir(&found, dir, false) != DEIA_OK)
		return NULL;
	copy = must_dup(found);
	deia_config_free_text(found);
	return copy;
}

static cJSON *read_run_file(const char *dir)
{
	char *path = must_print("%s/state/run/deiad.json", dir);
	char text[MAX_RUN_FILE_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	int saved = errno;
	cJSON *json = NULL;

	if (fd >= 0)
		close(fd);
	free(path);
	if (n > 0 && deia_json_parse(&json, text, (size_t)n, NULL) != DEIA_OK)
		json = NULL;
	errno = saved;
	return json;
}

/* Does the process hold the lock file? Unknown: /proc does not show it. */
static enum hive_state holds_lock(pid_t pid, const char *dir)
{
	char *lock = must_print("%s/state/run/deiad.lock", dir);
	char *fds = must_print("/proc/%d/fd", (int)pid);
	enum hive_state state = HIVE_NOT_RUNNING;
	struct stat want, st;
	DIR *d = opendir(fds);
	struct dirent *e;

	if (d == NULL && errno == EACCES)
		state = HIVE_UNKNOWN;
	if (d != NULL && stat(lock, &want) == 0) {
		while ((e = readdir(d)) != NULL) {
			if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 &&
			    st.st_dev == want.st_dev &&
			    st.st_ino == want.st_ino)
				state = HIVE_RUNNING;
		}
	}
	if (d != NULL)
		closedir(d);
	free(fds);
	free(lock);
	return state;
}

static bool is_named_deiad(pid_t pid)
{
	char *path = must_print("/proc/%d/comm", (int)pid);
	char name[32] = "";
	FILE *f = fopen(path, "re");

	if (f != NULL && fgets(name, sizeof(name), f) == NULL)
		name[0] = '\0';
	if (f != NULL)
		fclose(f);
	free(path);
	return strcmp(name, "deiad\n") == 0;
}

/* When the process began, in seconds of the wall clock; 0: not known. */
static time_t began(pid_t pid)
{
	char *path = must_print("/proc/%d/stat", (int)pid), text[1024] = "";
	FILE *f = fopen(path, "re");
	unsigned long long ticks = 0;
	struct timespec boot;
	const char *rest;

	if (f != NULL && fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	if (f != NULL)
		fclose(f);
	free(path);
	/* The 22nd field; the 2nd, the name, may hold anything. */
	rest = strrchr(text, ')');
	if (rest == NULL ||
	    sscanf(rest,
		   ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%*s %*s %*s %*s %*s %*s %*s %llu",
		   &ticks) != 1)
		return 0;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return time(NULL) - boot.tv_sec +
	       (time_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

static bool began_with_file(pid_t pid, const char *dir)
{
	char *file = must_print("%s/state/run/deiad.json", dir);
	time_t start = began(pid);
	struct stat st;
	bool fits;

	fits = start != 0 && stat(file, &st) == 0 && st.st_mtime >= start - 2 &&
	       st.st_mtime <= start + 60;
	free(file);
	return fits && is_named_deiad(pid);
}

enum hive_state hive_find(struct hive_process *p, const char *dir)
{
	enum hive_state state = HIVE_NOT_RUNNING;
	cJSON *json = read_run_file(dir);
	const char *url =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, "url"));
	const char *started =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, "started_at"));
	double pid = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "pid"));

	*p = (struct hive_process){ .pidfd = -1 };
	if (json == NULL && errno == EACCES)
		return HIVE_UNKNOWN;
	if (url != NULL && pid >= 2 && pid < 4194305) {
		p->pid = (pid_t)pid;
		p->pidfd = pidfd_open(p->pid, 0);
		if (p->pidfd >= 0)
			state = holds_lock(p->pid, dir);
		if (state == HIVE_UNKNOWN && !is_named_deiad(p->pid))
			state = HIVE_NOT_RUNNING;
		else if (state == HIVE_NOT_RUNNING && p->pidfd >= 0 &&
			 began_with_file(p->pid, dir))
			state = HIVE_RUNNING;
	}
	if (state != HIVE_NOT_RUNNING) {
		p->url = must_dup(url);
		p->started_at = must_dup(started);
	} else {
		hive_process_free(p);
	}
	cJSON_Delete(json);
	return state;
}

void hive_process_free(struct hive_process *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	free(p->url);
	free(p->started_at);
	*p = (struct hive_process){ .pidfd = -1 };
}
