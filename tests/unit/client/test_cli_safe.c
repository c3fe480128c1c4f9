/* SPDX-License-Identifier: MIT */
/* test_cli_safe.c - nothing that a terminal obeys gets through. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safe.h"
#include "utf8.h"

static void expect(const char *in, size_t len, const char *wanted)
{
	char *out = safe_dup(in, len);

	ck_assert_str_eq(out, wanted);
	free(out);
	/* However it is cut into two or three pieces. */
	for (size_t a = 0; a <= len; a++) {
		for (size_t b = a; b <= len; b++) {
			struct safe s = { .line = false };
			struct text t = { 0 };

			text_add(&t, "", 0);
			safe_add(&s, &t, in, a);
			safe_add(&s, &t, in + a, b - a);
			safe_add(&s, &t, in + b, len - b);
			safe_end(&s, &t);
			ck_assert_str_eq(t.data, wanted);
			text_free(&t);
		}
	}
}

#define EXPECT(in, wanted) expect(in, sizeof(in) - 1, wanted)
#define BAD "\xef\xbf\xbd"

START_TEST(plain_text_stays)
{
	EXPECT("", "");
	EXPECT("hello\n\tworld\n", "hello\n\tworld\n");
	EXPECT("Gr\xc3\xbc\xc3\x9f"
	       "e \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\xa6\x8a",
	       "Gr\xc3\xbc\xc3\x9f"
	       "e \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\xa6\x8a");
}
END_TEST

START_TEST(escape_sequences_are_shown_not_obeyed)
{
	EXPECT("\x1b[2J", "\xe2\x90\x9b[2J");
	EXPECT("\x1b]0;title\x07", "\xe2\x90\x9b]0;title\xe2\x90\x87");
	EXPECT("a\x08"
	       "b\x7f",
	       "a\xe2\x90\x88"
	       "b\xe2\x90\xa1");
	EXPECT("a\0b", "a\xe2\x90\x80"
		       "b");
}
END_TEST

START_TEST(c1_controls_are_replaced)
{
	/* U+009B is CSI: the same as ESC [. */
	EXPECT("\xc2\x9b"
	       "31m",
	       BAD "31m");
	EXPECT("\xc2\x85", BAD);
	/* The raw byte is no UTF-8. */
	EXPECT("\x9b"
	       "31m",
	       BAD "31m");
}
END_TEST

START_TEST(bidi_and_hidden_controls_are_replaced)
{
	EXPECT("a\xe2\x80\xae"
	       "b",
	       "a" BAD "b");		 /* U+202E */
	EXPECT("\xe2\x81\xa6", BAD);	 /* U+2066 */
	EXPECT("\xe2\x80\x8f", BAD);	 /* U+200F */
	EXPECT("\xf3\xa0\x81\x81", BAD); /* U+E0041, a tag */
	EXPECT("\xef\xbb\xbf", BAD);	 /* U+FEFF */
}
END_TEST

START_TEST(crlf_is_a_newline_and_lone_cr_is_not)
{
	EXPECT("a\r\nb", "a\nb");
	EXPECT("safe\rfake", "safe\xe2\x90\x8d"
			     "fake");
	EXPECT("x\r", "x\xe2\x90\x8d");
	EXPECT("x\r\r\n", "x\xe2\x90\x8d\n");
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_replaced)
{
	EXPECT("\xff\xfe", BAD BAD);
	EXPECT("\xc0\x80", BAD BAD);	     /* overlong NUL */
	EXPECT("\xed\xa0\x80", BAD BAD BAD); /* a surrogate */
	EXPECT("\xe2\x82", BAD);	     /* cut at the end */
	EXPECT("\xf0\x9f(", BAD BAD "(");
}
END_TEST

START_TEST(line_form_has_no_newline)
{
	char *line = safe_line("a\nb\tc\r\nd\xc2\x9b");

	ck_assert_str_eq(line, "a b c  d" BAD);
	free(line);
}
END_TEST

START_TEST(json_form_keeps_the_value)
{
	static const char in[] = "{\"a\" :\n\t\"\xe2\x80\xae\xc2\x9b\x7f"
				 "\xc3\xbc\xf3\xa0\x81\x81\"}\r\n";
	char *out = safe_json(in, sizeof(in) - 1);

	ck_assert_str_eq(out, "{\"a\" :\"\\u202e\\u009b\\u007f"
			      "\xc3\xbc\\udb40\\udc41\"}");
	free(out);
}
END_TEST

/* Whatever goes in: valid UTF-8 without controls comes out. */
START_TEST(random_bytes_come_out_harmless)
{
	unsigned seed = 12345;

	for (unsigned round = 0; round < 3000; round++) {
		struct safe s = { .line = round % 2 };
		struct text t = { 0 };
		char in[64];

		text_add(&t, "", 0);
		for (unsigned piece = 0; piece < 4; piece++) {
			size_t n = (seed >> 8) % sizeof(in);

			for (size_t i = 0; i < n; i++) {
				seed = seed * 1103515245u + 12345u;
				in[i] = (char)(seed >> 16);
			}
			safe_add(&s, &t, in, n);
		}
		safe_end(&s, &t);
		for (size_t at = 0; at < t.len;) {
			uint32_t cp = 0;
			int n = utf8_read(t.data + at, t.len - at, &cp);

			ck_assert_int_gt(n, 0);
			ck_assert(cp >= 0x20 || cp == '\n' || cp == '\t');
			ck_assert(cp < 0x7f || cp > 0x9f);
			ck_assert(cp < 0x202a || cp > 0x202e);
			ck_assert(!s.line || cp >= 0x20);
			at += (size_t)n;
		}
		text_free(&t);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("safe");
	TCase *tc = tcase_create("sanitiser");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, plain_text_stays);
	tcase_add_test(tc, escape_sequences_are_shown_not_obeyed);
	tcase_add_test(tc, c1_controls_are_replaced);
	tcase_add_test(tc, bidi_and_hidden_controls_are_replaced);
	tcase_add_test(tc, crlf_is_a_newline_and_lone_cr_is_not);
	tcase_add_test(tc, bytes_that_are_no_utf8_are_replaced);
	tcase_add_test(tc, line_form_has_no_newline);
	tcase_add_test(tc, json_form_keeps_the_value);
	tcase_add_test(tc, random_bytes_come_out_harmless);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
