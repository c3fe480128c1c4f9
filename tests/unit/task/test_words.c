/* SPDX-License-Identifier: MIT */
/* How a text is cut into words, and what folding makes equal. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "task/words.h"

/* Words joined by '|'; '~' before one that no phrase reaches over to, '>'
 * before one in material, "?" for a word that matches nothing. */
static const struct {
	const char *text, *words;
} cuts[] = {
	{ "", "" },
	{ "  \n\t ", "" },
	{ "Fix it", "~fix|it" },
	{ "unit-test/plan", "~unit|test|plan" },
	{ "don't what's plan’s", "~don't|what|plan" },
	{ "snake_case _emph_ *bold*", "~snake_case|emph|bold" },
	{ "main.c e.g. 3.14 1,000 v1.2", "~main.c|e.g|~3.14|1,000|v1.2" },
	{ "a,b 1.x", "~a|~b|1|~x" },
	{ "C++ c# x+ f#", "~c++|c#|x|~f#" },
	{ "one.\nTwo", "~one|~two" },
	{ "one\ntwo\n\nthree", "~one|two|~three" },
	{ "- a1\n- b1\n2. c1\n3) d1", "~a1|~b1|~c1|~d1" },
	{ "see https://x.org/fix/test now", "~see|?|now" },
	{ "mail bob.plan@test.org please", "~mail|?|please" },
	{ "in /usr/bin/test and ./plan and ~/fix", "~in|?|and|~?|and|~?" },
	{ "a/b/c and/or", "~?|and|or" },
	{ "x\n```c\ntest plan\n```\ny", "~x|~>test|>plan|~y" },
	{ "x\n> quoted words\ny", "~x|~>quoted|>words|y" },
	{ "ÄRGER ärger A\xcc\x88rger", "~arger|arger|arger" },
	{ "STRASSE straße", "~strasse|strasse" },
	{ "\xef\xbc\xb4\xef\xbc\xa5\xef\xbc\xb3\xef\xbc\xb4", "~test" },
	{ "con\xc2\xadtest", "~contest" },
	{ "ΣΊΣΥΦΟΣ σίσυφος", "~σίσυφοσ|σίσυφοσ" },
	{ "ПЛАН й", "~план|й" },
	{ "\xe6\xb5\x8b\xe8\xaf\x95", "~\xe6\xb5\x8b|\xe8\xaf\x95" },
	{ "a\xff"
	  "b \xc3",
	  "~a|~b" },
	{ "a\xe2\x80\x94"
	  "b a\xe2\x80\x90z",
	  "~a|~b|a|z" },
};

static void join(char *out, const char *text)
{
	struct deia__words r;
	struct deia__word w;
	char *all = out;

	*out = '\0';
	deia__words_init(&r, text, strlen(text), 0, strlen(text));
	while (deia__words_next(&r, &w)) {
		if (*all != '\0')
			strcat(out, "|");
		if (w.apart)
			strcat(out, "~");
		if (w.material)
			strcat(out, ">");
		strcat(out, w.text[0] != '\0' ? w.text : "?");
		ck_assert_uint_gt(w.len, 0);
		ck_assert_uint_le(w.start + w.len, strlen(text));
	}
}

/* Greek is decomposed by folding; the table has it composed. */
static void decompose(char *out, const char *text)
{
	static const char *const pairs[][2] = {
		{ "ί", "ι\xcc\x81" },
		{ "й", "и\xcc\x86" },
	};

	while (*text != '\0') {
		bool found = false;

		for (size_t i = 0; i < 2 && !found; i++) {
			size_t len = strlen(pairs[i][0]);

			if (strncmp(text, pairs[i][0], len) != 0)
				continue;
			found = true;
			out = stpcpy(out, pairs[i][1]);
			text += len;
		}
		if (!found)
			*out++ = *text++;
	}
	*out = '\0';
}

START_TEST(text_is_cut_into_words)
{
	char found[1024], wanted[1024];

	join(found, cuts[_i].text);
	decompose(wanted, cuts[_i].words);
	ck_assert_str_eq(found, wanted);
}
END_TEST

START_TEST(file_names_tell_their_ending)
{
	static const struct {
		const char *text, *ext;
	} names[] = {
		{ "Main.C", ".c" },	     { "src/a/b/x.py", ".py" },
		{ "(x.tar.gz)", ".gz" },     { "README", NULL },
		{ "../lib/x.cpp.", ".cpp" }, { "e.g", ".g" },
		{ "file.longer7", NULL },    { "https://x.org/a/b?c", NULL },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct deia__words r;
		struct deia__word w;
		size_t len = strlen(names[i].text);
		const char *last = NULL;

		deia__words_init(&r, names[i].text, len, 0, len);
		while (deia__words_next(&r, &w))
			last = w.ext;
		if (names[i].ext == NULL)
			ck_assert_ptr_null(last);
		else
			ck_assert_pstr_eq(last, names[i].ext);
	}
}
END_TEST

START_TEST(long_word_is_one_that_matches_nothing)
{
	static char text[5000];
	struct deia__words r;
	struct deia__word w;

	memset(text, 'a', sizeof(text));
	deia__words_init(&r, text, sizeof(text), 0, sizeof(text));
	ck_assert(deia__words_next(&r, &w));
	ck_assert_str_eq(w.text, "");
	ck_assert_uint_eq(w.len, sizeof(text));
	ck_assert(!deia__words_next(&r, &w));
}
END_TEST

START_TEST(marks_of_other_scripts_are_put_in_order)
{
	char a[64], b[64];

	/* Hebrew: a vowel and a dagesh, in both orders. */
	join(a, "\xd7\x91\xd6\xbc\xd6\xb7");
	join(b, "\xd7\x91\xd6\xb7\xd6\xbc");
	ck_assert_str_eq(a, b);
	join(b, "\xd7\x91");
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(list_items_are_counted_outside_of_material)
{
	static const char text[] = "Do:\n- one\n* two\n 3. three\n"
				   "```\n- four\n```\n- five\n-six 7.8 ";
	struct deia__words r;
	struct deia__word w;

	deia__words_init(&r, text, strlen(text), 0, strlen(text));
	while (deia__words_next(&r, &w))
		;
	ck_assert_uint_eq(r.n_items, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("task-words");
	TCase *tc = tcase_create("words");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, text_is_cut_into_words, 0,
			    (int)(sizeof(cuts) / sizeof(*cuts)));
	tcase_add_test(tc, file_names_tell_their_ending);
	tcase_add_test(tc, long_word_is_one_that_matches_nothing);
	tcase_add_test(tc, marks_of_other_scripts_are_put_in_order);
	tcase_add_test(tc, list_items_are_counted_outside_of_material);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
