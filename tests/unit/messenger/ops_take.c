/* SPDX-License-Identifier: MIT */
/* ops_take.c - random receivers: at once, waiting, cancelled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"

/* Messages in an answer are those that were just handed over to it. */
void take_items(struct model *md, const struct model_wait *r,
		const struct deia_message *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct model_msg *x = model_find(md, items[i].id);

		model_check(md, x && x->handed, "%s was not handed over",
			    items[i].id);
		model_check(md, x->draft.to == r->inbox,
			    "%s of %s in an answer to %s", x->id,
			    model_names[x->draft.to], model_names[r->inbox]);
		model_check(md, x->lease_end == x->handed_at + r->lease_ms,
			    "lease of %s: %lld ms, not %lld", x->id,
			    (long long)(x->lease_end - x->handed_at),
			    (long long)r->lease_ms);
		model_check(md, items[i].content, "%s without its content",
			    x->id);
		x->handed = false;
		x->held = r->held;
		model_compare(md, x, &items[i]);
	}
}

static void check_first_in_line(const struct model *md,
				const struct model_wait *r)
{
	/* Slots are filled in order of arrival. */
	for (int i = 0; i < MODEL_WAITS && md->waits[i] != r; i++)
		model_check(md,
			    !md->waits[i] || md->waits[i]->done ||
				    md->waits[i]->inbox != r->inbox,
			    "a later receiver of %s was served first",
			    model_names[r->inbox]);
}

void on_received(deia_err err, const struct deia_message *items, size_t n,
		 bool more, void *user)
{
	struct model_wait *r = user;
	struct model *md = r->model;

	model_check(md, !r->done && !more, "answered twice");
	model_check(md, n <= r->max, "%zu messages, max %u", n, r->max);
	if (err == DEIA_OK && n > 0) {
		if (!md->loose)
			check_first_in_line(md, r);
		take_items(md, r, items, n);
	} else if (err == DEIA_OK) {
		model_check(md, r->until_ms >= 0 && r->until_ms <= md->hive,
			    "an empty answer before its time");
		model_check(md,
			    r->until_ms != md->hive || md->loose ||
				    model_candidates(md, r->inbox) == 0,
			    "an empty answer, but %s has mail",
			    model_names[r->inbox]);
	} else if (err == DEIA_ENOTFOUND) {
		model_check(md, md->closing[r->inbox], "%s is open",
			    model_names[r->inbox]);
	} else {
		model_check(md, err == DEIA_ECANCELED && r->cancelled,
			    "receive: %s", deia_err_name(err));
	}
	r->done = true;
}

static void fill_receive(struct world *w, struct model_wait *r,
			 struct deia_receive *what)
{
	const struct deia_receive init = DEIA_RECEIVE_INIT;
	unsigned most = w->run->profile == PROFILE_DEEP ? 300 : 5;

	*what = init;
	r->inbox = (int)pick(w, MODEL_BOTS);
	for (int i = 0; i < 3 && (!w->md.open[r->inbox] ||
				  model_candidates(&w->md, r->inbox) == 0);
	     i++)
		r->inbox = (int)pick(w, MODEL_BOTS);
	r->max = once_in(w, 3) ? 1 + pick(w, most) : 1;
	if (once_in(w, 300))
		r->max = DEIA_MAX_BATCH_LEN;
	r->lease_ms = once_in(w, 3) ? 60000 : 1000 * (1 + pick(w, 100));
	r->held = once_in(w, 4);
	r->model = &w->md;
	what->inbox = model_names[r->inbox];
	what->max = r->max == 1 && once_in(w, 2) ? 0 : r->max;
	what->lease_ms =
		r->lease_ms == 60000 && once_in(w, 2) ? 0 : r->lease_ms;
	what->held = r->held;
}

static bool too_many_out(const struct world *w, int inbox)
{
	size_t n = 0;

	for (size_t i = 0; i < w->md.n; i++)
		n += w->md.msgs[i].draft.to == inbox &&
		     (w->md.msgs[i].status == DEIA_MESSAGE_DELIVERED ||
		      (w->md.msgs[i].status == DEIA_MESSAGE_PENDING &&
		       w->md.msgs[i].retry > w->md.hive));
	return n >= DEIA_MAX_OUT_LEN;
}

void op_receive(struct world *w)
{
	struct model_wait r = { 0 };
	struct deia_receive what;
	size_t there, left, taken;

	fill_receive(w, &r, &what);
	r.until_ms = w->md.hive;
	there = model_candidates(&w->md, r.inbox);
	describe(w, "receive %u of %s for %lld ms%s", r.max, what.inbox,
		 (long long)r.lease_ms, r.held ? ", held" : "");
	w->want = !w->md.open[r.inbox]	     ? DEIA_ENOTFOUND
		  : too_many_out(w, r.inbox) ? DEIA_EBUSY
					     : DEIA_OK;
	w->err = deia_messenger_receive(w->sim.m, &what, NULL, on_received, &r);
	model_check(&w->md, w->err == w->want, "receive: %s, not %s",
		    deia_err_name(w->err), deia_err_name(w->want));
	w->n_ops++;
	if (w->err)
		return;
	model_check(&w->md, !r.done, "called back at once");
	sim_idle(&w->sim);
	model_check(&w->md, r.done, "not called back");
	taken = there;
	left = model_candidates(&w->md, r.inbox);
	if (there > r.max)
		there = r.max;
	taken -= left;
	/* Without a store as many as there are, else at least one. */
	model_check(&w->md,
		    taken <= there &&
			    (taken == there || (taken > 0 && !w->md.in_memory)),
		    "max %u, %zu were there, %zu taken", r.max, there, taken);
}

/* ---- waiting ----------------------------------------------------------- */

/* Closes the gaps, keeping the order of arrival. -1: no room. */
int free_slot(struct model *md)
{
	int i, n = 0;

	for (i = 0; i < MODEL_WAITS; i++) {
		struct model_wait *r = md->waits[i];

		md->waits[i] = NULL;
		if (r && r->done)
			free(r);
		else if (r)
			md->waits[n++] = r;
	}
	return n < MODEL_WAITS ? n : -1;
}

void op_wait(struct world *w)
{
	int slot = free_slot(&w->md);
	struct deia_receive what;
	struct model_wait *r;

	if (slot < 0)
		return;
	r = calloc(1, sizeof(*r));
	fill_receive(w, r, &what);
	if (!w->md.open[r->inbox] || too_many_out(w, r->inbox)) {
		free(r);
		return;
	}
	what.wait_ms = 1 + pick(w, 60000);
	if (once_in(w, 4))
		what.wait_ms = DEIA_WAIT_FOR_EVER;
	r->until_ms = what.wait_ms < 0 ? -1 : w->md.hive + what.wait_ms;
	describe(w, "wait for %u of %s, %lld ms", r->max, what.inbox,
		 (long long)what.wait_ms);
	w->md.waits[slot] = r;
	w->err = deia_messenger_receive(w->sim.m, &what, &r->receiver,
					on_received, r);
	model_check(&w->md, w->err == DEIA_OK && !r->done, "receive: %s",
		    deia_err_name(w->err));
	w->n_ops++;
	if (!w->md.loose)
		sim_idle(&w->sim);
}

void op_cancel(struct world *w)
{
	struct model_wait *r = w->md.waits[pick(w, MODEL_WAITS)];

	if (!r || r->done)
		return;
	describe(w, "cancel a receiver of %s", model_names[r->inbox]);
	r->cancelled = true;
	deia_messenger_receive_cancel(w->sim.m, r->receiver);
	sim_idle(&w->sim);
	model_check(&w->md, r->done, "a cancelled receiver was not told");
	w->n_ops++;
}

/* ---- of a dialogue ----------------------------------------------------- */

static void on_taken(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct world *w = user;

	w->calls++;
	w->n_open--;
	w->err = err;
	model_check(&w->md, n == (err ? 0 : 1) && !more, "%zu messages", n);
	if (!err)
		take_items(&w->md, &w->taking, items, 1);
}

void op_take(struct world *w)
{
	struct model_msg *x = NULL;
	struct model_wait *r = &w->taking;
	char id[37];

	memset(r, 0, sizeof(*r));
	for (int i = 0; i < 20 && !(x && x->draft.dialogue); i++)
		x = pick_msg(w, DEIA_MESSAGE_PENDING);
	if (!x || once_in(w, 10))
		x = pick_msg(w, -1);
	if (!x)
		return;
	strcpy(id, x->id);
	r->model = &w->md;
	r->inbox = once_in(w, 15) ? (int)pick(w, MODEL_BOTS) : x->draft.to;
	r->lease_ms = 1000 * (1 + pick(w, 100));
	r->held = once_in(w, 3);
	w->want = r->inbox != x->draft.to ? DEIA_ENOTFOUND
		  : !x->draft.dialogue || x->status != DEIA_MESSAGE_PENDING ||
				  x->expires <= w->md.hive /* to be swept */
			  ? DEIA_ESTATE
			  : DEIA_OK;
	if (!w->want)
		x->allowed = 1u << DEIA_MESSAGE_HANDED_OVER;
	describe(w, "take %s of %s for %lld ms%s", id, model_names[r->inbox],
		 (long long)r->lease_ms, r->held ? ", held" : "");
	finish_call(w, deia_messenger_take(w->sim.m, model_names[r->inbox], id,
					   r->lease_ms, r->held, on_taken, w));
}
