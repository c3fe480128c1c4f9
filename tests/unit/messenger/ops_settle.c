/* SPDX-License-Identifier: MIT */
/*
 * ops_settle.c - random acknowledgements and returns, many of them by the
 * wrong one, with an old token, or twice.
 */
#include <stdio.h>
#include <string.h>

#include "ops.h"

#define UNKNOWN_ID "01940000-0000-7000-8000-00000000dead"

struct claim {
	struct model_msg *x; /* NULL: unknown */
	int inbox;	     /* -1: any */
	char id[37], token[24];
	bool has_token;
	struct deia_message_claim real;
};

static void pick_token(struct world *w, struct claim *c)
{
	const struct model_msg *x = c->x, *other;

	c->has_token = !once_in(w, 4);
	if (!x || once_in(w, 12))
		strcpy(c->token, once_in(w, 2) ? "" : "0123456789abcdef");
	else if (once_in(w, 8))
		strcpy(c->token, x->old_token);
	else
		strcpy(c->token, x->token);
	other = once_in(w, 25) ? pick_msg(w, DEIA_MESSAGE_DELIVERED) : NULL;
	if (other && other != x)
		strcpy(c->token, other->token);
}

static void pick_claim(struct world *w, struct claim *c)
{
	memset(c, 0, sizeof(*c));
	c->x = pick_msg(w, once_in(w, 6) ? -1 : DEIA_MESSAGE_DELIVERED);
	if (!c->x && once_in(w, 2))
		c->x = pick_msg(w, -1);
	c->inbox = -1;
	if (c->x && !once_in(w, 3))
		c->inbox = c->x->draft.to;
	if (once_in(w, 15))
		c->inbox = (int)pick(w, MODEL_BOTS);
	if (!c->x)
		strcpy(c->id, once_in(w, 2) ? UNKNOWN_ID : "nonsense");
	else
		strcpy(c->id, c->x->id);
	pick_token(w, c);
	c->real.id = c->id;
	c->real.inbox = c->inbox < 0 ? NULL : model_names[c->inbox];
	c->real.token = c->has_token ? c->token : NULL;
}

static deia_err wanted(const struct claim *c)
{
	return model_claim(c->x, c->inbox, c->has_token ? c->token : NULL);
}

/* ---- read -------------------------------------------------------------- */

#define READS 8

struct reads {
	struct claim claims[READS];
	deia_err want[READS], got[READS];
	size_t n;
};
static struct reads reads;

static void on_read(deia_err err, void *user)
{
	struct world *w = user;

	w->calls++;
	w->n_open--;
	w->err = err;
}

/* The outcome of each claim; one may come twice, and then it was read. */
static deia_err want_reads(struct reads *r)
{
	deia_err first = DEIA_OK;

	for (size_t i = 0; i < r->n; i++) {
		struct model_msg *x = r->claims[i].x;
		const struct claim *c = &r->claims[i];
		bool done = x && x->status == DEIA_MESSAGE_READ;
		bool twice = x && x->allowed != 0;

		r->want[i] = wanted(c);
		if (r->want[i] != DEIA_ENOTFOUND && done)
			r->want[i] =
				c->has_token && strcmp(c->token, x->token) == 0
					? DEIA_OK
					: DEIA_ESTATE;
		if (r->want[i] == DEIA_OK && !done && !twice)
			x->allowed = 1u << DEIA_MESSAGE_WAS_READ;
		if (r->want[i] && !first)
			first = r->want[i];
	}
	return first;
}

void op_read(struct world *w)
{
	struct deia_message_claim real[READS];
	struct reads *r = &reads;

	memset(r, 0, sizeof(*r));
	r->n = once_in(w, 3) ? 1 + pick(w, READS) : 1;
	for (size_t i = 0; i < r->n; i++) {
		pick_claim(w, &r->claims[i]);
		r->got[i] = DEIA_ETIMEDOUT;
	}
	if (r->n > 1 && once_in(w, 8)) {
		r->claims[1] = r->claims[0];
		r->claims[1].real.id = r->claims[1].id;
		if (r->claims[1].has_token)
			r->claims[1].real.token = r->claims[1].token;
	}
	for (size_t i = 0; i < r->n; i++)
		real[i] = r->claims[i].real;
	w->want = want_reads(r);
	describe(w, "read %zu, first %s of %s with %s", r->n, real[0].id,
		 real[0].inbox ? real[0].inbox : "any",
		 real[0].token ? real[0].token : "no token");
	finish_call(w, deia_messenger_read(w->sim.m, real, r->n, r->got,
					   on_read, w));
	for (size_t i = 0; i < r->n; i++)
		model_check(&w->md, r->want[i] == r->got[i],
			    "read of %s (%zu): %s, not %s", r->claims[i].id, i,
			    deia_err_name(r->got[i]),
			    deia_err_name(r->want[i]));
}

/* ---- one message ------------------------------------------------------- */

static void on_one(deia_err err, const struct deia_message *items, size_t n,
		   bool more, void *user)
{
	struct world *w = user;
	const struct model_msg *x;

	w->calls++;
	w->n_open--;
	w->err = err;
	model_check(&w->md, n == (err ? 0 : 1) && !more, "%zu messages", n);
	if (err)
		return;
	x = model_find(&w->md, items->id);
	model_check(&w->md, x, "%s is not there", items->id);
	model_compare(&w->md, x, items);
}

static void give_up(struct world *w, struct claim *c)
{
	describe(w, "give up %s with %s", c->id,
		 c->real.token ? c->real.token : "no token");
	if (!w->want)
		c->x->allowed = 1u << DEIA_MESSAGE_GAVE_UP;
	finish_call(w, deia_messenger_give_up(w->sim.m, &c->real,
					      once_in(w, 3) ? NULL : "no good",
					      on_one, w));
}

void op_return(struct world *w)
{
	static const int64_t delays[] = {
		0,     0,      DEIA_DELAY_BACKOFF, DEIA_DELAY_BACKOFF, 1, 1500,
		60000, 3600000
	};
	int64_t delay = delays[pick(w, 8)];
	bool excused = once_in(w, 3);
	struct claim c;

	pick_claim(w, &c);
	w->want = wanted(&c);
	if (once_in(w, 5)) {
		give_up(w, &c);
		return;
	}
	describe(w, "release %s with %s after %lld ms%s", c.id,
		 c.real.token ? c.real.token : "no token", (long long)delay,
		 excused ? ", excused" : "");
	if (!w->want) {
		model_allow_return(&w->md, c.x, delay, excused);
		c.x->excused += excused;
	}
	finish_call(w, deia_messenger_release(w->sim.m, &c.real, delay, excused,
					      once_in(w, 2) ? NULL : "not now",
					      on_one, w));
}

void op_extend(struct world *w)
{
	int64_t lease = 1000 * (1 + (int64_t)pick(w, 200));
	struct claim c;

	if (once_in(w, 20))
		lease = 3600000;
	pick_claim(w, &c);
	w->want = wanted(&c);
	describe(w, "extend %s with %s to %lld ms", c.id,
		 c.real.token ? c.real.token : "no token", (long long)lease);
	if (!w->want)
		c.x->lease_end = w->md.hive + lease;
	finish_call(w,
		    deia_messenger_extend(w->sim.m, &c.real, lease, on_one, w));
}

void op_renew(struct world *w)
{
	int64_t lease = 1000 * (1 + (int64_t)pick(w, 200));
	deia_err want, got;
	struct claim c;

	pick_claim(w, &c);
	want = wanted(&c);
	/* Whether it is pending or gone need not be known at once. */
	if (want == DEIA_OK && !c.x->held)
		want = DEIA_ESTATE;
	describe(w, "renew %s with %s for %lld ms", c.id,
		 c.real.token ? c.real.token : "no token", (long long)lease);
	got = deia_messenger_renew(w->sim.m, &c.real, lease);
	if (want == DEIA_ESTATE && got == DEIA_ENOTFOUND &&
	    c.x->status != DEIA_MESSAGE_DELIVERED)
		got = want;
	model_check(&w->md, got == want, "renew: %s, not %s",
		    deia_err_name(got), deia_err_name(want));
	if (got == DEIA_OK)
		c.x->lease_end = w->md.hive + lease;
	w->n_ops++;
}

void op_requeue(struct world *w)
{
	struct model_msg *x =
		pick_msg(w, once_in(w, 5) ? -1 : (int)DEIA_MESSAGE_FAILED);
	char id[37];

	strcpy(id, x ? x->id : UNKNOWN_ID);
	w->want = !x				     ? DEIA_ENOTFOUND
		  : x->status != DEIA_MESSAGE_FAILED ? DEIA_ESTATE
		  : model_open_len(&w->md, x->draft.to) >= w->md.opts.inbox_max
			  ? DEIA_EBUSY
			  : DEIA_OK;
	if (!w->want)
		x->allowed = 1u << DEIA_MESSAGE_REQUEUED;
	describe(w, "requeue %s", id);
	finish_call(w, deia_messenger_requeue(w->sim.m, id, on_one, w));
}

/* ---- answer ------------------------------------------------------------ */

static void on_answered(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct world *w = user;

	w->calls++;
	w->n_open--;
	w->err = err;
	model_check(&w->md, n <= 1 && !more, "%zu messages", n);
	if (!err && n)
		model_compare(&w->md, model_find(&w->md, items->id), items);
}

/* Which errors are right when claim and draft may both be wrong, by bit. */
static unsigned answer_errors(struct world *w, const struct claim *c,
			      const struct model_draft *d)
{
	deia_err claim = wanted(c);
	unsigned errors = 0;

	if (claim)
		errors |= 1u << claim;
	/* The answer went out, and it was read under this token. */
	if (c->x && c->x->status == DEIA_MESSAGE_READ && c->has_token &&
	    strcmp(c->token, c->x->token) == 0 && claim == DEIA_ESTATE)
		errors = 1u << DEIA_OK;
	if (!w->md.open[d->to])
		errors |= 1u << DEIA_ENOTFOUND;
	else if (model_open_len(&w->md, d->to) >= w->md.opts.inbox_max)
		errors |= 1u << DEIA_EBUSY;
	return errors;
}

void op_answer(struct world *w)
{
	struct deia_message_draft real;
	static struct model_draft d;
	struct model *md = &w->md;
	unsigned errors;
	struct claim c;

	pick_claim(w, &c);
	if (!c.x)
		return;
	pick_draft(w, &d);
	d.from = c.inbox = c.x->draft.to;
	c.real.inbox = model_names[c.inbox];
	if (!once_in(w, 10))
		d.to = c.x->draft.from;
	strcpy(d.reply_to, c.x->id);
	model_draft_fill(&d, &real);
	errors = answer_errors(w, &c, &d);
	describe(w, "answer %s with %s, to %s", c.id,
		 c.real.token ? c.real.token : "no token", real.to);
	if (errors == 0) {
		c.x->allowed = 1u << DEIA_MESSAGE_WAS_READ;
		md->sending = &d;
		md->n_sending = 1;
	}
	w->want = DEIA_ETIMEDOUT; /* judged here */
	finish_call(w, deia_messenger_answer(w->sim.m, &c.real, &real,
					     on_answered, w));
	model_check(md, errors ? errors >> w->err & 1 : w->err == DEIA_OK,
		    "answer: %s, allowed (bits) %x", deia_err_name(w->err),
		    errors);
}
