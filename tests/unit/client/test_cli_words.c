/* SPDX-License-Identifier: MIT */
/* test_cli_words.c - options, durations, and "did you mean". */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "suggest.h"

static const struct opt own[] = {
	{ "model", 'm', OPT_TEXT, false, "MODEL", "", NULL },
	{ "env", 0, OPT_TEXT, true, "NAME=VALUE", "", NULL },
	{ "limit", 'n', OPT_NUMBER, false, "N", "", NULL },
	{ "ttl", 0, OPT_DURATION, false, "TIME", "", NULL },
	{ "wait", 'w', OPT_FLAG, false, NULL, "", NULL },
	{ 0 },
};
static const struct opt common[] = {
	{ "json", 0, OPT_FLAG, false, NULL, "", NULL },
	{ "quiet", 'q', OPT_FLAG, false, NULL, "", NULL },
	{ 0 },
};

static struct args a;
static char *message;

static bool parse(char *line, bool stop_at_word)
{
	char *argv[32];
	int argc = 0, used;

	memset(&a, 0, sizeof(a));
	a.command = "test";
	a.own = own;
	a.common = common;
	free(message);
	message = NULL;
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	return args_parse(&a, argc, argv, stop_at_word, &used, &message);
}

#define GOOD(text)                                                             \
	do {                                                                   \
		static char line[] = text;                                     \
		ck_assert_msg(parse(line, false), "%s", message);              \
	} while (0)

#define WRONG(text, says)                                                      \
	do {                                                                   \
		static char line[] = text;                                     \
		ck_assert(!parse(line, false));                                \
		ck_assert_msg(strstr(message, says) != NULL, "%s", message);   \
	} while (0)

START_TEST(options_stand_anywhere)
{
	GOOD("BOT --model x --json y -q");
	ck_assert_uint_eq(a.n_words, 2);
	ck_assert_str_eq(a.words[1], "y");
	ck_assert_str_eq(args_text(&a, "model"), "x");
	ck_assert(args_has(&a, "json") && args_has(&a, "quiet"));
	ck_assert(!args_has(&a, "wait"));
}
END_TEST

START_TEST(values_come_in_four_forms)
{
	GOOD("--model=x --limit 5");
	ck_assert_str_eq(args_text(&a, "model"), "x");
	ck_assert_int_eq(args_number(&a, "limit", 0), 5);
	GOOD("-mx -n5");
	ck_assert_str_eq(args_text(&a, "model"), "x");
	ck_assert_int_eq(args_number(&a, "limit", 0), 5);
	GOOD("-m x -wq -n -5");
	ck_assert(args_has(&a, "wait") && args_has(&a, "quiet"));
	ck_assert_int_eq(args_number(&a, "limit", 0), -5);
	GOOD("--model=");
	ck_assert_str_eq(args_text(&a, "model"), "");
}
END_TEST

START_TEST(words_after_dashes_are_words)
{
	GOOD("BOT -- prog --model x -q");
	ck_assert_uint_eq(a.n_words, 5);
	ck_assert_uint_eq(a.n_before_dashes, 1);
	ck_assert_str_eq(a.words[2], "--model");
	GOOD("a b");
	ck_assert_uint_eq(a.n_before_dashes, 2);
}
END_TEST

START_TEST(some_options_are_given_more_than_once)
{
	size_t at = 0;

	GOOD("--env A=1 --env B=2");
	ck_assert_str_eq(args_next(&a, "env", &at), "A=1");
	ck_assert_str_eq(args_next(&a, "env", &at), "B=2");
	ck_assert_ptr_null(args_next(&a, "env", &at));
	WRONG("--model x --model y", "given twice");
}
END_TEST

START_TEST(wrong_options_are_explained)
{
	WRONG("--modle x", "did you mean --model?");
	WRONG("--jsno", "did you mean --json?");
	WRONG("--zzz", "--help");
	WRONG("-z", "no option -z");
	WRONG("--model", "needs a value");
	WRONG("--wait=1", "takes no value");
	WRONG("--limit ten", "not a whole number");
	WRONG("--limit 99999999999999999999", "not a whole number");
	WRONG("--ttl soon", "15m");
}
END_TEST

START_TEST(durations_are_read)
{
	int64_t s = 0;

	ck_assert(parse_duration("90", &s) && s == 90);
	ck_assert(parse_duration("15m", &s) && s == 900);
	ck_assert(parse_duration("12h", &s) && s == 43200);
	ck_assert(parse_duration("30d", &s) && s == 2592000);
	ck_assert(!parse_duration("", &s));
	ck_assert(!parse_duration("-5", &s));
	ck_assert(!parse_duration("5y", &s));
	ck_assert(!parse_duration("999999999999999999d", &s));
}
END_TEST

START_TEST(distance_counts_slips)
{
	ck_assert_uint_eq(edit_distance("", ""), 0);
	ck_assert_uint_eq(edit_distance("list", "list"), 0);
	ck_assert_uint_eq(edit_distance("LIST", "list"), 0);
	ck_assert_uint_eq(edit_distance("lst", "list"), 1);
	ck_assert_uint_eq(edit_distance("lisst", "list"), 1);
	ck_assert_uint_eq(edit_distance("lixt", "list"), 1);
	ck_assert_uint_eq(edit_distance("lsit", "list"), 1);
	ck_assert_uint_eq(edit_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(edit_distance("", "abc"), 3);
	ck_assert(edit_distance("a",
				"01234567890123456789012345678901234567890"
				"12345678901234567890123456789") == SIZE_MAX);
}
END_TEST

static const char *nearest(const char *typed)
{
	static const char *const names[] = { "serve",	  "status", "stop",
					     "login",	  "chat",   "bot list",
					     "bot launch" };
	struct suggestion s = { .typed = typed };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		suggest_offer(&s, names[i]);
	return s.best != NULL ? s.best : "";
}

START_TEST(the_nearest_word_is_proposed)
{
	ck_assert_str_eq(nearest("sevre"), "serve");
	ck_assert_str_eq(nearest("statsu"), "status");
	ck_assert_str_eq(nearest("stpo"), "stop");
	ck_assert_str_eq(nearest("bot lsit"), "bot list");
	ck_assert_str_eq(nearest("cht"), "chat");
	ck_assert_str_eq(nearest("log"), "login");
	ck_assert_str_eq(nearest("zebra"), "");
	ck_assert_str_eq(nearest("x"), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("words");
	TCase *tc = tcase_create("words");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, options_stand_anywhere);
	tcase_add_test(tc, values_come_in_four_forms);
	tcase_add_test(tc, words_after_dashes_are_words);
	tcase_add_test(tc, some_options_are_given_more_than_once);
	tcase_add_test(tc, wrong_options_are_explained);
	tcase_add_test(tc, durations_are_read);
	tcase_add_test(tc, distance_counts_slips);
	tcase_add_test(tc, the_nearest_word_is_proposed);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	free(message);
	return failed != 0;
}
