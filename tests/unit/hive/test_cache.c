/* SPDX-License-Identifier: MIT */
/*
 * The hive and its cache: pages as bytes and back, whatever the bytes are;
 * pages of a hive that are kept, and never old.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "hive/hive.h"

#define CONVERSATION "01890a5d-ac96-774b-bcce-b302099a8057"
#define LINE_1 "01890a5d-ac96-774b-bcce-b302099a8058"
#define LINE_2 "01890a5d-ac96-774b-bcce-b302099a8059"

static const struct deia_chat_line two[2] = {
	{ .id = LINE_2,
	  .bot = "b",
	  .conversation = CONVERSATION,
	  .role = "assistant",
	  .author = "b",
	  .content = "ja \xE2\x98\x80",
	  .content_len = 6,
	  .status = DEIA_LINE_PARTIAL,
	  .error = "cut",
	  .created_unix_ms = 1700000000001,
	  .prompt_tokens = 5,
	  .completion_tokens = -1,
	  .details = "{\"a\":1}" },
	{ .id = LINE_1,
	  .bot = "b",
	  .conversation = CONVERSATION,
	  .role = "user",
	  .author = "local",
	  .content = "",
	  .status = DEIA_LINE_ANSWERED,
	  .error = "",
	  .created_unix_ms = 1700000000000,
	  .prompt_tokens = -1,
	  .completion_tokens = -1,
	  .details = "" },
};

static bool unpack(const void *data, size_t len)
{
	struct deia_chat_line *lines;
	size_t n;
	bool more;

	if (!deia__page_unpack(&lines, &n, &more, data, len, "b",
			       CONVERSATION)) {
		ck_assert_ptr_null(lines);
		return false;
	}
	deia__free(lines);
	return true;
}

START_TEST(a_page_comes_back_as_it_was)
{
	struct deia__buf b;
	struct deia_chat_line *l;
	size_t n;
	bool more;

	ck_assert(deia__page_pack(&b, two, 2, true));
	ck_assert(deia__page_unpack(&l, &n, &more, b.data, b.len, "b",
				    CONVERSATION));
	ck_assert_uint_eq(n, 2);
	ck_assert(more);
	ck_assert_str_eq(l[0].id, LINE_2);
	ck_assert_str_eq(l[0].content, two[0].content);
	ck_assert_uint_eq(l[0].content_len, 6);
	ck_assert_int_eq(l[0].status, DEIA_LINE_PARTIAL);
	ck_assert_str_eq(l[0].error, "cut");
	ck_assert_str_eq(l[0].details, "{\"a\":1}");
	ck_assert_int_eq(l[0].prompt_tokens, 5);
	ck_assert_int_eq(l[0].completion_tokens, -1);
	ck_assert_int_eq(l[0].created_unix_ms, 1700000000001);
	ck_assert_str_eq(l[1].author, "local");
	ck_assert_uint_eq(l[1].content_len, 0);
	deia__free(l);
	deia__buf_fini(&b);
	ck_assert(deia__page_pack(&b, NULL, 0, false));
	ck_assert(unpack(b.data, b.len));
	deia__buf_fini(&b);
}
END_TEST

START_TEST(a_page_of_somebody_else_is_none)
{
	struct deia__buf b;
	struct deia_chat_line *l;
	size_t n;
	bool more;

	ck_assert(deia__page_pack(&b, two, 2, true));
	ck_assert(!deia__page_unpack(&l, &n, &more, b.data, b.len, "c",
				     CONVERSATION));
	ck_assert(
		!deia__page_unpack(&l, &n, &more, b.data, b.len, "b", LINE_1));
	deia__buf_fini(&b);
}
END_TEST

START_TEST(a_page_cut_anywhere_is_none)
{
	struct deia__buf b;

	ck_assert(deia__page_pack(&b, two, 2, false));
	for (size_t len = 0; len < b.len; len++) {
		char *copy =
			malloc(len + 1); /* so that valgrind sees its end */

		memcpy(copy, b.data, len);
		ck_assert(!unpack(copy, len));
		copy[len] = 'x';
		free(copy);
	}
	deia__buf_add(&b, "x", 1);
	ck_assert(!unpack(b.data, b.len));
	deia__buf_fini(&b);
}
END_TEST

/* What is taken must be text, whatever was changed. */
START_TEST(a_page_with_any_byte_changed_is_text_or_none)
{
	struct deia__buf b;

	ck_assert(deia__page_pack(&b, two, 2, false));
	for (size_t i = 0; i < b.len; i++) {
		for (int to = 0; to < 256; to += 5) {
			struct deia_chat_line *l;
			char was = b.data[i];
			size_t n;
			bool more;

			b.data[i] = (char)to;
			if (deia__page_unpack(&l, &n, &more, b.data, b.len, "b",
					      CONVERSATION)) {
				for (size_t k = 0; k < n; k++)
					ck_assert(deia__utf8_valid(
						l[k].content,
						l[k].content_len));
				deia__free(l);
			}
			b.data[i] = was;
		}
	}
	deia__buf_fini(&b);
}
END_TEST

START_TEST(a_page_without_memory_is_none)
{
	struct deia__buf b;

	for (unsigned long n = 1; n < 5; n++) {
		deia__mem_fail_at(n, true);
		ck_assert(n > 3 || !deia__page_pack(&b, two, 2, false));
		deia__mem_fail_at(0, false);
		if (n <= 3)
			deia__buf_fini(&b);
	}
	ck_assert(deia__page_pack(&b, two, 2, false));
	deia__mem_fail_at(1, true);
	ck_assert(!unpack(b.data, b.len));
	deia__mem_fail_at(0, false);
	ck_assert(unpack(b.data, b.len));
	deia__buf_fini(&b);
}
END_TEST

START_TEST(a_page_that_is_too_large_is_not_kept)
{
	struct deia_chat_line line = two[1];
	struct deia__buf b;
	char *text = malloc(DEIA_CACHE_MAX_VALUE_BYTES);

	memset(text, 'x', DEIA_CACHE_MAX_VALUE_BYTES);
	line.content = text;
	line.content_len = DEIA_CACHE_MAX_VALUE_BYTES;
	ck_assert(!deia__page_pack(&b, &line, 1, false));
	deia__buf_fini(&b);
	free(text);
}
END_TEST

/* ---- in a hive --------------------------------------------------------- */

static struct fixture f;

static struct deia_cache_stats stats(void)
{
	struct deia_cache_stats st;

	deia_cache_get_stats(deia_hive_get_cache(f.hive), &st);
	return st;
}

START_TEST(pages_are_kept_until_something_is_said)
{
	struct answer a;
	struct lines l;
	uint64_t hits;

	fixture_open(&f);
	ck_assert_int_eq(create_bot(&f, "echo", true), DEIA_OK);
	run_until_state(&f, "echo", DEIA_BOT_READY);
	ck_assert_int_eq(ask_and_wait(&f, "echo", NULL, "one", &a), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	hits = stats().hits;
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(stats().hits, hits + 1);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_str_eq(l.items[0].content, "one");
	ck_assert_str_eq(l.items[1].role, "user");
	ck_assert_int_eq(ask_and_wait(&f, "echo", NULL, "two", &a), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(stats().hits, hits + 1);
	ck_assert_uint_eq(l.n, 4);
	ck_assert_str_eq(l.items[0].content, "two");
	fixture_close(&f);
}
END_TEST

static void on_done(deia_err err, void *user)
{
	bool *done = user;

	ck_assert_int_eq(err, DEIA_OK);
	*done = true;
}

START_TEST(clearing_and_purging_drop_pages)
{
	struct answer a;
	struct lines l;
	bool done = false;

	fixture_open(&f);
	ck_assert_int_eq(create_bot(&f, "echo", true), DEIA_OK);
	run_until_state(&f, "echo", DEIA_BOT_READY);
	ck_assert_int_eq(ask_and_wait(&f, "echo", NULL, "one", &a), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_int_eq(deia_chat_clear(f.hive, deia_actor_local(), "echo",
					 NULL, on_done, &done),
			 DEIA_OK);
	run_until(&f, &done);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 0);
	ck_assert_int_eq(ask_and_wait(&f, "echo", NULL, "two", &a), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_int_eq(remove_bot(&f, "echo", true, true), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(create_bot(&f, "echo", false), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "echo", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 0);
	fixture_close(&f);
}
END_TEST

struct heard {
	bool done;
	char text[512];
};

static void on_message(const void *data, size_t len, void *user)
{
	struct heard *h = user;

	snprintf(h->text, sizeof(h->text), "%.*s", (int)len,
		 (const char *)data);
	h->done = strstr(h->text, "\"bot.created\"") != NULL;
}

START_TEST(stored_events_are_told_to_who_listens)
{
	struct heard h = { 0 };
	deia_cache_sub *sub;

	fixture_open(&f);
	ck_assert_int_eq(deia_cache_subscribe(deia_hive_get_cache(f.hive),
					      DEIA_CACHE_EVENTS, on_message, &h,
					      &sub),
			 DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "b1", false), DEIA_OK);
	run_until(&f, &h.done);
	ck_assert_ptr_nonnull(strstr(h.text, "\"subject\":\"b1\""));
	ck_assert_ptr_nonnull(strstr(h.text, "\"seq\":"));
	fixture_close(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cache");
	TCase *t = tcase_create("cache");
	SRunner *r;
	int failed;

	tcase_add_test(t, a_page_comes_back_as_it_was);
	tcase_add_test(t, a_page_of_somebody_else_is_none);
	tcase_add_test(t, a_page_cut_anywhere_is_none);
	tcase_add_test(t, a_page_with_any_byte_changed_is_text_or_none);
	tcase_add_test(t, a_page_without_memory_is_none);
	tcase_add_test(t, a_page_that_is_too_large_is_not_kept);
	tcase_add_test(t, pages_are_kept_until_something_is_said);
	tcase_add_test(t, clearing_and_purging_drop_pages);
	tcase_add_test(t, stored_events_are_told_to_who_listens);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
