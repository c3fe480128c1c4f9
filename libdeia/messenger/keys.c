/* SPDX-License-Identifier: MIT */
/*
 * keys.c - the same key of a sender gives the same answer, and nothing twice.
 *
 * A send with a key inserts the key in its own transaction. When that says the
 * key exists, nothing was sent; then the kept row tells which messages the key
 * made, and whether the drafts were the same ones.
 */
#include <string.h>

#include "core/hash.h"
#include "messenger/copy.h"
#include "messenger/messenger.h"
#include "store/schema.h"

static void add_text(struct deia__digest *d, const char *s)
{
	deia__digest_add(d, s ? s : "", s ? strlen(s) : 0);
}

void deia__draft_fingerprint(unsigned char out[static 16],
			     const struct deia_message_draft *drafts, size_t n)
{
	struct deia__digest digest;

	deia__digest_init(&digest);
	for (size_t i = 0; i < n; i++) {
		const struct deia_message_draft *d = &drafts[i];
		/* Not the hops: who asks again may have lost count. */
		int64_t numbers[] = { d->priority, d->ttl_seconds,
				      d->max_attempts, d->notify };

		add_text(&digest, d->from);
		add_text(&digest, d->to);
		add_text(&digest, d->reply_to);
		add_text(&digest, d->dialogue);
		add_text(&digest, d->metadata);
		deia__digest_add(&digest, d->content ? d->content : "",
				 d->content_len);
		deia__digest_add(&digest, numbers, sizeof(numbers));
	}
	deia__digest_end(&digest, out);
}

/* ---- the kept answer, with a store --------------------------------------- */

/* Reads the messages of a key one after the other. */
struct answer {
	struct deia__mail_op *op;
	unsigned char (*ids)[DEIA__MSG_ID_BYTES];
	unsigned n, at;
	struct deia_message *items;
	char **texts; /* copies, since rows live only in their callback */
	unsigned n_items;
};

static void answer_end(struct answer *a, deia_err err)
{
	struct deia__mail_op *op = a->op;

	if (!err && op->replayed)
		*op->replayed = true;
	if (err == DEIA_ECONFLICT)
		deia__msgr_fail(op->m, err,
				"this idempotency key was used for other "
				"messages before");
	else if (op->refusal && err == op->refusal->err)
		deia__refuse(op);
	if (op->cb)
		op->cb(err, err ? NULL : a->items, err ? 0 : a->n_items, false,
		       op->user);
	for (unsigned i = 0; a->texts && i < a->n_items; i++)
		deia__free(a->texts[i]);
	deia__free(a->texts);
	deia__free(a->items);
	deia__free(a->ids);
	deia__free(a);
	deia__op_free(op);
}

static void read_next(struct answer *a);

static void on_message(deia_err err, const deia_rows *rows, void *user)
{
	struct answer *a = user;

	if (!err && deia_rows_count(rows) > 0) {
		struct deia__view v;

		deia__view_row(a->op->m, &v, NULL, rows, 0);
		deia__view_as_new(&v);
		a->texts[a->n_items] = deia__message_keep(&v.pub);
		if (a->texts[a->n_items])
			a->items[a->n_items++] = v.pub;
		else
			err = DEIA_ENOMEM;
	}
	if (err)
		answer_end(a, err);
	else
		read_next(a);
}

static void read_next(struct answer *a)
{
	deia_err err;

	if (a->at == a->n) {
		answer_end(a, DEIA_OK);
		return;
	}
	err = deia__ask_message(a->op->m, a->ids[a->at++], on_message, a);
	if (err)
		answer_end(a, err);
}

static void on_key(deia_err err, const deia_rows *rows, void *user)
{
	struct answer *a = user;
	const struct deia_value *ids;

	if (!err && deia_rows_count(rows) == 0) /* or it has just run out */
		err = a->op->refusal ? a->op->refusal->err : DEIA_ECONFLICT;
	if (!err && memcmp(deia_rows_get(rows, 0, MAIL_KEY_FINGERPRINT)->s,
			   a->op->fingerprint, 16) != 0)
		err = DEIA_ECONFLICT;
	if (err) {
		answer_end(a, err);
		return;
	}
	ids = deia_rows_get(rows, 0, MAIL_KEY_IDS);
	a->n = (unsigned)(ids->len / DEIA__MSG_ID_BYTES);
	a->ids = deia__alloc(ids->len + 1);
	a->items = deia__alloc((a->n + 1) * sizeof(*a->items));
	a->texts = deia__alloc((a->n + 1) * sizeof(char *));
	if (!a->ids || !a->items || !a->texts) {
		answer_end(a, DEIA_ENOMEM);
		return;
	}
	memcpy(a->ids, ids->s, ids->len);
	read_next(a);
}

static deia_err ask_key(struct answer *a)
{
	struct deia_value key[2] = { deia_text(a->op->sender),
				     deia_text(a->op->key) };
	struct deia_page_query q = { .table = &deia__table_message_keys,
				     .index = -1,
				     .equal = key,
				     .n_equal = 2,
				     .limit = 1 };

	return deia__ask_page(a->op->m, &q, on_key, a);
}

deia_err deia__refuse(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;

	m->error_index = op->refusal->index;
	m->field = op->refusal->field;
	return deia__msgr_fail(m, op->refusal->err, "%s", op->refusal->text);
}

/* Begins to ask the store; on an error op is as before. */
static deia_err begin_to_ask(struct deia__mail_op *op)
{
	struct answer *a = deia__alloc(sizeof(*a));
	deia_err err = DEIA_ENOMEM;

	if (a) {
		a->op = op;
		err = ask_key(a);
	}
	if (err)
		deia__free(a);
	return err;
}

deia_err deia__key_ask(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;

	if (m->store)
		return begin_to_ask(op);
	if (!deia__kept_has_key(op))
		return DEIA_ENOTFOUND;
	m->n_ops++;
	deia__kept_end_later(op, DEIA_EEXIST);
	return DEIA_OK;
}

void deia__key_answer(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;
	deia_err err = m->store ? begin_to_ask(op) : deia__kept_key_answer(op);

	if (m->store && !err)
		return;
	if (err == DEIA_ECONFLICT)
		deia__msgr_fail(m, err,
				"this idempotency key was used for other "
				"messages before");
	else if (err)
		deia__msgr_fail(m, err, "the kept answer cannot be read: %s",
				deia_err_text(err));
	if (err && op->cb)
		op->cb(err, NULL, 0, false, op->user);
	deia__op_free(op);
}
