/* SPDX-License-Identifier: MIT */
/*
 * deia-guard - stands between deiad and one bot, and ends all of it.
 *
 *   deia-guard --parent PID [--cwd DIR] [--limit NAME=N]... -- PROGRAM ARG...
 *
 * Spawned by libdeia in a session of its own, with signal mask and
 * dispositions reset. Descriptors 0, 1, 2 are the bot's; 3 is a socket pair
 * (SOCK_SEQPACKET) to deiad: one message a packet, plain ASCII.
 *
 *   guard -> deiad   "bot PID"           the program runs; PID is its own
 *                    "fail STAGE ERRNO"  it does not: limit, cwd or exec
 *                    "exit CODE SIGNAL"  it ended; one of both is 0
 *                    "gone"              no descendant is left; guard exits
 *   deiad -> guard   "T"                 SIGTERM to the bot's session
 *                    "K"                 SIGKILL to every descendant
 *                    end of file         deiad is gone: as "K"
 *
 * As child subreaper the guard inherits every orphan, so a descendant cannot
 * get away by double forking or by a session of its own. Once the bot has
 * ended, whatever it left is killed. The guard keeps none of the bot's
 * descriptors, so that deiad sees end of file when the bot's side is closed.
 * Signals are only sent to own children (which keep their pid until they are
 * reaped here) or through a pidfd checked after it was opened: never to a
 * process that merely got a used pid.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CTL_FD = 3, PACE_MIN_MS = 5, PACE_MAX_MS = 200, WALK_MAX = 1024 };

extern char **environ;

struct options {
	pid_t parent;
	const char *cwd;
	char **limits; /* "NAME=N" */
	int n_limits;
	char **argv; /* of the bot */
};

/* What the child reports when it cannot become the bot. */
struct failure {
	char stage[8];
	int error;
};

struct guard {
	pid_t bot; /* 0 once it was reaped */
	int ctl;   /* -1: deiad is gone */
	int signals;
	int exec_pipe; /* -1: the bot runs, or never will */
	bool failed;   /* it never became the bot: no "exit" is said */
	bool ending;   /* everything is to be killed */
	int pace_ms;
};

static const struct {
	const char *name;
	int resource;
} limit_names[] = {
	{ "nofile", RLIMIT_NOFILE }, { "core", RLIMIT_CORE },
	{ "fsize", RLIMIT_FSIZE },   { "as", RLIMIT_AS },
	{ "nproc", RLIMIT_NPROC },   { "cpu", RLIMIT_CPU },
	{ "stack", RLIMIT_STACK },   { "memlock", RLIMIT_MEMLOCK },
	{ "data", RLIMIT_DATA },
};

static void say(struct guard *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct guard *g, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	int n;

	if (g->ctl < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)send(g->ctl, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- the child: becomes the bot ----------------------------------------- */

static void give_up(int fd, const char *stage)
{
	struct failure f = { .error = errno };

	strncpy(f.stage, stage, sizeof(f.stage) - 1);
	(void)!write(fd, &f, sizeof(f));
	_exit(127);
}

/* "nofile=1024": both soft and hard, never above the hard limit there is. */
static bool set_limit(const char *text)
{
	size_t i, len = strcspn(text, "=");
	struct rlimit have;
	rlim_t want;

	errno = EINVAL;
	if (text[len] != '=')
		return false;
	want = strtoull(text + len + 1, NULL, 10);
	for (i = 0; i < sizeof(limit_names) / sizeof(*limit_names); i++) {
		if (strlen(limit_names[i].name) != len ||
		    strncmp(limit_names[i].name, text, len) != 0)
			continue;
		if (getrlimit((__rlimit_resource_t)limit_names[i].resource,
			      &have) != 0)
			return false;
		if (want < have.rlim_max)
			have.rlim_max = want;
		have.rlim_cur = have.rlim_max;
		return setrlimit((__rlimit_resource_t)limit_names[i].resource,
				 &have) == 0;
	}
	return false;
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

static void become_bot(const struct options *o, pid_t guard, int report)
{
	sigset_t none;
	int i;

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != guard)
		_exit(127);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (i = 0; i < o->n_limits; i++)
		if (!set_limit(o->limits[i]))
			give_up(report, "limit");
	if (o->cwd != NULL && chdir(o->cwd) != 0)
		give_up(report, "cwd");
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	exec_path(o->argv);
	give_up(report, "exec");
}

/* ---- descendants --------------------------------------------------------- */

/* Reads a small file of /proc; returns its length, -1 when it is not there. */
static ssize_t slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len + 1 < size && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	buf[len] = '\0';
	return (ssize_t)len;
}

/* Parent, process group and session of a process; false when it is gone. */
static bool read_stat(pid_t pid, pid_t *ppid, pid_t *pgrp, pid_t *session)
{
	char path[64], text[512];
	const char *p;
	char state;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (slurp(path, text, sizeof(text)) <= 0)
		return false;
	p = strrchr(text, ')'); /* the name may hold anything */
	return p != NULL &&
	       sscanf(p + 1, " %c %d %d %d", &state, ppid, pgrp, session) == 4;
}

/* Splits "12 34 56 " and adds to list; returns the new length. */
static int add_pids(char *text, pid_t *list, int len, int max)
{
	char *save = NULL, *word;

	for (word = strtok_r(text, " \n", &save); word != NULL && len < max;
	     word = strtok_r(NULL, " \n", &save))
		list[len++] = (pid_t)atoi(word);
	return len;
}

/* Kernels without /proc/.../children: look at every process's parent. */
static int scan_children(pid_t *list, int max)
{
	pid_t self = getpid(), ppid, pgrp, session;
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int len = 0;

	if (dir == NULL)
		return 0;
	while (len < max && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		if (read_stat((pid_t)atoi(e->d_name), &ppid, &pgrp, &session) &&
		    ppid == self)
			list[len++] = (pid_t)atoi(e->d_name);
	}
	closedir(dir);
	return len;
}

/* Kills own children; theirs become ours, and have their turn next. */
static void kill_children(void)
{
	static char text[16384];
	static pid_t list[WALK_MAX];
	int i, len;

	if (slurp("/proc/thread-self/children", text, sizeof(text)) >= 0)
		len = add_pids(text, list, 0, WALK_MAX);
	else
		len = scan_children(list, WALK_MAX);
	for (i = 0; i < len; i++)
		(void)kill(list[i], SIGKILL);
}

/* Adds the children of every thread of pid. */
static int add_children_of(pid_t pid, pid_t *list, int len, int max)
{
	static char text[16384];
	char path[288];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return len;
	while (len < max && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children",
			 (int)pid, e->d_name);
		if (slurp(path, text, sizeof(text)) > 0)
			len = add_pids(text, list, len, max);
	}
	closedir(dir);
	return len;
}

/*
 * SIGTERM to the bot's process group, and to those of its session that made
 * groups of their own (job control of a shell). Processes that left the
 * session are ended by SIGKILL when the bot is gone.
 */
static void terminate(struct guard *g)
{
	static pid_t list[WALK_MAX];
	pid_t ppid, pgrp, session;
	int i, fd, len = 1;

	if (g->bot <= 0)
		return;
	if (kill(-g->bot, SIGTERM) != 0)
		(void)kill(g->bot, SIGTERM);
	(void)kill(-g->bot, SIGCONT); /* a stopped one could not obey */
	list[0] = g->bot;
	for (i = 0; i < len; i++) {
		len = add_children_of(list[i], list, len, WALK_MAX);
		if (i == 0)
			continue;
		fd = pidfd_open(list[i], 0);
		if (fd < 0)
			continue;
		if (read_stat(list[i], &ppid, &pgrp, &session) &&
		    session == g->bot && pgrp != g->bot)
			(void)pidfd_send_signal(fd, SIGTERM, NULL, 0);
		close(fd);
	}
}

static void start_ending(struct guard *g)
{
	if (!g->ending)
		g->pace_ms = PACE_MIN_MS;
	g->ending = true;
}

/* ---- events -------------------------------------------------------------- */

static void report_exit(struct guard *g, const siginfo_t *info)
{
	if (!g->failed)
		say(g, "exit %d %d",
		    info->si_code == CLD_EXITED ? info->si_status : 0,
		    info->si_code == CLD_EXITED ? 0 : info->si_status);
	g->bot = 0;
	start_ending(g);
}

/* The child became the bot (end of file) or says why it could not. */
/* Not inlined: inlined twice, gcc 12 takes f for dangling. */
static __attribute__((noinline)) void read_exec_pipe(struct guard *g)
{
	struct failure f;
	ssize_t n;

	if (g->exec_pipe < 0)
		return;
	n = read(g->exec_pipe, &f, sizeof(f));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == (ssize_t)sizeof(f)) {
		g->failed = true;
		say(g, "fail %.7s %d", f.stage, f.error);
	} else {
		say(g, "bot %d", (int)g->bot);
	}
	close(g->exec_pipe);
	g->exec_pipe = -1;
}

/* Reaps what has ended. Returns false when there is no child any more. */
static bool reap(struct guard *g)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		/* Look first: a zombie still holds its pid and group. */
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
			return errno != ECHILD;
		if (info.si_pid == 0)
			return true;
		if (info.si_pid == g->bot) {
			(void)kill(-g->bot, SIGKILL);
			read_exec_pipe(g);
			report_exit(g, &info);
		}
		(void)waitid(P_PID, (id_t)info.si_pid, &info,
			     WEXITED | WNOHANG);
	}
}

static void read_control(struct guard *g)
{
	char c;
	ssize_t n = recv(g->ctl, &c, 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 1 && c == 'T') {
		terminate(g);
		return;
	}
	if (n != 1) {
		close(g->ctl);
		g->ctl = -1;
	}
	if (n != 1 || c == 'K')
		start_ending(g);
}

static void watch(struct guard *g)
{
	struct signalfd_siginfo drop[8];
	struct pollfd p[3];
	int n;

	for (;;) {
		p[0] = (struct pollfd){ .fd = g->ctl, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = g->signals, .events = POLLIN };
		p[2] = (struct pollfd){ .fd = g->exec_pipe, .events = POLLIN };
		n = poll(p, 3, g->ending ? g->pace_ms : -1);
		if (n == 0 && g->pace_ms < PACE_MAX_MS)
			g->pace_ms *= 2;
		if (n > 0 && p[2].revents != 0)
			read_exec_pipe(g);
		if (n > 0 && p[0].revents != 0)
			read_control(g);
		if (n > 0 && p[1].revents != 0)
			(void)!read(g->signals, drop, sizeof(drop));
		if (!reap(g))
			return;
		if (g->ending)
			kill_children();
	}
}

/* ---- start --------------------------------------------------------------- */

static int usage(void)
{
	static const char text[] =
		"deia-guard: usage: deia-guard --parent PID [--cwd DIR] "
		"[--limit NAME=N]... -- PROGRAM [ARG]...\n"
		"It is started by deiad, with a control socket as "
		"descriptor 3.\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	return 2;
}

static bool parse(struct options *o, int argc, char **argv)
{
	int i;

	o->limits = argv; /* collected in place, behind what is read */
	for (i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (strcmp(argv[i], "--parent") == 0)
			o->parent = (pid_t)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--cwd") == 0)
			o->cwd = argv[i + 1];
		else if (strcmp(argv[i], "--limit") == 0)
			o->limits[o->n_limits++] = argv[i + 1];
		else
			return false;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0)
		return false;
	o->argv = argv + i + 1;
	return o->parent > 0;
}

/* From here on the guard holds nothing of the bot's. */
static void drop_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int i;

	for (i = 0; i < 3; i++)
		if (fd < 0)
			close(i);
		else
			(void)dup2(fd, i);
	if (fd > CTL_FD)
		close(fd);
}

static bool start_bot(struct guard *g, const struct options *o)
{
	pid_t self = getpid();
	int report[2];

	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	g->bot = fork();
	if (g->bot == 0)
		become_bot(o, self, report[1]);
	close(report[1]);
	if (g->bot < 0)
		return false;
	g->exec_pipe = report[0];
	return true;
}

int main(int argc, char **argv)
{
	struct guard g = { .ctl = CTL_FD, .exec_pipe = -1, .pace_ms = 1 };
	struct options o = { 0 };
	sigset_t all;

	if (!parse(&o, argc, argv) || fcntl(CTL_FD, F_SETFD, FD_CLOEXEC) != 0)
		return usage();
	/* Nothing but SIGKILL may end the guard before its bot has ended. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	g.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (getppid() != o.parent)
		return 1;
	if (g.signals < 0 || !start_bot(&g, &o)) {
		say(&g, "fail guard %d", errno);
		say(&g, "gone");
		return 1;
	}
	drop_stdio();
	watch(&g);
	say(&g, "gone");
	return 0;
}
