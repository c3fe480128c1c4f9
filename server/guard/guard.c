/* SPDX-License-Identifier: MIT */
/*
 * deia-guard - stands between deiad and one bot, and ends all of it.
 *
 *   deia-guard --parent PID [--cwd DIR] [--LIMIT N]... -- PROGRAM ARG...
 *
 * Spawned by libdeia in a session of its own, with signal mask and
 * dispositions reset. Descriptors 0, 1, 2 are the bot's; 3 is a socket pair
 * (SOCK_SEQPACKET) to deiad: one message a packet, plain ASCII.
 *
 *   guard -> deiad   "applied NAME=VALUE HOW"  a limit holds: rlimit, cgroup
 *                                        or watch
 *                    "refused NAME ERRNO" one that does not
 *                    "bot PID"           the program runs; PID is its own
 *                    "fail STAGE ERRNO"  it does not: cwd or exec
 *                    "stop SIGNAL"       a signal stopped the bot; "cont"
 *                    "usage BYTES N"     memory and number of descendants
 *                    "limit NAME VALUE"  it went over, and is ended
 *                    "exit CODE SIGNAL"  it ended; one of both is 0
 *                    "gone"              no descendant is left; guard exits
 *   deiad -> guard   "T"                 SIGTERM to the bot's session
 *                    "K"                 SIGKILL to every descendant
 *                    "S"                 look at what is watched now
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
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PACE_MIN_MS = 5, PACE_MAX_MS = 200 };
/* Of struct sched_attr; the headers of libc and kernel exclude each other. */
enum { SCHED_RESET_ON_FORK_FLAG = 1 };
enum { FIRST_NICE = -10, TURN_NS = 100000 };

int64_t guard_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void guard_say(const struct guard *g, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	int n;

	if (g->ctl < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		n = (int)sizeof(text) - 1;
	(void)send(g->ctl, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void guard_end(struct guard *g)
{
	if (!g->ending)
		g->pace_ms = PACE_MIN_MS;
	g->ending = true;
}

/* ---- events -------------------------------------------------------------- */

static void report_exit(struct guard *g, const siginfo_t *info)
{
	bool clean = info->si_code == CLD_EXITED && info->si_status == 0;

	if (!clean && group_memory_passed(g))
		guard_say(g, "limit memory_max_mib %u", g->o.memory_max_mib);
	if (!g->failed)
		guard_say(g, "exit %d %d",
			  info->si_code == CLD_EXITED ? info->si_status : 0,
			  info->si_code == CLD_EXITED ? 0 : info->si_status);
	g->bot = 0;
	guard_end(g);
}

/* It was stopped by a signal, or goes on. */
static void report_stops(struct guard *g)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (g->bot <= 0 ||
		    waitid(P_PID, (id_t)g->bot, &info,
			   WSTOPPED | WCONTINUED | WNOHANG) != 0 ||
		    info.si_pid == 0)
			return;
		if (info.si_code == CLD_CONTINUED)
			guard_say(g, "cont");
		else
			guard_say(g, "stop %d", info.si_status);
	}
}

/* The child became the bot (end of file) or says why it could not. */
/* Not inlined: inlined twice, gcc 12 takes f for dangling. */
static __attribute__((noinline)) void read_exec_pipe(struct guard *g,
						     bool has_ended)
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
		guard_say(g, "fail %.7s %d", f.stage, f.error);
	} else {
		if (!has_ended) {
			group_check(g);
			watch_start(g);
		}
		guard_say(g, "bot %d", (int)g->bot);
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
			read_exec_pipe(g, true);
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
		if (g->bot > 0)
			tree_terminate(g->bot);
		return;
	}
	if (n == 1 && c == 'S') {
		watch_soon(g);
		return;
	}
	if (n != 1) {
		close(g->ctl);
		g->ctl = -1;
	}
	if (n != 1 || c == 'K')
		guard_end(g);
}

static void loop(struct guard *g)
{
	struct signalfd_siginfo drop[8];
	struct pollfd p[4];
	int n;

	for (;;) {
		p[0] = (struct pollfd){ .fd = g->ctl, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = g->signals, .events = POLLIN };
		p[2] = (struct pollfd){ .fd = g->exec_pipe, .events = POLLIN };
		p[3] = (struct pollfd){ .fd = g->group.tells ? g->group.events
							     : -1,
					.events = POLLPRI };
		n = poll(p, 4, g->ending ? g->pace_ms : watch_wait_ms(g));
		if (n == 0 && g->pace_ms < PACE_MAX_MS)
			g->pace_ms *= 2;
		if (n > 0 && p[2].revents != 0)
			read_exec_pipe(g, false);
		if (n > 0 && p[0].revents != 0)
			read_control(g);
		if (n > 0 && p[1].revents != 0)
			(void)!read(g->signals, drop, sizeof(drop));
		if (n > 0 && p[3].revents != 0)
			watch_soon(g);
		report_stops(g);
		if (!reap(g))
			return;
		if (!g->ending)
			watch_look(g);
		if (g->ending) {
			group_kill(g);
			tree_kill();
		}
	}
}

/* ---- start --------------------------------------------------------------- */

static int show_usage(void)
{
	static const char text[] =
		"deia-guard: usage: deia-guard --parent PID [--cwd DIR] "
		"[--LIMIT N]... -- PROGRAM [ARG]...\n"
		"It is started by deiad, with a control socket as "
		"descriptor 3.\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	return 2;
}

static bool parse_option(struct options *o, const char *name, const char *value)
{
	const struct {
		const char *name;
		unsigned *limit;
	} known[] = {
		{ "--open-files", &o->open_files },
		{ "--file-size-mib", &o->file_size_mib },
		{ "--processes", &o->processes },
		{ "--memory-mib", &o->memory_mib },
		{ "--memory-max-mib", &o->memory_max_mib },
		{ "--no-cgroup", &o->no_cgroup },
	};
	static const char *const groups[] = { "--cgroup-kill",
					      "--cgroup-memory",
					      "--cgroup-pids" };
	size_t i;

	for (i = 0; i < GROUP_KINDS; i++)
		if (strcmp(name, groups[i]) == 0) {
			o->cgroup[i] = value;
			return true;
		}

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(name, known[i].name) == 0) {
			*known[i].limit = (unsigned)strtoul(value, NULL, 10);
			return true;
		}
	return false;
}

static bool parse(struct options *o, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (strcmp(argv[i], "--parent") == 0)
			o->parent = (pid_t)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--cwd") == 0)
			o->cwd = argv[i + 1];
		else if (!parse_option(o, argv[i], argv[i + 1]))
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

/*
 * What outgrows its limit holds the processors, too, and it takes the guard to
 * end it: so the guard goes first where it may (the superuser's), and asks for
 * short turns, which a kernel since 6.12 gives sooner. The bot has neither.
 */
static void go_first(struct guard *g)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { .size = sizeof(attr),
		   .flags = SCHED_RESET_ON_FORK_FLAG,
		   .nice = FIRST_NICE,
		   .runtime = TURN_NS };

	g->nice = getpriority(PRIO_PROCESS, 0);
	if (syscall(SYS_sched_setattr, 0, &attr, 0) == 0)
		return;
	attr.nice = g->nice;
	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

static bool start_bot(struct guard *g)
{
	pid_t self = getpid();
	int report[2];

	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	group_make(g);
	g->bot = group_fork(g);
	if (g->bot == 0)
		run_bot(g, self, report[1]);
	close(report[1]);
	if (g->bot < 0)
		return false;
	g->exec_pipe = report[0];
	return true;
}

int main(int argc, char **argv)
{
	struct guard g = { .ctl = CTL_FD, .exec_pipe = -1, .pace_ms = 1 };
	sigset_t all;

	if (!parse(&g.o, argc, argv) || fcntl(CTL_FD, F_SETFD, FD_CLOEXEC) != 0)
		return show_usage();
	/* Nothing but SIGKILL may end the guard before its bot has ended. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	g.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	go_first(&g);
	if (getppid() != g.o.parent)
		return 1;
	if (g.signals < 0 || !start_bot(&g)) {
		guard_say(&g, "fail guard %d", errno);
		group_remove(&g);
		guard_say(&g, "gone");
		return 1;
	}
	drop_stdio();
	loop(&g);
	group_remove(&g);
	guard_say(&g, "gone");
	return 0;
}
