/* SPDX-License-Identifier: MIT */
/*
 * out.c - lines to the hive on stdout.
 *
 * Lines are queued and written once per turn of the loop, so that a chunk and
 * the done that follows it cost one write. stdout never blocks (pipes and
 * sockets are set non-blocking for the time of the run; a terminal is left as
 * it is). Over HIGH_BYTES the worker is full: stdin is not read and programs
 * stop producing; under LOW_BYTES it goes on. Over CAP_BYTES the program
 * ignored that, and the worker ends.
 */
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/utf8.h"

#define HIGH_BYTES (1u << 20)
#define LOW_BYTES (256u << 10)
#define CAP_BYTES (32u << 20)
/* What an idle worker keeps of its buffers. */
#define KEEP_BYTES (64u << 10)

static void set_full(deia_worker *w, bool full)
{
	if (w->full == full)
		return;
	w->full = full;
	deia__worker_in_pause(w, full);
	if (!full && !w->ending && w->ops.drained)
		w->ops.drained(w, w->user);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	deia_worker *w = arg;

	(void)fd, (void)what;
	if (deia__worker_flush(w) && w->ending)
		event_active(&w->ev_end, 0, 0);
}

deia_err deia__worker_out_open(deia_worker *w)
{
	struct stat st;

	w->out_flags = -1;
	deia__buf_init(&w->out, CAP_BYTES);
	deia_jw_init(&w->jw);
	event_assign(&w->ev_out, w->base, STDOUT_FILENO, EV_WRITE, on_flush, w);
	event_assign(&w->ev_flush, w->base, -1, 0, on_flush, w);
	if (fstat(STDOUT_FILENO, &st))
		return DEIA_EIO;
	w->out_is_socket = S_ISSOCK(st.st_mode);
	if (!w->out_is_socket && !S_ISFIFO(st.st_mode))
		return DEIA_OK;
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	if (flags < 0 || fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK))
		return DEIA_EIO;
	w->out_flags = flags;
	return DEIA_OK;
}

void deia__worker_out_close(deia_worker *w)
{
	event_del(&w->ev_out);
	event_del(&w->ev_flush);
	if (w->out_flags >= 0)
		(void)fcntl(STDOUT_FILENO, F_SETFL, w->out_flags);
	deia__buf_fini(&w->out);
	deia_jw_fini(&w->jw);
}

static ssize_t write_some(const deia_worker *w)
{
	ssize_t n;

	do {
		n = w->out_is_socket
			    ? send(STDOUT_FILENO, w->out.data, w->out.len,
				   MSG_NOSIGNAL | MSG_DONTWAIT)
			    : write(STDOUT_FILENO, w->out.data, w->out.len);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* The hive is gone (no fault of ours) or stdout is unusable. */
static void break_out(deia_worker *w)
{
	bool gone = errno == EPIPE || errno == ECONNRESET;

	if (!gone)
		deia_worker_note(w, "cannot write to stdout: %s",
				 strerror(errno));
	w->out_broken = true;
	w->out.len = 0;
	deia__worker_end(w, gone ? DEIA_OK : DEIA_EIO);
}

static void after_write(deia_worker *w)
{
	if (w->out.len == 0 && w->out.cap > KEEP_BYTES) {
		deia__buf_fini(&w->out);
		deia__buf_init(&w->out, CAP_BYTES);
	}
	if (w->out.len <= LOW_BYTES)
		set_full(w, false);
}

bool deia__worker_flush(deia_worker *w)
{
	while (w->out.len && !w->out_broken) {
		ssize_t n = write_some(w);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			event_add(&w->ev_out, NULL);
			break;
		}
		if (n < 0)
			break_out(w);
		else
			deia__buf_drain(&w->out, (size_t)n);
	}
	after_write(w);
	return w->out.len == 0;
}

/* Queues one line; the newline is added here. */
static void queue_line(deia_worker *w, const char *json, size_t len)
{
	if (w->out_broken || w->finished)
		return;
	deia__buf_add(&w->out, json, len);
	deia__buf_add(&w->out, "\n", 1);
	if (w->out.err) {
		if (w->out.err == DEIA_ELIMIT)
			deia_worker_note(w, "the hive does not read and the "
					    "program does not stop writing");
		w->out_broken = true;
		w->out.len = 0;
		deia__worker_end(w, w->out.err);
		return;
	}
	if (w->out.len > HIGH_BYTES)
		set_full(w, true);
	if (!event_pending(&w->ev_out, EV_WRITE, NULL))
		event_active(&w->ev_flush, 0, 0);
}

deia_jw *deia__worker_begin(deia_worker *w, const char *type)
{
	deia_jw_reset(&w->jw);
	deia_jw_object(&w->jw);
	deia_jw_kstr(&w->jw, "type", type);
	return &w->jw;
}

void deia__worker_finish(deia_worker *w)
{
	deia_err err;

	deia_jw_end_object(&w->jw);
	err = deia_jw_status(&w->jw);
	if (err)
		deia__worker_end(w, err);
	else
		queue_line(w, w->jw.text, w->jw.len);
	if (w->jw.cap > KEEP_BYTES) {
		deia_jw_fini(&w->jw);
		deia_jw_init(&w->jw);
	}
}

void deia_worker_ready(deia_worker *w, unsigned max_concurrent)
{
	deia_jw *jw = deia__worker_begin(w, "ready");

	if (max_concurrent)
		deia_jw_kint(jw, "max_concurrent", max_concurrent);
	deia__worker_finish(w);
}

void deia_worker_status(deia_worker *w, const char *text)
{
	size_t len = strlen(text);

	if (len > DEIA__STATUS_BYTES)
		len = deia__utf8_whole(text, DEIA__STATUS_BYTES);
	if (len == strlen(w->status) && memcmp(text, w->status, len) == 0)
		return;
	memcpy(w->status, text, len);
	w->status[len] = '\0';
	deia_jw_kstr(deia__worker_begin(w, "status"), "text", w->status);
	deia__worker_finish(w);
}

void deia_worker_line(deia_worker *w, const char *json, size_t len)
{
	struct deia_json_error where;

	if (len > DEIA_MAX_LINE_BYTES || memchr(json, '\n', len)) {
		deia_worker_note(w, "a line of the program's own was dropped: "
				    "more than one line, or above 2 MiB");
		return;
	}
	if (deia_json_check(json, len, &where)) {
		deia_worker_note(w,
				 "a line of the program's own was dropped: "
				 "%s",
				 where.detail);
		return;
	}
	queue_line(w, json, len);
}

bool deia_worker_is_full(const deia_worker *w)
{
	return w->full;
}
