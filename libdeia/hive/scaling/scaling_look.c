/* SPDX-License-Identifier: MIT */
/*
 * scaling_look.c - once a second: what is seen of each scaled template and of
 * the machine; the scaler decides; what it asks for is begun.
 *
 * Which bots are shown to the scaler, and how:
 *  - one that a person stopped or paused: not at all;
 *  - one that the scaler does not own: as busy while it is up, so that it
 *    counts as a worker and is never drained; not while it is down;
 *  - one with mail that it has not read: as busy;
 *  - one whose row is being written: as starting.
 */
#include "hive/scaling/scaling.h"

#include <string.h>

#include "bot/load.h"
#include "hive/nodes/nodes.h"

#define FIRST_BOTS 16

/* ---- one bot ------------------------------------------------------------ */

static bool is_up(deia_bot_state s)
{
	return s == DEIA_BOT_STARTING || s == DEIA_BOT_READY ||
	       s == DEIA_BOT_BUSY || s == DEIA_BOT_STOPPING;
}

static deia_scaler_state state_of(const deia_hive *h,
				  const struct deia__hbot *b,
				  const struct deia_bot_info *info)
{
	switch (info->state) {
	case DEIA_BOT_STARTING:
	case DEIA_BOT_STOPPING: /* it is started again */
		return DEIA_SCALER_STARTING;
	case DEIA_BOT_READY:
		return deia__scaling_has_work(h, b, info) ? DEIA_SCALER_BUSY
							  : DEIA_SCALER_READY;
	case DEIA_BOT_BUSY:
		return DEIA_SCALER_BUSY;
	case DEIA_BOT_BACKOFF:
		return DEIA_SCALER_BACKOFF;
	default: /* it ended, and is not started again */
		return DEIA_SCALER_FAILED;
	}
}

/* False: it is not shown. *shown: to the scaler; *real: to people. */
static bool see_state(const deia_hive *h, const struct deia__hbot *b,
		      const struct deia_bot_info *info,
		      deia_scaler_state *shown, deia_scaler_state *real)
{
	*shown = *real = DEIA_SCALER_DRAINING;
	if (b->draining || b->removing)
		return true;
	if (b->wish != DEIA__WISH_RUNNING || info->state == DEIA_BOT_PAUSED)
		return false;
	*shown = *real = state_of(h, b, info);
	if (deia__scaling_owns(info))
		return true;
	*shown = DEIA_SCALER_BUSY;
	return is_up(info->state);
}

static struct deia_scaler_bot *new_bot(struct deia__scaled *t)
{
	if (t->n_bots == t->cap_bots) {
		size_t cap = t->cap_bots ? t->cap_bots * 2 : FIRST_BOTS;
		void *grown = deia__realloc(t->bots, cap * sizeof(*t->bots));

		if (!grown)
			return NULL;
		t->bots = grown;
		t->cap_bots = cap;
	}
	return &t->bots[t->n_bots++];
}

static void add_load(struct deia__scaled *t, struct deia__hbot *b,
		     const struct deia__bot_load *l)
{
	t->finished += l->ended - b->ended_turns;
	b->ended_turns = l->ended;
	t->load.queued += l->queued;
	t->load.running += l->running;
	if (l->oldest_wait_ms > t->load.oldest_wait_ms)
		t->load.oldest_wait_ms = l->oldest_wait_ms;
}

/* False: out of memory. */
static bool see_bot(deia_hive *h, struct deia__hbot *b)
{
	deia_scaler_state shown, real;
	struct deia_scaler_bot *out;
	struct deia__bot_load l;
	struct deia__scaled *t;

	if (!deia__bots_load(h->bots, b->id, &l))
		return true;
	t = deia__scaled_get(h, l.info->spec->template_name);
	if (!t || !t->scaled || !see_state(h, b, l.info, &shown, &real))
		return true;
	out = new_bot(t);
	if (!out)
		return false;
	*out = (struct deia_scaler_bot){
		.id = b->id,
		.state = shown,
		.since_ms = b->moved_ms,
		.ready_ms = b->ready_ms,
	};
	t->counts[real]++;
	t->managed += deia__scaling_owns(l.info) && !b->draining;
	add_load(t, b, &l);
	return true;
}

/* ---- all of them -------------------------------------------------------- */

static bool see_launches(deia_hive *h)
{
	struct deia__launch *l;

	TAILQ_FOREACH(l, &h->scaling->launches, link) {
		struct deia__scaled *t = deia__scaled_get(h, l->name);
		struct deia_scaler_bot *out;

		if (!t || !t->scaled)
			continue;
		out = new_bot(t);
		if (!out)
			return false;
		*out = (struct deia_scaler_bot){
			.id = l->id,
			.state = DEIA_SCALER_STARTING,
			.since_ms = deia__scaling_now(h),
			.ready_ms = -1,
		};
		t->counts[DEIA_SCALER_STARTING]++;
	}
	return true;
}

/* What arrived is what ended and what is there; it never falls. */
static void finish_load(deia_hive *h, struct deia__scaled *t)
{
	struct deia__scaling *s = h->scaling;
	uint64_t arrived;

	if (s->load)
		s->load(h, t->name, &t->load, s->load_user);
	arrived = t->finished + t->load.queued + t->load.running;
	if (arrived > t->arrived)
		t->arrived = arrived;
	t->load.arrived = t->arrived;
	t->load.finished = t->finished;
}

bool deia__scaling_gather(deia_hive *h)
{
	struct deia__scaling *s = h->scaling;
	struct deia__scaled *t, *next;
	struct deia__hbot *b, *nb;
	bool ok = true;

	HASH_ITER(hh, s->templates, t, next) {
		t->n_bots = 0;
		t->managed = 0;
		memset(&t->load, 0, sizeof(t->load));
		memset(t->counts, 0, sizeof(t->counts));
	}
	HASH_ITER(hh, h->hbots, b, nb)
		if (ok && !b->creating)
			ok = see_bot(h, b);
	ok = ok && see_launches(h);
	HASH_ITER(hh, s->templates, t, next)
		if (t->scaled)
			finish_load(h, t);
	return ok;
}

/* One bot a look is measured; what they need at most counts, and fades. */
static void measure(deia_hive *h, struct deia__scaled *t)
{
	struct deia_bot_sample now;
	const char *id;

	if (!t->n_bots)
		return;
	id = t->bots[t->n_sampled++ % t->n_bots].id;
	t->memory_bytes -= t->memory_bytes / 256;
	if (deia__hbot_get(h, id) &&
	    deia_hive_bot_sample_now(h, id, &now) == DEIA_OK &&
	    now.memory_bytes > t->memory_bytes)
		t->memory_bytes = now.memory_bytes;
}

static void fill_view(struct deia_scaler_view *v, const struct deia__scaled *t)
{
	const struct deia__load *l = &t->load;

	*v = (struct deia_scaler_view){
		.template_id = t->name,
		.bots = t->bots,
		.n_bots = t->n_bots,
		.queued = l->queued,
		.oldest_wait_ms = l->queued ? l->oldest_wait_ms : 0,
		.running = l->running,
		.arrived = l->arrived,
		.finished = l->finished,
		.has_rates = l->run_seconds > 0,
		.arrivals_per_second = l->arrivals_per_second,
		.run_seconds = l->run_seconds,
		.launch_seconds = t->launch_seconds,
		.bot_memory_bytes = (uint64_t)t->memory_bytes,
	};
}

static bool fill_views(deia_hive *h, struct deia_scaler_look *look)
{
	struct deia__scaling *s = h->scaling;
	struct deia__scaled *t, *next;

	if (s->cap_views < s->n_scaled) {
		void *grown = deia__realloc(s->views,
					    s->n_scaled * sizeof(*s->views));

		if (!grown)
			return false;
		s->views = grown;
		s->cap_views = s->n_scaled;
	}
	look->views = s->views;
	HASH_ITER(hh, s->templates, t, next) {
		if (!t->scaled)
			continue;
		measure(h, t);
		fill_view(&s->views[look->n_views++], t);
	}
	return true;
}

/* ---- deciding ----------------------------------------------------------- */

static void act(deia_hive *h, const struct deia_scaler_decision *d)
{
	struct deia__scaled *t = deia__scaled_get(h, d->template_id);
	struct deia__hbot *b = deia__hbot_get(h, d->bot);
	deia_err err;

	if (d->kind == DEIA_SCALER_DRAIN && b)
		deia__scaling_drain(h, b);
	else if (d->kind == DEIA_SCALER_LAUNCH && t)
		deia__scaling_launch(h, t, d->count, deia__scaling_actor(),
				     NULL, &err);
}

/* The actions are the scaler's until it is told something: copied first. */
static void act_all(deia_hive *h, const struct deia_scaler_decision *acts,
		    size_t n)
{
	struct deia_scaler_decision *copy;

	if (!n)
		return;
	copy = deia__alloc(n * sizeof(*copy));
	if (!copy) {
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "bots are not scaled: out of memory");
		return;
	}
	memcpy(copy, acts, n * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		act(h, &copy[i]);
	deia__free(copy);
}

/* Said once, not at each look. */
static void complain(deia_hive *h, const char *why)
{
	if (!h->scaling->complained)
		deia__hive_log(h, DEIA_LOG_ERROR, "bots are not scaled: %s",
			       why);
	h->scaling->complained = true;
}

static void decide(deia_hive *h)
{
	struct deia__scaling *s = h->scaling;
	struct deia_scaler_look look = DEIA_SCALER_LOOK_INIT;
	const struct deia_scaler_decision *acts;
	size_t n;

	if (!deia__scaling_gather(h) || !fill_views(h, &look)) {
		complain(h, "out of memory");
		return;
	}
	look.cpu_ratio = s->machine.cpu_ratio;
	look.memory_known = s->machine.memory_known;
	look.free_bytes = s->machine.free_bytes;
	if (deia_scaler_look(s->scaler, &look, deia__scaling_now(h), &acts,
			     &n)) {
		complain(h, deia_scaler_errmsg(s->scaler));
		return;
	}
	s->complained = false;
	act_all(h, acts, n);
}

void deia__scaling_look(deia_hive *h)
{
	struct deia__scaling *s = h->scaling;

	if (h->stopping || h->freeing)
		return;
	s->looks++;
	deia__scaling_finish_drains(h);
	if (!s->n_scaled)
		return;
	deia__machine_look(&s->machine);
	decide(h);
	deia__scaling_record(h);
}
