/* SPDX-License-Identifier: MIT */
/* test_trace.c - traceparents, against the cases of W3C Trace Context. */
#include <check.h>
#include <deia/trace.h>
#include <stdlib.h>
#include <string.h>

#define T "0af7651916cd43dd8448eb211c80319c"
#define S "b7ad6b7169203331"

static const struct {
	const char *text, *read;
} good[] = {
	{ "00-" T "-" S "-01", "00-" T "-" S "-01" },
	{ "00-" T "-" S "-00", "00-" T "-" S "-00" },
	/* Flags that nobody knows are not passed on. */
	{ "00-" T "-" S "-ff", "00-" T "-" S "-03" },
	/* Later versions: as this one, whatever is behind. */
	{ "01-" T "-" S "-01", "00-" T "-" S "-01" },
	{ "cc-" T "-" S "-01-what-the-future-will-be-like",
	  "00-" T "-" S "-01" },
	{ "fe-" T "-" S "-01-", "00-" T "-" S "-01" },
};

static const char *const bad[] = {
	NULL,
	"",
	"00",
	"00-" T "-" S,
	"00-" T "-" S "-",
	"00-" T "-" S "-1",
	"00-" T "-" S "-0g",
	"00-" T "-" S "-0A",
	/* Version 00 has nothing more. */
	"00-" T "-" S "-01-more",
	"00-" T "-" S "-01-",
	"00-" T "-" S "-01 ",
	" 00-" T "-" S "-01",
	"00-" T "-" S "-011",
	"cc-" T "-" S "-01.more",
	"ff-" T "-" S "-01",
	"0-" T "-" S "-01",
	"000-" T "-" S "-01",
	"0X-" T "-" S "-01",
	"0A-" T "-" S "-01",
	"00-00000000000000000000000000000000-" S "-01",
	"00-" T "-0000000000000000-01",
	"00-0AF7651916CD43DD8448EB211C80319C-" S "-01",
	"00-" T "-B7AD6B7169203331-01",
	"00-0af7651916cd43dd8448eb211c80319-" S "-001",
	"00-.af7651916cd43dd8448eb211c80319c-" S "-01",
	"00_" T "-" S "-01",
	"00-" T "_" S "-01",
	"00-" T "-" S "_01",
	"00-" T "-b7ad6b716920333\n-01",
};

START_TEST(what_w3c_allows_is_read)
{
	char out[DEIA_TRACEPARENT_LEN + 1];

	ck_assert(deia_trace_parse(out, good[_i].text));
	ck_assert_str_eq(out, good[_i].read);
}
END_TEST

START_TEST(what_w3c_forbids_is_none)
{
	char out[DEIA_TRACEPARENT_LEN + 1] = "x";

	ck_assert(!deia_trace_parse(out, bad[_i]));
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(a_new_trace_reads_as_one_and_is_never_the_same)
{
	char one[DEIA_TRACEPARENT_LEN + 1], two[DEIA_TRACEPARENT_LEN + 1];
	char read[DEIA_TRACEPARENT_LEN + 1];
	struct deia_trace_source a, b;

	deia_trace_source_init(&a);
	deia_trace_source_init(&b);
	for (int i = 0; i < 1000; i++) {
		deia_trace_begin(&a, one);
		deia_trace_begin(i % 2 ? &a : &b, two);
		ck_assert(deia_trace_parse(read, one));
		ck_assert_str_eq(read, one);
		ck_assert(memcmp(one + 3, two + 3, 32) != 0);
		ck_assert(memcmp(one + 36, two + 36, 16) != 0);
	}
}
END_TEST

START_TEST(the_next_step_is_of_the_same_trace)
{
	static const char parent[] = "00-" T "-" S "-01";
	char next[DEIA_TRACEPARENT_LEN + 1], id[DEIA_TRACE_ID_LEN + 1];
	struct deia_trace_source s;

	deia_trace_source_init(&s);
	deia_trace_go_on(&s, parent, next);
	ck_assert_mem_eq(next, parent, 36);
	ck_assert(memcmp(next + 36, parent + 36, 16) != 0);
	ck_assert_str_eq(next + 52, "-01");
	deia_trace_id(id, next);
	ck_assert_str_eq(id, T);
	deia_trace_go_on(&s, next, next);
	ck_assert_mem_eq(next, parent, 36);
}
END_TEST

START_TEST(without_a_parent_a_new_trace_begins)
{
	char out[DEIA_TRACEPARENT_LEN + 1], id[DEIA_TRACE_ID_LEN + 1];
	struct deia_trace_source s;

	deia_trace_source_init(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		deia_trace_go_on(&s, bad[i], out);
		deia_trace_id(id, out);
		ck_assert_uint_eq(strlen(id), DEIA_TRACE_ID_LEN);
		ck_assert_str_ne(id, T);
	}
	deia_trace_id(id, "");
	ck_assert_str_eq(id, "");
	deia_trace_id(id, NULL);
	ck_assert_str_eq(id, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trace");
	TCase *t = tcase_create("traceparent");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, what_w3c_allows_is_read, 0,
			    (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(t, what_w3c_forbids_is_none, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, a_new_trace_reads_as_one_and_is_never_the_same);
	tcase_add_test(t, the_next_step_is_of_the_same_trace);
	tcase_add_test(t, without_a_parent_a_new_trace_begins);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
