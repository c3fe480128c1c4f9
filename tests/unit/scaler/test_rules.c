/* SPDX-License-Identifier: MIT */
/* Each rule of the scaler alone, look by look. */
#include <math.h>

#include "rig.h"

static struct rig g;

/* ---- up ------------------------------------------------------------------- */

/* What a look asks for; rates are known, runs take 10 s, the target is 10 s. */
static const struct {
	unsigned min, max, ready, busy, starting, queued;
	int64_t oldest_ms;
	double arrivals;
	unsigned launched;
	deia_scaler_cause cause;
} ups[] = {
	/* min_bots at once, whatever a step is */
	{ 12, 20, 0, 0, 0, 0, 0, 0, 12, DEIA_SCALER_BY_MIN },
	{ 3, 20, 1, 0, 1, 0, 0, 0, 1, DEIA_SCALER_BY_MIN },
	{ 3, 20, 2, 0, 1, 0, 0, 0, 0, DEIA_SCALER_BY_MIN },
	/* nothing to do, nothing there */
	{ 0, 20, 0, 0, 0, 0, 0, 0, 0, DEIA_SCALER_BY_LOAD },
	/* the first task of a template that has no bot */
	{ 0, 20, 0, 0, 0, 1, 0, 0.001, 1, DEIA_SCALER_BY_QUEUE },
	/* load 3: four are 5 s of waiting away from three */
	{ 0, 20, 0, 3, 0, 0, 0, 0.3, 1, DEIA_SCALER_BY_LOAD },
	{ 0, 20, 1, 3, 0, 0, 0, 0.3, 0, DEIA_SCALER_BY_LOAD },
	{ 0, 20, 0, 3, 1, 0, 0, 0.3, 0, DEIA_SCALER_BY_LOAD },
	/* a burst: a step is four, or as many as there are */
	{ 0, 40, 0, 2, 0, 30, 100, 0.01, 4, DEIA_SCALER_BY_QUEUE },
	{ 0, 40, 0, 9, 0, 90, 100, 0.01, 9, DEIA_SCALER_BY_QUEUE },
	{ 0, 12, 0, 9, 0, 90, 100, 0.01, 3, DEIA_SCALER_BY_MAX },
	/* served within twice the target: two for 4 x 10 s */
	{ 0, 40, 0, 1, 0, 4, 100, 0, 1, DEIA_SCALER_BY_QUEUE },
	/* a queue that is soon served is none */
	{ 0, 40, 0, 9, 0, 9, 100, 0.01, 0, DEIA_SCALER_BY_QUEUE },
	/* but somebody has waited for too long */
	{ 0, 40, 0, 9, 0, 9, 20100, 0.01, 1, DEIA_SCALER_BY_QUEUE },
	/* who waits beside an idle bot waits for something else */
	{ 0, 40, 3, 1, 0, 3, 60000, 0.01, 0, DEIA_SCALER_BY_QUEUE },
};

START_TEST(it_launches_what_is_missing)
{
	rig_open(&g, NULL, ups[_i].min, ups[_i].max);
	rig_add(&g, ups[_i].ready, DEIA_SCALER_READY, g.now_ms);
	rig_add(&g, ups[_i].busy, DEIA_SCALER_BUSY, g.now_ms);
	rig_add(&g, ups[_i].starting, DEIA_SCALER_STARTING, g.now_ms);
	g.v.queued = ups[_i].queued;
	g.v.oldest_wait_ms = ups[_i].oldest_ms;
	g.v.running = ups[_i].busy;
	rig_rates(&g, ups[_i].arrivals, 10);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), ups[_i].launched);
	if (ups[_i].launched && ups[_i].cause != DEIA_SCALER_BY_MAX) {
		ck_assert_int_eq(g.acts[0].cause, ups[_i].cause);
		ck_assert(g.acts[0].done);
		ck_assert_str_eq(g.acts[0].template_id, "t");
	}
	rig_close(&g);
}
END_TEST

START_TEST(reasons_have_numbers_in_them)
{
	rig_open(&g, NULL, 0, 20);
	rig_add(&g, 3, DEIA_SCALER_BUSY, g.now_ms);
	g.v.running = 3;
	rig_rates(&g, 0.3, 10);
	rig_look(&g, 1000);
	ck_assert_str_eq(g.acts[0].reason,
			 "1 more: 4 bots for 0.3 tasks/s of 10 s (load 3): "
			 "with 3 the queue grows, target 10 s");
	ck_assert_uint_eq(g.acts[0].bots, 3);
	ck_assert_uint_eq(g.acts[0].wanted, 4);
	ck_assert_str_eq(rig_status(&g).reason, g.acts[0].reason);
	rig_close(&g);
}
END_TEST

START_TEST(steps_up_keep_their_distance)
{
	rig_open(&g, NULL, 0, 60);
	rig_add(&g, 2, DEIA_SCALER_BUSY, g.now_ms);
	g.v.running = 2;
	g.v.queued = 50;
	rig_rates(&g, 0.1, 10);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 4);
	rig_add(&g, 4, DEIA_SCALER_STARTING, g.now_ms);
	ck_assert_uint_eq(rig_looks(&g, 14000), 0);
	ck_assert_ptr_nonnull(strstr(rig_status(&g).reason, "next step up"));
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 6);
	rig_close(&g);
}
END_TEST

START_TEST(without_rates_a_long_wait_is_enough)
{
	rig_open(&g, NULL, 0, 20);
	rig_add(&g, 1, DEIA_SCALER_STARTING, g.now_ms);
	g.v.queued = 3;
	g.v.oldest_wait_ms = 9000;
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 0);
	g.v.oldest_wait_ms = 11000;
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 2);
	rig_close(&g);
}
END_TEST

START_TEST(slots_of_a_bot_count)
{
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT;

	rig_open(&g, NULL, 0, 20);
	t.max_bots = 20;
	t.max_concurrent = 4;
	ck_assert_int_eq(deia_scaler_set(g.s, "t", &t), DEIA_OK);
	rig_rates(&g, 1, 10); /* load 10: 11 slots, three bots */
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 3);
	rig_close(&g);
}
END_TEST

/* ---- down ----------------------------------------------------------------- */

/* Five ready bots of different ages, one busy; two are enough. */
static void six(unsigned min)
{
	rig_open(&g, NULL, min, 20);
	rig_add(&g, 1, DEIA_SCALER_BUSY, g.now_ms - 900000);
	for (int i = 0; i < 5; i++)
		rig_add(&g, 1, DEIA_SCALER_READY,
			g.now_ms - (i == 3 ? 500000 : 1000 * i));
	g.v.running = 1;
	rig_rates(&g, 0.05, 10);
	rig_look(&g, 0);
}

START_TEST(after_calm_the_longest_idle_goes_first)
{
	six(0);
	ck_assert_uint_eq(rig_looks(&g, 299000), 0);
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.n, 1);
	ck_assert_str_eq(rig_drained(&g), "B-4");
	ck_assert_int_eq(g.acts[0].cause, DEIA_SCALER_BY_IDLE);
	ck_assert_ptr_nonnull(strstr(g.acts[0].reason, "idle for 800 s"));
	g.bots[4].state = DEIA_SCALER_DRAINING;
	ck_assert_uint_eq(rig_looks(&g, 29000), 0);
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_drained(&g), "B-5");
	rig_close(&g);
}
END_TEST

START_TEST(min_bots_stay_however_idle)
{
	six(6);
	ck_assert_uint_eq(rig_looks(&g, 3600000), 0);
	rig_set(&g, 5, 20);
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_drained(&g), "B-4");
	rig_close(&g);
}
END_TEST

START_TEST(busy_ones_are_left_alone)
{
	six(0);
	for (int i = 0; i < 6; i++)
		g.bots[i].state = DEIA_SCALER_BUSY;
	g.v.running = 6;
	ck_assert_uint_eq(rig_looks(&g, 900000), 0);
	ck_assert_ptr_nonnull(
		strstr(rig_status(&g).reason, "once one is idle"));
	rig_close(&g);
}
END_TEST

START_TEST(one_look_at_a_load_keeps_bots_for_the_window)
{
	six(0);
	rig_looks(&g, 290000);
	rig_rates(&g, 0.45, 10);
	rig_look(&g, 1000);
	rig_rates(&g, 0.05, 10);
	ck_assert_uint_eq(rig_looks(&g, 285000), 0);
	ck_assert_uint_gt(rig_looks(&g, 60000), 0);
	rig_close(&g);
}
END_TEST

START_TEST(nobody_looked_so_nothing_is_drained)
{
	six(0);
	rig_looks(&g, 290000);
	rig_look(&g, 8 * 3600000);
	ck_assert_uint_eq(g.n, 0);
	ck_assert_uint_eq(rig_looks(&g, 299000), 0);
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.n, 1);
	rig_close(&g);
}
END_TEST

START_TEST(what_nobody_uses_goes_to_none)
{
	rig_open(&g, NULL, 0, 20);
	rig_add(&g, 1, DEIA_SCALER_READY, g.now_ms);
	g.v.arrived = g.v.finished = 5;
	ck_assert_uint_eq(rig_looks(&g, 300000), 0);
	ck_assert_uint_eq(rig_looks(&g, 300000), 300000 / 30000);
	ck_assert_uint_eq(rig_last(&g).wanted, 0);
	rig_close(&g);
}
END_TEST

/* One more is what was drained; many more are new work. */
static const struct {
	double arrivals;
	int64_t window_ms;
} regrets[] = { { 0.5, 600000 }, { 1.5, 300000 } };

START_TEST(one_more_soon_after_one_less_makes_it_patient)
{
	six(0);
	rig_looks(&g, 300000);
	g.bots[4].state = DEIA_SCALER_DRAINING;
	ck_assert_int_eq(rig_status(&g).down_window_ms, 300000);
	rig_rates(&g, regrets[_i].arrivals, 10);
	rig_look(&g, 1000);
	ck_assert_uint_gt(rig_launched(&g), 0);
	ck_assert_int_eq(rig_status(&g).down_window_ms, regrets[_i].window_ms);
	rig_close(&g);
}
END_TEST

START_TEST(a_dead_one_goes_before_an_idle_one)
{
	six(0);
	g.bots[1].state = DEIA_SCALER_BACKOFF;
	rig_looks(&g, 300000);
	ck_assert_str_eq(rig_drained(&g), "B-1");
	rig_close(&g);
}
END_TEST

/* ---- limits ---------------------------------------------------------------- */

START_TEST(changed_limits_count_at_the_next_look)
{
	rig_open(&g, NULL, 1, 4);
	rig_add(&g, 4, DEIA_SCALER_READY, g.now_ms - 5000);
	g.bots[2].since_ms -= 1000;
	rig_rates(&g, 0.2, 10);
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.n, 0);
	rig_set(&g, 1, 2);
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_drained(&g), "B-2");
	ck_assert_int_eq(g.acts[0].cause, DEIA_SCALER_BY_MAX);
	g.bots[2].state = DEIA_SCALER_DRAINING;
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_drained(&g), "B-0");
	g.bots[0].state = DEIA_SCALER_DRAINING;
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.n, 0);
	rig_set(&g, 8, 8);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 4); /* two are draining still */
	rig_close(&g);
}
END_TEST

START_TEST(max_bots_is_said_once)
{
	rig_open(&g, NULL, 0, 3);
	rig_add(&g, 3, DEIA_SCALER_BUSY, g.now_ms);
	g.v.running = 3;
	rig_rates(&g, 1, 10);
	ck_assert_uint_eq(rig_looks(&g, 3600000), 0);
	ck_assert_uint_eq(rig_decisions(&g), 1);
	ck_assert_int_eq(rig_last(&g).kind, DEIA_SCALER_HOLD);
	ck_assert_int_eq(rig_last(&g).cause, DEIA_SCALER_BY_MAX);
	ck_assert(!rig_last(&g).done);
	ck_assert_ptr_nonnull(strstr(rig_last(&g).reason, "max_bots is 3"));
	rig_close(&g);
}
END_TEST

START_TEST(what_is_there_is_still_wanted_elsewhere)
{
	struct deia_scaler_opts opts = DEIA_SCALER_OPTS_INIT;
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT;
	struct deia_scaler_view views[2];

	opts.max_bots = 10;
	rig_open(&g, &opts, 0, 8);
	t.max_bots = 8;
	ck_assert_int_eq(deia_scaler_set(g.s, "a", &t), DEIA_OK);
	rig_rates(&g, 0.1, 10);
	g.v.queued = 50;
	views[0] = views[1] = g.v;
	views[0].template_id = "a";
	views[0].oldest_wait_ms = 1000;
	views[1].oldest_wait_ms = 2000;
	g.look.views = views;
	g.look.n_views = 2;
	g.look.other_bots = 5;
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.n, 2);
	ck_assert_str_eq(g.acts[0].template_id, "t");
	ck_assert_uint_eq(g.acts[0].count, 4);
	ck_assert_str_eq(g.acts[1].template_id, "a");
	ck_assert_uint_eq(g.acts[1].count, 1);
	rig_close(&g);
}
END_TEST

START_TEST(min_bots_of_all_come_before_more_of_one)
{
	struct deia_scaler_opts opts = DEIA_SCALER_OPTS_INIT;
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT;
	struct deia_scaler_view views[2];

	opts.max_bots = 5;
	rig_open(&g, &opts, 0, 8);
	t.max_bots = 8;
	t.min_bots = 3;
	ck_assert_int_eq(deia_scaler_set(g.s, "z", &t), DEIA_OK);
	rig_rates(&g, 0.1, 10);
	views[0] = views[1] = g.v;
	views[0].queued = 50;
	views[0].oldest_wait_ms = 60000;
	views[1].template_id = "z";
	g.look.views = views;
	g.look.n_views = 2;
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.n, 2);
	ck_assert_str_eq(g.acts[0].template_id, "z");
	ck_assert_uint_eq(g.acts[0].count, 3);
	ck_assert_uint_eq(g.acts[1].count, 2);
	rig_close(&g);
}
END_TEST

/* ---- guards ---------------------------------------------------------------- */

static void wants_many(unsigned min)
{
	rig_open(&g, NULL, min, 20);
	rig_add(&g, 2, DEIA_SCALER_BUSY, g.now_ms);
	g.v.running = 2;
	rig_rates(&g, 1, 10);
}

START_TEST(a_taken_cpu_holds_until_it_is_well_free)
{
	wants_many(0);
	g.look.cpu_ratio = 0.95;
	ck_assert_uint_eq(rig_looks(&g, 600000), 0);
	ck_assert_uint_eq(rig_decisions(&g), 1);
	ck_assert_int_eq(rig_last(&g).cause, DEIA_SCALER_BY_CPU);
	ck_assert_ptr_nonnull(strstr(rig_last(&g).reason, "0.95 per core"));
	g.look.cpu_ratio = 0.85;
	ck_assert_uint_eq(rig_looks(&g, 10000), 0);
	g.look.cpu_ratio = 0.79;
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 4);
	rig_close(&g);
}
END_TEST

START_TEST(a_guard_that_flutters_is_said_once)
{
	wants_many(0);
	for (int i = 0; i < 100; i++) {
		g.look.cpu_ratio = 0.95;
		rig_look(&g, 1000);
		g.look.cpu_ratio = 0.1;
		g.look.memory_known = true;
		g.look.free_bytes = 0;
		rig_look(&g, 1000);
	}
	ck_assert_uint_eq(rig_decisions(&g), 2);
	rig_close(&g);
}
END_TEST

START_TEST(min_bots_do_not_wait_for_the_cpu)
{
	wants_many(4);
	g.look.cpu_ratio = 3;
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 2);
	rig_close(&g);
}
END_TEST

START_TEST(as_many_as_memory_has_room_for)
{
	wants_many(0);
	g.look.memory_known = true;
	g.look.free_bytes = (512u + 900u) << 20; /* and 256 MiB each */
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 3);
	/* They start and have not taken theirs yet. */
	rig_add(&g, 3, DEIA_SCALER_STARTING, g.now_ms);
	ck_assert_uint_eq(rig_looks(&g, 60000), 0);
	ck_assert_int_eq(rig_last(&g).cause, DEIA_SCALER_BY_MEMORY);
	ck_assert_ptr_nonnull(strstr(rig_last(&g).reason, "1412 MiB"));
	g.v.bot_memory_bytes = 10u << 20;
	rig_look(&g, 1000);
	ck_assert_uint_gt(rig_launched(&g), 0);
	rig_close(&g);
}
END_TEST

START_TEST(min_bots_do_not_take_the_last_memory)
{
	wants_many(4);
	g.look.memory_known = true;
	g.look.free_bytes = 100u << 20;
	ck_assert_uint_eq(rig_looks(&g, 60000), 0);
	ck_assert_uint_eq(rig_decisions(&g), 1);
	ck_assert_ptr_nonnull(strstr(rig_last(&g).reason, "min_bots is 4"));
	rig_close(&g);
}
END_TEST

/* ---- failures --------------------------------------------------------------- */

/* The bot that was just launched fails. */
static void fails(void)
{
	rig_add(&g, 1, DEIA_SCALER_FAILED, g.now_ms);
}

START_TEST(failing_bots_are_not_fed)
{
	int64_t pause = 10000;

	rig_open(&g, NULL, 3, 8);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 3);
	for (int i = 0; i < 10; i++) {
		fails();
		rig_look(&g, 1000);
		ck_assert_str_eq(rig_drained(&g), i > 0 ? "old" : "");
		g.v.n_bots = 0;
		rig_add(&g, 1, DEIA_SCALER_FAILED, g.now_ms - 1000);
		g.bots[0].id = "old";
		ck_assert_uint_eq(rig_looks(&g, pause - 1000), 0);
		ck_assert_int_eq(rig_status(&g).failures, i + 1);
		ck_assert_int_gt(rig_status(&g).paused_ms, 0);
		ck_assert_ptr_nonnull(
			strstr(rig_status(&g).reason, "in a row"));
		rig_look(&g, 1000);
		ck_assert_uint_eq(rig_launched(&g), 1); /* only one is tried */
		pause = pause * 2 < 1800000 ? pause * 2 : 1800000;
	}
	rig_close(&g);
}
END_TEST

START_TEST(a_pause_is_one_line_of_the_history)
{
	rig_open(&g, NULL, 1, 8);
	rig_look(&g, 1000);
	fails();
	rig_looks(&g, 9000);
	ck_assert_uint_eq(rig_decisions(&g), 2);
	ck_assert_int_eq(rig_last(&g).cause, DEIA_SCALER_BY_FAILURES);
	rig_close(&g);
}
END_TEST

START_TEST(one_that_lasts_ends_the_pause)
{
	size_t b;

	rig_open(&g, NULL, 3, 8);
	rig_look(&g, 1000);
	fails();
	rig_looks(&g, 10000);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_launched(&g), 1);
	b = rig_add(&g, 1, DEIA_SCALER_STARTING, g.now_ms);
	ck_assert_uint_eq(rig_looks(&g, 20000), 0);
	g.bots[b].state = DEIA_SCALER_READY;
	g.bots[b].ready_ms = g.bots[b].since_ms = g.now_ms;
	rig_looks(&g, 29000);
	ck_assert_int_eq(rig_status(&g).failures, 1);
	rig_look(&g, 1000);
	ck_assert_int_eq(rig_status(&g).failures, 0);
	ck_assert_uint_eq(rig_launched(&g), 2);
	ck_assert_str_eq(rig_drained(&g), "B-0"); /* the failed one */
	rig_close(&g);
}
END_TEST

START_TEST(a_crash_of_one_that_served_is_no_failed_launch)
{
	rig_open(&g, NULL, 0, 8);
	rig_add(&g, 1, DEIA_SCALER_BACKOFF, g.now_ms); /* was ready before */
	g.v.queued = 1;
	rig_rates(&g, 0.01, 10);
	rig_look(&g, 1000);
	ck_assert_int_eq(rig_status(&g).failures, 0);
	ck_assert_uint_eq(rig_launched(&g), 1);
	rig_close(&g);
}
END_TEST

START_TEST(what_the_caller_could_not_do_counts_as_failed)
{
	rig_open(&g, NULL, 1, 8);
	rig_look(&g, 1000);
	ck_assert_int_eq(
		deia_scaler_refused(g.s, "t", "no such\nprogram", g.now_ms),
		DEIA_OK);
	ck_assert_str_eq(rig_last(&g).reason, "no such?program");
	ck_assert_int_eq(rig_last(&g).kind, DEIA_SCALER_REFUSED);
	ck_assert_uint_eq(rig_looks(&g, 9000), 0);
	ck_assert_uint_eq(rig_looks(&g, 1000), 1);
	rig_close(&g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("rules");

	tcase_add_loop_test(t, it_launches_what_is_missing, 0,
			    sizeof(ups) / sizeof(*ups));
	tcase_add_test(t, reasons_have_numbers_in_them);
	tcase_add_test(t, steps_up_keep_their_distance);
	tcase_add_test(t, without_rates_a_long_wait_is_enough);
	tcase_add_test(t, slots_of_a_bot_count);
	tcase_add_test(t, after_calm_the_longest_idle_goes_first);
	tcase_add_test(t, min_bots_stay_however_idle);
	tcase_add_test(t, busy_ones_are_left_alone);
	tcase_add_test(t, one_look_at_a_load_keeps_bots_for_the_window);
	tcase_add_test(t, nobody_looked_so_nothing_is_drained);
	tcase_add_test(t, what_nobody_uses_goes_to_none);
	tcase_add_loop_test(t, one_more_soon_after_one_less_makes_it_patient, 0,
			    sizeof(regrets) / sizeof(*regrets));
	tcase_add_test(t, a_dead_one_goes_before_an_idle_one);
	tcase_add_test(t, changed_limits_count_at_the_next_look);
	tcase_add_test(t, max_bots_is_said_once);
	tcase_add_test(t, what_is_there_is_still_wanted_elsewhere);
	tcase_add_test(t, min_bots_of_all_come_before_more_of_one);
	tcase_add_test(t, a_taken_cpu_holds_until_it_is_well_free);
	tcase_add_test(t, a_guard_that_flutters_is_said_once);
	tcase_add_test(t, min_bots_do_not_wait_for_the_cpu);
	tcase_add_test(t, as_many_as_memory_has_room_for);
	tcase_add_test(t, min_bots_do_not_take_the_last_memory);
	tcase_add_test(t, failing_bots_are_not_fed);
	tcase_add_test(t, a_pause_is_one_line_of_the_history);
	tcase_add_test(t, one_that_lasts_ends_the_pause);
	tcase_add_test(t, a_crash_of_one_that_served_is_no_failed_launch);
	tcase_add_test(t, what_the_caller_could_not_do_counts_as_failed);
	return rig_main("scaler-rules", t);
}
