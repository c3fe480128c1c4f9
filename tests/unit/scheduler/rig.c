/* SPDX-License-Identifier: MIT */
#include "rig.h"

static const char *const bots[] = { "a", "b", "c", "d", "e", "f", "g", "h",
				    "i", "j", "k", "l", "m", "n", "o", "p" };
static const char *const types[] = { "x", "y", "z", "u", "v", "w" };

const char *rig_bot(unsigned n)
{
	ck_assert_uint_lt(n, sizeof(bots) / sizeof(bots[0]));
	return bots[n];
}

const char *rig_type(unsigned n)
{
	ck_assert_uint_lt(n, sizeof(types) / sizeof(types[0]));
	return types[n];
}

void rig_set(struct rig *r, const char *bot, unsigned max_concurrent,
	     bool available, unsigned others)
{
	struct deia_scheduler_bot b = DEIA_SCHEDULER_BOT_INIT;

	b.max_concurrent = max_concurrent;
	b.available = available;
	b.others = others;
	ck_assert_int_eq(deia_scheduler_set_bot(r->s, bot, &b, r->now_ms),
			 DEIA_OK);
}

void rig_init(struct rig *r, unsigned n_bots, unsigned n_types,
	      const struct deia_scheduler_opts *opts)
{
	ck_assert_int_eq(deia_scheduler_new(&r->s, opts), DEIA_OK);
	r->now_ms = 1000;
	for (unsigned i = 0; i < n_types; i++)
		ck_assert_int_eq(deia_scheduler_add_type(r->s, rig_type(i)),
				 DEIA_OK);
	for (unsigned i = 0; i < n_bots; i++)
		rig_set(r, rig_bot(i), 1, true, 0);
}

void rig_fini(struct rig *r)
{
	deia_scheduler_free(r->s);
	r->s = NULL;
}

void rig_record(struct rig *r, const char *bot, const char *type,
		double seconds, bool success, unsigned n)
{
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;

	o.bot = bot;
	o.type = type;
	o.seconds = seconds;
	o.success = success;
	while (n-- > 0) {
		r->now_ms += 1000;
		ck_assert_int_eq(deia_scheduler_record(r->s, &o, r->now_ms),
				 DEIA_OK);
	}
}

struct deia_scheduler_choice rig_next(struct rig *r, const char *type)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;

	ask.type = type;
	ck_assert_int_eq(deia_scheduler_choose(r->s, &ask, &c), DEIA_OK);
	return c;
}

struct deia_scheduler_choice rig_choose(struct rig *r, const char *type)
{
	deia_scheduler_plan(r->s, r->now_ms);
	return rig_next(r, type);
}

uint64_t rig_start(struct rig *r, const char *bot, const char *type)
{
	uint64_t run;

	ck_assert_int_eq(deia_scheduler_start(r->s, bot, type, r->now_ms, &run),
			 DEIA_OK);
	ck_assert(run != 0);
	return run;
}

struct deia_scheduler_pair rig_pair(struct rig *r, const char *bot,
				    const char *type)
{
	struct deia_scheduler_pair p;

	ck_assert_int_eq(deia_scheduler_pair(r->s, bot, type, &p), DEIA_OK);
	return p;
}

struct deia_scheduler_recommendation rig_recommend(struct rig *r,
						   const char *type)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_recommendation out;

	ask.type = type;
	ck_assert_int_eq(deia_scheduler_recommend(r->s, &ask,
						  DEIA_MAX_ALTERNATIVES,
						  r->now_ms, &out),
			 DEIA_OK);
	return out;
}
