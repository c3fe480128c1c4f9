/* SPDX-License-Identifier: MIT */
/*
 * launch.c - posix_spawn of a guard (never fork: it copies the page tables of
 * a large process), with its pipes and its control socket.
 */
#include "bot/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mem.h"

/* A bot's limits until they can be configured. */
#define NOFILE_LIMIT "nofile=1024"
#define CORE_LIMIT "core=0"

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

/* posix_spawn wants its strings writable, and writes none. */
static void put(char **argv, size_t *n, const char *s)
{
	memcpy(&argv[(*n)++], &s, sizeof(s));
}

/* The guard's command line; its strings are not copied. */
static char **guard_argv(const struct deia__launch *what, const char *parent)
{
	char **argv = deia__alloc((what->n_argv + 11) * sizeof(*argv));
	size_t i, n = 0;

	if (argv == NULL)
		return NULL;
	put(argv, &n, what->guard_program);
	put(argv, &n, "--parent");
	put(argv, &n, parent);
	put(argv, &n, "--limit");
	put(argv, &n, NOFILE_LIMIT);
	put(argv, &n, "--limit");
	put(argv, &n, CORE_LIMIT);
	if (what->cwd != NULL) {
		put(argv, &n, "--cwd");
		put(argv, &n, what->cwd);
	}
	put(argv, &n, "--");
	for (i = 0; i < what->n_argv; i++)
		put(argv, &n, what->argv[i]);
	return argv;
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
	char parent[24];
	struct pairs p;
	char **argv;
	int error;

	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	argv = guard_argv(what, parent);
	if (argv == NULL)
		return ENOMEM;
	error = open_pairs(&p);
	if (error == 0) {
		error = spawn(&l->guard, what, argv, &p);
		close_side(&p, 1);
		if (error != 0)
			close_side(&p, 0);
	}
	deia__free(argv);
	l->ctl = p.fd[CTL][0];
	l->in = p.fd[IN][0];
	l->out = p.fd[OUT][0];
	l->err = p.fd[ERR][0];
	return error;
}
