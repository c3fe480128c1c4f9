/* SPDX-License-Identifier: MIT */
/* view.c - what callers see of pairs and bots, and why. */
#include "scheduler/scheduler.h"

#include <inttypes.h>
#include <stdio.h>

double deia__sched_best(const deia_scheduler *s,
			const struct deia__sched_type *t)
{
	return (double)deia__least_of(t->cost, deia__sched_lanes(s));
}

void deia__pair_view(const deia_scheduler *s, const struct deia__sched_type *t,
		     const struct deia__sched_bot *b, double best,
		     struct deia_scheduler_pair *out)
{
	const struct deia__pair *p = &t->pairs[b->index];
	double n = p->good + p->bad;

	*out = (struct deia_scheduler_pair){
		.bot = b->id,
		.type = t->name,
		.samples = p->samples,
		.successes = p->successes,
		.expected_seconds = (double)p->seconds_to_run,
		.expected_success = (double)p->success,
		.seconds_to_success = (double)t->cost[b->index],
		.certainty = n / (n + deia__sched_success_weight(s)),
	};
	if (p->n > 0)
		out->avg_seconds = p->seconds / p->n;
	else if (p->bad > 0)
		out->avg_seconds = p->failed / p->bad;
	if (n > 0)
		out->success_ratio = p->good / n;
	out->efficiency = best / out->seconds_to_success;
}

deia_err deia_scheduler_pair(const deia_scheduler *s, const char *bot,
			     const char *type, struct deia_scheduler_pair *out)
{
	const struct deia__sched_bot *b = deia__sched_find_bot(s, bot);
	const struct deia__sched_type *t = deia__sched_find_type(s, type);

	if (!b || !t)
		return DEIA_ENOTFOUND;
	deia__pair_view(s, t, b, deia__sched_best(s, t), out);
	return DEIA_OK;
}

static const char *s_of(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void explain(const deia_scheduler *s, const struct deia__sched_bot *b,
		    char *out, size_t len)
{
	int64_t left = (b->until_ms - s->now_ms + 999) / 1000;

	out[0] = '\0';
	if (!b->available)
		snprintf(out, len, "not available");
	else if (b->circuit == DEIA_CIRCUIT_OPEN && left > 0)
		snprintf(out, len,
			 "failed %u time%s in a row; pause %u, tried again in "
			 "%" PRId64 " s",
			 b->failures, s_of(b->failures), b->pauses, left);
	else if (b->circuit == DEIA_CIRCUIT_OPEN)
		snprintf(out, len,
			 "failed %u time%s in a row; pause %u, tried again "
			 "after "
			 "%" PRIu64 " more outcomes of the hive",
			 b->failures, s_of(b->failures), b->pauses,
			 b->until_outcomes > s->outcomes
				 ? b->until_outcomes - s->outcomes
				 : 0);
	else if (b->circuit == DEIA_CIRCUIT_PROBING)
		snprintf(out, len,
			 "failed %u time%s in a row; one task is tried",
			 b->failures, s_of(b->failures));
	else if (b->n_runs + b->others >= b->max_concurrent)
		snprintf(out, len, "works on %u of %u", b->n_runs + b->others,
			 b->max_concurrent);
}

deia_err deia_scheduler_bot_status(const deia_scheduler *s, const char *id,
				   struct deia_scheduler_bot_status *out)
{
	const struct deia__sched_bot *b = deia__sched_find_bot(s, id);

	if (!b)
		return DEIA_ENOTFOUND;
	*out = (struct deia_scheduler_bot_status){
		.id = b->id,
		.available = b->available,
		.max_concurrent = b->max_concurrent,
		.running = b->n_runs,
		.others = b->others,
		.busy_ratio = b->busy,
		.circuit = b->circuit,
		.failures = b->failures,
		.pauses = b->pauses,
		.pause_until_ms = b->until_ms,
	};
	for (unsigned i = 0; i < s->n_types; i++) {
		out->samples += s->types[i]->pairs[b->index].samples;
		out->successes += s->types[i]->pairs[b->index].successes;
	}
	explain(s, b, out->reason, sizeof(out->reason));
	return DEIA_OK;
}

static void reason_learned(const struct deia_scheduler_recommendation *r,
			   char *out, size_t len)
{
	const struct deia_scheduler_candidate *a = &r->best[0];
	const struct deia_scheduler_candidate *b = &r->best[1];
	int n;

	n = snprintf(out, len,
		     "%s: about %.3g s to a successful %s (wait %.3g s, run "
		     "%.3g s, success %.0f %%, %" PRIu64 " sample%s)%s",
		     a->choice.bot, a->choice.score, r->type,
		     a->choice.wait_seconds, a->choice.run_seconds,
		     a->choice.success_ratio * 100, a->pair.samples,
		     s_of(a->pair.samples),
		     a->choice.probe ? ", to see whether it recovered" : "");
	if (n < 0 || (size_t)n >= len || r->len < 2)
		return;
	snprintf(out + n, len - (size_t)n,
		 "; next is %s with %.3g s (wait %.3g s, run %.3g s, success "
		 "%.0f %%, %" PRIu64 " sample%s)",
		 b->choice.bot, b->choice.score, b->choice.wait_seconds,
		 b->choice.run_seconds, b->choice.success_ratio * 100,
		 b->pair.samples, s_of(b->pair.samples));
}

void deia_scheduler_reason(const struct deia_scheduler_recommendation *r,
			   char *out, size_t len)
{
	if (len > 0)
		out[0] = '\0';
	if (r->len == 0)
		return;
	if (r->policy == DEIA_POLICY_LEARNED)
		reason_learned(r, out, len);
	else if (r->policy == DEIA_POLICY_LEAST_LOADED)
		snprintf(out, len, "%s has the least load of %u bots: %.2f",
			 r->best[0].choice.bot, r->candidates,
			 r->best[0].choice.score);
	else
		snprintf(out, len, "%s is next in turn of %u bots",
			 r->best[0].choice.bot, r->candidates);
}
