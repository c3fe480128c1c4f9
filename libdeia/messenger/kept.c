/* SPDX-License-Identifier: MIT */
/*
 * kept.c - without a store: messages stay in memory, and so do keys.
 *
 * A change is in effect at the end of the turn of the loop, as with a store.
 * Finished messages form a list, oldest first, of at most finished_kept. Pages
 * walk over all messages: this is for programs that keep thousands, not
 * millions, and look rarely.
 */
#include <stdlib.h>
#include <string.h>

#include "messenger/messenger.h"

#define KEYS_MAX 100000u

struct deia__mail_key {
	struct deia__mail_key *next;
	unsigned char fingerprint[16];
	int64_t created; /* hive time */
	unsigned n;
	unsigned char (*ids)[DEIA__MSG_ID_BYTES];
	char name[DEIA_MAX_ID_LEN + DEIA_MAX_KEY_BYTES + 2]; /* sender, key */
	UT_hash_handle hh;
};

/* ---- keys ---------------------------------------------------------------- */

static void name_of(char out[static DEIA_MAX_ID_LEN + DEIA_MAX_KEY_BYTES + 2],
		    const struct deia__mail_op *op)
{
	size_t n = strlen(op->sender);

	memcpy(out, op->sender, n);
	out[n++] = ' ';
	memcpy(out + n, op->key, strlen(op->key) + 1);
}

static void forget_old_keys(deia_messenger *m)
{
	int64_t before = deia__hive_now(m) - DEIA__KEY_KEPT_MS;
	struct deia__mail_key *k;

	while (m->keys && (k = m->keys_first) != NULL && k->created < before) {
		m->keys_first = k->next;
		if (!k->next)
			m->keys_last = NULL;
		HASH_DEL(m->keys, k);
		deia__free(k->ids);
		deia__free(k);
	}
}

static deia_err add_key(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;
	struct deia__mail_key *k = NULL;
	char name[sizeof(k->name)];

	forget_old_keys(m);
	name_of(name, op);
	HASH_FIND_STR(m->keys, name, k);
	if (k)
		return DEIA_EEXIST;
	if (HASH_COUNT(m->keys) >= KEYS_MAX)
		return DEIA_EBUSY;
	k = deia__alloc(sizeof(*k));
	if (k)
		k->ids = deia__alloc(op->n * sizeof(*k->ids));
	if (!k || !k->ids) {
		deia__free(k);
		return DEIA_ENOMEM;
	}
	memcpy(k->name, name, sizeof(name));
	memcpy(k->fingerprint, op->fingerprint, sizeof(k->fingerprint));
	k->created = deia__hive_now(m);
	for (k->n = 0; k->n < op->n; k->n++)
		memcpy(k->ids[k->n], op->plans[k->n].msg->id,
		       DEIA__MSG_ID_BYTES);
	HASH_ADD_STR(m->keys, name, k);
	if (!k->hh.tbl) {
		deia__free(k->ids);
		deia__free(k);
		return DEIA_ENOMEM;
	}
	if (m->keys_last)
		m->keys_last->next = k;
	else
		m->keys_first = k;
	m->keys_last = k;
	return DEIA_OK;
}

/* The answer that the key had; messages that are gone are left out. */
deia_err deia__kept_key_answer(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;
	struct deia__mail_key *k = NULL;
	struct deia__view *views;
	struct deia_message *items;
	char name[sizeof(k->name)];
	unsigned n = 0;

	name_of(name, op);
	HASH_FIND_STR(m->keys, name, k);
	if (!k || memcmp(k->fingerprint, op->fingerprint, 16) != 0)
		return DEIA_ECONFLICT;
	views = deia__alloc(k->n * sizeof(*views));
	items = deia__alloc(k->n * sizeof(*items));
	if (!views || !items) {
		deia__free(views);
		deia__free(items);
		return DEIA_ENOMEM;
	}
	for (unsigned i = 0; i < k->n; i++) {
		struct deia__msg *msg = deia__msg_find(m, k->ids[i]);

		if (!msg)
			continue;
		deia__view_msg(m, &views[n], msg);
		deia__view_as_new(&views[n]);
		items[n] = views[n].pub;
		n++;
	}
	if (op->replayed)
		*op->replayed = true;
	if (op->cb)
		op->cb(DEIA_OK, items, n, false, op->user);
	deia__free(items);
	deia__free(views);
	return DEIA_OK;
}

/* ---- changes ------------------------------------------------------------- */

void deia__kept_commit(struct deia__mail_op *op)
{
	deia__kept_end_later(op, op->key ? add_key(op) : DEIA_OK);
}

bool deia__kept_has_key(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;
	struct deia__mail_key *k = NULL;
	char name[sizeof(k->name)];

	forget_old_keys(m);
	name_of(name, op);
	HASH_FIND_STR(m->keys, name, k);
	return k != NULL;
}

void deia__kept_end_later(struct deia__mail_op *op, deia_err err)
{
	deia_messenger *m = op->m;

	op->err = err;
	if (m->done_last)
		m->done_last->next = op;
	else
		m->done_first = op;
	m->done_last = op;
	deia__msgr_kick(m);
}

void deia__kept_done(deia_messenger *m)
{
	struct deia__mail_op *op = m->done_first, *next;

	m->done_first = m->done_last = NULL;
	for (; op; op = next) {
		next = op->next;
		deia__op_end(op, op->err);
	}
}

static void unlink_finished(deia_messenger *m, struct deia__msg *msg)
{
	if (msg->prev)
		msg->prev->next = msg->next;
	else
		m->finished_first = msg->next;
	if (msg->next)
		msg->next->prev = msg->prev;
	else
		m->finished_last = msg->prev;
	msg->next = msg->prev = NULL;
	m->n_finished--;
}

/* A dead letter comes back to life. */
void deia__kept_revive(deia_messenger *m, struct deia__msg *msg)
{
	unlink_finished(m, msg);
}

void deia__kept_forget(deia_messenger *m, struct deia__msg *msg)
{
	unlink_finished(m, msg);
	m->status.by_status[msg->status]--;
	m->status.cleaned++;
	deia__msg_remove(m, msg);
	deia__msg_free(m, msg);
}

void deia__kept_finished(deia_messenger *m, struct deia__msg *msg)
{
	msg->next = NULL;
	msg->prev = m->finished_last;
	if (msg->prev)
		msg->prev->next = msg;
	else
		m->finished_first = msg;
	m->finished_last = msg;
	m->n_finished++;
}

/* After the callbacks of a turn, so that these may still see them. */
void deia__kept_trim(deia_messenger *m)
{
	while (m->n_finished > m->opts.finished_kept)
		deia__kept_forget(m, m->finished_first);
}

void deia__kept_fini(deia_messenger *m)
{
	struct deia__mail_key *k, *tmp;
	struct deia__mail_op *op = m->done_first, *next;

	for (; op; op = next) {
		next = op->next;
		for (unsigned i = 0; i < op->n; i++)
			op->plans[i].msg->place = PLACE_NONE;
		deia__op_free(op);
	}
	HASH_ITER(hh, m->keys, k, tmp) {
		HASH_DEL(m->keys, k);
		deia__free(k->ids);
		deia__free(k);
	}
}

/* ---- pages --------------------------------------------------------------- */

static bool fits(const struct deia__msg *msg,
		 const struct deia_message_query *q)
{
	if (q->inbox) {
		bool is_open = msg->status == DEIA_MESSAGE_PENDING ||
			       msg->status == DEIA_MESSAGE_DELIVERED;

		if (strcmp(msg->to->id, q->inbox) != 0 ||
		    (q->priority >= 0 && q->priority != msg->priority))
			return false;
		return q->status < 0 ? is_open : q->status == msg->status;
	}
	if (q->a)
		return (strcmp(msg->from->id, q->a) == 0 &&
			strcmp(msg->to->id, q->b) == 0) ||
		       (strcmp(msg->from->id, q->b) == 0 &&
			strcmp(msg->to->id, q->a) == 0);
	return q->status == msg->status;
}

/* The page's order: sign of a - b. */
static int cmp(const struct deia__msg *a, const struct deia__msg *b,
	       const struct deia_message_query *q)
{
	int by_id = memcmp(a->id, b->id, DEIA__MSG_ID_BYTES);

	if (q->inbox && a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (q->inbox || (q->a && q->oldest_first))
		return by_id;
	if (!q->a && a->expires != b->expires)
		return a->expires > b->expires ? -1 : 1;
	return -by_id;
}

/* Puts msg into the sorted page, which holds the first max of all. */
static void insert(struct deia__msg **page, unsigned *n, unsigned max,
		   struct deia__msg *msg, const struct deia_message_query *q)
{
	unsigned low = 0, high = *n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (cmp(page[mid], msg, q) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == max)
		return;
	if (*n < max)
		(*n)++;
	memmove(&page[low + 1], &page[low],
		(*n - 1 - low) * sizeof(struct deia__msg *));
	page[low] = msg;
}

static unsigned collect(deia_messenger *m, const struct deia_message_query *q,
			const struct deia__msg *after, struct deia__msg **page,
			unsigned max)
{
	unsigned n = 0;

	for (uint32_t b = 0; b < m->n_buckets; b++) {
		for (struct deia__msg *msg = m->buckets[b]; msg;
		     msg = msg->hash_next) {
			if (!fits(msg, q) || msg->sending)
				continue;
			if (!after || cmp(msg, after, q) > 0)
				insert(page, &n, max, msg, q);
		}
	}
	return n;
}

deia_err deia__kept_page(deia_messenger *m, const struct deia_message_query *q,
			 const unsigned char *after_id, deia_messages_cb cb,
			 void *user)
{
	struct deia__msg cursor = { 0 }, *after = NULL, **page;
	struct deia__view *views;
	struct deia_message *items;
	unsigned max = q->limit + 1, n = 0;

	if (after_id) {
		after = deia__msg_find(m, after_id);
		if (after && q->inbox && strcmp(after->to->id, q->inbox) != 0)
			after = NULL;
		if (!after && !(q->a && q->oldest_first))
			return DEIA_ENOTFOUND;
		memcpy(cursor.id, after_id, DEIA__MSG_ID_BYTES);
		after = after ? after : &cursor;
	}
	page = deia__alloc(max * sizeof(struct deia__msg *));
	views = deia__alloc(max * sizeof(*views));
	items = deia__alloc(max * sizeof(*items));
	if (page && views && items) {
		max = collect(m, q, after, page, max);
		for (; n < max && n < q->limit; n++) {
			deia__view_msg(m, &views[n], page[n]);
			items[n] = views[n].pub;
		}
		cb(DEIA_OK, items, n, max > q->limit, user);
	} else {
		cb(DEIA_ENOMEM, NULL, 0, false, user);
	}
	deia__free(page);
	deia__free(views);
	deia__free(items);
	return DEIA_OK;
}
