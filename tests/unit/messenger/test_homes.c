/* SPDX-License-Identifier: MIT */
/*
 * test_homes.c - several messengers on one PostgreSQL: each inbox is served by
 * one of them at a time, and whatever one does holds for all.
 */
#include "homes_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../store/cluster.h"
#include "messenger/homes/homes.h"
#include "store/schema.h"

/* ---- one inbox, two messengers ------------------------------------------- */

START_TEST(sent_at_one_is_received_at_the_other)
{
	struct answer got;
	char id[37];

	receive(1, "bob", 60000, false, &got);
	UNTIL(is_here(1, "bob"));
	send_at(0, "alice", "bob", "hello", id);
	UNTIL(got.calls);
	ck_assert_int_eq(got.err, DEIA_OK);
	ck_assert_str_eq(got.id, id);
	ck_assert_str_eq(got.content, "hello");
	ck_assert_uint_eq(counts(1, "bob").delivered, 1);
	ck_assert_uint_eq(counts(1, "bob").pending, 0);
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	ck_assert_uint_eq(counts(1, "bob").delivered, 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase = 1"),
			 1);
	ck_assert(!is_here(0, "bob"));
}
END_TEST

START_TEST(many_sent_at_both_come_in_the_order_of_their_ids)
{
	char last[37] = "";
	struct answer got;

	receive(1, "bob", 60000, false, &got);
	UNTIL(is_here(1, "bob"));
	deia_messenger_receive_cancel(nodes[1].m, got.receiver);
	for (int i = 0; i < 700; i++) {
		moment.boot_ms++;
		moment.wall_ms++;
		send_at(i % 3 == 0, "alice", "bob", "x", NULL);
	}
	UNTIL(counts(1, "bob").pending == 700);
	for (int i = 0; i < 700; i++) {
		got = received(1, "bob");
		ck_assert_uint_eq(got.n, 1);
		ck_assert_msg(strcmp(last, got.id) < 0, "%s after %s", got.id,
			      last);
		strcpy(last, got.id);
		ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	}
	ck_assert_uint_eq(waiting_at(1, "bob"), 0);
	ck_assert_uint_eq(counts(1, "bob").pending, 0);
}
END_TEST

START_TEST(totals_are_those_of_all_nodes)
{
	struct deia_messenger_status a, b;
	struct answer got;

	send_at(0, "alice", "bob", "x", NULL);
	send_at(0, "alice", "bob", "y", NULL);
	got = received(1, "bob");
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	do {
		pass(2000);
		deia_messenger_get_status(nodes[0].m, &a);
		deia_messenger_get_status(nodes[1].m, &b);
	} while (a.by_status[DEIA_MESSAGE_READ] != 1 ||
		 b.by_status[DEIA_MESSAGE_READ] != 1);
	ck_assert_uint_eq(a.by_status[DEIA_MESSAGE_PENDING], 1);
	ck_assert_uint_eq(b.by_status[DEIA_MESSAGE_PENDING], 1);
	ck_assert_uint_eq(a.accepted, 2);
}
END_TEST

START_TEST(older_one_that_is_told_late_is_not_lost)
{
	struct answer got;

	receive(1, "bob", 60000, false, &got);
	UNTIL(is_here(1, "bob"));
	send_at(1, "alice", "bob", "young", NULL);
	UNTIL(got.calls);
	/* The clock of the other one goes behind. */
	moment.boot_ms -= 5000;
	moment.wall_ms -= 5000;
	nodes[0].m->last_id = 0;
	send_at(0, "alice", "bob", "old", NULL);
	moment.boot_ms += 5000;
	moment.wall_ms += 5000;
	UNTIL(counts(1, "bob").pending == 1);
	got = received(1, "bob");
	ck_assert_str_eq(got.content, "old");
}
END_TEST

START_TEST(receiver_at_another_one_lets_the_inbox_move)
{
	struct answer got;

	send_at(0, "alice", "bob", "one", NULL);
	got = received(0, "bob");
	ck_assert_str_eq(got.content, "one");
	ck_assert(is_here(0, "bob"));
	send_at(0, "alice", "bob", "two", NULL);
	got = received(1, "bob");
	ck_assert_str_eq(got.content, "two");
	ck_assert(is_here(1, "bob") && !is_here(0, "bob"));
	/* What the first handed over is known to the second. */
	ck_assert_uint_eq(counts(1, "bob").delivered, 2);
	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
	ck_assert_uint_eq(counts(0, "bob").delivered, 2);
}
END_TEST

START_TEST(receivers_at_both_are_served_where_one_waits)
{
	struct answer a, b;

	receive(0, "bob", 600000, false, &a);
	UNTIL(is_here(0, "bob"));
	receive(1, "bob", 600000, false, &b);
	UNTIL(nodes[0].m->inboxes &&
	      deia__inbox_find(nodes[0].m, "bob")->home->asked_by ==
		      nodes[1].writer);
	ck_assert(is_here(0, "bob"));
	send_at(1, "alice", "bob", "one", NULL);
	UNTIL(a.calls);
	/* Nobody waits there any more. */
	UNTIL(is_here(1, "bob"));
	send_at(0, "alice", "bob", "two", NULL);
	UNTIL(b.calls);
	ck_assert_str_eq(a.content, "one");
	ck_assert_str_eq(b.content, "two");
	/* Each is acknowledged where it was received. */
	ck_assert_int_eq(read_at(0, "bob", &a), DEIA_OK);
	ck_assert_int_eq(read_at(1, "bob", &b), DEIA_OK);
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase = 1"),
			 2);
}
END_TEST

static struct answer call_one(deia_err err, struct answer *a)
{
	ck_assert_int_eq(err, DEIA_OK);
	UNTIL(a->calls);
	return *a;
}

START_TEST(calls_reach_a_message_wherever_it_was_handed_over)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct deia_message_draft d = draft("bob", "alice", "an answer");
	struct answer got, a;
	deia_messenger *m;

	for (int i = 0; i < 5; i++)
		send_at(1, "alice", "bob", "x", NULL);
	for (int i = 0; i < 5; i++) {
		got = received(i & 1, "bob");
		ck_assert_uint_eq(got.n, 1);
		claim.id = got.id;
		claim.token = got.token;
		m = nodes[!(i & 1)].m;
		memset(&a, 0, sizeof(a));
		switch (i) {
		case 0:
			a = call_one(deia_messenger_release(m, &claim, 3600000,
							    true, "not now",
							    on_messages, &a),
				     &a);
			break;
		case 1:
			a = call_one(deia_messenger_give_up(m, &claim, "no",
							    on_messages, &a),
				     &a);
			memset(&a, 0, sizeof(a));
			a = call_one(deia_messenger_requeue(nodes[1].m, got.id,
							    on_messages, &a),
				     &a);
			break;
		case 2:
			a = call_one(deia_messenger_extend(m, &claim, 90000,
							   on_messages, &a),
				     &a);
			break;
		case 3:
			a = call_one(deia_messenger_answer(m, &claim, &d,
							   on_messages, &a),
				     &a);
			break;
		default:
			a.err = read_at(!(i & 1), "bob", &got);
		}
		ck_assert_msg(a.err == DEIA_OK, "%d: %s", i,
			      deia_err_name(a.err));
	}
	got = received(0, "alice");
	ck_assert_str_eq(got.content, "an answer");
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase = 1"),
			 2);
	/* One waits an hour, one is extended, one was requeued. */
	got = received(0, "bob");
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(got.attempt, 1);
	ck_assert_uint_eq(waiting_at(1, "bob"), 0);
	ck_assert_uint_eq(counts(1, "bob").waiting, 1);
	ck_assert_uint_eq(counts(1, "bob").delivered, 2);
}
END_TEST

START_TEST(call_under_a_lease_of_before_is_refused)
{
	struct answer first, second;

	send_at(0, "alice", "bob", "x", NULL);
	first = received(0, "bob");
	pass(61000);
	receive(1, "bob", 600000, false, &second);
	for (int i = 0; i < 100 && !second.calls; i++)
		pass(1000);
	UNTIL(second.calls);
	ck_assert(second.redelivered);
	ck_assert_str_eq(first.id, second.id);
	ck_assert_int_eq(read_at(0, "bob", &first), DEIA_ECONFLICT);
	ck_assert_int_eq(read_at(0, "bob", &second), DEIA_OK);
	ck_assert_int_eq(read_at(1, "bob", &second), DEIA_OK); /* a repeat */
}
END_TEST

START_TEST(held_lease_keeps_the_inbox_where_its_holder_is)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct answer held, other, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	send_at(0, "alice", "bob", "y", NULL);
	receive(1, "bob", 0, true, &held);
	UNTIL(held.calls);
	receive(0, "bob", 0, false, &other);
	claim.id = held.id;
	claim.token = held.token;
	ck_assert_int_eq(deia_messenger_read(nodes[0].m, &claim, 1, NULL,
					     on_settled, &a),
			 DEIA_OK);
	for (int i = 0; i < 100 && !(a.calls && other.calls); i++)
		pass(500);
	ck_assert_int_eq(a.err, DEIA_EUNAVAILABLE);
	ck_assert_int_eq(other.err, DEIA_EUNAVAILABLE);
	ck_assert(is_here(1, "bob"));
	ck_assert_int_eq(read_at(1, "bob", &held), DEIA_OK);
	ck_assert_str_eq(received(0, "bob").content, "y");
}
END_TEST

START_TEST(message_expires_once_wherever_it_was_sent)
{
	struct deia_message_draft d = draft("alice", "bob", "short");
	struct answer a = { 0 }, got;

	receive(1, "bob", 1000000, false, &got);
	UNTIL(is_here(1, "bob"));
	deia_messenger_receive_cancel(nodes[1].m, got.receiver);
	d.ttl_seconds = 30;
	d.notify = true;
	ck_assert_int_eq(deia_messenger_send(nodes[0].m, &d, 1, NULL, NULL,
					     on_messages, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	pass(31000);
	UNTIL(ask("SELECT count(*) FROM messages WHERE phase = 3") == 1);
	got = received(0, "alice");
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(waiting_at(1, "alice"), 0);
}
END_TEST

START_TEST(pages_show_what_was_handed_over_elsewhere)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	struct answer got, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	send_at(0, "alice", "bob", "y", NULL);
	got = received(1, "bob");
	q.inbox = "bob";
	q.status = DEIA_MESSAGE_DELIVERED;
	ck_assert_int_eq(deia_messenger_page(nodes[0].m, &q, on_messages, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_str_eq(a.id, got.id);
	ck_assert_str_eq(a.token, got.token);
	ck_assert_uint_eq(a.attempt, 1);
	memset(&a, 0, sizeof(a));
	ck_assert_int_eq(
		deia_messenger_get(nodes[0].m, got.id, on_messages, &a),
		DEIA_OK);
	UNTIL(a.calls);
	ck_assert_str_eq(a.token, got.token);
	ck_assert(!is_here(0, "bob"));
}
END_TEST

/* ---- nodes that end ------------------------------------------------------ */

START_TEST(leases_of_a_lost_node_return)
{
	struct answer held, timed, got;

	for (int i = 0; i < 3; i++)
		send_at(0, "alice", "bob", "x", NULL);
	timed = received(1, "bob");
	receive(1, "bob", 0, true, &held);
	UNTIL(held.calls);
	ck_assert_uint_eq(held.n, 1);
	lose_node(1);
	/* Without anybody asking for it. */
	UNTIL(is_here(0, "bob"));
	ck_assert_uint_eq(counts(0, "bob").pending, 2);
	ck_assert_uint_eq(counts(0, "bob").delivered, 1);
	got = received(0, "bob");
	ck_assert_str_eq(got.id, held.id);
	ck_assert(got.redelivered);
	/* Its own lease runs on, and can be settled here. */
	ck_assert_int_eq(read_at(0, "bob", &timed), DEIA_OK);
	ck_assert_uint_eq(received(0, "bob").n, 1);
	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
}
END_TEST

START_TEST(lease_of_a_lost_node_runs_out)
{
	struct answer timed, got;

	send_at(0, "alice", "bob", "x", NULL);
	timed = received(1, "bob");
	lose_node(1);
	UNTIL(is_here(0, "bob"));
	receive(0, "bob", 600000, false, &got);
	for (int i = 0; i < 200 && !got.calls; i++)
		pass(1000);
	ck_assert_uint_eq(got.calls, 1);
	ck_assert_str_eq(got.id, timed.id);
	ck_assert_uint_eq(got.attempt, 2);
}
END_TEST

START_TEST(node_that_starts_again_finds_its_mail)
{
	struct answer got;

	send_at(1, "alice", "bob", "x", NULL);
	got = received(1, "bob");
	close_node(1);
	open_node(1);
	tell_nodes();
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	ck_assert_uint_eq(counts(1, "bob").delivered, 0);
	ck_assert_uint_eq(waiting_at(1, "bob"), 0);
}
END_TEST

START_TEST(missed_notices_are_made_up_for)
{
	struct deia__home *h;
	struct answer got;

	receive(1, "bob", 600000, false, &got);
	UNTIL(is_here(1, "bob"));
	h = deia__inbox_find(nodes[1].m, "bob")->home;
	deia_store_unwatch(nodes[1].store, deia__homes_notice, nodes[1].m);
	send_at(0, "alice", "bob", "x", NULL);
	send_at(1, "alice", "carol", "y", NULL);
	ck_assert_uint_eq(got.calls, 0);
	ck_assert_int_eq(deia_store_watch(nodes[1].store, deia__homes_notice,
					  nodes[1].m),
			 DEIA_OK);
	UNTIL(got.calls);
	ck_assert_uint_eq(got.n, 1);
	for (int i = 0; i < 200 && h->recount; i++)
		pass(100);
	UNTIL(!h->recount);
	ck_assert_uint_eq(counts(1, "bob").delivered, 1);
	ck_assert_uint_eq(counts(1, "bob").pending, 0);
}
END_TEST

int main(void)
{
	TCase *one = tcase_create("homes");
	TCase *end = tcase_create("ends");
	Suite *s = suite_create("homes");
	const char *why = cluster_missing();
	SRunner *runner;
	int failed;

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	tcase_add_checked_fixture(one, setup, teardown);
	tcase_set_timeout(one, 120);
	tcase_add_test(one, sent_at_one_is_received_at_the_other);
	tcase_add_test(one, many_sent_at_both_come_in_the_order_of_their_ids);
	tcase_add_test(one, totals_are_those_of_all_nodes);
	tcase_add_test(one, older_one_that_is_told_late_is_not_lost);
	tcase_add_test(one, receiver_at_another_one_lets_the_inbox_move);
	tcase_add_test(one, receivers_at_both_are_served_where_one_waits);
	tcase_add_test(one, calls_reach_a_message_wherever_it_was_handed_over);
	tcase_add_test(one, call_under_a_lease_of_before_is_refused);
	tcase_add_test(one, held_lease_keeps_the_inbox_where_its_holder_is);
	tcase_add_test(one, message_expires_once_wherever_it_was_sent);
	tcase_add_test(one, pages_show_what_was_handed_over_elsewhere);
	suite_add_tcase(s, one);
	tcase_add_checked_fixture(end, setup, teardown);
	tcase_set_timeout(end, 120);
	tcase_add_test(end, leases_of_a_lost_node_return);
	tcase_add_test(end, lease_of_a_lost_node_runs_out);
	tcase_add_test(end, node_that_starts_again_finds_its_mail);
	tcase_add_test(end, missed_notices_are_made_up_for);
	suite_add_tcase(s, end);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
