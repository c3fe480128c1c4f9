/* SPDX-License-Identifier: MIT */
/*
 * test_history.c - what is kept beside the words: states with their causes,
 * the agent's session, details of answers, how much goes with a turn.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <deia/limits.h>

static struct fixture f;

/*
 * Answers with the length of its task line and with what session it was told;
 * says a session of its own and details. "die" ends it with 3, "bad" is an
 * error that names a session, "forget" takes the session away.
 */
static const char agent_script[] =
	"while read -r l; do case \"$l\" in "
	"*'\"init\"'*) echo '{\"type\":\"ready\"}';; "
	"*'\"task\"'*) id=${l#*'\"id\":\"'}; id=${id%%'\"'*}; s=none; "
	"case \"$l\" in *'\"session\":\"'*) s=${l#*'\"session\":\"'}; "
	"s=${s%%'\"'*};; esac; "
	"case \"$l\" in "
	"*'\"content\":\"die\"'*) echo one >&2; echo two >&2; exit 3;; "
	"*'\"content\":\"bad\"'*) echo '{\"type\":\"error\",\"id\":\"'$id'\","
	"\"code\":\"bad\",\"message\":\"as asked\",\"retryable\":false,"
	"\"session\":\"s-bad\"}';; "
	"*'\"content\":\"forget\"'*) echo '{\"type\":\"done\",\"id\":\"'$id'\","
	"\"text\":\"'$s'\",\"session\":\"\"}';; "
	"*) echo '{\"type\":\"done\",\"id\":\"'$id'\",\"text\":\"'$s' "
	"'${#l}'\",\"session\":\"s-1\",\"details\":{\"turns\":2}}';; esac;; "
	"*'\"shutdown\"'*) exit 0;; esac; done";

static void create_agent(const char *id, unsigned history)
{
	static const char *const argv[] = { "sh", "-c", agent_script };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	spec.history_messages = history;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, id, DEIA_BOT_READY);
}

static void setup(void)
{
	fixture_open(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

struct moves {
	bool done, more;
	deia_err err;
	size_t n;
	struct {
		int64_t seq, pid;
		int code, signal;
		char from[16], state[16], reason[128], text[128];
	} items[256];
};

static void on_moves(deia_err err, const struct deia_bot_history *items,
		     size_t n, bool more, void *user)
{
	struct moves *m = user;

	m->done = true;
	m->err = err;
	m->more = more;
	m->n = n;
	ck_assert_uint_le(n, 256);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_gt(items[i].at_unix_ms, 0);
		m->items[i].seq = items[i].seq;
		m->items[i].pid = items[i].pid;
		m->items[i].code = items[i].exit_code;
		m->items[i].signal = items[i].exit_signal;
		snprintf(m->items[i].from, 16, "%s", items[i].from);
		snprintf(m->items[i].state, 16, "%s", items[i].state);
		snprintf(m->items[i].reason, 128, "%s", items[i].reason);
		snprintf(m->items[i].text, 128, "%s", items[i].last_stderr);
	}
}

static deia_err read_moves(const char *bot, int64_t before, unsigned limit,
			   struct moves *m)
{
	deia_err err;

	memset(m, 0, sizeof(*m));
	err = deia_hive_bot_history(f.hive, bot, before, limit, on_moves, m);
	if (err)
		return err;
	run_until(&f, &m->done);
	return m->err;
}

/* A state is stored a moment after it is shown: waits for the newest one,
 * which is the seq-th. */
static void read_newest(const char *bot, int64_t seq, const char *state,
			struct moves *m)
{
	time_t end = time(NULL) + 20;

	do {
		ck_assert_int_eq(read_moves(bot, 0, 256, m), DEIA_OK);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	} while ((!m->n || m->items[0].seq < seq) && time(NULL) < end);
	ck_assert_uint_gt(m->n, 0);
	ck_assert_int_eq(m->items[0].seq, seq);
	ck_assert_str_eq(m->items[0].state, state);
}

/* ---- states ---------------------------------------------------------------- */

START_TEST(states_are_kept_with_their_causes)
{
	struct moves m;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_STOPPED);
	read_newest("b", 4, "stopped", &m);
	ck_assert_uint_eq(m.n, 4);
	ck_assert_str_eq(m.items[0].state, "stopped");
	ck_assert_str_eq(m.items[0].from, "stopping");
	ck_assert_int_eq(m.items[0].code, 0);
	ck_assert_str_eq(m.items[1].state, "stopping");
	ck_assert_int_eq(m.items[1].code, -1);
	ck_assert_str_eq(m.items[2].state, "ready");
	ck_assert_str_eq(m.items[3].state, "starting");
	ck_assert_str_eq(m.items[3].from, "stopped");
	ck_assert_str_ne(m.items[3].reason, "");
	ck_assert_int_gt(m.items[0].pid, 0);
	ck_assert_int_eq(m.items[0].pid, m.items[2].pid);
	ck_assert_int_eq(m.items[3].pid, 0);
	ck_assert_int_eq(read_moves("b", m.items[1].seq, 1, &m), DEIA_OK);
	ck_assert_uint_eq(m.n, 1);
	ck_assert(m.more);
	ck_assert_str_eq(m.items[0].state, "ready");
}
END_TEST

START_TEST(death_is_kept_with_exit_and_last_words)
{
	struct answer a;
	struct moves m;
	size_t i = 0;

	create_agent("b", 0);
	ck_assert_int_ne(ask_and_wait(&f, "b", NULL, "die", &a), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	read_newest("b", 5, "ready", &m);
	while (i < m.n && strcmp(m.items[i].state, "backoff") != 0)
		i++;
	ck_assert_uint_lt(i, m.n);
	ck_assert_str_eq(m.items[i].from, "busy");
	ck_assert_int_eq(m.items[i].code, 3);
	ck_assert_str_eq(m.items[i].text, "one\ntwo");
	ck_assert_ptr_nonnull(strstr(m.items[i].reason, "exited with 3"));
	ck_assert_int_gt(m.items[i].pid, 0);
}
END_TEST

START_TEST(turns_do_not_fill_the_history)
{
	struct deia_hive_bot bot;
	struct answer a;
	struct moves m;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(ask_and_wait(&f, "b", NULL, "x", &a), DEIA_OK);
	read_newest("b", 2, "ready", &m);
	ck_assert_uint_eq(m.n, 2);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "b", &bot), DEIA_OK);
	ck_assert_uint_eq(bot.turns_done, 5);
	ck_assert_uint_eq(bot.turns_failed, 0);
}
END_TEST

START_TEST(only_the_newest_states_are_kept)
{
	struct moves m;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	for (int i = 0; i < 110; i++) {
		ck_assert_int_eq(act(&f, "b", DEIA_BOT_PAUSE), DEIA_OK);
		ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESUME), DEIA_OK);
	}
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_STOPPED);
	read_newest("b", 224, "stopped", &m);
	ck_assert_uint_eq(m.n, 200);
	ck_assert_int_eq(m.items[0].seq, 224);
	ck_assert_int_eq(m.items[199].seq, 25);
}
END_TEST

START_TEST(states_outlive_their_bot_unless_purged)
{
	struct moves m;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(remove_bot(&f, "b", true, false), DEIA_OK);
	read_newest("b", 4, "stopped", &m);
	ck_assert_uint_eq(m.n, 4);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	read_newest("b", 6, "ready", &m);
	ck_assert_int_eq(m.items[0].seq, 6);
	ck_assert_int_eq(remove_bot(&f, "b", true, true), DEIA_OK);
	ck_assert_int_eq(read_moves("b", 0, 10, &m), DEIA_ENOTFOUND);
	ck_assert_int_eq(read_moves("never", 0, 10, &m), DEIA_ENOTFOUND);
	ck_assert_int_eq(read_moves("not an id", 0, 10, &m), DEIA_ENOTFOUND);
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	ck_assert_int_eq(read_moves("b", 0, 10, &m), DEIA_OK);
	ck_assert_uint_eq(m.n, 0);
}
END_TEST

static struct {
	bool done;
	deia_err err;
} removal;

static void on_removal(deia_err err, void *user)
{
	(void)user;
	removal.err = err;
	removal.done = true;
}

static void remove_b_as_it_waits(const char *line)
{
	if (strstr(line, "bot b: ") != line || !strstr(line, "-> backoff"))
		return;
	f.on_log = NULL;
	ck_assert_int_eq(deia_hive_bot_remove(f.hive, deia_actor_local(), "b",
					      true, true, on_removal, NULL),
			 DEIA_OK);
}

/* Asked for while its states are being told, so that "stopped" is still to be
 * told when nothing of the bot runs any more. */
START_TEST(no_state_comes_behind_the_purge)
{
	static const char *const argv[] = { "sh", "-c", "exit 3" };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct moves m;

	spec.id = "b";
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	fixture_open_file(&f); /* whose commits take a moment */
	removal.done = false;
	f.on_log = remove_b_as_it_waits;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until(&f, &removal.done);
	ck_assert_int_eq(removal.err, DEIA_OK);
	/* Stored after all that came before it. */
	ck_assert_int_eq(create_bot(&f, "c", false), DEIA_OK);
	ck_assert_int_eq(read_moves("b", 0, 10, &m), DEIA_ENOTFOUND);
	fixture_close(&f);
}
END_TEST

START_TEST(states_go_on_after_the_hive_was_killed)
{
	struct moves m;

	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	fixture_reopen(&f, false);
	run_until_state(&f, "b", DEIA_BOT_READY);
	read_newest("b", 5, "ready", &m);
	ck_assert_uint_eq(m.n, 5);
	ck_assert_str_eq(m.items[1].state, "starting");
	ck_assert_str_eq(m.items[2].from, "ready");
	ck_assert_str_eq(m.items[2].state, "stopped");
	ck_assert_int_eq(m.items[0].seq, 5);
	fixture_close(&f);
}
END_TEST

/* ---- the agent's session ----------------------------------------------------- */

static void on_conversation(deia_err err, const struct deia_conversation *c,
			    void *user)
{
	ck_assert_int_eq(err, DEIA_OK);
	memcpy(user, c->id, 37);
}

static void say(const char *conversation, const char *content,
		const char *session)
{
	struct answer a;

	ck_assert_int_eq(ask_and_wait(&f, "b", conversation, content, &a),
			 DEIA_OK);
	ck_assert_msg(!strncmp(a.text, session, strlen(session)), "%s, not %s",
		      a.text, session);
}

START_TEST(session_goes_with_the_next_turn_of_its_conversation)
{
	char other[37] = "";

	create_agent("b", 0);
	say(NULL, "first", "none");
	say(NULL, "second", "s-1");
	ck_assert_int_eq(deia_chat_create(f.hive, deia_actor_local(), "b",
					  "other", on_conversation, other),
			 DEIA_OK);
	while (!other[0])
		event_base_loop(f.base, EVLOOP_ONCE);
	say(other, "first there", "none");
	say(other, "forget", "s-1");
	say(other, "anew", "none");
}
END_TEST

START_TEST(session_of_an_error_counts_too)
{
	struct answer a;

	create_agent("b", 0);
	ck_assert_int_eq(ask_and_wait(&f, "b", NULL, "bad", &a), DEIA_EREMOTE);
	say(NULL, "go on", "s-bad");
}
END_TEST

static void on_done(deia_err err, void *user)
{
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

START_TEST(session_ends_with_its_chat)
{
	bool done = false;

	create_agent("b", 0);
	say(NULL, "first", "none");
	ck_assert_int_eq(deia_chat_clear(f.hive, deia_actor_local(), "b", NULL,
					 on_done, &done),
			 DEIA_OK);
	run_until(&f, &done);
	say(NULL, "anew", "none");
}
END_TEST

START_TEST(session_survives_the_hive)
{
	fixture_open_file(&f);
	create_agent("b", 0);
	say(NULL, "first", "none");
	fixture_reopen(&f, false);
	run_until_state(&f, "b", DEIA_BOT_READY);
	say(NULL, "second", "s-1");
	fixture_close(&f);
}
END_TEST

/* ---- details, and what goes with a turn --------------------------------------- */

static void on_lines(deia_err err, const struct deia_chat_line *lines, size_t n,
		     bool more, void *user)
{
	char *details = user;

	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(lines[1].details, "");
	snprintf(details, 64, "%s", lines[0].details);
}

START_TEST(details_are_kept_with_the_answer)
{
	char details[64] = "";

	create_agent("b", 0);
	say(NULL, "first", "none");
	ck_assert_int_eq(
		deia_chat_page(f.hive, "b", NULL, NULL, 5, on_lines, details),
		DEIA_OK);
	while (!details[0])
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_str_eq(details, "{\"turns\":2}");
}
END_TEST

START_TEST(imported_details_are_checked)
{
	struct deia_chat_line line = { .role = "user",
				       .content = "x",
				       .content_len = 1 };
	static const char *const bad[] = { "[1]", "{", "{} x", "1" };
	char id[37] = "", details[64] = "";

	create_agent("b", 0);
	for (size_t i = 0; i < 4; i++) {
		line.details = bad[i];
		ck_assert_int_eq(deia_chat_import(f.hive, deia_actor_local(),
						  "b", "t", &line, 1, NULL,
						  NULL),
				 DEIA_EFIELD);
	}
	struct deia_chat_line two[2] = { line, line };

	two[0].details = NULL;
	two[1].details = "{\"a\":1}";
	ck_assert_int_eq(deia_chat_import(f.hive, deia_actor_local(), "b", "t",
					  two, 2, on_conversation, id),
			 DEIA_OK);
	while (!id[0])
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_int_eq(
		deia_chat_page(f.hive, "b", id, NULL, 5, on_lines, details),
		DEIA_OK);
	while (!details[0])
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_str_eq(details, "{\"a\":1}");
}
END_TEST

/* Bytes of the task line that the agent got. */
static int line_of(const char *bot, const char *content)
{
	struct answer a;

	ck_assert_int_eq(ask_and_wait(&f, bot, NULL, content, &a), DEIA_OK);
	return atoi(strchr(a.text, ' ') + 1);
}

START_TEST(history_that_goes_with_a_turn_is_the_bots_choice)
{
	int none[4], two[4];

	create_agent("none", 0);
	create_agent("two", 2);
	for (int i = 0; i < 4; i++) {
		none[i] = line_of("none", "0123456789");
		two[i] = line_of("two", "0123456789");
	}
	ck_assert_int_eq(none[1], none[3]);
	ck_assert_int_gt(two[1], two[0]);
	ck_assert_int_eq(two[2], two[3]); /* never more than two lines */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive history");
	TCase *live = tcase_create("in memory");
	TCase *file = tcase_create("across restarts");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(live, setup, teardown);
	tcase_add_test(live, states_are_kept_with_their_causes);
	tcase_add_test(live, death_is_kept_with_exit_and_last_words);
	tcase_add_test(live, turns_do_not_fill_the_history);
	tcase_add_test(live, only_the_newest_states_are_kept);
	tcase_add_test(live, states_outlive_their_bot_unless_purged);
	tcase_add_test(live,
		       session_goes_with_the_next_turn_of_its_conversation);
	tcase_add_test(live, session_of_an_error_counts_too);
	tcase_add_test(live, session_ends_with_its_chat);
	tcase_add_test(live, details_are_kept_with_the_answer);
	tcase_add_test(live, imported_details_are_checked);
	tcase_add_test(live, history_that_goes_with_a_turn_is_the_bots_choice);
	tcase_add_test(file, states_go_on_after_the_hive_was_killed);
	tcase_add_test(file, no_state_comes_behind_the_purge);
	tcase_add_test(file, session_survives_the_hive);
	suite_add_tcase(s, live);
	suite_add_tcase(s, file);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
