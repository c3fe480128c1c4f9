/* SPDX-License-Identifier: MIT */
/*
 * resolve.c - see resolve.h.
 *
 * getaddrinfo blocks for seconds when a resolver is slow, and cannot be
 * stopped. So the thread is detached and shares the job with the loop: each
 * side lets go of it, the last one frees it.
 */
#include "cache/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "core/mem.h"

struct deia__resolve {
	pthread_mutex_t lock;
	unsigned owners;
	deia__post *post; /* NULL: cancelled */
	char *host, *port;
	struct deia__addresses found;
	deia__resolved_cb cb;
	void *arg;
};

/* Takes the lock with it. */
static void let_go(struct deia__resolve *r)
{
	bool last = --r->owners == 0;

	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&r->lock);
	deia__free(r->host);
	deia__free(r->port);
	deia__free(r);
}

static void look_up(struct deia__addresses *out, const char *host,
		    const char *port, int flags)
{
	struct addrinfo hints, *list = NULL, *a;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICSERV | flags;
	out->n = 0;
	if (getaddrinfo(host, port, &hints, &list))
		return;
	for (a = list; a && out->n < DEIA__ADDRESSES_MAX; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(out->items[0].address))
			continue;
		memcpy(&out->items[out->n].address, a->ai_addr, a->ai_addrlen);
		out->items[out->n++].len = a->ai_addrlen;
	}
	freeaddrinfo(list);
}

bool deia__resolve_literal(struct deia__addresses *out, const char *host,
			   const char *port)
{
	look_up(out, host, port, AI_NUMERICHOST);
	return out->n > 0;
}

/* On the loop. */
static void found(void *arg)
{
	struct deia__resolve *r = arg;
	bool cancelled;

	pthread_mutex_lock(&r->lock);
	cancelled = !r->post;
	pthread_mutex_unlock(&r->lock);
	if (!cancelled)
		r->cb(&r->found, r->arg);
	pthread_mutex_lock(&r->lock);
	r->owners -= !cancelled; /* the loop's share: it has its answer */
	let_go(r);
}

static void *run(void *arg)
{
	struct deia__resolve *r = arg;

	look_up(&r->found, r->host, r->port, AI_ADDRCONFIG);
	pthread_mutex_lock(&r->lock);
	/* What is posted holds the job in this thread's stead. */
	if (r->post && deia__post_call(r->post, found, r) == DEIA_OK)
		pthread_mutex_unlock(&r->lock);
	else
		let_go(r);
	return NULL;
}

/* Signals are the program's: this thread takes none. */
static bool start_thread(struct deia__resolve *r)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	bool ok;

	if (pthread_attr_init(&attr))
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = !pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) &&
	     !pthread_create(&thread, &attr, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ok;
}

deia_err deia__resolve_start(struct deia__resolve **out, deia__post *post,
			     const char *host, const char *port,
			     deia__resolved_cb cb, void *arg)
{
	struct deia__resolve *r = deia__alloc(sizeof(*r));

	*out = NULL;
	if (!r)
		return DEIA_ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	r->post = post;
	r->cb = cb;
	r->arg = arg;
	r->host = deia__strdup(host);
	r->port = deia__strdup(port);
	r->owners = 2;
	if (r->host && r->port && start_thread(r)) {
		*out = r;
		return DEIA_OK;
	}
	pthread_mutex_lock(&r->lock);
	r->owners = 1;
	let_go(r);
	return DEIA_EIO;
}

void deia__resolve_cancel(struct deia__resolve *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->post = NULL;
	let_go(r);
}
