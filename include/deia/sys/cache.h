/* SPDX-License-Identifier: MIT */
/*
 * cache.h - what was read once and may be read again; counters; fan-out.
 *
 * A cache never changes a result: whatever goes wrong with it is a miss, and
 * a miss is always right. Values are kept for the time of their kind, in this
 * process (memory) or in a Redis that several nodes share.
 *
 * What is read from the store belongs to a group (the pages of one
 * conversation). Whoever changes the store drops the group afterwards. So
 * that a page read before the change is not put back after the drop, a miss
 * hands out a ticket and the put brings it along: see docs/cache.md.
 *
 * Threads: all functions belong to the loop thread. Callbacks run on the loop,
 * exactly once, never inside the call that takes them. A call that returns an
 * error never calls back.
 */
#ifndef DEIA_SYS_CACHE_H
#define DEIA_SYS_CACHE_H

#include <deia/error.h>
#include <deia/histogram.h>

DEIA_BEGIN

struct event_base;
typedef struct deia_cache deia_cache;

#define DEIA_CACHE_MAX_KEY_BYTES 256
#define DEIA_CACHE_MAX_VALUE_BYTES (256u << 10)
#define DEIA_CACHE_MAX_PREFIX_BYTES 32
/* Calls whose callback is still to come; over it DEIA_EBUSY. */
#define DEIA_CACHE_MAX_CALLS 1024
#define DEIA_CACHE_MAX_SUBSCRIBERS 64

/* ---- kinds of keys ------------------------------------------------------ */

/* Each is a row of the table in libdeia/cache/keys.c and in docs/cache.md. */
typedef enum deia_cache_kind {
	DEIA_CACHE_EPOCH,      /* the backend's own */
	DEIA_CACHE_GENERATION, /* the groups' own */
	DEIA_CACHE_CHAT_PAGE,
	DEIA_CACHE_BOT_STATUS,
	DEIA_CACHE_LOGIN_TRIES,
	DEIA_CACHE_FLAG,
	DEIA_CACHE_EVENTS,
	DEIA_CACHE_PROBE, /* since 0.3 */
	DEIA_CACHE_KINDS
} deia_cache_kind;

enum deia_cache_form {
	DEIA_CACHE_MARK,    /* a random mark, only compared */
	DEIA_CACHE_GROUPED, /* a value of a group, put with a ticket */
	DEIA_CACHE_SINGLE,  /* a value that stands alone */
	DEIA_CACHE_COUNTER, /* a number that only rises in its window */
	DEIA_CACHE_WORD,    /* "on" or "off", as people write it */
	DEIA_CACHE_CHANNEL  /* no key: published and forgotten */
};

struct deia_cache_row {
	const char *prefix; /* "page": keys are PREFIX:page:... */
	enum deia_cache_form form;
	int64_t ttl_ms; /* 0: no end */
	const char *about;
};
/* The row of a kind; static. Any thread. Since 0.2. */
DEIA_API const struct deia_cache_row *deia_cache_get_row(deia_cache_kind kind);

/* ---- opening ------------------------------------------------------------ */

struct deia_cache_backend;

struct deia_cache_opts {
	size_t size;
	const char *prefix;   /* of all keys, before a ":"; NULL: "deia" */
	size_t memory_bytes;  /* of the memory cache, 0: 16 MiB */
	const char *password; /* goes over that of the url; NULL: none */
	/*
	 * Other processes use the same store. Then what is read from it is
	 * only kept where all of them see a drop: not in memory.
	 */
	bool store_is_shared;
	/* Called when it goes up or down; text: one line, no password. */
	void (*on_state)(bool up, const char *text, void *user);
	void *user;
	/* One of the caller's own instead of the url's, or NULL. Borrowed. */
	const struct deia_cache_backend *backend;
};
#define DEIA_CACHE_OPTS_INIT                                                   \
	{                                                                      \
		.size = sizeof(struct deia_cache_opts)                         \
	}

/*
 * Opens a cache. Never waits for a server: until it is there all is a miss.
 * url: NULL, "" or "memory:" is memory; redis://[user:password@]host[:port]
 * [/db], user and password with %XX for what a URL cannot hold.
 * base: borrowed, outlives the cache.
 * detail: at least 256 bytes, may be NULL; on failure one line that says what
 * to do.
 * Returns DEIA_OK, DEIA_EINVAL (url, prefix, opts), DEIA_EUNSUPPORTED (Redis
 * is not in this build, or rediss://), DEIA_EIO, DEIA_ENOMEM. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_cache_open(
	deia_cache **out, struct event_base *base, const char *url,
	const struct deia_cache_opts *opts, char *detail, size_t detail_len);
/* Checks an url alone; as deia_cache_open. Any thread. Since 0.2. */
DEIA_API DEIA_NODISCARD deia_err deia_cache_url_check(const char *url,
						      char *detail,
						      size_t detail_len);
/*
 * Ends it. Callbacks that are due are called, with a miss, before it returns;
 * what they call is refused. Not from a callback of it. NULL is fine. Since
 * 0.2.
 */
DEIA_API void deia_cache_close(deia_cache *cache);

/* ---- values ------------------------------------------------------------- */

/* Says what was current before the store was read. Copied freely. */
struct deia_cache_ticket {
	unsigned char marks[32];
};

struct deia_cache_answer {
	bool hit;
	const void *data; /* of a hit, until the callback returns */
	size_t len;
	/* Of a miss of a group: to be put with; NULL: put nothing. */
	const struct deia_cache_ticket *ticket;
};
typedef void (*deia_cache_get_cb)(const struct deia_cache_answer *answer,
				  void *user);

/*
 * Looks for a value. group: of a DEIA_CACHE_GROUPED kind, else NULL. key: any
 * text; both short enough that prefix and all fit DEIA_CACHE_MAX_KEY_BYTES.
 * What comes back has passed a check of its bytes; what they mean is checked
 * by the caller.
 * Returns DEIA_OK, or it is a miss at once: DEIA_EUNAVAILABLE (not there),
 * DEIA_EBUSY (too many calls under way), DEIA_ELIMIT (key), DEIA_ENOMEM.
 * Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_cache_get(deia_cache *cache, deia_cache_kind kind, const char *group,
	       const char *key, deia_cache_get_cb cb, void *user);
/*
 * Keeps a value for the time of its kind; copied. ticket: of the miss before
 * the store was read, for a grouped kind, else NULL. A value that is too large
 * or cannot be kept is not kept. Since 0.2.
 */
DEIA_API void deia_cache_put(deia_cache *cache, deia_cache_kind kind,
			     const char *group, const char *key,
			     const struct deia_cache_ticket *ticket,
			     const void *value, size_t len);
/*
 * The store changed what the group shows: nothing put with an earlier ticket
 * is a hit any more, at this node from now on. Always succeeds: where it
 * cannot be told to the server, nothing of the server is believed until all
 * groups were dropped there. Since 0.2.
 */
DEIA_API void deia_cache_drop(deia_cache *cache, deia_cache_kind kind,
			      const char *group);
/* As deia_cache_drop, of all groups of all kinds. Since 0.2. */
DEIA_API void deia_cache_clear(deia_cache *cache);
/* Deletes a single value, a counter or a flag. Since 0.2. */
DEIA_API void deia_cache_delete(deia_cache *cache, deia_cache_kind kind,
				const char *key);

/* ---- counters, flags ---------------------------------------------------- */

/* known false: count as if there were no cache. */
typedef void (*deia_cache_count_cb)(bool known, int64_t count, int64_t left_ms,
				    void *user);
/*
 * Counts one more under the key; the window begins with the first and is as
 * long as the time of the kind. count: with this one; left_ms: until the
 * window ends. cb may be NULL. Errors as deia_cache_get. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_cache_count(deia_cache *cache,
						  deia_cache_kind kind,
						  const char *key,
						  deia_cache_count_cb cb,
						  void *user);

typedef void (*deia_cache_flag_cb)(bool on, void *user);
/*
 * A switch that people set beside the program: the word "on" (or "1") or
 * "off" ("0") under PREFIX:flag:NAME. Anything else, nothing, and a
 * cache that is not there: fallback. Never a question of who may do what.
 * Errors as deia_cache_get. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_cache_flag(deia_cache *cache,
						 const char *name,
						 bool fallback,
						 deia_cache_flag_cb cb,
						 void *user);
/* Sets one. Since 0.2. */
DEIA_API void deia_cache_set_flag(deia_cache *cache, const char *name, bool on);

/* ---- fan-out ------------------------------------------------------------ */

typedef struct deia_cache_sub deia_cache_sub;
/* data: until it returns. What was published while the server was away is
 * lost: a listener that must have all of it asks the store. */
typedef void (*deia_cache_message_cb)(const void *data, size_t len, void *user);
/* Tells all who listen, here and at other nodes; copied. Since 0.2. */
DEIA_API void deia_cache_publish(deia_cache *cache, deia_cache_kind channel,
				 const void *data, size_t len);
/* Listens. *out until deia_cache_unsubscribe. DEIA_OK, DEIA_ELIMIT,
 * DEIA_ENOMEM. Since 0.2. */
DEIA_API DEIA_NODISCARD deia_err deia_cache_subscribe(deia_cache *cache,
						      deia_cache_kind channel,
						      deia_cache_message_cb cb,
						      void *user,
						      deia_cache_sub **out);
/* Also from the callback itself; NULL is fine. Since 0.2. */
DEIA_API void deia_cache_unsubscribe(deia_cache_sub *sub);

/* ---- how it is ---------------------------------------------------------- */

struct deia_cache_stats {
	const char *backend;   /* "memory", "redis"; static */
	bool up, shared;       /* shared: with other processes */
	int64_t since_unix_ms; /* that it is up, or down */
	/* refused: calls that were a miss at once; late: no answer in time */
	uint64_t hits, misses, refused, errors, late, puts, drops;
	uint64_t entries, bytes; /* of the memory cache, right now */
	uint64_t under_way;	 /* calls, right now */
	/* How long commands took at a backend that is shared, also those that
	 * failed or got no answer in time; empty for any other. Since 0.3. */
	struct deia_histogram times;
};
/* Constant time. Since 0.2. */
DEIA_API void deia_cache_get_stats(const deia_cache *cache,
				   struct deia_cache_stats *out);

/* ---- backends ----------------------------------------------------------- */

enum deia_cache_verb {
	DEIA_CACHE_READ,   /* keys[0..n_keys) -> values */
	DEIA_CACHE_WRITE,  /* keys[0] = value for ttl_ms */
	DEIA_CACHE_DELETE, /* keys[0] */
	DEIA_CACHE_ADD,	   /* one more in keys[0], window ttl_ms */
	DEIA_CACHE_TELL	   /* value to the channel keys[0] */
};
#define DEIA_CACHE_MAX_KEYS 3

/* All borrowed for the call. */
struct deia_cache_command {
	enum deia_cache_verb verb;
	unsigned n_keys;
	const char *keys[DEIA_CACHE_MAX_KEYS];
	const void *value;
	size_t len;
	int64_t ttl_ms; /* 0: no end */
	bool if_absent; /* WRITE: an existing value stays */
};

struct deia_cache_value {
	const void *data; /* NULL: there is none */
	size_t len;
};

struct deia_cache_reply {
	bool ok;
	struct deia_cache_value values[DEIA_CACHE_MAX_KEYS];
	int64_t count, left_ms;
};

typedef struct deia_cache_op deia_cache_op;

struct deia_cache_setup {
	size_t size;
	deia_cache *cache;
	struct event_base *base;
	const char *url, *password, *epoch_key;
	size_t memory_bytes;
};

/* A kind of cache. All slots are called on the loop and must not block. */
struct deia_cache_backend {
	size_t size;
	const char *name;
	bool shared;  /* other processes see it */
	bool trusted; /* what was put comes back or nothing does */
	/* *self is the backend's own. Errors of deia_cache_open. */
	deia_err (*open)(void **self, const struct deia_cache_setup *setup,
			 char *detail, size_t detail_len);
	/* Ends every command that was taken, ok false, before it returns. */
	void (*close)(void *self);
	/*
	 * Takes a command and ends it with deia_cache_end later, exactly once
	 * and never inside the call. A DELETE that was taken and fails must
	 * act as reset. DEIA_OK, DEIA_EUNAVAILABLE, DEIA_EBUSY, DEIA_ENOMEM.
	 */
	deia_err (*submit)(void *self, const struct deia_cache_command *cmd,
			   deia_cache_op *op);
	/*
	 * Must not fail: from now on every submit is refused until epoch_key
	 * was deleted.
	 */
	void (*reset)(void *self);
	/* From now on messages of the channel go to deia_cache_deliver. */
	void (*listen)(void *self, const char *channel);
	/* May be NULL: always up. */
	bool (*is_up)(const void *self);
	/* May be NULL: nothing is kept here. */
	void (*usage)(const void *self, uint64_t *entries, uint64_t *bytes);
};

/* For backends: ends a command; reply NULL: failed. Since 0.2. */
DEIA_API void deia_cache_end(deia_cache_op *op,
			     const struct deia_cache_reply *reply);
/* For backends: a message has come; not inside submit. Since 0.2. */
DEIA_API void deia_cache_deliver(deia_cache *cache, const char *channel,
				 const void *data, size_t len);
/* For backends: it went up or down. Since 0.2. */
DEIA_API void deia_cache_set_up(deia_cache *cache, bool up, const char *text);
/* For backends: no answer came in time. Since 0.2. */
DEIA_API void deia_cache_note_late(deia_cache *cache);

DEIA_END

#endif
