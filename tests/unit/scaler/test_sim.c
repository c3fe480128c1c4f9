/* SPDX-License-Identifier: MIT */
/* Hours of virtual time: what must hold whatever the seed. */
#include <math.h>
#include <stdio.h>

#include "rig.h"
#include "sim.h"

#define HOUR 3600.0

static struct sim s;

static void open_sim(uint64_t seed, const struct deia_scaler_opts *opts,
		     unsigned min, unsigned max)
{
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT;

	sim_init(&s, seed);
	s.min_bots = t.min_bots = min;
	s.max_bots = t.max_bots = max;
	ck_assert_int_eq(deia_scaler_new(&s.scaler, opts), DEIA_OK);
	ck_assert_int_eq(deia_scaler_set(s.scaler, SIM_TEMPLATE, &t), DEIA_OK);
}

static void close_sim(void)
{
	ck_assert_msg(s.broken == 0, "%u times: %s", s.broken, s.broken_how);
	deia_scaler_free(s.scaler);
}

/* ---- steady ------------------------------------------------------------------- */

static const struct {
	double rate, run_seconds, cv2;
	int64_t launch_ms;
	bool told;
} steadies[] = {
	{ 0.1, 10, 1, 10000, false },
	{ 0.4, 10, 1, 10000, false },
	{ 0.4, 10, 4, 30000, false },
	{ 0.1, 60, 1, 30000, false },
	{ 2, 10, 1, 30000, false },
	{ 20.0 / 3600, 40, 1, 10000, false },
	{ 3.0 / 3600, 60, 1, 10000, false },
	{ 10, 0.5, 1, 5000, false },
	{ 0.4, 10, 1, 30000, true },
};

START_TEST(a_steady_load_hardly_moves_anything)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		open_sim(seed, NULL, 0, 64);
		s.base_rate = steadies[_i].rate;
		s.run_seconds = steadies[_i].run_seconds;
		s.run_cv2 = steadies[_i].cv2;
		s.launch_ms = steadies[_i].launch_ms;
		s.tell_rates = steadies[_i].told;
		sim_run(&s, 3 * HOUR);
		sim_forget(&s);
		sim_run(&s, 10 * HOUR);
		printf("# steady %d seed %d: %u changes, %u in the worst hour, "
		       "wait %.2f s, %.1f bots\n",
		       _i, (int)seed, s.changes, sim_changes_per_hour(&s),
		       sim_mean_wait(&s), s.bot_seconds / 10 / HOUR);
		ck_assert_uint_le(s.changes, 20);
		ck_assert_uint_le(sim_changes_per_hour(&s), 8);
		ck_assert_double_le(sim_mean_wait(&s), 10);
		close_sim();
	}
}
END_TEST

/* ---- bursts ------------------------------------------------------------------- */

static double one_burst(const struct sim *w, double seconds)
{
	return seconds >= HOUR && seconds < HOUR + 10 ? 10 : w->base_rate;
}

/* 100 tasks of 5 s within 10 s, one bot there, launches take 30 s. */
START_TEST(a_burst_is_served_within_a_bound)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		open_sim(seed, NULL, 1, 30);
		s.rate = one_burst;
		s.base_rate = 0.02;
		sim_run(&s, HOUR);
		ck_assert_uint_le(sim_live(&s), 3);
		sim_run(&s, 180);
		ck_assert_uint_le(s.came - s.began, 1);
		printf("# burst seed %d: %.0f s the longest, %u bots\n",
		       (int)seed, s.wait_max, s.most_bots);
		ck_assert_double_le(s.wait_max, 120);
		ck_assert_uint_le(s.most_bots, 30);
		sim_run(&s, HOUR);
		ck_assert_uint_le(sim_live(&s), 3);
		close_sim();
	}
}
END_TEST

static double from_none(const struct sim *w, double seconds)
{
	return seconds < HOUR ? 0 : w->base_rate;
}

START_TEST(slow_launches_are_not_asked_for_twice)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		open_sim(seed, NULL, 0, 64);
		s.rate = from_none;
		s.base_rate = 0.8;
		s.run_seconds = 10;
		s.launch_ms = 60000;
		sim_run(&s, HOUR);
		ck_assert_uint_eq(s.launched, 0);
		sim_run(&s, HOUR);
		printf("# slow launches seed %d: %u bots for load 8\n",
		       (int)seed, s.most_bots);
		ck_assert_uint_le(s.most_bots, 24);
		ck_assert_uint_le(s.came - s.began, 20);
		close_sim();
	}
}
END_TEST

/* ---- faults ------------------------------------------------------------------- */

START_TEST(bots_that_die_are_made_up_for)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		open_sim(seed, NULL, 2, 40);
		s.base_rate = 0.5;
		s.run_seconds = 10;
		s.deaths_per_hour = 20;
		sim_run(&s, 6 * HOUR);
		ck_assert_uint_lt(s.came - s.began, 60);
		ck_assert_double_le(sim_mean_wait(&s), 10);
		close_sim();
	}
}
END_TEST

START_TEST(duds_are_not_fed)
{
	struct deia_scaler_status st;

	open_sim(1, NULL, 3, 40);
	s.dud_ratio = 1;
	s.launch_ms = 2000;
	sim_run(&s, 24 * HOUR);
	ck_assert_uint_gt(s.came - s.began, 1000);
	/* 3, then one after 10, 20 ... 1280 s, then every half hour */
	ck_assert_uint_le(s.launched, 3 + 8 + 48);
	ck_assert_uint_le(sim_count(&s, DEIA_SCALER_FAILED), 2);
	s.dud_ratio = 0;
	sim_run(&s, HOUR);
	ck_assert_int_eq(deia_scaler_get_status(s.scaler, SIM_TEMPLATE, &st),
			 DEIA_OK);
	ck_assert_uint_eq(st.failures, 0);
	ck_assert_uint_gt(sim_live(&s), 10);
	ck_assert_uint_eq(sim_count(&s, DEIA_SCALER_FAILED), 0);
	close_sim();
}
END_TEST

START_TEST(some_duds_only_delay)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		open_sim(seed, NULL, 1, 40);
		s.dud_ratio = 0.3;
		s.launch_ms = 5000;
		s.base_rate = 1;
		sim_run(&s, 3 * HOUR);
		sim_forget(&s);
		sim_run(&s, HOUR);
		ck_assert_double_le(sim_mean_wait(&s), 10);
		close_sim();
	}
}
END_TEST

/* ---- guards ------------------------------------------------------------------- */

START_TEST(a_taken_machine_gets_no_more)
{
	open_sim(1, NULL, 2, 40);
	s.base_rate = 2;
	s.cpu_ratio = 0.97;
	sim_run(&s, HOUR);
	ck_assert_uint_eq(s.most_bots, 2);
	s.cpu_ratio = 0.5;
	sim_run(&s, 120);
	ck_assert_uint_gt(sim_live(&s), 9);
	close_sim();
}
END_TEST

START_TEST(memory_bounds_the_pool)
{
	open_sim(1, NULL, 0, 40);
	s.base_rate = 5;
	s.memory_known = true;
	s.free_bytes = (512ull + 7 * 256 + 100) << 20;
	sim_run(&s, HOUR);
	ck_assert_uint_eq(s.most_bots, 7);
	close_sim();
}
END_TEST

/* ---- any numbers ---------------------------------------------------------------- */

START_TEST(the_same_looks_give_the_same_decisions)
{
	static struct deia_scaler_decision d[2][256];
	size_t n[2];

	for (int i = 0; i < 2; i++) {
		open_sim(7, NULL, 1, 40);
		s.deaths_per_hour = 5;
		s.dud_ratio = 0.1;
		sim_run(&s, 5 * HOUR);
		n[i] = deia_scaler_history(s.scaler, 0, d[i], 256);
		close_sim();
	}
	ck_assert_uint_gt(n[0], 5);
	ck_assert_uint_eq(n[0], n[1]);
	ck_assert_mem_eq(d[0], d[1], n[0] * sizeof(d[0][0]));
}
END_TEST

static uint64_t seed_now;

static unsigned any(unsigned n)
{
	seed_now = seed_now * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed_now >> 33) % n;
}

static void any_view(struct rig *g)
{
	static const double rates[] = { 0, 1e-9, 0.5, 100, 1e6 };
	static const double runs[] = { 0, 1e-6, 1, 600, 1e7 };

	g->v.n_bots = 0;
	for (unsigned n = any(40); n > 0; n--)
		rig_add(g, 1, (deia_scaler_state)any(DEIA_SCALER_STATES),
			g->now_ms - any(1000000));
	g->v.queued = any(3) ? any(50) : 100000000;
	g->v.oldest_wait_ms = any(100000);
	g->v.running = any(100);
	g->v.arrived += any(10);
	g->v.finished += any(10);
	g->v.has_rates = any(2);
	g->v.arrivals_per_second = rates[any(5)];
	g->v.run_seconds = runs[any(5)];
	g->v.launch_seconds = any(100);
	g->v.bot_memory_bytes = any(2) ? any(1u << 30) : 0;
	g->look.cpu_ratio = any(100) / 60.0;
	g->look.memory_known = any(2);
	g->look.free_bytes = (uint64_t)any(1u << 30) * any(16);
	g->look.other_bots = any(70);
}

static deia_scaler_state state_of(const struct rig *g, const char *id)
{
	for (size_t i = 0; i < g->v.n_bots; i++)
		if (strcmp(g->bots[i].id, id) == 0)
			return g->bots[i].state;
	ck_abort_msg("no bot %s", id);
	return DEIA_SCALER_FAILED;
}

static void check_act(const struct rig *g, const struct deia_scaler_decision *d,
		      unsigned min, unsigned max)
{
	struct deia_scaler_status st = rig_status(g);
	unsigned all = st.bots + st.counts[DEIA_SCALER_DRAINING];
	deia_scaler_state state;

	ck_assert_str_ne(d->reason, "");
	ck_assert(d->done);
	if (d->kind == DEIA_SCALER_LAUNCH) {
		ck_assert_uint_gt(d->count, 0);
		ck_assert_uint_le(all + d->count, max);
		ck_assert_uint_le(all + g->look.other_bots + d->count, 64);
		return;
	}
	ck_assert_int_eq(d->kind, DEIA_SCALER_DRAIN);
	state = state_of(g, d->bot);
	if (state == DEIA_SCALER_FAILED)
		return;
	ck_assert(state == DEIA_SCALER_READY || state == DEIA_SCALER_BACKOFF);
	ck_assert_uint_gt(st.bots, min);
}

START_TEST(no_numbers_break_the_limits)
{
	static struct rig g;

	seed_now = (uint64_t)_i + 1;
	rig_open(&g, NULL, 0, 1);
	for (int i = 0; i < 4000; i++) {
		unsigned min = any(12), max = min + any(20) + 1;

		rig_set(&g, min, max);
		g.now_ms += any(20) ? any(5000) : any(10000000);
		any_view(&g);
		rig_look(&g, 0);
		ck_assert_uint_le(g.n, 2);
		for (size_t k = 0; k < g.n; k++)
			check_act(&g, &g.acts[k], min, max);
		ck_assert_uint_le(rig_status(&g).wanted, max);
		ck_assert_uint_ge(rig_status(&g).wanted, min);
		ck_assert(!isnan(rig_status(&g).wait_seconds));
	}
	rig_close(&g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("sim");

	tcase_add_loop_test(t, a_steady_load_hardly_moves_anything, 0,
			    sizeof(steadies) / sizeof(*steadies));
	tcase_add_test(t, a_burst_is_served_within_a_bound);
	tcase_add_test(t, slow_launches_are_not_asked_for_twice);
	tcase_add_test(t, bots_that_die_are_made_up_for);
	tcase_add_test(t, duds_are_not_fed);
	tcase_add_test(t, some_duds_only_delay);
	tcase_add_test(t, a_taken_machine_gets_no_more);
	tcase_add_test(t, memory_bounds_the_pool);
	tcase_add_test(t, the_same_looks_give_the_same_decisions);
	tcase_add_loop_test(t, no_numbers_break_the_limits, 0, 8);
	return rig_main("scaler-sim", t);
}
