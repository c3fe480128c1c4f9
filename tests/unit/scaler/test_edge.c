/* SPDX-License-Identifier: MIT */
/* What is refused, what is bounded, and what is remembered. */
#include <math.h>
#include <stdio.h>

#include "core/mem.h"
#include "rig.h"

static struct rig g;

static void open_one(void)
{
	rig_open(&g, NULL, 0, 8);
	rig_add(&g, 1, DEIA_SCALER_READY, g.now_ms);
	rig_look(&g, 1000);
}

/* ---- refused ----------------------------------------------------------------- */

#define ABSURD(name, change)                                                   \
	static void name(void)                                                 \
	{                                                                      \
		change;                                                        \
	}

ABSURD(cpu_nan, g.look.cpu_ratio = (double)NAN)
ABSURD(cpu_negative, g.look.cpu_ratio = -0.1)
ABSURD(cpu_infinite, g.look.cpu_ratio = (double)INFINITY)
ABSURD(look_small, g.look.size = 8)
ABSURD(views_null, g.look.views = NULL)
ABSURD(bots_null, g.v.bots = NULL)
ABSURD(many_bots, g.v.n_bots = DEIA_MAX_BOTS + 1)
ABSURD(id_null, g.v.template_id = NULL)
ABSURD(id_space, g.v.template_id = "a b")
ABSURD(queued, g.v.queued = UINT32_MAX)
ABSURD(running, g.v.running = UINT32_MAX)
ABSURD(waits_negative, g.v.oldest_wait_ms = -1)
ABSURD(waits_for_ever, g.v.oldest_wait_ms = INT64_MAX)
ABSURD(rate_nan, rig_rates(&g, (double)NAN, 1))
ABSURD(rate_negative, rig_rates(&g, -1, 1))
ABSURD(rate_infinite, rig_rates(&g, (double)INFINITY, 1))
ABSURD(run_nan, rig_rates(&g, 1, (double)NAN))
ABSURD(run_negative, rig_rates(&g, 1, -1e-9))
ABSURD(run_huge, rig_rates(&g, 1, 1e300))
ABSURD(launch_nan, g.v.launch_seconds = (double)NAN)
ABSURD(launch_negative, g.v.launch_seconds = -1)
ABSURD(memory_huge, g.v.bot_memory_bytes = UINT64_MAX)
ABSURD(bot_null, g.bots[0].id = NULL)
ABSURD(bot_state, g.bots[0].state = (deia_scaler_state)6)
ABSURD(bot_future, g.bots[0].since_ms = g.now_ms + 5000)
ABSURD(bot_negative, g.bots[0].since_ms = -1)
ABSURD(bot_ready_future, g.bots[0].ready_ms = g.now_ms + 5000)

static void (*const absurd[])(void) = {
	cpu_nan,	 cpu_negative, cpu_infinite,	 look_small,
	views_null,	 bots_null,    many_bots,	 id_null,
	id_space,	 queued,       running,		 waits_negative,
	waits_for_ever,	 rate_nan,     rate_negative,	 rate_infinite,
	run_nan,	 run_negative, run_huge,	 launch_nan,
	launch_negative, memory_huge,  bot_null,	 bot_state,
	bot_future,	 bot_negative, bot_ready_future,
};

START_TEST(absurd_looks_are_refused_and_change_nothing)
{
	struct deia_scaler_status before, after;

	open_one();
	before = rig_status(&g);
	absurd[_i]();
	ck_assert_int_eq(
		deia_scaler_look(g.s, &g.look, g.now_ms + 1000, &g.acts, &g.n),
		DEIA_EINVAL);
	ck_assert_uint_eq(g.n, 0);
	ck_assert_str_ne(deia_scaler_errmsg(g.s), "");
	after = rig_status(&g);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	rig_close(&g);
}
END_TEST

START_TEST(unknown_and_twin_templates_are_refused)
{
	struct deia_scaler_view views[2];

	open_one();
	views[0] = views[1] = g.v;
	g.look.views = views;
	g.look.n_views = 2;
	ck_assert_int_eq(
		deia_scaler_look(g.s, &g.look, g.now_ms, &g.acts, &g.n),
		DEIA_EINVAL);
	ck_assert_ptr_nonnull(strstr(deia_scaler_errmsg(g.s), "twice"));
	views[1].template_id = "nobody";
	ck_assert_int_eq(
		deia_scaler_look(g.s, &g.look, g.now_ms, &g.acts, &g.n),
		DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_scaler_look(g.s, &g.look, -1, &g.acts, &g.n),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_scaler_look(g.s, NULL, 1, &g.acts, &g.n),
			 DEIA_EINVAL);
	rig_close(&g);
}
END_TEST

static const struct deia_scaler_opts good = DEIA_SCALER_OPTS_INIT;

START_TEST(absurd_options_are_refused)
{
	struct deia_scaler_opts o[14];
	deia_scaler *s = NULL;

	for (size_t i = 0; i < 14; i++)
		o[i] = good;
	o[0].size = 3;
	o[1].max_bots = 0;
	o[2].history_len = 0;
	o[3].history_len = DEIA_SCALER_MAX_HISTORY + 1;
	o[4].up_cooldown_ms = -1;
	o[5].down_cooldown_ms = INT64_MAX;
	o[6].down_window_ms = -1;
	o[7].step_min = 0;
	o[8].cpu_max = (double)NAN;
	o[9].cpu_resume = o[9].cpu_max + 0.1;
	o[10].cpu_resume = 0;
	o[11].pause_ms = 0;
	o[12].max_pause_ms = o[12].pause_ms - 1;
	o[13].max_bots = DEIA_MAX_BOTS + 1;
	for (size_t i = 0; i < 14; i++) {
		ck_assert_int_eq(deia_scaler_new(&s, &o[i]), DEIA_EINVAL);
		ck_assert_ptr_null(s);
	}
	open_one();
	ck_assert_int_eq(deia_scaler_set_opts(g.s, &o[8]), DEIA_EINVAL);
	ck_assert_double_eq(deia_scaler_get_opts(g.s)->cpu_max, 0.9);
	rig_close(&g);
}
END_TEST

START_TEST(options_of_older_and_newer_callers)
{
	struct {
		struct deia_scaler_opts o;
		uint64_t more;
	} newer = { .o = good };
	struct deia_scaler_opts older = good;
	deia_scaler *s;

	older.size = offsetof(struct deia_scaler_opts, history_len);
	older.max_bots = 7;
	older.history_len = 0; /* not of the older one: not looked at */
	ck_assert_int_eq(deia_scaler_new(&s, &older), DEIA_OK);
	ck_assert_uint_eq(deia_scaler_get_opts(s)->max_bots, 7);
	ck_assert_uint_eq(deia_scaler_get_opts(s)->history_len, 256);
	deia_scaler_free(s);
	newer.o.size = sizeof(newer);
	ck_assert_int_eq(deia_scaler_new(&s, &newer.o), DEIA_OK);
	deia_scaler_free(s);
	newer.more = 1;
	ck_assert_int_eq(deia_scaler_new(&s, &newer.o), DEIA_EINVAL);
}
END_TEST

START_TEST(absurd_templates_are_refused)
{
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT, bad[8];

	open_one();
	for (size_t i = 0; i < 8; i++)
		bad[i] = t;
	bad[0].size = 1;
	bad[1].max_bots = 0;
	bad[2].min_bots = 2;
	bad[3].max_concurrent = 0;
	bad[4].wait_seconds = (double)NAN;
	bad[5].wait_seconds = 0;
	bad[6].wait_seconds = 1e9;
	bad[7].max_concurrent = DEIA_MAX_CONCURRENT + 1;
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(deia_scaler_set(g.s, "x", &bad[i]),
				 DEIA_EINVAL);
	ck_assert_int_eq(deia_scaler_set(g.s, "", &t), DEIA_EINVAL);
	ck_assert_int_eq(deia_scaler_set(g.s, NULL, &t), DEIA_EINVAL);
	ck_assert_int_eq(deia_scaler_set(g.s, "x", NULL), DEIA_EINVAL);
	ck_assert_int_eq(deia_scaler_remove(g.s, "x"), DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_scaler_refused(g.s, "x", "why", 1),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_scaler_refused(g.s, "t", NULL, 1), DEIA_EINVAL);
	rig_close(&g);
}
END_TEST

/* ---- bounded ----------------------------------------------------------------- */

START_TEST(templates_have_a_limit_and_all_can_act_at_once)
{
	static struct deia_scaler_view views[DEIA_SCALER_MAX_TEMPLATES];
	static char ids[DEIA_SCALER_MAX_TEMPLATES][16];
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT;
	struct deia_scaler_opts opts = good;

	opts.max_bots = DEIA_MAX_BOTS;
	rig_open(&g, &opts, 1, 1);
	t.min_bots = 1;
	for (int i = 0; i < DEIA_SCALER_MAX_TEMPLATES; i++) {
		deia_err want = i < DEIA_SCALER_MAX_TEMPLATES - 1 ? DEIA_OK
								  : DEIA_ELIMIT;

		snprintf(ids[i], sizeof(ids[i]), "t-%d", i);
		views[i].template_id = ids[i];
		ck_assert_int_eq(deia_scaler_set(g.s, ids[i], &t), want);
	}
	g.look.views = views;
	g.look.n_views = DEIA_SCALER_MAX_TEMPLATES - 1;
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.n, DEIA_SCALER_MAX_TEMPLATES - 1);
	rig_close(&g);
}
END_TEST

START_TEST(history_keeps_the_newest)
{
	struct deia_scaler_opts opts = good;
	struct deia_scaler_decision d[16];
	char why[16];

	opts.history_len = 5;
	rig_open(&g, &opts, 0, 1);
	for (int i = 1; i <= 12; i++) {
		snprintf(why, sizeof(why), "why %d", i);
		ck_assert_int_eq(deia_scaler_refused(g.s, "t", why, i),
				 DEIA_OK);
	}
	ck_assert_uint_eq(deia_scaler_history(g.s, 0, d, 16), 5);
	ck_assert_uint_eq(d[0].seq, 8);
	ck_assert_str_eq(d[4].reason, "why 12");
	ck_assert_uint_eq(deia_scaler_history(g.s, 10, d, 16), 2);
	ck_assert_uint_eq(d[0].seq, 11);
	ck_assert_uint_eq(deia_scaler_history(g.s, 0, d, 2), 2);
	ck_assert_uint_eq(deia_scaler_history(g.s, 99, d, 16), 0);
	opts.history_len = 3;
	ck_assert_int_eq(deia_scaler_set_opts(g.s, &opts), DEIA_OK);
	ck_assert_uint_eq(deia_scaler_history(g.s, 0, d, 16), 3);
	ck_assert_str_eq(d[0].reason, "why 10");
	opts.history_len = 9;
	ck_assert_int_eq(deia_scaler_set_opts(g.s, &opts), DEIA_OK);
	ck_assert_uint_eq(deia_scaler_history(g.s, 0, d, 16), 3);
	ck_assert_str_eq(d[2].reason, "why 12");
	rig_close(&g);
}
END_TEST

START_TEST(every_failed_allocation_is_survived)
{
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT;
	struct deia_scaler_opts opts = good;
	bool failed = true;

	for (unsigned long n = 1; failed && n < 100; n++) {
		deia_scaler *s = NULL;
		deia_err err;

		deia__mem_fail_at(n, true);
		err = deia_scaler_new(&s, NULL);
		for (int i = 0; i < 9 && !err; i++) {
			char id[8];

			snprintf(id, sizeof(id), "t%d", i);
			err = deia_scaler_set(s, id, &t);
		}
		opts.history_len = 20;
		if (!err)
			err = deia_scaler_set_opts(s, &opts);
		deia__mem_fail_at(0, false);
		failed = err != DEIA_OK;
		if (failed)
			ck_assert_int_eq(err, DEIA_ENOMEM);
		deia_scaler_free(s);
	}
	ck_assert(!failed);
}
END_TEST

/* ---- remembered -------------------------------------------------------------- */

START_TEST(a_removed_template_is_forgotten)
{
	struct deia_scaler_status st;

	rig_open(&g, NULL, 1, 8);
	rig_look(&g, 1000);
	ck_assert_int_eq(deia_scaler_refused(g.s, "t", "why", g.now_ms),
			 DEIA_OK);
	ck_assert_int_eq(deia_scaler_remove(g.s, "t"), DEIA_OK);
	ck_assert_int_eq(deia_scaler_get_status(g.s, "t", &st), DEIA_ENOTFOUND);
	ck_assert_uint_eq(rig_decisions(&g), 2);
	rig_set(&g, 1, 8);
	ck_assert_str_eq(rig_status(&g).reason, "not looked at yet");
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 1); /* no pause is left */
	rig_close(&g);
}
END_TEST

START_TEST(a_dry_run_says_and_asks_for_nothing)
{
	struct deia_scaler_opts opts = good;

	opts.dry_run = true;
	rig_open(&g, &opts, 2, 8);
	ck_assert_uint_eq(rig_looks(&g, 60000), 0);
	ck_assert_uint_eq(rig_decisions(&g), 1);
	ck_assert_int_eq(rig_last(&g).kind, DEIA_SCALER_LAUNCH);
	ck_assert_uint_eq(rig_last(&g).count, 2);
	ck_assert(!rig_last(&g).done);
	rig_add(&g, 6, DEIA_SCALER_READY, g.now_ms);
	g.v.has_rates = true;
	ck_assert_uint_eq(rig_looks(&g, 3600000), 0);
	ck_assert_uint_eq(rig_decisions(&g), 2);
	ck_assert_int_eq(rig_last(&g).kind, DEIA_SCALER_DRAIN);
	opts.dry_run = false;
	ck_assert_int_eq(deia_scaler_set_opts(g.s, &opts), DEIA_OK);
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_drained(&g), "B-0");
	ck_assert(rig_last(&g).done);
	rig_close(&g);
}
END_TEST

START_TEST(rates_come_from_counters)
{
	struct deia_scaler_status st;

	rig_open(&g, NULL, 0, 20);
	rig_add(&g, 8, DEIA_SCALER_BUSY, g.now_ms);
	g.v.running = 4;
	for (int i = 0; i < 1200; i++) {
		if (i % 2 == 0) {
			g.v.arrived++;
			g.v.finished++;
		}
		rig_look(&g, 1000);
	}
	st = rig_status(&g);
	ck_assert_double_eq_tol(st.arrivals_per_second, 0.5, 0.02);
	ck_assert_double_eq_tol(st.run_seconds, 8, 0.4); /* 4 / 0.5 */
	g.v.arrived = 3; /* the caller began anew */
	g.v.finished = 3;
	rig_look(&g, 1000);
	ck_assert_double_eq_tol(rig_status(&g).arrivals_per_second, 0.5, 0.02);
	g.v.arrived = UINT64_MAX; /* and that is no rate */
	rig_look(&g, 1000);
	ck_assert_double_eq_tol(rig_status(&g).arrivals_per_second, 0.5, 0.02);
	rig_close(&g);
}
END_TEST

START_TEST(an_earlier_time_counts_as_the_latest)
{
	open_one();
	g.now_ms -= 5000;
	g.bots[0].since_ms = g.now_ms;
	rig_look(&g, 0);
	ck_assert_uint_eq(g.n, 0);
	rig_close(&g);
}
END_TEST

/* From tables of the formula. */
START_TEST(waits_are_those_of_erlang)
{
	/* M/M/1: rho S / (1 - rho). */
	ck_assert_double_eq_tol(deia_scaler_wait_seconds(0.5, 1, 1), 1, 1e-12);
	ck_assert_double_eq_tol(deia_scaler_wait_seconds(0.9, 1, 1), 9, 1e-9);
	/* M/M/2 at 1 Erlang: C = 1/3. */
	ck_assert_double_eq_tol(deia_scaler_wait_seconds(0.1, 10, 2), 10.0 / 3,
				1e-9);
	/* M/M/5 at 4 Erlang: C = 0.55411. */
	ck_assert_double_eq_tol(deia_scaler_wait_seconds(0.4, 10, 5), 5.5411,
				1e-3);
	ck_assert_double_eq(deia_scaler_wait_seconds(0, 10, 0), 0);
	ck_assert(isinf(deia_scaler_wait_seconds(1, 10, 10)));
	ck_assert(isinf(deia_scaler_wait_seconds(1, 10, 0)));
	ck_assert(isfinite(deia_scaler_wait_seconds(600, 1000, 640000)));
	ck_assert(isnan(deia_scaler_wait_seconds(-1, 10, 3)));
	ck_assert(isnan(deia_scaler_wait_seconds(1, (double)NAN, 3)));
	ck_assert(isnan(deia_scaler_wait_seconds((double)INFINITY, 0, 3)));
}
END_TEST

START_TEST(names_are_told_both_for_what_is_and_is_not)
{
	ck_assert_str_eq(deia_scaler_state_name(DEIA_SCALER_BACKOFF),
			 "backoff");
	ck_assert_str_eq(deia_scaler_kind_name(DEIA_SCALER_HOLD), "hold");
	ck_assert_str_eq(deia_scaler_cause_name(DEIA_SCALER_BY_MIN),
			 "min_bots");
	ck_assert_str_eq(deia_scaler_state_name((deia_scaler_state)99),
			 "unknown");
	ck_assert_str_eq(deia_scaler_kind_name((deia_scaler_kind)-1),
			 "unknown");
	ck_assert_str_eq(deia_scaler_cause_name((deia_scaler_cause)9),
			 "unknown");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("edge");

	tcase_add_loop_test(t, absurd_looks_are_refused_and_change_nothing, 0,
			    sizeof(absurd) / sizeof(*absurd));
	tcase_add_test(t, unknown_and_twin_templates_are_refused);
	tcase_add_test(t, absurd_options_are_refused);
	tcase_add_test(t, options_of_older_and_newer_callers);
	tcase_add_test(t, absurd_templates_are_refused);
	tcase_add_test(t, templates_have_a_limit_and_all_can_act_at_once);
	tcase_add_test(t, history_keeps_the_newest);
	tcase_add_test(t, every_failed_allocation_is_survived);
	tcase_add_test(t, a_removed_template_is_forgotten);
	tcase_add_test(t, a_dry_run_says_and_asks_for_nothing);
	tcase_add_test(t, rates_come_from_counters);
	tcase_add_test(t, an_earlier_time_counts_as_the_latest);
	tcase_add_test(t, waits_are_those_of_erlang);
	tcase_add_test(t, names_are_told_both_for_what_is_and_is_not);
	return rig_main("scaler-edge", t);
}
