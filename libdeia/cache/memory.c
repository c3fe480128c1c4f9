/* SPDX-License-Identifier: MIT */
/*
 * memory.c - a cache inside this process: the least recently used goes first.
 *
 * A command is done at once and its answer given later in the same turn of
 * the loop. Bounded by bytes (keys and bookkeeping included) and by entries.
 * What is too old is noticed when it is asked for, or goes as least used.
 */
#include "cache/cache.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "core/mem.h"

#define HASH_NONFATAL_OOM 1 /* hh.tbl stays NULL */
#include <uthash.h>

#define ENTRIES_MAX 65536
#define ENTRY_BYTES 160 /* of bookkeeping, about */

struct entry {
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) used; /* least recently first */
	int64_t ends_ms;	 /* boot clock; 0: never */
	int64_t count;
	size_t len;
	char *value; /* behind the key, in the same block */
	char key[];
};

struct memory {
	deia_cache *cache;
	struct event *turn; /* answers are due */
	struct deia__cache_ops due;
	struct entry *entries;
	TAILQ_HEAD(entry_list, entry) used;
	size_t n, bytes, max_bytes;
};

static size_t size_of(const struct entry *e)
{
	return ENTRY_BYTES + strlen(e->key) + e->len;
}

static void drop(struct memory *m, struct entry *e)
{
	assert(m->entries);
	HASH_DEL(m->entries, e);
	TAILQ_REMOVE(&m->used, e, used);
	m->n--;
	m->bytes -= size_of(e);
	deia__free(e);
}

static void drop_all(struct memory *m)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&m->used)))
		drop(m, e);
}

static struct entry *find(struct memory *m, const char *key)
{
	struct entry *e;

	HASH_FIND_STR(m->entries, key, e);
	if (e && e->ends_ms && e->ends_ms <= deia__now_ms(m->cache->clock)) {
		drop(m, e);
		e = NULL;
	}
	if (e) {
		TAILQ_REMOVE(&m->used, e, used);
		TAILQ_INSERT_TAIL(&m->used, e, used);
	}
	return e;
}

/* NULL: out of memory, or it would not fit at all. */
static struct entry *add(struct memory *m, const char *key, const void *value,
			 size_t len, int64_t ttl_ms)
{
	size_t key_len = strlen(key);
	struct entry *e;

	if (ENTRY_BYTES + key_len + len > m->max_bytes)
		return NULL;
	e = deia__alloc_raw(sizeof(*e) + key_len + 1 + len);
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	memcpy(e->key, key, key_len + 1);
	e->value = e->key + key_len + 1;
	e->len = len;
	if (len)
		memcpy(e->value, value, len);
	if (ttl_ms)
		e->ends_ms = deia__now_ms(m->cache->clock) + ttl_ms;
	HASH_ADD_KEYPTR(hh, m->entries, e->key, key_len, e);
	if (!e->hh.tbl) {
		deia__free(e);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&m->used, e, used);
	m->n++;
	m->bytes += size_of(e);
	while (m->n > ENTRIES_MAX || m->bytes > m->max_bytes)
		drop(m, TAILQ_FIRST(&m->used));
	return e;
}

/* ---- the commands ------------------------------------------------------ */

static bool do_read(struct memory *m, const struct deia_cache_command *cmd,
		    deia_cache_op *op)
{
	struct entry *found[DEIA_CACHE_MAX_KEYS];
	size_t len = 0;
	char *p;

	for (unsigned i = 0; i < cmd->n_keys; i++) {
		found[i] = find(m, cmd->keys[i]);
		len += found[i] ? found[i]->len : 0;
	}
	op->data = p = deia__alloc_raw(len + 1);
	if (!p)
		return false;
	for (unsigned i = 0; i < cmd->n_keys; i++) {
		if (!found[i])
			continue;
		memcpy(p, found[i]->value, found[i]->len);
		op->reply.values[i].data = p;
		op->reply.values[i].len = found[i]->len;
		p += found[i]->len;
	}
	return true;
}

static bool do_write(struct memory *m, const struct deia_cache_command *cmd)
{
	struct entry *e = find(m, cmd->keys[0]);

	if (e && cmd->if_absent)
		return true;
	if (e)
		drop(m, e);
	return add(m, cmd->keys[0], cmd->value, cmd->len, cmd->ttl_ms) != NULL;
}

static bool do_add(struct memory *m, const struct deia_cache_command *cmd,
		   deia_cache_op *op)
{
	struct entry *e = find(m, cmd->keys[0]);

	if (!e)
		e = add(m, cmd->keys[0], NULL, 0, cmd->ttl_ms);
	if (!e)
		return false;
	op->reply.count = ++e->count;
	op->reply.left_ms = e->ends_ms - deia__now_ms(m->cache->clock);
	return true;
}

/* Keeps the message, channel first, until it is its turn. */
static bool do_tell(const struct deia_cache_command *cmd, deia_cache_op *op)
{
	size_t channel = strlen(cmd->keys[0]) + 1;

	op->data = deia__alloc_raw(channel + cmd->len);
	if (!op->data)
		return false;
	memcpy(op->data, cmd->keys[0], channel);
	if (cmd->len)
		memcpy(op->data + channel, cmd->value, cmd->len);
	op->len = cmd->len;
	return true;
}

static deia_err submit(void *self, const struct deia_cache_command *cmd,
		       deia_cache_op *op)
{
	struct memory *m = self;
	bool ok = true;

	memset(&op->reply, 0, sizeof(op->reply));
	switch (cmd->verb) {
	case DEIA_CACHE_READ:
		ok = do_read(m, cmd, op);
		break;
	case DEIA_CACHE_WRITE:
		ok = do_write(m, cmd);
		break;
	case DEIA_CACHE_DELETE: {
		struct entry *e = find(m, cmd->keys[0]);

		if (e)
			drop(m, e);
		break;
	}
	case DEIA_CACHE_ADD:
		ok = do_add(m, cmd, op);
		break;
	case DEIA_CACHE_TELL:
		ok = do_tell(cmd, op);
		break;
	}
	op->reply.ok = ok;
	TAILQ_INSERT_TAIL(&m->due, op, link);
	event_active(m->turn, EV_TIMEOUT, 0);
	return DEIA_OK;
}

static void give(struct memory *m, deia_cache_op *op)
{
	if (op->verb == DEIA_CACHE_TELL && op->reply.ok)
		deia_cache_deliver(m->cache, op->data,
				   op->data + strlen(op->data) + 1, op->len);
	deia_cache_end(op, &op->reply);
}

/* What is called for in between waits for the next turn. */
static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct memory *m = arg;
	struct deia__cache_ops now = TAILQ_HEAD_INITIALIZER(now);
	deia_cache_op *op;

	(void)fd;
	(void)what;
	TAILQ_CONCAT(&now, &m->due, link);
	while ((op = TAILQ_FIRST(&now))) {
		TAILQ_REMOVE(&now, op, link);
		give(m, op);
	}
}

/* ---- the table --------------------------------------------------------- */

static deia_err open_memory(void **self, const struct deia_cache_setup *setup,
			    char *detail, size_t detail_len)
{
	struct memory *m = deia__alloc(sizeof(*m));

	if (m)
		m->turn = event_new(setup->base, -1, 0, on_turn, m);
	if (!m || !m->turn) {
		if (detail && detail_len)
			snprintf(detail, detail_len, "out of memory");
		deia__free(m);
		return DEIA_ENOMEM;
	}
	TAILQ_INIT(&m->due);
	TAILQ_INIT(&m->used);
	m->cache = setup->cache;
	m->max_bytes = setup->memory_bytes;
	*self = m;
	return DEIA_OK;
}

static void close_memory(void *self)
{
	struct memory *m = self;
	deia_cache_op *op;

	while ((op = TAILQ_FIRST(&m->due))) {
		TAILQ_REMOVE(&m->due, op, link);
		deia_cache_end(op, NULL);
	}
	drop_all(m);
	event_free(m->turn);
	deia__free(m);
}

static void reset(void *self)
{
	drop_all(self);
}

static void listen_memory(void *self, const char *channel)
{
	(void)self;
	(void)channel;
}

static void usage(const void *self, uint64_t *entries, uint64_t *bytes)
{
	const struct memory *m = self;

	*entries = m->n;
	*bytes = m->bytes;
}

const struct deia_cache_backend deia__cache_memory = {
	.size = sizeof(struct deia_cache_backend),
	.name = "memory",
	.shared = false,
	.trusted = true,
	.open = open_memory,
	.close = close_memory,
	.submit = submit,
	.reset = reset,
	.listen = listen_memory,
	.usage = usage,
};
