/* SPDX-License-Identifier: MIT */
/* test_cli_table.c - tables fit, and widths are those of a terminal. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "utf8.h"

static const struct column columns[] = {
	{ "BOT", COLUMN_FIXED },  { "STATE", COLUMN_STATE },
	{ "PID", COLUMN_NUMBER }, { "REASON", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

static char *print(const struct table *t, size_t width, bool colour)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	table_print(t, f, width, colour);
	fclose(f);
	return text;
}

static void fill(struct table *t, const char *reason)
{
	table_init(t, columns);
	table_add(t, "BOT-001");
	table_add(t, "ready");
	table_addn(t, 4711);
	table_add(t, NULL);
	table_add(t, "b");
	table_add(t, "failed");
	table_add(t, "");
	table_add(t, reason);
}

START_TEST(columns_line_up)
{
	struct table t;
	char *text;

	fill(&t, "no program");
	text = print(&t, 0, false);
	ck_assert_str_eq(text, "BOT      STATE    PID  REASON\n"
			       "BOT-001  ready   4711  -\n"
			       "b        failed     -  no program\n");
	free(text);
	table_free(&t);
}
END_TEST

START_TEST(a_column_can_be_taken_out)
{
	static const struct column left[] = {
		{ "BOT", COLUMN_FIXED },
		{ "PID", COLUMN_NUMBER },
		{ "REASON", COLUMN_FLEX },
		{ NULL, COLUMN_FIXED },
	};
	struct table t;
	char *text;

	fill(&t, "no program");
	table_drop(&t, 1, left);
	text = print(&t, 0, false);
	ck_assert_str_eq(text, "BOT       PID  REASON\n"
			       "BOT-001  4711  -\n"
			       "b           -  no program\n");
	free(text);
	table_free(&t);
}
END_TEST

START_TEST(wide_text_is_cut_with_an_ellipsis_and_numbers_give_way)
{
	struct table t;
	char *text;

	fill(&t, "the model llama3.2 is not there");
	text = print(&t, 36, false);
	ck_assert_str_eq(text, "BOT      STATE    PID  REASON\n"
			       "BOT-001  ready   4711  -\n"
			       "b        failed     -  the model ll\xe2\x80\xa6"
			       "\n");
	free(text);
	text = print(&t, 30, false);
	ck_assert_str_eq(text, "BOT      STATE   REASON\n"
			       "BOT-001  ready   -\n"
			       "b        failed  the model l\xe2\x80\xa6"
			       "\n");
	free(text);
	table_free(&t);
}
END_TEST

START_TEST(no_line_is_wider_than_the_terminal)
{
	static const char *const reasons[] = {
		"short",
		"a rather long reason that goes on and on and on and on",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac",
		"\xf0\x9f\xa6\x8a\xf0\x9f\xa6\x8a\xf0\x9f\xa6\x8a",
	};

	for (size_t i = 0; i < 4; i++) {
		for (size_t width = 20; width < 80; width++) {
			struct table t;
			char *text, *line, *rest;

			fill(&t, reasons[i]);
			text = rest = print(&t, width, false);
			while ((line = strsep(&rest, "\n")) != NULL)
				ck_assert_uint_le(utf8_columns(line), width);
			free(text);
			table_free(&t);
		}
	}
}
END_TEST

START_TEST(wide_and_combining_characters_count_as_shown)
{
	ck_assert_uint_eq(utf8_columns("abc"), 3);
	ck_assert_uint_eq(utf8_columns("\xe6\x97\xa5"), 2);
	ck_assert_uint_eq(utf8_columns("e\xcc\x81"), 1);
	ck_assert_uint_eq(utf8_columns("\xc3\xbc"), 1);
	ck_assert_uint_eq(utf8_fit("\xe6\x97\xa5\xe6\x9c\xac", 3), 3);
}
END_TEST

START_TEST(cells_are_made_safe)
{
	struct table t;
	char *text;

	fill(&t, "\x1b[31mred\nline");
	text = print(&t, 0, false);
	ck_assert_ptr_null(strchr(text, '\x1b'));
	ck_assert_ptr_nonnull(strstr(text, "[31mred line\n"));
	free(text);
	table_free(&t);
}
END_TEST

START_TEST(states_are_coloured_only_when_asked)
{
	struct table t;
	char *text;

	fill(&t, "x");
	text = print(&t, 0, true);
	ck_assert_ptr_nonnull(strstr(text, "\x1b[32mready\x1b[0m"));
	ck_assert_ptr_nonnull(strstr(text, "\x1b[31mfailed\x1b[0m"));
	free(text);
	table_free(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("table");
	TCase *tc = tcase_create("printer");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, columns_line_up);
	tcase_add_test(tc, a_column_can_be_taken_out);
	tcase_add_test(tc,
		       wide_text_is_cut_with_an_ellipsis_and_numbers_give_way);
	tcase_add_test(tc, no_line_is_wider_than_the_terminal);
	tcase_add_test(tc, wide_and_combining_characters_count_as_shown);
	tcase_add_test(tc, cells_are_made_safe);
	tcase_add_test(tc, states_are_coloured_only_when_asked);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
