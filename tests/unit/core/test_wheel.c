/* SPDX-License-Identifier: MIT */
/* The timing wheel, against a plain array of times. */
#include <check.h>
#include <stdlib.h>

#include "core/id.h"
#include "core/wheel.h"

#define NODES 300
#define START INT64_C(1795000000000) /* a time of today, in milliseconds */

static struct deia__wheel wheel;
static struct deia__wheel_node nodes[NODES];

static void setup(void)
{
	unsigned steps = 1;

	deia__wheel_init(&wheel);
	ck_assert_ptr_null(deia__wheel_reached(&wheel, START, &steps));
	for (int i = 0; i < NODES; i++)
		nodes[i] = (struct deia__wheel_node){ NULL, NULL, 0 };
}

static void add(int i, int64_t at)
{
	nodes[i].at = at;
	deia__wheel_add(&wheel, &nodes[i]);
}

/* The next one at this time, out of the wheel; NULL: none. */
static struct deia__wheel_node *take(int64_t now)
{
	unsigned steps = 1000000;
	struct deia__wheel_node *node =
		deia__wheel_reached(&wheel, now, &steps);

	if (node)
		deia__wheel_remove(&wheel, node);
	return node;
}

START_TEST(nodes_come_out_when_reached_and_not_early)
{
	static const int64_t after[] = { 0,    1,    63,    64,
					 4095, 4096, 60000, 604800000 };

	for (int i = 0; i < 8; i++)
		add(i, START + after[i]);
	for (int i = 0; i < 8; i++) {
		ck_assert_int_le(deia__wheel_next(&wheel), START + after[i]);
		if (after[i] > 0)
			ck_assert_ptr_null(take(START + after[i] - 1));
		ck_assert_ptr_eq(take(START + after[i]), &nodes[i]);
	}
	ck_assert(deia__wheel_is_empty(&wheel));
	ck_assert_int_eq(deia__wheel_next(&wheel), INT64_MAX);
}
END_TEST

START_TEST(what_is_past_or_thousands_of_years_away_is_kept)
{
	add(0, START - 5);
	add(1, INT64_MAX);
	ck_assert_int_le(deia__wheel_next(&wheel), START);
	ck_assert_ptr_eq(take(START), &nodes[0]);
	ck_assert_ptr_null(take(START * 2));
	ck_assert(!deia__wheel_is_empty(&wheel));
	deia__wheel_remove(&wheel, &nodes[1]);
	deia__wheel_remove(&wheel, &nodes[1]);
	ck_assert(deia__wheel_is_empty(&wheel));
}
END_TEST

/* All wait in one coarse slot: moving them down is cut in pieces. */
START_TEST(steps_bound_what_one_call_does)
{
	unsigned steps, calls = 0, out = 0;
	int64_t when = START + 3000000;

	for (int i = 0; i < NODES; i++)
		add(i, when + i % 7);
	while (out < NODES) {
		struct deia__wheel_node *node;

		steps = 10;
		ck_assert_int_le(deia__wheel_next(&wheel), when + 7);
		while ((node = deia__wheel_reached(&wheel, when + 7, &steps))) {
			ck_assert_int_le(node->at, when + 7);
			deia__wheel_remove(&wheel, node);
			out++;
		}
		ck_assert_uint_lt(calls++, 1000);
	}
	ck_assert_uint_gt(calls, NODES / 10 - 1);
	ck_assert(deia__wheel_is_empty(&wheel));
}
END_TEST

START_TEST(drained_nodes_are_all_there_and_can_be_added_again)
{
	struct deia__wheel_node *node, *next;
	int n = 0;

	for (int i = 0; i < NODES; i++)
		add(i, START + (int64_t)i * i * 1000);
	node = deia__wheel_drain(&wheel);
	ck_assert(deia__wheel_is_empty(&wheel));
	for (; node; node = next, n++) {
		next = node->next;
		deia__wheel_add(&wheel, node);
	}
	ck_assert_int_eq(n, NODES);
	for (int i = 0; i < NODES; i++)
		ck_assert_ptr_eq(take(START + (int64_t)i * i * 1000),
				 &nodes[i]);
}
END_TEST

/* ---- against an array ---------------------------------------------------- */

static int64_t earliest(void)
{
	int64_t at = INT64_MAX;

	for (int i = 0; i < NODES; i++)
		if (nodes[i].next && nodes[i].at < at)
			at = nodes[i].at;
	return at;
}

/* Everything that is reached comes out, in order but for equal times. */
static void check_reached(int64_t now)
{
	struct deia__wheel_node *node;

	while ((node = take(now))) {
		ck_assert_int_le(node->at, now);
		ck_assert_int_le(node->at, earliest());
	}
	ck_assert_int_gt(earliest(), now);
	ck_assert_int_le(deia__wheel_next(&wheel), earliest());
}

START_TEST(random_nodes_agree_with_an_array)
{
	struct deia__rng rng;
	int64_t now = START;

	deia__rng_init(&rng, 1000 + (uint64_t)_i);
	for (int step = 0; step < 20000; step++) {
		int i = (int)(deia__rng_next(&rng) % NODES);
		int64_t far = (int64_t)1 << deia__rng_next(&rng) % 40;

		deia__wheel_remove(&wheel, &nodes[i]);
		if (deia__rng_next(&rng) % 4)
			add(i, now + (int64_t)(deia__rng_next(&rng) %
					       (uint64_t)far));
		if (deia__rng_next(&rng) % 8 == 0) {
			now += (int64_t)(deia__rng_next(&rng) %
					 ((uint64_t)1
					  << deia__rng_next(&rng) % 32));
			check_reached(now);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wheel");
	TCase *tc = tcase_create("wheel");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, nodes_come_out_when_reached_and_not_early);
	tcase_add_test(tc, what_is_past_or_thousands_of_years_away_is_kept);
	tcase_add_test(tc, steps_bound_what_one_call_does);
	tcase_add_test(tc, drained_nodes_are_all_there_and_can_be_added_again);
	tcase_add_loop_test(tc, random_nodes_agree_with_an_array, 0, 5);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
