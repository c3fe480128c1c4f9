/* SPDX-License-Identifier: MIT */
/*
 * test_sse.c - the parser of server-sent events: the standard's examples, in
 * one piece and cut at every byte.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/sse.h"

/* Events as "event|id|data;" one after the other. */
struct seen {
	char text[4096];
	unsigned n, stop_after; /* 0: never */
};

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct seen *s = user;
	size_t used = strlen(s->text);

	ck_assert_uint_eq(strlen(data), len);
	snprintf(s->text + used, sizeof(s->text) - used, "%s|%s|%s;", event, id,
		 data);
	return ++s->n != s->stop_after;
}

static void expect(const char *stream, size_t len, const char *wanted)
{
	for (size_t piece = 1; piece <= len; piece++) {
		struct deia__sse sse;
		struct seen seen = { .n = 0 };

		deia__sse_init(&sse, 65536, on_event, &seen);
		for (size_t at = 0; at < len; at += piece) {
			size_t n = len - at < piece ? len - at : piece;

			ck_assert_int_eq(deia__sse_feed(&sse, stream + at, n),
					 DEIA_OK);
		}
		ck_assert_str_eq(seen.text, wanted);
		deia__sse_fini(&sse);
	}
}

#define EXPECT(stream, wanted) expect(stream, sizeof(stream) - 1, wanted)

START_TEST(event_has_name_id_and_data)
{
	EXPECT("event: chunk\nid: 7\ndata: {\"a\":1}\n\n",
	       "chunk|7|{\"a\":1};");
}
END_TEST

START_TEST(event_without_name_is_a_message)
{
	EXPECT("data: x\n\n", "message||x;");
}
END_TEST

START_TEST(lines_of_data_are_joined)
{
	EXPECT("data: a\ndata: b\ndata:\ndata: c\n\n", "message||a\nb\n\nc;");
}
END_TEST

START_TEST(all_line_ends_are_equal)
{
	EXPECT("data: a\r\n\r\ndata: b\r\rdata: c\n\n",
	       "message||a;message||b;message||c;");
	EXPECT("data: a\r\ndata: b\r\n\r\n", "message||a\nb;");
}
END_TEST

START_TEST(comments_and_unknown_fields_are_left_out)
{
	EXPECT(": heartbeat\n\n:\n\ndata: x\nfoo: bar\nnonsense\n\n",
	       "message||x;");
}
END_TEST

START_TEST(one_space_after_the_colon_is_dropped)
{
	EXPECT("data:a\n\ndata:  b\n\n", "message||a;message|| b;");
}
END_TEST

START_TEST(id_sticks_and_empties)
{
	EXPECT("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
	       "message|1|a;message|1|b;message||c;");
}
END_TEST

START_TEST(id_alone_dispatches_nothing_and_is_kept)
{
	EXPECT("id: 41\n\ndata: x\n\n", "message|41|x;");
}
END_TEST

START_TEST(name_does_not_stick)
{
	EXPECT("event: a\ndata: 1\n\ndata: 2\n\nevent: b\n\ndata: 3\n\n",
	       "a||1;message||2;message||3;");
}
END_TEST

START_TEST(empty_data_is_an_event)
{
	EXPECT("data\n\ndata:\n\n", "message||;message||;");
}
END_TEST

START_TEST(cut_event_is_dropped)
{
	EXPECT("data: a\n\ndata: b\n", "message||a;");
	EXPECT("data: a\n\ndata: b", "message||a;");
}
END_TEST

START_TEST(byte_order_mark_is_skipped_once)
{
	EXPECT("\xef\xbb\xbf"
	       "data: a\n\n\xef\xbb\xbf"
	       "data: b\n\n",
	       "message||a;");
}
END_TEST

START_TEST(overlong_names_are_ignored)
{
	char stream[512], name[300];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(stream, sizeof(stream), "event: %s\ndata: x\n\n", name);
	expect(stream, strlen(stream), "message||x;");
}
END_TEST

START_TEST(id_with_nul_is_ignored)
{
	EXPECT("id: 1\ndata: a\n\nid: 2\0003\ndata: b\n\n",
	       "message|1|a;message|1|b;");
}
END_TEST

START_TEST(retry_is_read)
{
	struct deia__sse sse;
	struct seen seen = { .n = 0 };
	const char *text = "retry: 1500\n\nretry: soon\n\nretry: -3\n\n";

	deia__sse_init(&sse, 4096, on_event, &seen);
	ck_assert_int_eq(deia__sse_feed(&sse, text, strlen(text)), DEIA_OK);
	ck_assert_int_eq(sse.retry_ms, 1500);
	deia__sse_fini(&sse);
}
END_TEST

START_TEST(callback_can_stop)
{
	struct deia__sse sse;
	struct seen seen = { .stop_after = 2 };
	const char *text = "data: a\n\ndata: b\n\ndata: c\n\n";

	deia__sse_init(&sse, 4096, on_event, &seen);
	ck_assert_int_eq(deia__sse_feed(&sse, text, strlen(text)),
			 DEIA_ECANCELED);
	ck_assert_str_eq(seen.text, "message||a;message||b;");
	deia__sse_fini(&sse);
}
END_TEST

/* Neither a line nor an event of many lines outgrows the limit. */
START_TEST(too_long_lines_and_events_are_refused)
{
	static const char *const lines[] = { "data: 0123456789", "data: 01\n" };

	for (size_t i = 0; i < 2; i++) {
		struct deia__sse sse;
		struct seen seen = { .n = 0 };
		deia_err err = DEIA_OK;
		unsigned rounds = 0;

		deia__sse_init(&sse, 64, on_event, &seen);
		while (err == DEIA_OK && rounds++ < 1000)
			err = deia__sse_feed(&sse, lines[i], strlen(lines[i]));
		ck_assert_int_eq(err, DEIA_ELIMIT);
		ck_assert_uint_eq(seen.n, 0);
		deia__sse_fini(&sse);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sse");
	TCase *tc = tcase_create("parser");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, event_has_name_id_and_data);
	tcase_add_test(tc, event_without_name_is_a_message);
	tcase_add_test(tc, lines_of_data_are_joined);
	tcase_add_test(tc, all_line_ends_are_equal);
	tcase_add_test(tc, comments_and_unknown_fields_are_left_out);
	tcase_add_test(tc, one_space_after_the_colon_is_dropped);
	tcase_add_test(tc, id_sticks_and_empties);
	tcase_add_test(tc, id_alone_dispatches_nothing_and_is_kept);
	tcase_add_test(tc, name_does_not_stick);
	tcase_add_test(tc, empty_data_is_an_event);
	tcase_add_test(tc, cut_event_is_dropped);
	tcase_add_test(tc, byte_order_mark_is_skipped_once);
	tcase_add_test(tc, overlong_names_are_ignored);
	tcase_add_test(tc, id_with_nul_is_ignored);
	tcase_add_test(tc, retry_is_read);
	tcase_add_test(tc, callback_can_stop);
	tcase_add_test(tc, too_long_lines_and_events_are_refused);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
