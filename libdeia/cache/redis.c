/* SPDX-License-Identifier: MIT */
/*
 * redis.c - a cache in a Redis that several nodes share.
 *
 * Commands go out in order over one connection and are answered in order; a
 * ring remembers what was asked. A read that has no answer after SOFT_MS is a
 * miss and its answer, should it come, is thrown away; until one has come,
 * further reads are a miss at once. When the oldest command has none after
 * HARD_MS the connection is given up: everything is a miss at once until
 * another one is up. The first command of each connection deletes the epoch
 * (see group.c), so a DELETE that got lost with the last one does no harm.
 *
 * A server that answers what was not asked is given up as well.
 */
#include "cache/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define SOFT_MS 25
#define HARD_MS 500
#define IDLE_MS 1000 /* a connection without work is asked whether it lives */
#define RING 2048u
#define RESERVED 512u /* of the ring and of the buffer for deletes alone */
#define UNSENT_MAX_BYTES (4u << 20)

_Static_assert((RING & (RING - 1)) == 0, "a power of two");

enum { ASK_PING = 100 };

/* What was asked; its answer is the next one. */
struct slot {
	deia_cache_op *op; /* NULL: nobody waits any more */
	int64_t sent_ms;
	unsigned char verb, n_keys;
	unsigned char replies, got; /* of the server, for this one */
};

struct redis {
	deia_cache *cache;
	struct deia__redis_url url;
	char *epoch_key;
	deia__timers *timers;
	deia__post *post;
	struct deia__link link;
	struct deia__timer timer;
	bool doubtful;	 /* to be given up, in a later turn */
	bool told;	 /* that it is down */
	int64_t last_ms; /* when what was answered last was asked */
	struct slot ring[RING];
	unsigned first, n, soft; /* soft: how many of them were looked at */
	struct deia__redis_sub sub;
};

static struct slot *slot_at(struct redis *r, unsigned i)
{
	return &r->ring[(r->first + i) & (RING - 1)];
}

/* ---- time -------------------------------------------------------------- */

/* When it must be looked at again. */
static int64_t next_look(struct redis *r, int64_t now)
{
	int64_t due = r->last_ms + IDLE_MS, soft;

	if (r->doubtful)
		return now;
	if (r->n)
		due = slot_at(r, 0)->sent_ms + HARD_MS;
	if (r->soft < r->n) {
		soft = slot_at(r, r->soft)->sent_ms + SOFT_MS;
		due = soft < due ? soft : due;
	}
	return due;
}

/*
 * A timer that is armed for an earlier time is left alone and looks again
 * then: so that a command costs no system call for its deadline.
 */
static void rearm(struct redis *r)
{
	int64_t now = deia__timers_now(r->timers), due;

	if (r->link.state != DEIA__LINK_UP) {
		deia__timer_clear(r->timers, &r->timer);
		return;
	}
	due = next_look(r, now);
	if (deia__timer_armed(&r->timer) && r->timer.due_ms <= due)
		return;
	/* It has its place among the timers since the start. */
	if (deia__timer_set(r->timers, &r->timer, due - now))
		r->doubtful = true;
}

static void end_slot(struct redis *r, struct slot *s,
		     const struct deia_cache_reply *reply)
{
	deia_cache_op *op = s->op;

	(void)r;
	s->op = NULL;
	if (op)
		deia_cache_end(op, reply);
}

/* Nobody waits for these longer. */
static void end_late(struct redis *r, int64_t now)
{
	while (r->soft < r->n) {
		struct slot *s = slot_at(r, r->soft);

		if (s->sent_ms + SOFT_MS > now)
			break;
		r->soft++;
		if (!s->op || s->verb != DEIA_CACHE_READ)
			continue; /* somebody waits for reads alone */
		deia_cache_note_late(r->cache);
		end_slot(r, s, NULL);
	}
}

static bool ask(struct redis *r, unsigned char verb, deia_cache_op *op,
		unsigned n_keys, unsigned replies)
{
	struct slot *s = slot_at(r, r->n);

	s->op = op;
	s->sent_ms = deia__timers_now(r->timers);
	s->verb = verb;
	s->n_keys = (unsigned char)n_keys;
	s->replies = (unsigned char)replies;
	s->got = 0;
	r->n++;
	if (r->n == 1 || r->soft == r->n - 1)
		rearm(r);
	return true;
}

/* Something could not be sent whole: what follows would be misread. */
static bool sent(struct redis *r, deia_err err)
{
	if (!err)
		return true;
	r->doubtful = true;
	rearm(r);
	return false;
}

static bool command(struct redis *r, int argc, const char **argv,
		    const size_t *lens)
{
	return sent(r, deia__wire_send(&r->link.wire, argc, argv, lens));
}

static void on_time(void *arg)
{
	static const char *ping[] = { "PING" };
	struct redis *r = arg;
	int64_t now;

	/* The loop may have been late, not the server. */
	deia__wire_read(&r->link.wire);
	now = deia__timers_now(r->timers);
	if (r->link.state == DEIA__LINK_UP && r->doubtful)
		deia__link_give_up(&r->link, "memory or time ran out");
	if (r->link.state == DEIA__LINK_UP)
		end_late(r, now);
	if (r->link.state == DEIA__LINK_UP && r->n &&
	    slot_at(r, 0)->sent_ms + HARD_MS <= now)
		deia__link_give_up(&r->link, "it does not answer");
	if (r->link.state == DEIA__LINK_UP && !r->n &&
	    command(r, 1, ping, NULL))
		ask(r, ASK_PING, NULL, 0, 1);
	rearm(r);
}

/* ---- replies ----------------------------------------------------------- */

static bool is_error(const redisReply *v, const char *code)
{
	return v->type == REDIS_REPLY_ERROR &&
	       strncmp(v->str, code, strlen(code)) == 0;
}

/* Full, or its disk is: it keeps nothing new, but what it has is right. */
static bool is_full(const redisReply *v)
{
	return is_error(v, "OOM") || is_error(v, "MISCONF");
}

static bool take_values(const struct slot *s, const redisReply *v,
			struct deia_cache_reply *out)
{
	if (v->type != REDIS_REPLY_ARRAY || v->elements != s->n_keys)
		return false;
	for (size_t i = 0; i < v->elements; i++) {
		const redisReply *e = v->element[i];

		if (!e || (e->type != REDIS_REPLY_STRING &&
			   e->type != REDIS_REPLY_NIL))
			return false;
		if (e->type == REDIS_REPLY_NIL)
			continue;
		out->values[i].data = e->str;
		out->values[i].len = e->len;
	}
	out->ok = true;
	return true;
}

static void keep_window(struct redis *r, const deia_cache_op *op,
			int64_t ttl_ms)
{
	char ttl[24];
	const char *argv[3] = { "PEXPIRE", op->key, ttl };

	snprintf(ttl, sizeof(ttl), "%lld", (long long)ttl_ms);
	if (command(r, 3, argv, NULL))
		ask(r, DEIA_CACHE_TELL, NULL, 0, 1);
}

/* The answer to EXEC: what SET NX, INCR and PTTL said. */
static bool take_count(struct redis *r, const struct slot *s,
		       const redisReply *v, struct deia_cache_reply *out)
{
	int64_t window = s->op ? deia_cache_get_row(s->op->kind)->ttl_ms : 0;

	if (v->type == REDIS_REPLY_ERROR)
		return true; /* not counted */
	if (v->type != REDIS_REPLY_ARRAY || v->elements != 3 ||
	    !v->element[1] || !v->element[2])
		return false;
	if (v->element[1]->type != REDIS_REPLY_INTEGER ||
	    v->element[2]->type != REDIS_REPLY_INTEGER)
		return true; /* the key holds something else */
	out->ok = true;
	out->count = v->element[1]->integer;
	out->left_ms = v->element[2]->integer;
	if (out->left_ms < 0 && s->op) { /* somebody made it without an end */
		keep_window(r, s->op, window);
		out->left_ms = window;
	}
	if (out->left_ms > window)
		out->left_ms = window;
	return true;
}

/* False: that is no answer to what was asked. */
static bool take(struct redis *r, struct slot *s, const redisReply *v,
		 struct deia_cache_reply *out)
{
	switch (s->verb) {
	case DEIA_CACHE_READ:
		return take_values(s, v, out);
	case DEIA_CACHE_WRITE:
		out->ok = v->type == REDIS_REPLY_STATUS;
		return out->ok || v->type == REDIS_REPLY_NIL || is_full(v);
	case DEIA_CACHE_DELETE:
		out->ok = v->type == REDIS_REPLY_INTEGER;
		return out->ok;
	case DEIA_CACHE_ADD:
		if (s->got == s->replies)
			return take_count(r, s, v, out);
		return v->type == REDIS_REPLY_STATUS || is_full(v);
	case DEIA_CACHE_TELL:
		out->ok = v->type == REDIS_REPLY_INTEGER;
		return out->ok || v->type == REDIS_REPLY_ERROR;
	default:
		return v->type == REDIS_REPLY_STATUS;
	}
}

static const char *nonsense(const redisReply *v)
{
	if (is_error(v, "NOAUTH") || is_error(v, "NOPERM"))
		return "it wants another user or password";
	if (is_error(v, "LOADING") || is_error(v, "READONLY") ||
	    is_error(v, "MOVED") || is_error(v, "MASTERDOWN"))
		return "it does not take commands now";
	return "it answered what was not asked";
}

static void on_reply(void *arg, const redisReply *v)
{
	struct redis *r = arg;
	struct deia_cache_reply reply = { .ok = false };
	struct slot *s = r->n ? slot_at(r, 0) : NULL, done;

	if (s)
		s->got++;
	if (!s || !take(r, s, v, &reply)) {
		deia__link_give_up(&r->link, nonsense(v));
		return;
	}
	if (s->got < s->replies)
		return;
	done = *s;
	r->first = (r->first + 1) & (RING - 1);
	r->n--;
	if (r->soft)
		r->soft--;
	/* The timer comes too early at worst, and then looks again. */
	r->last_ms = done.sent_ms;
	end_slot(r, &done, &reply);
}

/* ---- up and down ------------------------------------------------------- */

static const char *epoch_wrong(const redisReply *v)
{
	return v->type == REDIS_REPLY_INTEGER ? NULL : nonsense(v);
}

static void on_up(void *arg)
{
	struct redis *r = arg;

	r->told = false;
	r->doubtful = false;
	r->last_ms = deia__timers_now(r->timers);
	rearm(r);
	deia_cache_set_up(r->cache, true, "the cache is up");
}

static void fail_all(struct redis *r)
{
	while (r->n) {
		struct slot done = *slot_at(r, 0);

		r->first = (r->first + 1) & (RING - 1);
		r->n--;
		end_slot(r, &done, NULL);
	}
	r->soft = 0;
}

static void on_down(void *arg, const char *why)
{
	struct redis *r = arg;
	char text[200];
	bool told = r->told;

	r->told = true;
	r->doubtful = false;
	deia__timer_clear(r->timers, &r->timer);
	snprintf(text, sizeof(text),
		 "Redis at %.100s:%s is not used: %s; all goes on without",
		 r->url.host, r->url.port, why);
	if (!told)
		deia_cache_set_up(r->cache, false, text);
	fail_all(r);
}

static bool is_up(const void *self)
{
	const struct redis *r = self;

	return r->link.state == DEIA__LINK_UP && !r->doubtful;
}

/* ---- commands ---------------------------------------------------------- */

static bool send_read(struct redis *r, const struct deia_cache_command *cmd)
{
	const char *argv[DEIA_CACHE_MAX_KEYS + 1] = { "MGET" };

	for (unsigned i = 0; i < cmd->n_keys; i++)
		argv[i + 1] = cmd->keys[i];
	return command(r, (int)cmd->n_keys + 1, argv, NULL);
}

static bool send_write(struct redis *r, const struct deia_cache_command *cmd)
{
	char ttl[24];
	const char *argv[6] = { "SET", cmd->keys[0], cmd->value };
	size_t lens[6] = { 3, strlen(cmd->keys[0]), cmd->len };
	int n = 3;

	snprintf(ttl, sizeof(ttl), "%lld", (long long)cmd->ttl_ms);
	if (cmd->ttl_ms) {
		argv[n] = "PX";
		lens[n++] = 2;
		argv[n] = ttl;
		lens[n++] = strlen(ttl);
	}
	if (cmd->if_absent) {
		argv[n] = "NX";
		lens[n++] = 2;
	}
	return command(r, n, argv, lens);
}

static bool send_add(struct redis *r, const struct deia_cache_command *cmd)
{
	char ttl[24];
	const char *key = cmd->keys[0];
	const char *multi[] = { "MULTI" }, *exec[] = { "EXEC" };
	const char *set[] = { "SET", key, "0", "PX", ttl, "NX" };
	const char *incr[] = { "INCR", key }, *left[] = { "PTTL", key };

	snprintf(ttl, sizeof(ttl), "%lld", (long long)cmd->ttl_ms);
	return command(r, 1, multi, NULL) && command(r, 6, set, NULL) &&
	       command(r, 2, incr, NULL) && command(r, 2, left, NULL) &&
	       command(r, 1, exec, NULL);
}

static bool send_one(struct redis *r, const struct deia_cache_command *cmd)
{
	const char *del[] = { "DEL", cmd->keys[0] };
	const char *tell[] = { "PUBLISH", cmd->keys[0], cmd->value };
	size_t lens[] = { 7, strlen(cmd->keys[0]), cmd->len };

	switch (cmd->verb) {
	case DEIA_CACHE_READ:
		return send_read(r, cmd);
	case DEIA_CACHE_WRITE:
		return send_write(r, cmd);
	case DEIA_CACHE_DELETE:
		return command(r, 2, del, NULL);
	case DEIA_CACHE_ADD:
		return send_add(r, cmd);
	case DEIA_CACHE_TELL:
		return command(r, 3, tell, lens);
	}
	return false;
}

static deia_err submit(void *self, const struct deia_cache_command *cmd,
		       deia_cache_op *op)
{
	struct redis *r = self;
	unsigned ring = cmd->verb == DEIA_CACHE_DELETE ? RING : RING - RESERVED;

	if (!is_up(r))
		return DEIA_EUNAVAILABLE;
	/* It is late with others already: nothing is added to that but what
	 * must be said or counted. */
	if (r->soft && cmd->verb != DEIA_CACHE_DELETE &&
	    cmd->verb != DEIA_CACHE_ADD)
		return DEIA_EUNAVAILABLE;
	if (r->n >= ring ||
	    (cmd->verb != DEIA_CACHE_DELETE &&
	     r->link.wire.unsent.len + cmd->len > UNSENT_MAX_BYTES))
		return DEIA_EBUSY;
	if (!send_one(r, cmd))
		return DEIA_ENOMEM;
	ask(r, (unsigned char)cmd->verb, op, cmd->n_keys,
	    cmd->verb == DEIA_CACHE_ADD ? 5 : 1);
	return DEIA_OK;
}

/* Not given up at once: that would call back inside the caller's call. */
static void reset(void *self)
{
	struct redis *r = self;

	if (r->link.state != DEIA__LINK_UP)
		return;
	r->doubtful = true;
	rearm(r);
}

static void listen_redis(void *self, const char *channel)
{
	struct redis *r = self;

	deia__redis_sub_start(&r->sub, channel);
}

/* ---- opening ----------------------------------------------------------- */

static void close_redis(void *self)
{
	struct redis *r = self;

	deia__wire_flush(&r->link.wire); /* the last deletes */
	deia__link_fini(&r->link);
	deia__redis_sub_fini(&r->sub);
	fail_all(r);
	deia__post_free(r->post);
	deia__timers_free(r->timers);
	explicit_bzero(&r->url, sizeof(r->url));
	deia__free(r->epoch_key);
	deia__free(r);
}

static deia_err init_parts(struct redis *r,
			   const struct deia_cache_setup *setup)
{
	deia_err err = deia__timers_new(&r->timers, setup->base, NULL);

	if (!err)
		err = deia__post_new(&r->post, setup->base);
	if (err)
		return err;
	r->epoch_key = deia__strdup(setup->epoch_key);
	if (!r->epoch_key)
		return DEIA_ENOMEM;
	r->timer.fn = on_time;
	r->timer.arg = r;
	/* Makes the place that all later ones find, so that they cannot fail. */
	err = deia__timer_set(r->timers, &r->timer, 0);
	if (err)
		return err;
	deia__timer_clear(r->timers, &r->timer);
	r->link.timers = r->timers;
	r->link.post = r->post;
	r->link.url = &r->url;
	r->link.last[0] = "DEL";
	r->link.last[1] = r->epoch_key;
	r->link.last_wrong = epoch_wrong;
	r->link.on_up = on_up;
	r->link.on_reply = on_reply;
	r->link.on_down = on_down;
	r->link.arg = r;
	deia__link_init(&r->link, setup->base);
	deia__redis_sub_init(&r->sub, r->cache, setup->base, r->timers, r->post,
			     &r->url);
	return DEIA_OK;
}

static deia_err open_redis(void **self, const struct deia_cache_setup *setup,
			   char *detail, size_t detail_len)
{
	struct redis *r = deia__alloc(sizeof(*r));
	deia_err err = DEIA_ENOMEM;

	if (!r)
		return err;
	r->cache = setup->cache;
	err = deia__redis_url_parse(&r->url, setup->url, detail, detail_len);
	if (!err && setup->password) {
		if (strlen(setup->password) >= sizeof(r->url.password))
			err = DEIA_EINVAL;
		else
			memcpy(r->url.password, setup->password,
			       strlen(setup->password) + 1);
		if (err && detail && detail_len)
			snprintf(detail, detail_len,
				 "the password of the cache is too long");
	}
	if (!err)
		err = init_parts(r, setup);
	if (err) {
		close_redis(r);
		return err;
	}
	deia__link_start(&r->link);
	*self = r;
	return DEIA_OK;
}

const struct deia_cache_backend deia__cache_redis = {
	.size = sizeof(struct deia_cache_backend),
	.name = "redis",
	.shared = true,
	.trusted = false,
	.open = open_redis,
	.close = close_redis,
	.submit = submit,
	.reset = reset,
	.listen = listen_redis,
	.is_up = is_up,
};
