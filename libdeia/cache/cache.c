/* SPDX-License-Identifier: MIT */
/*
 * cache.c - the life of a cache, its calls under way, counters, flags and
 * fan-out. Values are in group.c.
 *
 * A call is bounded, ends exactly once, and ends as a miss whatever happens
 * to the backend. Nothing here waits.
 */
#include "cache/cache.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

static void say(char *detail, size_t len, const char *text)
{
	if (detail && len)
		snprintf(detail, len, "%s", text);
}

/* ---- opening ----------------------------------------------------------- */

static deia_err choose(const struct deia_cache_backend **out, const char *url,
		       const struct deia_cache_opts *o, char *detail,
		       size_t detail_len)
{
	deia_err err;

	*out = o->backend ? o->backend : &deia__cache_memory;
	if (o->backend || deia__cache_url_is_memory(url))
		return DEIA_OK;
	err = deia_cache_url_check(url, detail, detail_len);
#ifdef DEIA_HAVE_REDIS
	*out = &deia__cache_redis;
#endif
	return err;
}

static bool set_prefix(deia_cache *c, const char *prefix)
{
	size_t len;

	if (!prefix)
		prefix = DEIA__CACHE_PREFIX;
	len = strlen(prefix);
	if (!len || len > DEIA_CACHE_MAX_PREFIX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		if (prefix[i] <= ' ' || prefix[i] > '~')
			return false;
	memcpy(c->prefix, prefix, len);
	memcpy(c->prefix + len, ":", 2);
	return deia__cache_key(c, c->epoch_key, DEIA_CACHE_EPOCH, NULL, NULL);
}

static deia_err open_backend(deia_cache *c, struct event_base *base,
			     const char *url, const struct deia_cache_opts *o,
			     char *detail, size_t detail_len)
{
	struct deia_cache_setup setup = {
		.size = sizeof(setup),
		.cache = c,
		.base = base,
		.url = url,
		.password = o->password,
		.epoch_key = c->epoch_key,
		.memory_bytes = o->memory_bytes ? o->memory_bytes
						: DEIA__CACHE_MEMORY_BYTES,
	};

	c->grouped_ok = !o->store_is_shared || c->backend->shared;
	c->up = !c->backend->is_up;
	c->since_unix_ms = deia__unix_ms(NULL);
	return c->backend->open(&c->self, &setup, detail, detail_len);
}

deia_err deia_cache_open(deia_cache **out, struct event_base *base,
			 const char *url, const struct deia_cache_opts *opts,
			 char *detail, size_t detail_len)
{
	struct deia_cache_opts o = DEIA_CACHE_OPTS_INIT;
	deia_cache *c;
	deia_err err;

	*out = NULL;
	say(detail, detail_len, "");
	if (opts &&
	    (opts->size < sizeof(opts->size) || opts->size > sizeof(o))) {
		say(detail, detail_len, "opts: size is not of this version");
		return DEIA_EINVAL;
	}
	if (opts)
		memcpy(&o, opts, opts->size);
	c = deia__alloc(sizeof(*c));
	if (!c)
		return DEIA_ENOMEM;
	TAILQ_INIT(&c->subs);
	deia_histogram_init(&c->stats.times, DEIA_SCALE_FAST);
	c->on_state = o.on_state;
	c->user = o.user;
	err = choose(&c->backend, url, &o, detail, detail_len);
	if (!err && !set_prefix(c, o.prefix)) {
		say(detail, detail_len,
		    "cache.prefix: 1 to 32 printable characters, no blanks");
		err = DEIA_EINVAL;
	}
	if (!err)
		err = open_backend(c, base, url, &o, detail, detail_len);
	if (err)
		deia__free(c);
	else
		*out = c;
	return err;
}

void deia_cache_close(deia_cache *c)
{
	struct deia_cache_sub *s;

	if (!c)
		return;
	c->closing = true;
	c->on_state = NULL;
	c->backend->close(c->self);
	while ((s = TAILQ_FIRST(&c->subs))) {
		TAILQ_REMOVE(&c->subs, s, link);
		deia__free(s);
	}
	deia__free(c);
}

void deia__cache_set_clock(deia_cache *c, const struct deia__clock *clock)
{
	c->clock = clock;
}

/* ---- calls under way --------------------------------------------------- */

deia_cache_op *deia__cache_op_new(deia_cache *c, bool counted, deia_err *err)
{
	deia_cache_op *op;

	*err = DEIA_OK;
	if (c->closing || !c->up)
		*err = DEIA_EUNAVAILABLE;
	else if (counted && c->n_ops >= DEIA_CACHE_MAX_CALLS)
		*err = DEIA_EBUSY;
	op = *err ? NULL : deia__alloc(sizeof(*op));
	if (!op) {
		if (!*err)
			*err = DEIA_ENOMEM;
		c->stats.refused += counted;
		return NULL;
	}
	op->cache = c;
	op->counted = counted;
	c->n_ops += counted;
	return op;
}

void deia__cache_op_free(deia_cache_op *op)
{
	op->cache->n_ops -= op->counted;
	deia__free(op->data);
	deia__free(op);
}

deia_err deia__cache_submit(deia_cache_op *op,
			    const struct deia_cache_command *cmd)
{
	deia_cache *c = op->cache;
	deia_err err;

	op->verb = cmd->verb;
	op->sent_us = c->backend->shared ? deia__now_us() : 0;
	err = c->closing ? DEIA_EUNAVAILABLE
			 : c->backend->submit(c->self, cmd, op);
	if (err) {
		c->stats.refused += op->counted;
		deia__cache_op_free(op);
	}
	return err;
}

void deia_cache_end(deia_cache_op *op, const struct deia_cache_reply *reply)
{
	static const struct deia_cache_reply failed;

	if (op->sent_us)
		deia_histogram_add(&op->cache->stats.times,
				   deia__now_us() - op->sent_us);
	if (!reply || !reply->ok) {
		op->cache->stats.errors++;
		reply = &failed;
	}
	op->end(op, reply);
}

static void end_silently(deia_cache_op *op,
			 const struct deia_cache_reply *reply)
{
	(void)reply;
	deia__cache_op_free(op);
}

/* True when it is on its way. */
static bool hand_over(deia_cache *c, const struct deia_cache_command *cmd)
{
	deia_err err;
	deia_cache_op *op = deia__cache_op_new(c, false, &err);

	if (!op)
		return false;
	op->end = end_silently;
	return deia__cache_submit(op, cmd) == DEIA_OK;
}

void deia__cache_send(deia_cache *c, const struct deia_cache_command *cmd)
{
	if (!hand_over(c, cmd) && c->up)
		c->stats.errors++;
}

/* A mark that must go: where that cannot be said, none is believed. */
static void delete_mark(deia_cache *c, const char *key)
{
	const struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_DELETE,
		.n_keys = 1,
		.keys = { key },
	};

	c->stats.drops++;
	if (!hand_over(c, &cmd) && !c->closing)
		c->backend->reset(c->self);
}

void deia_cache_drop(deia_cache *c, deia_cache_kind kind, const char *group)
{
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];

	if (!c->grouped_ok)
		return;
	/* Of a group whose name is too long nothing was ever kept. */
	if (deia__cache_generation_key(c, key, kind, group))
		delete_mark(c, key);
}

void deia_cache_clear(deia_cache *c)
{
	if (c->grouped_ok)
		delete_mark(c, c->epoch_key);
}

void deia_cache_delete(deia_cache *c, deia_cache_kind kind, const char *name)
{
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	const struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_DELETE,
		.n_keys = 1,
		.keys = { key },
	};

	if (deia__cache_key(c, key, kind, NULL, name))
		deia__cache_send(c, &cmd);
}

/* ---- counters ---------------------------------------------------------- */

static void on_counted(deia_cache_op *op, const struct deia_cache_reply *r)
{
	bool known = r->ok && r->count > 0 && r->left_ms >= 0;

	if (op->cb.count)
		op->cb.count(known, known ? r->count : 0,
			     known ? r->left_ms : 0, op->user);
	deia__cache_op_free(op);
}

deia_err deia_cache_count(deia_cache *c, deia_cache_kind kind, const char *name,
			  deia_cache_count_cb cb, void *user)
{
	const struct deia_cache_row *row = deia_cache_get_row(kind);
	struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_ADD,
		.n_keys = 1,
		.ttl_ms = row ? row->ttl_ms : 0,
	};
	deia_cache_op *op;
	deia_err err;

	if (!row || row->form != DEIA_CACHE_COUNTER)
		return DEIA_EINVAL;
	op = deia__cache_op_new(c, true, &err);
	if (!op)
		return err;
	op->kind = kind;
	op->end = on_counted;
	op->cb.count = cb;
	op->user = user;
	if (!deia__cache_key(c, op->key, kind, NULL, name)) {
		deia__cache_op_free(op);
		return DEIA_ELIMIT;
	}
	cmd.keys[0] = op->key;
	return deia__cache_submit(op, &cmd);
}

/* ---- flags ------------------------------------------------------------- */

static bool is_word(const struct deia_cache_value *v, const char *word)
{
	return v->data && v->len == strlen(word) &&
	       memcmp(v->data, word, v->len) == 0;
}

static void on_flag(deia_cache_op *op, const struct deia_cache_reply *r)
{
	bool on = op->fallback;

	if (is_word(&r->values[0], "on") || is_word(&r->values[0], "1"))
		on = true;
	if (is_word(&r->values[0], "off") || is_word(&r->values[0], "0"))
		on = false;
	op->cb.flag(on, op->user);
	deia__cache_op_free(op);
}

deia_err deia_cache_flag(deia_cache *c, const char *name, bool fallback,
			 deia_cache_flag_cb cb, void *user)
{
	struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_READ,
		.n_keys = 1,
	};
	deia_err err;
	deia_cache_op *op = deia__cache_op_new(c, true, &err);

	if (!op)
		return err;
	op->end = on_flag;
	op->cb.flag = cb;
	op->user = user;
	op->fallback = fallback;
	if (!deia__cache_key(c, op->key, DEIA_CACHE_FLAG, NULL, name)) {
		deia__cache_op_free(op);
		return DEIA_ELIMIT;
	}
	cmd.keys[0] = op->key;
	return deia__cache_submit(op, &cmd);
}

void deia_cache_set_flag(deia_cache *c, const char *name, bool on)
{
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	const struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_WRITE,
		.n_keys = 1,
		.keys = { key },
		.value = on ? "on" : "off",
		.len = on ? 2 : 3,
	};

	if (deia__cache_key(c, key, DEIA_CACHE_FLAG, NULL, name))
		deia__cache_send(c, &cmd);
}

/* ---- fan-out ----------------------------------------------------------- */

void deia_cache_publish(deia_cache *c, deia_cache_kind channel,
			const void *data, size_t len)
{
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	const struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_TELL,
		.n_keys = 1,
		.keys = { key },
		.value = data,
		.len = len,
	};

	if (len > DEIA_CACHE_MAX_VALUE_BYTES)
		return;
	/* In a process of its own nobody hears it but its own listeners. */
	if (!c->backend->shared && TAILQ_EMPTY(&c->subs))
		return;
	if (deia__cache_key(c, key, channel, NULL, NULL))
		deia__cache_send(c, &cmd);
}

deia_err deia_cache_subscribe(deia_cache *c, deia_cache_kind channel,
			      deia_cache_message_cb cb, void *user,
			      deia_cache_sub **out)
{
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	struct deia_cache_sub *s;

	*out = NULL;
	if (c->n_subs >= DEIA_CACHE_MAX_SUBSCRIBERS ||
	    !deia__cache_key(c, key, channel, NULL, NULL))
		return DEIA_ELIMIT;
	s = deia__alloc(sizeof(*s));
	if (!s)
		return DEIA_ENOMEM;
	s->cache = c;
	s->channel = channel;
	s->cb = cb;
	s->user = user;
	TAILQ_INSERT_TAIL(&c->subs, s, link);
	c->n_subs++;
	if (!c->listening[channel])
		c->backend->listen(c->self, key);
	c->listening[channel] = true;
	*out = s;
	return DEIA_OK;
}

static void reap(deia_cache *c)
{
	struct deia_cache_sub *s, *next;

	for (s = TAILQ_FIRST(&c->subs); s; s = next) {
		next = TAILQ_NEXT(s, link);
		if (!s->dead)
			continue;
		TAILQ_REMOVE(&c->subs, s, link);
		deia__free(s);
	}
}

void deia_cache_unsubscribe(deia_cache_sub *s)
{
	deia_cache *c;

	if (!s)
		return;
	c = s->cache;
	s->dead = true;
	c->n_subs--;
	if (!c->delivering)
		reap(c);
}

void deia_cache_deliver(deia_cache *c, const char *channel, const void *data,
			size_t len)
{
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	struct deia_cache_sub *s;

	if (c->closing || len > DEIA_CACHE_MAX_VALUE_BYTES)
		return;
	c->delivering++;
	TAILQ_FOREACH(s, &c->subs, link) {
		if (!s->dead &&
		    deia__cache_key(c, key, s->channel, NULL, NULL) &&
		    strcmp(key, channel) == 0)
			s->cb(data, len, s->user);
	}
	if (!--c->delivering)
		reap(c);
}

/* ---- how it is --------------------------------------------------------- */

void deia_cache_set_up(deia_cache *c, bool up, const char *text)
{
	if (c->up != up) {
		c->up = up;
		c->since_unix_ms = deia__unix_ms(NULL);
	}
	if (c->on_state)
		c->on_state(up, text, c->user);
}

void deia_cache_note_late(deia_cache *c)
{
	c->stats.late++;
}

void deia_cache_get_stats(const deia_cache *c, struct deia_cache_stats *out)
{
	*out = c->stats;
	out->backend = c->backend->name;
	out->shared = c->backend->shared;
	out->up = c->up;
	out->since_unix_ms = c->since_unix_ms;
	out->under_way = c->n_ops;
	if (c->backend->usage)
		c->backend->usage(c->self, &out->entries, &out->bytes);
}
