/* SPDX-License-Identifier: MIT */
/* redis.h - the Redis backend's second connection, which only listens. */
#ifndef DEIA_CACHE_REDIS_H
#define DEIA_CACHE_REDIS_H

#include "cache/link.h"

struct deia__redis_sub {
	struct deia__link link;
	deia_cache *cache;
	struct event_base *base;
	struct deia__timer timer; /* is it still there? */
	bool started, asked;	  /* asked: a PING is under way */
	char channel[DEIA_CACHE_MAX_KEY_BYTES + 1];
};

void deia__redis_sub_init(struct deia__redis_sub *s, deia_cache *cache,
			  struct event_base *base, deia__timers *timers,
			  deia__post *post, const struct deia__redis_url *url);
/* Listens to one channel from now on, also over lost connections. */
void deia__redis_sub_start(struct deia__redis_sub *s, const char *channel);
void deia__redis_sub_fini(struct deia__redis_sub *s);

#endif
