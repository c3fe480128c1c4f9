/* SPDX-License-Identifier: MIT */
/* What was learned, out and in; each allocation that fails; random calls. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "core/mem.h"
#include "rig.h"

#define ROWS 200

static struct rig r;
static struct deia_scheduler_row rows[ROWS];
static size_t n_rows;

static void setup(void)
{
	rig_init(&r, 4, 3, NULL);
	n_rows = 0;
}

static void teardown(void)
{
	deia__mem_fail_at(0, false);
	rig_fini(&r);
}

static void keep(const struct deia_scheduler_row *row, void *user)
{
	(void)user;
	ck_assert_uint_lt(n_rows, ROWS);
	rows[n_rows++] = *row; /* names live as long as the bots */
}

static void record_some(struct rig *m, uint64_t seed)
{
	struct deia__rng rng;

	deia__rng_init(&rng, seed);
	for (int i = 0; i < 300; i++) {
		unsigned b = (unsigned)(deia__rng_next(&rng) % 4);
		unsigned t = (unsigned)(deia__rng_next(&rng) % 3);
		double seconds =
			(1 + b * 2 + t) * (0.5 + deia__rng_ratio(&rng));

		rig_record(m, rig_bot(b), rig_type(t), seconds,
			   deia__rng_ratio(&rng) < 0.95 - 0.1 * b, 1);
	}
}

START_TEST(what_was_learned_survives_export_and_import)
{
	struct rig m;

	record_some(&r, 7);
	ck_assert_uint_eq(deia_scheduler_export(r.s, false, keep, NULL), 13);
	rig_init(&m, 4, 3, NULL);
	ck_assert_int_eq(deia_scheduler_import(m.s, rows, n_rows), DEIA_OK);
	for (unsigned t = 0; t < 3; t++) {
		struct deia_scheduler_recommendation a, b;

		a = rig_recommend(&r, rig_type(t));
		b = rig_recommend(&m, rig_type(t));
		ck_assert_uint_eq(a.len, b.len);
		ck_assert_double_eq_tol(a.confidence, b.confidence, 0.05);
		for (unsigned i = 0; i < a.len; i++) {
			const struct deia_scheduler_pair *p = &a.best[i].pair;
			struct deia_scheduler_pair q =
				rig_pair(&m, p->bot, p->type);

			ck_assert_uint_eq(p->samples, q.samples);
			ck_assert_double_eq_tol(p->avg_seconds, q.avg_seconds,
						1e-6);
			ck_assert_double_eq_tol(p->seconds_to_success,
						q.seconds_to_success,
						p->seconds_to_success * 0.05);
		}
		ck_assert_str_eq(a.best[0].choice.bot, b.best[0].choice.bot);
	}
	rig_fini(&m);
}
END_TEST

START_TEST(export_of_changes_gives_only_those)
{
	record_some(&r, 3);
	ck_assert_uint_eq(deia_scheduler_export(r.s, true, keep, NULL), 13);
	ck_assert_uint_eq(deia_scheduler_export(r.s, true, keep, NULL), 0);
	n_rows = 0;
	rig_record(&r, "b", "y", 5, true, 1);
	ck_assert_uint_eq(deia_scheduler_export(r.s, true, keep, NULL), 2);
	ck_assert_str_eq(rows[0].bot, "");
	ck_assert_str_eq(rows[1].bot, "b");
	ck_assert_str_eq(rows[1].type, "y");
	n_rows = 0;
	ck_assert_int_eq(deia_scheduler_reset(r.s, "c", "z", r.now_ms),
			 DEIA_OK);
	ck_assert_uint_eq(deia_scheduler_export(r.s, true, keep, NULL), 2);
	ck_assert_str_eq(rows[1].bot, "c");
	ck_assert_uint_eq(rows[1].samples, 0);
}
END_TEST

START_TEST(rows_that_cannot_be_are_refused_as_a_whole)
{
	struct deia_scheduler_row bad[2];
	double *numbers[] = { &bad[1].time_weight,   &bad[1].time_mean,
			      &bad[1].time_square,   &bad[1].good,
			      &bad[1].bad,	     &bad[1].seconds,
			      &bad[1].failed_seconds };
	static const double wrong[] = { (double)NAN, (double)INFINITY,
					-(double)INFINITY, 1e300 };

	record_some(&r, 5);
	deia_scheduler_export(r.s, false, keep, NULL);
	ck_assert_int_eq(deia_scheduler_reset(r.s, NULL, NULL, r.now_ms),
			 DEIA_OK);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (size_t k = 0; k < 4; k++) {
			bad[0] = rows[1];
			bad[1] = rows[2];
			*numbers[i] = wrong[k];
			ck_assert_int_eq(deia_scheduler_import(r.s, bad, 2),
					 DEIA_EINVAL);
		}
	bad[1] = rows[2];
	bad[1].successes = bad[1].samples + 1;
	ck_assert_int_eq(deia_scheduler_import(r.s, bad, 2), DEIA_EINVAL);
	ck_assert_uint_eq(rig_pair(&r, rows[1].bot, rows[1].type).samples, 0);
	/* Those of others are passed over. */
	bad[1] = rows[2];
	bad[1].bot = "somebody";
	ck_assert_int_eq(deia_scheduler_import(r.s, bad, 2), DEIA_OK);
	ck_assert_uint_eq(rig_pair(&r, rows[1].bot, rows[1].type).samples,
			  rows[1].samples);
}
END_TEST

START_TEST(an_allocation_that_fails_changes_nothing)
{
	struct deia_scheduler_bot b = DEIA_SCHEDULER_BOT_INIT;
	deia_scheduler *s;
	char id[16];

	for (unsigned long n = 1; n <= 3; n++) {
		deia__mem_fail_at(n, false);
		ck_assert_int_eq(deia_scheduler_new(&s, NULL), DEIA_ENOMEM);
		ck_assert_ptr_null(s);
	}
	deia__mem_fail_at(0, false);
	record_some(&r, 9);
	/* The 33rd bot makes all arrays grow. */
	for (int i = 4; i < 32; i++) {
		snprintf(id, sizeof(id), "more-%d", i);
		ck_assert_int_eq(deia_scheduler_set_bot(r.s, id, &b, 1),
				 DEIA_OK);
	}
	for (unsigned long n = 1; n <= 21; n++) {
		deia__mem_fail_at(n, false);
		ck_assert_int_eq(deia_scheduler_set_bot(r.s, "last", &b, 1),
				 DEIA_ENOMEM);
		ck_assert_uint_eq(rig_recommend(&r, "x").candidates, 32);
	}
	deia__mem_fail_at(1, false);
	ck_assert_int_eq(deia_scheduler_add_type(r.s, "new"), DEIA_ENOMEM);
	deia__mem_fail_at(0, false);
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, "last", &b, 1), DEIA_OK);
	ck_assert_int_eq(deia_scheduler_add_type(r.s, "new"), DEIA_OK);
	ck_assert_uint_eq(rig_recommend(&r, "new").candidates, 33);
}
END_TEST

/* ---- random calls --------------------------------------------------------- */

struct shadow {
	bool known[16];
	unsigned slots[16], n_runs[16];
	uint64_t runs[16][64];
	bool available[16];
};

static void check_all(const struct rig *m, const struct shadow *w)
{
	unsigned known = 0;

	for (unsigned i = 0; i < 16; i++) {
		struct deia_scheduler_bot_status st;
		deia_err err = deia_scheduler_bot_status(m->s, rig_bot(i), &st);

		ck_assert_int_eq(err, w->known[i] ? DEIA_OK : DEIA_ENOTFOUND);
		if (err)
			continue;
		known++;
		ck_assert_uint_eq(st.running, w->n_runs[i]);
		ck_assert(st.busy_ratio >= 0 && st.busy_ratio <= 1);
		for (unsigned t = 0; t < 3; t++) {
			struct deia_scheduler_pair p;

			ck_assert_int_eq(deia_scheduler_pair(m->s, rig_bot(i),
							     rig_type(t), &p),
					 DEIA_OK);
			ck_assert(p.expected_seconds > 0 &&
				  isfinite(p.expected_seconds));
			ck_assert(p.expected_success > 0 &&
				  p.expected_success <= 1);
			ck_assert(p.efficiency > 0 && p.efficiency <= 1.0001);
			ck_assert(p.certainty >= 0 && p.certainty < 1);
			ck_assert(p.successes <= p.samples);
		}
	}
	for (size_t n = 0;; n++)
		if (!deia_scheduler_bot_at(m->s, n)) {
			ck_assert_uint_eq(n, known);
			break;
		}
}

static void choose_some(struct rig *m, struct shadow *w, struct deia__rng *rng)
{
	const char *failed[] = { rig_bot((unsigned)(deia__rng_next(rng) % 16)),
				 rig_bot((unsigned)(deia__rng_next(rng) %
						    16)) };
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;
	unsigned i = 0;
	deia_err err;

	ask.type = rig_type((unsigned)(deia__rng_next(rng) % 3));
	ask.avoid = failed;
	ask.avoid_len = deia__rng_next(rng) % 3;
	ask.attempts_left = (unsigned)(deia__rng_next(rng) % 4);
	err = deia_scheduler_choose(m->s, &ask, &c);
	if (err) {
		ck_assert_int_eq(err, DEIA_EUNAVAILABLE);
		return;
	}
	while (strcmp(rig_bot(i), c.bot) != 0)
		i++;
	ck_assert(w->known[i] && w->available[i] && isfinite(c.score));
	ck_assert(!c.start || w->n_runs[i] < w->slots[i]);
	if (c.start)
		w->runs[i][w->n_runs[i]++] = rig_start(m, c.bot, ask.type);
}

static void change_bot(struct rig *m, struct shadow *w, struct deia__rng *rng)
{
	unsigned i = (unsigned)(deia__rng_next(rng) % 16);

	if (w->known[i] && deia__rng_next(rng) % 4 == 0) {
		ck_assert_int_eq(deia_scheduler_remove_bot(m->s, rig_bot(i)),
				 DEIA_OK);
		w->known[i] = false;
		w->n_runs[i] = 0;
		return;
	}
	w->known[i] = true;
	w->slots[i] = 1 + (unsigned)(deia__rng_next(rng) % 4);
	w->available[i] = deia__rng_next(rng) % 5 > 0;
	rig_set(m, rig_bot(i), w->slots[i], w->available[i], 0);
}

static void finish_some(struct rig *m, struct shadow *w, struct deia__rng *rng)
{
	unsigned i = (unsigned)(deia__rng_next(rng) % 16);

	if (!w->known[i] || w->n_runs[i] == 0)
		return;
	deia_scheduler_end(m->s, w->runs[i][--w->n_runs[i]], m->now_ms);
	if (deia__rng_next(rng) % 5)
		rig_record(m, rig_bot(i),
			   rig_type((unsigned)(deia__rng_next(rng) % 3)),
			   exp(8 * deia__rng_ratio(rng) - 3),
			   deia__rng_next(rng) % (2 + i) > 0, 1);
}

START_TEST(random_calls_keep_the_books_right)
{
	struct shadow w = { { false }, { 0 }, { 0 }, { { 0 } }, { false } };
	struct deia__rng rng;

	rig_fini(&r);
	rig_init(&r, 0, 3, NULL);
	deia__rng_init(&rng, (uint64_t)_i + 1);
	ck_assert_int_eq(
		deia_scheduler_set_policy(r.s, (deia_scheduler_policy)(_i % 3)),
		DEIA_OK);
	for (int step = 0; step < 4000; step++) {
		r.now_ms += (int64_t)(deia__rng_next(&rng) % 3000);
		switch (deia__rng_next(&rng) % 8) {
		case 0:
			change_bot(&r, &w, &rng);
			break;
		case 1:
		case 2:
		case 3:
			finish_some(&r, &w, &rng);
			break;
		case 4:
			deia_scheduler_plan(r.s, r.now_ms);
			break;
		default:
			choose_some(&r, &w, &rng);
			break;
		}
		if (step % 50 == 0)
			check_all(&r, &w);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scheduler-rows");
	TCase *tc = tcase_create("rows");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_learned_survives_export_and_import);
	tcase_add_test(tc, export_of_changes_gives_only_those);
	tcase_add_test(tc, rows_that_cannot_be_are_refused_as_a_whole);
	tcase_add_test(tc, an_allocation_that_fails_changes_nothing);
	tcase_add_loop_test(tc, random_calls_keep_the_books_right, 0, 9);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
