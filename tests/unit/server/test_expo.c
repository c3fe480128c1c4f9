/* SPDX-License-Identifier: MIT */
/* The text format of Prometheus: numbers, labels, escapes, histograms. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/expo.h"

static struct expo e;

static void setup(void)
{
	expo_init(&e);
}

static void teardown(void)
{
	expo_fini(&e);
}

static void check_text(const char *want)
{
	char *text;

	ck_assert(!e.failed);
	text = strndup(e.text ? e.text : "", e.len);
	ck_assert_str_eq(text, want);
	free(text);
	e.len = 0;
}

static void begin(const char *type)
{
	expo_family(&e, "m", type, "It.");
	e.len = 0;
}

START_TEST(a_family_has_its_help_and_its_type)
{
	expo_family(&e, "deia_x_total", "counter",
		    "One \\ two\nthree \"four\"");
	check_text("# HELP deia_x_total One \\\\ two\\nthree \"four\"\n"
		   "# TYPE deia_x_total counter\n");
}
END_TEST

START_TEST(whole_numbers_are_printed_whole)
{
	begin("gauge");
	expo_uint(&e, NO_LABELS, 0);
	expo_uint(&e, NO_LABELS, UINT64_MAX);
	expo_int(&e, NO_LABELS, -7);
	expo_int(&e, NO_LABELS, INT64_MIN);
	check_text("m 0\nm 18446744073709551615\nm -7\n"
		   "m -9223372036854775808\n");
}
END_TEST

START_TEST(microseconds_are_printed_as_seconds)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "m 0\n" },
		{ 1, "m 0.000001\n" },
		{ 250, "m 0.00025\n" },
		{ 1000000, "m 1\n" },
		{ 1500000, "m 1.5\n" },
		{ 10000001, "m 10.000001\n" },
		{ 999999, "m 0.999999\n" },
		{ -5, "m 0\n" },
		{ 100000, "m 0.1\n" },
		{ 86400000000, "m 86400\n" },
	};

	begin("gauge");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		expo_micros(&e, NO_LABELS, cases[i].us);
		check_text(cases[i].text);
	}
}
END_TEST

START_TEST(values_of_labels_are_escaped)
{
	begin("gauge");
	expo_uint(&e, LABELS({ "a", "x\"y" }, { "b", "\\\n" }), 1);
	check_text("m{a=\"x\\\"y\",b=\"\\\\\\n\"} 1\n");
	expo_uint(&e, LABELS({ "a", "" }, { "b", NULL }), 2);
	check_text("m{a=\"\",b=\"\"} 2\n");
	/* Nothing else is special, UTF-8 neither. */
	expo_uint(&e, LABELS({ "a", "{},='\t\xc3\xa4" }), 3);
	check_text("m{a=\"{},='\t\xc3\xa4\"} 3\n");
	expo_uint(&e, LABELS({ "a", "\"\"\\\\" }), 4);
	check_text("m{a=\"\\\"\\\"\\\\\\\\\"} 4\n");
}
END_TEST

START_TEST(buckets_are_cumulative_and_end_with_all)
{
	struct deia_histogram h;

	deia_histogram_init(&h, DEIA_SCALE_COUNT);
	deia_histogram_add(&h, 1);
	deia_histogram_add(&h, 2);
	deia_histogram_add(&h, 2);
	deia_histogram_add(&h, 5000);
	begin("histogram");
	expo_histogram(&e, NO_LABELS, &h);
	check_text("m_bucket{le=\"1\"} 1\nm_bucket{le=\"2\"} 3\n"
		   "m_bucket{le=\"4\"} 3\nm_bucket{le=\"8\"} 3\n"
		   "m_bucket{le=\"16\"} 3\nm_bucket{le=\"32\"} 3\n"
		   "m_bucket{le=\"64\"} 3\nm_bucket{le=\"128\"} 3\n"
		   "m_bucket{le=\"256\"} 3\nm_bucket{le=\"512\"} 3\n"
		   "m_bucket{le=\"1024\"} 3\nm_bucket{le=\"2048\"} 3\n"
		   "m_bucket{le=\"4096\"} 3\nm_bucket{le=\"+Inf\"} 4\n"
		   "m_sum 5005\nm_count 4\n");
}
END_TEST

START_TEST(durations_of_a_histogram_are_in_seconds)
{
	struct deia_histogram h;
	const char *first = "m_bucket{bot=\"a\\\"b\",le=\"0.05\"} 0\n"
			    "m_bucket{bot=\"a\\\"b\",le=\"0.25\"} 1\n";
	const char *last = "m_bucket{bot=\"a\\\"b\",le=\"+Inf\"} 1\n"
			   "m_sum{bot=\"a\\\"b\"} 0.06\n"
			   "m_count{bot=\"a\\\"b\"} 1\n";

	deia_histogram_init(&h, DEIA_SCALE_TURN);
	deia_histogram_add(&h, 60000);
	begin("histogram");
	expo_histogram(&e, LABELS({ "bot", "a\"b" }), &h);
	ck_assert_int_eq(strncmp(e.text, first, strlen(first)), 0);
	ck_assert_int_eq(
		memcmp(e.text + e.len - strlen(last), last, strlen(last)), 0);
}
END_TEST

/* The text moves in memory while lines are copied from its own beginning. */
START_TEST(a_long_page_is_whole)
{
	struct deia_histogram h;
	size_t lines = 0, once;

	deia_histogram_init(&h, DEIA_SCALE_FAST);
	begin("histogram");
	expo_histogram(&e, LABELS({ "bot", "BOT-001" }), &h);
	once = e.len;
	for (int i = 1; i < 1000; i++)
		expo_histogram(&e, LABELS({ "bot", "BOT-001" }), &h);
	ck_assert(!e.failed);
	ck_assert_uint_eq(e.len, 1000 * once);
	for (int i = 1; i < 1000; i++)
		ck_assert_int_eq(memcmp(e.text, e.text + i * once, once), 0);
	for (size_t i = 0; i < e.len; i++)
		lines += e.text[i] == '\n';
	ck_assert_uint_eq(lines, 1000 * 18);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expo");
	TCase *tc = tcase_create("expo");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_family_has_its_help_and_its_type);
	tcase_add_test(tc, whole_numbers_are_printed_whole);
	tcase_add_test(tc, microseconds_are_printed_as_seconds);
	tcase_add_test(tc, values_of_labels_are_escaped);
	tcase_add_test(tc, buckets_are_cumulative_and_end_with_all);
	tcase_add_test(tc, durations_of_a_histogram_are_in_seconds);
	tcase_add_test(tc, a_long_page_is_whole);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
