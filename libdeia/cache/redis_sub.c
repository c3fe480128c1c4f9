/* SPDX-License-Identifier: MIT */
/*
 * redis_sub.c - the connection that listens: Redis takes no other commands on
 * one that has subscribed. It is asked every few seconds whether it is alive.
 */
#include "cache/redis.h"

#include <string.h>

#define ALIVE_MS 5000
#define ANSWER_MS 500

static void rearm(struct deia__redis_sub *s, int64_t ms)
{
	if (deia__timer_set(s->link.timers, &s->timer, ms))
		s->asked = false;
}

static void on_time(void *arg)
{
	static const char *ping[] = { "PING" };
	struct deia__redis_sub *s = arg;

	deia__wire_read(&s->link.wire);
	if (s->link.state != DEIA__LINK_UP)
		return;
	if (s->asked || deia__wire_send(&s->link.wire, 1, ping, NULL)) {
		deia__link_give_up(&s->link, "it does not answer");
		return;
	}
	s->asked = true;
	rearm(s, ANSWER_MS);
}

static bool is_text(const redisReply *v, const char *text)
{
	return v && v->type == REDIS_REPLY_STRING && v->len == strlen(text) &&
	       memcmp(v->str, text, v->len) == 0;
}

static const char *subscribe_wrong(const redisReply *v)
{
	return v->type == REDIS_REPLY_ARRAY && v->elements == 3 &&
			       is_text(v->element[0], "subscribe")
		       ? NULL
		       : "it does not let this program listen";
}

static void on_up(void *arg)
{
	struct deia__redis_sub *s = arg;

	s->asked = false;
	rearm(s, ALIVE_MS);
}

static void on_reply(void *arg, const redisReply *v)
{
	struct deia__redis_sub *s = arg;

	if (v->type == REDIS_REPLY_ARRAY && v->elements == 2 &&
	    is_text(v->element[0], "pong")) {
		s->asked = false;
		rearm(s, ALIVE_MS);
		return;
	}
	if (v->type != REDIS_REPLY_ARRAY || v->elements != 3 ||
	    !is_text(v->element[0], "message") ||
	    !is_text(v->element[1], s->channel) || !v->element[2] ||
	    v->element[2]->type != REDIS_REPLY_STRING) {
		deia__link_give_up(&s->link, "it answered what was not asked");
		return;
	}
	deia_cache_deliver(s->cache, s->channel, v->element[2]->str,
			   v->element[2]->len);
}

/* The other connection says how it is. */
static void on_down(void *arg, const char *why)
{
	struct deia__redis_sub *s = arg;

	(void)why;
	deia__timer_clear(s->link.timers, &s->timer);
}

void deia__redis_sub_init(struct deia__redis_sub *s, deia_cache *cache,
			  struct event_base *base, deia__timers *timers,
			  deia__post *post, const struct deia__redis_url *url)
{
	s->cache = cache;
	s->base = base;
	s->timer.fn = on_time;
	s->timer.arg = s;
	s->link.timers = timers;
	s->link.post = post;
	s->link.url = url;
	s->link.last[0] = "SUBSCRIBE";
	s->link.last[1] = s->channel;
	s->link.last_wrong = subscribe_wrong;
	s->link.on_up = on_up;
	s->link.on_reply = on_reply;
	s->link.on_down = on_down;
	s->link.arg = s;
	deia__link_init(&s->link, base);
}

void deia__redis_sub_start(struct deia__redis_sub *s, const char *channel)
{
	if (s->started)
		return;
	s->started = true;
	memcpy(s->channel, channel, strlen(channel) + 1);
	deia__link_start(&s->link);
}

void deia__redis_sub_fini(struct deia__redis_sub *s)
{
	if (!s->link.timers)
		return;
	deia__timer_clear(s->link.timers, &s->timer);
	deia__link_fini(&s->link);
}
