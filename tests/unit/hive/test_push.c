/* SPDX-License-Identifier: MIT */
/* Mail to bots' own programs: lines, acknowledgements, deaths, stops. */
#include "mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(create_mail_bot(&f, "P"), DEIA_OK);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* Sends from A to P; its id, 37 bytes. */
static void post(const char *content, char *id)
{
	struct got got;

	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "P", content, &got),
			 DEIA_OK);
	if (id)
		memcpy(id, got.items[0].id, 37);
}

/* What the bot has seen. */
static const char *seen(void)
{
	static struct answer a;

	ck_assert_int_eq(ask_and_wait(&f, "P", NULL, "seen", &a), DEIA_OK);
	return a.text;
}

static const char *sent_lines(void)
{
	static struct answer a;

	ck_assert_int_eq(ask_and_wait(&f, "P", NULL, "sent", &a), DEIA_OK);
	return a.text;
}

static uint64_t faults(void)
{
	struct deia_hive_bot b;

	ck_assert_int_eq(deia_hive_bot_get(f.hive, "P", &b), DEIA_OK);
	return b.info->faults;
}

static void stop_bot(void)
{
	ck_assert_int_eq(act(&f, "P", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "P", DEIA_BOT_STOPPED);
}

static void start_bot(void)
{
	ck_assert_int_eq(act(&f, "P", DEIA_BOT_START), DEIA_OK);
	run_until_state(&f, "P", DEIA_BOT_READY);
}

/* Runs the loop until so many of P's messages are in its hands. */
static void run_until_delivered(uint64_t n)
{
	for (int i = 0; i < 200000; i++) {
		if (mail_count(&f, "P", DEIA_MESSAGE_DELIVERED) == n)
			return;
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	ck_abort_msg("not %d messages are delivered", (int)n);
}

START_TEST(message_is_pushed_and_acknowledged)
{
	struct got got;
	char id[37];

	post("ack", id);
	run_until_status(&f, id, DEIA_MESSAGE_READ, &got);
	ck_assert_uint_eq(got.items[0].attempt, 1);
	ck_assert_str_eq(seen(), "ack ");
	ck_assert_uint_eq(faults(), 0);
}
END_TEST

START_TEST(messages_keep_their_order)
{
	char want[4096] = "", text[16];

	stop_bot();
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		post(text, NULL);
		strcat(strcat(want, text), " ");
	}
	start_bot();
	run_until_empty(&f, "P");
	ck_assert_str_eq(seen(), want);
}
END_TEST

START_TEST(window_is_bounded_until_something_is_acknowledged)
{
	char id[37];

	for (int i = 0; i < 20; i++)
		post("keep", id);
	run_until_delivered(16);
	ck_assert_uint_eq(mail_count(&f, "P", DEIA_MESSAGE_PENDING), 4);
	/* A chat is answered meanwhile: the bot has what it has. */
	ck_assert_int_eq(strncmp(seen(), "keep keep ", 10), 0);
	ck_assert_uint_eq(mail_count(&f, "P", DEIA_MESSAGE_DELIVERED), 16);
}
END_TEST

START_TEST(nack_brings_it_back_flagged)
{
	struct got got;
	char id[37];

	post("nack 0", id);
	run_until_status(&f, id, DEIA_MESSAGE_READ, &got);
	ck_assert_uint_eq(got.items[0].attempt, 2);
	ck_assert_str_eq(seen(), "nack 0 nack 0* ");
}
END_TEST

START_TEST(stray_acknowledgement_is_a_fault_and_a_late_one_is_not)
{
	char id[37];

	post("stray", id);
	run_until_status(&f, id, DEIA_MESSAGE_READ, NULL);
	(void)seen();
	ck_assert_uint_eq(faults(), 1);
	/* Read by somebody else while the bot had it. */
	post("keep", id);
	run_until_delivered(1);
	(void)seen();
	ck_assert_int_eq(mail_read(&f, "admin", NULL, id, NULL, NULL), DEIA_OK);
	post("free", id);
	run_until_status(&f, id, DEIA_MESSAGE_READ, NULL);
	(void)seen();
	ck_assert_uint_eq(faults(), 1);
}
END_TEST

START_TEST(bot_answers_a_message)
{
	struct got got;
	char id[37];

	post("answer this", id);
	run_until_status(&f, id, DEIA_MESSAGE_READ, NULL);
	for (int i = 0;
	     i < 200000 && !mail_count(&f, "A", DEIA_MESSAGE_PENDING); i++)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_int_eq(mail_receive(&f, "bot A", NULL, 1, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_str_eq(got.items[0].content, "re: answer this");
	ck_assert_str_eq(got.items[0].from, "P");
	ck_assert_str_eq(got.items[0].by, "");
	ck_assert_str_eq(got.items[0].reply_to, id);
	ck_assert_uint_eq(got.items[0].hops, 1);
	ck_assert_ptr_nonnull(strstr(sent_lines(), got.items[0].id));
}
END_TEST

START_TEST(message_in_hand_at_a_death_is_tried_again_later)
{
	struct got got;
	char id[37];

	post("die twice", id);
	run_until_status(&f, id, DEIA_MESSAGE_READ, &got);
	ck_assert_uint_eq(got.items[0].attempt, 3);
	ck_assert_str_eq(seen(), "die twice* ");
}
END_TEST

START_TEST(poison_ends_as_a_dead_letter_and_the_others_get_through)
{
	char ids[16][37];
	struct got got;

	stop_bot();
	for (int i = 0; i < 16; i++)
		post(i == 0 ? "die" : "ack", ids[i]);
	start_bot();
	for (int i = 1; i < 16; i++) {
		run_until_status(&f, ids[i], DEIA_MESSAGE_READ, &got);
		ck_assert_uint_le(got.items[0].attempt, 2);
	}
	run_until_status(&f, ids[0], DEIA_MESSAGE_FAILED, &got);
	ck_assert_uint_eq(got.items[0].attempt, 3);
}
END_TEST

START_TEST(stopped_bot_keeps_its_mail_at_no_cost)
{
	struct got got;
	char id[37];

	post("keep", id);
	run_until_delivered(1);
	(void)seen();		      /* it has it */
	for (int i = 0; i < 5; i++) { /* more than max_attempts */
		stop_bot();
		run_until_status(&f, id, DEIA_MESSAGE_PENDING, &got);
		ck_assert_uint_eq(mail_count(&f, "P", DEIA_MESSAGE_DELIVERED),
				  0);
		start_bot();
		run_until_delivered(1);
	}
	ck_assert_str_eq(seen(), "keep* ");
	ck_assert_int_eq(act(&f, "P", DEIA_BOT_RESTART), DEIA_OK);
	run_until_delivered(0);
	run_until_delivered(1);
	run_until_status(&f, id, DEIA_MESSAGE_DELIVERED, &got);
	ck_assert(got.items[0].redelivered);
}
END_TEST

START_TEST(paused_bot_gets_no_new_mail_but_may_finish)
{
	char id[37], more[37];

	post("keep", id);
	run_until_delivered(1);
	(void)seen();
	ck_assert_int_eq(act(&f, "P", DEIA_BOT_PAUSE), DEIA_OK);
	run_until_state(&f, "P", DEIA_BOT_PAUSED);
	post("free", more);
	for (int i = 0; i < 50; i++)
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(mail_count(&f, "P", DEIA_MESSAGE_PENDING), 1);
	ck_assert_uint_eq(mail_count(&f, "P", DEIA_MESSAGE_DELIVERED), 1);
	ck_assert_int_eq(act(&f, "P", DEIA_BOT_RESUME), DEIA_OK);
	run_until_empty(&f, "P");
}
END_TEST

START_TEST(restart_of_the_hive_delivers_again_flagged)
{
	struct got got;
	char id[37];

	post("keep", id);
	run_until_delivered(1);
	(void)seen();
	fixture_reopen(&f, false); /* as after a kill */
	run_until_state(&f, "P", DEIA_BOT_READY);
	run_until_delivered(1);
	ck_assert_str_eq(seen(), "keep* ");
	fixture_reopen(&f, true);
	run_until_state(&f, "P", DEIA_BOT_READY);
	run_until_delivered(1);
	ck_assert_str_eq(seen(), "keep* ");
	ck_assert_int_eq(mail_get(&f, "admin", id, &got), DEIA_OK);
	ck_assert_uint_eq(got.items[0].attempt, 3);
}
END_TEST

START_TEST(deaf_bot_costs_no_more_than_a_little)
{
	static char large[100001];
	uint64_t n;

	memset(large, 'x', 100000);
	post("deaf", NULL);
	for (int i = 0; i < 40; i++)
		post(large, NULL);
	for (int i = 0; i < 2000; i++)
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	n = mail_count(&f, "P", DEIA_MESSAGE_DELIVERED);
	ck_assert_uint_ge(n, 1);
	ck_assert_uint_le(n, 5); /* what fits into its pipe, and one */
	ck_assert_int_eq(act(&f, "P", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "P", DEIA_BOT_STOPPED);
	run_until_delivered(0);
	ck_assert_uint_eq(mail_count(&f, "P", DEIA_MESSAGE_PENDING), 41);
}
END_TEST

START_TEST(flood_of_sends_is_all_answered)
{
	const char *p;
	struct answer a;
	unsigned n = 0;
	char id[37];

	post("flood 300", id);
	for (int i = 0;
	     i < 400000 && mail_count(&f, "system", DEIA_MESSAGE_PENDING) < 300;
	     i++)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_uint_eq(mail_count(&f, "system", DEIA_MESSAGE_PENDING), 300);
	ck_assert_int_eq(ask_and_wait(&f, "P", NULL, "seen", &a), DEIA_OK);
	for (p = sent_lines(); (p = strstr(p, "\"id\"")); p++)
		n++;
	ck_assert_uint_gt(n, 10); /* as far as the answer is kept here */
	ck_assert_uint_eq(faults(), 0);
}
END_TEST

START_TEST(send_lines_are_answered_with_ids_or_errors)
{
	static const struct {
		const char *line, *answer;
	} cases[] = {
		{ "{\"type\":\"send\",\"ref\":\"r1\",\"to\":[\"A\",\"system\"],"
		  "\"content\":\"x\"}",
		  "\"ids\":[\"" },
		{ "{\"type\":\"send\",\"ref\":\"r2\",\"to\":\"NOBODY\","
		  "\"content\":\"x\"}",
		  "\"ref\":\"r2\",\"error\":{\"code\":\"not_found\"" },
		{ "{\"type\":\"send\",\"ref\":\"r3\",\"to\":\"A\","
		  "\"content\":\"x\",\"priority\":\"P9\"}",
		  "\"ref\":\"r3\",\"error\":{\"code\":\"invalid_field\","
		  "\"message\":\"\\\"priority\\\" must be P0, P1, P2 or P3\"" },
		{ "{\"type\":\"send\",\"to\":7,\"content\":\"x\"}",
		  "\"ref\":null,\"error\"" },
		{ "{\"type\":\"send\",\"ref\":\"r5\",\"to\":\"A\","
		  "\"content\":\"x\",\"ttl_seconds\":0}",
		  "\"ttl_seconds\\\" must be a whole number" },
		{ "{\"type\":\"send\",\"ref\":\"r6\",\"to\":\"A\","
		  "\"content\":\"x\",\"metadata\":[]}",
		  "\"metadata\\\" must be an object" },
	};
	char content[512], id[37];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct got got;

		snprintf(content, sizeof(content), "send %s", cases[i].line);
		post(content, id);
		run_until_status(&f, id, DEIA_MESSAGE_READ, &got);
		for (int k = 0; k < 50; k++)
			if (strstr(sent_lines(), cases[i].answer))
				break;
		ck_assert_msg(strstr(sent_lines(), cases[i].answer) != NULL,
			      "case %zu: %s", i, sent_lines());
	}
	ck_assert_uint_eq(faults(), 0);
}
END_TEST

START_TEST(full_inbox_says_when_to_try_again)
{
	struct deia_mail_opts o = DEIA_MAIL_OPTS_INIT;
	char id[37];

	o.messenger.inbox_max = 3;
	ck_assert_int_eq(deia_mail_configure(f.hive, &o), DEIA_OK);
	post("flood 5", id);
	run_until_status(&f, id, DEIA_MESSAGE_READ, NULL);
	for (int k = 0; k < 50; k++)
		if (strstr(sent_lines(), "retry_after_seconds"))
			break;
	ck_assert_ptr_nonnull(
		strstr(sent_lines(), "\"error\":{\"code\":\"busy\""));
	ck_assert_ptr_nonnull(
		strstr(sent_lines(), "\"retry_after_seconds\":1"));
	ck_assert_uint_eq(mail_count(&f, "system", DEIA_MESSAGE_PENDING), 3);
}
END_TEST

START_TEST(message_that_fits_into_no_line_is_a_dead_letter)
{
	static char odd[1u << 20];
	struct deia_mail_draft d;
	const char *to = "P";
	struct got got;
	char id[37];

	memset(odd, 1, sizeof(odd)); /* six bytes each, escaped */
	d = mail_draft(NULL, &to, "x");
	d.draft.content = odd;
	d.draft.content_len = sizeof(odd);
	ck_assert_int_eq(mail_send_draft(&f, "bot A", &d, 1, NULL, &got),
			 DEIA_OK);
	memcpy(id, got.items[0].id, 37);
	run_until_status(&f, id, DEIA_MESSAGE_FAILED, &got);
	ck_assert_ptr_nonnull(strstr(got.items[0].reason, "2 MiB"));
}
END_TEST

START_TEST(bot_that_does_not_acknowledge_in_time_gets_it_again)
{
	const char *argv[] = { getenv("DEIA_TEST_MAIL_CHILD") };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct got got;
	char id[37];

	spec.id = "Q";
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 1;
	spec.turn_timeout_seconds = 1;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, "Q", DEIA_BOT_READY);
	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "Q", "keep", &got),
			 DEIA_OK);
	memcpy(id, got.items[0].id, 37);
	for (int i = 0; i < 200000; i++) {
		ck_assert_int_eq(mail_get(&f, "admin", id, &got), DEIA_OK);
		if (got.items[0].attempt == 2)
			break;
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	ck_assert_uint_eq(got.items[0].attempt, 2);
	ck_assert_ptr_nonnull(strstr(got.items[0].reason, "not acknowledged"));
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 100);
	tcase_add_test(t, message_is_pushed_and_acknowledged);
	tcase_add_test(t, messages_keep_their_order);
	tcase_add_test(t, window_is_bounded_until_something_is_acknowledged);
	tcase_add_test(t, nack_brings_it_back_flagged);
	tcase_add_test(t,
		       stray_acknowledgement_is_a_fault_and_a_late_one_is_not);
	tcase_add_test(t, bot_answers_a_message);
	tcase_add_test(t, message_in_hand_at_a_death_is_tried_again_later);
	tcase_add_test(t,
		       poison_ends_as_a_dead_letter_and_the_others_get_through);
	tcase_add_test(t, stopped_bot_keeps_its_mail_at_no_cost);
	tcase_add_test(t, paused_bot_gets_no_new_mail_but_may_finish);
	tcase_add_test(t, restart_of_the_hive_delivers_again_flagged);
	tcase_add_test(t, deaf_bot_costs_no_more_than_a_little);
	tcase_add_test(t, flood_of_sends_is_all_answered);
	tcase_add_test(t, send_lines_are_answered_with_ids_or_errors);
	tcase_add_test(t, full_inbox_says_when_to_try_again);
	tcase_add_test(t, message_that_fits_into_no_line_is_a_dead_letter);
	tcase_add_test(t, bot_that_does_not_acknowledge_in_time_gets_it_again);
}

int main(void)
{
	Suite *s = suite_create("hive-push");
	TCase *t = tcase_create("push");
	SRunner *r;
	int failed;

	add_tests(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
