/* SPDX-License-Identifier: MIT */
/* link.c - see link.h. */
#include "cache/link.h"

#include <stdio.h>
#include <string.h>

enum hello { HELLO_AUTH, HELLO_SELECT, HELLO_NAME, HELLO_LAST };

static void arm(struct deia__link *l, int64_t ms)
{
	/* Room for a timer that was armed once is never given back; the first
	 * one is armed by deia__link_start. */
	if (deia__timer_set(l->timers, &l->timer, ms))
		l->state = DEIA__LINK_IDLE;
}

void deia__link_give_up(struct deia__link *l, const char *why)
{
	int64_t wait = l->backoff_ms;

	deia__wire_close(&l->wire);
	deia__resolve_cancel(l->resolve);
	l->resolve = NULL;
	l->state = DEIA__LINK_IDLE;
	l->backoff_ms = wait * 2 < DEIA__LINK_BACKOFF_MAX_MS
				? wait * 2
				: DEIA__LINK_BACKOFF_MAX_MS;
	wait -= (int64_t)(deia__rng_ratio(&l->rng) * (double)wait / 4);
	arm(l, wait);
	l->on_down(l->arg, why);
}

/* ---- signing in -------------------------------------------------------- */

static bool say_hello(struct deia__link *l, enum hello what, int argc,
		      const char **argv)
{
	l->hello[l->n_hello++] = (unsigned char)what;
	return deia__wire_send(&l->wire, argc, argv, NULL) == DEIA_OK;
}

static bool say_all(struct deia__link *l)
{
	const struct deia__redis_url *u = l->url;
	const char *auth[3] = { "AUTH", u->user, u->password };
	const char *plain[2] = { "AUTH", u->password };
	const char *name[3] = { "CLIENT", "SETNAME", "deia" };
	char db[16];
	const char *select[2] = { "SELECT", db };

	snprintf(db, sizeof(db), "%d", u->db);
	l->n_hello = l->at_hello = 0;
	if (u->user[0] && !say_hello(l, HELLO_AUTH, 3, auth))
		return false;
	if (!u->user[0] && u->password[0] &&
	    !say_hello(l, HELLO_AUTH, 2, plain))
		return false;
	if (u->db && !say_hello(l, HELLO_SELECT, 2, select))
		return false;
	return say_hello(l, HELLO_NAME, 3, name) &&
	       say_hello(l, HELLO_LAST, 2, l->last);
}

static void on_open(void *arg)
{
	struct deia__link *l = arg;

	l->state = DEIA__LINK_HELLO;
	if (!say_all(l))
		deia__link_give_up(l, "memory ran out");
}

/* What an error says, without what a server may have put into it. */
static const char *plain_error(const redisReply *reply)
{
	static const char *const known[] = { "NOAUTH",	 "WRONGPASS", "LOADING",
					     "READONLY", "MOVED",     "OOM",
					     "NOPERM",	 "MASTERDOWN" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(reply->str, known[i], strlen(known[i])) == 0)
			return known[i];
	return "it refused a command";
}

static const char *wrong(const struct deia__link *l, const redisReply *reply)
{
	enum hello what = l->hello[l->at_hello];

	/* A name is a comfort: who may not have one goes without. */
	if (what == HELLO_NAME)
		return NULL;
	if (reply->type == REDIS_REPLY_ERROR)
		return what == HELLO_AUTH ? "it refused user or password"
					  : plain_error(reply);
	if (what == HELLO_LAST)
		return l->last_wrong(reply);
	return reply->type == REDIS_REPLY_STATUS ? NULL
						 : "it answered nonsense";
}

static void on_reply(void *arg, const redisReply *reply)
{
	struct deia__link *l = arg;
	const char *why;

	if (l->state == DEIA__LINK_UP) {
		l->on_reply(l->arg, reply);
		return;
	}
	if (l->state != DEIA__LINK_HELLO || l->at_hello == l->n_hello)
		return;
	why = wrong(l, reply);
	if (why) {
		deia__link_give_up(l, why);
		return;
	}
	if (++l->at_hello < l->n_hello)
		return;
	l->state = DEIA__LINK_UP;
	l->backoff_ms = DEIA__LINK_BACKOFF_MS;
	deia__timer_clear(l->timers, &l->timer);
	l->on_up(l->arg);
}

static void on_lost(void *arg, const char *why)
{
	deia__link_give_up(arg, why);
}

/* ---- connecting -------------------------------------------------------- */

static void dial(struct deia__link *l)
{
	unsigned i;

	if (!l->addresses.n) {
		deia__link_give_up(l, "its name has no address");
		return;
	}
	i = l->next++ % l->addresses.n;
	l->state = DEIA__LINK_CONNECTING;
	arm(l, DEIA__LINK_HELLO_MS);
	if (deia__wire_connect(
		    &l->wire,
		    (const struct sockaddr *)&l->addresses.items[i].address,
		    l->addresses.items[i].len))
		deia__link_give_up(l, "no connection could be begun");
}

static void on_resolved(const struct deia__addresses *found, void *arg)
{
	struct deia__link *l = arg;

	l->resolve = NULL;
	l->addresses = *found;
	dial(l);
}

static void begin(struct deia__link *l)
{
	const struct deia__redis_url *u = l->url;

	if (deia__resolve_literal(&l->addresses, u->host, u->port)) {
		dial(l);
		return;
	}
	l->state = DEIA__LINK_RESOLVING;
	arm(l, DEIA__LINK_RESOLVE_MS);
	if (deia__resolve_start(&l->resolve, l->post, u->host, u->port,
				on_resolved, l))
		deia__link_give_up(l, "its name could not be looked up");
}

static void on_time(void *arg)
{
	struct deia__link *l = arg;

	switch (l->state) {
	case DEIA__LINK_IDLE:
		begin(l);
		break;
	case DEIA__LINK_RESOLVING:
		deia__link_give_up(l, "looking up its name takes too long");
		break;
	case DEIA__LINK_CONNECTING:
		deia__link_give_up(l, "it does not answer");
		break;
	case DEIA__LINK_HELLO:
		/* The loop may have been late, not the server. */
		deia__wire_read(&l->wire);
		if (l->state == DEIA__LINK_HELLO)
			deia__link_give_up(l, "it does not answer");
		break;
	case DEIA__LINK_UP:
		break;
	}
}

void deia__link_init(struct deia__link *l, struct event_base *base)
{
	deia__wire_init(&l->wire, base);
	l->wire.on_open = on_open;
	l->wire.on_reply = on_reply;
	l->wire.on_lost = on_lost;
	l->wire.arg = l;
	l->timer.fn = on_time;
	l->timer.arg = l;
	l->backoff_ms = DEIA__LINK_BACKOFF_MS;
	deia__rng_init(&l->rng, 0);
}

void deia__link_start(struct deia__link *l)
{
	arm(l, 0);
}

void deia__link_fini(struct deia__link *l)
{
	if (!l->timers)
		return;
	deia__timer_clear(l->timers, &l->timer);
	deia__resolve_cancel(l->resolve);
	l->resolve = NULL;
	deia__wire_close(&l->wire);
	l->state = DEIA__LINK_IDLE;
}
