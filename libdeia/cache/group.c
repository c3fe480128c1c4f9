/* SPDX-License-Identifier: MIT */
/*
 * group.c - values, and the generations that keep stale ones out.
 *
 * A group has a generation, a random mark under a key of its own, and all
 * groups have the epoch, another one. A value carries both marks as they were
 * before the store was read, and is a hit only while both are still the same.
 * A drop deletes the generation; the next reader makes a new mark.
 *
 * Why nothing stale is ever a hit: be a value read from the store before a
 * change was durable there. Its marks were read before that. The drop comes
 * after the change, so it deletes that very generation (or it is gone
 * already); marks are random and never made twice, so no generation equals it
 * again, in whatever order puts and drops arrive. What loses a drop (a lost
 * connection, a server that came back with old contents) ends the connection,
 * and each connection begins by deleting the epoch, before it reads.
 */
#include "cache/cache.h"

#include <string.h>

#include "core/hash.h"
#include "core/id.h"
#include "core/mem.h"

#define VERSION 1
#define MARK DEIA__CACHE_MARK_BYTES
#define MARKS_BYTES (2 * MARK)

_Static_assert(sizeof(struct deia_cache_ticket) == MARKS_BYTES, "two marks");

/* What stands before the caller's bytes. */
struct head {
	unsigned char version, marks[MARKS_BYTES], sum[DEIA__DIGEST_BYTES];
};

/* Over the key too: a value under another's key is none. */
static void checksum(const deia_cache *c, unsigned char *out, const char *key,
		     const unsigned char *marks, const void *data, size_t len)
{
	struct deia__digest d;

	memset(out, 0, DEIA__DIGEST_BYTES);
	if (c->backend->trusted)
		return;
	deia__digest_init(&d);
	deia__digest_add(&d, key, strlen(key));
	deia__digest_add(&d, marks, MARKS_BYTES);
	deia__digest_add(&d, data, len);
	deia__digest_end(&d, out);
}

/* Finds the caller's bytes in a value; false: it is not what was put. */
static bool unpack(const deia_cache_op *op, const struct deia_cache_value *v,
		   const unsigned char *marks, struct deia_cache_answer *a)
{
	struct head head;
	unsigned char sum[DEIA__DIGEST_BYTES];

	if (!v->data || v->len < sizeof(head) ||
	    v->len > sizeof(head) + DEIA_CACHE_MAX_VALUE_BYTES)
		return false;
	memcpy(&head, v->data, sizeof(head));
	if (head.version != VERSION ||
	    memcmp(head.marks, marks, MARKS_BYTES) != 0)
		return false;
	a->data = (const char *)v->data + sizeof(head);
	a->len = v->len - sizeof(head);
	checksum(op->cache, sum, op->key, marks, a->data, a->len);
	return memcmp(sum, head.sum, sizeof(sum)) == 0;
}

static void answer(deia_cache_op *op, struct deia_cache_answer *a)
{
	deia_cache *c = op->cache;

	if (a->hit)
		c->stats.hits++;
	else
		c->stats.misses++;
	if (!a->hit) {
		a->data = NULL;
		a->len = 0;
	}
	op->cb.get(a, op->user);
	deia__cache_op_free(op);
}

static bool take_marks(struct deia_cache_ticket *t,
		       const struct deia_cache_reply *r)
{
	for (int i = 0; i < 2; i++) {
		if (!r->values[i].data || r->values[i].len != MARK)
			return false;
		memcpy(t->marks + i * MARK, r->values[i].data, MARK);
	}
	return true;
}

/* ---- a miss whose marks had to be made ---------------------------------- */

static void on_marks(deia_cache_op *op, const struct deia_cache_reply *r)
{
	struct deia_cache_ticket ticket;
	struct deia_cache_answer a = { .hit = false };

	if (r->ok && take_marks(&ticket, r))
		a.ticket = &ticket;
	answer(op, &a);
}

static void make_mark(deia_cache *c, const char *key, int64_t ttl_ms)
{
	unsigned char mark[MARK];
	const struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_WRITE,
		.n_keys = 1,
		.keys = { key },
		.value = mark,
		.len = MARK,
		.ttl_ms = ttl_ms,
		.if_absent = true,
	};

	if (deia__random(mark, sizeof(mark)))
		deia__cache_send(c, &cmd);
}

/* Another reader may have made them meanwhile: what counts is what is there
 * afterwards. */
static void make_marks(deia_cache_op *op, const struct deia_cache_reply *r)
{
	deia_cache *c = op->cache;
	struct deia_cache_answer a = { .hit = false };
	const struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_READ,
		.n_keys = 2,
		.keys = { c->epoch_key, op->gen_key },
	};

	if (!r->values[0].data)
		make_mark(c, c->epoch_key,
			  deia_cache_get_row(DEIA_CACHE_EPOCH)->ttl_ms);
	if (!r->values[1].data)
		make_mark(c, op->gen_key,
			  deia_cache_get_row(DEIA_CACHE_GENERATION)->ttl_ms);
	deia__free(op->data);
	op->data = NULL;
	op->end = on_marks;
	op->verb = cmd.verb;
	if (c->closing || c->backend->submit(c->self, &cmd, op))
		answer(op, &a);
}

static void on_grouped(deia_cache_op *op, const struct deia_cache_reply *r)
{
	struct deia_cache_ticket ticket;
	struct deia_cache_answer a = { .hit = false };

	if (!r->ok) {
		answer(op, &a);
		return;
	}
	if (!r->values[0].data || !r->values[1].data) {
		make_marks(op, r);
		return;
	}
	if (take_marks(&ticket, r)) {
		a.hit = unpack(op, &r->values[2], ticket.marks, &a);
		a.ticket = a.hit ? NULL : &ticket;
	}
	answer(op, &a);
}

static void on_single(deia_cache_op *op, const struct deia_cache_reply *r)
{
	static const unsigned char none[MARKS_BYTES];
	struct deia_cache_answer a = { .hit = false };

	a.hit = r->ok && unpack(op, &r->values[0], none, &a);
	answer(op, &a);
}

static bool name_keys(deia_cache_op *op, const char *group, const char *key)
{
	return deia__cache_key(op->cache, op->key, op->kind, group, key) &&
	       (!group || deia__cache_generation_key(op->cache, op->gen_key,
						     op->kind, group));
}

deia_err deia_cache_get(deia_cache *c, deia_cache_kind kind, const char *group,
			const char *key, deia_cache_get_cb cb, void *user)
{
	const struct deia_cache_row *row = deia_cache_get_row(kind);
	struct deia_cache_command cmd = { .verb = DEIA_CACHE_READ };
	deia_cache_op *op;
	deia_err err;

	if (!row ||
	    row->form != (group ? DEIA_CACHE_GROUPED : DEIA_CACHE_SINGLE))
		return DEIA_EINVAL;
	if (group && !c->grouped_ok)
		return DEIA_EUNAVAILABLE;
	op = deia__cache_op_new(c, true, &err);
	if (!op)
		return err;
	op->kind = kind;
	op->cb.get = cb;
	op->user = user;
	op->end = group ? on_grouped : on_single;
	if (!name_keys(op, group, key)) {
		deia__cache_op_free(op);
		return DEIA_ELIMIT;
	}
	if (group) {
		cmd.keys[cmd.n_keys++] = c->epoch_key;
		cmd.keys[cmd.n_keys++] = op->gen_key;
	}
	cmd.keys[cmd.n_keys++] = op->key;
	return deia__cache_submit(op, &cmd);
}

void deia_cache_put(deia_cache *c, deia_cache_kind kind, const char *group,
		    const char *name, const struct deia_cache_ticket *ticket,
		    const void *value, size_t len)
{
	const struct deia_cache_row *row = deia_cache_get_row(kind);
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	struct head head = { .version = VERSION };
	struct deia_cache_command cmd = {
		.verb = DEIA_CACHE_WRITE,
		.n_keys = 1,
		.keys = { key },
		.len = sizeof(head) + len,
	};
	char *copy;

	if (!row || !group != !ticket || (group && !c->grouped_ok) || !c->up ||
	    len > DEIA_CACHE_MAX_VALUE_BYTES ||
	    row->form != (group ? DEIA_CACHE_GROUPED : DEIA_CACHE_SINGLE) ||
	    !deia__cache_key(c, key, kind, group, name))
		return;
	copy = deia__alloc_raw(cmd.len);
	if (!copy)
		return;
	if (ticket)
		memcpy(head.marks, ticket->marks, MARKS_BYTES);
	checksum(c, head.sum, key, head.marks, value, len);
	memcpy(copy, &head, sizeof(head));
	memcpy(copy + sizeof(head), value, len);
	cmd.value = copy;
	cmd.ttl_ms = row->ttl_ms;
	c->stats.puts++;
	deia__cache_send(c, &cmd);
	deia__free(copy);
}
