/* SPDX-License-Identifier: MIT */
/* test_limits.c - how much one answer holds, how much one inbox hands out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static struct sim s;

static void begin(enum sim_kind kind)
{
	sim_init(&s, kind, NULL);
	ck_assert_int_eq(deia_messenger_open_inbox(s.m, "bob"), DEIA_OK);
}

static void teardown(void)
{
	sim_fini(&s);
}

static void send_many(size_t n, const char *content, size_t len)
{
	static struct deia_message_draft drafts[DEIA_MAX_BATCH_LEN];
	const struct deia_message_draft init = DEIA_MESSAGE_DRAFT_INIT;
	struct sim_answer a = { 0 };

	for (size_t i = 0; i < n; i++) {
		drafts[i] = init;
		drafts[i].from = "ann";
		drafts[i].to = "bob";
		drafts[i].content = content;
		drafts[i].content_len = len;
	}
	ck_assert_int_eq(deia_messenger_send(s.m, drafts, n, NULL, NULL,
					     sim_on_messages, &a),
			 DEIA_OK);
	ck_assert_int_eq(sim_wait(&s, &a), DEIA_OK);
	ck_assert_uint_eq(a.n, n);
}

START_TEST(answer_ends_at_8_mib_of_contents)
{
	static char content[DEIA_MAX_CONTENT_BYTES];
	struct sim_answer a;

	memset(content, 'x', sizeof(content));
	begin((enum sim_kind)_i);
	for (int i = 0; i < 20; i++)
		send_many(1, content, sizeof(content));
	ck_assert_int_eq(sim_receive(&s, "bob", 100, 0, false, &a), DEIA_OK);
	ck_assert_uint_eq(a.n, DEIA_MAX_RECEIVE_BYTES / sizeof(content));
	if (_i != SIM_KEPT) {
		sim_restart(&s, true, 0);
		ck_assert_int_eq(deia_messenger_open_inbox(s.m, "bob"),
				 DEIA_OK);
	}
	ck_assert_int_eq(sim_receive(&s, "bob", 100, 0, false, &a), DEIA_OK);
	ck_assert_uint_eq(a.n, DEIA_MAX_RECEIVE_BYTES / sizeof(content));
	ck_assert_int_eq(sim_receive(&s, "bob", 100, 0, false, &a), DEIA_OK);
	ck_assert_uint_eq(a.n, 4);
}
END_TEST

static size_t take_all(size_t most, struct sim_item *last)
{
	struct sim_answer a;
	size_t n = 0;

	while (n < most) {
		ck_assert_int_eq(
			sim_receive(&s, "bob", 1000, 3600000, false, &a),
			DEIA_OK);
		if (a.n == 0)
			break;
		n += a.n;
		*last = a.items[0];
	}
	return n;
}

START_TEST(inbox_hands_out_10000_and_then_waits_for_acknowledgements)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;
	struct sim_answer waiting = { 0 }, a;
	struct sim_item last;

	begin((enum sim_kind)_i);
	/* One waits before the limit is reached. */
	for (int i = 0; i < 10; i++)
		send_many(1000, "x", 1);
	ck_assert_uint_eq(take_all(DEIA_MAX_OUT_LEN - 1, &last),
			  DEIA_MAX_OUT_LEN);
	ck_assert_int_eq(sim_receive(&s, "bob", 1, 0, false, &a), DEIA_EBUSY);
	ck_assert_int_eq(sim_read(&s, &last), DEIA_OK);
	r.inbox = "bob";
	r.wait_ms = DEIA_WAIT_FOR_EVER;
	r.lease_ms = 3600000;
	for (int i = 0; i < 2; i++) {
		memset(&waiting, 0, sizeof(waiting));
		ck_assert_int_eq(deia_messenger_receive(s.m, &r, NULL,
							sim_on_messages,
							&waiting),
				 DEIA_OK);
		if (i == 0) {
			send_many(1, "y", 1);
			sim_idle(&s);
			ck_assert_uint_eq(waiting.n, 1);
			last = waiting.items[0];
			ck_assert_int_eq(sim_read(&s, &last), DEIA_OK);
			continue;
		}
		send_many(2, "z", 1);
		sim_idle(&s);
		ck_assert_uint_eq(waiting.n, 1);
	}
	/* Full again: the next is refused, until one is acknowledged. */
	ck_assert_int_eq(sim_receive(&s, "bob", 1, 0, false, &a), DEIA_EBUSY);
	ck_assert_int_eq(sim_read(&s, &waiting.items[0]), DEIA_OK);
	ck_assert_int_eq(sim_receive(&s, "bob", 1, 0, false, &a), DEIA_OK);
	ck_assert_uint_eq(a.n, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("limits");
	TCase *tc = tcase_create("limits");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, answer_ends_at_8_mib_of_contents, 0,
			    SIM_SQLITE + 1);
	tcase_add_loop_test(
		tc, inbox_hands_out_10000_and_then_waits_for_acknowledgements,
		0, SIM_SQLITE + 1);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
