/* SPDX-License-Identifier: MIT */
/* What is accepted as an expectation, what matches one, and that no pattern
 * and no text is looked at for ever. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>
#include <deia/task.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/utf8.h"
#include "expect/expect.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof(*(a))))

static deia_err held_n(const char *json, const char *text, size_t len,
		       struct deia__errmsg *why)
{
	struct deia__expect *e;
	deia_err err = deia__expect_new(&e, json, why);

	ck_assert_msg(err == DEIA_OK, "%s: %s", json, why->text);
	err = deia__expect_holds(e, text, len, why);
	deia__expect_free(e);
	return err;
}

static deia_err held(const char *json, const char *text,
		     struct deia__errmsg *why)
{
	return held_n(json, text, strlen(text), why);
}

/* ---- regular expressions ----------------------------------------------- */

static const struct {
	const char *json, *text;
	bool holds;
} matches[] = {
	/* A search, unless it is anchored. */
	{ "{\"regex\":\"[0-9]+\"}", "it is 42.", true },
	{ "{\"regex\":\"^[0-9]+$\"}", "42", true },
	{ "{\"regex\":\"^[0-9]+$\"}", "it is 42", false },
	/* One line break at the end is fine, as in PCRE2. */
	{ "{\"regex\":\"^[0-9]+$\"}", "42\n", true },
	{ "{\"regex\":\"^[0-9]+\\\\z\"}", "42\n", false },
	{ "{\"regex\":\"\"}", "", true },
	{ "{\"regex\":\"x\"}", "", false },
	/* Lines, case, dots. */
	{ "{\"regex\":\"^yes$\"}", "first\nyes\nlast", false },
	{ "{\"regex\":\"(?m)^yes$\"}", "first\nyes\nlast", true },
	{ "{\"regex\":\"yes\"}", "YES", false },
	{ "{\"regex\":\"(?i)stra\xc3\x9f"
	  "e \xc3\xa4\"}",
	  "STRA\xe1\xba\x9e"
	  "E \xc3\x84",
	  true },
	{ "{\"regex\":\"a.b\"}", "a\nb", false },
	{ "{\"regex\":\"(?s)a.b\"}", "a\nb", true },
	/* Characters, not bytes; \d is 0-9. */
	{ "{\"regex\":\"^.$\"}", "\xf0\x9f\x90\x9d", true },
	{ "{\"regex\":\"^\\\\p{L}+$\"}", "\xc3\xa4\xd0\xb6\xce\xb1", true },
	{ "{\"regex\":\"^\\\\d$\"}", "\xd9\xa3", false },
	{ "{\"regex\":\"^\\\\x{1F41D}$\"}", "\xf0\x9f\x90\x9d", true },
	{ "{\"regex\":\"^\\\\x{10000}|^\\\\{2024\"}", "{2024", true },
	{ "{\"regex\":\"^[ab]{1,2000}$\"}", "abab", true },
	/* Looking around. */
	{ "{\"regex\":\"(?s)^(?!.*(?:error|failed))\"}", "all\nis well", true },
	{ "{\"regex\":\"(?s)^(?!.*(?:error|failed))\"}", "it\nfailed", false },
	{ "{\"regex\":\"(?<=is )42\"}", "it is 42", true },
	/* One that gets slow only on what it does not match. */
	{ "{\"regex\":\"^(a+)+$\"}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  true },
	{ "{\"regex\":\"^(?<n>a)(?&n)(?:b|(?:c))*+$\"}", "aabcb", true },
};

START_TEST(pattern_matches_what_it_says)
{
	struct deia__errmsg why = { "" };
	deia_err err = held(matches[_i].json, matches[_i].text, &why);

	ck_assert_msg(err == (matches[_i].holds ? DEIA_OK : DEIA_EREMOTE),
		      "%s over \"%s\": %d, %s", matches[_i].json,
		      matches[_i].text, err, why.text);
	ck_assert_int_eq(*why.text == '\0', matches[_i].holds);
}
END_TEST

static const struct {
	const char *json, *text, *why;
} reasons[] = {
	{ "{\"regex\":\"^[0-9]+$\"}", "it is 42",
	  "the answer does not match /^[0-9]+$/: it is \"it is 42\"" },
	{ "{\"regex\":\"^[0-9]+$\"}",
	  "Sure! Here is the number that you asked me for, with all of the "
	  "steps by which I found it\n42",
	  "the answer does not match /^[0-9]+$/: it begins \"Sure! Here is the "
	  "number that you asked me for, with all of the steps by which I\"" },
	{ "{\"regex\":\"x\"}", "",
	  "the answer is empty, and so does not match /x/" },
	{ "{\"regex\":\"x\"}", "two\nlines\x1b[1m",
	  "the answer does not match /x/: it is \"two?lines?[1m\"" },
	{ "{\"regex\":\"x\"}", "\xff", "the answer is not valid UTF-8" },
	{ "{\"json_schema\":true}", "Sure, here it is",
	  "the answer is not JSON: line 1, column 1: expected a value, found "
	  "the word Sure; text is written in double quotes" },
	{ "{\"json_schema\":true}", " \n", "the answer is empty, not JSON" },
	{ "{\"json_schema\":true}", "```json\n```",
	  "the answer is empty, not JSON" },
};

START_TEST(reason_is_one_line_that_shows_the_difference)
{
	struct deia__errmsg why = { "" };

	ck_assert_int_eq(held(reasons[_i].json, reasons[_i].text, &why),
			 DEIA_EREMOTE);
	ck_assert_str_eq(why.text, reasons[_i].why);
}
END_TEST

/* ---- JSON in a block --------------------------------------------------- */

static const struct {
	const char *text;
	bool holds;
} fences[] = {
	{ "[1]", true },
	{ "\n  [1]\r\n", true },
	{ "```json\n[1]\n```", true },
	{ "```\n[1]\n```\n", true },
	{ "  ```JSON \r\n[1]\r\n```", true },
	{ "```json\n[1]```", true },
	{ "Here it is:\n```json\n[1]\n```", false },
	{ "```json\n[1]\n```\nIs that all?", false },
	{ "```json\n[1]", false },
	{ "```[1]```", false },
	{ "```json\n```json\n[1]\n```\n```", false },
	{ "``````", false },
	{ "[1] [1]", false },
	{ "[1,]", false },
	{ "{\"a\":1,\"a\":1}", false },
};

START_TEST(json_may_stand_in_one_block_that_is_all)
{
	struct deia__errmsg why = { "" };
	deia_err err = held("{\"json_schema\":{\"const\":[1]}}",
			    fences[_i].text, &why);

	ck_assert_msg(err == (fences[_i].holds ? DEIA_OK : DEIA_EREMOTE),
		      "\"%s\": %d, %s", fences[_i].text, err, why.text);
}
END_TEST

/* ---- what is refused --------------------------------------------------- */

static const struct {
	const char *json;
	const char *why; /* how it begins */
} wrongs[] = {
	{ "", "line 1, column 1: expected a value, but the text ends here" },
	{ "{\"regex\":}", "line 1, column 10: expected a value" },
	{ "[]", "must be an object with either regex or json_schema" },
	{ "{}", "must be an object with either" },
	{ "{\"regex\":\"a\",\"json_schema\":true}", "must be an object with" },
	{ "{\"regexp\":\"a\"}", "there is no regexp; it is either" },
	{ "{\"regex\":1}", "regex: must be a text" },
	{ "{\"regex\":null}", "regex: must be a text" },
	{ "{\"regex\":\"a(b\"}",
	  "regex: not a regular expression: missing closing parenthesis (at "
	  "byte 3 of it)" },
	{ "{\"regex\":\"*\"}", "regex: not a regular expression: quantifier" },
	{ "{\"regex\":\"\\\\C\"}", "regex: not a regular expression: using" },
	{ "{\"regex\":\"(?<x>a)\\\\1\"}", "regex: back references are not" },
	{ "{\"regex\":\"(?<x>a)\\\\k<x>\"}", "regex: back references are" },
	{ "{\"regex\":\"(a)\\\\1\"}", "regex: not a regular expression: ref" },
	{ "{\"regex\":\"[^x]{1001}\"}",
	  "regex: at least 1001 repeats are demanded; at most 1000" },
	{ "{\"regex\":\"\\\\X\"}", "regex: \\X is not supported" },
	{ "{\"regex\":\"(?<=[^x]{256})y\"}",
	  "regex: it looks back over more than 255 characters" },
	{ "{\"regex\":\"((((((a{900}){900}){900}){900}){900}){900})\"}",
	  "regex: not a regular expression: regular expression is too l" },
	{ "{\"json_schema\":1}",
	  "json_schema: must be an object, true or false" },
};

START_TEST(what_is_no_expectation_is_refused_with_the_reason)
{
	struct deia__expect *e;
	struct deia__errmsg why = { "" };

	ck_assert_int_eq(deia__expect_new(&e, wrongs[_i].json, &why),
			 DEIA_EFIELD);
	ck_assert_ptr_null(e);
	ck_assert_msg(
		!strncmp(why.text, wrongs[_i].why, strlen(wrongs[_i].why)),
		"%s: %s", wrongs[_i].json, why.text);
}
END_TEST

START_TEST(tree_and_text_are_judged_alike)
{
	const char *texts[] = { "{\"regex\":\"a\"}",
				"{\"regex\":\"(\"}",
				"{\"json_schema\":{\"type\":\"object\"}}",
				"{\"json_schema\":{\"typ\":\"object\"}}",
				"[]",
				"null" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct deia__errmsg of_tree = { "" }, of_text = { "" };
		struct deia__expect *e;
		cJSON *json;

		ck_assert_int_eq(deia_json_parse(&json, texts[i],
						 strlen(texts[i]), NULL),
				 DEIA_OK);
		ck_assert_int_eq(deia__expect_check(json, &of_tree),
				 deia__expect_new(&e, texts[i], &of_text));
		ck_assert_str_eq(of_tree.text, of_text.text);
		ck_assert_int_eq(deia__expect_check(json, NULL) == DEIA_OK,
				 e != NULL);
		deia__expect_free(e);
		cJSON_Delete(json);
	}
}
END_TEST

START_TEST(nothing_is_no_expectation)
{
	struct deia__errmsg why = { "" };

	ck_assert_int_eq(deia__expect_check(NULL, &why), DEIA_EFIELD);
	ck_assert_str_ne(why.text, "");
	deia__expect_free(NULL);
}
END_TEST

/* {"json_schema":{"title":"aaa..."}} of so many bytes. */
static char *long_one(size_t len)
{
	static const char head[] = "{\"json_schema\":{\"title\":\"";
	char *text = malloc(len + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', len);
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + len - 3, "\"}}", 4);
	return text;
}

START_TEST(longest_one_is_taken_and_a_longer_one_is_not)
{
	char *fits = long_one(DEIA_TASK_MAX_EXPECT_BYTES);
	char *over = long_one(DEIA_TASK_MAX_EXPECT_BYTES + 1);
	struct deia__errmsg why = { "" };
	struct deia__expect *e;
	cJSON *json;

	ck_assert_int_eq(deia__expect_new(&e, fits, &why), DEIA_OK);
	deia__expect_free(e);
	ck_assert_int_eq(deia__expect_new(&e, over, &why), DEIA_ELIMIT);
	ck_assert_ptr_null(e);
	ck_assert_str_eq(why.text, "longer than 16384 bytes");
	ck_assert_int_eq(deia_json_parse(&json, over, strlen(over), NULL),
			 DEIA_OK);
	ck_assert_int_eq(deia__expect_check(json, &why), DEIA_ELIMIT);
	cJSON_Delete(json);
	free(fits);
	free(over);
}
END_TEST

/* ---- bounds ------------------------------------------------------------ */

/* A text of len bytes that repeats a piece and ends with `end`. */
static char *repeated(const char *piece, size_t len, const char *end)
{
	size_t n = strlen(piece), tail = strlen(end);
	char *text = malloc(len + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < len; i++)
		text[i] = piece[i % n];
	memcpy(text + len - tail, end, tail + 1);
	return text;
}

/* Backtracking, the square of a text, and loops that no limit of PCRE2 sees:
 * all of them would go on for hours. */
static const struct {
	const char *json, *piece, *end;
	size_t len;
} endless[] = {
	{ "{\"regex\":\"^(a+)+$\"}", "a", "b", 64 },
	{ "{\"regex\":\"^(a|aa)+$\"}", "a", "b", 200 },
	{ "{\"regex\":\"^(a|a?)+$\"}", "a", "b", 64 },
	{ "{\"regex\":\"^(.*a){20}$\"}", "a", "b", 100 },
	{ "{\"regex\":\"^(\\\\w+\\\\s?)*$\"}", "word ", "!", 300 },
	{ "{\"regex\":\"(?>[^x]*)[yz]\"}", "a", "a", 8u << 20 },
	{ "{\"regex\":\"[^x]*+[yz]\"}", "a", "a", 8u << 20 },
	{ "{\"regex\":\"[^x]{1000}[yz]\"}", "a", "a", 8u << 20 },
	{ "{\"regex\":\"(?<=[^x]{200})[yz]|b[yz]\"}", "aybx", "a", 8u << 20 },
	{ "{\"regex\":\"(?i)needle\"}", "no", "no", 8u << 20 },
	{ "{\"regex\":\"\\\\PM\\\\pM*+z\"}", "a\xcc\x81", "abc",
	  (8u << 20) - 2 },
	{ "{\"regex\":\"(?R)?x(?R)?[yz]\"}", "x", "x", 1u << 16 },
	{ "{\"json_schema\":{\"pattern\":\"^\\\"?(a+)+$\"}}", "a", "b\"", 64 },
	{ "{\"json_schema\":{\"not\":{\"pattern\":\"^\\\"?(a+)+$\"}}}", "a",
	  "b\"", 64 },
};

START_TEST(endless_pattern_is_given_up)
{
	struct deia__errmsg why = { "" };
	char *text =
		repeated(endless[_i].piece, endless[_i].len, endless[_i].end);
	deia_err err;

	if (strstr(endless[_i].json, "schema"))
		text[0] = '"';
	err = held_n(endless[_i].json, text, strlen(text), &why);
	ck_assert_msg(err == DEIA_ELIMIT, "%s: %d, %s", endless[_i].json, err,
		      why.text);
	free(text);
}
END_TEST

/* A class of two thousand parts, tried at each of four million characters by a
 * single loop, which nothing can look into. */
START_TEST(long_class_is_not_tried_on_a_long_answer)
{
	struct deia__errmsg why = { "" };
	char *text = repeated("\xd1\x8f", DEIA_MAX_ANSWER_BYTES, "");
	char json[16000] = "{\"regex\":\"^[^", *p = json + strlen(json);

	while (p < json + 15000)
		p += sprintf(p, "\\\\p{Han}");
	strcpy(p, "]*+$\"}");
	ck_assert_int_eq(held(json, text, &why), DEIA_ELIMIT);
	ck_assert_int_eq(held_n(json, text, 8192, &why), DEIA_OK);
	free(text);
}
END_TEST

START_TEST(long_answer_is_searched_to_its_end)
{
	struct deia__errmsg why = { "" };
	char *text = repeated("lorem ipsum dolor ne", DEIA_MAX_ANSWER_BYTES,
			      "needle");

	ck_assert_int_eq(held("{\"regex\":\"needle\"}", text, &why), DEIA_OK);
	ck_assert_int_eq(held("{\"regex\":\"(?i)NEEDLE$\"}",
			      text + strlen(text) - (1u << 20), &why),
			 DEIA_OK);
	ck_assert_int_eq(held("{\"regex\":\"needles\"}", text, &why),
			 DEIA_EREMOTE);
	free(text);
}
END_TEST

START_TEST(answer_over_the_limit_is_no_success)
{
	struct deia__errmsg why = { "" };
	char *text = repeated("a", DEIA_MAX_ANSWER_BYTES + 1, "a");

	ck_assert_int_eq(held("{\"regex\":\"a\"}", text, &why), DEIA_ELIMIT);
	ck_assert_str_eq(why.text, "the answer is longer than 8388608 bytes");
	free(text);
}
END_TEST

START_TEST(deep_answer_is_no_json)
{
	struct deia__errmsg why = { "" };
	char *text = repeated("[", 100000, "[");

	ck_assert_int_eq(held("{\"json_schema\":true}", text, &why),
			 DEIA_EREMOTE);
	ck_assert_ptr_nonnull(strstr(why.text, "nested deeper than 64"));
	free(text);
}
END_TEST

/* ---- memory ------------------------------------------------------------ */

static deia_err whole_run(const char *json, const char *text)
{
	struct deia__errmsg why = { "" };
	struct deia__expect *e;
	deia_err err = deia__expect_new(&e, json, &why);

	if (!err)
		err = deia__expect_holds(e, text, strlen(text), &why);
	if (err == DEIA_ENOMEM)
		ck_assert_str_eq(why.text, "memory ran out");
	deia__expect_free(e);
	return err;
}

static const char *const runs[] = {
	"{\"regex\":\"^(?:1|(a+)+|\\\\[.*)\"}",
	"{\"json_schema\":{\"$defs\":{\"n\":{\"type\":\"number\"},"
	"\"s\":{\"pattern\":\"^[a-z]+$\"}},\"items\":{\"anyOf\":["
	"{\"$ref\":\"#/$defs/n\"},{\"$ref\":\"#/$defs/s\"},{\"type\":"
	"\"object\",\"patternProperties\":{\"^k\":{\"const\":1}},"
	"\"additionalProperties\":false}]},\"uniqueItems\":true}}",
};

START_TEST(no_memory_is_said_and_leaks_nothing)
{
	bool sticky = _i % 2;
	deia_err err = DEIA_ENOMEM;

	for (unsigned long n = 1; err && n < 10000; n++) {
		deia__mem_fail_at(n, sticky);
		err = whole_run(runs[_i / 2],
				"[1, \"abc\", {\"k1\": 1, \"k2\": 1}]");
		deia__mem_fail_at(0, false);
		ck_assert_msg(err == DEIA_OK || err == DEIA_ENOMEM, "%lu: %d",
			      n, err);
	}
	ck_assert_int_eq(err, DEIA_OK);
}
END_TEST

START_TEST(no_memory_for_a_check_is_said)
{
	struct deia__errmsg why = { "" };
	deia_err err = DEIA_ENOMEM;
	cJSON *json;

	ck_assert_int_eq(deia_json_parse(&json, runs[1], strlen(runs[1]), NULL),
			 DEIA_OK);
	for (unsigned long n = 1; err && n < 10000; n++) {
		deia__mem_fail_at(n, true);
		err = deia__expect_check(json, &why);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
	}
	ck_assert_int_eq(err, DEIA_OK);
	cJSON_Delete(json);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queue-expect");
	TCase *tc = tcase_create("expect");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, pattern_matches_what_it_says, 0,
			    COUNT(matches));
	tcase_add_loop_test(tc, reason_is_one_line_that_shows_the_difference, 0,
			    COUNT(reasons));
	tcase_add_loop_test(tc, json_may_stand_in_one_block_that_is_all, 0,
			    COUNT(fences));
	tcase_add_loop_test(tc,
			    what_is_no_expectation_is_refused_with_the_reason,
			    0, COUNT(wrongs));
	tcase_add_test(tc, tree_and_text_are_judged_alike);
	tcase_add_test(tc, nothing_is_no_expectation);
	tcase_add_test(tc, longest_one_is_taken_and_a_longer_one_is_not);
	tcase_add_loop_test(tc, endless_pattern_is_given_up, 0, COUNT(endless));
	tcase_add_test(tc, long_class_is_not_tried_on_a_long_answer);
	tcase_add_test(tc, long_answer_is_searched_to_its_end);
	tcase_add_test(tc, answer_over_the_limit_is_no_success);
	tcase_add_test(tc, deep_answer_is_no_json);
	tcase_add_loop_test(tc, no_memory_is_said_and_leaks_nothing, 0,
			    2 * COUNT(runs));
	tcase_add_test(tc, no_memory_for_a_check_is_said);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
