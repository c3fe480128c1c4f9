/* SPDX-License-Identifier: MIT */
/*
 * scaling_act.c - launching bots of a template, and draining some.
 *
 * A launch is a bot that is created as anybody's: a row, an event and an audit
 * entry in one transaction. Its number is durable before. What cannot be
 * launched is told to the scaler, which then waits. A drain is a flag: no turn
 * is accepted any more; when none is left the bot is removed.
 */
#include "hive/scaling/scaling.h"
#include "hive/tasks/tasks.h"

#include <stdio.h>
#include <string.h>

#include "bot/spec_fields.h"
#include "hive/nodes/nodes.h"
#include "hive/mail/reply.h"

/* A bot without turns whose mail nobody reads is not waited for longer. */
#define MAIL_PATIENCE_MS 60000
#define ID_TRIES 1000
#define NUMBER_BYTES 11 /* "-4294967295" */

bool deia__scaling_owns(const struct deia_bot_info *info)
{
	return info && info->spec->managed_by &&
	       strcmp(info->spec->managed_by, DEIA__SPEC_SCALER) == 0;
}

static bool has_turns(const deia_hive *h, const struct deia__hbot *b,
		      const struct deia_bot_info *info)
{
	return info->running || info->queued || b->n_turns ||
	       deia__dialogues_have(h, b->id);
}

bool deia__scaling_has_work(const deia_hive *h, const struct deia__hbot *b,
			    const struct deia_bot_info *info)
{
	return has_turns(h, b, info) || deia__mail_unread(h, b->id);
}

/* ---- launching ---------------------------------------------------------- */

/*
 * TEMPLATE-auto-N, and on a database that several nodes share
 * TEMPLATE-NODE-auto-N; a long name is cut.
 */
static bool new_id(deia_hive *h, struct deia__scaled *t,
		   char out[static DEIA_MAX_ID_LEN + 1])
{
	static const char word[] = "-auto";
	const char *node = deia__node_mark(h);
	int room = DEIA_MAX_ID_LEN - NUMBER_BYTES - (int)strlen(word);
	int node_len = *node ? (int)strnlen(node, 15) + 1 : 0;

	for (unsigned i = 0; i < ID_TRIES; i++) {
		snprintf(out, DEIA_MAX_ID_LEN + 1, "%.*s%s%.15s%s-%u",
			 room - node_len, t->name, *node ? "-" : "", node, word,
			 ++t->counter);
		if (!deia__bot_known(h, out))
			return true;
	}
	return false;
}

static void launch_free(deia_hive *h, struct deia__launch *l)
{
	TAILQ_REMOVE(&h->scaling->launches, l, link);
	deia__free(l);
}

static void refused(deia_hive *h, const char *name, const char *why)
{
	char text[DEIA_SCALER_REASON_BYTES];

	snprintf(text, sizeof(text), "%.*s", (int)sizeof(text) - 1, why);
	if (deia_scaler_refused(h->scaling->scaler, name, text,
				deia__scaling_now(h)) == DEIA_OK)
		deia__scaling_record(h);
}

static void on_launched(deia_err err, const struct deia_hive_bot *bot,
			void *user)
{
	struct deia__launch *l = user;
	deia_hive *h = l->hive;

	(void)bot;
	if (err && !h->stopping && !h->freeing) {
		deia__hive_log(h, DEIA_LOG_WARN,
			       "a bot of template %s could not be launched: "
			       "%s",
			       l->name, h->msg.text);
		refused(h, l->name, h->msg.text);
	}
	if (l->hand)
		deia__by_hand_launched(h, l->hand, err ? NULL : l->id, err);
	launch_free(h, l);
}

static deia_err launch_one(deia_hive *h, struct deia__scaled *t,
			   const struct deia_actor *actor,
			   struct deia__by_hand *hand, const char *id)
{
	struct deia__launch *l = deia__alloc(sizeof(*l));
	struct deia_bot_spec spec = *t->spec;
	deia_err err;

	if (!l)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	l->hive = h;
	l->hand = hand;
	memcpy(l->id, id, strlen(id) + 1);
	memcpy(l->name, t->name, sizeof(l->name));
	spec.id = l->id;
	spec.template_name = t->name;
	spec.managed_by = DEIA__SPEC_SCALER;
	TAILQ_INSERT_TAIL(&h->scaling->launches, l, link);
	err = deia_hive_bot_create(h, actor, &spec, true, on_launched, l);
	if (err)
		launch_free(h, l);
	return err;
}

unsigned deia__scaling_launch(deia_hive *h, struct deia__scaled *t,
			      unsigned count, const struct deia_actor *actor,
			      struct deia__by_hand *hand, deia_err *err)
{
	char ids[16][DEIA_MAX_ID_LEN + 1];
	unsigned begun = 0;

	*err = DEIA_OK;
	while (begun < count && !*err) {
		unsigned n = 0, want = count - begun;

		while (n < want && n < 16 && new_id(h, t, ids[n]))
			n++;
		if (!n)
			*err = deia__hive_fail(h, DEIA_ELIMIT,
					       "no id is free for a bot of "
					       "template %s",
					       t->name);
		else
			*err = deia__scaling_keep_counters(h);
		for (unsigned i = 0; i < n && !*err; i++) {
			*err = launch_one(h, t, actor, hand, ids[i]);
			begun += *err == DEIA_OK;
		}
	}
	if (*err) {
		deia__hive_log(h, DEIA_LOG_WARN,
			       "a bot of template %s could not be launched: "
			       "%s",
			       t->name, h->msg.text);
		refused(h, t->name, h->msg.text);
	}
	return begun;
}

/* ---- draining ----------------------------------------------------------- */

static void keep(deia_hive *h, struct deia__hbot *b, const char *why)
{
	b->draining = false;
	h->scaling->n_draining--;
	deia__tasks_bot_load(h, b->id);
	deia__hive_log(h, DEIA_LOG_INFO, "bot %s is kept: %s", b->id, why);
}

struct removal {
	deia_hive *hive;
	char id[DEIA_MAX_ID_LEN + 1];
};

static void on_removed(deia_err err, void *user)
{
	struct removal *r = user;
	deia_hive *h = r->hive;
	struct deia__hbot *b = deia__hbot_get(h, r->id);

	if (err && !h->freeing) {
		deia__hive_log(h, DEIA_LOG_WARN,
			       "bot %s could not be removed: %s", r->id,
			       h->msg.text);
		if (b && b->draining)
			keep(h, b, "it could not be removed");
	}
	deia__free(r);
}

static void take_away(deia_hive *h, struct deia__hbot *b)
{
	struct removal *r = deia__alloc(sizeof(*r));
	deia_err err = DEIA_ENOMEM;

	if (r) {
		r->hive = h;
		memcpy(r->id, b->id, sizeof(r->id));
		err = deia_hive_bot_remove(h, deia__scaling_actor(), b->id,
					   true, false, on_removed, r);
	}
	if (!err)
		return;
	deia__free(r);
	keep(h, b, "it could not be removed");
}

static void finish(deia_hive *h, struct deia__hbot *b)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, b->id);

	if (b->removing || !info)
		return;
	if (!deia__scaling_owns(info)) {
		keep(h, b, "it is a person's now");
	} else if (has_turns(h, b, info)) {
		return;
	} else if (!deia__mail_unread(h, b->id)) {
		take_away(h, b);
	} else if (deia__scaling_now(h) - b->drain_ms > MAIL_PATIENCE_MS) {
		keep(h, b, "it has mail that it does not read");
	}
}

void deia__scaling_drain(deia_hive *h, struct deia__hbot *b)
{
	if (b->draining || b->removing ||
	    !deia__scaling_owns(deia_bots_get(h->bots, b->id)))
		return;
	b->draining = true;
	b->drain_ms = deia__scaling_now(h);
	h->scaling->n_draining++;
	deia__tasks_bot_load(h, b->id); /* it gets no tasks any more */
	finish(h, b);
	deia__scaling_arm(h);
}

void deia__scaling_finish_drains(deia_hive *h)
{
	struct deia__hbot *b, *next;

	if (!h->scaling->n_draining)
		return;
	HASH_ITER(hh, h->hbots, b, next)
		if (b->draining)
			finish(h, b);
}
