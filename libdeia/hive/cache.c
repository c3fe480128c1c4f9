/* SPDX-License-Identifier: MIT */
/*
 * cache.c - what the hive does with its cache: dropping pages that a change
 * made old, telling other nodes of events and bots, sharing the count of wrong
 * sign-in codes. Pages are looked for in lines.c.
 *
 * Tokens are not here: all of them are in memory, where a look-up costs no
 * read and a revoked one is dead at once.
 */
#include "hive/hive.h"

#include <stdio.h>
#include <string.h>

#include "cache/cache.h"

#define STATUS_MS 1000 /* a bot's status lives for three of them */

static void on_state(bool up, const char *text, void *user)
{
	deia__hive_log(user, up ? DEIA_LOG_INFO : DEIA_LOG_WARN, "%s", text);
}

deia_err deia__cache_open(deia_hive *h, const struct deia_hive_opts *o,
			  char *detail, size_t detail_len)
{
	struct deia_cache_opts co = DEIA_CACHE_OPTS_INIT;
	struct deia_cache_stats st;
	deia_err err;

	co.prefix = o->cache_prefix;
	co.memory_bytes = o->cache_memory_bytes;
	co.password = o->cache_password;
	co.store_is_shared = deia_store_is_shared(h->store);
	co.on_state = on_state;
	co.user = h;
	deia__uuid7(h->cache.node, h->started_unix_ms);
	err = deia_cache_open(&h->cache.cache, h->base, o->cache_url, &co,
			      detail, detail_len);
	if (err)
		return err;
	deia_cache_get_stats(h->cache.cache, &st);
	h->cache.shared = st.shared;
	return DEIA_OK;
}

void deia__cache_close(deia_hive *h)
{
	deia_cache *cache = h->cache.cache;

	deia_cache_unsubscribe(h->cache.events);
	h->cache.events = NULL;
	if (h->timers)
		deia__timer_clear(h->timers, &h->cache.status_timer);
	deia_cache_close(cache);
	h->cache.cache = NULL;
}

deia_cache *deia_hive_get_cache(const deia_hive *h)
{
	return h->cache.cache;
}

void deia__cache_chat_changed(deia_hive *h, const char *conversation)
{
	if (h->cache.cache && conversation)
		deia_cache_drop(h->cache.cache, DEIA_CACHE_CHAT_PAGE,
				conversation);
	else if (h->cache.cache)
		deia_cache_clear(h->cache.cache);
}

/* ---- events ------------------------------------------------------------ */

void deia__cache_event(deia_hive *h, const struct deia_event *ev)
{
	deia_jw w;

	if (!h->cache.cache || (!h->cache.shared && !h->cache.cache->n_subs))
		return;
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "node", h->cache.node);
	deia_jw_kint(&w, "seq", ev->seq);
	deia_jw_kstr(&w, "type", ev->type);
	deia_jw_kstr(&w, "subject", ev->subject);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		deia_cache_publish(h->cache.cache, DEIA_CACHE_EVENTS, w.text,
				   w.len);
	deia_jw_fini(&w);
}

/* A hint, no more: what is in the store counts. */
static void on_event_somewhere(const void *data, size_t len, void *user)
{
	deia_hive *h = user;

	if (!memmem(data, len, h->cache.node, strlen(h->cache.node)))
		deia__events_look(h);
}

/* ---- bots -------------------------------------------------------------- */

static void put_status(deia_hive *h, const struct deia_bot_info *info)
{
	char key[sizeof(h->cache.node) + DEIA_MAX_ID_LEN + 2];
	deia_jw w;

	snprintf(key, sizeof(key), "%s:%s", h->cache.node, info->spec->id);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "node", h->cache.node);
	deia_jw_kstr(&w, "bot", info->spec->id);
	deia_jw_kstr(&w, "state", deia_bot_state_name(info->state));
	deia_jw_kint(&w, "running", info->running);
	deia_jw_kint(&w, "queued", info->queued);
	deia_jw_ktime(&w, "at", deia__unix_ms(NULL));
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		deia_cache_put(h->cache.cache, DEIA_CACHE_BOT_STATUS, NULL, key,
			       NULL, w.text, w.len);
	deia_jw_fini(&w);
}

void deia__cache_bot_state(deia_hive *h, const char *bot)
{
	const struct deia_bot_info *info;

	if (!h->cache.cache || !h->cache.shared)
		return;
	info = deia_bots_get(h->bots, bot);
	if (info)
		put_status(h, info);
}

static void arm_status(deia_hive *h, int64_t ms);

/* Some of them each time, so that all have their turn within a second. */
static void on_status_time(void *arg)
{
	deia_hive *h = arg;
	struct deia__hbot *b = deia__hbot_get(h, h->cache.status_bot);
	unsigned all = HASH_COUNT(h->hbots), n = all / 10 + 1;

	while (n--) {
		b = b && b->hh.next ? b->hh.next : h->hbots;
		if (b)
			deia__cache_bot_state(h, b->id);
	}
	h->cache.status_bot[0] = '\0';
	if (b)
		memcpy(h->cache.status_bot, b->id, sizeof(b->id));
	arm_status(h, STATUS_MS / (all < 10 ? all + 1 : 10));
}

static void arm_status(deia_hive *h, int64_t ms)
{
	h->cache.status_timer.fn = on_status_time;
	h->cache.status_timer.arg = h;
	if (deia__timer_set(h->timers, &h->cache.status_timer, ms))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "other nodes are not told how bots are");
}

/* In a process of its own nobody else would read it. */
void deia__cache_start(deia_hive *h)
{
	if (!h->cache.shared)
		return;
	arm_status(h, STATUS_MS);
	/* Without it they come within a second. */
	if (deia_store_is_shared(h->store) &&
	    deia_cache_subscribe(h->cache.cache, DEIA_CACHE_EVENTS,
				 on_event_somewhere, h, &h->cache.events))
		h->cache.events = NULL;
}

/* ---- signing in -------------------------------------------------------- */

struct tried {
	deia_hive *hive;
	char address[64];
};

static void on_tried(bool known, int64_t count, int64_t left_ms, void *user)
{
	struct tried *t = user;

	if (known)
		deia__codes_learn(&t->hive->codes, t->address, count, left_ms,
				  deia__timers_now(t->hive->timers));
	deia__free(t);
}

/* What was counted here counts here whether the cache is there or not. */
void deia__cache_login_tried(deia_hive *h, const char *address, bool right)
{
	struct tried *t;

	if (!h->cache.cache)
		return;
	if (right) {
		deia_cache_delete(h->cache.cache, DEIA_CACHE_LOGIN_TRIES,
				  address ? address : "");
		return;
	}
	t = deia__alloc(sizeof(*t));
	if (!t)
		return;
	t->hive = h;
	snprintf(t->address, sizeof(t->address), "%s", address ? address : "");
	if (deia_cache_count(h->cache.cache, DEIA_CACHE_LOGIN_TRIES, t->address,
			     on_tried, t))
		deia__free(t);
}
