/* SPDX-License-Identifier: MIT */
/*
 * The strict check and the parser. The tables follow the idea of
 * JSONTestSuite: texts that every reader must accept, and texts that none
 * may; with the place and the message for those that people really write.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>
#include <deia/sys/json.h>

#include "core/id.h"
#include "core/json.h"
#include "core/mem.h"

#define TEXT(s)                                                                \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct text {
	const char *s;
	size_t len;
};

/* ---- must be accepted -------------------------------------------------- */

static const struct text good[] = {
	TEXT("null"),
	TEXT("true"),
	TEXT("false"),
	TEXT("0"),
	TEXT("-0"),
	TEXT("-1"),
	TEXT("123"),
	TEXT("1.5"),
	TEXT("0.5"),
	TEXT("-0.25"),
	TEXT("1e5"),
	TEXT("1E5"),
	TEXT("1e+5"),
	TEXT("1e-5"),
	TEXT("0e1"),
	TEXT("0e+1"),
	TEXT("1.25E-10"),
	TEXT("20e1"),
	TEXT("-1234567890"),
	TEXT("123456789012345678901234567890"),
	TEXT("[-0.0000000000000000000000000000000000000000000000000000000000"
	     "00000000000000000001]"),
	TEXT("\"\""),
	TEXT("\"a\""),
	TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	TEXT("\"\\u0041\\u00e4\\u20AC\\uFFFF\""),
	TEXT("\"\\u0001\\u001f\""),
	TEXT("\"\\ud83d\\ude00\""),
	TEXT("\"\\uD834\\uDD1E\""),
	TEXT("\"\\u0061\\u30af\\u30EA\\u30b9\""),
	TEXT("\"\\\\u0000\""),
	TEXT("\"\\\\\\\\\""),
	TEXT("\"\x7f\""),
	TEXT("\"\xc2\x80\xdf\xbf\""),
	TEXT("\"\xe2\x80\xa8\xe2\x80\xa9\""),
	TEXT("\"\xef\xbf\xbe\xf4\x8f\xbf\xbf\""),
	TEXT("\"\xf0\x9f\x98\x80\""),
	TEXT("\"/* not a comment */ // nor this\""),
	TEXT("[]"),
	TEXT("[ ]"),
	TEXT("[null,1,\"1\",{}]"),
	TEXT("[1\n]"),
	TEXT(" [1] "),
	TEXT("\t\r\n [ 1 , 2 ] \n"),
	TEXT("[[[[[]]]]]"),
	TEXT("{}"),
	TEXT("{ }"),
	TEXT("{\"a\":1}"),
	TEXT("{\"\":0}"),
	TEXT("{\"a\":{\"a\":{\"a\":[]}}}"),
	TEXT("{\"a\":1,\"A\":2,\"aa\":3,\"\\u0062\":4}"),
	TEXT("{\"x\":[{\"a\":1},{\"a\":2}],\"a\":3}"),
	TEXT("{\"a\" : \"b\" , \"c\" : [ ] }"),
	TEXT("{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,"
	     "\"8\":8,\"9\":9,\"10\":10,\"11\":11,\"12\":12}"),
	TEXT("{\"min\":-1.0e+28,\"max\":1.0e+28}"),
};

START_TEST(valid_text_is_accepted_and_parsed)
{
	cJSON *json = NULL;
	struct deia_json_error where;

	ck_assert_int_eq(deia_json_check(good[_i].s, good[_i].len, NULL),
			 DEIA_OK);
	ck_assert_int_eq(
		deia_json_parse(&json, good[_i].s, good[_i].len, &where),
		DEIA_OK);
	ck_assert_ptr_nonnull(json);
	cJSON_Delete(json);
}
END_TEST

/* What was parsed, printed, parsed and printed again stays the same. */
START_TEST(parsed_text_survives_a_round_trip)
{
	char *once, *twice;
	cJSON *json;

	ck_assert_int_eq(deia_json_parse(&json, good[_i].s, good[_i].len, NULL),
			 DEIA_OK);
	once = deia__json_print(json);
	ck_assert_ptr_nonnull(once);
	cJSON_Delete(json);
	ck_assert_int_eq(deia_json_parse(&json, once, strlen(once), NULL),
			 DEIA_OK);
	twice = deia__json_print(json);
	ck_assert_str_eq(once, twice);
	cJSON_Delete(json);
	deia__free(once);
	deia__free(twice);
}
END_TEST

/* ---- must be refused --------------------------------------------------- */

static const struct text bad[] = {
	TEXT(""),
	TEXT(" "),
	TEXT("\0"),
	TEXT("\xef\xbb\xbf{}"),
	TEXT("nul"),
	TEXT("nulll"),
	TEXT("True"),
	TEXT("NULL"),
	TEXT("NaN"),
	TEXT("Infinity"),
	TEXT("-Infinity"),
	TEXT("undefined"),
	TEXT("a"),
	TEXT("'a'"),
	TEXT("00"),
	TEXT("01"),
	TEXT("-01"),
	TEXT("012"),
	TEXT("-"),
	TEXT("--1"),
	TEXT("+1"),
	TEXT("++1"),
	TEXT("-a"),
	TEXT("- 1"),
	TEXT("1."),
	TEXT("-2."),
	TEXT(".5"),
	TEXT("-.5"),
	TEXT("1.e1"),
	TEXT("1e"),
	TEXT("1e+"),
	TEXT("1E-"),
	TEXT("1ea"),
	TEXT("1.5.5"),
	TEXT("0x1F"),
	TEXT("0b1"),
	TEXT("1_000"),
	TEXT("1 000"),
	TEXT("1,5"),
	TEXT("1a"),
	TEXT("[1e1.5]"),
	TEXT("\xef\xbc\x91"), /* full-width digit */
	TEXT("\""),
	TEXT("\"a"),
	TEXT("\"\\\""),
	TEXT("\"\\"),
	TEXT("\"\\a\""),
	TEXT("\"\\'\""),
	TEXT("\"\\x41\""),
	TEXT("\"\\0\""),
	TEXT("\"\\U0041\""),
	TEXT("\"\\u\""),
	TEXT("\"\\u1\""),
	TEXT("\"\\u12\""),
	TEXT("\"\\u123\""),
	TEXT("\"\\u123g\""),
	TEXT("\"\\u 123\""),
	TEXT("\"\\u-123\""),
	TEXT("\"\\u0000\""),
	TEXT("\"a\\u0000b\""),
	TEXT("{\"\\u0000\":1}"),
	TEXT("\"\\ud800\""),
	TEXT("\"\\ud800x\""),
	TEXT("\"\\ud800\\n\""),
	TEXT("\"\\ud800\\u0041\""),
	TEXT("\"\\ud800\\ud800\""),
	TEXT("\"\\udc00\""),
	TEXT("\"\\udc00\\ud800\""),
	TEXT("\"\\ud83d\\ude0\""),
	TEXT("\"\\ud83d\\u"),
	TEXT("\"a\nb\""),
	TEXT("\"a\tb\""),
	TEXT("\"a\0b\""),
	TEXT("\"\x1f\""),
	TEXT("\"\x80\""),
	TEXT("\"\xff\""),
	TEXT("\"\xc0\xaf\""),
	TEXT("\"\xc3\""),
	TEXT("\"\xe2\x82\""),
	TEXT("\"\xed\xa0\x80\""),
	TEXT("\"\xf4\x90\x80\x80\""),
	TEXT("\"\xf0\x9f\x98"),
	TEXT("["),
	TEXT("]"),
	TEXT("[1"),
	TEXT("[1,"),
	TEXT("[1,]"),
	TEXT("[,1]"),
	TEXT("[,]"),
	TEXT("[1,,2]"),
	TEXT("[1 2]"),
	TEXT("[1;2]"),
	TEXT("[1:2]"),
	TEXT("[1}"),
	TEXT("[]]"),
	TEXT("[\"a\" \"b\"]"),
	TEXT("[1]x"),
	TEXT("[1],"),
	TEXT("[1][2]"),
	TEXT("[\v1]"),
	TEXT("[\f]"),
	TEXT("[\xc2\xa0]"), /* no-break space */
	TEXT("[1]\0"),
	TEXT("[1\0]"),
	TEXT("{"),
	TEXT("}"),
	TEXT("{]"),
	TEXT("{\"a\""),
	TEXT("{\"a\":"),
	TEXT("{\"a\":1"),
	TEXT("{\"a\":1,"),
	TEXT("{\"a\":1,}"),
	TEXT("{,\"a\":1}"),
	TEXT("{\"a\":1,,\"b\":2}"),
	TEXT("{\"a\" 1}"),
	TEXT("{\"a\"::1}"),
	TEXT("{\"a\"=1}"),
	TEXT("{\"a\"}"),
	TEXT("{\"a\",1}"),
	TEXT("{\"a\":1 \"b\":2}"),
	TEXT("{\"a\":1]"),
	TEXT("{a:1}"),
	TEXT("{'a':1}"),
	TEXT("{1:1}"),
	TEXT("{null:1}"),
	TEXT("{[1]:1}"),
	TEXT("{:1}"),
	TEXT("{\"a\":}"),
	TEXT("{}{}"),
	TEXT("{\"a\":1}#"),
	TEXT("{\"a\":1}//x"),
	TEXT("/* x */ {}"),
	TEXT("[1] // x"),
	TEXT("{\"a\":1,\"a\":1}"),
	TEXT("{\"a\":1,\"b\":2,\"a\":3}"),
	TEXT("{\"\":1,\"\":2}"),
	TEXT("{\"a\":1,\"\\u0061\":2}"),
	TEXT("{\"\\u0061\":1,\"\\u0061\":2}"),
	TEXT("{\"/\":1,\"\\/\":2}"),
	TEXT("{\"\\n\":1,\"\\u000A\":2}"),
	TEXT("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
	TEXT("{\"x\":{\"a\":1,\"a\":2}}"),
	TEXT("[{\"a\":{}},{\"b\":1,\"b\":1}]"),
	TEXT("{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,"
	     "\"8\":8,\"9\":9,\"10\":10,\"11\":11,\"\\u0031\":12}"),
};

START_TEST(invalid_text_is_refused_with_its_place)
{
	struct deia_json_error where = { 0 };
	cJSON *json = (cJSON *)&where;

	ck_assert_int_eq(deia_json_check(bad[_i].s, bad[_i].len, &where),
			 DEIA_EPARSE);
	ck_assert_uint_ge(where.line, 1);
	ck_assert_uint_ge(where.column, 1);
	ck_assert_uint_le(where.offset, bad[_i].len);
	ck_assert_uint_gt(strlen(where.detail), 10);
	ck_assert_int_eq(deia_json_parse(&json, bad[_i].s, bad[_i].len, NULL),
			 DEIA_EPARSE);
	ck_assert_ptr_null(json);
}
END_TEST

/* A text cut anywhere is refused, unless what is left is a whole number. */
START_TEST(every_cut_of_a_text_is_refused)
{
	for (size_t len = 0; len < good[_i].len; len++) {
		char *cut = deia__strndup(good[_i].s, len);
		size_t end = len;

		while (end > 0 && strchr(" \t\r\n", cut[end - 1]))
			end--;
		if (strchr("[{\"tfn", good[_i].s[0]) ||
		    strchr("\t ", good[_i].s[0])) {
			cJSON *json;
			bool whole = deia_json_check(cut, len, NULL) == DEIA_OK;

			ck_assert(!whole || strchr("]}", cut[end - 1]));
			json = cJSON_ParseWithLength(cut, len);
			ck_assert(!whole || json);
			cJSON_Delete(json);
		}
		deia__free(cut);
	}
}
END_TEST

static const struct {
	const char *text;
	unsigned line, column;
	const char *detail;
} messages[] = {
	{ "", 1, 1, "expected a value, but the text ends here" },
	{ "{\n  \"a\": 1,\n}", 3, 1, "a comma before '}'; remove it" },
	{ "{\n  \"a\": 'x'\n}", 2, 8,
	  "expected a value, found '''; strings are written in double "
	  "quotes" },
	{ "{\"a\": True}", 1, 7, "write true in lower case" },
	{ "{\"a\": yes}", 1, 7,
	  "expected a value, found the word yes; text is written in double "
	  "quotes" },
	{ "{a: 1}", 1, 2, "expected a key in double quotes or '}', found 'a'" },
	{ "{\"a\": 1 \"b\": 2}", 1, 9, "expected ',' or '}', found '\"'" },
	{ "{\"a\" 1}", 1, 6, "expected ':' after the key, found '1'" },
	{ "[1, 007]", 1, 5, "a number must not start with 0" },
	{ "[.5]", 1, 2,
	  "expected a value, found '.'; a number starts with a digit or '-'" },
	{ "[1] // x", 1, 5,
	  "expected nothing after the value, found '/'; JSON has no comments" },
	{ "[\"\xc3\xa4\xc3\xb6\", \"a\nb\"]", 1, 10,
	  "a line break in a string; write \\n, or close the string" },
	{ "[\"C:\\dir\"]", 1, 5,
	  "unknown escape in a string; a backslash itself is written \\\\" },
	{ "{\"name\":1,\n \"name\":2}", 2, 2,
	  "the key \"name\" is there twice in one object" },
	{ "[\"\\ud800\"]", 1, 3,
	  "\\uD800 is half of a surrogate pair; the other half is missing" },
	{ "[\"\xff\"]", 1, 3, "byte 0xFF is not valid UTF-8 here" },
	{ "\xef\xbb\xbf{}", 1, 1,
	  "the text starts with a byte order mark; save it as UTF-8 without "
	  "one" },
	{ "[\"abc", 1, 2, "the string that starts here has no end" },
	{ "[\"\\u0000\"]", 1, 3, "U+0000 is not allowed in a string" },
};

START_TEST(message_names_place_and_fix)
{
	struct deia_json_error where;

	ck_assert_int_eq(deia_json_check(messages[_i].text,
					 strlen(messages[_i].text), &where),
			 DEIA_EPARSE);
	ck_assert_str_eq(where.detail, messages[_i].detail);
	ck_assert_uint_eq(where.line, messages[_i].line);
	ck_assert_uint_eq(where.column, messages[_i].column);
}
END_TEST

START_TEST(depth_is_limited_exactly)
{
	char text[2 * DEIA_MAX_JSON_DEPTH + 3];
	struct deia_json_error where;
	cJSON *json;
	char *printed;

	memset(text, '[', DEIA_MAX_JSON_DEPTH);
	memset(text + DEIA_MAX_JSON_DEPTH, ']', DEIA_MAX_JSON_DEPTH);
	ck_assert_int_eq(
		deia_json_parse(&json, text, 2 * DEIA_MAX_JSON_DEPTH, NULL),
		DEIA_OK);
	printed = deia__json_print(json);
	ck_assert_uint_eq(strlen(printed), 2 * DEIA_MAX_JSON_DEPTH);
	deia__free(printed);
	cJSON_Delete(json);
	memset(text, '[', DEIA_MAX_JSON_DEPTH + 1);
	memset(text + DEIA_MAX_JSON_DEPTH + 1, ']', DEIA_MAX_JSON_DEPTH + 1);
	ck_assert_int_eq(
		deia_json_check(text, 2 * DEIA_MAX_JSON_DEPTH + 2, &where),
		DEIA_ELIMIT);
	ck_assert_str_eq(where.detail, "nested deeper than 64 levels");
	ck_assert_uint_eq(where.offset, DEIA_MAX_JSON_DEPTH);
}
END_TEST

static deia_err check_array(size_t n, struct deia_json_error *where)
{
	size_t len = 2 * n + 1;
	char *text = malloc(len);
	deia_err err;

	for (size_t i = 0; i < n; i++)
		memcpy(text + 1 + 2 * i, "0,", 2);
	text[0] = '[';
	text[len - 1] = ']';
	err = deia_json_check(text, len, where);
	free(text);
	return err;
}

START_TEST(number_of_values_is_limited)
{
	struct deia_json_error where;

	/* The array itself counts. */
	ck_assert_int_eq(check_array(DEIA_MAX_JSON_VALUES - 1, &where),
			 DEIA_OK);
	ck_assert_int_eq(check_array(DEIA_MAX_JSON_VALUES, &where),
			 DEIA_ELIMIT);
	ck_assert_str_eq(where.detail, "more than 250000 values");
}
END_TEST

/* A mebibyte of keys that a plain hash or pairwise search would choke on. */
START_TEST(many_keys_are_checked_quickly_and_the_first_repeat_is_named)
{
	enum { N = 60000 };
	struct deia_json_error where;
	char *text = malloc(N * 24 + 64), *at = text;
	size_t repeat;

	*at++ = '{';
	for (int i = 0; i < N; i++)
		at += sprintf(at, "\"key%08x\":0,\n",
			      (unsigned)i * 2654435761u);
	at[-2] = '}';
	ck_assert_int_eq(deia_json_check(text, (size_t)(at - text) - 1, &where),
			 DEIA_OK);
	at[-2] = ',';
	repeat = (size_t)(at - text);
	at += sprintf(at, "\"key%08x\":0,\"key%08x\":0}", 5 * 2654435761u,
		      3 * 2654435761u);
	ck_assert_int_eq(deia_json_check(text, (size_t)(at - text), &where),
			 DEIA_EPARSE);
	ck_assert_uint_eq(where.offset, repeat);
	ck_assert_uint_eq(where.line, N + 1);
	free(text);
}
END_TEST

START_TEST(out_of_memory_in_the_check_is_told)
{
	char text[1000] = "{", *at = text + 1;
	struct deia_json_error where;

	for (int i = 0; i < 40; i++)
		at += sprintf(at, "\"%d\":%d,", i, i);
	at[-1] = '}';
	deia__mem_fail_at(1, false);
	ck_assert_int_eq(deia_json_check(text, strlen(text), &where),
			 DEIA_ENOMEM);
	deia__mem_fail_at(2, false);
	ck_assert_int_eq(deia_json_check(text, strlen(text), NULL),
			 DEIA_ENOMEM);
	deia__mem_fail_at(0, false);
	ck_assert_int_eq(deia_json_check(text, strlen(text), &where), DEIA_OK);
}
END_TEST

START_TEST(out_of_memory_while_shortening_numbers_is_told)
{
	static const char text[] =
		"[1.000000000000000000000000000000000000000000000000000000000"
		"000000000000000000000000000000000001]";
	cJSON *json;

	for (unsigned long n = 1; n <= 2; n++) {
		deia__mem_fail_at(n, true);
		ck_assert_int_eq(
			deia_json_parse(&json, text, sizeof(text) - 1, NULL),
			DEIA_ENOMEM);
		deia__mem_fail_at(0, false);
		ck_assert_ptr_null(json);
	}
}
END_TEST

START_TEST(long_numbers_keep_their_value)
{
	static const char text[] =
		"{\"123456789012345678901234567890123456789012345678901234567"
		"89012345678901234567890\":\"\\\"1\","
		"\"x\":0.1000000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000001,\"y\":-1e"
		"00000000000000000000000000000000000000000000000000000000000"
		"000000002}";
	cJSON *json;

	ck_assert_int_eq(deia_json_parse(&json, text, sizeof(text) - 1, NULL),
			 DEIA_OK);
	ck_assert_double_eq(deia__json_get(json, "x")->valuedouble, 0.1);
	ck_assert_double_eq(deia__json_get(json, "y")->valuedouble, -100.0);
	ck_assert_str_eq(json->child->valuestring, "\"1");
	cJSON_Delete(json);
}
END_TEST

START_TEST(typed_access_refuses_other_types)
{
	static const char text[] =
		"{\"s\":\"x\",\"i\":7,\"f\":1.5,\"n\":null,\"big\":1e300,"
		"\"neg\":-3,\"inf\":1e999}";
	int64_t v = 42;
	cJSON *json;

	ck_assert_int_eq(deia_json_parse(&json, text, sizeof(text) - 1, NULL),
			 DEIA_OK);
	ck_assert_str_eq(deia__json_str(json, "s"), "x");
	ck_assert_ptr_null(deia__json_str(json, "S"));
	ck_assert_ptr_null(deia__json_str(json, "i"));
	ck_assert_ptr_null(deia__json_get(json, "n"));
	ck_assert_ptr_null(deia__json_get(NULL, "n"));
	ck_assert(!deia__json_int(json, "s", 0, 10, &v));
	ck_assert(!deia__json_int(json, "f", 0, 10, &v));
	ck_assert(!deia__json_int(json, "i", 8, 10, &v));
	ck_assert(!deia__json_int(json, "i", 0, 6, &v));
	ck_assert(!deia__json_int(json, "big", 0, INT64_MAX, &v));
	ck_assert(!deia__json_int(json, "inf", 0, INT64_MAX, &v));
	ck_assert(!deia__json_int(json, "none", 0, 10, &v));
	ck_assert_int_eq(v, 42);
	ck_assert(deia__json_int(json, "i", 7, 7, &v));
	ck_assert_int_eq(v, 7);
	ck_assert(deia__json_int(json, "neg", -10, 7, &v));
	ck_assert_int_eq(v, -3);
	cJSON_Delete(json);
}
END_TEST

/* Texts near to JSON: what the check accepts, cJSON must accept too. */
START_TEST(what_the_check_accepts_cjson_reads)
{
	static const char alphabet[] = "{}[]\",:\\u0018dDcC.eE+-tfn \x80\xe2";
	struct deia__rng rng;
	char text[16];
	cJSON *json;
	int accepted = 0;

	deia__rng_init(&rng, 7);
	for (int round = 0; round < 400000; round++) {
		size_t len = 1 + deia__rng_next(&rng) % sizeof(text);

		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[deia__rng_next(&rng) %
					   (sizeof(alphabet) - 1)];
		if (deia_json_check(text, len, NULL) != DEIA_OK)
			continue;
		accepted++;
		ck_assert_int_eq(deia_json_parse(&json, text, len, NULL),
				 DEIA_OK);
		cJSON_Delete(json);
	}
	ck_assert_int_gt(accepted, 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json");
	TCase *tc = tcase_create("core");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, valid_text_is_accepted_and_parsed, 0,
			    COUNT(good));
	tcase_add_loop_test(tc, parsed_text_survives_a_round_trip, 0,
			    COUNT(good));
	tcase_add_loop_test(tc, invalid_text_is_refused_with_its_place, 0,
			    COUNT(bad));
	tcase_add_loop_test(tc, every_cut_of_a_text_is_refused, 0, COUNT(good));
	tcase_add_loop_test(tc, message_names_place_and_fix, 0,
			    COUNT(messages));
	tcase_add_test(tc, depth_is_limited_exactly);
	tcase_add_test(tc, number_of_values_is_limited);
	tcase_add_test(
		tc,
		many_keys_are_checked_quickly_and_the_first_repeat_is_named);
	tcase_add_test(tc, out_of_memory_in_the_check_is_told);
	tcase_add_test(tc, out_of_memory_while_shortening_numbers_is_told);
	tcase_add_test(tc, long_numbers_keep_their_value);
	tcase_add_test(tc, typed_access_refuses_other_types);
	tcase_add_test(tc, what_the_check_accepts_cjson_reads);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
