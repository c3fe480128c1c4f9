/* SPDX-License-Identifier: MIT */
/* Clocks, times as text, ids, checksums, tokens. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <deia/auth.h>

#include "core/clock.h"
#include "core/id.h"
#include "core/token.h"

static const struct {
	const char *text;
	int64_t unix_ms;
	const char *printed; /* NULL: as text */
} times[] = {
	{ "1970-01-01T00:00:00.000Z", 0, NULL },
	{ "2026-11-22T16:09:27.123Z", INT64_C(1795363767123), NULL },
	{ "2000-02-29T23:59:59.999Z", INT64_C(951868799999), NULL },
	{ "1969-12-31T23:59:59.999Z", -1, NULL },
	{ "0000-01-01T00:00:00.000Z", INT64_C(-62167219200000), NULL },
	{ "9999-12-31T23:59:59.999Z", INT64_C(253402300799999), NULL },
	{ "1970-01-01T01:00:00+01:00", 0, "1970-01-01T00:00:00.000Z" },
	{ "1970-01-01t00:00:00.1239z", 123, "1970-01-01T00:00:00.123Z" },
	{ "1969-12-31 19:30:00-04:30", 0, "1970-01-01T00:00:00.000Z" },
	{ "1970-01-01T00:00:00.5Z", 500, "1970-01-01T00:00:00.500Z" },
	{ "1990-12-31T23:59:60Z", INT64_C(662688000000),
	  "1991-01-01T00:00:00.000Z" },
};

START_TEST(time_is_read_and_printed)
{
	char out[25];
	int64_t at = 42;

	ck_assert(deia__time_parse(times[_i].text, &at));
	ck_assert_int_eq(at, times[_i].unix_ms);
	deia__time_print(out, at);
	ck_assert_str_eq(out, times[_i].printed ? times[_i].printed
						: times[_i].text);
}
END_TEST

static const char *const bad_times[] = {
	"",
	"now",
	"1970-01-01",
	"1970-01-01T00:00:00",
	"1970-01-01T00:00Z",
	"1970-13-01T00:00:00Z",
	"1970-00-01T00:00:00Z",
	"1970-01-00T00:00:00Z",
	"1970-01-32T00:00:00Z",
	"1970-02-29T00:00:00Z",
	"1900-02-29T00:00:00Z",
	"1970-01-01T24:00:00Z",
	"1970-01-01T00:60:00Z",
	"1970-01-01T00:00:61Z",
	"1970-01-01T00:00:00.Z",
	"1970-01-01T00:00:00+24:00",
	"1970-01-01T00:00:00+0100",
	"1970-01-01T00:00:00Zx",
	" 1970-01-01T00:00:00Z",
	"1970-1-1T00:00:00Z",
	"+1970-01-01T00:00:00Z",
	"0000-01-01T00:00:00+00:01", /* before year 0 */
	"9999-12-31T23:59:59-00:01", /* after year 9999 */
};

START_TEST(wrong_time_is_refused_and_leaves_the_result)
{
	int64_t at = 42;

	ck_assert(!deia__time_parse(bad_times[_i], &at));
	ck_assert(!deia__time_parse(NULL, &at));
	ck_assert_int_eq(at, 42);
}
END_TEST

START_TEST(every_day_of_four_centuries_survives_a_round_trip)
{
	int64_t day = INT64_C(86400000);
	char out[25];

	for (int64_t at = -150000 * day; at < 150000 * day; at += 2 * day + 1) {
		int64_t again = 0;

		deia__time_print(out, at);
		ck_assert(deia__time_parse(out, &again));
		ck_assert_int_eq(again, at);
	}
}
END_TEST

START_TEST(times_beyond_four_digit_years_are_clamped)
{
	char out[25];

	deia__time_print(out, INT64_MAX);
	ck_assert_str_eq(out, "9999-12-31T23:59:59.999Z");
	deia__time_print(out, INT64_MIN);
	ck_assert_str_eq(out, "0000-01-01T00:00:00.000Z");
}
END_TEST

START_TEST(virtual_clock_answers_what_was_set)
{
	struct deia__clock c = { true, 17, 18 };
	struct deia__clock real = { false, 17, 18 };
	int64_t before = deia__now_ms(NULL);

	ck_assert_int_eq(deia__now_ms(&c), 17);
	ck_assert_int_eq(deia__unix_ms(&c), 18);
	ck_assert_int_ge(deia__now_ms(&real), before);
	ck_assert_int_gt(deia__unix_ms(&real), INT64_C(1700000000000));
}
END_TEST

START_TEST(ids_rise_strictly_over_a_hundred_thousand)
{
	char last[37] = "", id[37];

	for (int i = 0; i < 100000; i++) {
		deia__uuid7(id, INT64_C(1795363767123) + i / 20000);
		ck_assert_int_gt(strcmp(id, last), 0);
		memcpy(last, id, sizeof(id));
	}
	ck_assert(deia__uuid_valid(id));
}
END_TEST

START_TEST(ids_rise_when_the_clock_steps_back)
{
	char a[37], b[37], c[37];

	deia__uuid7(a, INT64_C(1795363767123));
	deia__uuid7(b, INT64_C(1600000000000));
	deia__uuid7(c, -5);
	ck_assert_int_lt(strcmp(a, b), 0);
	ck_assert_int_lt(strcmp(b, c), 0);
}
END_TEST

START_TEST(id_carries_time_version_and_variant)
{
	char id[37];

	deia__uuid7(id, INT64_C(0x0123456789ab));
	ck_assert_int_eq(strncmp(id, "01234567-89ab-7", 15), 0);
	ck_assert_ptr_nonnull(strchr("89ab", id[19]));
	ck_assert_uint_eq(strlen(id), 36);
}
END_TEST

#define THREADS 4
#define PER_THREAD 5000
static char ids[THREADS * PER_THREAD][37];

static void *make_ids(void *arg)
{
	char(*mine)[37] = arg;

	for (int i = 0; i < PER_THREAD; i++)
		deia__uuid7(mine[i], INT64_C(1795363767123));
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

START_TEST(ids_of_several_threads_never_meet)
{
	pthread_t t[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, make_ids,
						ids[i * PER_THREAD]),
				 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	qsort(ids, THREADS * PER_THREAD, sizeof(ids[0]), by_text);
	for (size_t i = 1; i < THREADS * PER_THREAD; i++)
		ck_assert_int_lt(strncmp(ids[i - 1], ids[i], 18), 0);
}
END_TEST

START_TEST(only_well_formed_uuids_are_valid)
{
	ck_assert(deia__uuid_valid("01234567-89ab-7def-8000-0123456789AB"));
	ck_assert(!deia__uuid_valid("01234567-89ab-7def-8000-0123456789a"));
	ck_assert(!deia__uuid_valid("01234567-89ab-7def-8000-0123456789abc"));
	ck_assert(!deia__uuid_valid("0123456789ab-7def-8000-0123456789ab--"));
	ck_assert(!deia__uuid_valid("01234567-89ab-7def-8000-0123456789ag"));
	ck_assert(!deia__uuid_valid(""));
	ck_assert(!deia__uuid_valid(NULL));
}
END_TEST

START_TEST(crc32_gives_the_known_check_value)
{
	ck_assert_uint_eq(deia__crc32("123456789", 9), 0xcbf43926u);
	ck_assert_uint_eq(deia__crc32("", 0), 0);
}
END_TEST

START_TEST(base64url_matches_rfc4648)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "-_-_" },
	};
	char out[32];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		deia__base64url(out, pairs[i][0], strlen(pairs[i][0]));
		ck_assert_str_eq(out, pairs[i][1]);
	}
}
END_TEST

START_TEST(seeded_generator_repeats_and_random_seed_does_not)
{
	struct deia__rng a, b;

	deia__rng_init(&a, 7);
	deia__rng_init(&b, 7);
	for (int i = 0; i < 1000; i++) {
		double x = deia__rng_ratio(&a);

		ck_assert_double_eq(x, deia__rng_ratio(&b));
		ck_assert_double_ge(x, 0.0);
		ck_assert_double_lt(x, 1.0);
	}
	deia__rng_init(&a, 0);
	deia__rng_init(&b, 0);
	ck_assert_uint_ne(deia__rng_next(&a), deia__rng_next(&b));
}
END_TEST

START_TEST(fresh_token_is_well_formed_and_any_change_breaks_it)
{
	char token[DEIA_TOKEN_LEN + 1], other[DEIA_TOKEN_LEN + 1];

	for (int round = 0; round < 200; round++) {
		ck_assert_int_eq(deia__token_make(token), DEIA_OK);
		ck_assert_uint_eq(strlen(token), DEIA_TOKEN_LEN);
		ck_assert(deia_token_well_formed(token));
		for (int i = 5; i < 13; i++)
			ck_assert(token[i] != '-' && token[i] != '_');
		ck_assert_int_eq(token[13], '_');
	}
	for (int i = 0; i < DEIA_TOKEN_LEN; i++) {
		memcpy(other, token, sizeof(token));
		other[i] = token[i] == 'x' ? 'y' : 'x';
		ck_assert(!deia_token_well_formed(other));
	}
}
END_TEST

START_TEST(known_token_is_accepted_and_odd_texts_are_not)
{
	static const char *const bad[] = {
		"",
		"deia_",
		"Bearer x",
		"deia_AAAAAAAA_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAA",
		"deia_AAAA_AAA_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAA",
	};

	ck_assert(deia_token_well_formed(
		"deia_Abc12345_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
		"y-iLtQ"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert(!deia_token_well_formed(bad[i]));
	ck_assert(!deia_token_well_formed(NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("id_time");
	TCase *tc = tcase_create("core");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, time_is_read_and_printed, 0,
			    sizeof(times) / sizeof(times[0]));
	tcase_add_loop_test(tc, wrong_time_is_refused_and_leaves_the_result, 0,
			    sizeof(bad_times) / sizeof(bad_times[0]));
	tcase_add_test(tc, every_day_of_four_centuries_survives_a_round_trip);
	tcase_add_test(tc, times_beyond_four_digit_years_are_clamped);
	tcase_add_test(tc, virtual_clock_answers_what_was_set);
	tcase_add_test(tc, ids_rise_strictly_over_a_hundred_thousand);
	tcase_add_test(tc, ids_rise_when_the_clock_steps_back);
	tcase_add_test(tc, id_carries_time_version_and_variant);
	tcase_add_test(tc, ids_of_several_threads_never_meet);
	tcase_add_test(tc, only_well_formed_uuids_are_valid);
	tcase_add_test(tc, crc32_gives_the_known_check_value);
	tcase_add_test(tc, base64url_matches_rfc4648);
	tcase_add_test(tc, seeded_generator_repeats_and_random_seed_does_not);
	tcase_add_test(tc, fresh_token_is_well_formed_and_any_change_breaks_it);
	tcase_add_test(tc, known_token_is_accepted_and_odd_texts_are_not);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
