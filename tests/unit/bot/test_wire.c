/* SPDX-License-Identifier: MIT */
/* Lines and the protocol, without any process. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "process/lines.h"
#include "bot/protocol.h"
#include "core/id.h"
#include "core/mem.h"

/* Feeds text in pieces of n bytes; "a|b|!|" with ! for one too long. */
static char *cut(const char *text, size_t len, size_t n, size_t max, bool split)
{
	struct deia__bot_lines l;
	enum deia__bot_line got;
	const char *p, *line;
	size_t left, size, at = 0;
	char *out = calloc(1, len * 3 + 16);

	deia__bot_lines_init(&l, max, split);
	for (; len > 0; text += size, len -= size) {
		size = n < len ? n : len;
		p = text;
		left = size;
		size_t line_len;
		while ((got = deia__bot_lines_next(&l, &p, &left, &line,
						   &line_len)) !=
		       DEIA__BOT_LINE_NONE) {
			if (got == DEIA__BOT_LINE_TOO_LONG) {
				at += (size_t)sprintf(out + at, "!|");
				continue;
			}
			memcpy(out + at, line, line_len);
			at += line_len;
			out[at++] = '|';
		}
		ck_assert_uint_eq(left, 0);
		ck_assert_uint_le(l.part.cap, max * 2 + 128);
	}
	got = deia__bot_lines_last(&l, &line, &left);
	if (got == DEIA__BOT_LINE_TOO_LONG)
		at += (size_t)sprintf(out + at, "!");
	else if (got == DEIA__BOT_LINE_WHOLE)
		memcpy(out + at, line, left);
	deia__bot_lines_fini(&l);
	return out;
}

static void check_cut(const char *text, size_t max, bool split,
		      const char *want)
{
	size_t n;
	char *got;

	for (n = 1; n <= strlen(text); n++) {
		got = cut(text, strlen(text), n, max, split);
		ck_assert_msg(strcmp(got, want) == 0,
			      "pieces of %zu: %s, not %s", n, got, want);
		free(got);
	}
}

START_TEST(lines_come_out_whole_however_they_are_fragmented)
{
	check_cut("one\ntwo\r\n\nfour\n", 64, false, "one|two||four|");
	check_cut("one\nhalf", 64, false, "one|half");
	check_cut("\n\n", 64, false, "||");
	check_cut("exactly8\nx\n", 8, false, "exactly8|x|");
}
END_TEST

START_TEST(over_long_line_is_dropped_once_and_the_next_is_whole)
{
	check_cut("a\n123456789\nb\n", 8, false, "a|!|b|");
	check_cut("123456789012345678901234567890\nb\n", 8, false, "!|b|");
	check_cut("123456789012345", 8, false, "!");
	check_cut("1234567890\n1234567890\n", 8, false, "!|!|");
}
END_TEST

START_TEST(over_long_log_line_is_cut_into_pieces)
{
	check_cut("a\n1234567890\nb\n", 8, true, "a|12345678|90|b|");
	check_cut("12345678901234567", 8, true, "12345678|90123456|7");
}
END_TEST

START_TEST(random_streams_agree_with_a_plain_split)
{
	struct deia__rng rng;
	char text[512], *whole, *pieces;
	size_t i, len;
	int round;

	deia__rng_init(&rng, 42);
	for (round = 0; round < 500; round++) {
		len = 1 + deia__rng_next(&rng) % (sizeof(text) - 1);
		for (i = 0; i < len; i++)
			text[i] = "abcd\n\r"[deia__rng_next(&rng) % 6];
		whole = cut(text, len, len, 16, round % 2 == 0);
		pieces = cut(text, len, 1 + deia__rng_next(&rng) % 20, 16,
			     round % 2 == 0);
		ck_assert_str_eq(whole, pieces);
		free(whole);
		free(pieces);
	}
}
END_TEST

START_TEST(line_that_finds_no_memory_is_lost_like_a_long_one)
{
	struct deia__bot_lines l;
	const char *p = "12345", *line;
	size_t left = 5, len;

	deia__bot_lines_init(&l, 64, false);
	deia__mem_fail_at(1, true);
	ck_assert_int_eq(deia__bot_lines_next(&l, &p, &left, &line, &len),
			 DEIA__BOT_LINE_NONE);
	deia__mem_fail_at(0, false);
	p = "6\nok\n";
	left = 5;
	ck_assert_int_eq(deia__bot_lines_next(&l, &p, &left, &line, &len),
			 DEIA__BOT_LINE_TOO_LONG);
	ck_assert_int_eq(deia__bot_lines_next(&l, &p, &left, &line, &len),
			 DEIA__BOT_LINE_WHOLE);
	ck_assert_uint_eq(len, 2);
	deia__bot_lines_fini(&l);
}
END_TEST

/* ---- reading ------------------------------------------------------------------- */

static deia_err read_line(struct deia__say *say, const char *line, char *why)
{
	return deia__say_read(say, line, strlen(line), why);
}

START_TEST(every_line_of_a_bot_is_read)
{
	struct deia__say s;
	char why[200];

	ck_assert_int_eq(read_line(&s,
				   "{\"type\":\"ready\",\"capabilities\":["
				   "\"x\"],\"max_concurrent\":4}",
				   why),
			 DEIA_OK);
	ck_assert_int_eq(s.max_concurrent, 4);
	deia__say_fini(&s);
	ck_assert_int_eq(read_line(&s,
				   "{\"type\":\"chunk\",\"id\":\"1\",\"text\":"
				   "\"hi\",\"future\":[]}",
				   why),
			 DEIA_OK);
	ck_assert_str_eq(s.channel, "answer");
	ck_assert_str_eq(s.text, "hi");
	deia__say_fini(&s);
	ck_assert_int_eq(read_line(&s,
				   "{\"type\":\"done\",\"id\":\"1\",\"usage\":{"
				   "\"prompt_tokens\":0}}",
				   why),
			 DEIA_OK);
	ck_assert_ptr_null(s.text);
	ck_assert_ptr_null(s.details);
	ck_assert_int_eq(s.prompt_tokens, 0);
	ck_assert_int_eq(s.completion_tokens, -1);
	deia__say_fini(&s);
	ck_assert_int_eq(read_line(&s,
				   "{\"type\":\"error\",\"id\":\"1\","
				   "\"message\":\"m\"}",
				   why),
			 DEIA_OK);
	ck_assert_str_eq(s.code, "error");
	ck_assert(!s.retryable);
	deia__say_fini(&s);
	ck_assert_int_eq(read_line(&s, "{\"type\":\"pong\",\"n\":12}", why),
			 DEIA_OK);
	ck_assert_int_eq(s.n, 12);
	deia__say_fini(&s);
	ck_assert_int_eq(read_line(&s,
				   "{\"type\":\"send\",\"ref\":\"r\",\"to\":"
				   "\"b\",\"content\":\"c\"}",
				   why),
			 DEIA_OK);
	ck_assert_str_eq(s.type_name, "send");
	deia__say_fini(&s);
}
END_TEST

static const struct {
	const char *line;
	deia_err err;
	const char *why;
} bad[] = {
	{ "hello", DEIA_EPARSE, "not JSON" },
	{ "{\"type\":\"ready\"} x", DEIA_EPARSE, "not JSON" },
	{ "{\"type\":\"status\",\"text\":\"\xff\"}", DEIA_EPARSE, "not JSON" },
	{ "[]", DEIA_EPROTO, "\"type\"" },
	{ "{\"type\":1}", DEIA_EPROTO, "\"type\"" },
	{ "{\"type\":\"task\"}", DEIA_EPROTO, "no line of type \"task\"" },
	{ "{\"type\":\"chunk\",\"text\":\"\"}", DEIA_EPROTO,
	  "\"id\" of a chunk line must be given" },
	{ "{\"type\":\"chunk\",\"id\":\"\",\"text\":\"\"}", DEIA_EPROTO,
	  "1 to 64" },
	{ "{\"type\":\"chunk\",\"id\":\"1\"}", DEIA_EPROTO, "\"text\"" },
	{ "{\"type\":\"chunk\",\"id\":\"1\",\"text\":\"\",\"channel\":\"x\"}",
	  DEIA_EPROTO, "answer, thinking or tool" },
	{ "{\"type\":\"done\",\"id\":\"1\",\"usage\":7}", DEIA_EPROTO,
	  "\"usage\"" },
	{ "{\"type\":\"done\",\"id\":\"1\",\"usage\":{\"prompt_tokens\":-1}}",
	  DEIA_EPROTO, "\"prompt_tokens\"" },
	{ "{\"type\":\"done\",\"id\":\"1\",\"text\":null}", DEIA_OK, "" },
	{ "{\"type\":\"done\",\"id\":\"1\",\"details\":{}}", DEIA_OK, "" },
	{ "{\"type\":\"done\",\"id\":\"1\",\"details\":[]}", DEIA_EPROTO,
	  "\"details\" of a done line must be an object" },
	{ "{\"type\":\"error\",\"id\":\"1\"}", DEIA_EPROTO, "\"message\"" },
	{ "{\"type\":\"error\",\"id\":\"1\",\"message\":\"\",\"session\":1}",
	  DEIA_EPROTO, "\"session\" of a error line must be a string" },
	{ "{\"type\":\"error\",\"id\":\"1\",\"message\":\"\",\"retryable\":1}",
	  DEIA_EPROTO, "true or false" },
	{ "{\"type\":\"ready\",\"max_concurrent\":0}", DEIA_EPROTO,
	  "from 1 to 64" },
	{ "{\"type\":\"ready\",\"capabilities\":[1]}", DEIA_EPROTO,
	  "\"capabilities\"" },
	{ "{\"type\":\"status\"}", DEIA_EPROTO, "\"text\"" },
	{ "{\"type\":\"ack\"}", DEIA_EPROTO, "\"id\"" },
	{ "{\"type\":\"submit\"}", DEIA_EPROTO, "\"content\"" },
};

START_TEST(bad_line_is_named)
{
	struct deia__say s;
	char why[200] = "";

	ck_assert_int_eq(read_line(&s, bad[_i].line, why), bad[_i].err);
	ck_assert_msg(strstr(why, bad[_i].why) != NULL, "%s", why);
	if (bad[_i].err == DEIA_OK)
		deia__say_fini(&s);
}
END_TEST

/* ---- printing ------------------------------------------------------------------- */

static const char *printed(deia_jw *w)
{
	ck_assert_int_eq(deia_jw_status(w), DEIA_OK);
	ck_assert_int_eq(deia_json_check(w->text, w->len, NULL), DEIA_OK);
	ck_assert_ptr_null(memchr(w->text, '\n', w->len));
	return w->text;
}

START_TEST(lines_of_the_hive_are_as_documented)
{
	const struct deia_history_item history[] = {
		{ "user", "one\ntwo" },
		{ "assistant", "\"3\"" },
	};
	struct deia_work_spec work = { .size = sizeof(work),
				       .id = "w1",
				       .kind = DEIA_WORK_TASK,
				       .content = "go",
				       .conversation = "c1",
				       .session = "s1",
				       .history = history,
				       .n_history = 2 };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	deia_jw w;

	deia_jw_init(&w);
	spec.id = "b";
	spec.adapter = "ollama";
	spec.model = "m";
	spec.options = "{\"num_ctx\":1}";
	deia__print_init(&w, &spec, NULL);
	ck_assert_str_eq(printed(&w),
			 "{\"type\":\"init\",\"bot\":\"b\",\"protocol\":1,"
			 "\"config\":{\"adapter\":\"ollama\",\"model\":\"m\","
			 "\"options\":{\"num_ctx\":1},\"on_message\":\"hold\","
			 "\"max_concurrent\":1}}");
	deia_jw_reset(&w);
	ck_assert(deia__print_task(&w, &work));
	ck_assert_str_eq(printed(&w),
			 "{\"type\":\"task\",\"id\":\"w1\",\"kind\":\"task\","
			 "\"timeout_seconds\":600,\"conversation\":\"c1\","
			 "\"session\":\"s1\","
			 "\"content\":\"go\",\"history\":[{\"role\":\"user\","
			 "\"content\":\"one\\ntwo\"},{\"role\":\"assistant\","
			 "\"content\":\"\\\"3\\\"\"}]}");
	deia_jw_reset(&w);
	deia__print_interrupt(&w, "w1");
	ck_assert_str_eq(printed(&w), "{\"type\":\"interrupt\",\"id\":\"w1\"}");
	deia_jw_reset(&w);
	deia__print_ping(&w, 3);
	ck_assert_str_eq(printed(&w), "{\"type\":\"ping\",\"n\":3}");
	deia_jw_reset(&w);
	deia__print_shutdown(&w);
	ck_assert_str_eq(printed(&w), "{\"type\":\"shutdown\"}");
	deia_jw_fini(&w);
}
END_TEST

START_TEST(task_line_keeps_the_newest_history_that_fits)
{
	static char big[900001];
	struct deia_history_item history[4];
	struct deia_work_spec work = { .size = sizeof(work),
				       .id = "w1",
				       .history = history,
				       .n_history = 4 };
	deia_jw w;
	int i;

	memset(big, 'h', sizeof(big) - 1);
	for (i = 0; i < 4; i++)
		history[i] = (struct deia_history_item){
			i % 2 == 0 ? "user" : "assistant", big
		};
	history[3].content = "the newest";
	work.content = "go";
	deia_jw_init(&w);
	ck_assert(deia__print_task(&w, &work));
	ck_assert_uint_le(strlen(printed(&w)), DEIA_MAX_LINE_BYTES);
	ck_assert_uint_gt(w.len, 1800000);
	ck_assert_ptr_nonnull(strstr(w.text, "the newest"));
	deia_jw_reset(&w);
	memset(big, '\x01', sizeof(big) - 1);
	ck_assert(deia__print_task(&w, &work));
	ck_assert_ptr_nonnull(strstr(printed(&w), "the newest"));
	deia_jw_reset(&w);
	work.content = big;
	ck_assert(!deia__print_task(&w, &work));
	deia_jw_fini(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wire");
	TCase *tc = tcase_create("lines");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, lines_come_out_whole_however_they_are_fragmented);
	tcase_add_test(tc,
		       over_long_line_is_dropped_once_and_the_next_is_whole);
	tcase_add_test(tc, over_long_log_line_is_cut_into_pieces);
	tcase_add_test(tc, random_streams_agree_with_a_plain_split);
	tcase_add_test(tc, line_that_finds_no_memory_is_lost_like_a_long_one);
	suite_add_tcase(s, tc);
	tc = tcase_create("protocol");
	tcase_add_test(tc, every_line_of_a_bot_is_read);
	tcase_add_loop_test(tc, bad_line_is_named, 0,
			    sizeof(bad) / sizeof(*bad));
	tcase_add_test(tc, lines_of_the_hive_are_as_documented);
	tcase_add_test(tc, task_line_keeps_the_newest_history_that_fits);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
