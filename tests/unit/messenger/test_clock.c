/* SPDX-License-Identifier: MIT */
/*
 * test_clock.c - jumps of the wall clock, a suspend, and time that is not
 * seen since nothing runs: during a lease, a backoff, a wait, a time to live.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

static const int64_t jumps[] = { HOUR, -HOUR, DAY, -DAY };
#define JUMPS 4

/* Each test runs on each kind with each jump. */
#define KIND ((enum sim_kind)(_i / JUMPS))
#define JUMP jumps[_i % JUMPS]

static struct sim s;
static struct sim_answer a;

static void begin(enum sim_kind kind)
{
	sim_init(&s, kind, NULL);
	ck_assert_int_eq(deia_messenger_open_inbox(s.m, "bob"), DEIA_OK);
}

static void teardown(void)
{
	sim_fini(&s);
}

static deia_message_status status_of(const char *id)
{
	struct sim_answer got;

	ck_assert_int_eq(sim_get(&s, id, &got), DEIA_OK);
	return got.items[0].status;
}

static void send_one(int64_t ttl_seconds, char *id)
{
	ck_assert_int_eq(sim_send_ttl(&s, "ann", "bob", ttl_seconds, &a),
			 DEIA_OK);
	strcpy(id, a.items[0].id);
}

static void take(int64_t lease_ms, bool held)
{
	ck_assert_int_eq(sim_receive(&s, "bob", 1, lease_ms, held, &a),
			 DEIA_OK);
	ck_assert_uint_eq(a.n, 1);
}

static void take_nothing(void)
{
	struct sim_answer none;

	ck_assert_int_eq(sim_receive(&s, "bob", 1, 0, false, &none), DEIA_OK);
	ck_assert_uint_eq(none.n, 0);
}

/* ---- jumps of the wall clock ------------------------------------------- */

START_TEST(wall_jump_changes_no_lease)
{
	struct sim_answer got;
	char id[37];

	begin(KIND);
	send_one(0, id);
	take(60 * SECOND, false);
	sim_sleep(&s, 10 * SECOND);
	sim_wall_jump(&s, JUMP);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_DELIVERED);
	/* The wall clock it is told in has changed. */
	ck_assert_int_eq(sim_get(&s, id, &got), DEIA_OK);
	ck_assert_int_eq(got.items[0].lease_unix_ms,
			 s.clock.wall_ms + 50 * SECOND);
	sim_sleep(&s, 49 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_DELIVERED);
	sim_sleep(&s, 2 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
}
END_TEST

START_TEST(wall_jump_changes_no_backoff)
{
	char id[37];

	begin(KIND);
	send_one(0, id);
	take(60 * SECOND, false);
	ck_assert_int_eq(
		sim_release(&s, &a.items[0], DEIA_DELAY_BACKOFF, false, NULL),
		DEIA_OK);
	sim_sleep(&s, 500);
	sim_wall_jump(&s, JUMP);
	take_nothing();
	sim_sleep(&s, 299); /* 0.8 s is the least */
	take_nothing();
	sim_sleep(&s, 401); /* 1.2 s the most */
	take(60 * SECOND, false);
	ck_assert(a.items[0].redelivered);
}
END_TEST

START_TEST(wall_jump_changes_no_time_to_live)
{
	struct sim_answer got;
	char id[37];

	begin(KIND);
	send_one(30, id);
	sim_sleep(&s, 10 * SECOND);
	sim_wall_jump(&s, JUMP);
	ck_assert_int_eq(sim_get(&s, id, &got), DEIA_OK);
	ck_assert_int_eq(got.items[0].expires_unix_ms,
			 s.clock.wall_ms + 20 * SECOND);
	sim_sleep(&s, 19 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
	sim_sleep(&s, 2 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_EXPIRED);
	take_nothing();
}
END_TEST

START_TEST(wall_jump_changes_no_wait)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;
	struct sim_answer got = { 0 };

	begin(KIND);
	r.inbox = "bob";
	r.wait_ms = 20 * SECOND;
	ck_assert_int_eq(
		deia_messenger_receive(s.m, &r, NULL, sim_on_messages, &got),
		DEIA_OK);
	sim_sleep(&s, 5 * SECOND);
	sim_wall_jump(&s, JUMP);
	sim_sleep(&s, 14 * SECOND);
	ck_assert_int_eq(got.calls, 0);
	sim_sleep(&s, 2 * SECOND);
	ck_assert_int_eq(got.calls, 1);
	ck_assert_int_eq(got.err, DEIA_OK);
	ck_assert_uint_eq(got.n, 0);
}
END_TEST

START_TEST(wall_jump_changes_no_order)
{
	char first[37], second[37];

	begin(KIND);
	send_one(0, first);
	sim_wall_jump(&s, JUMP);
	send_one(0, second);
	ck_assert_int_lt(strcmp(first, second), 0);
	take(0, false);
	ck_assert_str_eq(a.items[0].id, first);
	take(0, false);
	ck_assert_str_eq(a.items[0].id, second);
}
END_TEST

START_TEST(wall_jump_deletes_nothing_before_its_time)
{
	char id[37];

	begin(KIND);
	s.opts.retention_days = 1;
	ck_assert_int_eq(deia_messenger_configure(s.m, &s.opts), DEIA_OK);
	send_one(0, id);
	take(0, false);
	ck_assert_int_eq(sim_read(&s, &a.items[0]), DEIA_OK);
	sim_wall_jump(&s, JUMP);
	sim_sleep(&s, HOUR);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_READ);
}
END_TEST

START_TEST(wall_jump_forgets_no_key)
{
	char id[37];

	begin(KIND);
	ck_assert_int_eq(sim_send(&s, "ann", "bob", 2, "x", "key", &a),
			 DEIA_OK);
	strcpy(id, a.items[0].id);
	sim_wall_jump(&s, JUMP);
	sim_sleep(&s, 23 * HOUR);
	ck_assert_int_eq(sim_send(&s, "ann", "bob", 2, "x", "key", &a),
			 DEIA_OK);
	ck_assert_str_eq(a.items[0].id, id);
	ck_assert_uint_eq(sim_count(&s, "bob", -1), 1);
}
END_TEST

/* ---- a suspend --------------------------------------------------------- */

START_TEST(suspend_gives_leases_a_grace)
{
	char id[37];

	begin((enum sim_kind)_i);
	send_one(0, id);
	take(60 * SECOND, false);
	sim_sleep(&s, 10 * SECOND);
	sim_suspend(&s, HOUR);
	/* Its holder slept as well: it may still acknowledge. */
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_DELIVERED);
	ck_assert_int_eq(sim_read(&s, &a.items[0]), DEIA_OK);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_READ);
}
END_TEST

START_TEST(suspended_lease_ends_all_the_same)
{
	char id[37];

	begin((enum sim_kind)_i);
	send_one(0, id);
	take(60 * SECOND, false);
	sim_suspend(&s, HOUR);
	sim_sleep(&s, 61 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
	sim_sleep(&s, 2 * SECOND);
	take(0, false);
	ck_assert_uint_eq(a.items[0].attempt, 2);
}
END_TEST

START_TEST(long_lease_is_not_made_longer_by_a_suspend)
{
	char id[37];

	begin((enum sim_kind)_i);
	send_one(0, id);
	take(HOUR, false);
	sim_suspend(&s, HOUR / 2);
	sim_sleep(&s, HOUR / 2 - SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_DELIVERED);
	sim_sleep(&s, 62 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
}
END_TEST

START_TEST(suspend_counts_for_time_to_live_and_backoff)
{
	char dead[37], back[37];

	begin((enum sim_kind)_i);
	send_one(0, back);
	take(0, false);
	ck_assert_int_eq(
		sim_release(&s, &a.items[0], 1800 * SECOND, false, NULL),
		DEIA_OK);
	send_one(30, dead);
	sim_suspend(&s, HOUR);
	ck_assert_int_eq(status_of(dead), DEIA_MESSAGE_EXPIRED);
	take(0, false);
	ck_assert_str_eq(a.items[0].id, back);
}
END_TEST

/* ---- down time --------------------------------------------------------- */

/* From SIM_MEMORY on: these are kinds with a store. */

START_TEST(down_time_counts_for_time_to_live)
{
	char lives[37], dead[37];

	begin((enum sim_kind)_i);
	send_one(60, dead);
	send_one(62, lives);
	sim_sleep(&s, 10 * SECOND);
	sim_restart(&s, true, 51 * SECOND);
	sim_settle(&s);
	ck_assert_int_eq(status_of(dead), DEIA_MESSAGE_EXPIRED);
	ck_assert_int_eq(status_of(lives), DEIA_MESSAGE_PENDING);
	sim_sleep(&s, 2 * SECOND);
	ck_assert_int_eq(status_of(lives), DEIA_MESSAGE_EXPIRED);
}
END_TEST

START_TEST(clock_that_went_back_while_it_was_down_counts_as_no_time)
{
	char id[37];

	begin((enum sim_kind)_i);
	send_one(60, id);
	sim_sleep(&s, 10 * SECOND);
	sim_restart(&s, true, -DAY);
	sim_sleep(&s, 49 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
	sim_sleep(&s, 2 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_EXPIRED);
}
END_TEST

START_TEST(wall_jump_before_a_restart_is_no_down_time)
{
	char id[37];

	begin((enum sim_kind)_i);
	send_one(60, id);
	sim_wall_jump(&s, DAY);
	sim_sleep(&s, 10 * SECOND);
	sim_restart(&s, true, 5 * SECOND);
	sim_sleep(&s, 44 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
	sim_sleep(&s, 2 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_EXPIRED);
}
END_TEST

START_TEST(lease_is_kept_over_a_restart)
{
	char id[37];

	begin((enum sim_kind)_i);
	send_one(0, id);
	take(60 * SECOND, false);
	sim_sleep(&s, 10 * SECOND);
	sim_restart(&s, true, 20 * SECOND);
	sim_settle(&s);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_DELIVERED);
	sim_sleep(&s, 29 * SECOND);
	ck_assert_int_eq(sim_read(&s, &a.items[0]), DEIA_OK);
}
END_TEST

START_TEST(lease_that_ended_while_it_was_down_is_over)
{
	char id[37];

	begin((enum sim_kind)_i);
	send_one(0, id);
	take(60 * SECOND, false);
	sim_restart(&s, true, HOUR);
	ck_assert_int_eq(deia_messenger_open_inbox(s.m, "bob"), DEIA_OK);
	/* A grace is fine, another lease is not. */
	sim_sleep(&s, 61 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
	sim_sleep(&s, 2 * SECOND);
	take(0, false);
	ck_assert_str_eq(a.items[0].id, id);
	ck_assert(a.items[0].redelivered);
}
END_TEST

START_TEST(backoff_goes_on_while_it_is_down)
{
	char id[37];

	begin((enum sim_kind)_i);
	send_one(0, id);
	take(0, false);
	ck_assert_int_eq(sim_release(&s, &a.items[0], HOUR, false, NULL),
			 DEIA_OK);
	sim_restart(&s, true, HOUR / 2);
	ck_assert_int_eq(deia_messenger_open_inbox(s.m, "bob"), DEIA_OK);
	take_nothing();
	sim_sleep(&s, HOUR / 2);
	take(0, false);
	ck_assert_str_eq(a.items[0].id, id);
}
END_TEST

START_TEST(held_lease_ends_with_the_messenger_and_costs_no_attempt)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

	begin((enum sim_kind)_i);
	d.from = "ann";
	d.to = "bob";
	d.max_attempts = 1;
	memset(&a, 0, sizeof(a));
	ck_assert_int_eq(deia_messenger_send(s.m, &d, 1, NULL, NULL,
					     sim_on_messages, &a),
			 DEIA_OK);
	ck_assert_int_eq(sim_wait(&s, &a), DEIA_OK);
	for (unsigned i = 1; i <= 3; i++) {
		take(60 * SECOND, true);
		ck_assert_uint_eq(a.items[0].attempt, i);
		ck_assert_int_eq(a.items[0].redelivered, i > 1);
		sim_restart(&s, true, SECOND);
		ck_assert_int_eq(deia_messenger_open_inbox(s.m, "bob"),
				 DEIA_OK);
	}
	/* One that runs out while it runs does cost it. */
	take(60 * SECOND, true);
	sim_sleep(&s, 61 * SECOND);
	ck_assert_int_eq(status_of(a.items[0].id), DEIA_MESSAGE_FAILED);
}
END_TEST

START_TEST(time_goes_on_after_a_crash)
{
	char id[37], second[37];

	begin((enum sim_kind)_i);
	send_one(600, id);
	sim_sleep(&s, 300 * SECOND);
	sim_crash(&s, 200 * SECOND);
	ck_assert_int_eq(deia_messenger_open_inbox(s.m, "bob"), DEIA_OK);
	send_one(600, second);
	ck_assert_int_lt(strcmp(id, second), 0);
	sim_sleep(&s, 99 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
	sim_sleep(&s, 2 * SECOND);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_EXPIRED);
	ck_assert_int_eq(status_of(second), DEIA_MESSAGE_PENDING);
}
END_TEST

START_TEST(ids_rise_over_a_restart_with_the_clock_back)
{
	char id[37], second[37];

	begin((enum sim_kind)_i);
	send_one(0, id);
	sim_crash(&s, -DAY);
	ck_assert_int_eq(deia_messenger_open_inbox(s.m, "bob"), DEIA_OK);
	send_one(0, second);
	ck_assert_int_lt(strcmp(id, second), 0);
	take(0, false);
	ck_assert_str_eq(a.items[0].id, id);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tc = tcase_create("clock");
	SRunner *runner = srunner_create(suite);
	int failed, i;
	const TTest *const jumping[] = {
		wall_jump_changes_no_lease,
		wall_jump_changes_no_backoff,
		wall_jump_changes_no_time_to_live,
		wall_jump_changes_no_wait,
		wall_jump_changes_no_order,
		wall_jump_deletes_nothing_before_its_time,
		wall_jump_forgets_no_key,
	};
	const TTest *const asleep[] = {
		suspend_gives_leases_a_grace,
		suspended_lease_ends_all_the_same,
		long_lease_is_not_made_longer_by_a_suspend,
		suspend_counts_for_time_to_live_and_backoff,
	};
	const TTest *const down[] = {
		down_time_counts_for_time_to_live,
		clock_that_went_back_while_it_was_down_counts_as_no_time,
		wall_jump_before_a_restart_is_no_down_time,
		lease_is_kept_over_a_restart,
		lease_that_ended_while_it_was_down_is_over,
		backoff_goes_on_while_it_is_down,
		held_lease_ends_with_the_messenger_and_costs_no_attempt,
		time_goes_on_after_a_crash,
		ids_rise_over_a_restart_with_the_clock_back,
	};

	tcase_add_checked_fixture(tc, NULL, teardown);
	for (i = 0; i < (int)(sizeof(jumping) / sizeof(*jumping)); i++)
		tcase_add_loop_test(tc, jumping[i], 0,
				    SIM_SQLITE * JUMPS + JUMPS);
	for (i = 0; i < (int)(sizeof(asleep) / sizeof(*asleep)); i++)
		tcase_add_loop_test(tc, asleep[i], 0, SIM_SQLITE + 1);
	for (i = 0; i < (int)(sizeof(down) / sizeof(*down)); i++)
		tcase_add_loop_test(tc, down[i], SIM_MEMORY, SIM_SQLITE + 1);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
