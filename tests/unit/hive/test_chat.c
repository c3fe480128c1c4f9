/* SPDX-License-Identifier: MIT */
/* test_chat.c - questions, answers, histories, and what cuts them short. */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

static struct fixture f;

/* Says "half ", then nothing until it is interrupted. */
static const char slow_script[] =
	"while read -r l; do case \"$l\" in "
	"*'\"init\"'*) echo '{\"type\":\"ready\"}';; "
	"*'\"task\"'*) id=${l#*'\"id\":\"'}; id=${id%%'\"'*}; "
	"echo '{\"type\":\"chunk\",\"id\":\"'$id'\",\"text\":\"half \"}';; "
	"*'\"interrupt\"'*) echo '{\"type\":\"error\",\"id\":\"'$id'\","
	"\"code\":\"interrupted\",\"message\":\"as asked\","
	"\"retryable\":false}';; "
	"*'\"shutdown\"'*) exit 0;; esac; done";

static void setup(void)
{
	fixture_open(&f);
	ck_assert_int_eq(create_bot(&f, "echo", true), DEIA_OK);
	run_until_state(&f, "echo", DEIA_BOT_READY);
}

static void teardown(void)
{
	fixture_close(&f);
}

static void create_slow(const char *id)
{
	static const char *const argv[] = { "sh", "-c", slow_script };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, id, DEIA_BOT_READY);
}

static void run_until_chunk(struct answer *a)
{
	while (!a->chunks && !a->done)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert(!a->done);
}

START_TEST(echo_answers_with_the_same_words)
{
	struct answer a;
	struct lines l;

	ck_assert_int_eq(
		ask_and_wait(&f, "echo", NULL, "good morning \xE2\x98\x80", &a),
		DEIA_OK);
	ck_assert(a.accepted && a.accepted_first);
	ck_assert_str_eq(a.text, "good morning \xE2\x98\x80");
	ck_assert_int_eq(a.status, DEIA_LINE_ANSWERED);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 2);
	ck_assert(!l.more);
	ck_assert_str_eq(l.items[0].id, a.answer_id);
	ck_assert_str_eq(l.items[0].role, "assistant");
	ck_assert_str_eq(l.items[0].author, "echo");
	ck_assert_str_eq(l.items[1].id, a.question_id);
	ck_assert_str_eq(l.items[1].role, "user");
	ck_assert_str_eq(l.items[1].author, "local");
	ck_assert_int_eq(l.items[1].status, DEIA_LINE_ANSWERED);
}
END_TEST

START_TEST(pages_go_back_to_the_beginning)
{
	struct answer a;
	struct lines l;
	char before[37] = "", text[32];
	size_t seen = 0;

	for (int i = 0; i < 12; i++) {
		snprintf(text, sizeof(text), "line %d", i);
		ck_assert_int_eq(ask_and_wait(&f, "echo", NULL, text, &a),
				 DEIA_OK);
	}
	do {
		ck_assert_int_eq(read_lines(&f, "echo", NULL,
					    before[0] ? before : NULL, 5, &l),
				 DEIA_OK);
		for (size_t i = 0; i < l.n; i++, seen++) {
			snprintf(text, sizeof(text), "line %zu",
				 (23 - seen) / 2);
			ck_assert_str_eq(l.items[i].content, text);
		}
		memcpy(before, l.items[l.n - 1].id, sizeof(before));
	} while (l.more);
	ck_assert_uint_eq(seen, 24);
}
END_TEST

static void on_conversation(deia_err err, const struct deia_conversation *c,
			    void *user)
{
	char *id = user;

	ck_assert_int_eq(err, DEIA_OK);
	memcpy(id, c->id, 37);
}

static void wait_for_id(char *id)
{
	while (!id[0])
		event_base_loop(f.base, EVLOOP_ONCE);
}

START_TEST(conversations_do_not_mix)
{
	char id[37] = "";
	struct answer a, b;
	struct lines l;

	ck_assert_int_eq(deia_chat_create(f.hive, deia_actor_local(), "echo",
					  "second", on_conversation, id),
			 DEIA_OK);
	wait_for_id(id);
	ck_assert_int_eq(ask_and_wait(&f, "echo", NULL, "one", &a), DEIA_OK);
	ck_assert_int_eq(ask_and_wait(&f, "echo", id, "two", &b), DEIA_OK);
	ck_assert_str_eq(b.conversation, id);
	ck_assert_str_ne(a.conversation, id);
	ck_assert_int_eq(read_lines(&f, "echo", id, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_str_eq(l.items[1].content, "two");
	ck_assert_int_eq(read_lines(&f, "echo",
				    "01890000-0000-7000-8000-000000000000",
				    NULL, 10, &l),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(questions_of_one_conversation_are_answered_in_order)
{
	struct answer a[8];
	struct lines l;
	char text[16];

	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "q%d", i);
		ck_assert_int_eq(ask(&f, "echo", NULL, text, &a[i], NULL),
				 DEIA_OK);
	}
	run_until(&f, &a[7].done);
	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "q%d", i);
		ck_assert(a[i].done);
		ck_assert_str_eq(a[i].text, text);
	}
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 60, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 16);
	for (size_t i = 0; i < l.n; i++)
		ck_assert_int_eq(l.items[i].status, DEIA_LINE_ANSWERED);
}
END_TEST

START_TEST(full_queue_is_refused_plainly)
{
	struct answer a[40];
	unsigned refused = 0, taken = 0;

	for (int i = 0; i < 40; i++) {
		deia_err err = ask(&f, "echo", NULL, "x", &a[i], NULL);

		if (err == DEIA_EBUSY)
			refused++;
		else
			taken++;
		ck_assert(err == DEIA_OK || err == DEIA_EBUSY);
	}
	ck_assert_uint_eq(taken, DEIA_MAX_QUEUE_LEN + 1);
	ck_assert_uint_eq(refused, 40 - taken);
	for (unsigned i = 0; i < taken; i++)
		run_until(&f, &a[i].done);
}
END_TEST

START_TEST(bad_content_is_refused)
{
	struct answer a;
	static char big[DEIA_MAX_CONTENT_BYTES + 2];

	memset(big, 'x', sizeof(big) - 1);
	ck_assert_int_eq(ask(&f, "echo", NULL, "", &a, NULL), DEIA_EFIELD);
	ck_assert_int_eq(ask(&f, "echo", NULL, "\xff\xfe", &a, NULL),
			 DEIA_EFIELD);
	ck_assert_int_eq(ask(&f, "echo", NULL, big, &a, NULL), DEIA_ELIMIT);
	ck_assert_int_eq(ask(&f, "nobody", NULL, "hi", &a, NULL),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(ask(&f, "echo", "not-an-id", "hi", &a, NULL),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(paused_and_stopped_bots_do_not_chat)
{
	struct answer a;

	ck_assert_int_eq(act(&f, "echo", DEIA_BOT_PAUSE), DEIA_OK);
	ck_assert_int_eq(ask(&f, "echo", NULL, "hi", &a, NULL), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "resume"));
	ck_assert_int_eq(act(&f, "echo", DEIA_BOT_RESUME), DEIA_OK);
	ck_assert_int_eq(act(&f, "echo", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "echo", DEIA_BOT_STOPPED);
	ck_assert_int_eq(ask(&f, "echo", NULL, "hi", &a, NULL), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "start"));
}
END_TEST

START_TEST(interrupted_answer_is_kept_as_partial)
{
	struct answer a;
	struct lines l;
	deia_chat_turn *turn;

	create_slow("slow");
	ck_assert_int_eq(ask(&f, "slow", NULL, "go", &a, &turn), DEIA_OK);
	run_until_chunk(&a);
	deia_chat_cancel(turn);
	run_until(&f, &a.done);
	ck_assert_int_eq(a.err, DEIA_ECANCELED);
	ck_assert_str_eq(a.text, "half ");
	ck_assert_int_eq(a.status, DEIA_LINE_PARTIAL);
	ck_assert_int_eq(read_lines(&f, "slow", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_int_eq(l.items[0].status, DEIA_LINE_PARTIAL);
	ck_assert_str_eq(l.items[0].content, "half ");
	ck_assert_int_eq(l.items[1].status, DEIA_LINE_ANSWERED);
}
END_TEST

START_TEST(one_turn_of_two_is_interrupted)
{
	struct answer first, second;
	char id[37];

	create_slow("slow");
	ck_assert_int_eq(ask(&f, "slow", NULL, "go", &first, NULL), DEIA_OK);
	ck_assert_int_eq(ask(&f, "slow", NULL, "wait", &second, NULL), DEIA_OK);
	run_until_chunk(&first);
	run_until(&f, &second.accepted);
	memcpy(id, second.question_id, sizeof(id));
	ck_assert_int_eq(deia_hive_bot_interrupt_turn(f.hive,
						      deia_actor_local(),
						      "slow", id, NULL, NULL),
			 DEIA_OK);
	run_until(&f, &second.done); /* it waited: nothing was said */
	ck_assert_int_eq(second.err, DEIA_ECANCELED);
	ck_assert(!first.done);
	ck_assert_int_eq(deia_hive_bot_interrupt_turn(f.hive,
						      deia_actor_local(),
						      "slow", id, NULL, NULL),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(
		deia_hive_bot_interrupt_turn(f.hive, deia_actor_local(), "slow",
					     first.question_id, NULL, NULL),
		DEIA_OK);
	run_until(&f, &first.done);
	ck_assert_str_eq(first.text, "half ");
}
END_TEST

START_TEST(death_of_the_bot_ends_the_turn_and_keeps_what_there_is)
{
	struct answer a;
	struct deia_hive_bot bot;

	create_slow("slow");
	ck_assert_int_eq(ask(&f, "slow", NULL, "go", &a, NULL), DEIA_OK);
	run_until_chunk(&a);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "slow", &bot), DEIA_OK);
	ck_assert_int_eq(kill((pid_t)bot.info->pid, SIGKILL), 0);
	run_until(&f, &a.done);
	ck_assert_int_eq(a.err, DEIA_EUNAVAILABLE);
	ck_assert_str_eq(a.text, "half ");
	ck_assert_int_eq(a.status, DEIA_LINE_PARTIAL);
	run_until_state(&f, "slow", DEIA_BOT_READY);
}
END_TEST

START_TEST(long_reason_of_a_bot_is_kept_in_part)
{
	static const char script[] =
		"while read -r l; do case \"$l\" in "
		"*'\"init\"'*) echo '{\"type\":\"ready\"}';; "
		"*'\"task\"'*) id=${l#*'\"id\":\"'}; id=${id%%'\"'*}; "
		"m=x; for i in 1 2 3 4 5 6 7 8; do m=$m$m; done; "
		"m=$(echo \"a$m$m$m\" | sed 's/x/\xE2\x98\x80/g'); "
		"echo '{\"type\":\"error\",\"id\":\"'$id'\",\"code\":\"bad\","
		"\"message\":\"'$m'\",\"retryable\":false}';; "
		"*'\"shutdown\"'*) exit 0;; esac; done";
	static const char *const argv[] = { "sh", "-c", script };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct answer a;
	struct lines l;

	spec.id = "wordy";
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, "wordy", DEIA_BOT_READY);
	ck_assert_int_eq(ask_and_wait(&f, "wordy", NULL, "why?", &a),
			 DEIA_EREMOTE);
	ck_assert_int_eq(read_lines(&f, "wordy", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 1);
	ck_assert_int_eq(l.items[0].status, DEIA_LINE_FAILED);
	ck_assert_int_eq(strncmp(l.items[0].error, "a\xE2\x98\x80", 4), 0);
}
END_TEST

START_TEST(detached_turn_goes_on_and_is_kept)
{
	struct answer a, b;
	struct lines l;
	deia_chat_turn *turn;

	ck_assert_int_eq(ask(&f, "echo", NULL, "alone", &a, &turn), DEIA_OK);
	deia_chat_detach(turn);
	ck_assert_int_eq(ask_and_wait(&f, "echo", NULL, "after", &b), DEIA_OK);
	ck_assert(!a.done && !a.accepted);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 4);
}
END_TEST

struct done {
	bool done;
	deia_err err;
};

static void on_done(deia_err err, void *user)
{
	struct done *d = user;

	d->done = true;
	d->err = err;
}

START_TEST(clearing_empties_the_first_and_removes_others)
{
	char id[37] = "";
	struct answer a;
	struct lines l;
	struct done d = { false, DEIA_OK };

	ck_assert_int_eq(ask_and_wait(&f, "echo", NULL, "one", &a), DEIA_OK);
	ck_assert_int_eq(deia_chat_create(f.hive, deia_actor_local(), "echo",
					  NULL, on_conversation, id),
			 DEIA_OK);
	wait_for_id(id);
	ck_assert_int_eq(ask_and_wait(&f, "echo", id, "two", &a), DEIA_OK);
	ck_assert_int_eq(deia_chat_clear(f.hive, deia_actor_local(), "echo", id,
					 on_done, &d),
			 DEIA_OK);
	run_until(&f, &d.done);
	ck_assert_int_eq(d.err, DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "echo", id, NULL, 10, &l),
			 DEIA_ENOTFOUND);
	d.done = false;
	ck_assert_int_eq(deia_chat_clear(f.hive, deia_actor_local(), "echo",
					 NULL, on_done, &d),
			 DEIA_OK);
	run_until(&f, &d.done);
	ck_assert_int_eq(d.err, DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 0);
}
END_TEST

START_TEST(busy_conversation_is_not_cleared)
{
	struct answer a;
	struct done d = { false, DEIA_OK };
	deia_chat_turn *turn;

	create_slow("slow");
	ck_assert_int_eq(ask(&f, "slow", NULL, "go", &a, &turn), DEIA_OK);
	run_until_chunk(&a);
	ck_assert_int_eq(deia_chat_clear(f.hive, deia_actor_local(), "slow",
					 NULL, on_done, &d),
			 DEIA_OK);
	run_until(&f, &d.done);
	ck_assert_int_eq(d.err, DEIA_ESTATE);
	deia_chat_cancel(turn);
	run_until(&f, &a.done);
}
END_TEST

START_TEST(imported_lines_are_a_conversation_of_their_own)
{
	struct deia_chat_line in[] = {
		{ .role = "user",
		  .author = "ann",
		  .content = "hi",
		  .content_len = 2,
		  .status = DEIA_LINE_ANSWERED,
		  .created_unix_ms = 1000 },
		{ .role = "assistant",
		  .content = "hello",
		  .content_len = 5,
		  .status = DEIA_LINE_ANSWERED },
	};
	char id[37] = "";
	struct lines l;

	ck_assert_int_eq(deia_chat_import(f.hive, deia_actor_local(), "echo",
					  "old", in, 2, on_conversation, id),
			 DEIA_OK);
	wait_for_id(id);
	ck_assert_int_eq(read_lines(&f, "echo", id, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_str_eq(l.items[1].author, "ann");
	ck_assert_str_eq(l.items[0].author, "echo");
	in[1].role = "robot";
	ck_assert_int_eq(deia_chat_import(f.hive, deia_actor_local(), "echo",
					  "old", in, 2, on_conversation, id),
			 DEIA_EFIELD);
	ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer, "/items/1");
}
END_TEST

START_TEST(stop_of_the_hive_keeps_what_was_said)
{
	struct answer a;
	struct lines l;

	fixture_open_file(&f);
	create_slow("slow");
	ck_assert_int_eq(ask(&f, "slow", NULL, "go", &a, NULL), DEIA_OK);
	run_until_chunk(&a);
	fixture_reopen(&f, true);
	ck_assert(a.done);
	ck_assert_int_eq(a.err, DEIA_ECANCELED);
	ck_assert_int_eq(read_lines(&f, "slow", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_str_eq(l.items[0].content, "half ");
	ck_assert_int_eq(l.items[0].status, DEIA_LINE_PARTIAL);
	run_until_state(&f, "slow", DEIA_BOT_READY);
	ck_assert_int_eq(ask(&f, "slow", NULL, "go", &a, NULL), DEIA_OK);
	run_until_chunk(&a);
	fixture_reopen(&f, false); /* freed in the middle */
	ck_assert(a.done);
	ck_assert_int_eq(read_lines(&f, "slow", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 4);
	ck_assert_int_eq(l.items[0].status, DEIA_LINE_PARTIAL);
	fixture_close(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive chat");
	TCase *live = tcase_create("in memory");
	TCase *file = tcase_create("across restarts");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(live, setup, teardown);
	tcase_add_test(live, echo_answers_with_the_same_words);
	tcase_add_test(live, pages_go_back_to_the_beginning);
	tcase_add_test(live, conversations_do_not_mix);
	tcase_add_test(live,
		       questions_of_one_conversation_are_answered_in_order);
	tcase_add_test(live, full_queue_is_refused_plainly);
	tcase_add_test(live, bad_content_is_refused);
	tcase_add_test(live, paused_and_stopped_bots_do_not_chat);
	tcase_add_test(live, interrupted_answer_is_kept_as_partial);
	tcase_add_test(live, one_turn_of_two_is_interrupted);
	tcase_add_test(live,
		       death_of_the_bot_ends_the_turn_and_keeps_what_there_is);
	tcase_add_test(live, long_reason_of_a_bot_is_kept_in_part);
	tcase_add_test(live, detached_turn_goes_on_and_is_kept);
	tcase_add_test(live, clearing_empties_the_first_and_removes_others);
	tcase_add_test(live, busy_conversation_is_not_cleared);
	tcase_add_test(live, imported_lines_are_a_conversation_of_their_own);
	tcase_add_test(file, stop_of_the_hive_keeps_what_was_said);
	suite_add_tcase(s, live);
	suite_add_tcase(s, file);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
