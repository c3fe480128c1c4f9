/* SPDX-License-Identifier: MIT */
/* Receiving the hive's mail: acknowledging first, waiting, and its ends. */
#include "mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "B", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "C", false), DEIA_OK);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- waiting -------------------------------------------------------------------- */

static struct deia_mail_receive wait_of(const char *inbox, int64_t ms)
{
	struct deia_mail_receive what = { .size = sizeof(what),
					  .what = DEIA_RECEIVE_INIT };

	what.what.inbox = inbox;
	what.what.wait_ms = ms;
	return what;
}

START_TEST(receive_acknowledges_first_each_alone)
{
	struct deia_mail_receive what = wait_of(NULL, 0);
	struct deia_message_claim claims[3] = { 0 };
	deia_err errs[3];
	struct got had, got = { 0 };

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", NULL),
				 DEIA_OK);
	ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 2, &had), DEIA_OK);
	ck_assert_uint_eq(had.n, 2);
	claims[0].id = had.items[0].id;
	claims[1].id = "0190a000-0000-7000-8000-000000000000";
	claims[2].id = had.items[1].id;
	claims[2].token = "0123456789abcdef";
	what.read = claims;
	what.n_read = 3;
	what.errs = errs;
	ck_assert_int_eq(deia_mail_receive(f.hive, who("bot B"), &what, NULL,
					   on_letters, &got),
			 DEIA_OK);
	run_until(&f, &got.done);
	ck_assert_int_eq(got.err, DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(errs[0], DEIA_OK);
	ck_assert_int_eq(errs[1], DEIA_ENOTFOUND);
	ck_assert_int_eq(errs[2], DEIA_ECONFLICT);
	ck_assert_int_eq(mail_get(&f, "admin", had.items[0].id, &got), DEIA_OK);
	ck_assert_int_eq(got.items[0].status, DEIA_MESSAGE_READ);
	claims[0].inbox = "C";
	ck_assert_int_eq(deia_mail_receive(f.hive, who("bot B"), &what, NULL,
					   on_letters, &got),
			 DEIA_EDENIED);
}
END_TEST

START_TEST(wait_ends_with_mail_and_can_be_cancelled)
{
	struct deia_mail_receive what = wait_of(NULL, 60000);
	struct got got = { 0 }, other = { 0 };
	deia_receiver *r;

	ck_assert_int_eq(deia_mail_receive(f.hive, who("bot B"), &what, &r,
					   on_letters, &got),
			 DEIA_OK);
	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", NULL), DEIA_OK);
	run_until(&f, &got.done);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(deia_mail_receive(f.hive, who("bot B"), &what, &r,
					   on_letters, &other),
			 DEIA_OK);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	deia_mail_receive_cancel(f.hive, r);
	ck_assert(!other.done); /* never inside the call */
	run_until(&f, &other.done);
	ck_assert_int_eq(other.err, DEIA_ECANCELED);
	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "y", NULL), DEIA_OK);
	ck_assert_uint_eq(mail_count(&f, "B", DEIA_MESSAGE_PENDING), 1);
}
END_TEST

START_TEST(messages_that_nobody_takes_any_more_go_back)
{
	struct deia_mail_receive what = wait_of(NULL, 60000);
	struct got got = { 0 };
	deia_receiver *r;
	bool on_their_way = false;

	/* Cancelled at any moment: before, while, after they are taken. */
	for (int turns = 0; turns < 40; turns++) {
		memset(&got, 0, sizeof(got));
		ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", NULL),
				 DEIA_OK);
		ck_assert_int_eq(deia_mail_receive(f.hive, who("bot B"), &what,
						   &r, on_letters, &got),
				 DEIA_OK);
		for (int i = 0; i < turns && !got.done; i++)
			event_base_loop(f.base, EVLOOP_NONBLOCK);
		if (!got.done) {
			deia_mail_receive_cancel(f.hive, r);
			run_until(&f, &got.done);
			ck_assert_int_eq(got.err, DEIA_ECANCELED);
			ck_assert_uint_eq(got.n, 0);
		} else {
			continue; /* it had come in time */
		}
		while (!mail_count(&f, "B", DEIA_MESSAGE_PENDING))
			event_base_loop(f.base, EVLOOP_ONCE);
		ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 1, &got),
				 DEIA_OK);
		ck_assert_uint_eq(got.n, 1);
		on_their_way |= got.items[0].redelivered;
		ck_assert_int_eq(mail_read(&f, "bot B", NULL, got.items[0].id,
					   NULL, NULL),
				 DEIA_OK);
	}
	ck_assert_msg(on_their_way, "no cancel met a message on its way");
}
END_TEST

START_TEST(stopping_hive_ends_waits)
{
	struct deia_mail_receive what = wait_of("system", DEIA_WAIT_FOR_EVER);
	struct got got = { 0 };

	ck_assert_int_eq(deia_mail_receive(f.hive, who("admin"), &what, NULL,
					   on_letters, &got),
			 DEIA_OK);
	deia_hive_end_waits(f.hive);
	run_until(&f, &got.done);
	ck_assert_int_eq(got.err, DEIA_EUNAVAILABLE);
}
END_TEST

START_TEST(freed_hive_answers_all_calls)
{
	struct deia_mail_receive what = wait_of("system", DEIA_WAIT_FOR_EVER);
	struct got waits = { 0 }, sends = { 0 };
	const char *to = "B";
	struct deia_mail_draft d = mail_draft(NULL, &to, "x");

	ck_assert_int_eq(deia_mail_receive(f.hive, who("admin"), &what, NULL,
					   on_letters, &waits),
			 DEIA_OK);
	ck_assert_int_eq(deia_mail_send(f.hive, who("admin"), &d, 1, NULL, NULL,
					on_letters, &sends),
			 DEIA_OK);
	fixture_reopen(&f, false);
	ck_assert(waits.done);
	ck_assert_int_ne(waits.err, DEIA_OK);
	ck_assert(sends.done);
}
END_TEST

static void create_external(const char *id)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "external";
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
}

START_TEST(external_bot_waits_while_paused_and_not_when_stopped)
{
	struct deia_mail_receive what = wait_of(NULL, 60000);
	struct got got = { 0 };

	create_external("X");
	run_until_state(&f, "X", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "X", DEIA_BOT_PAUSE), DEIA_OK);
	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "X", "x", NULL), DEIA_OK);
	ck_assert_int_eq(deia_mail_receive(f.hive, who("bot X"), &what, NULL,
					   on_letters, &got),
			 DEIA_OK);
	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "X", "y", NULL), DEIA_OK);
	ck_assert(!got.done);
	ck_assert_uint_eq(mail_count(&f, "X", DEIA_MESSAGE_PENDING), 2);
	ck_assert_int_eq(act(&f, "X", DEIA_BOT_RESUME), DEIA_OK);
	run_until(&f, &got.done);
	ck_assert_uint_eq(got.n, 1);
	memset(&got, 0, sizeof(got));
	what.what.max = 5;
	ck_assert_int_eq(act(&f, "X", DEIA_BOT_STOP), DEIA_OK);
	ck_assert_int_eq(deia_mail_receive(f.hive, who("bot X"), &what, NULL,
					   on_letters, &got),
			 DEIA_ESTATE);
	ck_assert_int_eq(mail_receive(&f, "operator ann", "X", 5, &got),
			 DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-mail-wait");
	TCase *t = tcase_create("mail");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, receive_acknowledges_first_each_alone);
	tcase_add_test(t, wait_ends_with_mail_and_can_be_cancelled);
	tcase_add_test(t, messages_that_nobody_takes_any_more_go_back);
	tcase_add_test(t, stopping_hive_ends_waits);
	tcase_add_test(t, freed_hive_answers_all_calls);
	tcase_add_test(t, external_bot_waits_while_paused_and_not_when_stopped);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
