/* SPDX-License-Identifier: MIT */
/*
 * test_turn.c - what a program that embeds the worker relies on: UTF-8 held
 * back at the ends of chunks, replies in one line each, back-pressure, memory
 * failures. The worker runs in this process, with pipes for stdin and stdout.
 */
#include <deia/limits.h>
#include <deia/worker.h>

#include <cjson/cJSON.h>
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"

#define INIT "{\"type\":\"init\",\"bot\":\"b\",\"protocol\":1,\"config\":{}}\n"
#define TASK(id) "{\"type\":\"task\",\"id\":\"" id "\",\"content\":\"hi\"}\n"

static char output[1 << 16];
static char notes[4096];

static void on_note(deia_worker *w, const char *text, void *user)
{
	(void)w, (void)user;
	strncat(notes, text, sizeof(notes) - strlen(notes) - 2);
	strcat(notes, "\n");
}

static deia_err on_init(deia_worker *w, const struct cJSON *config, void *user)
{
	(void)config, (void)user;
	deia_worker_ready(w, 3);
	return DEIA_OK;
}

/* Puts a pipe in the place of a descriptor; returns our end. */
static int put_pipe(int fd, bool we_write)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(ends[we_write ? 0 : 1], fd), fd);
	close(ends[we_write ? 0 : 1]);
	return ends[we_write ? 1 : 0];
}

static void *read_all(void *arg)
{
	size_t len = 0;
	ssize_t n;
	int fd = *(int *)arg;

	while ((n = read(fd, output + len, sizeof(output) - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	return NULL;
}

/* Runs a worker over this input; its lines are in output afterwards. */
static deia_err run(const char *input, const struct deia_worker_ops *ops,
		    void *user)
{
	int saved_in = dup(STDIN_FILENO), saved_out = dup(STDOUT_FILENO);
	int in = put_pipe(STDIN_FILENO, true);
	int out = put_pipe(STDOUT_FILENO, false);
	pthread_t reader;
	deia_err err;

	notes[0] = '\0';
	ck_assert_int_eq(write(in, input, strlen(input)),
			 (ssize_t)strlen(input));
	close(in);
	pthread_create(&reader, NULL, read_all, &out);
	err = deia_worker_run(NULL, ops, user);
	dup2(saved_in, STDIN_FILENO);
	dup2(saved_out, STDOUT_FILENO); /* the reader sees the end */
	pthread_join(reader, NULL);
	close(saved_in);
	close(saved_out);
	close(out);
	return err;
}

/* ---- UTF-8 ---------------------------------------------------------------- */

struct pieces {
	const char *text;
	size_t len, piece;
};

static void say_in_pieces(deia_worker *w, deia_turn *turn,
			  const struct deia_turn_info *info, void *user)
{
	const struct pieces *p = user;

	(void)w, (void)info;
	for (size_t i = 0; i < p->len; i += p->piece) {
		size_t n = p->len - i < p->piece ? p->len - i : p->piece;
		deia_turn_chunk(turn, i % 2 ? "answer" : NULL, p->text + i, n);
	}
	deia_turn_done(turn, NULL, NULL, NULL);
}

/* The chunks of a channel, put together. */
static const char *text_of(const char *channel)
{
	static char text[4096];
	char *copy = strdup(output), *rest = copy, *line;

	text[0] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		cJSON *json = cJSON_Parse(line);
		const cJSON *piece = cJSON_GetObjectItem(json, "text");
		const cJSON *c = cJSON_GetObjectItem(json, "channel");
		const char *name = c ? c->valuestring : "answer";
		if (piece && strcmp(name, channel) == 0)
			strcat(text, piece->valuestring);
		cJSON_Delete(json);
	}
	free(copy);
	return text;
}

#define UFFFD "\xef\xbf\xbd"
static const struct utf8_case {
	const char *in, *out;
} utf8_cases[] = {
	{ "plain", "plain" },
	{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80!",
	  "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80!" },
	{ "\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
	  "\xf0\x9f\x98\x80\xf0\x9f\x98\x80" },
	{ "a\xff"
	  "b",
	  "a" UFFFD "b" },
	{ "a\xc3(", "a" UFFFD "(" },
};

START_TEST(characters_cut_anywhere_arrive_whole)
{
	const struct utf8_case *c = &utf8_cases[_i / 6];
	struct pieces p = { c->in, strlen(c->in), (size_t)(_i % 6) + 1 };
	struct deia_worker_ops ops = { .size = sizeof(ops),
				       .init = on_init,
				       .turn = say_in_pieces };

	ck_assert_int_eq(run(INIT TASK("1"), &ops, &p), DEIA_OK);
	ck_assert_str_eq(text_of("answer"), c->out);
}
END_TEST

START_TEST(character_that_never_ends_is_replaced)
{
	struct pieces p = { "x\xe2\x82", 3, 1 };
	struct deia_worker_ops ops = { .size = sizeof(ops),
				       .init = on_init,
				       .turn = say_in_pieces };

	ck_assert_int_eq(run(INIT TASK("1"), &ops, &p), DEIA_OK);
	ck_assert_int_eq(strncmp(text_of("answer"), "x" UFFFD, 4), 0);
}
END_TEST

static void two_channels(deia_worker *w, deia_turn *turn,
			 const struct deia_turn_info *info, void *user)
{
	(void)w, (void)info, (void)user;
	deia_turn_chunk(turn, NULL, "\xc3", 1);
	deia_turn_chunk(turn, "thinking", "\xe2\x82", 2);
	deia_turn_chunk(turn, NULL, "\xa9", 1);
	deia_turn_chunk(turn, "thinking", "\xac", 1);
	deia_turn_chunk(turn, "tool", "", 0);
	deia_turn_done(turn, NULL, &(struct deia_usage){ 5, -1 }, "s1");
}

START_TEST(channels_hold_back_apart)
{
	struct deia_worker_ops ops = { .size = sizeof(ops),
				       .turn = two_channels };

	ck_assert_int_eq(run(INIT TASK("1"), &ops, NULL), DEIA_OK);
	ck_assert_str_eq(text_of("answer"), "\xc3\xa9");
	ck_assert_str_eq(text_of("thinking"), "\xe2\x82\xac");
	ck_assert_ptr_nonnull(strstr(output, "\"usage\":{\"prompt_tokens\":5}"
					     ",\"session\":\"s1\""));
}
END_TEST

static void tell_details(deia_worker *w, deia_turn *turn,
			 const struct deia_turn_info *info, void *user)
{
	static char big[DEIA_MAX_DETAILS_BYTES + 3];
	const size_t len = sizeof(big) - 1; /* one too many */

	(void)w, (void)user;
	memset(big, ' ', sizeof(big));
	big[0] = '{';
	big[len - 1] = '}';
	big[len] = '\0';
	ck_assert_str_eq(info->session, "s0");
	deia_turn_set_details(turn, "{\"a\":0}", 7);
	deia_turn_set_details(turn, "{\"a\":1}", 7);
	deia_turn_set_details(turn, "[1]", 3);
	deia_turn_set_details(turn, "{\"a\":\n2}", 8);
	deia_turn_set_details(turn, big, len);
	deia_turn_set_details(turn, "", 0);
	deia_turn_set_session(turn, "s1");
	deia_turn_set_session(turn, big);
	if (strcmp(info->id, "2") == 0)
		deia_turn_fail(turn, "no", false, 0, "why");
	else
		deia_turn_done(turn, NULL, NULL, NULL);
}

#define SESSION_TASK(id)                                                       \
	"{\"type\":\"task\",\"id\":\"" id "\",\"content\":\"hi\","             \
	"\"session\":\"s0\"}\n"
#define KEPT "\"session\":\"s1\",\"details\":{\"a\":1}}\n"

START_TEST(session_and_details_go_with_the_end_of_the_turn)
{
	struct deia_worker_ops ops = { .size = sizeof(ops),
				       .turn = tell_details,
				       .note = on_note };
	int dropped = 0;

	ck_assert_int_eq(
		run(INIT SESSION_TASK("1") SESSION_TASK("2"), &ops, NULL),
		DEIA_OK);
	ck_assert_str_eq(output,
			 "{\"type\":\"done\",\"id\":\"1\"," KEPT
			 "{\"type\":\"error\",\"id\":\"2\",\"code\":\"no\","
			 "\"message\":\"why\",\"retryable\":false," KEPT);
	for (char *p = notes; (p = strstr(p, "dropped")); p++)
		dropped++;
	ck_assert_int_eq(dropped, 10);
}
END_TEST

/* ---- lines ---------------------------------------------------------------- */

static void many_lines(deia_worker *w, deia_turn *turn,
		       const struct deia_turn_info *info, void *user)
{
	static const char bad[] = "{\"a\":\n1}", ok[] = "{\"type\":\"ack\"}";
	char status[600];

	(void)info, (void)user;
	memset(status, 'x', sizeof(status) - 1);
	status[sizeof(status) - 1] = '\0';
	deia_worker_line(w, bad, sizeof(bad) - 1);
	deia_worker_line(w, "{\"a\":", 5);
	deia_worker_line(w, ok, sizeof(ok) - 1);
	deia_worker_status(w, status);
	deia_worker_status(w, status);
	deia_worker_status(w, "");
	deia_turn_fail(turn, "no", true, 9, "two\nlines");
}

START_TEST(lines_are_checked_and_statuses_not_repeated)
{
	struct deia_worker_ops ops = { .size = sizeof(ops),
				       .init = on_init,
				       .turn = many_lines,
				       .note = on_note };
	char expected[1024], status[201];

	memset(status, 'x', 200);
	status[200] = '\0';
	snprintf(expected, sizeof(expected),
		 "{\"type\":\"ready\",\"max_concurrent\":3}\n"
		 "{\"type\":\"ack\"}\n"
		 "{\"type\":\"status\",\"text\":\"%s\"}\n"
		 "{\"type\":\"status\",\"text\":\"\"}\n"
		 "{\"type\":\"error\",\"id\":\"1\",\"code\":\"no\","
		 "\"message\":\"two\\nlines\",\"retryable\":true,"
		 "\"retry_after_seconds\":9}\n",
		 status);
	ck_assert_int_eq(run(INIT TASK("1"), &ops, NULL), DEIA_OK);
	ck_assert_str_eq(output, expected);
	ck_assert_ptr_nonnull(strstr(notes, "dropped"));
}
END_TEST

static void keep_turn(deia_worker *w, deia_turn *turn,
		      const struct deia_turn_info *info, void *user)
{
	(void)w, (void)info, (void)user;
	deia_turn_set_user(turn, turn);
	ck_assert_ptr_eq(deia_turn_user(turn), turn);
	ck_assert_str_eq(deia_turn_info(turn)->content, "hi");
}

START_TEST(sixty_fifth_turn_is_refused_and_open_ones_are_ended)
{
	struct deia_worker_ops ops = { .size = sizeof(ops), .turn = keep_turn };
	char input[8192] = INIT, line[128];
	int n = 0;

	for (int i = 0; i < 65; i++) {
		snprintf(line, sizeof(line),
			 "{\"type\":\"task\",\"id\":\"%d\",\"content\":\"hi\"}"
			 "\n",
			 i);
		strcat(input, line);
	}
	ck_assert_int_eq(run(input, &ops, NULL), DEIA_OK);
	ck_assert_ptr_nonnull(
		strstr(output, "\"id\":\"64\",\"code\":\"busy\""));
	for (char *p = output; (p = strstr(p, "shutting_down")); p++)
		n++;
	ck_assert_int_eq(n, 64);
}
END_TEST

static void flood(deia_worker *w, deia_turn *turn,
		  const struct deia_turn_info *info, void *user)
{
	static char text[1 << 20];
	bool *was_full = user;

	(void)info;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 100; i++)
		deia_turn_chunk(turn, NULL, text, sizeof(text));
	*was_full = deia_worker_is_full(w);
}

START_TEST(program_that_ignores_a_full_queue_is_ended)
{
	bool was_full = false;
	struct deia_worker_ops ops = { .size = sizeof(ops),
				       .turn = flood,
				       .note = on_note };

	ck_assert_int_eq(run(INIT TASK("1"), &ops, &was_full), DEIA_ELIMIT);
	ck_assert(was_full);
	ck_assert_ptr_nonnull(strstr(notes, "does not read"));
}
END_TEST

START_TEST(ops_without_a_turn_are_refused)
{
	struct deia_worker_ops ops = { .size = sizeof(ops) };

	ck_assert_int_eq(deia_worker_run(NULL, &ops, NULL), DEIA_EINVAL);
	ck_assert_int_eq(deia_worker_run(NULL, NULL, NULL), DEIA_EINVAL);
}
END_TEST

static deia_err refuse(deia_worker *w, const struct cJSON *config, void *user)
{
	(void)w, (void)config, (void)user;
	return DEIA_EFIELD;
}

START_TEST(error_of_init_is_what_run_returns)
{
	struct deia_worker_ops ops = { .size = sizeof(ops),
				       .init = refuse,
				       .turn = keep_turn };

	ck_assert_int_eq(run(INIT, &ops, NULL), DEIA_EFIELD);
	ck_assert_str_eq(output, "");
}
END_TEST

/* Whatever allocation fails: no crash, no leak, an honest return. */
START_TEST(any_failing_allocation_ends_the_run_in_order)
{
	struct pieces p = { "caf\xc3\xa9", 5, 2 };
	struct deia_worker_ops ops = { .size = sizeof(ops),
				       .init = on_init,
				       .turn = say_in_pieces };
	deia_err err;

	deia__mem_fail_at((unsigned long)_i + 1, true);
	err = run(INIT TASK("1"), &ops, &p);
	deia__mem_fail_at(0, false);
	ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("turn");
	TCase *tc = tcase_create("turn");
	SRunner *runner;

	(void)signal(SIGPIPE, SIG_IGN);
	tcase_add_loop_test(tc, characters_cut_anywhere_arrive_whole, 0,
			    6 * sizeof(utf8_cases) / sizeof(*utf8_cases));
	tcase_add_test(tc, character_that_never_ends_is_replaced);
	tcase_add_test(tc, channels_hold_back_apart);
	tcase_add_test(tc, session_and_details_go_with_the_end_of_the_turn);
	tcase_add_test(tc, lines_are_checked_and_statuses_not_repeated);
	tcase_add_test(tc, sixty_fifth_turn_is_refused_and_open_ones_are_ended);
	tcase_add_test(tc, program_that_ignores_a_full_queue_is_ended);
	tcase_add_test(tc, ops_without_a_turn_are_refused);
	tcase_add_test(tc, error_of_init_is_what_run_returns);
	tcase_add_loop_test(tc, any_failing_allocation_ends_the_run_in_order, 0,
			    20);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
