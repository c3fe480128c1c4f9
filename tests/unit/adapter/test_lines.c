/* SPDX-License-Identifier: MIT */
/*
 * test_lines.c - the line splitter and the NDJSON parser: every way to cut the
 * same bytes gives the same lines, limits hold, memory failures are said.
 */
#include "worker/lines.h"
#include "worker/ndjson.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

struct got {
	char text[4096]; /* lines, each followed by '|'; "!" for a long one */
	int stop_after;	 /* lines; 0: never */
	int n;
};

static bool on_line(const char *line, size_t len, void *user)
{
	struct got *got = user;

	if (!line) {
		strcat(got->text, "!");
	} else {
		strncat(got->text, line, len);
		strcat(got->text, "|");
	}
	return ++got->n != got->stop_after;
}

static const char *feed_in_pieces(const char *text, size_t piece, size_t max)
{
	static struct got got;
	struct deia__lines lines;
	size_t len = strlen(text);

	got = (struct got){ 0 };
	deia__lines_init(&lines, max, on_line, &got);
	for (size_t i = 0; i < len; i += piece) {
		size_t n = len - i < piece ? len - i : piece;
		ck_assert_int_eq(deia__lines_feed(&lines, text + i, n),
				 DEIA_OK);
	}
	ck_assert_int_eq(deia__lines_end(&lines), DEIA_OK);
	deia__lines_fini(&lines);
	return got.text;
}

START_TEST(every_fragmentation_gives_the_same_lines)
{
	static const char text[] = "one\n\ntwo\r\n  \nthree with more\nlast";
	size_t piece = (size_t)_i + 1;

	ck_assert_str_eq(feed_in_pieces(text, piece, 64),
			 "one|two\r|three with more|last|");
}
END_TEST

START_TEST(long_line_is_reported_once_and_skipped)
{
	size_t piece = (size_t)_i + 1;

	ck_assert_str_eq(feed_in_pieces("12345678\n123456789\nok\n", piece, 8),
			 "12345678|!ok|");
	ck_assert_str_eq(feed_in_pieces("x\n12345678901234567890", piece, 8),
			 "x|!");
}
END_TEST

START_TEST(line_of_exactly_the_maximum_is_kept)
{
	ck_assert_str_eq(feed_in_pieces("1234\n", 2, 4), "1234|");
	ck_assert_str_eq(feed_in_pieces("12345\n", 2, 4), "!");
}
END_TEST

START_TEST(callback_that_says_stop_drops_the_rest)
{
	struct got got = { .stop_after = 2 };
	struct deia__lines lines;

	deia__lines_init(&lines, 64, on_line, &got);
	ck_assert_int_eq(deia__lines_feed(&lines, "a\nb\nc\n", 6),
			 DEIA_ECANCELED);
	ck_assert_str_eq(got.text, "a|b|");
	deia__lines_fini(&lines);
}
END_TEST

START_TEST(memory_failure_is_reported)
{
	struct got got = { 0 };
	struct deia__lines lines;

	deia__lines_init(&lines, 64, on_line, &got);
	deia__mem_fail_at(1, true);
	ck_assert_int_eq(deia__lines_feed(&lines, "abc", 3), DEIA_ENOMEM);
	deia__mem_fail_at(0, false);
	deia__lines_fini(&lines);
}
END_TEST

START_TEST(large_line_does_not_stay_in_memory)
{
	struct got got = { .stop_after = 1 };
	struct deia__lines lines;
	char *big = calloc(1, 1u << 20);

	ck_assert_ptr_nonnull(big);
	memset(big, 'x', 1u << 20);
	deia__lines_init(&lines, 1u << 20, on_line, &got);
	lines.cb = NULL; /* nothing is complete yet */
	ck_assert_int_eq(deia__lines_feed(&lines, big, 1u << 20), DEIA_OK);
	lines.cb = on_line;
	got.stop_after = 0;
	big[1] = '\0';
	ck_assert_int_eq(deia__lines_feed(&lines, "yy\n", 3), DEIA_OK);
	ck_assert_uint_eq(lines.part.cap, 0);
	deia__lines_fini(&lines);
	free(big);
}
END_TEST

static const struct json_case {
	const char *line;
	deia_err err;
	const char *text; /* of member "a" */
} json_cases[] = {
	{ "{\"a\":\"x\"}", DEIA_OK, "x" },
	{ "{\"a\":\"\\u00e9\"}", DEIA_OK, "\xc3\xa9" },
	{ "{\"a\":\"\xff\"}", DEIA_OK, "\xff" },
	{ "{\"a\":\"\xe2\x82\"}", DEIA_OK, "\xe2\x82" },
	{ "{\"a\":\"\xac\"}", DEIA_OK, "\xac" },
	{ "{\"a\":1,\xff}", DEIA_EPARSE, NULL },
	{ "{\"a\":\"x\"}}", DEIA_EPARSE, NULL },
	{ "{\"a\":\"\xff\x01\"}", DEIA_EPARSE, NULL },
	{ "{\"a\":\"\xff\"", DEIA_EPARSE, NULL },
	{ "{\"a\":01}", DEIA_EPARSE, NULL },
	{ "", DEIA_EPARSE, NULL },
	{ "data: {}", DEIA_EPARSE, NULL },
};

START_TEST(json_is_strict_but_for_bytes_in_texts)
{
	const struct json_case *c = &json_cases[_i];
	cJSON *json = NULL;

	ck_assert_int_eq(deia__ndjson_parse(&json, c->line, strlen(c->line)),
			 c->err);
	if (c->err)
		ck_assert_ptr_null(json);
	else
		ck_assert_str_eq(deia__json_str(json, "a"), c->text);
	cJSON_Delete(json);
}
END_TEST

START_TEST(json_with_a_nul_byte_is_refused)
{
	cJSON *json = NULL;

	ck_assert_int_eq(deia__ndjson_parse(&json, "{\"a\":\"\0\xff\"}", 10),
			 DEIA_EPARSE);
	ck_assert_ptr_null(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lines");
	TCase *tc = tcase_create("lines");
	SRunner *runner;

	tcase_add_loop_test(tc, every_fragmentation_gives_the_same_lines, 0,
			    40);
	tcase_add_loop_test(tc, long_line_is_reported_once_and_skipped, 0, 24);
	tcase_add_test(tc, line_of_exactly_the_maximum_is_kept);
	tcase_add_test(tc, callback_that_says_stop_drops_the_rest);
	tcase_add_test(tc, memory_failure_is_reported);
	tcase_add_test(tc, large_line_does_not_stay_in_memory);
	tcase_add_loop_test(tc, json_is_strict_but_for_bytes_in_texts, 0,
			    sizeof(json_cases) / sizeof(*json_cases));
	tcase_add_test(tc, json_with_a_nul_byte_is_refused);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
