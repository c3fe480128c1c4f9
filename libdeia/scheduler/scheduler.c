/* SPDX-License-Identifier: MIT */
/* scheduler.c - life and options of a scheduler, and its time. */
#include "scheduler/scheduler.h"

#include <string.h>

static const char *const policy_names[DEIA_POLICIES] = { "learned",
							 "least-loaded",
							 "round-robin" };

const char *deia_scheduler_policy_name(deia_scheduler_policy policy)
{
	return (unsigned)policy < DEIA_POLICIES ? policy_names[policy]
						: "unknown";
}

int deia_scheduler_policy_parse(const char *name)
{
	for (int i = 0; name && i < DEIA_POLICIES; i++)
		if (strcmp(name, policy_names[i]) == 0)
			return i;
	return -1;
}

/* Reads the caller's options over the defaults; false: not of a version that
 * is known, or something beyond what is known is set. */
static bool read_opts(struct deia_scheduler_opts *to,
		      const struct deia_scheduler_opts *from)
{
	static const struct deia_scheduler_opts init = DEIA_SCHEDULER_OPTS_INIT;
	const unsigned char *bytes = (const unsigned char *)from;

	*to = init;
	if (!from)
		return true;
	if (from->size < sizeof(from->size))
		return false;
	for (size_t i = sizeof(*to); i < from->size; i++)
		if (bytes[i])
			return false;
	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	to->size = sizeof(*to);
	return true;
}

/* Also false for what is not a number. */
static bool is_within(double x, double min, double max)
{
	return x >= min && x <= max;
}

static bool is_valid(const struct deia_scheduler_opts *o)
{
	return (unsigned)o->policy < DEIA_POLICIES && o->max_bots >= 1 &&
	       o->max_bots <= DEIA_MAX_BOTS && o->max_types >= 1 &&
	       o->max_types <= DEIA_MAX_TASK_TYPES &&
	       o->history_len <= 100000 &&
	       is_within(o->half_life_seconds, 1, 1e9) &&
	       is_within(o->half_life_outcomes, 1, 1e9) &&
	       is_within(o->optimism, 0, 10) &&
	       is_within(o->load_price, 0, 10) && o->pause_ms >= 1 &&
	       o->pause_ms <= o->max_pause_ms && o->max_pause_ms <= 86400000;
}

deia_err deia_scheduler_new(deia_scheduler **out,
			    const struct deia_scheduler_opts *opts)
{
	struct deia_scheduler_opts o;
	deia_scheduler *s;

	*out = NULL;
	if (!read_opts(&o, opts) || !is_valid(&o))
		return DEIA_EINVAL;
	s = deia__alloc(sizeof(*s));
	if (!s)
		return DEIA_ENOMEM;
	s->opts = o;
	s->types = deia__alloc(o.max_types * sizeof(struct deia__sched_type *));
	s->history = deia__alloc((o.history_len + 1) * sizeof(*s->history));
	if (!s->types || !s->history) {
		deia_scheduler_free(s);
		return DEIA_ENOMEM;
	}
	deia__rng_init(&s->rng, o.seed);
	/* What is assumed before anything is known weighs as much as twenty
	 * samples: runs vary by half of their time, pairs by a third. */
	s->noise = (struct deia__sum){ 20, 20 * 0.25 };
	s->spread = (struct deia__sum){ 20, 20 * 0.125 };
	s->alike = (struct deia__sum){ 2, 2 * 0.25 };
	*out = s;
	return DEIA_OK;
}

void deia_scheduler_free(deia_scheduler *s)
{
	if (!s)
		return;
	deia__sched_free_names(s);
	deia__free(s->types);
	deia__free(s->history);
	deia__free(s);
}

void deia_scheduler_get_counts(const deia_scheduler *s,
			       struct deia_scheduler_counts *out)
{
	*out = s->counts;
}

const char *deia_scheduler_errmsg(const deia_scheduler *s)
{
	return s->msg.text;
}

deia_err deia_scheduler_set_policy(deia_scheduler *s,
				   deia_scheduler_policy policy)
{
	if ((unsigned)policy >= DEIA_POLICIES)
		return deia__fail(&s->msg, DEIA_EINVAL, "no such policy: %d",
				  (int)policy);
	s->opts.policy = policy;
	return DEIA_OK;
}

int64_t deia__sched_now(deia_scheduler *s, int64_t now_ms)
{
	/* Far enough from the end for a pause to be added. */
	if (now_ms > INT64_MAX / 2)
		now_ms = INT64_MAX / 2;
	if (now_ms > s->now_ms)
		s->now_ms = now_ms;
	/* Floats of seconds keep milliseconds for some thousand of them. */
	if (s->now_ms - s->base_ms > 1000000)
		deia__book_rebase(s);
	return s->now_ms;
}
