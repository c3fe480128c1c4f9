/* SPDX-License-Identifier: MIT */
/* The printer: values, escaping, wrong use. */
#include <check.h>
#include <math.h>
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

START_TEST(printer_writes_all_kinds_of_values)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "s", "a\"b\\c");
	deia_jw_kstr(&w, "none", NULL);
	deia_jw_kint(&w, "min", INT64_MIN);
	deia_jw_kint(&w, "max", INT64_MAX);
	deia_jw_kbool(&w, "yes", true);
	deia_jw_kraw(&w, "raw", "[1]");
	deia_jw_ktime(&w, "at", 1);
	deia_jw_ktime(&w, "never", 0);
	deia_jw_key(&w, "list");
	deia_jw_array(&w);
	deia_jw_int(&w, 0);
	deia_jw_null(&w);
	deia_jw_object(&w);
	deia_jw_end_object(&w);
	deia_jw_array(&w);
	deia_jw_end_array(&w);
	deia_jw_end_array(&w);
	deia_jw_kstr(&w, "\n", "");
	deia_jw_end_object(&w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_str_eq(w.text,
			 "{\"s\":\"a\\\"b\\\\c\",\"none\":null,"
			 "\"min\":-9223372036854775808,"
			 "\"max\":9223372036854775807,\"yes\":true,"
			 "\"raw\":[1],\"at\":\"1970-01-01T00:00:00.001Z\","
			 "\"never\":null,\"list\":[0,null,{},[]],"
			 "\"\\n\":\"\"}");
	ck_assert_uint_eq(strlen(w.text), w.len);
	deia_jw_fini(&w);
}
END_TEST

static const struct {
	struct text in;
	const char *out;
} strings[] = {
	{ TEXT("plain text"), "\"plain text\"" },
	{ TEXT("a\0b"), "\"a\\u0000b\"" },
	{ TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
	{ TEXT("\x01\x1b[2J\x7f"), "\"\\u0001\\u001b[2J\\u007f\"" },
	{ TEXT("\xc2\x80\xc2\x9b\xc2\xa0"), "\"\\u0080\\u009b\xc2\xa0\"" },
	{ TEXT("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
	  "\"\\u2028\\u2029\xe2\x80\xaa\"" },
	{ TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
	  "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	{ TEXT("x\xffy"), "\"x\xef\xbf\xbdy\"" },
	{ TEXT("\xc3"), "\"\xef\xbf\xbd\"" },
	{ TEXT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ TEXT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ TEXT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ TEXT("</script>"), "\"</script>\"" },
};

START_TEST(strings_are_escaped)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_strn(&w, strings[_i].in.s, strings[_i].in.len);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_str_eq(w.text, strings[_i].out);
	deia_jw_fini(&w);
}
END_TEST

static const struct {
	double v;
	const char *jw, *exact;
} numbers[] = {
	{ 0.0, "0", "0" },
	{ -0.0, "0", "0" },
	{ 1.0, "1", "1" },
	{ -1.5, "-1.5", "-1.5" },
	{ 0.1, "0.1", "0.1" },
	{ 1.0 / 3, "0.333333", "0.33333333333333331" },
	{ 123456789.0, "123456789", "123456789" },
	{ 1234567.891, "1234567.891", "1234567.891" },
	{ -0.001, "-0.001", "-0.001" },
	{ 0.000999, "0.000999", "0.000999" },
	{ 999999999.999999, "999999999.999999", "999999999.999999" },
	{ 0.0010000001, "0.001", "0.0010000001" },
	{ 9007199254740993.0, "9.0072e+15", "9007199254740992" },
	{ 1e15, "1e+15", "1000000000000000" },
	{ 1e300, "1e+300", "1e+300" },
	{ 1e-7, "1e-07", "1e-07" },
	{ 5e-324, "4.94066e-324", "4.94065645841247e-324" },
	{ (double)NAN, "null", "null" },
	{ (double)INFINITY, "null", "null" },
	{ -(double)INFINITY, "null", "null" },
};

START_TEST(numbers_are_printed)
{
	char exact[40];
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_num(&w, numbers[_i].v);
	ck_assert_str_eq(w.text, numbers[_i].jw);
	ck_assert_int_eq(deia_json_check(w.text, w.len, NULL), DEIA_OK);
	deia__json_number(exact, numbers[_i].v);
	ck_assert_str_eq(exact, numbers[_i].exact);
	deia_jw_fini(&w);
}
END_TEST

/* What is printed without printf is what printf prints. */
START_TEST(numbers_of_six_decimals_are_printed_as_by_printf)
{
	struct deia__rng rng;
	char out[40], wanted[40];

	deia__rng_init(&rng, 20261130);
	for (int round = 0; round < 100000; round++) {
		uint64_t range = 1ull << (deia__rng_next(&rng) % 50);
		double v = (double)(deia__rng_next(&rng) % range) / 1e6;

		if (v < 0.001)
			continue;
		v *= round % 2 ? 1 : -1;
		deia__json_number(out, v);
		snprintf(wanted, sizeof(wanted), "%.15g", v);
		ck_assert_str_eq(out, wanted);
	}
}
END_TEST

/* Each step is one wrong call; all must be noticed and none may crash. */
START_TEST(wrong_use_of_the_printer_is_noticed)
{
	deia_jw w;

	deia_jw_init(&w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_EINVAL);
	switch (_i) {
	case 0: /* a value without a key */
		deia_jw_object(&w);
		deia_jw_int(&w, 1);
		deia_jw_end_object(&w);
		break;
	case 1: /* a key in an array */
		deia_jw_array(&w);
		deia_jw_key(&w, "a");
		deia_jw_end_array(&w);
		break;
	case 2: /* two values at the top */
		deia_jw_int(&w, 1);
		deia_jw_int(&w, 2);
		break;
	case 3: /* the wrong end */
		deia_jw_object(&w);
		deia_jw_end_array(&w);
		break;
	case 4: /* an end too many */
		deia_jw_array(&w);
		deia_jw_end_array(&w);
		deia_jw_end_array(&w);
		break;
	case 5: /* two keys */
		deia_jw_object(&w);
		deia_jw_key(&w, "a");
		deia_jw_key(&w, "b");
		break;
	case 6: /* a key without value */
		deia_jw_object(&w);
		deia_jw_key(&w, "a");
		deia_jw_end_object(&w);
		break;
	case 7: /* something is open */
		deia_jw_array(&w);
		break;
	case 8: /* too deep */
		for (int i = 0; i <= DEIA_MAX_JSON_DEPTH; i++)
			deia_jw_array(&w);
		for (int i = 0; i <= DEIA_MAX_JSON_DEPTH; i++)
			deia_jw_end_array(&w);
		break;
	default: /* a key at the top */
		deia_jw_key(&w, "a");
	}
	ck_assert_int_eq(deia_jw_status(&w), DEIA_EINVAL);
	deia_jw_reset(&w);
	deia_jw_bool(&w, false);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_str_eq(w.text, "false");
	deia_jw_fini(&w);
}
END_TEST

START_TEST(printer_out_of_memory_sticks)
{
	char large[3000];
	deia_jw w;

	memset(large, 'x', sizeof(large));
	for (unsigned long n = 1; n <= 2; n++) {
		deia_jw_init(&w);
		deia__mem_fail_at(n, false);
		deia_jw_array(&w);
		deia_jw_strn(&w, large, sizeof(large));
		deia_jw_end_array(&w);
		ck_assert_int_eq(deia_jw_status(&w), DEIA_ENOMEM);
		deia_jw_fini(&w);
	}
	deia__mem_fail_at(0, false);
}
END_TEST

/* Any bytes become one line of valid JSON; valid text comes back unchanged. */
START_TEST(any_bytes_become_one_valid_line)
{
	struct deia__rng rng;
	char bytes[64];
	deia_jw w;
	cJSON *json;

	deia__rng_init(&rng, 20261122);
	deia_jw_init(&w);
	for (int round = 0; round < 20000; round++) {
		size_t len = deia__rng_next(&rng) % sizeof(bytes);

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(deia__rng_next(&rng) >> 20);
		deia_jw_reset(&w);
		deia_jw_strn(&w, bytes, len);
		ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
		ck_assert_ptr_null(strpbrk(w.text, "\n\r\x7f\x1b"));
		if (memchr(bytes, 0, len))
			continue;
		ck_assert_int_eq(deia_json_parse(&json, w.text, w.len, NULL),
				 DEIA_OK);
		cJSON_Delete(json);
	}
	deia_jw_fini(&w);
}
END_TEST

static void add_printer_tests(TCase *tc)
{
	tcase_add_test(tc, printer_writes_all_kinds_of_values);
	tcase_add_loop_test(tc, strings_are_escaped, 0, COUNT(strings));
	tcase_add_loop_test(tc, numbers_are_printed, 0, COUNT(numbers));
	tcase_add_test(tc, numbers_of_six_decimals_are_printed_as_by_printf);
	tcase_add_loop_test(tc, wrong_use_of_the_printer_is_noticed, 0, 10);
	tcase_add_test(tc, printer_out_of_memory_sticks);
	tcase_add_test(tc, any_bytes_become_one_valid_line);
}

int main(void)
{
	Suite *s = suite_create("json_write");
	TCase *tc = tcase_create("core");
	SRunner *sr = srunner_create(s);
	int failed;

	add_printer_tests(tc);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
