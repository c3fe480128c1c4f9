/* SPDX-License-Identifier: MIT */
/* test_reply.c - bots that answer their mail by themselves. */
#include "talks.h"

#include <stdio.h>
#include <string.h>

#include "scripts.h"

static struct fixture f;

static void setup(void)
{
	fixture_open(&f);
}

static void setup_file(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

static void configure(unsigned max_hops, unsigned answers_per_minute)
{
	struct deia_mail_opts o = DEIA_MAIL_OPTS_INIT;

	o.max_hops = max_hops;
	o.answers_per_minute = answers_per_minute;
	ck_assert_int_eq(deia_mail_configure(f.hive, &o), DEIA_OK);
}

START_TEST(question_is_answered_and_read)
{
	struct mails m;
	struct mail q;
	char id[37];

	create_echo(&f, "A", "reply");
	send_mail(&f, "system", "A", "hello", id);
	wait_inbox(&f, "system", -1, 1, &m);
	ck_assert_str_eq(m.items[0].from, "A");
	ck_assert_str_eq(m.items[0].content, "hello");
	ck_assert_str_eq(m.items[0].reply_to, id);
	ck_assert_uint_eq(m.items[0].hops, 1);
	ck_assert_uint_eq(m.items[0].priority, 1);
	get_mail(&f, id, &q);
	ck_assert_int_eq(q.status, DEIA_MESSAGE_READ);
	ck_assert_uint_eq(q.attempt, 1);
}
END_TEST

struct titles {
	bool done;
	size_t n;
	char ids[8][37], titles[8][64];
};

static void on_titles(deia_err err, const struct deia_conversation *items,
		      size_t n, bool more, void *user)
{
	struct titles *out = user;

	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	out->done = true;
	for (; out->n < n && out->n < 8; out->n++) {
		snprintf(out->ids[out->n], 37, "%s", items[out->n].id);
		snprintf(out->titles[out->n], 64, "%s", items[out->n].title);
	}
}

static void list_conversations(const char *bot, struct titles *out)
{
	memset(out, 0, sizeof(*out));
	ck_assert_int_eq(deia_chat_list(f.hive, bot, NULL, 100, on_titles, out),
			 DEIA_OK);
	run_until(&f, &out->done);
}

START_TEST(each_who_writes_has_one_conversation)
{
	struct titles t;
	struct mails m;
	struct lines l;
	char id[37];

	create_echo(&f, "A", "reply");
	create_echo(&f, "B", NULL);
	for (int i = 0; i < 3; i++)
		send_mail(&f, "system", "A", "from people", id);
	send_mail(&f, "B", "A", "from a bot", id);
	wait_inbox(&f, "system", -1, 3, &m);
	wait_inbox(&f, "B", -1, 1, &m);
	fixture_reopen(&f, true);
	run_until_state(&f, "A", DEIA_BOT_READY);
	send_mail(&f, "B", "A", "once more", id);
	wait_mail(&f, id, DEIA_MESSAGE_READ, &m.items[0]);
	list_conversations("A", &t);
	ck_assert_uint_eq(t.n, 3); /* and its first one */
	for (size_t i = 0; i < t.n; i++) {
		if (!t.titles[i][0])
			continue;
		ck_assert_int_eq(read_lines(&f, "A", t.ids[i], NULL, 60, &l),
				 DEIA_OK);
		if (strcmp(t.titles[i], "mail with B") == 0) {
			ck_assert_uint_eq(l.n, 4);
			ck_assert_str_eq(l.items[3].author, "B");
		} else {
			ck_assert_str_eq(t.titles[i], "mail with system");
			ck_assert_uint_eq(l.n, 6);
		}
	}
}
END_TEST

static void on_cleared(deia_err err, void *user)
{
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

START_TEST(deleted_conversation_is_made_anew)
{
	struct titles t;
	struct mails m;
	char id[37];
	bool cleared = false;

	create_echo(&f, "A", "reply");
	send_mail(&f, "system", "A", "one", id);
	wait_inbox(&f, "system", -1, 1, &m);
	list_conversations("A", &t);
	ck_assert_uint_eq(t.n, 2);
	ck_assert_str_eq(t.titles[0], "mail with system");
	ck_assert_int_eq(deia_chat_clear(f.hive, deia_actor_local(), "A",
					 t.ids[0], on_cleared, &cleared),
			 DEIA_OK);
	run_until(&f, &cleared);
	send_mail(&f, "system", "A", "two", id);
	wait_inbox(&f, "system", -1, 2, &m);
	list_conversations("A", &t);
	ck_assert_uint_eq(t.n, 2);
}
END_TEST

START_TEST(mail_of_a_bot_that_holds_waits)
{
	struct mail q;
	struct mails m;
	char one[37], two[37];

	create_echo(&f, "HOLDS", NULL);
	create_echo(&f, "A", "reply");
	send_mail(&f, "system", "HOLDS", "x", one);
	send_mail(&f, "system", "A", "x", two);
	wait_inbox(&f, "system", -1, 1, &m);
	get_mail(&f, one, &q);
	ck_assert_int_eq(q.status, DEIA_MESSAGE_PENDING);
	ck_assert_uint_eq(q.attempt, 0);
}
END_TEST

START_TEST(mail_waits_for_a_stopped_bot)
{
	struct mails m;
	struct mail q;
	char id[37];

	create_echo(&f, "A", "reply");
	ck_assert_int_eq(act(&f, "A", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "A", DEIA_BOT_STOPPED);
	send_mail(&f, "system", "A", "later", id);
	get_mail(&f, id, &q);
	ck_assert_int_eq(q.status, DEIA_MESSAGE_PENDING);
	ck_assert_int_eq(act(&f, "A", DEIA_BOT_START), DEIA_OK);
	wait_inbox(&f, "system", -1, 1, &m);
	ck_assert_str_eq(m.items[0].content, "later");
	get_mail(&f, id, &q);
	ck_assert_uint_eq(q.attempt, 1);
}
END_TEST

START_TEST(wished_stop_in_a_turn_costs_no_attempt)
{
	struct mail q;
	char id[37];

	create_script(&f, "SLOW", "reply", never_answers);
	send_mail(&f, "system", "SLOW", "x", id);
	run_until_state(&f, "SLOW", DEIA_BOT_BUSY);
	get_mail(&f, id, &q);
	ck_assert_int_eq(q.status, DEIA_MESSAGE_DELIVERED);
	for (int i = 0; i < 4; i++) { /* more than it has attempts */
		ck_assert_int_eq(act(&f, "SLOW", DEIA_BOT_STOP), DEIA_OK);
		run_until_state(&f, "SLOW", DEIA_BOT_STOPPED);
		wait_mail(&f, id, DEIA_MESSAGE_PENDING, &q);
		ck_assert_int_eq(act(&f, "SLOW", DEIA_BOT_START), DEIA_OK);
		run_until_state(&f, "SLOW", DEIA_BOT_BUSY);
	}
	wait_mail(&f, id, DEIA_MESSAGE_DELIVERED, &q);
	ck_assert_uint_eq(q.attempt, 5);
}
END_TEST

START_TEST(interrupted_turn_gives_the_message_up)
{
	struct mail q;
	char id[37];

	create_script(&f, "SLOW", "reply", never_answers);
	send_mail(&f, "system", "SLOW", "x", id);
	run_until_state(&f, "SLOW", DEIA_BOT_BUSY);
	ck_assert_int_eq(act(&f, "SLOW", DEIA_BOT_INTERRUPT), DEIA_OK);
	wait_mail(&f, id, DEIA_MESSAGE_FAILED, &q);
	ck_assert_str_eq(q.reason, "its turn was interrupted");
}
END_TEST

START_TEST(refused_question_is_a_dead_letter_at_once)
{
	struct mail q;
	char id[37];

	create_script(&f, "BAD", "reply", says_error);
	send_mail(&f, "system", "BAD", "x", id);
	wait_mail(&f, id, DEIA_MESSAGE_FAILED, &q);
	ck_assert_str_eq(q.reason, "no (no)");
	ck_assert_uint_eq(q.attempt, 1);
}
END_TEST

START_TEST(failed_turn_is_tried_again_later)
{
	struct mail q;
	char id[37];

	create_script(&f, "BUSY", "reply", says_busy);
	send_mail(&f, "system", "BUSY", "x", id);
	wait_mail(&f, id, DEIA_MESSAGE_FAILED, &q);
	ck_assert_uint_eq(q.attempt, 3);
	ck_assert_ptr_nonnull(strstr(q.reason, "not now"));
}
END_TEST

START_TEST(death_in_a_turn_is_a_failed_attempt)
{
	struct mail q;
	char id[37];

	create_script(&f, "DIES", "reply", dies_at_work);
	send_mail(&f, "system", "DIES", "x", id);
	wait_mail(&f, id, DEIA_MESSAGE_FAILED, &q);
	ck_assert_uint_eq(q.attempt, 3);
}
END_TEST

START_TEST(people_go_first_and_the_queue_is_theirs)
{
	struct answer a[DEIA_MAX_QUEUE_LEN];
	struct deia_hive_bot b;
	char id[37];

	create_script(&f, "SLOW", "reply", never_answers);
	for (int i = 0; i < 40; i++)
		send_mail(&f, "system", "SLOW", "x", id);
	run_until_state(&f, "SLOW", DEIA_BOT_BUSY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "SLOW", &b), DEIA_OK);
	ck_assert_uint_eq(b.info->running + b.info->queued, 1);
	for (int i = 0; i < DEIA_MAX_QUEUE_LEN; i++)
		ck_assert_int_eq(ask(&f, "SLOW", NULL, "hello", &a[i], NULL),
				 DEIA_OK);
	/* The place that it leaves is a person's. */
	ck_assert_int_eq(act(&f, "SLOW", DEIA_BOT_INTERRUPT), DEIA_OK);
	while (!a[0].chunks)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "SLOW", &b), DEIA_OK);
	ck_assert_uint_eq(b.info->running, 1);
	ck_assert_int_eq(act(&f, "SLOW", DEIA_BOT_STOP), DEIA_OK);
	run_until(&f, &a[DEIA_MAX_QUEUE_LEN - 1].done);
}
END_TEST

START_TEST(two_that_answer_each_other_stop_after_max_hops)
{
	struct mails m, n;
	char id[37];

	configure(6, 1000);
	create_echo(&f, "A", "reply");
	create_echo(&f, "B", "reply");
	send_mail(&f, "A", "B", "ping", id);
	/* B, A, B, A, B, A have answered: B does not answer that. */
	wait_inbox(&f, "B", DEIA_MESSAGE_FAILED, 1, &m);
	ck_assert_uint_eq(m.items[0].hops, 6);
	ck_assert_ptr_nonnull(strstr(m.items[0].reason, "loop guard"));
	ck_assert_ptr_nonnull(strstr(m.items[0].reason, "messages.max_hops"));
	read_inbox(&f, "B", DEIA_MESSAGE_READ, &n);
	read_inbox(&f, "A", DEIA_MESSAGE_READ, &m);
	ck_assert_uint_eq(m.n + n.n, 6);
	ck_assert_ptr_nonnull(strstr(f.last_log, "loop guard"));
	/* By hand it is answered once more. */
	read_inbox(&f, "B", DEIA_MESSAGE_FAILED, &n);
	requeue_mail(&f, n.items[0].id);
	wait_mail(&f, n.items[0].id, DEIA_MESSAGE_READ, &n.items[0]);
	wait_inbox(&f, "A", DEIA_MESSAGE_FAILED, 1, &m);
	ck_assert_uint_eq(m.items[0].hops, 7);
}
END_TEST

static unsigned held_events;

static void on_event(const struct deia_event *ev, void *user)
{
	(void)user;
	held_events += ev && strcmp(ev->type, "message.held") == 0;
}

START_TEST(answers_above_the_rate_are_held_back)
{
	deia_subscription *sub;
	struct mails m;
	struct mail q;
	char id[37];

	configure(1000, 5);
	held_events = 0;
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_event, NULL, &sub),
			 DEIA_OK);
	create_echo(&f, "A", "reply");
	create_echo(&f, "B", "reply");
	send_mail(&f, "A", "B", "ping", id);
	do {
		wait_inbox(&f, "A", -1, 1, &m);
		q = m.items[0];
	} while (!q.retry_unix_ms);
	ck_assert_uint_eq(q.hops, 5);
	ck_assert_int_eq(q.status, DEIA_MESSAGE_PENDING);
	ck_assert_ptr_nonnull(strstr(q.reason, "answers_per_minute"));
	while (!held_events)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_uint_eq(held_events, 1);
	/* Others are not held back. */
	send_mail(&f, "system", "A", "hello", id);
	wait_mail(&f, id, DEIA_MESSAGE_READ, &q);
	deia_unsubscribe(sub);
}
END_TEST

START_TEST(changed_mind_counts_at_once)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct mail q;
	char id[37];

	create_echo(&f, "A", NULL);
	send_mail(&f, "system", "A", "x", id);
	spec.id = "A";
	spec.adapter = "echo";
	spec.on_message = "reply";
	ck_assert_int_eq(deia_hive_bot_update(f.hive, deia_actor_local(), &spec,
					      NULL, NULL),
			 DEIA_OK);
	wait_mail(&f, id, DEIA_MESSAGE_READ, &q);
}
END_TEST

START_TEST(nothing_is_lost_or_answered_twice_over_restarts)
{
	struct mails m;
	char ids[30][37];
	unsigned answers;
	struct mail q;

	configure(32, 1000);
	create_echo(&f, "A", "reply");
	for (int i = 0; i < 30; i++)
		send_mail(&f, "system", "A", "x", ids[i]);
	for (size_t n = 5; n < 30; n += 6) {
		wait_inbox(&f, "system", -1, n, &m);
		fixture_reopen(&f, n % 4 == 1);
		configure(32, 1000);
	}
	wait_inbox(&f, "system", -1, 30, &m);
	for (int i = 0; i < 30; i++) {
		answers = 0;
		for (size_t k = 0; k < m.n; k++)
			answers += strcmp(m.items[k].reply_to, ids[i]) == 0;
		ck_assert_uint_eq(answers, 1);
		get_mail(&f, ids[i], &q);
		ck_assert_int_eq(q.status, DEIA_MESSAGE_READ);
	}
	ck_assert_uint_eq(m.n, 30);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-reply");
	TCase *tc = tcase_create("memory"), *file = tcase_create("file");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, question_is_answered_and_read);
	tcase_add_test(tc, deleted_conversation_is_made_anew);
	tcase_add_test(tc, mail_of_a_bot_that_holds_waits);
	tcase_add_test(tc, mail_waits_for_a_stopped_bot);
	tcase_add_test(tc, wished_stop_in_a_turn_costs_no_attempt);
	tcase_add_test(tc, interrupted_turn_gives_the_message_up);
	tcase_add_test(tc, refused_question_is_a_dead_letter_at_once);
	tcase_add_test(tc, failed_turn_is_tried_again_later);
	tcase_add_test(tc, death_in_a_turn_is_a_failed_attempt);
	tcase_add_test(tc, people_go_first_and_the_queue_is_theirs);
	tcase_add_test(tc, two_that_answer_each_other_stop_after_max_hops);
	tcase_add_test(tc, answers_above_the_rate_are_held_back);
	tcase_add_test(tc, changed_mind_counts_at_once);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(file, setup_file, teardown);
	tcase_set_timeout(file, 100);
	tcase_add_test(file, question_is_answered_and_read);
	tcase_add_test(file, each_who_writes_has_one_conversation);
	tcase_add_test(file, nothing_is_lost_or_answered_twice_over_restarts);
	suite_add_tcase(s, file);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
