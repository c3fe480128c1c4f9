/* SPDX-License-Identifier: MIT */
/*
 * child.c - one run of a program, from posix_spawn to the last of its
 * descendants.
 *
 * Order of the end: the program exits (seen through its pidfd, but it is not
 * reaped yet: as a zombie it keeps its pid, and so its group's number, from
 * being used anew); what it left behind gets SIGTERM, then SIGKILL; what is
 * still in the pipes is read; it is reaped; on_end. Somebody outside may hold
 * a pipe open for ever, so once nothing of the run is left the end of file is
 * only waited for shortly.
 */
#include "exec/child.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/sweep.h"
#include "core/mem.h"

#define READ_BYTES (64u << 10)
#define TERM_AFTER_MS 2000
#define KILL_AFTER_MS 1500
/* What is left behind has this long between SIGTERM and SIGKILL. */
#define LEFT_TERM_MS 1000
#define LEFT_GIVE_UP_MS 4000
#define PACE_MS 10
#define PACE_MAX_MS 160
/* How long the end of file may take once nothing of the run is left. */
#define DRAIN_MS 500
#define FREE_WAIT_MS 2000
#define FIRST_FREE_FD 3

enum { IN, OUT, ERR, N_PIPES };
enum step { STEP_RUN, STEP_INT, STEP_TERM, STEP_KILL, STEP_LEFT, STEP_DRAIN };

struct deia__child {
	struct deia__child_opts opts;
	struct event_base *base;
	pid_t pid;
	int pidfd, fd[N_PIPES];
	struct event ev_pid, ev_pipe[N_PIPES], ev_step;
	size_t written;
	enum step step;
	int waited_ms, pace_ms; /* in STEP_LEFT */
	bool paused;
	struct deia__child_end end;
	uint64_t started;
	char mark[DEIA__MARK_BYTES];
};

static void on_step(evutil_socket_t fd, short what, void *arg);

/* ---- starting -------------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A host may have closed its standard descriptors: stay above them. */
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

/* Ours goes to c->fd[i], the program's to *theirs. */
static int open_pipe(deia__child *c, int i, int *theirs)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC))
		return errno;
	c->fd[i] = ends[i == IN ? 1 : 0];
	*theirs = ends[i == IN ? 0 : 1];
	error = move_up(&c->fd[i]);
	if (!error)
		error = move_up(theirs);
	if (!error && fcntl(c->fd[i], F_SETFL, O_NONBLOCK))
		error = errno;
	return error;
}

static int open_files(deia__child *c, int theirs[N_PIPES])
{
	int error = 0;

	for (int i = 0; i < N_PIPES; i++)
		theirs[i] = -1;
	if (c->opts.input)
		error = open_pipe(c, IN, &theirs[IN]);
	else if ((theirs[IN] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
		error = errno;
	else
		error = move_up(&theirs[IN]);
	for (int i = OUT; i < N_PIPES && !error; i++)
		error = open_pipe(c, i, &theirs[i]);
	return error;
}

static bool is_same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

static bool is_set_anew(const char *variable, const char *const *set,
			const char *mark)
{
	for (; *set; set++)
		if (is_same_name(*set, variable))
			return true;
	return is_same_name(mark, variable);
}

/* posix_spawn wants its strings writable, and writes none. */
static void put(char **list, size_t *n, const char *s)
{
	memcpy(&list[(*n)++], &s, sizeof(s));
}

/* This process's variables, the caller's, the mark. */
static char **make_env(const deia__child *c)
{
	static const char *const nothing[] = { NULL };
	const char *const *set = c->opts.env ? c->opts.env : nothing;
	size_t n = 0, more = 0, i = 0;
	char **env;

	while (environ && environ[n])
		n++;
	while (set[more])
		more++;
	env = deia__alloc((n + more + 2) * sizeof(*env));
	if (!env)
		return NULL;
	for (size_t j = 0; j < n; j++)
		if (!is_set_anew(environ[j], set, c->mark))
			put(env, &i, environ[j]);
	for (size_t j = 0; j < more; j++)
		put(env, &i, set[j]);
	put(env, &i, c->mark);
	return env;
}

static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	error = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
						       POSIX_SPAWN_SETSIGDEF |
						       POSIX_SPAWN_SETSID);
	if (!error)
		error = posix_spawnattr_setsigmask(attr, &none);
	if (!error)
		error = posix_spawnattr_setsigdefault(attr, &all);
	return error;
}

static int set_files(posix_spawn_file_actions_t *files, const deia__child *c,
		     const int theirs[N_PIPES])
{
	int error = 0;

	if (c->opts.dir)
		error = posix_spawn_file_actions_addchdir_np(files,
							     c->opts.dir);
	for (int i = 0; i < N_PIPES && !error; i++)
		error = posix_spawn_file_actions_adddup2(files, theirs[i], i);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(files,
								 FIRST_FREE_FD);
	return error;
}

static int spawn_with(deia__child *c, const int theirs[N_PIPES], char **env)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int error = posix_spawn_file_actions_init(&files);

	if (error)
		return error;
	error = posix_spawnattr_init(&attr);
	if (!error) {
		error = set_attributes(&attr);
		if (!error)
			error = set_files(&files, c, theirs);
		if (!error)
			error = posix_spawnp(&c->pid, c->opts.argv[0], &files,
					     &attr, c->opts.argv, env);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return error;
}

static int spawn(deia__child *c)
{
	int theirs[N_PIPES], error = open_files(c, theirs);
	char **env;

	deia__mark_make(c->mark);
	env = make_env(c);
	if (!error)
		error = env ? spawn_with(c, theirs, env) : ENOMEM;
	for (int i = 0; i < N_PIPES; i++)
		close_fd(&theirs[i]);
	deia__free(env);
	if (error)
		return error;
	c->started = deia__started_at(c->pid);
	c->pidfd = pidfd_open(c->pid, 0);
	return c->pidfd < 0 ? errno : 0;
}

/* ---- the end --------------------------------------------------------------- */

static void close_pipe(deia__child *c, int i)
{
	if (c->fd[i] >= 0)
		event_del(&c->ev_pipe[i]);
	close_fd(&c->fd[i]);
}

static void close_all(deia__child *c)
{
	for (int i = 0; i < N_PIPES; i++)
		close_pipe(c, i);
	if (c->pidfd >= 0)
		event_del(&c->ev_pid);
	event_del(&c->ev_step);
	close_fd(&c->pidfd);
}

static void set_step(deia__child *c, enum step step, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	c->step = step;
	event_add(&c->ev_step, &tv);
}

static void reap(deia__child *c, int flags)
{
	siginfo_t info;

	while (c->pid > 0 &&
	       waitid(P_PID, (id_t)c->pid, &info, WEXITED | flags) &&
	       errno == EINTR)
		;
	c->pid = 0;
}

static void finish(deia__child *c)
{
	struct deia__child_end end = c->end; /* outlives the child */

	close_all(c);
	reap(c, 0);
	c->opts.on_end(&end, c->opts.user);
}

/* Nothing of the run is left. True: it was the end. */
static bool end_if_drained(deia__child *c)
{
	if (c->fd[OUT] >= 0 || c->fd[ERR] >= 0)
		return false;
	finish(c);
	return true;
}

static void look_for_left(deia__child *c)
{
	int signal = c->waited_ms < LEFT_TERM_MS ? 0 : SIGKILL;

	if (c->waited_ms == 0)
		signal = SIGTERM;
	if (c->waited_ms >= LEFT_GIVE_UP_MS ||
	    deia__sweep(c->pid, c->mark, c->started, signal) == 0) {
		c->step = STEP_DRAIN;
		if (!end_if_drained(c) && !c->paused)
			set_step(c, STEP_DRAIN, DRAIN_MS);
		return;
	}
	c->waited_ms += c->pace_ms;
	set_step(c, STEP_LEFT, c->pace_ms);
	if (c->pace_ms < PACE_MAX_MS)
		c->pace_ms *= 2;
}

static void on_exit_seen(evutil_socket_t fd, short what, void *arg)
{
	deia__child *c = arg;
	siginfo_t info = { 0 };

	(void)fd, (void)what;
	if (waitid(P_PIDFD, (id_t)c->pidfd, &info,
		   WEXITED | WNOHANG | WNOWAIT) ||
	    info.si_pid == 0)
		return;
	event_del(&c->ev_pid);
	event_del(&c->ev_step);
	if (info.si_code == CLD_EXITED)
		c->end.code = info.si_status;
	else
		c->end.signal = info.si_status;
	close_pipe(c, IN);
	c->pace_ms = PACE_MS;
	c->waited_ms = c->step == STEP_KILL ? LEFT_TERM_MS : 0;
	c->step = STEP_LEFT;
	look_for_left(c);
}

/* ---- stopping ---------------------------------------------------------------- */

static void signal_group(const deia__child *c, int signal)
{
	(void)kill(-c->pid, signal);
	(void)kill(-c->pid, SIGCONT); /* a stopped one could not obey */
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	deia__child *c = arg;

	(void)fd, (void)what;
	switch (c->step) {
	case STEP_RUN:
		break;
	case STEP_INT:
		signal_group(c, SIGTERM);
		set_step(c, STEP_TERM, KILL_AFTER_MS);
		break;
	case STEP_TERM:
	case STEP_KILL:
		signal_group(c, SIGKILL);
		(void)deia__sweep(c->pid, c->mark, c->started, SIGKILL);
		c->step = STEP_KILL;
		break;
	case STEP_LEFT:
		look_for_left(c);
		break;
	case STEP_DRAIN:
		finish(c);
		break;
	}
}

void deia__child_stop(deia__child *c)
{
	if (c->step != STEP_RUN)
		return;
	signal_group(c, SIGINT);
	set_step(c, STEP_INT, TERM_AFTER_MS);
}

/* ---- pipes ------------------------------------------------------------------- */

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	deia__child *c = arg;
	const char *p = c->opts.input + c->written;
	ssize_t n = write(fd, p, c->opts.input_len - c->written);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->written += (size_t)n;
	/* An error: it does not want (all of) its input, which is its matter. */
	if (n < 0 || c->written == c->opts.input_len)
		close_pipe(c, IN);
}

static void on_readable(deia__child *c, int i)
{
	char bytes[READ_BYTES];
	ssize_t n = read(c->fd[i], bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		(i == OUT ? c->opts.on_out : c->opts.on_err)(bytes, (size_t)n,
							     c->opts.user);
		return;
	}
	close_pipe(c, i);
	if (c->step == STEP_DRAIN)
		(void)end_if_drained(c);
}

static void on_out_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	on_readable(arg, OUT);
}

static void on_err_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	on_readable(arg, ERR);
}

void deia__child_pause(deia__child *c, bool pause)
{
	if (c->paused == pause)
		return;
	c->paused = pause;
	for (int i = OUT; i < N_PIPES; i++)
		if (c->fd[i] >= 0 && pause)
			event_del(&c->ev_pipe[i]);
		else if (c->fd[i] >= 0)
			event_add(&c->ev_pipe[i], NULL);
	if (c->step != STEP_DRAIN)
		return;
	if (pause)
		event_del(&c->ev_step);
	else
		set_step(c, STEP_DRAIN, DRAIN_MS);
}

/* ---- life -------------------------------------------------------------------- */

static void watch(deia__child *c)
{
	static const event_callback_fn fns[] = { on_writable, on_out_readable,
						 on_err_readable };

	event_assign(&c->ev_step, c->base, -1, 0, on_step, c);
	event_assign(&c->ev_pid, c->base, c->pidfd, EV_READ | EV_PERSIST,
		     on_exit_seen, c);
	event_add(&c->ev_pid, NULL);
	for (int i = 0; i < N_PIPES; i++) {
		if (c->fd[i] < 0)
			continue;
		event_assign(&c->ev_pipe[i], c->base, c->fd[i],
			     (i == IN ? EV_WRITE : EV_READ) | EV_PERSIST,
			     fns[i], c);
		event_add(&c->ev_pipe[i], NULL);
	}
}

/* It was started but cannot be watched. */
static void give_up(deia__child *c)
{
	if (c->pid > 0) {
		(void)kill(-c->pid, SIGKILL);
		reap(c, 0);
	}
	for (int i = 0; i < N_PIPES; i++)
		close_fd(&c->fd[i]);
	deia__free(c);
}

deia_err deia__child_start(deia__child **out, struct event_base *base,
			   const struct deia__child_opts *opts, int *error)
{
	deia__child *c = deia__alloc(sizeof(*c));

	*out = NULL;
	*error = ENOMEM;
	if (!c)
		return DEIA_ENOMEM;
	c->opts = *opts;
	c->base = base;
	c->pidfd = c->fd[IN] = c->fd[OUT] = c->fd[ERR] = -1;
	c->end.code = -1;
	*error = spawn(c);
	if (*error) {
		give_up(c);
		return *error == ENOMEM ? DEIA_ENOMEM : DEIA_EIO;
	}
	watch(c);
	*out = c;
	return DEIA_OK;
}

void deia__child_leave(deia__child *c)
{
	close_all(c);
	if (c->pid <= 0)
		return;
	signal_group(c, SIGTERM);
	(void)deia__sweep(c->pid, c->mark, c->started, SIGTERM);
}

void deia__child_free(deia__child *c)
{
	struct pollfd p = { .events = POLLIN };

	if (!c)
		return;
	if (c->pid > 0) {
		p.fd = pidfd_open(c->pid, 0);
		if (c->pidfd >= 0) { /* nobody has asked it to end yet */
			close_all(c);
			(void)kill(-c->pid, SIGKILL);
		}
		(void)poll(&p, 1, FREE_WAIT_MS);
		(void)kill(-c->pid, SIGKILL);
		(void)deia__sweep(c->pid, c->mark, c->started, SIGKILL);
		(void)poll(&p, 1, FREE_WAIT_MS);
		close_fd(&p.fd);
		reap(c, WNOHANG);
	}
	deia__free(c);
}
