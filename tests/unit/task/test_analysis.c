/* SPDX-License-Identifier: MIT */
/* An analysis beside its type: what is stated, own words, numbers, limits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"
#include "core/utf8.h"
#include "rig.h"

static struct deia_task_analysis result;

static deia_err ask(const char *text, const struct deia_task_stated *stated)
{
	return deia_task_analyze(rig, text, strlen(text), stated, &result);
}

/* ---- what is stated ------------------------------------------------------ */

START_TEST(stated_values_win_over_found_ones)
{
	static const char *const caps[] = { "welding", "welding", "π" };
	struct deia_task_stated s = DEIA_TASK_STATED_INIT;

	s.type = DEIA_TASK_WRITING;
	s.has_complexity = s.has_seconds = true;
	s.complexity = 0.9;
	s.estimated_seconds = 7;
	s.capabilities = caps;
	s.n_capabilities = 3;
	ck_assert_int_eq(ask("Fix the bug in parser.c", &s), DEIA_OK);
	ck_assert_str_eq(result.type, "writing");
	ck_assert_double_eq(result.complexity, 0.9);
	ck_assert_int_eq(result.complexity_class, DEIA_TASK_HIGH);
	ck_assert_double_eq(result.estimated_seconds, 7);
	ck_assert_uint_eq(result.n_capabilities, 2);
	ck_assert_str_eq(result.capabilities[0], "welding");
	ck_assert_str_eq(result.capabilities[1], "π");
	ck_assert_uint_eq(result.stated, 15);
	ck_assert(rig_says(&result, "type writing was stated"));
	ck_assert(rig_says(&result, "the words alone say development"));
	ck_assert(rig_says(&result, "complexity 0.9, high, was stated"));
	ck_assert(rig_says(&result, "about 7 s, was stated"));
	ck_assert(rig_says(&result, "capabilities were stated"));
}
END_TEST

START_TEST(each_stated_value_leaves_the_others_to_be_found)
{
	struct deia_task_stated s = DEIA_TASK_STATED_INIT;
	static const char *const none[1];

	s.has_complexity = true;
	s.complexity = 0.5;
	ck_assert_int_eq(ask("Fix the bug in parser.c", &s), DEIA_OK);
	ck_assert_str_eq(result.type, "development");
	ck_assert_uint_eq(result.stated, DEIA_TASK_STATED_COMPLEXITY);
	/* 60 s x 16^0.5, and 23 bytes to read */
	ck_assert_double_eq_tol(result.estimated_seconds, 240.00575, 1e-9);
	ck_assert_uint_eq(result.n_capabilities, 1);
	s.capabilities = none;
	ck_assert_int_eq(ask("Fix the bug in parser.c", &s), DEIA_OK);
	ck_assert_uint_eq(result.n_capabilities, 0);
	s.type = DEIA_TASK_GENERAL;
	ck_assert_int_eq(ask("Fix the bug in parser.c", &s), DEIA_OK);
	ck_assert_double_eq_tol(result.estimated_seconds, 40.00575, 1e-9);
}
END_TEST

START_TEST(numbers_that_are_none_are_refused)
{
	const double bad[] = { (double)NAN, (double)INFINITY, -(double)INFINITY,
			       -1e-9, 86400.1 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct deia_task_stated s = DEIA_TASK_STATED_INIT;

		s.complexity = s.estimated_seconds = bad[i];
		ck_assert_int_eq(ask("x", &s), DEIA_OK);
		s.has_complexity = true;
		ck_assert_int_eq(ask("x", &s), DEIA_EINVAL);
		s.has_complexity = false;
		s.has_seconds = true;
		ck_assert_int_eq(ask("x", &s), DEIA_EINVAL);
		ck_assert_int_eq(deia_task_analyzer_add_type(rig, "t", bad[i]),
				 DEIA_EINVAL);
		if (bad[i] < 1000)
			ck_assert_int_eq(deia_task_analyzer_add_phrase(
						 rig, "general", "x", bad[i]),
					 DEIA_EINVAL);
	}
	ck_assert_int_eq(deia_task_analyzer_add_type(rig, "t", 0), DEIA_EINVAL);
	ck_assert_int_eq(
		deia_task_analyzer_add_phrase(rig, "general", "x", 100.5),
		DEIA_EINVAL);
}
END_TEST

START_TEST(names_that_are_none_are_refused)
{
	static const char *const bad[] = { "", " x", "a b", "-a", "é", "a\n" };
	struct deia_task_stated s = DEIA_TASK_STATED_INIT;
	static const char *cap[1];
	char longest[66];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		s.type = bad[i];
		ck_assert_int_eq(ask("x", &s), DEIA_EINVAL);
		ck_assert_int_eq(deia_task_analyzer_add_type(rig, bad[i], 1),
				 DEIA_EINVAL);
	}
	s.type = "nobody-knows";
	ck_assert_int_eq(ask("x", &s), DEIA_ENOTFOUND);
	s.type = NULL;
	s.capabilities = cap;
	s.n_capabilities = 1;
	cap[0] = "a b";
	ck_assert_int_eq(ask("x", &s), DEIA_EINVAL);
	cap[0] = "\xff";
	ck_assert_int_eq(ask("x", &s), DEIA_EINVAL);
	s.n_capabilities = DEIA_TASK_MAX_CAPABILITIES + 1;
	ck_assert_int_eq(ask("x", &s), DEIA_ELIMIT);
	memset(longest, 'a', 65);
	longest[65] = '\0';
	ck_assert_int_eq(deia_task_analyzer_add_type(rig, longest, 1),
			 DEIA_EINVAL);
	longest[64] = '\0';
	ck_assert_int_eq(deia_task_analyzer_add_type(rig, longest, 1), DEIA_OK);
}
END_TEST

START_TEST(unknown_types_may_be_stated_where_that_is_wanted)
{
	struct deia_task_analyzer_opts opts = DEIA_TASK_ANALYZER_OPTS_INIT;
	struct deia_task_stated s = DEIA_TASK_STATED_INIT;
	deia_task_analyzer *none = rig;

	deia_task_analyzer_free(rig);
	opts.any_stated_type = true;
	ck_assert_int_eq(deia_task_analyzer_new(&rig, &opts), DEIA_OK);
	s.type = "math";
	ck_assert_int_eq(ask("2+2", &s), DEIA_OK);
	ck_assert_str_eq(result.type, "math");
	ck_assert_double_gt(result.estimated_seconds, 10);
	s.type = "no name";
	ck_assert_int_eq(ask("2+2", &s), DEIA_EINVAL);
	opts.size++;
	ck_assert_int_eq(deia_task_analyzer_new(&none, &opts), DEIA_EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

START_TEST(callers_of_an_older_header_state_less)
{
	struct deia_task_stated s = DEIA_TASK_STATED_INIT;

	s.type = DEIA_TASK_WRITING;
	s.n_capabilities = 99;
	s.size = offsetof(struct deia_task_stated, capabilities);
	ck_assert_int_eq(ask("Fix the bug", &s), DEIA_OK);
	ck_assert_uint_eq(result.stated, DEIA_TASK_STATED_TYPE);
}
END_TEST

/* ---- own words ----------------------------------------------------------- */

START_TEST(own_types_have_words_of_their_own)
{
	ck_assert_int_eq(deia_task_analyzer_add_type(rig, "billing", 20),
			 DEIA_OK);
	ck_assert_int_eq(deia_task_analyzer_add_type(rig, "billing", 20),
			 DEIA_EEXIST);
	ck_assert_int_eq(deia_task_analyzer_add_phrase(
				 rig, "billing", "Überfällige Rechnung", 6),
			 DEIA_OK);
	ck_assert_int_eq(deia_task_analyzer_add_phrase(rig, "nobody", "x", 6),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(ask("mahne die ÜBERFÄLLIGE\nRECHNUNG an", NULL),
			 DEIA_OK);
	ck_assert_str_eq(result.type, "billing");
	ck_assert(rig_says(&result, "billing with 6: \"ÜBERFÄLLIGE RECHNUNG\" "
				    "6"));
	ck_assert_int_eq(ask("überfällige Rechnungen", NULL), DEIA_OK);
	ck_assert_str_eq(result.type, "general");
	ck_assert_str_eq(deia_task_analyzer_type(rig, 6), "billing");
	ck_assert_ptr_null(deia_task_analyzer_type(rig, 7));
}
END_TEST

START_TEST(own_phrases_add_to_built_in_ones)
{
	ck_assert_int_eq(ask("the plan", NULL), DEIA_OK);
	ck_assert(rig_says(&result, "planning with 4"));
	ck_assert_int_eq(
		deia_task_analyzer_add_phrase(rig, "writing", "plan", 9),
		DEIA_OK);
	ck_assert_int_eq(ask("the plan", NULL), DEIA_OK);
	ck_assert_str_eq(result.type, "writing");
	ck_assert_int_eq(
		deia_task_analyzer_add_phrase(rig, "writing", ".wav", 9),
		DEIA_OK);
	ck_assert_int_eq(ask("hear song/a/b.WAV", NULL), DEIA_OK);
	ck_assert_str_eq(result.type, "writing");
}
END_TEST

START_TEST(texts_that_are_no_phrases_are_refused)
{
	static const char *const bad[] = {
		"",	     " ",	 "!?",	 "a\nb", "> a b",
		"``` a",     "one. two", "a, b", "\xff", "1 2 3 4 5 6 7 8 9",
		"mail@x.org"
	};
	char longest[DEIA_TASK_MAX_PHRASE_BYTES + 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_int_eq(deia_task_analyzer_add_phrase(rig, "general",
							       bad[i], 1),
				 DEIA_EINVAL);
		ck_assert_int_eq(
			deia_task_analyzer_add_capability(rig, "c", bad[i]),
			DEIA_EINVAL);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(
		deia_task_analyzer_add_phrase(rig, "general", longest, 1),
		DEIA_EINVAL);
}
END_TEST

START_TEST(capabilities_come_from_phrases_in_the_order_of_the_text)
{
	ck_assert_int_eq(
		deia_task_analyzer_add_capability(rig, "gpu", "train model"),
		DEIA_OK);
	ck_assert_int_eq(ask("Translate this and train the model in Python and "
			     "python",
			     NULL),
			 DEIA_OK);
	ck_assert_uint_eq(result.n_capabilities, 3);
	ck_assert_str_eq(result.capabilities[0], "translation");
	ck_assert_str_eq(result.capabilities[1], "gpu");
	ck_assert_str_eq(result.capabilities[2], "python");
	ck_assert(rig_says(&result, "needs gpu: \"train the model\""));
}
END_TEST

START_TEST(capabilities_have_a_maximum)
{
	char text[1024] = "";

	for (int i = 0; i < 20; i++) {
		char word[16];

		snprintf(word, sizeof(word), "skill%d", i);
		ck_assert_int_eq(
			deia_task_analyzer_add_capability(rig, word, word),
			DEIA_OK);
		strcat(strcat(text, word), " ");
	}
	ck_assert_int_eq(ask(text, NULL), DEIA_OK);
	ck_assert_uint_eq(result.n_capabilities, DEIA_TASK_MAX_CAPABILITIES);
	ck_assert_str_eq(result.capabilities[7], "skill7");
}
END_TEST

START_TEST(types_and_phrases_have_a_maximum)
{
	deia_err err = DEIA_OK;
	unsigned n = 0;

	for (; !err && n < 100; n++) {
		char name[16];

		snprintf(name, sizeof(name), "t%u", n);
		err = deia_task_analyzer_add_type(rig, name, 1);
	}
	ck_assert_int_eq(err, DEIA_ELIMIT);
	ck_assert_ptr_nonnull(deia_task_analyzer_type(rig, 63));
	ck_assert_ptr_null(deia_task_analyzer_type(rig, 64));
	for (n = 0, err = DEIA_OK; !err && n < 20000; n++) {
		char phrase[32];

		snprintf(phrase, sizeof(phrase), "w%u v%u", n, n / 7);
		err = deia_task_analyzer_add_phrase(rig, "t57", phrase, 3);
	}
	ck_assert_int_eq(err, DEIA_ELIMIT);
	ck_assert_uint_eq(n, DEIA_TASK_MAX_PHRASES + 1);
	ck_assert_int_eq(ask("see w6999 v999 here", NULL), DEIA_OK);
	ck_assert_str_eq(result.type, "t57");
	ck_assert_int_eq(ask("Fix the bug", NULL), DEIA_OK);
	ck_assert_str_eq(result.type, "development");
}
END_TEST

START_TEST(analyzer_without_words_knows_added_ones_alone)
{
	struct deia_task_analyzer_opts opts = DEIA_TASK_ANALYZER_OPTS_INIT;

	rig_close();
	opts.no_builtin_words = true;
	ck_assert_int_eq(deia_task_analyzer_new(&rig, &opts), DEIA_OK);
	ck_assert_int_eq(ask("Fix the bug", NULL), DEIA_OK);
	ck_assert_str_eq(result.type, "general");
	ck_assert_int_eq(
		deia_task_analyzer_add_phrase(rig, "analysis", "fix bug", 2),
		DEIA_OK);
	ck_assert_int_eq(ask("Fix the bug", NULL), DEIA_OK);
	ck_assert_str_eq(result.type, "analysis");
}
END_TEST

/* ---- numbers ------------------------------------------------------------- */

static double complexity_of(const char *text)
{
	ck_assert_int_eq(ask(text, NULL), DEIA_OK);
	ck_assert(result.complexity >= 0 && result.complexity <= 1);
	return result.complexity;
}

START_TEST(complexity_follows_its_formula)
{
	/* 0.15 + 0.3 ln(6)/ln(2001), nothing else */
	ck_assert_double_eq_tol(complexity_of("aa bb cc dd ee"),
				0.15 + 0.3 * log(6) / log(2001), 1e-12);
	/* two items of a list, and "finally" */
	ck_assert_double_eq_tol(complexity_of("- aa\n- bb\nfinally cc"),
				0.15 + 0.3 * log(5) / log(2001) + 0.075, 1e-12);
	ck_assert_double_eq_tol(complexity_of("distributed aa simple"),
				0.15 + 0.3 * log(4) / log(2001) + 0.1, 1e-12);
	ck_assert(rig_says(&result, "words +0.1 (\"distributed\" +0.2, "
				    "\"simple\" -0.1)"));
}
END_TEST

START_TEST(complexity_has_three_classes)
{
	complexity_of("Fix a typo");
	ck_assert_int_eq(result.complexity_class, DEIA_TASK_LOW);
	complexity_of("Migrate the database from MySQL to PostgreSQL");
	ck_assert_int_eq(result.complexity_class, DEIA_TASK_MEDIUM);
	complexity_of("Implement a distributed, fault tolerant message queue "
		      "from scratch, with comprehensive tests, end to end "
		      "encryption and a detailed migration plan");
	ck_assert_int_eq(result.complexity_class, DEIA_TASK_HIGH);
	ck_assert_str_eq(deia_task_class_name(DEIA_TASK_LOW), "low");
	ck_assert_str_eq(deia_task_class_name(DEIA_TASK_MEDIUM), "medium");
	ck_assert_str_eq(deia_task_class_name(DEIA_TASK_HIGH), "high");
	ck_assert_str_eq(deia_task_class_name((deia_task_class)3), "unknown");
}
END_TEST

START_TEST(longer_and_harder_work_takes_longer)
{
	double easy, hard;

	complexity_of("Write a haiku");
	easy = result.estimated_seconds;
	complexity_of("Write a comprehensive and detailed novel");
	hard = result.estimated_seconds;
	ck_assert_double_gt(easy, 0);
	ck_assert_double_gt(hard, 2 * easy);
}
END_TEST

/* ---- limits -------------------------------------------------------------- */

START_TEST(empty_content_is_general_work)
{
	ck_assert_int_eq(deia_task_analyze(rig, NULL, 0, NULL, &result),
			 DEIA_OK);
	ck_assert_str_eq(result.type, "general");
	ck_assert_double_eq_tol(result.complexity, 0.15, 1e-12);
	ck_assert_int_eq(deia_task_analyze(rig, NULL, 1, NULL, &result),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_task_analyze(NULL, "", 0, NULL, &result),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_task_analyze(rig, "", 0, NULL, NULL),
			 DEIA_EINVAL);
}
END_TEST

/* Of a long content head and tail are read, and no word that is cut. */
START_TEST(long_content_is_read_at_both_ends)
{
	const size_t len = DEIA_MAX_CONTENT_BYTES;
	char *text = malloc(len + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', len + 1);
	for (size_t i = 0; i < len; i += 9)
		text[i] = ' ';
	ck_assert_int_eq(deia_task_analyze(rig, text, len + 1, NULL, &result),
			 DEIA_ELIMIT);
	ck_assert_str_eq(rig_analyze_n(text, len)->type, "general");
	memcpy(text + 512 * 1024, " refactor ", 10);
	ck_assert_str_eq(rig_analyze_n(text, len)->type, "general");
	memcpy(text + len - 300, " refactor ", 10);
	ck_assert_str_eq(rig_analyze_n(text, len)->type, "development");
	memcpy(text, "verify that", 11);
	ck_assert_str_eq(rig_analyze_n(text, len)->type, "validation");
	free(text);
}
END_TEST

START_TEST(word_that_the_window_cuts_does_not_count)
{
	static char text[64 * 1024];
	const size_t head = 16 * 1024, tail = sizeof(text) - 4 * 1024;

	for (int shift = -9; shift <= 1; shift++) {
		memset(text, ' ', sizeof(text));
		memcpy(text + (int)head + shift, "xrefactorx", 10);
		memcpy(text + (int)tail + shift, "xrefactorx", 10);
		memcpy(text + (int)tail + 30 + shift, "plan.refactor", 13);
		ck_assert_str_eq(rig_analyze_n(text, sizeof(text))->type,
				 "general");
	}
}
END_TEST

START_TEST(reasons_are_short_lines_of_text)
{
	static char text[8192];

	/* All sorts of bytes around phrases, and phrases that are long. */
	for (unsigned i = 0; i + 80 < sizeof(text); i += 40)
		snprintf(text + i, 41, "%c%c fix the\t\tbug %c write a\nstory ",
			 (int)(i / 40 % 255 + 1), (int)(0x80 + i % 0x7f),
			 (int)(i % 31 + 1));
	rig_analyze(text);
	ask(text, NULL);
	ck_assert_uint_ge(result.n_reasons, 4);
	for (size_t i = 0; i < result.n_reasons; i++) {
		const char *r = result.reasons[i];

		ck_assert(deia__utf8_valid(r, strlen(r)));
		ck_assert_uint_lt(strlen(r), DEIA_TASK_REASON_BYTES);
		ck_assert_uint_gt(strlen(r), 0);
		for (; *r != '\0'; r++)
			ck_assert((unsigned char)*r >= ' ' && *r != 0x7f);
	}
}
END_TEST

START_TEST(failed_call_leaves_the_result_alone)
{
	struct deia_task_stated s = DEIA_TASK_STATED_INIT;
	static struct deia_task_analysis before;

	memset(&result, 7, sizeof(result));
	before = result;
	s.type = "nobody-knows";
	ck_assert_int_eq(ask("Fix the bug", &s), DEIA_ENOTFOUND);
	ck_assert_mem_eq(&before, &result, sizeof(result));
	s.type = NULL;
	s.size++;
	ck_assert_int_eq(ask("Fix the bug", &s), DEIA_EINVAL);
	s.size = 1;
	ck_assert_int_eq(ask("Fix the bug", &s), DEIA_EINVAL);
	ck_assert_mem_eq(&before, &result, sizeof(result));
}
END_TEST

/* ---- memory -------------------------------------------------------------- */

START_TEST(new_fails_cleanly_at_each_allocation)
{
	deia_task_analyzer *a = NULL;
	deia_err err = DEIA_ENOMEM;
	unsigned long n = 1;

	for (; err == DEIA_ENOMEM && n < 1000; n++) {
		deia__mem_fail_at(n, true);
		err = deia_task_analyzer_new(&a, NULL);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || a == NULL);
	}
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_gt(n, 5);
	/* All of it in few pieces. */
	ck_assert_uint_lt(n, 40);
	deia_task_analyzer_free(a);
}
END_TEST

START_TEST(adding_without_memory_changes_nothing)
{
	deia_err err = DEIA_OK;
	unsigned failed = 0;

	for (unsigned n = 0; n < 6000; n++) {
		char phrase[32];

		snprintf(phrase, sizeof(phrase), "w%u v%u", n, n);
		deia__mem_fail_at(1, true);
		err = deia_task_analyzer_add_phrase(rig, "writing", phrase, 5);
		deia__mem_fail_at(0, false);
		if (!err)
			continue;
		ck_assert_int_eq(err, DEIA_ENOMEM);
		failed++;
		ck_assert_str_eq(rig_analyze(phrase)->type, "general");
		ck_assert_int_eq(deia_task_analyzer_add_phrase(rig, "writing",
							       phrase, 5),
				 DEIA_OK);
		ck_assert_str_eq(rig_analyze(phrase)->type, "writing");
	}
	ck_assert_uint_gt(failed, 3);
	ck_assert_str_eq(rig_analyze("see w7 v7")->type, "writing");
	ck_assert_str_eq(rig_analyze("Fix the bug")->type, "development");
}
END_TEST

START_TEST(analysis_allocates_nothing)
{
	deia_err err;

	deia__mem_fail_at(1, true);
	err = ask("Fix the bug, then write a report", NULL);
	deia__mem_fail_at(0, false);
	ck_assert_int_eq(err, DEIA_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("task-analysis");
	TCase *tc = tcase_create("analysis");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, rig_open, rig_close);
	tcase_add_test(tc, stated_values_win_over_found_ones);
	tcase_add_test(tc, each_stated_value_leaves_the_others_to_be_found);
	tcase_add_test(tc, numbers_that_are_none_are_refused);
	tcase_add_test(tc, names_that_are_none_are_refused);
	tcase_add_test(tc, unknown_types_may_be_stated_where_that_is_wanted);
	tcase_add_test(tc, callers_of_an_older_header_state_less);
	tcase_add_test(tc, own_types_have_words_of_their_own);
	tcase_add_test(tc, own_phrases_add_to_built_in_ones);
	tcase_add_test(tc, texts_that_are_no_phrases_are_refused);
	tcase_add_test(tc,
		       capabilities_come_from_phrases_in_the_order_of_the_text);
	tcase_add_test(tc, capabilities_have_a_maximum);
	tcase_add_test(tc, types_and_phrases_have_a_maximum);
	tcase_add_test(tc, analyzer_without_words_knows_added_ones_alone);
	tcase_add_test(tc, complexity_follows_its_formula);
	tcase_add_test(tc, complexity_has_three_classes);
	tcase_add_test(tc, longer_and_harder_work_takes_longer);
	tcase_add_test(tc, empty_content_is_general_work);
	tcase_add_test(tc, long_content_is_read_at_both_ends);
	tcase_add_test(tc, word_that_the_window_cuts_does_not_count);
	tcase_add_test(tc, reasons_are_short_lines_of_text);
	tcase_add_test(tc, failed_call_leaves_the_result_alone);
	tcase_add_test(tc, new_fails_cleanly_at_each_allocation);
	tcase_add_test(tc, adding_without_memory_changes_nothing);
	tcase_add_test(tc, analysis_allocates_nothing);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
