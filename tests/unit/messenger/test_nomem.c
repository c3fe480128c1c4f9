/* SPDX-License-Identifier: MIT */
/*
 * test_nomem.c - each allocation of each operation fails, once or for good.
 *
 * Afterwards the operation happened or it did not, its callback ran exactly
 * once if it was accepted, the counters are right, and the messenger works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "messenger/messenger.h"
#include "scene.h"

/* More than any operation makes. */
#define ALLOCATIONS 40

static struct scene sc;

static void begin(enum sim_kind kind)
{
	memset(&sc, 0, sizeof(sc));
	sim_init(&sc.s, kind, NULL);
}

static void teardown(void)
{
	deia__mem_fail_at(0, false);
	sim_fini(&sc.s);
}

/* What was handed over, but could not be shown, comes back by itself. */
static bool may_happen_unseen(enum scene_op op)
{
	return op == SCENE_RECEIVE || op == SCENE_TAKE;
}

static void fail_one(enum scene_op op, unsigned long n, bool sticky)
{
	bool happened;
	deia_err err;

	scene_make(&sc);
	deia__mem_fail_at(n, sticky);
	err = scene_try(&sc, op);
	deia__mem_fail_at(0, false);
	ck_assert_msg(err == DEIA_OK || err == DEIA_ENOMEM,
		      "%s, allocation %lu%s: %s", scene_op_names[op], n,
		      sticky ? " and on" : "", deia_err_name(err));
	happened = scene_happened(&sc, op);
	ck_assert_msg(happened == (err == DEIA_OK) ||
			      (op >= SCENE_GET || may_happen_unseen(op)),
		      "%s, allocation %lu%s: %s, but it %s", scene_op_names[op],
		      n, sticky ? " and on" : "", deia_err_name(err),
		      happened ? "happened" : "did not happen");
	sim_recount(&sc.s, scene_inboxes, 2);
	if (!happened)
		ck_assert_int_eq(scene_try(&sc, op), DEIA_OK);
	scene_end(&sc);
	sim_recount(&sc.s, scene_inboxes, 2);
}

static void fail_each(int i, bool sticky)
{
	begin((enum sim_kind)(i / SCENE_OPS));
	for (unsigned long n = 1; n <= ALLOCATIONS; n++)
		fail_one((enum scene_op)(i % SCENE_OPS), n, sticky);
}

START_TEST(every_allocation_of_a_call_may_fail_once)
{
	fail_each(_i, false);
}
END_TEST

START_TEST(every_allocation_of_a_call_may_fail_for_good)
{
	fail_each(_i, true);
}
END_TEST

/* ---- what happens by itself -------------------------------------------- */

static void fail_lease_end(unsigned long n, bool sticky)
{
	struct sim_answer a;

	scene_make(&sc);
	deia__mem_fail_at(n, sticky);
	sim_sleep(&sc.s, 61000);
	deia__mem_fail_at(0, false);
	/* At once, or after a pause. */
	sim_sleep(&sc.s, 2000);
	ck_assert_int_eq(sim_get(&sc.s, sc.out.id, &a), DEIA_OK);
	ck_assert_int_eq(a.items[0].status, DEIA_MESSAGE_PENDING);
	sim_recount(&sc.s, scene_inboxes, 2);
	scene_end(&sc);
}

START_TEST(leases_end_all_the_same)
{
	begin((enum sim_kind)_i);
	for (unsigned long n = 1; n <= ALLOCATIONS; n++) {
		fail_lease_end(n, false);
		fail_lease_end(n, true);
	}
}
END_TEST

static void fail_expiry(unsigned long n, bool sticky)
{
	struct sim_answer a;
	char ids[3][37];

	scene_make(&sc);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(sim_send_ttl(&sc.s, "ann", "bob", 2, &a),
				 DEIA_OK);
		strcpy(ids[i], a.items[0].id);
	}
	deia__mem_fail_at(n, sticky);
	sim_sleep(&sc.s, 2100);
	deia__mem_fail_at(0, false);
	sim_sleep(&sc.s, 2000);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(sim_get(&sc.s, ids[i], &a), DEIA_OK);
		ck_assert_int_eq(a.items[0].status, DEIA_MESSAGE_EXPIRED);
	}
	sim_recount(&sc.s, scene_inboxes, 2);
	scene_end(&sc);
}

START_TEST(messages_expire_all_the_same)
{
	begin((enum sim_kind)_i);
	for (unsigned long n = 1; n <= ALLOCATIONS; n++) {
		fail_expiry(n, false);
		fail_expiry(n, true);
	}
}
END_TEST

START_TEST(waiting_receiver_gets_its_message_or_is_told)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;
	struct sim_answer got, a;

	begin((enum sim_kind)_i);
	ck_assert_int_eq(deia_messenger_open_inbox(sc.s.m, "bob"), DEIA_OK);
	r.inbox = "bob";
	r.wait_ms = 10000;
	for (unsigned long n = 1; n <= ALLOCATIONS; n++) {
		memset(&got, 0, sizeof(got));
		ck_assert_int_eq(deia_messenger_receive(sc.s.m, &r, NULL,
							sim_on_messages, &got),
				 DEIA_OK);
		deia__mem_fail_at(n, false);
		(void)!sim_send(&sc.s, "ann", "bob", 1, "x", NULL, &a);
		deia__mem_fail_at(0, false);
		sim_sleep(&sc.s, 11000);
		ck_assert_int_eq(got.calls, 1);
		/* Everything that was sent is there, in some state. */
		sim_sleep(&sc.s, 200000);
		sim_sleep(&sc.s, 2000);
		do {
			ck_assert_int_eq(
				sim_receive(&sc.s, "bob", 8, 0, false, &a),
				DEIA_OK);
			for (size_t i = 0; i < a.n; i++)
				ck_assert_int_eq(sim_read(&sc.s, &a.items[i]),
						 DEIA_OK);
		} while (a.n > 0);
		ck_assert_uint_eq(sim_count(&sc.s, "bob", -1), 0);
	}
	sim_recount(&sc.s, scene_inboxes, 2);
}
END_TEST

/* ---- making one -------------------------------------------------------- */

static void make_with_failure(unsigned long n, bool sticky, int *failures)
{
	deia_err err;

	deia__mem_fail_at(n, sticky);
	err = deia__messenger_new_at(&sc.s.m, sc.s.base, sc.s.store, &sc.s.opts,
				     &sc.s.clock, sc.s.detail,
				     sizeof(sc.s.detail));
	deia__mem_fail_at(0, false);
	if (err) {
		ck_assert_int_eq(err, DEIA_ENOMEM);
		ck_assert_ptr_null(sc.s.m);
		ck_assert_str_ne(sc.s.detail, "");
		(*failures)++;
		return;
	}
	sim_settle(&sc.s);
	deia_messenger_stop(sc.s.m);
	sim_idle(&sc.s);
	deia_messenger_free(sc.s.m);
	sc.s.m = NULL;
}

START_TEST(making_one_fails_cleanly)
{
	int failures = 0;

	begin((enum sim_kind)_i);
	scene_make(&sc);
	deia_messenger_stop(sc.s.m);
	sim_idle(&sc.s);
	deia_messenger_free(sc.s.m);
	sc.s.m = NULL;
	for (unsigned long n = 1; n <= 100; n++) {
		make_with_failure(n, false, &failures);
		make_with_failure(n, true, &failures);
	}
	ck_assert_int_gt(failures, 3);
	if (_i == SIM_KEPT)
		return;
	/* Nothing was lost by it. */
	ck_assert_int_eq(deia__messenger_new_at(
				 &sc.s.m, sc.s.base, sc.s.store, &sc.s.opts,
				 &sc.s.clock, sc.s.detail, sizeof(sc.s.detail)),
			 DEIA_OK);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			deia_messenger_open_inbox(sc.s.m, scene_inboxes[i]),
			DEIA_OK);
	sim_recount(&sc.s, scene_inboxes, 2);
	scene_end(&sc);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nomem");
	TCase *tc = tcase_create("nomem");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 240); /* many, and slow under a sanitizer */
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, every_allocation_of_a_call_may_fail_once, 0,
			    SIM_SQLITE_FULL * SCENE_OPS);
	tcase_add_loop_test(tc, every_allocation_of_a_call_may_fail_for_good, 0,
			    SIM_SQLITE_FULL * SCENE_OPS);
	tcase_add_loop_test(tc, leases_end_all_the_same, 0, SIM_SQLITE_FULL);
	tcase_add_loop_test(tc, messages_expire_all_the_same, 0,
			    SIM_SQLITE_FULL);
	tcase_add_loop_test(tc, waiting_receiver_gets_its_message_or_is_told, 0,
			    SIM_SQLITE_FULL);
	tcase_add_loop_test(tc, making_one_fails_cleanly, 0, SIM_SQLITE_FULL);
	suite_add_tcase(s, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
