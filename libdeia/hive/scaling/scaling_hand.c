/* SPDX-License-Identifier: MIT */
/*
 * scaling_hand.c - a person launches or drains bots of a template.
 *
 * It is refused whole when there would be too many or too few. The scaler goes
 * on deciding: more than the work needs are drained again in time.
 */
#include "hive/scaling/scaling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hive/nodes/nodes.h"

#define MAX_COUNT 1000
#define BY_PERSON "person"

struct deia__by_hand {
	deia_hive *hive;
	deia_scaling_hand_cb cb;
	void *user;
	unsigned pending; /* launches, and the record */
	deia_err err;	  /* the first */
	char why[DEIA__ERRMSG_BYTES];
	size_t n;
	char (*ids)[DEIA_MAX_ID_LEN + 1];
};

static void hand_free(struct deia__by_hand *x)
{
	if (x)
		deia__free(x->ids);
	deia__free(x);
}

static struct deia__by_hand *hand_new(deia_hive *h, unsigned count,
				      deia_scaling_hand_cb cb, void *user)
{
	struct deia__by_hand *x = deia__alloc(sizeof(*x));

	if (!x)
		return NULL;
	x->hive = h;
	x->cb = cb;
	x->user = user;
	x->ids = deia__alloc(count * sizeof(*x->ids));
	if (x->ids)
		return x;
	hand_free(x);
	return NULL;
}

/* ---- the end ------------------------------------------------------------ */

static void give(struct deia__by_hand *x)
{
	const char **ids = deia__alloc((x->n + 1) * sizeof(*ids));
	deia_err err = x->n ? DEIA_OK : x->err;

	if (!ids)
		err = deia__hive_fail(x->hive, DEIA_ENOMEM, "out of memory");
	else if (err)
		deia__hive_fail(x->hive, err, "%s", x->why);
	for (size_t i = 0; ids && i < x->n; i++)
		ids[i] = x->ids[i];
	if (x->cb)
		x->cb(err, err ? NULL : ids, err ? 0 : x->n, x->user);
	deia__free(ids);
	hand_free(x);
}

static void one_ended(struct deia__by_hand *x, deia_err err)
{
	if (err && !x->err) {
		x->err = err;
		snprintf(x->why, sizeof(x->why), "%s", x->hive->msg.text);
	}
	if (--x->pending == 0)
		give(x);
}

void deia__by_hand_launched(deia_hive *h, struct deia__by_hand *x,
			    const char *bot, deia_err err)
{
	(void)h;
	if (bot)
		snprintf(x->ids[x->n++], sizeof(x->ids[0]), "%s", bot);
	one_ended(x, err);
}

static void on_recorded(deia_hive *h, deia_err err, const int64_t *seqs,
			size_t n_seqs, void *arg)
{
	deia__scaling_noted(h, seqs, n_seqs);
	one_ended(arg, err);
}

/* ---- up ----------------------------------------------------------------- */

/* Bots of a template that count, as deia__scaling_gather saw them. */
static unsigned count_bots(const struct deia__scaled *t, bool draining)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n_bots; i++)
		n += t->bots[i].state != DEIA_SCALER_FAILED &&
		     (draining || t->bots[i].state != DEIA_SCALER_DRAINING);
	return n;
}

static deia_err check_up(deia_hive *h, const struct deia__scaled *t,
			 unsigned count)
{
	const struct deia__scaling *s = h->scaling;
	unsigned max = t->sets[deia__scaled_source(t)].max_bots;
	unsigned cap = s->limits[deia__limits_source(s)].max_bots;
	unsigned have = count_bots(t, true), all = 0;
	const struct deia__scaled *o;

	for (o = s->templates; o; o = o->hh.next)
		all += count_bots(o, true);
	if (have + count > max)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "%u more of template \"%s\" would be "
				       "too many: there are %u, and max_bots "
				       "is %u",
				       count, t->name, have, max);
	if (all + count > cap)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "%u more bots are too many: scaled "
				       "templates have %u, and max_bots of "
				       "all is %u",
				       count, all, cap);
	return DEIA_OK;
}

/* have: bots that count. */
static struct deia_scaling_decision decision(const struct deia_actor *actor,
					     const struct deia__scaled *t,
					     deia_scaler_kind kind,
					     unsigned have)
{
	return (struct deia_scaling_decision){
		.at_unix_ms = deia__unix_ms(NULL),
		.name = t->name,
		.kind = deia_scaler_kind_name(kind),
		.cause = BY_PERSON,
		.bot = "",
		.by = actor->name,
		.reason = kind == DEIA_SCALER_LAUNCH ? "a person launched more"
						     : "a person drained it",
		.done = true,
		.bots = have,
	};
}

static deia_err scale_up(deia_hive *h, const struct deia_actor *actor,
			 struct deia__scaled *t, unsigned count,
			 struct deia__by_hand *x)
{
	struct deia_scaling_decision d =
		decision(actor, t, DEIA_SCALER_LAUNCH, count_bots(t, false));
	struct deia_actor who = *actor;
	struct deia__change *c;
	unsigned begun;
	deia_err err;

	who.replay = NULL; /* the answer is not a bot's */
	x->pending = 1;	   /* no launch ends it before all are begun */
	c = deia__change_new(h);
	d.count = count;
	d.wanted = d.bots + count;
	deia__scaling_note(h, c, &d);
	deia__change_audit(c, actor, "scaling.up", t->name, DEIA_OK);
	err = deia__change_commit(c, h, on_recorded, x);
	if (err)
		return err;
	/* Callbacks come later: what is begun is counted in time. */
	begun = deia__scaling_launch(h, t, count, &who, x, &err);
	x->pending += begun;
	if (err && !x->err) {
		x->err = err;
		snprintf(x->why, sizeof(x->why), "%s", h->msg.text);
	}
	return DEIA_OK;
}

/* ---- down --------------------------------------------------------------- */

/* Those that do nothing first, then those that do not long. */
static int rank(const struct deia_scaler_bot *b)
{
	static const int ranks[DEIA_SCALER_STATES] = {
		[DEIA_SCALER_FAILED] = 0, [DEIA_SCALER_BACKOFF] = 1,
		[DEIA_SCALER_READY] = 2,  [DEIA_SCALER_STARTING] = 3,
		[DEIA_SCALER_BUSY] = 4,	  [DEIA_SCALER_DRAINING] = 5,
	};

	return ranks[b->state];
}

static int by_rank(const void *left, const void *right)
{
	const struct deia_scaler_bot *a = left, *b = right;

	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	if (a->since_ms != b->since_ms)
		return a->since_ms < b->since_ms ? -1 : 1;
	return strcmp(a->id, b->id);
}

static bool may_drain(const deia_hive *h, const struct deia_scaler_bot *b)
{
	const struct deia__hbot *bot = deia__hbot_get(h, b->id);

	return bot && !bot->creating && !bot->draining && !bot->removing &&
	       deia__scaling_owns(deia_bots_get(h->bots, b->id));
}

/* Moves those that may be drained to the front, in their order. */
static unsigned sort_out(const deia_hive *h, struct deia__scaled *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n_bots; i++)
		if (may_drain(h, &t->bots[i]))
			t->bots[n++] = t->bots[i];
	t->n_bots = n;
	if (n)
		qsort(t->bots, n, sizeof(*t->bots), by_rank);
	return n;
}

static deia_err check_down(deia_hive *h, struct deia__scaled *t, unsigned count)
{
	unsigned min = t->sets[deia__scaled_source(t)].min_bots;
	unsigned have = count_bots(t, false);

	if (have < min + count)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "%u fewer of template \"%s\" would be "
				       "too few: there are %u, and min_bots is "
				       "%u",
				       count, t->name, have, min);
	if (t->managed < count)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "only %u bots of template \"%s\" were "
				       "launched by the scaler; stop the "
				       "others with `deia bot stop`",
				       t->managed, t->name);
	return DEIA_OK;
}

/* A change holds a few events, so there may be several. have: bots before. */
static deia_err record_down(deia_hive *h, const struct deia_actor *actor,
			    const struct deia__scaled *t, unsigned count,
			    unsigned have, struct deia__by_hand *x)
{
	struct deia_scaling_decision d =
		decision(actor, t, DEIA_SCALER_DRAIN, have);
	struct deia__change *c = NULL;
	deia_err err = DEIA_OK;

	for (unsigned i = 0; i < count && !err; i++) {
		if (i % DEIA__CHANGE_EVENTS == 0)
			c = deia__change_new(h);
		if (i == 0)
			deia__change_audit(c, actor, "scaling.down", t->name,
					   DEIA_OK);
		d.bot = t->bots[i].id;
		d.count = 1;
		d.bots = have - i;
		d.wanted = have - i - 1;
		deia__scaling_note(h, c, &d);
		if ((i + 1) % DEIA__CHANGE_EVENTS && i + 1 < count)
			continue;
		err = deia__change_commit(c, h, on_recorded, x);
		x->pending += err == DEIA_OK;
	}
	return err;
}

static deia_err scale_down(deia_hive *h, const struct deia_actor *actor,
			   struct deia__scaled *t, unsigned count,
			   struct deia__by_hand *x)
{
	unsigned have = count_bots(t, false);
	deia_err err;

	sort_out(h, t);
	err = record_down(h, actor, t, count, have, x);
	if (err && !x->pending)
		return err;
	for (unsigned i = 0; i < count; i++) {
		snprintf(x->ids[x->n++], sizeof(x->ids[0]), "%s",
			 t->bots[i].id);
		deia__scaling_drain(h, deia__hbot_get(h, t->bots[i].id));
	}
	return DEIA_OK;
}

/* ---- the call ----------------------------------------------------------- */

static deia_err check(deia_hive *h, const struct deia_actor *actor,
		      const char *name, const struct deia__scaled *t,
		      unsigned count)
{
	if (actor->role < DEIA_ROLE_OPERATOR)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only an operator may scale");
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (!count || count > MAX_COUNT)
		return deia__hive_fail(h, DEIA_EINVAL, "count: 1 to %d",
				       MAX_COUNT);
	if (!t || !t->spec)
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "there is no template \"%.64s\"",
				       name ? name : "");
	if (!t->scaled)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "template \"%s\" is not scaled; set its "
				       "limits first: `deia scale set %s --min "
				       "1 --max 4`",
				       t->name, t->name);
	if (!deia__scaling_gather(h))
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	return DEIA_OK;
}

deia_err deia_hive_scale(deia_hive *h, const struct deia_actor *actor,
			 const char *name, deia_scaling_direction direction,
			 unsigned count, deia_scaling_hand_cb cb, void *user)
{
	struct deia__scaled *t = deia__scaled_get(h, name);
	bool up = direction == DEIA_SCALE_UP;
	struct deia__by_hand *x;
	deia_err err;

	if (!up && direction != DEIA_SCALE_DOWN)
		return deia__hive_fail(h, DEIA_EINVAL, "direction: %d is none",
				       (int)direction);
	err = check(h, actor, name, t, count);
	if (!err)
		err = up ? check_up(h, t, count) : check_down(h, t, count);
	if (err)
		return err;
	x = hand_new(h, count, cb, user);
	if (!x)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	err = up ? scale_up(h, actor, t, count, x)
		 : scale_down(h, actor, t, count, x);
	if (err)
		hand_free(x);
	return err;
}
