/* SPDX-License-Identifier: MIT */
/*
 * choose.c - plans and recommendations, from one and the same computation.
 */
#include "scheduler/scheduler.h"

#include <string.h>

/* A bot that failed a task is tried again when it is known to succeed this many
 * times as often as any other. */
#define WORTH_A_TRY 5
/* A pause that is over within this time is waited for. */
#define SOON_MS 60000
/* Choices over which the usual wait is averaged. */
#define WAIT_CHOICES 100

static deia_err check(deia_scheduler *s, const struct deia_scheduler_ask *ask,
		      struct deia__sched_type **t)
{
	if (!ask || ask->size < sizeof(*ask) ||
	    ask->avoid_len > DEIA_MAX_ATTEMPTS ||
	    (ask->avoid_len && !ask->avoid)) {
		deia__fail(&s->msg, DEIA_EINVAL, "not a valid ask");
		return DEIA_EINVAL;
	}
	*t = deia__sched_find_type(s, ask->type);
	if (*t)
		return DEIA_OK;
	deia__fail(&s->msg, DEIA_ENOTFOUND, "no type of task \"%.64s\"",
		   ask->type ? ask->type : "");
	return DEIA_ENOTFOUND;
}

/* Leaves out who may not; returns how many are left. */
static unsigned filter(deia_scheduler *s, const struct deia_scheduler_ask *ask)
{
	unsigned left = 0;

	for (unsigned i = 0; i < s->top; i++) {
		if (isinf(s->score[i]))
			continue;
		if (ask->may && !ask->may(s->bots[i]->id, ask->user))
			s->score[i] = INFINITY;
		else
			left++;
	}
	return left;
}

/* The hope there is for a task: the highest plausible success of any bot that
 * may be chosen. */
static float hope(const deia_scheduler *s, const struct deia__sched_type *t)
{
	float tries = INFINITY;

	for (unsigned i = 0; i < s->top; i++)
		if (!isinf(s->score[i]) && t->tries[i] < tries)
			tries = t->tries[i];
	return 1 / tries;
}

static bool is_avoided(const struct deia_scheduler_ask *ask, const char *bot)
{
	for (size_t i = 0; i < ask->avoid_len; i++)
		if (ask->avoid[i] && strcmp(ask->avoid[i], bot) == 0)
			return true;
	return false;
}

/* Whether there is another bot, and its pause is soon over: the task waits for
 * it, rather than spend its tries where it failed. */
static bool is_another_soon(const deia_scheduler *s,
			    const struct deia_scheduler_ask *ask)
{
	for (unsigned i = 0; s->n_open && i < s->top; i++) {
		const struct deia__sched_bot *b = s->bots[i];

		if (b && b->available && b->circuit == DEIA_CIRCUIT_OPEN &&
		    s->now_ms < b->until_ms &&
		    b->until_ms - s->now_ms <= SOON_MS &&
		    !is_avoided(ask, b->id) &&
		    (!ask->may || ask->may(b->id, ask->user)))
			return true;
	}
	return false;
}

/*
 * Leaves out those that failed the task. They are taken again when there is no
 * other, or none that is worth a try: each of these is known to succeed far
 * less often than one that failed once, unless that one fails at present.
 */
static void avoid(deia_scheduler *s, const struct deia_scheduler_ask *ask,
		  const struct deia__sched_type *t, unsigned *candidates)
{
	struct deia__sched_bot *bots[DEIA_MAX_ATTEMPTS];
	float scores[DEIA_MAX_ATTEMPTS], left;
	unsigned n = 0;

	for (size_t i = 0; i < ask->avoid_len; i++) {
		struct deia__sched_bot *b =
			deia__sched_find_bot(s, ask->avoid[i]);

		if (!b || isinf(s->score[b->index]))
			continue;
		bots[n] = b;
		scores[n++] = s->score[b->index];
		s->score[b->index] = INFINITY;
	}
	left = hope(s, t);
	*candidates -= n;
	if (left == 0 && is_another_soon(s, ask))
		return;
	for (unsigned i = 0; i < n; i++) {
		float own = 1 / t->tries[bots[i]->index];

		if (left > 0 &&
		    (bots[i]->failures > 0 || own < WORTH_A_TRY * left))
			continue;
		s->score[bots[i]->index] = scores[i];
		++*candidates;
	}
}

/* Lanes side by side, so that vector instructions find it. */
float deia__least_of(const float *score, unsigned len)
{
	float low[DEIA__LANES];

	for (unsigned k = 0; k < DEIA__LANES; k++)
		low[k] = INFINITY;
	for (unsigned i = 0; i < len; i += DEIA__LANES)
		for (unsigned k = 0; k < DEIA__LANES; k++)
			low[k] = score[i + k] < low[k] ? score[i + k] : low[k];
	for (unsigned k = 1; k < DEIA__LANES; k++)
		low[0] = low[k] < low[0] ? low[k] : low[0];
	return low[0];
}

/* The least score of each block, so that the next best is found soon. */
enum { BLOCK = 16 * DEIA__LANES };
struct lows {
	float low[DEIA_MAX_BOTS / BLOCK + 1];
};

static void find_low(const deia_scheduler *s, struct lows *l, unsigned block)
{
	unsigned from = block * BLOCK, len = deia__sched_lanes(s) - from;

	l->low[block] =
		deia__least_of(s->score + from, len < BLOCK ? len : BLOCK);
}

static void find_lows(const deia_scheduler *s, struct lows *l)
{
	for (unsigned block = 0; block * BLOCK < s->top; block++)
		find_low(s, l, block);
}

/* The index of the least score; top: all are INFINITY. */
static unsigned least(const deia_scheduler *s, const struct lows *l)
{
	unsigned best = 0, at;

	if (s->top == 0)
		return 0;
	for (unsigned block = 1; block * BLOCK < s->top; block++)
		if (l->low[block] < l->low[best])
			best = block;
	if (isinf(l->low[best]))
		return s->top;
	for (at = best * BLOCK; s->score[at] > l->low[best];)
		at++;
	return at;
}

/* What is found out about one ask. */
struct found {
	struct deia__sched_type *type;
	unsigned bot, candidates;
	struct lows lows;
};

/* Nothing is known of the best one: one of those that are as good, by chance. */
static unsigned among_equals(deia_scheduler *s, unsigned best)
{
	float limit = s->score[best] * 1.000001f;
	unsigned equals = 0;

	for (unsigned i = best; i < s->top; i++)
		equals += s->score[i] <= limit;
	if (equals < 2)
		return best;
	equals = (unsigned)(deia__rng_next(&s->rng) % equals);
	for (unsigned i = best; i < s->top; i++)
		if (s->score[i] <= limit && equals-- == 0)
			return i;
	return best;
}

/* Whether this is a fair test of a bot: a type it may be good at, as far as is
 * known of it. */
static bool is_fair(const deia_scheduler *s, const struct deia__sched_type *t,
		    unsigned i)
{
	float fewest = INFINITY;

	for (unsigned k = 0; k < s->n_types; k++)
		fewest = fminf(fewest, s->types[k]->tries[i]);
	return t->tries[i] <= 2 * fewest;
}

/* A bot whose pause is over gets the next task that has not failed yet; top:
 * there is none for this one. */
static unsigned probe(const deia_scheduler *s,
		      const struct deia_scheduler_ask *ask,
		      const struct deia__sched_type *t)
{
	if (!s->n_probing || ask->avoid_len)
		return s->top;
	for (unsigned i = 0; i < s->top; i++)
		if (s->bots[i] && s->at.share[i] == 0 &&
		    s->bots[i]->circuit == DEIA_CIRCUIT_PROBING &&
		    !isinf(s->score[i]) && is_fair(s, t, i))
			return i;
	return s->top;
}

static deia_err find(deia_scheduler *s, const struct deia_scheduler_ask *ask,
		     struct found *f)
{
	deia_err err = check(s, ask, &f->type);

	if (err)
		return err;
	deia__policy_score(s, f->type, ask->attempts_left);
	f->candidates = s->n_bots;
	if (ask->may || ask->avoid_len)
		f->candidates = filter(s, ask);
	if (ask->avoid_len)
		avoid(s, ask, f->type, &f->candidates);
	find_lows(s, &f->lows);
	f->bot = least(s, &f->lows);
	if (f->bot == s->top)
		return deia__fail(&s->msg, DEIA_EUNAVAILABLE,
				  "no bot may do \"%s\" now", f->type->name);
	return DEIA_OK;
}

static struct deia_scheduler_choice describe(
	const deia_scheduler *s, const struct deia_scheduler_ask *ask,
	const struct found *f, unsigned i)
{
	const struct deia__pair *p = &f->type->pairs[i];

	return (struct deia_scheduler_choice){
		.bot = s->bots[i]->id,
		.start = s->at.share[i] == 0,
		.again = is_avoided(ask, s->bots[i]->id),
		.probe = s->bots[i]->circuit == DEIA_CIRCUIT_PROBING,
		.score = (double)s->score[i],
		.wait_seconds = deia__policy_wait(s, i),
		.run_seconds = (double)p->seconds_to_run,
		.success_ratio = (double)p->success,
	};
}

void deia_scheduler_plan(deia_scheduler *s, int64_t now_ms)
{
	deia__sched_now(s, now_ms);
	deia__circuit_turn(s);
	s->is_first = true;
	for (unsigned i = 0; s->n_reserved && i < s->top; i++) {
		if (!s->bots[i] || s->bots[i]->waiting == 0)
			continue;
		s->n_reserved -= s->bots[i]->waiting;
		s->bots[i]->waiting = 0;
		s->bots[i]->reserved = 0;
		deia__book_update(s, s->bots[i]);
	}
	/* The busy share of a bot that does nothing goes down, too. */
	for (unsigned n = 0; n < 4 && s->top; n++) {
		s->cursor = (s->cursor + 1) % s->top;
		if (s->bots[s->cursor])
			deia__book_update(s, s->bots[s->cursor]);
	}
}

bool deia_scheduler_has_room(const deia_scheduler *s)
{
	return s->n_room > 0;
}

static void count(deia_scheduler *s, const struct deia_scheduler_choice *c)
{
	if (!c->start) {
		s->counts.waits++;
		return;
	}
	s->counts.started++;
	s->counts.probes += c->probe;
	s->counts.again += c->again;
}

deia_err deia_scheduler_choose(deia_scheduler *s,
			       const struct deia_scheduler_ask *ask,
			       struct deia_scheduler_choice *out)
{
	struct deia__sched_bot *b;
	struct found f = { NULL };
	deia_err err = find(s, ask, &f);
	unsigned to_probe;

	*out = (struct deia_scheduler_choice){ NULL };
	if (err) {
		s->counts.nobody += err == DEIA_EUNAVAILABLE;
		return err;
	}
	to_probe = probe(s, ask, f.type);
	if (to_probe < s->top)
		f.bot = to_probe;
	else if (f.type->pairs[f.bot].samples == 0)
		f.bot = among_equals(s, f.bot);
	*out = describe(s, ask, &f, f.bot);
	count(s, out);
	/* A task that is tried again comes first: it is as old as it was. */
	if (s->is_first)
		s->wait += (out->wait_seconds - s->wait) / WAIT_CHOICES;
	s->is_first = false;
	b = s->bots[f.bot];
	if (out->start) {
		s->turn_before = s->turn;
		s->turn = f.bot + 1;
		return DEIA_OK;
	}
	b->reserved += out->run_seconds;
	b->waiting++;
	s->n_reserved++;
	deia__book_update(s, b);
	return DEIA_OK;
}

/* ---- recommendations ---------------------------------------------------- */

/*
 * How likely the first is better than the second in seconds to success, both
 * taken as log-normal, times the weight of what was seen of the first.
 */
static double confidence(const deia_scheduler *s,
			 const struct deia_scheduler_recommendation *r)
{
	const struct deia_scheduler_pair *a = &r->best[0].pair;
	const struct deia_scheduler_pair *b = &r->best[1].pair;
	double noise = s->noise.v / s->noise.w, k = deia__sched_prior_weight(s);
	double w = deia__sched_success_weight(s), na, nb, gap, sd;

	if (r->len < 2)
		return a->certainty;
	na = a->certainty / (1 - a->certainty) * w;
	nb = b->certainty / (1 - b->certainty) * w;
	gap = log(b->seconds_to_success / a->seconds_to_success);
	sd = sqrt(noise / (na + k) + noise / (nb + k) +
		  (1 - a->expected_success) / (na + w) +
		  (1 - b->expected_success) / (nb + w));
	return a->certainty / (1 + exp(-1.702 * gap / sd));
}

/* The first one, and who is next best. */
static void tell(deia_scheduler *s, const struct deia_scheduler_ask *ask,
		 struct found *f, unsigned first, unsigned alternatives,
		 struct deia_scheduler_recommendation *out)
{
	double best = deia__sched_best(s, f->type);

	if (alternatives > DEIA_MAX_ALTERNATIVES)
		alternatives = DEIA_MAX_ALTERNATIVES;
	out->type = f->type->name;
	out->policy = s->opts.policy;
	out->candidates = f->candidates;
	for (unsigned i = first; i < s->top;) {
		struct deia_scheduler_candidate *c = &out->best[out->len++];

		c->choice = describe(s, ask, f, i);
		deia__pair_view(s, f->type, s->bots[i], best, &c->pair);
		s->score[i] = INFINITY;
		find_low(s, &f->lows, i / BLOCK);
		i = out->len > alternatives ? s->top : least(s, &f->lows);
	}
	out->confidence = confidence(s, out);
}

deia_err deia_scheduler_recommend(deia_scheduler *s,
				  const struct deia_scheduler_ask *ask,
				  unsigned alternatives, int64_t now_ms,
				  struct deia_scheduler_recommendation *out)
{
	struct found f = { NULL };
	unsigned to_probe;
	deia_err err;

	deia__sched_now(s, now_ms);
	err = find(s, ask, &f);
	out->len = 0;
	if (err)
		return err;
	to_probe = probe(s, ask, f.type);
	tell(s, ask, &f, to_probe < s->top ? to_probe : f.bot, alternatives,
	     out);
	return DEIA_OK;
}

deia_err deia_scheduler_explain(deia_scheduler *s,
				const struct deia_scheduler_ask *ask,
				const char *bot, unsigned alternatives,
				struct deia_scheduler_recommendation *out)
{
	const struct deia__sched_bot *b = deia__sched_find_bot(s, bot);
	unsigned turn = s->turn;
	struct found f = { NULL };
	deia_err err;

	out->len = 0;
	if (!b)
		return deia__fail(&s->msg, DEIA_ENOTFOUND, "no bot \"%.64s\"",
				  bot ? bot : "");
	s->turn = s->turn_before;
	err = find(s, ask, &f);
	s->turn = turn;
	if (err)
		return err;
	if (isinf(s->score[b->index]))
		return deia__fail(&s->msg, DEIA_EUNAVAILABLE,
				  "\"%s\" may not do \"%s\" now", b->id,
				  f.type->name);
	tell(s, ask, &f, b->index, alternatives, out);
	return DEIA_OK;
}
