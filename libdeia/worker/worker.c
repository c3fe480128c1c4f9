/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the life of a worker: open, run, end.
 *
 * The end comes from anywhere (a shutdown line, end of input, a broken pipe, no
 * memory) and always takes the same way through the loop: the shutdown op,
 * open turns ended with code "shutting_down", queued output written for at most
 * DRAIN_SECONDS, then the run returns. Lines in are in in.c, lines out in
 * out.c, turns in turn.c.
 */
#include "worker/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define DRAIN_SECONDS 2
#define NOTE_BYTES 512

void deia_worker_note(deia_worker *w, const char *fmt, ...)
{
	char text[NOTE_BYTES];
	va_list ap;

	if (!w->ops.note)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	w->ops.note(w, text, w->user);
}

static void finish(deia_worker *w)
{
	w->finished = true;
	event_base_loopbreak(w->base);
}

static void shut_down(deia_worker *w)
{
	deia_turn *turn;

	w->ended = true;
	if (w->init && w->ops.shutdown)
		w->ops.shutdown(w, w->user);
	while ((turn = TAILQ_FIRST(&w->turns)))
		deia_turn_fail(turn, "shutting_down", true, 0,
			       "the bot is shutting down");
}

/*
 * Runs once at the beginning of the end, then when the output is written, and
 * at last when the time for that is over.
 */
static void on_end(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval drain = { DRAIN_SECONDS, 0 };
	deia_worker *w = arg;

	(void)fd;
	if (!w->ended) {
		shut_down(w);
		event_add(&w->ev_end, &drain);
	}
	if (what & EV_TIMEOUT || deia__worker_flush(w))
		finish(w);
}

void deia__worker_end(deia_worker *w, deia_err err)
{
	if (w->ending)
		return;
	w->ending = true;
	w->err = err;
	event_del(&w->ev_in);
	event_active(&w->ev_end, 0, 0);
}

static deia_err open_worker(deia_worker *w)
{
	deia_err err;

	if (!w->base) {
		w->base = event_base_new();
		w->own_base = true;
	}
	if (!w->base)
		return DEIA_ENOMEM;
	event_assign(&w->ev_end, w->base, -1, 0, on_end, w);
	err = deia__worker_out_open(w);
	if (!err)
		err = deia__worker_in_open(w);
	if (err)
		deia_worker_note(w, "stdin or stdout cannot be used");
	return err;
}

static void close_worker(deia_worker *w)
{
	if (w->base) {
		deia__worker_in_close(w);
		deia__worker_out_close(w);
		event_del(&w->ev_end);
	}
	if (w->own_base && w->base)
		event_base_free(w->base);
	cJSON_Delete(w->init);
	deia__free(w);
}

static deia_err run_loop(deia_worker *w)
{
	while (!w->finished)
		if (event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
			return DEIA_EIO;
	return w->err;
}

deia_err deia_worker_run(struct event_base *base,
			 const struct deia_worker_ops *ops, void *user)
{
	deia_worker *w;
	deia_err err;

	if (!ops || ops->size < offsetof(struct deia_worker_ops, interrupt) ||
	    !ops->turn)
		return DEIA_EINVAL;
	w = deia__alloc(sizeof(*w));
	if (!w)
		return DEIA_ENOMEM;
	memcpy(&w->ops, ops,
	       ops->size < sizeof(w->ops) ? ops->size : sizeof(w->ops));
	w->base = base;
	w->user = user;
	TAILQ_INIT(&w->turns);
	err = open_worker(w);
	if (!err)
		err = run_loop(w);
	if (!w->ended)
		shut_down(w);
	close_worker(w);
	return err;
}

struct event_base *deia_worker_base(deia_worker *w)
{
	return w->base;
}

const char *deia_worker_bot(const deia_worker *w)
{
	return w->bot;
}
