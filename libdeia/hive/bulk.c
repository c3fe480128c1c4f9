/* SPDX-License-Identifier: MIT */
/*
 * bulk.c - one action on many bots: all wishes in one change, then the acts.
 *
 * Bots in whose state the action makes no sense are answered with that, and
 * the others go on. The acts are done a few in each turn of the loop, so that
 * a thousand stops do not hold it up.
 */
#include "hive/hive.h"

#include <string.h>

#define ACTS_PER_TURN 50

struct item {
	char id[DEIA_MAX_ID_LEN + 1];
	deia_err err;
	char *message; /* why not, or NULL */
};

struct bulk {
	deia_hive *hive;
	deia_bot_action action;
	deia_hive_bots_cb cb;
	void *user;
	size_t n, next;
	struct item items[];
};

static void bulk_free(struct bulk *b)
{
	for (size_t i = 0; i < b->n; i++)
		deia__free(b->items[i].message);
	deia__free(b);
}

static void refuse(struct bulk *b, size_t i, deia_err err)
{
	b->items[i].err = err;
	b->items[i].message = deia__strdup(deia_hive_errmsg(b->hive));
}

static void give(struct bulk *b, deia_err err)
{
	struct deia_hive_bot_outcome *out =
		err ? NULL : deia__alloc((b->n + 1) * sizeof(*out));

	if (!err && !out)
		err = deia__hive_fail(b->hive, DEIA_ENOMEM, "out of memory");
	for (size_t i = 0; out && i < b->n; i++) {
		const struct item *it = &b->items[i];

		out[i].id = it->id;
		out[i].err = it->err;
		out[i].message = !it->err      ? ""
				 : it->message ? it->message
					       : deia_err_text(it->err);
	}
	if (b->cb)
		b->cb(err, out, err ? 0 : b->n, b->user);
	deia__free(out);
	bulk_free(b);
}

static void act_some(void *arg)
{
	struct bulk *b = arg;
	deia_hive *h = b->hive;
	size_t end = b->next + ACTS_PER_TURN;
	deia_err err;

	if (h->stopping) {
		give(b, deia__hive_fail(h, DEIA_EUNAVAILABLE,
					"the hive is stopping"));
		return;
	}
	for (; b->next < b->n && b->next < end; b->next++) {
		if (b->items[b->next].err)
			continue;
		err = deia__act_perform(h, b->items[b->next].id, b->action);
		if (err)
			refuse(b, b->next, err);
	}
	if (b->next == b->n)
		give(b, DEIA_OK);
	else if (deia__post_call(h->post, act_some, b))
		give(b, deia__hive_fail(h, DEIA_ENOMEM, "out of memory"));
}

static void on_durable(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	(void)h;
	(void)seqs;
	(void)n_seqs;
	if (err)
		give(arg, err);
	else
		act_some(arg);
}

/* Keeps who is not refused; the wishes of all others are one change. */
static deia_err commit(struct bulk *b, const struct deia_actor *actor)
{
	struct deia__change *c = deia__change_new(b->hive);
	deia_err err;

	for (size_t i = 0; i < b->n; i++) {
		err = deia__act_check(b->hive, b->items[i].id, b->action);
		if (err)
			refuse(b, i, err);
		else
			deia__act_record(c, actor, b->items[i].id, b->action);
	}
	err = deia__change_commit(c, b->hive, on_durable, b);
	for (size_t i = 0; !err && i < b->n; i++)
		if (!b->items[i].err)
			deia__act_wish(b->hive, b->items[i].id, b->action);
	return err;
}

deia_err deia_hive_bots_act(deia_hive *h, const struct deia_actor *actor,
			    deia_bot_action action, const char *const *ids,
			    size_t n, deia_hive_bots_cb cb, void *user)
{
	struct bulk *b;
	deia_err err;

	if ((unsigned)action > DEIA_BOT_INTERRUPT)
		return deia__hive_fail(h, DEIA_EINVAL, "action: %d is none",
				       (int)action);
	if (n > DEIA_MAX_BATCH_LEN)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "at most %d bots at once; choose them "
				       "by type, by state or by id",
				       DEIA_MAX_BATCH_LEN);
	for (size_t i = 0; i < n; i++)
		if (!deia_bot_id_valid(ids[i]))
			return deia__no_bot(h, ids[i]);
	b = deia__alloc(sizeof(*b) + n * sizeof(b->items[0]));
	if (!b)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	b->hive = h;
	b->action = action;
	b->cb = cb;
	b->user = user;
	b->n = n;
	for (size_t i = 0; i < n; i++)
		memcpy(b->items[i].id, ids[i], strlen(ids[i]) + 1);
	err = commit(b, actor);
	if (err)
		bulk_free(b);
	return err;
}
