/* SPDX-License-Identifier: MIT */
/* Memory, buffers, UTF-8, state tables, error texts, details, version. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/error.h>
#include <deia/version.h>

#include "core/buf.h"
#include "core/byid.h"
#include "core/errmsg.h"
#include "core/mem.h"
#include "core/sm.h"
#include "core/utf8.h"

START_TEST(nth_allocation_fails_once_and_later_ones_succeed)
{
	void *p;

	deia__mem_fail_at(2, false);
	p = deia__alloc(8);
	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_null(deia__alloc(8));
	deia__free(p);
	p = deia__alloc(8);
	ck_assert_ptr_nonnull(p);
	deia__free(p);
}
END_TEST

START_TEST(sticky_failure_lasts_until_switched_off)
{
	char *s;

	deia__mem_fail_at(1, true);
	ck_assert_ptr_null(deia__strdup("a"));
	ck_assert_ptr_null(deia__asprintf("%d", 1));
	ck_assert_ptr_null(deia__realloc(NULL, 3));
	deia__mem_fail_at(0, false);
	s = deia__asprintf("%s-%d", "bot", 7);
	ck_assert_str_eq(s, "bot-7");
	deia__free(s);
}
END_TEST

START_TEST(allocated_memory_is_zeroed)
{
	unsigned char *p = deia__alloc(64);

	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(p[i], 0);
	deia__free(p);
}
END_TEST

START_TEST(strndup_stops_at_nul_and_at_len)
{
	char *a = deia__strndup("abcdef", 3);
	char *b = deia__strndup("ab", 100);

	ck_assert_str_eq(a, "abc");
	ck_assert_str_eq(b, "ab");
	ck_assert_ptr_null(deia__strdup(NULL));
	deia__free(a);
	deia__free(b);
}
END_TEST

START_TEST(buffer_grows_and_is_given_away)
{
	struct deia__buf b;
	char *text;

	deia__buf_init(&b, 0);
	for (int i = 0; i < 1000; i++)
		deia__buf_addf(&b, "%d,", i);
	deia__buf_adds(&b, "end");
	ck_assert_int_eq(b.err, DEIA_OK);
	ck_assert_uint_eq(strlen(b.data), b.len);
	text = deia__buf_take(&b);
	ck_assert_ptr_nonnull(strstr(text, "998,999,end"));
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.len, 0);
	deia__free(text);
}
END_TEST

START_TEST(empty_buffer_gives_an_empty_text)
{
	struct deia__buf b;
	char *text;

	deia__buf_init(&b, 0);
	text = deia__buf_take(&b);
	ck_assert_str_eq(text, "");
	deia__free(text);
}
END_TEST

START_TEST(buffer_at_its_maximum_keeps_content_and_remembers_the_error)
{
	struct deia__buf b;

	deia__buf_init(&b, 10);
	deia__buf_adds(&b, "0123456789");
	ck_assert_int_eq(b.err, DEIA_OK);
	deia__buf_adds(&b, "x");
	ck_assert_int_eq(b.err, DEIA_ELIMIT);
	deia__buf_drain(&b, 5);
	deia__buf_adds(&b, "y");
	ck_assert_str_eq(b.data, "56789");
	ck_assert_ptr_null(deia__buf_take(&b));
	ck_assert_int_eq(b.err, DEIA_OK);
	deia__buf_fini(&b);
}
END_TEST

START_TEST(buffer_out_of_memory_is_remembered)
{
	struct deia__buf b;

	deia__buf_init(&b, 0);
	deia__mem_fail_at(1, false);
	deia__buf_adds(&b, "x");
	deia__buf_adds(&b, "y");
	ck_assert_int_eq(b.err, DEIA_ENOMEM);
	ck_assert_uint_eq(b.len, 0);
	deia__buf_fini(&b);
}
END_TEST

START_TEST(drain_drops_from_the_front)
{
	struct deia__buf b;

	deia__buf_init(&b, 0);
	deia__buf_drain(&b, 3);
	deia__buf_add(&b, "a\0b", 3);
	deia__buf_drain(&b, 2);
	ck_assert_str_eq(b.data, "b");
	deia__buf_drain(&b, 100);
	ck_assert_uint_eq(b.len, 0);
	deia__buf_fini(&b);
}
END_TEST

static const struct {
	const char *s;
	size_t len;
	int next;
} sequences[] = {
	{ "a", 1, 1 },
	{ "\0", 1, 1 },
	{ "", 0, -1 },
	{ "\xc3\xa4", 2, 2 },
	{ "\xc3", 1, -1 },
	{ "\xe2\x82\xac", 3, 3 },
	{ "\xe2\x82", 2, -1 },
	{ "\xf0\x9f\x98\x80", 4, 4 },
	{ "\xf0\x9f\x98", 3, -1 },
	{ "\xf4\x8f\xbf\xbf", 4, 4 },
	{ "\xf4\x90\x80\x80", 4, 0 }, /* above U+10FFFF */
	{ "\xf5\x80\x80\x80", 4, 0 },
	{ "\xff", 1, 0 },
	{ "\x80", 1, 0 },	  /* no lead */
	{ "\xc0\x80", 2, 0 },	  /* overlong NUL */
	{ "\xc1\xbf", 2, 0 },	  /* overlong */
	{ "\xe0\x9f\xbf", 3, 0 }, /* overlong */
	{ "\xf0\x8f\xbf\xbf", 4, 0 },
	{ "\xed\xa0\x80", 3, 0 }, /* surrogate */
	{ "\xed\x9f\xbf", 3, 3 },
	{ "\xee\x80\x80", 3, 3 },
	{ "\xe2\x28\xa1", 3, 0 },
	{ "\xe2\x82\x28", 3, 0 },
};

START_TEST(utf8_sequences_are_judged_strictly)
{
	ck_assert_int_eq(deia__utf8_next(sequences[_i].s, sequences[_i].len),
			 sequences[_i].next);
	ck_assert_int_eq(deia__utf8_valid(sequences[_i].s, sequences[_i].len),
			 sequences[_i].next > 0 || sequences[_i].len == 0);
}
END_TEST

START_TEST(utf8_valid_finds_a_bad_byte_anywhere)
{
	char text[64];

	for (size_t at = 0; at < sizeof(text); at++) {
		memset(text, 'a', sizeof(text));
		ck_assert(deia__utf8_valid(text, sizeof(text)));
		text[at] = (char)0xff;
		ck_assert(!deia__utf8_valid(text, sizeof(text)));
	}
}
END_TEST

START_TEST(utf8_whole_never_cuts_a_sequence)
{
	const char *text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
	static const size_t whole[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10 };

	for (size_t n = 0; n < sizeof(whole) / sizeof(whole[0]); n++)
		ck_assert_uint_eq(deia__utf8_whole(text, n), whole[n]);
	ck_assert_uint_eq(deia__utf8_whole("\x80\x80\x80\x80", 4), 4);
}
END_TEST

static const char *const light_names[] = { "red", "green", "amber" };
static const uint32_t light_next[] = { 1u << 1, 1u << 2, 1u << 0 };
static const struct deia__sm light = {
	.what = "light",
	.names = light_names,
	.next = light_next,
	.n_states = 3,
};

START_TEST(state_table_allows_only_listed_moves)
{
	ck_assert(deia__sm_can(&light, 0, 1));
	ck_assert(!deia__sm_can(&light, 0, 2));
	ck_assert(!deia__sm_can(&light, 0, 0));
	ck_assert(!deia__sm_can(&light, 3, 0));
	ck_assert(!deia__sm_can(&light, 0, 99));
	ck_assert_str_eq(deia__sm_name(&light, 2), "amber");
	ck_assert_str_eq(deia__sm_name(&light, 3), "unknown");
	ck_assert_int_eq(deia__sm_parse(&light, "green"), 1);
	ck_assert_int_eq(deia__sm_parse(&light, "Green"), -1);
	ck_assert_int_eq(deia__sm_parse(&light, NULL), -1);
}
END_TEST

START_TEST(every_error_has_name_and_text)
{
	ck_assert_str_eq(deia_err_name(DEIA_OK), "ok");
	ck_assert_str_eq(deia_err_name(DEIA_ENOTFOUND), "not_found");
	ck_assert_str_eq(deia_err_text(DEIA_EBUSY),
			 "the queue is full; try again later");
	for (int e = 0; e <= DEIA_EOTHERNODE; e++)
		ck_assert_str_ne(deia_err_name((deia_err)e), "unknown");
	ck_assert_str_eq(deia_err_name((deia_err)999), "unknown");
	ck_assert_str_eq(deia_err_name((deia_err)-1), "unknown");
}
END_TEST

START_TEST(failure_detail_is_one_line_of_whole_utf8)
{
	struct deia__errmsg m;
	char long_text[2000];

	ck_assert_int_eq(deia__fail(&m, DEIA_EIO, "a\nb\x1b[31m%s", "\x7f"),
			 DEIA_EIO);
	ck_assert_str_eq(m.text, "a?b?[31m?");
	for (size_t i = 0; i + 2 < sizeof(long_text); i += 2)
		memcpy(long_text + i, "\xc3\xa4", 3);
	ck_assert_int_eq(deia__fail(&m, DEIA_EINVAL, "%s", long_text),
			 DEIA_EINVAL);
	ck_assert_uint_eq(strlen(m.text), 510);
	ck_assert(deia__utf8_valid(m.text, strlen(m.text)));
	ck_assert_int_eq(deia__fail(NULL, DEIA_EIO, "x"), DEIA_EIO);
}
END_TEST

START_TEST(version_of_header_and_library_agree)
{
	ck_assert_str_eq(deia_version(), DEIA_VERSION);
}
END_TEST

struct named {
	char id[8];
};

static const char *name_of(const void *item)
{
	return ((const struct named *)item)->id;
}

/* "00" to "39", added in another order. */
START_TEST(things_stand_in_the_order_of_their_ids)
{
	struct deia__byid l = { .id_of = name_of };
	struct named all[40];

	ck_assert_ptr_null(deia__byid_get(&l, "00"));
	ck_assert_ptr_null(deia__byid_take(&l, "00"));
	ck_assert_uint_eq(deia__byid_after(&l, NULL), 0);
	for (unsigned i = 0; i < 40; i++) {
		struct named *n = &all[i * 7 % 40];

		snprintf(n->id, sizeof(n->id), "%02u", i * 7 % 40);
		ck_assert(deia__byid_add(&l, n));
	}
	ck_assert_uint_eq(l.n, 40);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_ptr_eq(l.items[i], &all[i]);
		ck_assert_ptr_eq(deia__byid_get(&l, all[i].id), &all[i]);
		ck_assert_uint_eq(deia__byid_after(&l, all[i].id), i + 1);
	}
	ck_assert_uint_eq(deia__byid_after(&l, "175"), 18);
	ck_assert_ptr_eq(deia__byid_take(&l, "17"), &all[17]);
	ck_assert_ptr_null(deia__byid_get(&l, "17"));
	ck_assert_ptr_eq(deia__byid_take_at(&l, 0), &all[0]);
	ck_assert_ptr_eq(deia__byid_take_at(&l, 37), &all[39]);
	ck_assert_uint_eq(l.n, 37);
	deia__byid_fini(&l);
	ck_assert_uint_eq(l.n, 0);
}
END_TEST

START_TEST(list_without_memory_stays_as_it_was)
{
	struct deia__byid l = { .id_of = name_of };
	struct named a = { "a" };

	deia__mem_fail_at(1, false);
	ck_assert(!deia__byid_add(&l, &a));
	ck_assert_uint_eq(l.n, 0);
	ck_assert(deia__byid_add(&l, &a));
	ck_assert_ptr_eq(deia__byid_get(&l, "a"), &a);
	deia__byid_fini(&l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("basics");
	TCase *tc = tcase_create("core");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, nth_allocation_fails_once_and_later_ones_succeed);
	tcase_add_test(tc, sticky_failure_lasts_until_switched_off);
	tcase_add_test(tc, allocated_memory_is_zeroed);
	tcase_add_test(tc, strndup_stops_at_nul_and_at_len);
	tcase_add_test(tc, buffer_grows_and_is_given_away);
	tcase_add_test(tc, empty_buffer_gives_an_empty_text);
	tcase_add_test(
		tc,
		buffer_at_its_maximum_keeps_content_and_remembers_the_error);
	tcase_add_test(tc, buffer_out_of_memory_is_remembered);
	tcase_add_test(tc, drain_drops_from_the_front);
	tcase_add_loop_test(tc, utf8_sequences_are_judged_strictly, 0,
			    sizeof(sequences) / sizeof(sequences[0]));
	tcase_add_test(tc, utf8_valid_finds_a_bad_byte_anywhere);
	tcase_add_test(tc, utf8_whole_never_cuts_a_sequence);
	tcase_add_test(tc, state_table_allows_only_listed_moves);
	tcase_add_test(tc, every_error_has_name_and_text);
	tcase_add_test(tc, failure_detail_is_one_line_of_whole_utf8);
	tcase_add_test(tc, version_of_header_and_library_agree);
	tcase_add_test(tc, things_stand_in_the_order_of_their_ids);
	tcase_add_test(tc, list_without_memory_stays_as_it_was);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
