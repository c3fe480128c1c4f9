/* SPDX-License-Identifier: MIT */
/*
 * bulk.c - one action on many bots: all wishes in one change, then the acts.
 *
 * Bots in whose state the action makes no sense are answered with that, and
 * the others go on. The acts are done a few in each turn of the loop, so that
 * a thousand stops do not hold it up.
 */
#include "hive/outcomes.h"

#define ACTS_PER_TURN 50

struct bulk {
	deia_hive *hive;
	deia_bot_action action;
	struct deia__outcomes of;
	size_t next;
};

static void give(struct bulk *b, deia_err err)
{
	deia__outcomes_give(&b->of, err);
	deia__free(b);
}

static void act_some(void *arg)
{
	struct bulk *b = arg;
	deia_hive *h = b->hive;
	size_t end = b->next + ACTS_PER_TURN, i;
	deia_err err;

	if (h->stopping) {
		give(b, deia__hive_fail(h, DEIA_EUNAVAILABLE,
					"the hive is stopping"));
		return;
	}
	for (; b->next < b->of.n && b->next < end; b->next++) {
		i = b->next;
		if (b->of.items[i].err)
			continue;
		err = deia__act_perform(h, b->of.items[i].id, b->action);
		if (err)
			deia__outcomes_set(&b->of, i, err);
	}
	if (b->next == b->of.n)
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

	for (size_t i = 0; i < b->of.n; i++) {
		err = deia__act_check(b->hive, b->of.items[i].id, b->action);
		if (err)
			deia__outcomes_set(&b->of, i, err);
		else
			deia__act_record(c, actor, b->of.items[i].id,
					 b->action);
	}
	err = deia__change_commit(c, b->hive, on_durable, b);
	for (size_t i = 0; !err && i < b->of.n; i++)
		if (!b->of.items[i].err)
			deia__act_wish(b->hive, b->of.items[i].id, b->action);
	return err;
}

deia_err deia_hive_bots_act(deia_hive *h, const struct deia_actor *actor,
			    deia_bot_action action, const char *const *ids,
			    size_t n, deia_hive_outcomes_cb cb, void *user)
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
	b = deia__alloc(sizeof(*b));
	if (!b)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	b->hive = h;
	b->action = action;
	err = deia__outcomes_init(&b->of, h, ids, n, cb, user);
	if (!err)
		err = commit(b, actor);
	if (err) {
		deia__outcomes_fini(&b->of);
		deia__free(b);
	}
	return err;
}
