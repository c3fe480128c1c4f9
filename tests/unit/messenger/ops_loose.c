/* SPDX-License-Identifier: MIT */
/*
 * ops_loose.c - many calls under way at once, also while leases end and times
 * to live are over. What each call comes to is not known before, but no move
 * is made that was neither asked for nor due, and every answer is kept to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messenger/messenger.h"
#include "ops.h"

#define DRAFTS 4096
#define CLAIMS 4

/* Sent, and not told of yet, in this order. */
static struct model_draft drafts[DRAFTS];

struct call {
	struct world *w;
	const char *what;
	struct model_wait taking;
	char ids[CLAIMS][37], tokens[CLAIMS][24];
	deia_err errs[CLAIMS];
	size_t n;
	int64_t lease_ms;
	bool is_extend;
};

static struct call *call_new(struct world *w, const char *what)
{
	struct call *c = calloc(1, sizeof(*c));

	c->w = w;
	c->what = what;
	return c;
}

/* The call was accepted: it will be answered. Else c is gone. */
static void accepted(struct call *c, deia_err err)
{
	c->w->n_ops++;
	if (err)
		free(c);
	else
		c->w->n_open++;
}

static void answered(struct call *c)
{
	c->w->n_open--;
	free(c);
}

/* ---- sends ------------------------------------------------------------- */

static void on_sent(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct call *c = user;
	struct model *md = &c->w->md;

	model_check(md, err == DEIA_OK && n == c->n && !more, "send: %s, %zu",
		    deia_err_name(err), n);
	for (size_t i = 0; i < n; i++) {
		struct model_msg *x = model_find(md, items[i].id);

		model_check(md, x, "%s was not told of", items[i].id);
		model_compare(md, x, &items[i]);
	}
	answered(c);
}

static void send_some(struct world *w)
{
	struct deia_message_draft real[CLAIMS];
	struct model *md = &w->md;
	size_t n = 1 + pick(w, CLAIMS);
	struct call *c;
	deia_err err;

	if (md->n_sending + n > DRAFTS)
		return;
	for (size_t i = 0; i < n; i++) {
		struct model_draft *d = &drafts[md->n_sending + i];

		pick_draft(w, d);
		d->from = (int)pick(w, MODEL_SYSTEM);
		d->content_len %= 100;
		d->ttl_seconds = once_in(w, 2) ? 0 : 1 + pick(w, 40);
		model_draft_fill(d, &real[i]);
	}
	c = call_new(w, "send");
	c->n = n;
	err = deia_messenger_send(w->sim.m, real, n, NULL, NULL, on_sent, c);
	model_check(md,
		    err == DEIA_OK || err == DEIA_EBUSY ||
			    err == DEIA_ENOTFOUND,
		    "send: %s", deia_err_name(err));
	if (err == DEIA_OK)
		md->n_sending += n;
	accepted(c, err);
}

/* ---- receives ---------------------------------------------------------- */

static void receive_some(struct world *w)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;
	int slot = free_slot(&w->md);
	struct model_wait *r;
	deia_err err;

	if (slot < 0)
		return;
	r = calloc(1, sizeof(*r));
	r->model = &w->md;
	r->inbox = (int)pick(w, MODEL_BOTS);
	r->max = what.max = 1 + pick(w, 4);
	r->lease_ms = what.lease_ms = 1000 * (1 + pick(w, 20));
	r->held = what.held = once_in(w, 4);
	what.inbox = model_names[r->inbox];
	what.wait_ms = once_in(w, 2) ? 0 : 1 + pick(w, 20000);
	r->until_ms = w->md.hive + what.wait_ms;
	err = deia_messenger_receive(w->sim.m, &what, &r->receiver, on_received,
				     r);
	w->n_ops++;
	model_check(&w->md, err == (w->md.open[r->inbox] ? 0 : DEIA_ENOTFOUND),
		    "receive: %s", deia_err_name(err));
	if (err)
		free(r);
	else
		w->md.waits[slot] = r;
}

/* Also of one whose messages are on their way: it gets them all the same. */
static void cancel_one(struct world *w)
{
	struct model_wait *r = w->md.waits[pick(w, MODEL_WAITS)];

	if (!r || r->done)
		return;
	r->cancelled = true;
	deia_messenger_receive_cancel(w->sim.m, r->receiver);
	w->n_ops++;
}

/* ---- one message ------------------------------------------------------- */

static void on_one(deia_err err, const struct deia_message *items, size_t n,
		   bool more, void *user)
{
	struct call *c = user;
	struct model *md = &c->w->md;
	struct model_msg *x = model_find(md, c->ids[0]);

	model_check(md, n == (err ? 0 : 1) && !more, "%s: %zu messages",
		    c->what, n);
	model_check(md,
		    err == DEIA_OK || err == DEIA_ENOTFOUND ||
			    err == DEIA_ESTATE || err == DEIA_ECONFLICT ||
			    err == DEIA_EBUSY,
		    "%s: %s", c->what, deia_err_name(err));
	if (err == DEIA_OK) {
		model_check(md, x, "%s of %s", c->what, c->ids[0]);
		if (c->is_extend)
			x->lease_end = md->hive + c->lease_ms;
		model_compare(md, x, items);
	}
	answered(c);
}

static void on_taken(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct call *c = user;

	(void)more;
	if (err == DEIA_OK)
		take_items(&c->w->md, &c->taking, items, n);
	answered(c);
}

/* Something that is there, mostly with the right token. */
static struct model_msg *pick_one(struct world *w, struct call *c, int status,
				  struct deia_message_claim *claim)
{
	struct model_msg *x = pick_msg(w, once_in(w, 5) ? -1 : status);

	if (!x)
		return NULL;
	strcpy(c->ids[c->n], x->id);
	strcpy(c->tokens[c->n], once_in(w, 8) ? x->old_token : x->token);
	claim->id = c->ids[c->n];
	claim->inbox = once_in(w, 2) ? NULL : model_names[x->draft.to];
	claim->token = once_in(w, 4) ? NULL : c->tokens[c->n];
	c->n++;
	return x;
}

static void on_read(deia_err err, void *user)
{
	struct call *c = user;
	struct model *md = &c->w->md;
	deia_err first = DEIA_OK;

	for (size_t i = 0; i < c->n; i++) {
		struct model_msg *x = model_find(md, c->ids[i]);

		if (c->errs[i] && !first)
			first = c->errs[i];
		model_check(md,
			    c->errs[i] != DEIA_OK ||
				    (x && x->status == DEIA_MESSAGE_READ),
			    "%s is acknowledged, and not read", c->ids[i]);
	}
	model_check(md, err == first, "read: %s, not %s", deia_err_name(err),
		    deia_err_name(first));
	answered(c);
}

static void read_some(struct world *w)
{
	struct deia_message_claim claims[CLAIMS];
	struct call *c = call_new(w, "read");
	size_t n = 1 + pick(w, CLAIMS);
	struct model_msg *x;

	for (size_t i = 0; i < n; i++) {
		x = pick_one(w, c, DEIA_MESSAGE_DELIVERED, &claims[i]);
		if (!x) {
			free(c);
			return;
		}
		x->allowed |= 1u << DEIA_MESSAGE_WAS_READ;
	}
	accepted(c,
		 deia_messenger_read(w->sim.m, claims, n, c->errs, on_read, c));
}

static void settle_one(struct world *w)
{
	static const int64_t delays[] = { 0, DEIA_DELAY_BACKOFF, 700 };
	struct call *c = call_new(w, "settle");
	struct deia_message_claim claim;
	deia_messenger *m = w->sim.m;
	struct model_msg *x = pick_one(w, c, DEIA_MESSAGE_DELIVERED, &claim);

	if (!x) {
		free(c);
		return;
	}
	c->lease_ms = 1000 * (1 + pick(w, 20));
	switch (pick(w, 4)) {
	case 0:
		x->allowed |= 1u << DEIA_MESSAGE_GAVE_UP;
		accepted(c, deia_messenger_give_up(m, &claim, "no", on_one, c));
		break;
	case 1:
		c->is_extend = true;
		accepted(c, deia_messenger_extend(m, &claim, c->lease_ms,
						  on_one, c));
		break;
	default:
		x->allowed |=
			1u << DEIA_MESSAGE_RETRY | 1u << DEIA_MESSAGE_GAVE_UP;
		accepted(c, deia_messenger_release(
				    m, &claim, delays[pick(w, 3)],
				    once_in(w, 3), "later", on_one, c));
	}
}

static void answer_one(struct world *w)
{
	struct call *c = call_new(w, "answer");
	struct deia_message_claim claim;
	struct deia_message_draft real;
	struct model *md = &w->md;
	struct model_msg *x = pick_one(w, c, DEIA_MESSAGE_DELIVERED, &claim);
	struct model_draft *d = &drafts[md->n_sending];
	deia_err err;

	if (!x || md->n_sending == DRAFTS || x->draft.to == MODEL_SYSTEM ||
	    x->status != DEIA_MESSAGE_DELIVERED) {
		free(c);
		return;
	}
	pick_draft(w, d);
	d->from = x->draft.to;
	d->to = x->draft.from;
	d->content_len %= 100;
	d->ttl_seconds = 0;
	model_draft_fill(d, &real);
	claim.inbox = model_names[d->from];
	x->allowed |= 1u << DEIA_MESSAGE_WAS_READ;
	strcpy(c->ids[0], x->id);
	/* It goes out only if the claim is right; that is known at once, since
	 * a delivered message is in memory. */
	c->n = 1;
	err = deia_messenger_answer(w->sim.m, &claim, &real, on_sent, c);
	if (err == DEIA_OK)
		md->n_sending++;
	accepted(c, err);
}

static void requeue_or_take(struct world *w)
{
	struct call *c = call_new(w, "requeue");
	struct deia_message_claim claim;
	bool take = once_in(w, 2);
	struct model_msg *x = pick_one(w, c,
				       take ? (int)DEIA_MESSAGE_PENDING
					    : (int)DEIA_MESSAGE_FAILED,
				       &claim);

	if (!x) {
		free(c);
		return;
	}
	if (!take) {
		x->allowed |= 1u << DEIA_MESSAGE_REQUEUED;
		accepted(c,
			 deia_messenger_requeue(w->sim.m, claim.id, on_one, c));
		return;
	}
	c->taking.model = &w->md;
	c->taking.inbox = x->draft.to;
	c->taking.lease_ms = 5000;
	if (x->draft.dialogue)
		x->allowed |= 1u << DEIA_MESSAGE_HANDED_OVER;
	accepted(c, deia_messenger_take(w->sim.m, model_names[x->draft.to],
					claim.id, 5000, false, on_taken, c));
}

/* ---- looking ----------------------------------------------------------- */

/* What is on the disk may be on a page before it is told of. */
static void on_page(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct call *c = user;

	(void)more;
	model_check(&c->w->md, err == DEIA_OK, "page: %s", deia_err_name(err));
	for (size_t i = 0; i < n; i++)
		model_check(&c->w->md, items[i].status <= DEIA_MESSAGE_EXPIRED,
			    "%s has no status", items[i].id);
	answered(c);
}

static void look(struct world *w)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	struct call *c = call_new(w, "page");

	q.inbox = model_names[pick(w, MODEL_BOTS)];
	accepted(c, deia_messenger_page(w->sim.m, &q, on_page, c));
}

/* ---- many -------------------------------------------------------------- */

static void one_call(struct world *w)
{
	static void (*const calls[])(struct world *) = {
		send_some,    send_some,  send_some,	   receive_some,
		receive_some, read_some,  read_some,	   settle_one,
		answer_one,   cancel_one, requeue_or_take, look,
	};

	calls[pick(w, sizeof(calls) / sizeof(calls[0]))](w);
}

static void open_some(struct world *w)
{
	for (int i = 0; i < MODEL_BOTS; i++) {
		if (w->md.open[i])
			continue;
		w->md.open[i] = true;
		w->err = sim_open_inbox(&w->sim, model_names[i]);
		model_check(&w->md, w->err == DEIA_OK, "open");
	}
}

void op_many(struct world *w)
{
	unsigned n = 1 + pick(w, 40);
	int64_t ms = once_in(w, 3) ? pick(w, 30000) : pick(w, 300);
	struct model *md = &w->md;

	/* Too many are slow to look at: then days go by. */
	if (md->n > 400 && once_in(w, 4))
		ms = once_in(w, 3) ? 2 * 86400 * INT64_C(1000) : 61000;
	describe(w, "%u calls, after %lld ms", n, (long long)ms);
	open_some(w);
	for (struct model_msg *x = md->msgs; x < md->msgs + md->n; x++)
		x->allowed = 0;
	md->sending = drafts;
	md->n_sending = md->n_queued = 0;
	/* What falls due does so among the calls. */
	md->due_from = md->hive;
	md->hive += ms;
	md->wall += ms;
	w->sim.clock.boot_ms += ms;
	w->sim.clock.wall_ms += ms;
	while (n-- > 0) {
		one_call(w);
		if (once_in(w, 6))
			deia__timers_run(w->sim.m->timers);
		if (once_in(w, 4))
			event_base_loop(w->sim.base, EVLOOP_NONBLOCK);
	}
	sim_settle(&w->sim);
	model_check(md, w->n_open == 0, "%u calls are not answered", w->n_open);
	for (int i = 0; i < MODEL_WAITS; i++)
		model_check(md,
			    !md->waits[i] || md->waits[i]->done ||
				    md->waits[i]->until_ms > md->hive,
			    "a receiver of %s is not answered",
			    model_names[md->waits[i]->inbox]);
}
