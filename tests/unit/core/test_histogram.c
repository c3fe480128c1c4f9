/* SPDX-License-Identifier: MIT */
/* Histograms: where values fall, what they sum up to. */
#include <check.h>
#include <deia/histogram.h>
#include <stdlib.h>

START_TEST(bounds_of_every_scale_rise)
{
	for (int s = 0; s < DEIA_SCALES; s++) {
		const uint64_t *b;
		unsigned n = deia_scale_bounds((deia_scale)s, &b);

		ck_assert_uint_gt(n, 0);
		ck_assert_uint_le(n, DEIA_HISTOGRAM_BOUNDS);
		for (unsigned i = 1; i < n; i++)
			ck_assert_uint_lt(b[i - 1], b[i]);
	}
}
END_TEST

START_TEST(a_value_at_a_bound_is_within_it)
{
	for (int s = 0; s < DEIA_SCALES; s++) {
		struct deia_histogram h;
		const uint64_t *b;
		unsigned n = deia_scale_bounds((deia_scale)s, &b);

		deia_histogram_init(&h, (deia_scale)s);
		for (unsigned i = 0; i < n; i++) {
			deia_histogram_add(&h, (int64_t)b[i]);
			ck_assert_uint_eq(h.counts[i], 1);
			deia_histogram_add(&h, (int64_t)b[i] + 1);
			ck_assert_uint_eq(h.counts[i + 1], 1);
			h.counts[i + 1] = 0;
		}
	}
}
END_TEST

START_TEST(values_below_zero_count_as_zero)
{
	struct deia_histogram h;

	deia_histogram_init(&h, DEIA_SCALE_WAIT);
	deia_histogram_add(&h, -5);
	deia_histogram_add(&h, INT64_MIN);
	deia_histogram_add(&h, 0);
	ck_assert_uint_eq(h.counts[0], 3);
	ck_assert_uint_eq(h.sum, 0);
	ck_assert_uint_eq(deia_histogram_count(&h), 3);
}
END_TEST

START_TEST(the_largest_values_are_counted_behind_the_last_bound)
{
	struct deia_histogram h;
	const uint64_t *b;
	unsigned n = deia_scale_bounds(DEIA_SCALE_COUNT, &b);

	deia_histogram_init(&h, DEIA_SCALE_COUNT);
	deia_histogram_add(&h, INT64_MAX);
	deia_histogram_add(&h, 3);
	ck_assert_uint_eq(h.counts[n], 1);
	ck_assert_uint_eq(h.sum, (uint64_t)INT64_MAX + 3);
	ck_assert_uint_eq(deia_histogram_count(&h), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("histogram");
	TCase *tc = tcase_create("histogram");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, bounds_of_every_scale_rise);
	tcase_add_test(tc, a_value_at_a_bound_is_within_it);
	tcase_add_test(tc, values_below_zero_count_as_zero);
	tcase_add_test(tc,
		       the_largest_values_are_counted_behind_the_last_bound);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
