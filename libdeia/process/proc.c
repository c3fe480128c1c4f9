/* SPDX-License-Identifier: MIT */
/*
 * proc.c - one run of a bot's process, from spawn until nothing is left.
 *
 * Invariants: output is read whether or not anyone listens. The guard's end
 * and the end of output arrive in either order; `ended` is called once, when
 * both have come. A pipe that stays open after the guard reported "gone" is
 * held by a process that is none of the bot's: it is waited for a bounded
 * time only.
 */
#include "process/proc.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <deia/limits.h>

#include "process/cgroup.h"
#include "process/lines.h"
#include "core/mem.h"

/* A log line longer than this is cut into pieces. */
#define MAX_LOG_LINE_BYTES (8u << 10)
/* An exit is normally reported well within this after output was closed. */
#define CLOSED_GRACE_MS 1000
#define DRAIN_GRACE_MS 2000
/* Where no pidfd can be had, the guard's end is looked for this often. */
#define RETRY_MS 50
/* So often the cgroup of a killed guard is swept. */
#define SWEEPS 100
/* Memory of an emptied queue that is kept. */
#define KEEP_BYTES 4096

struct deia__proc {
	struct deia__proc_env *env;
	const struct deia__proc_ops *ops;
	void *arg;
	pid_t guard; /* 0 once it was reaped */
	int ctl, pidfd, in, out, err;
	struct event ev_ctl, ev_pidfd, ev_in, ev_in_hup, ev_out, ev_err;
	struct deia__bot_lines out_lines, err_lines;
	struct deia__buf queue;
	size_t queue_off; /* written already */
	struct deia__timer timer;
	struct deia__proc_end end;
	const char *closed; /* what it closed while it seemed to live */
	bool finish_input, muted, has_ended;
	bool exit_seen, gone_seen;
	bool reads, held; /* its output: is read, but not now */
	struct deia__census_member counted;
	/* The guard was killed: what it can not end any more is ended here. */
	char id[DEIA_MAX_ID_LEN + 1]; /* of its cgroup; "": none */
	int sweeps;		      /* still to be tried */
};

static void close_fd(int *fd, struct event *ev)
{
	if (*fd < 0)
		return;
	event_del(ev);
	close(*fd);
	*fd = -1;
}

static void close_input(struct deia__proc *p);

static void check_end(struct deia__proc *p)
{
	if (p->has_ended || p->guard != 0 || p->sweeps != 0 || p->out >= 0 ||
	    p->err >= 0)
		return;
	p->has_ended = true;
	deia__timer_clear(p->env->timers, &p->timer);
	deia__census_leave(&p->env->census, &p->counted);
	close_input(p);
	p->end.lost = !p->gone_seen;
	p->ops->ended(p->arg, &p->end);
}

static void arm(struct deia__proc *p, int64_t delay_ms)
{
	/* Only memory can be missing, and the timer's is there. */
	(void)!deia__timer_set(p->env->timers, &p->timer, delay_ms);
}

/* It closed a standard descriptor: it is ending, or it is broken. */
static void note_closed(struct deia__proc *p, const char *what)
{
	if (p->exit_seen || p->finish_input || p->closed != NULL || p->ctl < 0)
		return;
	p->closed = what;
	arm(p, CLOSED_GRACE_MS);
}

/* Its output is read once its pid is known, so that it is never ready
 * without one. */
static void start_reading(struct deia__proc *p)
{
	p->reads = true;
	if (p->out >= 0 && !p->held)
		event_add(&p->ev_out, NULL);
}

/* ---- a killed guard's cgroup ------------------------------------------------- */

/* Its descendants are in the cgroup still, wherever they went. */
static void sweep(struct deia__proc *p)
{
	p->sweeps--;
	if (deia__cgroup_sweep(p->env->cgroups, p->id))
		p->sweeps = 0;
	arm(p, p->sweeps != 0 ? RETRY_MS : DRAIN_GRACE_MS);
}

/* ---- the guard's end -------------------------------------------------------- */

static bool reap(struct deia__proc *p)
{
	siginfo_t info = { 0 };
	int r;

	if (p->pidfd >= 0)
		r = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOHANG);
	else
		r = waitid(P_PID, (id_t)p->guard, &info, WEXITED | WNOHANG);
	/* ECHILD: someone else in this process has reaped it. */
	if ((r == 0 && info.si_pid == 0) || (r != 0 && errno != ECHILD))
		return false;
	p->guard = 0;
	if (p->pidfd >= 0)
		close_fd(&p->pidfd, &p->ev_pidfd);
	if (!p->gone_seen && p->id[0] != '\0' && p->env->cgroups != NULL) {
		p->sweeps = SWEEPS;
		sweep(p);
	} else {
		arm(p, DRAIN_GRACE_MS);
	}
	return true;
}

static void on_pidfd(evutil_socket_t fd, short what, void *arg)
{
	struct deia__proc *p = arg;

	(void)fd;
	(void)what;
	if (reap(p))
		check_end(p);
}

/* The control socket is closed: the guard is ending. */
static void await_guard(struct deia__proc *p)
{
	close_fd(&p->ctl, &p->ev_ctl);
	p->held = false; /* its last words count */
	start_reading(p);
	p->pidfd = pidfd_open(p->guard, 0);
	if (p->pidfd >= 0)
		event_assign(&p->ev_pidfd, p->env->base, p->pidfd,
			     EV_READ | EV_PERSIST, on_pidfd, p);
	if (reap(p))
		check_end(p);
	else if (p->pidfd < 0 || event_add(&p->ev_pidfd, NULL) != 0)
		arm(p, RETRY_MS);
}

static void on_timer(void *arg)
{
	struct deia__proc *p = arg;

	if (p->ctl >= 0) {
		if (p->closed != NULL && !p->exit_seen)
			p->ops->broken(p->arg, p->closed);
		return;
	}
	if (p->guard != 0) {
		if (reap(p))
			check_end(p);
		else
			arm(p, RETRY_MS);
		return;
	}
	if (p->sweeps != 0) {
		sweep(p);
		check_end(p);
		return;
	}
	close_fd(&p->out, &p->ev_out);
	close_fd(&p->err, &p->ev_err);
	check_end(p);
}

/* ---- the guard's messages ---------------------------------------------------- */

/* What it says of limits and of a process that was stopped. */
static bool take_remark(struct deia__proc *p, const char *text)
{
	char name[16], how[8];
	unsigned value;
	long long bytes;
	int number;

	if (sscanf(text, "applied %15[a-z_]=%u %7s", name, &value, how) == 3) {
		if (strcmp(name, "processes") == 0)
			deia__census_join(&p->env->census, p->env->timers,
					  &p->counted);
		if (p->ops->applied != NULL)
			p->ops->applied(p->arg, name, value, how);
	} else if (sscanf(text, "refused %15s %d", name, &number) == 2) {
		if (p->ops->refused != NULL)
			p->ops->refused(p->arg, name, number);
	} else if (sscanf(text, "stop %d", &number) == 1) {
		if (p->ops->stopped_by != NULL)
			p->ops->stopped_by(p->arg, number);
	} else if (strcmp(text, "cont") == 0) {
		if (p->ops->continued != NULL)
			p->ops->continued(p->arg);
	} else if (sscanf(text, "usage %lld %u", &bytes, &value) == 2) {
		if (p->ops->usage != NULL)
			p->ops->usage(p->arg, bytes, value);
	} else if (sscanf(text, "limit %15s %u", name, &value) == 2) {
		memcpy(p->end.limit, name, sizeof(name));
		p->end.limit_value = value;
	} else {
		return false;
	}
	return true;
}

static void take_message(struct deia__proc *p, const char *text)
{
	char stage[8];
	int a, b;

	if (take_remark(p, text))
		return;
	if (sscanf(text, "bot %d", &a) == 1) {
		p->ops->started(p->arg, a);
		start_reading(p);
	} else if (sscanf(text, "fail %7s %d", stage, &a) == 2) {
		memcpy(p->end.fail_stage, stage, sizeof(stage));
		p->end.fail_errno = a;
		p->exit_seen = true;
	} else if (sscanf(text, "exit %d %d", &a, &b) == 2) {
		p->end.code = b == 0 ? a : -1;
		p->end.signal = b;
		p->exit_seen = true;
	} else if (strcmp(text, "gone") == 0) {
		p->gone_seen = true;
	}
}

static void on_ctl(evutil_socket_t fd, short what, void *arg)
{
	struct deia__proc *p = arg;
	char text[64];
	ssize_t n;

	(void)what;
	for (;;) {
		n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
		if (n <= 0)
			break;
		text[n] = '\0';
		take_message(p, text);
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		await_guard(p);
}

static void tell(struct deia__proc *p, char c)
{
	if (p->ctl >= 0)
		(void)send(p->ctl, &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Many new processes: the guard is to count its own. */
static void count(void *arg)
{
	tell(arg, 'S');
}

/*
 * Someone may have stopped the guard. The pidfd is the guard's, and not that
 * of one who got its number, if its end of the socket is open after that.
 */
static void wake_guard(const struct deia__proc *p)
{
	struct pollfd ctl = { .fd = p->ctl };
	int fd;

	if (p->ctl < 0)
		return;
	fd = pidfd_open(p->guard, 0);
	if (fd < 0)
		return;
	if (poll(&ctl, 1, 0) == 0)
		(void)pidfd_send_signal(fd, SIGCONT, NULL, 0);
	close(fd);
}

void deia__proc_term(struct deia__proc *p)
{
	tell(p, 'T');
}

void deia__proc_kill(struct deia__proc *p)
{
	tell(p, 'K');
	wake_guard(p);
}

void deia__proc_mute(struct deia__proc *p)
{
	p->muted = true;
}

/* ---- output ------------------------------------------------------------------ */

static void hand_out(struct deia__proc *p, bool is_err, enum deia__bot_line got,
		     const char *line, size_t len)
{
	if (p->muted)
		return;
	if (is_err)
		p->ops->err_line(p->arg, line, len);
	else
		p->ops->line(p->arg,
			     got == DEIA__BOT_LINE_TOO_LONG ? NULL : line, len);
}

static void take_bytes(struct deia__proc *p, bool is_err, const char *bytes,
		       size_t left)
{
	struct deia__bot_lines *l = is_err ? &p->err_lines : &p->out_lines;
	enum deia__bot_line got;
	const char *line;
	size_t len;

	while ((got = deia__bot_lines_next(l, &bytes, &left, &line, &len)) !=
	       DEIA__BOT_LINE_NONE)
		hand_out(p, is_err, got, line, len);
}

static void end_of_output(struct deia__proc *p, bool is_err)
{
	struct deia__bot_lines *l = is_err ? &p->err_lines : &p->out_lines;
	enum deia__bot_line got;
	const char *line = NULL;
	size_t len = 0;

	if (is_err)
		close_fd(&p->err, &p->ev_err);
	else
		close_fd(&p->out, &p->ev_out);
	got = deia__bot_lines_last(l, &line, &len);
	if (got != DEIA__BOT_LINE_NONE)
		hand_out(p, is_err, got, line, len);
	if (!is_err)
		note_closed(p, "closed its standard output");
	check_end(p);
}

static void read_some(struct deia__proc *p, int fd, bool is_err)
{
	ssize_t n = read(fd, p->env->scratch, sizeof(p->env->scratch));

	if (n > 0)
		take_bytes(p, is_err, p->env->scratch, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end_of_output(p, is_err);
}

static void on_out(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	read_some(arg, fd, false);
}

static void on_err(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	read_some(arg, fd, true);
}

/* ---- input ------------------------------------------------------------------- */

/* write(2) to a pipe without SIGPIPE, whatever the host does with that. */
static ssize_t write_quietly(int fd, const char *p, size_t len)
{
	const struct timespec none = { 0, 0 };
	sigset_t pipe_set, old, pending;
	bool was_pending;
	ssize_t n;
	int error;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
	n = write(fd, p, len);
	error = errno;
	if (n < 0 && error == EPIPE && !was_pending)
		(void)sigtimedwait(&pipe_set, NULL, &none);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return n;
}

static void empty_queue(struct deia__proc *p)
{
	p->queue_off = 0;
	p->queue.len = 0;
	if (p->queue.cap > KEEP_BYTES) {
		deia__buf_fini(&p->queue);
		deia__buf_init(&p->queue, 0);
	}
}

static void close_input(struct deia__proc *p)
{
	if (p->in >= 0)
		event_del(&p->ev_in_hup);
	close_fd(&p->in, &p->ev_in);
	empty_queue(p);
}

/* Returns true when all is written. */
static bool flush(struct deia__proc *p)
{
	size_t left = p->queue.len - p->queue_off;
	ssize_t n;

	if (p->in < 0)
		return false;
	n = left != 0 ? write_quietly(p->in, p->queue.data + p->queue_off, left)
		      : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		close_input(p);
		note_closed(p, "closed its standard input");
		return false;
	}
	if (n > 0)
		p->queue_off += (size_t)n;
	if (p->queue_off < p->queue.len) {
		event_add(&p->ev_in, NULL);
		return false;
	}
	empty_queue(p);
	if (p->finish_input)
		close_input(p);
	return true;
}

static void on_in(evutil_socket_t fd, short what, void *arg)
{
	struct deia__proc *p = arg;

	(void)fd;
	(void)what;
	if (flush(p) && p->in >= 0)
		p->ops->drained(p->arg);
}

/* The end to write to becomes "readable" only when no one reads any more. */
static void on_in_hup(evutil_socket_t fd, short what, void *arg)
{
	struct deia__proc *p = arg;

	(void)fd;
	(void)what;
	close_input(p);
	note_closed(p, "closed its standard input");
}

/* The written part is dropped once it is the larger one. */
static void compact(struct deia__proc *p)
{
	if (p->queue_off <= p->queue.len / 2)
		return;
	deia__buf_drain(&p->queue, p->queue_off);
	p->queue_off = 0;
}

void deia__guard_await(pid_t guard, int64_t patience_ms)
{
	struct pollfd p = { .fd = pidfd_open(guard, 0), .events = POLLIN };

	if (p.fd >= 0)
		(void)poll(&p, 1, patience_ms > 0 ? (int)patience_ms : 0);
	(void)waitpid(guard, NULL, WNOHANG);
	if (p.fd >= 0)
		close(p.fd);
}

deia_err deia__proc_write(struct deia__proc *p, const char *line, size_t len)
{
	bool was_empty;
	size_t old;
	deia_err err;

	if (p->in < 0 || p->finish_input)
		return DEIA_ESTATE;
	compact(p);
	old = p->queue.len;
	was_empty = old == p->queue_off;
	if (old - p->queue_off > DEIA__OUT_QUEUE_BYTES)
		return DEIA_EBUSY;
	deia__buf_add(&p->queue, line, len);
	deia__buf_add(&p->queue, "\n", 1);
	err = p->queue.err;
	if (err) { /* never half a line */
		p->queue.err = DEIA_OK;
		p->queue.len = old;
		return DEIA_ENOMEM;
	}
	if (was_empty)
		(void)flush(p);
	return DEIA_OK;
}

size_t deia__proc_queued(const struct deia__proc *p)
{
	return p->queue.len - p->queue_off;
}

void deia__proc_hold(struct deia__proc *p, bool hold)
{
	if (p->held == hold || p->ctl < 0)
		return;
	p->held = hold;
	if (p->out < 0 || !p->reads)
		return;
	if (hold)
		event_del(&p->ev_out);
	else
		event_add(&p->ev_out, NULL);
}

void deia__proc_finish_input(struct deia__proc *p)
{
	if (p->finish_input)
		return;
	p->finish_input = true;
	if (p->queue_off == p->queue.len)
		close_input(p);
}

/* ---- start and end ------------------------------------------------------------ */

static bool add_events(struct deia__proc *p)
{
	struct event_base *base = p->env->base;

	event_assign(&p->ev_ctl, base, p->ctl, EV_READ | EV_PERSIST, on_ctl, p);
	event_assign(&p->ev_out, base, p->out, EV_READ | EV_PERSIST, on_out, p);
	event_assign(&p->ev_err, base, p->err, EV_READ | EV_PERSIST, on_err, p);
	event_assign(&p->ev_in, base, p->in, EV_WRITE, on_in, p);
	event_assign(&p->ev_in_hup, base, p->in, EV_READ, on_in_hup, p);
	return event_add(&p->ev_ctl, NULL) == 0 &&
	       event_add(&p->ev_in_hup, NULL) == 0 &&
	       event_add(&p->ev_err, NULL) == 0;
}

static struct deia__proc *new_proc(struct deia__proc_env *env,
				   const struct deia__proc_ops *ops, void *arg)
{
	struct deia__proc *p = deia__alloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	p->env = env;
	p->ops = ops;
	p->arg = arg;
	p->pidfd = -1;
	p->end.code = -1;
	p->timer.fn = on_timer;
	p->timer.arg = p;
	p->counted.count = count;
	p->counted.arg = p;
	deia__buf_init(&p->queue, 0);
	deia__bot_lines_init(&p->out_lines, DEIA_MAX_LINE_BYTES, false);
	deia__bot_lines_init(&p->err_lines, MAX_LOG_LINE_BYTES, true);
	return p;
}

/* Arms once: later, arming must not fail for want of memory. */
static bool reserve_timer(struct deia__proc *p)
{
	if (deia__timer_set(p->env->timers, &p->timer, 1) != DEIA_OK)
		return false;
	deia__timer_clear(p->env->timers, &p->timer);
	return true;
}

deia_err deia__proc_start(struct deia__proc **out, struct deia__proc_env *env,
			  const struct deia__launch *what,
			  const struct deia__proc_ops *ops, void *arg,
			  int *error)
{
	struct deia__proc *p = new_proc(env, ops, arg);
	struct deia__launch full = *what;
	struct deia__launched l;

	*out = NULL;
	*error = 0;
	if (p == NULL || !reserve_timer(p)) {
		deia__free(p);
		return DEIA_ENOMEM;
	}
	full.cgroups = env->cgroups;
	if (what->id != NULL)
		snprintf(p->id, sizeof(p->id), "%s", what->id);
	*error = deia__launch(&l, &full);
	if (*error != 0) {
		deia__free(p);
		return DEIA_EIO;
	}
	p->guard = l.guard;
	p->ctl = l.ctl;
	p->in = l.in;
	p->out = l.out;
	p->err = l.err;
	if (!add_events(p)) {
		pid_t guard = deia__proc_abandon(p);

		(void)waitpid(guard, NULL, 0);
		return DEIA_ENOMEM;
	}
	*out = p;
	return DEIA_OK;
}

void deia__proc_free(struct deia__proc *p)
{
	if (p == NULL)
		return;
	deia__timer_clear(p->env->timers, &p->timer);
	deia__census_leave(&p->env->census, &p->counted);
	close_fd(&p->ctl, &p->ev_ctl);
	close_fd(&p->pidfd, &p->ev_pidfd);
	close_input(p);
	close_fd(&p->out, &p->ev_out);
	close_fd(&p->err, &p->ev_err);
	deia__bot_lines_fini(&p->out_lines);
	deia__bot_lines_fini(&p->err_lines);
	deia__buf_fini(&p->queue);
	deia__free(p);
}

pid_t deia__proc_abandon(struct deia__proc *p)
{
	pid_t guard = p->guard;

	deia__proc_kill(p);
	deia__proc_free(p);
	return guard;
}
