/* SPDX-License-Identifier: MIT */
/*
 * run.c - a run of random steps: the mix, time, restarts, and what must hold
 * after each step.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messenger/messenger.h"
#include "ops.h"

#define RECOUNT_EVERY 400
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

const char *const profile_names[PROFILES] = { "mixed", "deep", "hasty",
					      "loose" };

unsigned pick(struct world *w, unsigned n)
{
	return (unsigned)(deia__rng_next(&w->rng) % (n ? n : 1));
}

bool once_in(struct world *w, unsigned n)
{
	return pick(w, n) == 0;
}

struct model_msg *pick_msg(struct world *w, int status)
{
	struct model *md = &w->md;
	size_t n = 0, i, at;

	if (status < 0)
		return md->n ? &md->msgs[pick(w, (unsigned)md->n)] : NULL;
	for (i = 0; i < md->n; i++)
		n += (int)md->msgs[i].status == status;
	if (n == 0)
		return NULL;
	at = pick(w, (unsigned)n);
	for (i = 0;; i++)
		if ((int)md->msgs[i].status == status && at-- == 0)
			return &md->msgs[i];
}

void describe(struct world *w, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(w->what, sizeof(w->what), fmt, args);
	va_end(args);
	snprintf(w->md.context, sizeof(w->md.context),
		 "--backend %s --profile %s --seed %llu, step %lu: %s",
		 sim_kind_names[w->run->kind], profile_names[w->run->profile],
		 (unsigned long long)w->run->seed, w->step, w->what);
	if (!w->run->trace)
		return;
	printf("# %6lu %10lld %s\n", w->step,
	       (long long)(w->md.hive % 10000000000), w->what);
	fflush(stdout);
}

void finish_call(struct world *w, deia_err err)
{
	w->n_ops++;
	if (err)
		w->err = err;
	else
		w->n_open++;
	model_check(&w->md, err || w->calls == 0, "called back at once");
	while (!err && w->calls == 0)
		event_base_loop(w->sim.base, EVLOOP_ONCE);
	model_check(&w->md, w->want == DEIA_ETIMEDOUT || w->err == w->want,
		    "%s (%s), not %s", deia_err_name(w->err),
		    deia_messenger_errmsg(w->sim.m), deia_err_name(w->want));
	sim_idle(&w->sim);
	model_check(&w->md, w->calls == (err ? 0 : 1), "called back %d times",
		    w->calls);
	w->calls = 0;
}

/* ---- time -------------------------------------------------------------- */

/* To something that falls due, or nearly. */
static int64_t to_a_deadline(struct world *w)
{
	const struct model_msg *x = pick_msg(w, -1);
	int64_t at = 0;

	if (!x)
		return 1;
	if (x->status == DEIA_MESSAGE_DELIVERED && !once_in(w, 4))
		at = x->lease_end;
	else if (x->status == DEIA_MESSAGE_PENDING && x->retry)
		at = x->retry;
	else if (x->status <= DEIA_MESSAGE_DELIVERED)
		at = x->expires;
	at -= w->md.hive;
	if (at <= 0 || at > 2 * HOUR_MS)
		return 1 + pick(w, 2000);
	return at + (int64_t)pick(w, 3) - 1;
}

static int64_t pick_time(struct world *w)
{
	switch (pick(w, 12)) {
	case 0:
		return 60000 + pick(w, 10000);
	case 1:
		return once_in(w, 4) ? HOUR_MS : 1 + pick(w, 100000);
	case 2:
	case 3:
		return 1 + pick(w, 3000);
	case 4:
	case 5:
	case 6:
	case 7:
		return to_a_deadline(w);
	case 8:
		return once_in(w, 40) ? DAY_MS * (1 + pick(w, 3)) : 1;
	default:
		return pick(w, 100);
	}
}

static void sleep_for(struct world *w, int64_t ms)
{
	w->md.due_from = w->md.hive;
	w->md.hive += ms;
	w->md.wall += ms;
	sim_sleep(&w->sim, ms);
	w->md.due_from = w->md.hive;
}

/* What is over ends at once, or soon when something else was changing it. */
static void catch_up(struct world *w)
{
	const struct model_msg *x = NULL;

	for (int i = 0; i < 4; i++) {
		x = model_overdue(&w->md);
		if (!x)
			return;
		sleep_for(w, 1000);
	}
	model_fail(&w->md, "%s is over and still %s", x->id,
		   deia_message_status_name(x->status));
}

static void op_sleep(struct world *w)
{
	int64_t ms = pick_time(w), jump = 0;

	/* Too many are slow to look at: then time goes by. */
	if (w->md.n > (w->run->profile == PROFILE_DEEP ? 6000 : 300) &&
	    once_in(w, 10))
		ms = DAY_MS * (1 + pick(w, 3));
	if (once_in(w, 30))
		jump = once_in(w, 2) ? HOUR_MS : -HOUR_MS;
	describe(w, "sleep %lld ms, the wall clock jumps by %lld ms",
		 (long long)ms, (long long)jump);
	w->md.wall += jump;
	w->sim.clock.wall_ms += jump;
	sleep_for(w, ms);
}

/* ---- retention --------------------------------------------------------- */

static bool ended_before(const struct model *md, const struct model_msg *a,
			 const struct model_msg *b)
{
	if (md->in_memory || a->finished == b->finished)
		return md->in_memory ? a->finish_no < b->finish_no : a < b;
	return a->finished < b->finished;
}

/* What may go: too old, or more than are kept without a store. */
static struct model_msg *first_to_go(struct world *w,
				     deia_message_status status)
{
	struct model_msg *oldest = NULL, *x;
	struct model *md = &w->md;
	size_t n = 0;

	for (x = md->msgs; x < md->msgs + md->n; x++) {
		n += x->status > DEIA_MESSAGE_DELIVERED;
		if (x->status == status &&
		    (!oldest || ended_before(md, x, oldest)))
			oldest = x;
	}
	/* A dead letter that was requeued since may have been one too many. */
	if (md->loose)
		n *= 2;
	if (oldest && md->in_memory && n > md->opts.finished_kept)
		return oldest;
	if (oldest &&
	    oldest->finished + md->opts.retention_days * DAY_MS <= md->hive)
		return oldest;
	return NULL;
}

/* Cleaned ones are counted, not named: the oldest that may go are gone. */
static void forget_cleaned(struct world *w)
{
	uint64_t have[DEIA_MESSAGE_STATUSES] = { 0 };
	struct deia_messenger_status st;
	struct model_msg *x;

	deia_messenger_get_status(w->sim.m, &st);
	for (size_t i = 0; i < w->md.n; i++)
		have[w->md.msgs[i].status]++;
	for (int s = DEIA_MESSAGE_READ; s < DEIA_MESSAGE_STATUSES; s++) {
		for (; have[s] > st.by_status[s]; have[s]--) {
			x = first_to_go(w, (deia_message_status)s);
			model_check(&w->md, x, "%s: %llu, not %llu",
				    deia_message_status_name(
					    (deia_message_status)s),
				    (unsigned long long)st.by_status[s],
				    (unsigned long long)have[s]);
			model_remove(&w->md, x);
			w->md.n_gone++;
		}
	}
	model_check(&w->md, w->md.n_gone == st.cleaned,
		    "%llu cleaned, not %llu", (unsigned long long)st.cleaned,
		    (unsigned long long)w->md.n_gone);
}

/* ---- the rest ---------------------------------------------------------- */

static void op_restart(struct world *w)
{
	int64_t down = once_in(w, 4) ? 0 : pick(w, 200000);
	bool back = once_in(w, 6), crash = once_in(w, 3);

	if (w->run->kind == SIM_KEPT)
		return;
	describe(w, "%s, %s%lld ms down", crash ? "restart" : "restart, reopen",
		 back ? "-" : "", (long long)down);
	for (int i = 0; i < MODEL_WAITS; i++)
		if (w->md.waits[i])
			w->md.waits[i]->cancelled = true;
	w->md.wall += back ? -down : down;
	w->md.due_from = w->md.hive;
	model_restart(&w->md, back ? 0 : down);
	sim_restart(&w->sim, !crash, back ? -down : down);
	for (int i = 0; i < MODEL_BOTS; i++) {
		if (i != MODEL_SYSTEM && once_in(w, 10))
			continue;
		w->md.open[i] = true;
		w->err = sim_open_inbox(&w->sim, model_names[i]);
		model_check(&w->md, w->err == DEIA_OK, "open");
	}
	sim_settle(&w->sim);
	w->md.due_from = w->md.hive;
}

static void op_configure(struct world *w)
{
	static const unsigned max[] = { 20, 50, 100000, 100000 };
	struct deia_messenger_opts *o = &w->md.opts;

	if (w->run->profile == PROFILE_DEEP)
		return;
	o->inbox_max = max[pick(w, 4)];
	o->ageing_ms = once_in(w, 2) ? 60000 : 1000 * (1 + pick(w, 100));
	o->ttl_seconds = once_in(w, 2) ? 604800 : 1 + pick(w, 4000);
	o->max_attempts = 1 + pick(w, 5);
	o->retention_days = 1 + pick(w, 3);
	o->cache_bytes = once_in(w, 3) ? 1000 : 16u << 20;
	o->seed = w->sim.opts.seed;
	w->sim.opts = *o;
	describe(w, "configure: inbox_max %u, ageing %lld ms, ttl %lld s",
		 o->inbox_max, (long long)o->ageing_ms,
		 (long long)o->ttl_seconds);
	w->err = deia_messenger_configure(w->sim.m, o);
	model_check(&w->md, w->err == DEIA_OK, "configure: %s",
		    deia_err_name(w->err));
}

/* ---- a step ------------------------------------------------------------ */

struct choice {
	void (*fn)(struct world *w);
	unsigned weight[PROFILES];
};

static const struct choice choices[] = {
	{ op_many, { 0, 0, 0, 1 } },	{ op_purge, { 1, 1, 1 } },
	{ op_inbox, { 3, 1, 3 } },	{ op_send, { 20, 8, 20 } },
	{ op_send_bad, { 2, 1, 1 } },	{ op_send_key, { 4, 1, 4 } },
	{ op_receive, { 16, 12, 10 } }, { op_wait, { 5, 1, 16 } },
	{ op_cancel, { 2, 1, 12 } },	{ op_read, { 14, 8, 10 } },
	{ op_return, { 9, 4, 9 } },	{ op_take, { 5, 2, 5 } },
	{ op_extend, { 3, 1, 3 } },	{ op_renew, { 3, 1, 3 } },
	{ op_answer, { 5, 1, 5 } },	{ op_requeue, { 3, 2, 3 } },
	{ op_get, { 4, 2, 2 } },	{ op_page, { 2, 1, 1 } },
	{ op_sleep, { 16, 5, 30 } },	{ op_restart, { 1, 1, 1 } },
	{ op_configure, { 1, 1, 1 } },
};
#define CHOICES (sizeof(choices) / sizeof(choices[0]))

static void one_op(struct world *w)
{
	unsigned sum = 0, at, i;

	for (i = 0; i < CHOICES; i++)
		sum += choices[i].weight[w->run->profile];
	at = pick(w, sum);
	for (i = 0; at >= choices[i].weight[w->run->profile]; i++)
		at -= choices[i].weight[w->run->profile];
	choices[i].fn(w);
}

static void step(struct world *w)
{
	struct model *md = &w->md;

	deia__rng_init(&w->rng, w->run->seed * UINT64_C(0x9e3779b97f4a7c15) +
					w->step + 1);
	for (int i = 0; i < MODEL_BOTS; i++)
		md->tight[i] = model_open_len(md, i) * 2 > md->opts.inbox_max;
	one_op(w);
	md->sending = NULL;
	sim_idle(&w->sim);
	catch_up(w);
	forget_cleaned(w);
	model_settled(md);
	md->n_sending = md->n_queued = 0;
	model_check_status(md, w->sim.m);
	if (w->step % RECOUNT_EVERY == 0)
		recount(w);
}

unsigned long run_steps(const struct run *r)
{
	static struct world w;
	struct deia_messenger_opts opts = DEIA_MESSENGER_OPTS_INIT;

	memset(&w, 0, sizeof(w));
	w.run = r;
	opts.seed = r->seed;
	opts.moved = model_moved;
	opts.user = &w.md;
	opts.retention_days = 1;
	opts.finished_kept = 100;
	opts.inbox_max = r->profile == PROFILE_DEEP ? 100000 : 50;
	model_init(&w.md, &opts, r->kind == SIM_KEPT);
	w.md.loose = r->profile == PROFILE_LOOSE;
	sim_init(&w.sim, r->kind, &opts);
	w.md.hive = w.md.wall = w.sim.clock.wall_ms;
	w.md.due_from = w.md.hive;
	for (w.step = 0; w.step < r->steps; w.step++)
		if (!r->left_out || !r->left_out[w.step])
			step(&w);
	describe(&w, "the end");
	recount(&w);
	for (int i = 0; i < MODEL_WAITS; i++)
		if (w.md.waits[i])
			w.md.waits[i]->cancelled = true;
	sim_fini(&w.sim);
	model_fini(&w.md);
	return w.n_ops;
}
