/* SPDX-License-Identifier: MIT */
/*
 * test_homes_races.c - what happens between two steps of an inbox that moves.
 */
#include "homes_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../store/cluster.h"
#include "messenger/homes/homes.h"
#include "store/schema.h"

/* ---- what happens between two steps --------------------------------------- */

START_TEST(lane_that_is_being_read_finds_what_is_told_meanwhile)
{
	struct deia__lane lane = { .loading = true };
	unsigned char early[16] = { 2 }, late[16] = { 3 };

	deia__lane_came(&lane, early);
	/* The page was read before the early one was committed. */
	memcpy(lane.upto, late, sizeof(late));
	lane.loading = false;
	deia__lane_loaded(&lane);
	ck_assert(memcmp(lane.upto, early, sizeof(early)) < 0);
	ck_assert(!lane.complete);
}
END_TEST

START_TEST(message_that_was_sent_away_is_found_when_its_inbox_came_meanwhile)
{
	struct deia_message_draft d = draft("alice", "bob", "x");
	struct answer a = { 0 };
	struct deia__inbox *bob;
	struct deia__home *h;

	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
	bob = deia__inbox_find(nodes[0].m, "bob");
	h = bob->home;
	ck_assert_uint_eq(h->state, HOME_HERE);
	h->state = HOME_AWAY;
	ck_assert_int_eq(deia_messenger_send(nodes[0].m, &d, 1, NULL, NULL,
					     on_messages, &a),
			 DEIA_OK);
	/* It was counted, and a page passed it, before its sender was told. */
	h->state = HOME_HERE;
	deia_snapshot_free(h->seen);
	h->seen = deia_snapshot_copy(NULL);
	bob->pending[d.priority]++;
	nodes[0].m->status.by_status[DEIA_MESSAGE_PENDING]++;
	memset(bob->lanes[d.priority].upto, 0xff, DEIA__MSG_ID_BYTES);
	UNTIL(a.calls);
	ck_assert_uint_eq(received(0, "bob").n, 1);
}
END_TEST

START_TEST(inbox_that_is_elsewhere_is_full_only_when_it_is)
{
	struct deia_messenger_opts opts = DEIA_MESSENGER_OPTS_INIT;
	struct answer got;

	opts.inbox_max = 10;
	ck_assert_int_eq(deia_messenger_configure(nodes[0].m, &opts), DEIA_OK);
	ck_assert_uint_eq(waiting_at(1, "bob"), 0);
	for (int i = 0; i < 40; i++) {
		pass(100);
		send_at(0, "alice", "bob", "x", NULL);
		UNTIL(counts(1, "bob").pending == 1);
		got = received(1, "bob");
		ck_assert_uint_eq(got.n, 1);
		ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	}
}
END_TEST

START_TEST(call_on_mail_of_a_closed_inbox_is_answered)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct answer got, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	got = received(0, "bob");
	claim.id = got.id;
	claim.token = got.token;
	ck_assert_int_eq(deia_messenger_give_up(nodes[0].m, &claim, "no",
						on_messages, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	deia_messenger_close_inbox(nodes[0].m, "bob");
	deia_messenger_close_inbox(nodes[1].m, "bob");
	for (int i = 0; i < 2; i++) {
		memset(&a, 0, sizeof(a));
		ck_assert_int_eq(deia_messenger_requeue(nodes[i].m, got.id,
							on_messages, &a),
				 DEIA_OK);
		UNTIL(a.calls);
		ck_assert_int_eq(a.err, i == 0 ? DEIA_OK : DEIA_ESTATE);
		UNTIL(at_rest(nodes[i].m));
	}
}
END_TEST

START_TEST(call_that_waits_is_answered_when_its_messenger_stops)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct answer got, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	got = received(0, "bob");
	claim.id = got.id;
	claim.token = got.token;
	ck_assert_int_eq(deia_messenger_release(nodes[1].m, &claim, 0, true,
						NULL, on_messages, &a),
			 DEIA_OK);
	deia_messenger_stop(nodes[1].m);
	UNTIL(a.calls);
	ck_assert_int_eq(a.err, DEIA_ESTATE);
	UNTIL(deia_messenger_idle(nodes[1].m));
	ck_assert_int_eq(deia_messenger_release(nodes[1].m, &claim, 0, true,
						NULL, on_messages, &a),
			 DEIA_ESTATE);
}
END_TEST

static struct chained {
	struct answer first, second;
	struct answer got;
} chained;

static void on_first(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct deia_message_claim claim = { chained.got.id, "carol",
					    chained.got.token };

	on_messages(err, items, n, more, user);
	ck_assert_int_eq(deia_messenger_release(nodes[1].m, &claim, 0, true,
						NULL, on_messages,
						&chained.second),
			 DEIA_OK);
}

START_TEST(call_that_a_refused_call_makes_waits_as_well)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct answer got;

	memset(&chained, 0, sizeof(chained));
	send_at(0, "alice", "bob", "x", NULL);
	send_at(0, "alice", "carol", "x", NULL);
	got = received(0, "bob");
	chained.got = received(0, "carol");
	claim.id = got.id;
	claim.token = "0123456789abcdef";
	ck_assert_int_eq(deia_messenger_release(nodes[1].m, &claim, 0, true,
						NULL, on_first, &chained.first),
			 DEIA_OK);
	UNTIL(chained.second.calls);
	ck_assert_int_eq(chained.first.err, DEIA_ECONFLICT);
	ck_assert_int_eq(chained.second.err, DEIA_OK);
}
END_TEST

START_TEST(message_is_handed_over_before_it_is_told)
{
	static const unsigned char first[DEIA__MSG_ID_BYTES] = { [15] = 1 };
	struct deia_messenger_status all;
	struct deia__inbox *bob;
	struct answer got;

	send_at(1, "alice", "carol", "y", NULL);
	ck_assert_uint_eq(waiting_at(1, "bob"), 0);
	ck_assert_uint_eq(received(1, "carol").n, 1);
	bob = deia__inbox_find(nodes[1].m, "bob");
	deia_store_unwatch(nodes[1].store, deia__homes_notice, nodes[1].m);
	send_at(0, "alice", "bob", "x", NULL);
	deia_messenger_get_status(nodes[1].m, &all);
	ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_PENDING], 0);
	deia__lane_came(&bob->lanes[2], first);
	got = received(1, "bob");
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(counts(1, "bob").pending, 0);
	ck_assert_uint_eq(counts(1, "bob").delivered, 1);
	deia_messenger_get_status(nodes[1].m, &all);
	ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_PENDING], 0);
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	/* It is not full. */
	send_at(1, "alice", "bob", "z", NULL);
	got = received(1, "bob");
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	/* The totals of the others are right when it goes. */
	send_at(1, "alice", "carol", "w", NULL);
	deia__home_asked(nodes[1].m, "bob", nodes[0].writer, false);
	UNTIL(bob->home->state == HOME_AWAY);
	deia_messenger_get_status(nodes[1].m, &all);
	ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_PENDING], 1);
}
END_TEST

START_TEST(inbox_that_was_given_is_served_though_nobody_waits_any_more)
{
	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
	deia__home_asked(nodes[0].m, "bob", nodes[1].writer, false);
	UNTIL(is_here(1, "bob"));
	ck_assert(!is_here(0, "bob"));
}
END_TEST

START_TEST(inbox_that_is_given_while_its_home_is_read_is_taken)
{
	struct deia_notice told = { .topic = DEIA__MAIL_TOPIC };
	struct deia__home *h, *old;
	char sql[128], text[64];

	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
	old = home_of(0, "bob");
	h = home_of(1, "bob");
	h->owner = 0;
	deia__home_claim(nodes[1].m, h->inbox);
	ck_assert_uint_eq(h->state, HOME_TAKING);
	deia__inbox_ref(old->inbox);
	old->state = HOME_AWAY;
	deia__home_forget(old);
	deia__inbox_unref(nodes[0].m, old->inbox);
	snprintf(sql, sizeof(sql),
		 "UPDATE message_homes SET writer = %lld WHERE inbox = 'bob' "
		 "RETURNING 1",
		 (long long)nodes[1].writer);
	ask(sql);
	snprintf(text, sizeof(text), "g %lld bob", (long long)nodes[1].writer);
	told.text = text;
	deia__homes_notice(&told, nodes[1].m);
	UNTIL(is_here(1, "bob"));
}
END_TEST

START_TEST(inbox_of_a_lost_node_comes_to_who_waits)
{
	struct answer a, b;

	receive(1, "bob", 600000, false, &b);
	UNTIL(is_here(1, "bob"));
	receive(0, "bob", 600000, false, &a);
	UNTIL(home_of(1, "bob")->asked_by == nodes[0].writer);
	lose_node(1);
	UNTIL(is_here(0, "bob"));
	send_at(0, "alice", "bob", "x", NULL);
	UNTIL(a.calls);
	ck_assert_uint_eq(a.n, 1);
}
END_TEST

START_TEST(wish_is_kept_while_a_lane_is_read)
{
	struct deia__inbox *bob;

	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
	bob = deia__inbox_find(nodes[0].m, "bob");
	bob->lanes[0].complete = false;
	ck_assert_int_eq(deia__rows_load_lane(nodes[0].m, bob, 0), DEIA_OK);
	ck_assert(bob->lanes[0].loading);
	deia__home_asked(nodes[0].m, "bob", nodes[1].writer, true);
	ck_assert_uint_eq(bob->home->state, HOME_HERE);
	UNTIL(is_here(1, "bob"));
}
END_TEST

START_TEST(receiver_that_comes_while_its_inbox_is_given_asks_for_it)
{
	struct answer got;

	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
	deia__home_asked(nodes[0].m, "bob", nodes[1].writer, false);
	ck_assert_uint_eq(home_of(0, "bob")->state, HOME_GIVING);
	receive(0, "bob", 600000, false, &got);
	turn();
	UNTIL(home_of(0, "bob")->state != HOME_GIVING);
	UNTIL(is_here(0, "bob"));
	deia_messenger_receive_cancel(nodes[0].m, got.receiver);
}
END_TEST

START_TEST(lease_runs_out_though_its_inbox_moves_all_the_time)
{
	struct answer first, got = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	first = received(0, "bob");
	pass(58000);
	for (int i = 1; i < 12 && got.n == 0; i++) {
		got = received_within(i & 1, "bob", 0);
		pass(2000);
	}
	ck_assert_uint_eq(got.n, 1);
	ck_assert_str_eq(got.id, first.id);
	ck_assert_uint_eq(got.attempt, 2);
}
END_TEST

static void on_busy(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	(void)items;
	(void)n;
	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	--*(unsigned *)user;
}

START_TEST(call_elsewhere_gets_a_message_of_an_inbox_that_is_never_still)
{
	struct deia_message_draft d = draft("alice", "bob", "more");
	struct deia_message_claim claim = { .inbox = "bob" };
	unsigned under_way = 0, sent = 0;
	struct answer got, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	got = received(0, "bob");
	claim.id = got.id;
	claim.token = got.token;
	ck_assert_int_eq(deia_messenger_read(nodes[1].m, &claim, 1, NULL,
					     on_settled, &a),
			 DEIA_OK);
	while (!a.calls && sent < 20000) {
		for (; under_way < 4; under_way++, sent++)
			ck_assert_int_eq(
				deia_messenger_send(nodes[0].m, &d, 1, NULL,
						    NULL, on_busy, &under_way),
				DEIA_OK);
		if (home_of(0, "bob")->state == HOME_HERE)
			ck_assert_uint_gt(home_of(0, "bob")->moving, 0);
		turn();
	}
	ck_assert_uint_eq(a.calls, 1);
	ck_assert_int_eq(a.err, DEIA_OK);
	UNTIL(under_way == 0);
	UNTIL(counts(1, "bob").pending == sent);
	ck_assert_uint_eq(counts(1, "bob").delivered, 0);
}
END_TEST

int main(void)
{
	TCase *race = tcase_create("races");
	Suite *s = suite_create("homes");
	const char *why = cluster_missing();
	SRunner *runner;
	int failed;

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	tcase_add_checked_fixture(race, setup, teardown);
	tcase_set_timeout(race, 120);
	tcase_add_test(race,
		       lane_that_is_being_read_finds_what_is_told_meanwhile);
	tcase_add_test(
		race,
		message_that_was_sent_away_is_found_when_its_inbox_came_meanwhile);
	tcase_add_test(race, inbox_that_is_elsewhere_is_full_only_when_it_is);
	tcase_add_test(race, call_on_mail_of_a_closed_inbox_is_answered);
	tcase_add_test(race,
		       call_that_waits_is_answered_when_its_messenger_stops);
	tcase_add_test(race, call_that_a_refused_call_makes_waits_as_well);
	tcase_add_test(race, message_is_handed_over_before_it_is_told);
	tcase_add_test(
		race,
		inbox_that_was_given_is_served_though_nobody_waits_any_more);
	tcase_add_test(race,
		       inbox_that_is_given_while_its_home_is_read_is_taken);
	tcase_add_test(race, inbox_of_a_lost_node_comes_to_who_waits);
	tcase_add_test(race, wish_is_kept_while_a_lane_is_read);
	tcase_add_test(
		race, receiver_that_comes_while_its_inbox_is_given_asks_for_it);
	tcase_add_test(race,
		       lease_runs_out_though_its_inbox_moves_all_the_time);
	tcase_add_test(
		race,
		call_elsewhere_gets_a_message_of_an_inbox_that_is_never_still);
	suite_add_tcase(s, race);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
