/* SPDX-License-Identifier: MIT */
/* rig.c - see rig.h. */
#include "rig.h"

#include <stdio.h>

#define GIVE_UP_MS 30000 /* of a test, when nothing comes */

int64_t real_ms(void)
{
	return deia__now_ms(NULL);
}

static void on_state(bool up, const char *text, void *user)
{
	struct rig *g = user;

	if (up)
		g->ups++;
	else
		g->downs++;
	snprintf(g->text, sizeof(g->text), "%s", text);
}

void rig_open(struct rig *g, const char *url, const struct deia_cache_opts *o)
{
	struct deia_cache_opts opts = DEIA_CACHE_OPTS_INIT;
	char detail[256] = "";
	deia_err err;

	memset(g, 0, sizeof(*g));
	if (o)
		opts = *o;
	opts.on_state = on_state;
	opts.user = g;
	g->redis = url != NULL;
	g->base = event_base_new();
	g->clock = (struct deia__clock){ true, 1000, 5000, 0 };
	err = deia_cache_open(&g->cache, g->base, url, &opts, detail,
			      sizeof(detail));
	ck_assert_msg(err == DEIA_OK, "%s: %s", deia_err_name(err), detail);
	deia__cache_set_clock(g->cache, &g->clock);
}

void rig_close(struct rig *g)
{
	deia_cache_close(g->cache);
	event_base_free(g->base);
}

void rig_turn(struct rig *g, int64_t ms)
{
	struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };

	event_base_loopexit(g->base, &tv);
	ck_assert_int_ge(event_base_loop(g->base, EVLOOP_ONCE), 0);
}

void rig_until(struct rig *g, const int *n, int want)
{
	int64_t end = real_ms() + GIVE_UP_MS;

	while (*n < want) {
		ck_assert_msg(real_ms() < end, "nothing came");
		rig_turn(g, 100);
	}
}

void rig_wait_up(struct rig *g, bool up)
{
	int64_t end = real_ms() + GIVE_UP_MS;
	struct deia_cache_stats st;

	for (;;) {
		deia_cache_get_stats(g->cache, &st);
		if (st.up == up)
			return;
		ck_assert_msg(real_ms() < end, "it did not go %s",
			      up ? "up" : "down");
		rig_turn(g, 20);
	}
}

void on_get(const struct deia_cache_answer *a, void *user)
{
	struct got *o = user;

	o->calls++;
	o->hit = a->hit;
	ck_assert(a->hit || !a->data);
	ck_assert(!a->hit || !a->ticket);
	if (a->ticket) {
		o->has_ticket = true;
		o->ticket = *a->ticket;
	}
	o->len = a->len;
	if (a->data && a->len < sizeof(o->data))
		memcpy(o->data, a->data, a->len);
}

static uint64_t late(const struct rig *g)
{
	struct deia_cache_stats st;

	deia_cache_get_stats(g->cache, &st);
	return st.late + st.refused;
}

static struct got get_once(struct rig *g, deia_cache_kind kind,
			   const char *group, const char *key)
{
	struct got o = { 0 };

	if (deia_cache_get(g->cache, kind, group, key, on_get, &o))
		return o;
	ck_assert_int_eq(o.calls, 0);
	rig_until(g, &o.calls, 1);
	ck_assert_int_eq(o.calls, 1);
	return o;
}

/* On a busy machine a good server may be late: asked again while it is up. */
static struct got wait_get(struct rig *g, deia_cache_kind kind,
			   const char *group, const char *key)
{
	int64_t end = real_ms() + GIVE_UP_MS;
	struct deia_cache_stats st;
	struct got o;
	uint64_t before;

	do {
		before = late(g);
		o = get_once(g, kind, group, key);
		deia_cache_get_stats(g->cache, &st);
		if (!st.up || late(g) == before)
			return o;
		rig_turn(g, 5);
	} while (real_ms() < end);
	return o;
}

struct got get(struct rig *g, const char *group, const char *key)
{
	return wait_get(g, DEIA_CACHE_CHAT_PAGE, group, key);
}

struct got get_status(struct rig *g, const char *key)
{
	return wait_get(g, DEIA_CACHE_BOT_STATUS, NULL, key);
}

void fill(struct rig *g, const char *group, const char *key, const char *value)
{
	struct got o = get(g, group, key);

	ck_assert(!o.hit);
	ck_assert(o.has_ticket);
	deia_cache_put(g->cache, DEIA_CACHE_CHAT_PAGE, group, key, &o.ticket,
		       value, strlen(value));
}

struct counted {
	int calls;
	int64_t count, left_ms;
};

static void on_count(bool known, int64_t n, int64_t left_ms, void *user)
{
	struct counted *o = user;

	o->calls++;
	o->count = known ? n : -1;
	o->left_ms = left_ms;
}

int64_t count(struct rig *g, const char *key, int64_t *left_ms)
{
	struct counted o = { 0 };

	if (deia_cache_count(g->cache, DEIA_CACHE_LOGIN_TRIES, key, on_count,
			     &o))
		return -1;
	ck_assert_int_eq(o.calls, 0);
	rig_until(g, &o.calls, 1);
	if (left_ms)
		*left_ms = o.left_ms;
	return o.count;
}

struct flagged {
	int calls;
	bool on;
};

static void on_flag(bool on, void *user)
{
	struct flagged *o = user;

	o->calls++;
	o->on = on;
}

bool flag(struct rig *g, const char *name, bool fallback)
{
	struct flagged o = { 0 };
	uint64_t before = late(g);
	struct deia_cache_stats st;

	if (deia_cache_flag(g->cache, name, fallback, on_flag, &o) == DEIA_OK)
		rig_until(g, &o.calls, 1);
	deia_cache_get_stats(g->cache, &st);
	if (st.up && late(g) != before) {
		rig_turn(g, 5);
		return flag(g, name, fallback);
	}
	return o.calls ? o.on : fallback;
}
