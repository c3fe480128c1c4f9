/* SPDX-License-Identifier: MIT */
/*
 * cache.h - the inside of a cache, shared by the files of this folder.
 *
 * The files: cache.c (life, calls under way, fan-out), group.c (values and
 * the generations that keep stale ones out), keys.c (the table of keys),
 * memory.c, redis*.c (backends), wire.c (one connection), resolve.c (names to
 * addresses), url.c.
 */
#ifndef DEIA_CACHE_CACHE_H
#define DEIA_CACHE_CACHE_H

#include <sys/queue.h>

#include <deia/sys/cache.h>

#include "core/clock.h"

#define DEIA__CACHE_MARK_BYTES 16
#define DEIA__CACHE_PREFIX "deia"
#define DEIA__CACHE_MEMORY_BYTES (16u << 20)

/* A call under way. */
struct deia_cache_op {
	deia_cache *cache;
	void (*end)(deia_cache_op *op, const struct deia_cache_reply *reply);
	deia_cache_kind kind;
	union {
		deia_cache_get_cb get;
		deia_cache_count_cb count;
		deia_cache_flag_cb flag;
	} cb;
	void *user;
	bool fallback;
	bool counted; /* among the calls that are bounded */
	char gen_key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	/* The backend's own, until the end. */
	TAILQ_ENTRY(deia_cache_op) link;
	struct deia_cache_reply reply;
	char *data; /* what reply.values point into */
	size_t len;
	enum deia_cache_verb verb;
	int64_t sent_us; /* 0: nobody wants to know */
};
TAILQ_HEAD(deia__cache_ops, deia_cache_op);

struct deia_cache_sub {
	deia_cache *cache;
	deia_cache_kind channel;
	deia_cache_message_cb cb;
	void *user;
	bool dead;
	TAILQ_ENTRY(deia_cache_sub) link;
};

struct deia_cache {
	const struct deia_cache_backend *backend;
	void *self;
	const struct deia__clock *clock;	      /* NULL: the real one */
	char prefix[DEIA_CACHE_MAX_PREFIX_BYTES + 2]; /* with its ":" */
	char epoch_key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	bool grouped_ok; /* values of groups may be kept here */
	bool closing, up;
	int64_t since_unix_ms;
	void (*on_state)(bool up, const char *text, void *user);
	void *user;
	unsigned n_ops, delivering;
	TAILQ_HEAD(, deia_cache_sub) subs;
	unsigned n_subs;
	bool listening[DEIA_CACHE_KINDS];
	struct deia_cache_stats stats;
};

extern const struct deia_cache_backend deia__cache_memory;
#ifdef DEIA_HAVE_REDIS
extern const struct deia_cache_backend deia__cache_redis;
#endif

/* Tests: the memory cache's time. Borrowed, outlives the cache. */
void deia__cache_set_clock(deia_cache *c, const struct deia__clock *clock);

/* ---- keys.c ------------------------------------------------------------ */

/* Writes a whole key, DEIA_CACHE_MAX_KEY_BYTES + 1; false: too long. */
bool deia__cache_key(const deia_cache *c, char *out, deia_cache_kind kind,
		     const char *group, const char *key);
bool deia__cache_generation_key(const deia_cache *c, char *out,
				deia_cache_kind kind, const char *group);

/* ---- cache.c ------------------------------------------------------------ */

/* A call; NULL with *err when there may be none. */
deia_cache_op *deia__cache_op_new(deia_cache *c, bool counted, deia_err *err);
void deia__cache_op_free(deia_cache_op *op);
/* Hands it over; on an error the op is gone. */
DEIA_NODISCARD deia_err
deia__cache_submit(deia_cache_op *op, const struct deia_cache_command *cmd);
/* A command whose outcome nobody waits for. */
void deia__cache_send(deia_cache *c, const struct deia_cache_command *cmd);

/* ---- url.c -------------------------------------------------------------- */

struct deia__redis_url {
	char user[128], password[256], host[256], port[6];
	int db;
};
/* Of a redis:// url. DEIA_EINVAL, DEIA_EUNSUPPORTED; detail as in open. */
DEIA_NODISCARD deia_err deia__redis_url_parse(struct deia__redis_url *out,
					      const char *url, char *detail,
					      size_t detail_len);
bool deia__cache_url_is_memory(const char *url);

#endif
