/* SPDX-License-Identifier: MIT */
/* test_dialogue.c - two bots on a subject: turns, ends, budgets, restarts. */
#include "talks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
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

static void create_two(void)
{
	create_echo(&f, "A", NULL);
	create_echo(&f, "B", NULL);
}

struct seen {
	char types[64][32], subjects[64][65];
	unsigned n;
};
static struct seen seen;

static void on_event(const struct deia_event *ev, void *user)
{
	(void)user;
	if (!ev || strncmp(ev->type, "dialogue.", 9) != 0 || seen.n == 64)
		return;
	snprintf(seen.types[seen.n], 32, "%s", ev->type);
	snprintf(seen.subjects[seen.n++], 65, "%s", ev->subject);
}

static deia_subscription *watch_events(void)
{
	deia_subscription *sub;

	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_event, NULL, &sub),
			 DEIA_OK);
	return sub;
}

static unsigned count_seen(const char *type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < seen.n; i++)
		n += strcmp(seen.types[i], type) == 0;
	return n;
}

START_TEST(ten_turns_are_taken_in_turns)
{
	struct deia_dialogue d = { .turns = 10 };
	deia_subscription *sub;
	struct talk t;
	struct mails m, rest;

	create_two();
	sub = watch_events();
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_OK);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_RUNNING);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_DONE);
	ck_assert_uint_eq(t.turns_done, 10);
	ck_assert_str_eq(t.reason, "all its 10 turns were taken");
	ck_assert_int_gt(t.ended_unix_ms, 0);
	talk_messages(&f, t.id, &m);
	ck_assert_uint_eq(m.n, 11);
	ck_assert(!m.more);
	for (size_t i = 0; i < m.n; i++) {
		ck_assert_str_eq(m.items[i].from, i % 2 ? "A" : "B");
		ck_assert_str_eq(m.items[i].to, i % 2 ? "B" : "A");
		ck_assert_str_eq(m.items[i].content, "the weather");
		ck_assert_str_eq(m.items[i].dialogue, t.id);
		ck_assert_uint_eq(m.items[i].hops, i);
		ck_assert_int_eq(m.items[i].status, DEIA_MESSAGE_READ);
		ck_assert_str_eq(m.items[i].reply_to,
				 i ? m.items[i - 1].id : "");
	}
	read_inbox(&f, "A", -1, &rest);
	ck_assert_uint_eq(rest.n, 0);
	/* The store may show the end before its event is told. */
	while (!count_seen("dialogue.ended"))
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_uint_eq(count_seen("dialogue.started"), 1);
	ck_assert_uint_eq(count_seen("dialogue.turn"), 10);
	ck_assert_uint_eq(count_seen("dialogue.ended"), 1);
	ck_assert_str_eq(seen.types[0], "dialogue.started");
	ck_assert_str_eq(seen.types[11], "dialogue.ended");
	ck_assert_str_eq(seen.subjects[11], t.id);
	deia_unsubscribe(sub);
}
END_TEST

START_TEST(other_mail_of_its_bots_is_left_alone)
{
	struct deia_dialogue d = { .turns = 4 };
	struct mail before, after;
	char one[37], two[37];
	struct talk t;

	create_two();
	send_mail(&f, "system", "A", "waits", one);
	send_mail(&f, "B", "A", "waits, too", two);
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_OK);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_DONE);
	get_mail(&f, one, &before);
	get_mail(&f, two, &after);
	ck_assert_int_eq(before.status, DEIA_MESSAGE_PENDING);
	ck_assert_int_eq(after.status, DEIA_MESSAGE_PENDING);
	ck_assert_uint_eq(before.attempt + after.attempt, 0);
}
END_TEST

START_TEST(stop_interrupts_the_answer_under_way)
{
	struct deia_dialogue d = { .turns = 10 };
	struct mails m;
	struct talk t;

	create_echo(&f, "A", NULL);
	create_script(&f, "SLOW", NULL, never_answers);
	ck_assert_int_eq(start_talk(&f, "A", "SLOW", &d, &t), DEIA_OK);
	run_until_state(&f, "SLOW", DEIA_BOT_BUSY);
	ck_assert_int_eq(stop_talk(&f, t.id, &t), DEIA_OK);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_STOPPED);
	ck_assert_str_eq(t.reason, "stopped by local");
	ck_assert_uint_eq(t.turns_done, 1);
	run_until_state(&f, "SLOW", DEIA_BOT_READY);
	talk_messages(&f, t.id, &m);
	ck_assert_uint_eq(m.n, 2);
	ck_assert_int_eq(m.items[1].status, DEIA_MESSAGE_READ);
	ck_assert_int_eq(stop_talk(&f, t.id, &t), DEIA_ESTATE);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "stopped already"));
}
END_TEST

/* Stops the dialogue when so many lines of chat were stored. */
struct stopper {
	const char *id;
	unsigned left;
	bool asked;
};

static void stopped(deia_err err, const struct deia_dialogue *items, size_t n,
		    bool more, void *user)
{
	(void)items;
	(void)n;
	(void)more;
	(void)user;
	ck_assert_int_eq(err, DEIA_OK);
}

static void stop_now(void *user)
{
	const struct stopper *s = user;

	ck_assert_int_eq(deia_dialogue_stop(f.hive, deia_actor_local(), s->id,
					    stopped, NULL),
			 DEIA_OK);
}

/* An answer is in the chat; in the mail it will be in a moment. */
static void on_line(const struct deia_event *ev, void *user)
{
	struct stopper *s = user;

	if (!ev || strcmp(ev->type, "chat.message") != 0 || s->asked ||
	    s->left-- > 1)
		return;
	s->asked = true;
	ck_assert_int_eq(deia_hive_post(f.hive, stop_now, s), DEIA_OK);
}

START_TEST(stop_comes_at_any_moment)
{
	struct deia_dialogue d = { .turns = 100 };
	struct stopper s = { .left = (unsigned)_i + 1 };
	deia_subscription *sub;
	struct talk t;
	char id[37];

	create_two();
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_OK);
	snprintf(id, sizeof(id), "%s", t.id);
	s.id = id;
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_line, &s, &sub),
			 DEIA_OK);
	wait_talk(&f, id, &t);
	ck_assert(s.asked);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_STOPPED);
	ck_assert_str_eq(t.reason, "stopped by local");
	ck_assert_uint_le(t.turns_done, _i / 2 + 1);
	deia_unsubscribe(sub);
}
END_TEST

START_TEST(budget_of_tokens_ends_it)
{
	struct deia_dialogue d = { .turns = 100, .max_tokens = 25 };
	struct talk t;

	create_script(&f, "A", NULL, counts_tokens);
	create_script(&f, "B", NULL, counts_tokens);
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_OK);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_STOPPED);
	ck_assert_str_eq(t.reason, "its budget of 25 tokens is used up");
	ck_assert_uint_eq(t.turns_done, 3); /* ten each */
	ck_assert_int_eq(t.tokens, 30);
}
END_TEST

START_TEST(budget_of_seconds_ends_it)
{
	struct deia_dialogue d = { .turns = 100, .max_seconds = 1 };
	struct mails m;
	struct talk t;

	create_echo(&f, "A", NULL);
	create_script(&f, "SLOW", NULL, never_answers);
	ck_assert_int_eq(start_talk(&f, "SLOW", "A", &d, &t), DEIA_OK);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_STOPPED);
	ck_assert_str_eq(t.reason, "its 1 seconds are over");
	ck_assert_uint_eq(t.turns_done, 0);
	talk_messages(&f, t.id, &m);
	ck_assert_uint_eq(m.n, 1);
	ck_assert_int_eq(m.items[0].status, DEIA_MESSAGE_READ);
}
END_TEST

START_TEST(bot_that_cannot_answer_fails_it)
{
	struct deia_dialogue d = { .turns = 10 };
	struct mails m;
	struct talk t;

	create_echo(&f, "A", NULL);
	create_script(&f, "BAD", NULL, says_error);
	ck_assert_int_eq(start_talk(&f, "A", "BAD", &d, &t), DEIA_OK);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_FAILED);
	ck_assert_ptr_nonnull(strstr(t.reason, "BAD could not answer: no"));
	talk_messages(&f, t.id, &m);
	ck_assert_uint_eq(m.n, 2);
	ck_assert_int_eq(m.items[1].status, DEIA_MESSAGE_FAILED);
}
END_TEST

static void make_well(const char *id)
{
	const char *argv[] = { "sh", "-c", counts_tokens };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	ck_assert_int_eq(deia_hive_bot_update(f.hive, deia_actor_local(), &spec,
					      NULL, NULL),
			 DEIA_OK);
	ck_assert_int_eq(act(&f, id, DEIA_BOT_RESTART), DEIA_OK);
	run_until_state(&f, id, DEIA_BOT_STARTING);
	run_until_state(&f, id, DEIA_BOT_READY);
}

START_TEST(requeued_dead_letter_makes_it_go_on)
{
	struct deia_dialogue d = { .turns = 6 };
	struct mails m;
	struct talk t;

	create_echo(&f, "A", NULL);
	create_script(&f, "BAD", NULL, says_error);
	ck_assert_int_eq(start_talk(&f, "A", "BAD", &d, &t), DEIA_OK);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_FAILED);
	talk_messages(&f, t.id, &m);
	make_well("BAD");
	requeue_mail(&f, m.items[1].id);
	wait_turns(&f, t.id, 6, &t);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_DONE);
	ck_assert_uint_eq(t.turns_done, 6);
	talk_messages(&f, t.id, &m);
	ck_assert_uint_eq(m.n, 7);
}
END_TEST

START_TEST(bot_that_fails_for_good_fails_it)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	const char *argv[] = { "sh", "-c", dies_at_work };
	struct deia_dialogue d = { .turns = 10 };
	struct talk t;

	create_echo(&f, "A", NULL);
	spec.id = "DIES";
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	spec.restart = DEIA_RESTART_NEVER;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, "DIES", DEIA_BOT_READY);
	ck_assert_int_eq(start_talk(&f, "A", "DIES", &d, &t), DEIA_OK);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_FAILED);
	ck_assert_ptr_nonnull(strstr(t.reason, "DIES cannot answer"));
}
END_TEST

START_TEST(removed_bot_fails_it)
{
	struct deia_dialogue d = { .turns = 10 };
	struct talk t;

	create_echo(&f, "A", NULL);
	create_script(&f, "SLOW", NULL, never_answers);
	ck_assert_int_eq(start_talk(&f, "A", "SLOW", &d, &t), DEIA_OK);
	run_until_state(&f, "SLOW", DEIA_BOT_BUSY);
	ck_assert_int_eq(remove_bot(&f, "SLOW", true, false), DEIA_OK);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_FAILED);
	ck_assert_ptr_nonnull(strstr(t.reason, "it is removed"));
}
END_TEST

START_TEST(it_waits_for_a_bot_that_was_stopped)
{
	struct deia_dialogue d = { .turns = 3 };
	struct mails m;
	struct talk t;

	create_echo(&f, "A", NULL);
	create_script(&f, "SLOW", NULL, never_answers);
	ck_assert_int_eq(start_talk(&f, "A", "SLOW", &d, &t), DEIA_OK);
	run_until_state(&f, "SLOW", DEIA_BOT_BUSY);
	ck_assert_int_eq(act(&f, "SLOW", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "SLOW", DEIA_BOT_STOPPED);
	ck_assert_int_eq(get_talk(&f, t.id, &t), DEIA_OK);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_RUNNING);
	ck_assert_uint_eq(t.turns_done, 1);
	ck_assert_int_eq(act(&f, "SLOW", DEIA_BOT_START), DEIA_OK);
	run_until_state(&f, "SLOW", DEIA_BOT_BUSY);
	ck_assert_int_eq(stop_talk(&f, t.id, &t), DEIA_OK);
	talk_messages(&f, t.id, &m);
	ck_assert_uint_eq(m.items[1].attempt, 2);
}
END_TEST

START_TEST(it_goes_on_after_a_restart)
{
	struct deia_dialogue d = { .turns = 40 };
	struct mails m;
	struct talk t;

	create_two();
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_OK);
	for (unsigned done = 5; done < 40; done += 7) {
		wait_turns(&f, t.id, done, &t);
		fixture_reopen(&f, done % 2);
		run_until_state(&f, "A", DEIA_BOT_READY);
		run_until_state(&f, "B", DEIA_BOT_READY);
	}
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_DONE);
	ck_assert_uint_eq(t.turns_done, 40);
	talk_messages(&f, t.id, &m);
	ck_assert_uint_eq(m.n, 41);
	for (size_t i = 0; i < m.n; i++) {
		ck_assert_uint_eq(m.items[i].hops, i);
		ck_assert_int_eq(m.items[i].status, DEIA_MESSAGE_READ);
	}
}
END_TEST

START_TEST(what_has_ended_is_remembered)
{
	struct deia_dialogue d = { .turns = 2 };
	struct talk first, t;

	create_two();
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &first), DEIA_OK);
	wait_talk(&f, first.id, &first);
	fixture_reopen(&f, true);
	ck_assert_int_eq(get_talk(&f, first.id, &t), DEIA_OK);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_DONE);
	ck_assert_uint_eq(t.turns_done, 2);
	ck_assert_int_eq(t.ended_unix_ms, first.ended_unix_ms);
	ck_assert_int_eq(stop_talk(&f, first.id, &t), DEIA_ESTATE);
	ck_assert_int_eq(
		get_talk(&f, "01890000-0000-7000-8000-000000000000", &t),
		DEIA_ENOTFOUND);
	ck_assert_int_eq(get_talk(&f, "nonsense", &t), DEIA_ENOTFOUND);
}
END_TEST

struct ids {
	bool done, more;
	size_t n;
	char items[8][37];
};

static void on_list(deia_err err, const struct deia_dialogue *items, size_t n,
		    bool more, void *user)
{
	struct ids *out = user;

	ck_assert_int_eq(err, DEIA_OK);
	out->done = true;
	out->more = more;
	for (size_t i = 0; i < n && out->n < 8; i++)
		snprintf(out->items[out->n++], 37, "%s", items[i].id);
}

START_TEST(list_is_newest_first_by_pages)
{
	struct deia_dialogue d = { .turns = 1 };
	struct ids one = { .n = 0 }, two = { .n = 0 };
	struct talk t[3];

	create_two();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t[i]), DEIA_OK);
	ck_assert_int_eq(deia_dialogue_list(f.hive, NULL, 2, on_list, &one),
			 DEIA_OK);
	run_until(&f, &one.done);
	ck_assert_uint_eq(one.n, 2);
	ck_assert(one.more);
	ck_assert_str_eq(one.items[0], t[2].id);
	ck_assert_int_eq(
		deia_dialogue_list(f.hive, one.items[1], 2, on_list, &two),
		DEIA_OK);
	run_until(&f, &two.done);
	ck_assert_uint_eq(two.n, 1);
	ck_assert(!two.more);
	ck_assert_str_eq(two.items[0], t[0].id);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	struct deia_dialogue d = { .turns = 1 };
	struct deia_actor viewer = { .name = "v", .role = DEIA_ROLE_VIEWER };
	struct talk t;

	create_two();
	ck_assert_int_eq(create_bot(&f, "OFF", false), DEIA_OK);
	ck_assert_int_eq(start_talk(&f, "A", "A", &d, &t), DEIA_EFIELD);
	ck_assert_int_eq(start_talk(&f, "A", "NONE", &d, &t), DEIA_ENOTFOUND);
	ck_assert_int_eq(start_talk(&f, "A", "OFF", &d, &t), DEIA_ESTATE);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "deia bot start OFF"));
	d.topic = "";
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_EFIELD);
	d.topic = "\xff";
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_EFIELD);
	d.topic = "x";
	d.turns = DEIA_MAX_DIALOGUE_TURNS + 1;
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_EFIELD);
	ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer, "/turns");
	d.turns = 1;
	d.a = "A";
	d.b = "B";
	d.topic_len = 1;
	ck_assert_int_eq(deia_dialogue_start(f.hive, &viewer, &d, NULL, NULL),
			 DEIA_EDENIED);
	ck_assert_int_eq(deia_dialogue_stop(f.hive, &viewer, "x", NULL, NULL),
			 DEIA_EDENIED);
}
END_TEST

START_TEST(only_so_many_run_at_a_time)
{
	struct deia_dialogue d = { .turns = 10 };
	struct talk t;

	create_echo(&f, "A", NULL);
	create_script(&f, "SLOW", NULL, never_answers);
	for (int i = 0; i < DEIA_MAX_DIALOGUES; i++)
		ck_assert_int_eq(start_talk(&f, "SLOW", "A", &d, &t), DEIA_OK);
	ck_assert_int_eq(start_talk(&f, "SLOW", "A", &d, &t), DEIA_ELIMIT);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "100 dialogues run"));
	/* People still get a turn in line: mail has one place of it. */
	struct deia_hive_bot b;
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "SLOW", &b), DEIA_OK);
	ck_assert_uint_le(b.info->running + b.info->queued, 1);
}
END_TEST

/* Nothing breaks, and all end: by themselves, or, those whose message is lost
 * to a lease that must run out first, when they are stopped. */
/* How many of n came to their end by now. */
static unsigned count_done(char (*ids)[37], unsigned n)
{
	struct talk t;
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(get_talk(&f, ids[i], &t), DEIA_OK);
		done += t.status == DEIA_DIALOGUE_DONE;
	}
	return done;
}

START_TEST(failed_allocations_end_it_or_are_survived)
{
	struct deia_dialogue d = { .turns = 2 };
	struct deia_mail_opts o = DEIA_MAIL_OPTS_INIT;
	static char ids[DEIA_MAX_DIALOGUES][37];
	time_t end = time(NULL) + 20;
	unsigned n_ids = 0;
	struct talk t;

	o.answers_per_minute = 100000;
	ck_assert_int_eq(deia_mail_configure(f.hive, &o), DEIA_OK);
	create_two();
	for (unsigned long n = 1; n <= 3 * DEIA_MAX_DIALOGUES; n += 3) {
		deia_err err;

		deia__mem_fail_at(n, false);
		err = start_talk(&f, "A", "B", &d, &t);
		for (int i = 0; i < 20 && !err; i++)
			event_base_loop(f.base, EVLOOP_NONBLOCK);
		deia__mem_fail_at(0, false);
		if (!err)
			memcpy(ids[n_ids++], t.id, 37);
	}
	ck_assert_uint_gt(n_ids, 30);
	ck_assert_uint_lt(n_ids, DEIA_MAX_DIALOGUES);
	ck_assert_int_eq(start_talk(&f, "A", "B", &d, &t), DEIA_OK);
	wait_talk(&f, t.id, &t);
	ck_assert_int_eq(t.status, DEIA_DIALOGUE_DONE);
	while (count_done(ids, n_ids) <= n_ids / 2 && time(NULL) < end)
		;
	ck_assert_uint_gt(count_done(ids, n_ids), n_ids / 2);
	for (unsigned i = 0; i < n_ids; i++) {
		deia_err err = stop_talk(&f, ids[i], &t);

		ck_assert(err == DEIA_OK || err == DEIA_ESTATE);
		ck_assert_int_eq(get_talk(&f, ids[i], &t), DEIA_OK);
		ck_assert_int_ne(t.status, DEIA_DIALOGUE_RUNNING);
	}
}
END_TEST

static TCase *in_memory(void)
{
	TCase *tc = tcase_create("memory");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, ten_turns_are_taken_in_turns);
	tcase_add_test(tc, other_mail_of_its_bots_is_left_alone);
	tcase_add_test(tc, stop_interrupts_the_answer_under_way);
	tcase_add_test(tc, budget_of_tokens_ends_it);
	tcase_add_test(tc, budget_of_seconds_ends_it);
	tcase_add_test(tc, bot_that_cannot_answer_fails_it);
	tcase_add_test(tc, requeued_dead_letter_makes_it_go_on);
	tcase_add_test(tc, bot_that_fails_for_good_fails_it);
	tcase_add_test(tc, removed_bot_fails_it);
	tcase_add_test(tc, it_waits_for_a_bot_that_was_stopped);
	tcase_add_test(tc, list_is_newest_first_by_pages);
	tcase_add_test(tc, what_makes_no_sense_is_refused);
	tcase_add_test(tc, only_so_many_run_at_a_time);
	tcase_add_test(tc, failed_allocations_end_it_or_are_survived);
	return tc;
}

static TCase *in_a_file(void)
{
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, setup_file, teardown);
	tcase_add_loop_test(tc, stop_comes_at_any_moment, 0, 6);
	tcase_set_timeout(tc, 100);
	tcase_add_test(tc, it_goes_on_after_a_restart);
	tcase_add_test(tc, what_has_ended_is_remembered);
	tcase_add_test(tc, ten_turns_are_taken_in_turns);
	tcase_add_test(tc, stop_interrupts_the_answer_under_way);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("hive-dialogue");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, in_memory());
	suite_add_tcase(s, in_a_file());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
