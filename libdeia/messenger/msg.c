/* SPDX-License-Identifier: MIT */
/*
 * msg.c - messages in memory, found by their id.
 *
 * A chained hash over ids (their low half is random). A body is one block,
 * behind the message itself when there is no store, since then it stays as
 * long as the message does.
 */
#include <stddef.h>
#include <string.h>

#include "messenger/homes/homes.h"
#include "messenger/messenger.h"

#define FIRST_BUCKETS 64u

bool deia__msgs_init(deia_messenger *m)
{
	m->n_buckets = FIRST_BUCKETS;
	m->buckets = deia__alloc(FIRST_BUCKETS * sizeof(struct deia__msg *));
	deia__wheel_init(&m->timed);
	deia__wheel_init(&m->expiring);
	return m->buckets != NULL;
}

static uint32_t slot_of(const deia_messenger *m, const unsigned char *id)
{
	uint32_t v;

	memcpy(&v, id + 12, sizeof(v));
	return v & (m->n_buckets - 1);
}

/* Longer chains are only slower, so failing to grow is no error. */
static void grow(deia_messenger *m)
{
	uint32_t old_n = m->n_buckets;
	struct deia__msg **old = m->buckets, *msg, *next, **slot;
	struct deia__msg **buckets =
		deia__alloc((size_t)old_n * 2 * sizeof(struct deia__msg *));

	if (!buckets)
		return;
	m->buckets = buckets;
	m->n_buckets = old_n * 2;
	for (uint32_t i = 0; i < old_n; i++) {
		for (msg = old[i]; msg; msg = next) {
			next = msg->hash_next;
			slot = &buckets[slot_of(m, msg->id)];
			msg->hash_next = *slot;
			*slot = msg;
		}
	}
	deia__free(old);
}

struct deia__msg *deia__msg_find(const deia_messenger *m,
				 const unsigned char *id)
{
	struct deia__msg *msg = m->buckets[slot_of(m, id)];

	while (msg && memcmp(msg->id, id, DEIA__MSG_ID_BYTES) != 0)
		msg = msg->hash_next;
	return msg;
}

void deia__msg_add(deia_messenger *m, struct deia__msg *msg)
{
	struct deia__msg **slot;

	if (m->n_msgs >= m->n_buckets)
		grow(m);
	slot = &m->buckets[slot_of(m, msg->id)];
	msg->hash_next = *slot;
	*slot = msg;
	m->n_msgs++;
	if (msg->to->home)
		deia__home_link(msg->to->home, msg);
}

void deia__msg_remove(deia_messenger *m, struct deia__msg *msg)
{
	struct deia__msg **slot = &m->buckets[slot_of(m, msg->id)];

	while (*slot && *slot != msg)
		slot = &(*slot)->hash_next;
	if (!*slot)
		return;
	*slot = msg->hash_next;
	m->n_msgs--;
	if (msg->to->home)
		deia__home_unlink(msg);
}

/* ---- bodies -------------------------------------------------------------- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* The head of a body to be: its lengths, which fit by the limits of a draft.
 * Returns how large the whole is. */
static size_t body_head(struct deia__body *b, const struct deia__body_text *t)
{
	b->content_len = (uint32_t)t->content_len;
	b->ttl_seconds = (uint32_t)t->ttl_seconds;
	b->hops = t->hops;
	b->by_len = (uint16_t)strlen(or_empty(t->by));
	b->reply_to_len = (uint8_t)strlen(or_empty(t->reply_to));
	b->dialogue_len = (uint8_t)strlen(or_empty(t->dialogue));
	b->trace_len = (uint8_t)strlen(or_empty(t->traceparent));
	b->metadata_len = (uint16_t)strlen(or_empty(t->metadata));
	return offsetof(struct deia__body, text) + b->by_len + b->reply_to_len +
	       b->dialogue_len + b->trace_len + b->metadata_len +
	       b->content_len + 6;
}

static char *put_part(char *p, const char *s, size_t len)
{
	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p + len + 1;
}

static void body_fill(struct deia__body *b, const struct deia__body *head,
		      const struct deia__body_text *t)
{
	char *p = b->text;

	memcpy(b, head, offsetof(struct deia__body, text));
	p = put_part(p, t->by, head->by_len);
	p = put_part(p, t->reply_to, head->reply_to_len);
	p = put_part(p, t->dialogue, head->dialogue_len);
	p = put_part(p, t->traceparent, head->trace_len);
	p = put_part(p, t->metadata, head->metadata_len);
	put_part(p, t->content, t->content_len);
}

void deia__body_read(const struct deia__body *b, struct deia__body_text *out)
{
	const char *p = b->text;

	out->by = p;
	p += b->by_len + 1;
	out->reply_to = p;
	p += b->reply_to_len + 1;
	out->dialogue = p;
	p += b->dialogue_len + 1;
	out->traceparent = p;
	p += b->trace_len + 1;
	out->metadata = p;
	p += b->metadata_len + 1;
	out->content = p;
	out->content_len = b->content_len;
	out->ttl_seconds = b->ttl_seconds;
	out->hops = b->hops;
}

static size_t body_bytes(const struct deia__body *b)
{
	return sizeof(*b) + b->content_len + b->metadata_len;
}

bool deia__msg_set_body(deia_messenger *m, struct deia__msg *msg,
			const struct deia__body_text *body)
{
	struct deia__body head, *b = deia__alloc_raw(body_head(&head, body));

	if (!b)
		return false;
	deia__msg_drop_body(m, msg);
	body_fill(b, &head, body);
	msg->body = b;
	msg->own_body = true;
	m->cached_bytes += body_bytes(b);
	return true;
}

struct deia__body *deia__msg_take_body(deia_messenger *m, struct deia__msg *msg)
{
	struct deia__body *body = msg->body;

	if (!body || !msg->own_body)
		return NULL;
	m->cached_bytes -= body_bytes(body);
	msg->content_len = body->content_len + 1;
	msg->body = NULL;
	return body;
}

void deia__msg_drop_body(deia_messenger *m, struct deia__msg *msg)
{
	deia__free(deia__msg_take_body(m, msg));
}

/* ---- making, freeing ----------------------------------------------------- */

struct deia__msg *deia__msg_new(deia_messenger *m, struct deia__inbox *to,
				struct deia__inbox *from,
				const struct deia__body_text *body)
{
	bool together = body && !m->store;
	struct deia__body head;
	size_t extra = together ? body_head(&head, body) : 0;
	struct deia__msg *msg;

	msg = deia__alloc_raw(sizeof(*msg) + extra);
	if (!msg)
		return NULL;
	memset(msg, 0, sizeof(*msg));
	if (together) {
		msg->body = (struct deia__body *)(void *)(msg + 1);
		body_fill(msg->body, &head, body);
		m->cached_bytes += body_bytes(msg->body);
	} else if (body && !deia__msg_set_body(m, msg, body)) {
		deia__free(msg);
		return NULL;
	}
	msg->to = to;
	msg->from = from;
	deia__inbox_ref(to);
	deia__inbox_ref(from);
	return msg;
}

void deia__msg_free(deia_messenger *m, struct deia__msg *msg)
{
	struct deia__inbox *to = msg->to, *from = msg->from;

	if (msg->own_body)
		deia__msg_drop_body(m, msg);
	else if (msg->body)
		m->cached_bytes -= body_bytes(msg->body);
	deia__free(msg->reason);
	deia__free(msg);
	deia__inbox_unref(m, to);
	deia__inbox_unref(m, from);
}

void deia__msgs_fini(deia_messenger *m)
{
	struct deia__msg *msg, *next;

	for (uint32_t i = 0; i < m->n_buckets; i++) {
		for (msg = m->buckets[i]; msg; msg = next) {
			next = msg->hash_next;
			deia__msg_free(m, msg);
		}
	}
	deia__free(m->buckets);
}
