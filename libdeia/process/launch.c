/* SPDX-License-Identifier: MIT */
/*
 * launch.c - posix_spawn of a guard (never fork: it copies the page tables of
 * a large process), with its pipes and its control socket.
 */
#include "process/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/cgroup.h"
#include "core/mem.h"

#define DEFAULT_OPEN_FILES 1024
#define CGROUP_BYTES 1024

enum { CTL, IN, OUT, ERR, N_PAIRS, FIRST_FREE_FD = 4 };

/* [i][0] is ours, [i][1] the guard's. */
struct pairs {
	int fd[N_PAIRS][2];
};

static void close_side(struct pairs *p, int side)
{
	int i;

	for (i = 0; i < N_PAIRS; i++) {
		if (p->fd[i][side] >= 0)
			close(p->fd[i][side]);
		p->fd[i][side] = -1;
	}
}

/*
 * A host may have closed its standard descriptors; then new ones get the very
 * numbers that are set up for the guard. Those are moved out of the way.
 */
static int move_up(int *fd)
{
	int to;

	if (*fd >= FIRST_FREE_FD)
		return 0;
	to = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (to < 0)
		return errno;
	close(*fd);
	*fd = to;
	return 0;
}

static int open_pair(struct pairs *p, int i)
{
	int fd[2], side, error = 0;
	int r = i == CTL ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				      fd)
			 : pipe2(fd, O_CLOEXEC);

	if (r != 0)
		return errno;
	/* Of a pipe, [0] is the end to read from. */
	p->fd[i][0] = i == IN ? fd[1] : fd[0];
	p->fd[i][1] = i == IN ? fd[0] : fd[1];
	for (side = 0; side < 2 && error == 0; side++)
		error = move_up(&p->fd[i][side]);
	if (error == 0 && fcntl(p->fd[i][0], F_SETFL, O_NONBLOCK) != 0)
		error = errno;
	return error;
}

static int open_pairs(struct pairs *p)
{
	int i, error = 0;

	memset(p, -1, sizeof(*p));
	for (i = 0; i < N_PAIRS && error == 0; i++)
		error = open_pair(p, i);
	if (error != 0) {
		close_side(p, 0);
		close_side(p, 1);
	}
	return error;
}

/* The guard's command line; the bot's part of it is not copied. */
struct command {
	char **argv;
	size_t n;
	char numbers[8][24]; /* texts of its own */
	size_t n_numbers;
	char dirs[DEIA__CGROUP_KINDS][CGROUP_BYTES];
};

/* posix_spawn wants its strings writable, and writes none. */
static void put(struct command *c, const char *s)
{
	memcpy(&c->argv[c->n++], &s, sizeof(s));
}

static void put_number(struct command *c, const char *option, long number)
{
	char *text = c->numbers[c->n_numbers++];

	snprintf(text, sizeof(*c->numbers), "%ld", number);
	put(c, option);
	put(c, text);
}

static void put_limits(struct command *c, const struct deia__limits *l)
{
	put_number(c, "--open-files",
		   l->open_files != 0 ? l->open_files : DEFAULT_OPEN_FILES);
	if (l->file_size_mib != 0)
		put_number(c, "--file-size-mib", l->file_size_mib);
	if (l->processes != 0)
		put_number(c, "--processes", l->processes);
	if (l->memory_mib != 0)
		put_number(c, "--memory-mib", l->memory_mib);
	if (l->memory_max_mib != 0)
		put_number(c, "--memory-max-mib", l->memory_max_mib);
}

static void put_cgroup(struct command *c, const struct deia__launch *what,
		       enum deia__cgroup_kind kind, const char *option)
{
	if (!deia__cgroup_path(what->cgroups, kind, what->id, c->dirs[kind],
			       CGROUP_BYTES))
		return;
	put(c, option);
	put(c, c->dirs[kind]);
}

/* A cgroup for memory or processes is made only for such a limit. */
static void put_cgroups(struct command *c, const struct deia__launch *what)
{
	if (what->id == NULL || what->cgroups == NULL)
		return;
	if (deia__cgroups_error(what->cgroups) != 0) {
		put_number(c, "--no-cgroup",
			   deia__cgroups_error(what->cgroups));
		return;
	}
	put_cgroup(c, what, DEIA__CGROUP_KILL, "--cgroup-kill");
	if (what->limits.memory_max_mib != 0)
		put_cgroup(c, what, DEIA__CGROUP_MEMORY, "--cgroup-memory");
	if (what->limits.processes != 0)
		put_cgroup(c, what, DEIA__CGROUP_PIDS, "--cgroup-pids");
}

/* Fills in c; its argv is to be freed. */
static bool make_command(struct command *c, const struct deia__launch *what)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	c->argv = deia__alloc((what->n_argv + 32) * sizeof(*c->argv));
	if (c->argv == NULL)
		return false;
	put(c, what->guard_program);
	put_number(c, "--parent", getpid());
	put_limits(c, &what->limits);
	put_cgroups(c, what);
	if (what->cwd != NULL) {
		put(c, "--cwd");
		put(c, what->cwd);
	}
	put(c, "--");
	for (i = 0; i < what->n_argv; i++)
		put(c, what->argv[i]);
	return true;
}

static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t all;
	int error;

	/* All signals stay blocked until the guard can deal with them. */
	sigfillset(&all);
	error = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
						       POSIX_SPAWN_SETSIGDEF |
						       POSIX_SPAWN_SETSID);
	if (error == 0)
		error = posix_spawnattr_setsigmask(attr, &all);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attr, &all);
	return error;
}

static int set_files(posix_spawn_file_actions_t *files, struct pairs *p)
{
	static const struct {
		int pair, fd;
	} at[] = { { IN, 0 }, { OUT, 1 }, { ERR, 2 }, { CTL, 3 } };
	size_t i;
	int error = 0;

	for (i = 0; i < sizeof(at) / sizeof(*at) && error == 0; i++)
		error = posix_spawn_file_actions_adddup2(
			files, p->fd[at[i].pair][1], at[i].fd);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(files,
								 FIRST_FREE_FD);
	return error;
}

static int spawn(pid_t *pid, const struct deia__launch *what, char **argv,
		 struct pairs *p)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int error;

	error = posix_spawn_file_actions_init(&files);
	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attr);
	if (error == 0) {
		error = set_attributes(&attr);
		if (error == 0)
			error = set_files(&files, p);
		if (error == 0)
			error = posix_spawn(pid, what->guard_program, &files,
					    &attr, argv, what->env);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return error;
}

int deia__launch(struct deia__launched *l, const struct deia__launch *what)
{
	struct command c;
	struct pairs p;
	int error;

	if (!make_command(&c, what))
		return ENOMEM;
	error = open_pairs(&p);
	if (error == 0) {
		error = spawn(&l->guard, what, c.argv, &p);
		close_side(&p, 1);
		if (error != 0)
			close_side(&p, 0);
	}
	deia__free(c.argv);
	l->ctl = p.fd[CTL][0];
	l->in = p.fd[IN][0];
	l->out = p.fd[OUT][0];
	l->err = p.fd[ERR][0];
	return error;
}
