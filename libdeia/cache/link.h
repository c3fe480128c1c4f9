/* SPDX-License-Identifier: MIT */
/*
 * link.h - a connection to Redis that comes back by itself.
 *
 * Name, connect, sign in, one last command of the owner's: only then is it
 * up. All of that must be done within a second, else it is given up and tried
 * again later, 0.5 to 10 s apart.
 */
#ifndef DEIA_CACHE_LINK_H
#define DEIA_CACHE_LINK_H

#include "cache/cache.h"
#include "cache/resolve.h"
#include "cache/wire.h"
#include "core/id.h"
#include "core/timer.h"

#define DEIA__LINK_HELLO_MS 500
#define DEIA__LINK_RESOLVE_MS 10000
#define DEIA__LINK_BACKOFF_MS 500
#define DEIA__LINK_BACKOFF_MAX_MS 10000

enum deia__link_state {
	DEIA__LINK_IDLE,
	DEIA__LINK_RESOLVING,
	DEIA__LINK_CONNECTING,
	DEIA__LINK_HELLO,
	DEIA__LINK_UP
};

struct deia__link {
	struct deia__wire wire;
	deia__timers *timers; /* borrowed, as post and url */
	deia__post *post;
	const struct deia__redis_url *url;
	enum deia__link_state state;
	struct deia__addresses addresses;
	unsigned next; /* address */
	struct deia__resolve *resolve;
	struct deia__timer timer; /* of the state; none while it is up */
	struct deia__rng rng;
	int64_t backoff_ms;
	unsigned char hello[4]; /* what was asked, in order */
	unsigned n_hello, at_hello;
	const char *last[2]; /* the owner's last command */
	/* Its answer: NULL, or why that will not do. */
	const char *(*last_wrong)(const redisReply *reply);
	void (*on_up)(void *arg);
	void (*on_reply)(void *arg, const redisReply *reply);
	/* It was up, or is not to be had. why: one line, no secret. */
	void (*on_down)(void *arg, const char *why);
	void *arg;
};

/* The owner's fields are set already. */
void deia__link_init(struct deia__link *l, struct event_base *base);
/* Begins, in a later turn. */
void deia__link_start(struct deia__link *l);
/* Ends what there is, says so, and tries again later. */
void deia__link_give_up(struct deia__link *l, const char *why);
void deia__link_fini(struct deia__link *l);

#endif
