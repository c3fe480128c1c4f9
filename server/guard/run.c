/* SPDX-License-Identifier: MIT */
/*
 * run.c - the child that becomes the bot: a session of its own, limits, its
 * folder, its program. Limits only ever go down: one that is lower already
 * stays, and what holds then is what is reported.
 */
#include "guard.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

static void __attribute__((noreturn)) give_up(int fd, const char *stage)
{
	struct failure f = { .error = errno };

	strncpy(f.stage, stage, sizeof(f.stage) - 1);
	(void)!write(fd, &f, sizeof(f));
	_exit(127);
}

/* Soft and hard limit; value is counted in units. */
static void set_limit(const struct guard *g, const char *name,
		      __rlimit_resource_t resource, unsigned value, rlim_t unit)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0) {
		guard_say(g, "refused %s %d", name, errno);
		return;
	}
	if (limit.rlim_max > value * unit)
		limit.rlim_max = value * unit;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(resource, &limit) != 0)
		guard_say(g, "refused %s %d", name, errno);
	else
		guard_say(g, "applied %s=%u rlimit", name,
			  (unsigned)(limit.rlim_max / unit));
}

static void set_limits(const struct guard *g)
{
	set_limit(g, "core", RLIMIT_CORE, 0, 1);
	if (g->o.open_files != 0)
		set_limit(g, "open_files", RLIMIT_NOFILE, g->o.open_files, 1);
	if (g->o.file_size_mib != 0)
		set_limit(g, "file_size_mib", RLIMIT_FSIZE, g->o.file_size_mib,
			  1u << 20);
}

/*
 * As execvp, but a file that is no program is an error and not run by a
 * shell. Returns only on failure, with errno set.
 */
static void exec_path(char **argv)
{
	const char *path = getenv("PATH"), *end;
	int error = ENOENT;
	char file[4096];
	size_t len;

	if (strchr(argv[0], '/') != NULL) {
		(void)execve(argv[0], argv, environ);
		return;
	}
	if (path == NULL || *path == '\0')
		path = "/usr/local/bin:/usr/bin:/bin";
	for (;; path = end + 1) {
		end = strchrnul(path, ':');
		len = (size_t)(end - path);
		if (len + strlen(argv[0]) + 2 <= sizeof(file)) {
			snprintf(file, sizeof(file), "%.*s/%s",
				 len != 0 ? (int)len : 1, len != 0 ? path : ".",
				 argv[0]);
			(void)execve(file, argv, environ);
			if (errno != ENOENT && errno != ENOTDIR)
				error = errno;
		}
		if (*end == '\0')
			break;
	}
	errno = error;
}

void run_bot(const struct guard *g, pid_t guard, int report)
{
	sigset_t none;

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != guard)
		_exit(127);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)setpriority(PRIO_PROCESS, 0, g->nice);
	group_join(g);
	set_limits(g);
	if (g->o.cwd != NULL && chdir(g->o.cwd) != 0)
		give_up(report, "cwd");
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	exec_path(g->o.argv);
	give_up(report, "exec");
}
