/* SPDX-License-Identifier: MIT */
/*
 * post.c - calls handed to the loop thread.
 *
 * The list is appended under the lock and taken whole by the loop, which
 * calls without the lock. The eventfd is written only when the list was
 * empty, so a burst of posts costs one wake-up.
 */
#include "core/post.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/mem.h"

struct call {
	struct call *next;
	void (*fn)(void *arg);
	void *arg;
};

struct deia__post {
	pthread_mutex_t lock;
	struct call *first, **end; /* under the lock */
	bool closing;		   /* under the lock */
	struct event *event;
	int fd;
};

static struct call *take_all(deia__post *p)
{
	struct call *first;

	pthread_mutex_lock(&p->lock);
	first = p->first;
	p->first = NULL;
	p->end = &p->first;
	pthread_mutex_unlock(&p->lock);
	return first;
}

static void run_all(struct call *call)
{
	while (call) {
		struct call *next = call->next;

		call->fn(call->arg);
		deia__free(call);
		call = next;
	}
}

static void on_eventfd(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno == EAGAIN)
		return;
	run_all(take_all(arg));
}

static void wake(deia__post *p)
{
	uint64_t one = 1;

	/* Fails only with EAGAIN at 2^64 - 1: then it is awake. */
	while (write(p->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static deia_err watch(deia__post *p, struct event_base *base)
{
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->fd < 0)
		return DEIA_EIO;
	p->event = event_new(base, p->fd, EV_READ | EV_PERSIST, on_eventfd, p);
	if (!p->event)
		return DEIA_ENOMEM;
	return event_add(p->event, NULL) == 0 ? DEIA_OK : DEIA_EIO;
}

deia_err deia__post_new(deia__post **out, struct event_base *base)
{
	deia__post *p = deia__alloc(sizeof(*p));
	deia_err err;

	*out = NULL;
	if (!p)
		return DEIA_ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	p->end = &p->first;
	err = watch(p, base);
	if (err) {
		deia__post_free(p);
		return err;
	}
	*out = p;
	return DEIA_OK;
}

void deia__post_free(deia__post *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_mutex_unlock(&p->lock);
	run_all(take_all(p));
	if (p->event)
		event_free(p->event);
	if (p->fd >= 0)
		close(p->fd);
	pthread_mutex_destroy(&p->lock);
	deia__free(p);
}

deia_err deia__post_call(deia__post *p, void (*fn)(void *arg), void *arg)
{
	struct call *call = deia__alloc(sizeof(*call));
	bool first, closing;

	if (!call)
		return DEIA_ENOMEM;
	call->fn = fn;
	call->arg = arg;
	pthread_mutex_lock(&p->lock);
	closing = p->closing;
	first = !p->first;
	if (!closing) {
		*p->end = call;
		p->end = &call->next;
		/* Under the lock, so that the owner cannot free p before. */
		if (first)
			wake(p);
	}
	pthread_mutex_unlock(&p->lock);
	if (closing)
		deia__free(call);
	return closing ? DEIA_ECANCELED : DEIA_OK;
}
