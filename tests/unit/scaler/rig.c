/* SPDX-License-Identifier: MIT */
/* rig.c - see rig.h. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

void rig_set(struct rig *g, unsigned min, unsigned max)
{
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT;

	t.min_bots = min;
	t.max_bots = max;
	ck_assert_int_eq(deia_scaler_set(g->s, "t", &t), DEIA_OK);
}

void rig_open(struct rig *g, const struct deia_scaler_opts *opts, unsigned min,
	      unsigned max)
{
	struct deia_scaler_look look = DEIA_SCALER_LOOK_INIT;

	memset(g, 0, sizeof(*g));
	ck_assert_int_eq(deia_scaler_new(&g->s, opts), DEIA_OK);
	g->now_ms = 10000000;
	g->v.template_id = "t";
	g->v.bots = g->bots;
	g->look = look;
	g->look.views = &g->v;
	g->look.n_views = 1;
	rig_set(g, min, max);
}

void rig_close(struct rig *g)
{
	deia_scaler_free(g->s);
}

size_t rig_add(struct rig *g, unsigned n, deia_scaler_state state,
	       int64_t since_ms)
{
	size_t first = g->v.n_bots;

	while (n-- > 0) {
		size_t i = g->v.n_bots++;
		bool was = state != DEIA_SCALER_STARTING &&
			   state != DEIA_SCALER_FAILED;

		ck_assert_uint_lt(i, RIG_BOTS);
		snprintf(g->ids[i], sizeof(g->ids[i]), "B-%zu", i);
		g->bots[i] =
			(struct deia_scaler_bot){ g->ids[i], state, since_ms,
						  was ? since_ms : -1 };
	}
	return first;
}

void rig_look(struct rig *g, int64_t after_ms)
{
	g->now_ms += after_ms;
	ck_assert_msg(deia_scaler_look(g->s, &g->look, g->now_ms, &g->acts,
				       &g->n) == DEIA_OK,
		      "%s", deia_scaler_errmsg(g->s));
}

size_t rig_looks(struct rig *g, int64_t ms)
{
	size_t n = 0;

	for (int64_t i = 0; i < ms; i += 1000) {
		rig_look(g, 1000);
		n += g->n;
	}
	return n;
}

unsigned rig_launched(const struct rig *g)
{
	unsigned n = 0;

	for (size_t i = 0; i < g->n; i++)
		if (g->acts[i].kind == DEIA_SCALER_LAUNCH)
			n += g->acts[i].count;
	return n;
}

const char *rig_drained(const struct rig *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->acts[i].kind == DEIA_SCALER_DRAIN)
			return g->acts[i].bot;
	return "";
}

size_t rig_decisions(const struct rig *g)
{
	static struct deia_scaler_decision all[DEIA_SCALER_MAX_HISTORY];

	return deia_scaler_history(g->s, 0, all, DEIA_SCALER_MAX_HISTORY);
}

struct deia_scaler_decision rig_last(const struct rig *g)
{
	static struct deia_scaler_decision all[DEIA_SCALER_MAX_HISTORY];
	size_t n = deia_scaler_history(g->s, 0, all, DEIA_SCALER_MAX_HISTORY);

	ck_assert_uint_gt(n, 0);
	return all[n - 1];
}

struct deia_scaler_status rig_status(const struct rig *g)
{
	struct deia_scaler_status st;

	ck_assert_int_eq(deia_scaler_get_status(g->s, "t", &st), DEIA_OK);
	return st;
}

void rig_rates(struct rig *g, double arrivals, double run)
{
	g->v.has_rates = true;
	g->v.arrivals_per_second = arrivals;
	g->v.run_seconds = run;
}

int rig_main(const char *name, TCase *t)
{
	Suite *s = suite_create(name);
	SRunner *r;
	int failed;

	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
