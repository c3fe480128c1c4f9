/* SPDX-License-Identifier: MIT */
/* test_stream.c - event streams over a connection that does as it likes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/client.h>

#include "core/clock.h"
#include "script.h"

#define SSE                                                                    \
	"HTTP/1.1 200 OK\r\nConnection: close\r\n"                             \
	"Content-Type: text/event-stream\r\n\r\n"
#define UNAUTHORIZED                                                           \
	"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n"                   \
	"Content-Type: application/problem+json\r\n\r\n"                       \
	"{\"code\":\"unauthenticated\",\"detail\":\"who are you?\"}"

static deia_client *client;

struct seen {
	char text[1024];
	unsigned n, stop_after;
};

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct seen *s = user;
	size_t used = strlen(s->text);

	(void)len;
	snprintf(s->text + used, sizeof(s->text) - used, "%s|%s|%s;", event, id,
		 data);
	return ++s->n != s->stop_after;
}

static void begin_with(const struct step *steps, size_t n)
{
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;

	script_start(steps, n);
	o.url = script_url();
	ck_assert_int_eq(deia_client_new(&client, &o), DEIA_OK);
}

#define BEGIN(steps) begin_with(steps, sizeof(steps) / sizeof(steps[0]))

static void end(void)
{
	deia_client_free(client);
	script_stop();
}

START_TEST(stream_gives_events_until_it_ends)
{
	static const struct step steps[] = {
		{ .reply = SSE "event: chunk\ndata: a\n\nevent: done\n"
			       "data: b\n\n" }
	};
	struct seen seen = { .n = 0 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_stream(client, "POST", "/chat", "{}", 0,
					    on_event, &seen),
			 DEIA_OK);
	ck_assert_str_eq(seen.text, "chunk||a;done||b;");
	ck_assert_ptr_nonnull(
		strstr(script_request(0), "Accept: text/event-stream\r\n"));
	end();
}
END_TEST

START_TEST(callback_ends_a_stream_that_goes_on)
{
	static const struct step steps[] = {
		{ .reply = SSE "data: a\n\ndata: b\n\n", .hang = true }
	};
	struct seen seen = { .stop_after = 1 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_stream(client, "GET", "/e", NULL, 0,
					    on_event, &seen),
			 DEIA_OK);
	ck_assert_str_eq(seen.text, "message||a;");
	end();
}
END_TEST

START_TEST(refusal_of_a_stream_is_an_error)
{
	static const struct step steps[] = { { .reply = UNAUTHORIZED } };
	struct seen seen = { .n = 0 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_stream(client, "GET", "/e", NULL, 0,
					    on_event, &seen),
			 DEIA_EAUTH);
	ck_assert_str_eq(deia_client_errmsg(client), "who are you?");
	ck_assert_uint_eq(seen.n, 0);
	end();
}
END_TEST

START_TEST(answer_that_is_no_stream_is_refused)
{
	static const struct step steps[] = {
		{ .reply = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
			   "Content-Type: text/html\r\n\r\n<html>" }
	};
	struct seen seen = { .n = 0 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_stream(client, "GET", "/e", NULL, 0,
					    on_event, &seen),
			 DEIA_EPROTO);
	end();
}
END_TEST

START_TEST(silent_stream_is_given_up)
{
	static const struct step steps[] = { { .reply = SSE ": hi\n\n",
					       .hang = true } };
	struct seen seen = { .n = 0 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_stream(client, "GET", "/e", NULL, 100,
					    on_event, &seen),
			 DEIA_ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(deia_client_errmsg(client), "silent"));
	end();
}
END_TEST

START_TEST(begun_stream_is_never_begun_again)
{
	static const struct step steps[] = { { .reply = NULL },
					     { .reply = SSE } };
	struct seen seen = { .n = 0 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_stream(client, "POST", "/chat", "{}", 0,
					    on_event, &seen),
			 DEIA_EIO);
	ck_assert_uint_eq(script_requests(), 1);
	end();
}
END_TEST

START_TEST(follow_goes_on_where_the_connection_broke)
{
	static const struct step steps[] = {
		{ .reply =
			  SSE "id: 5\ndata: a\n\nid: 6\ndata: b\n\nid: 7\nda" },
		{ .reply = NULL },
		{ .reply = "HTTP/1.1 503 Wait\r\nConnection: close\r\n\r\n" },
		/* A server that repeats: nothing is given twice. */
		{ .reply = SSE "id: 6\ndata: b\n\nid: 7\ndata: c\n\n",
		  .hang = true },
	};
	struct seen seen = { .stop_after = 3 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_follow(client, 4, 0, on_event, &seen),
			 DEIA_OK);
	ck_assert_str_eq(seen.text, "message|5|a;message|6|b;message|7|c;");
	ck_assert_ptr_nonnull(
		strstr(script_request(0), "GET /api/v1/events?after=4 "));
	ck_assert_ptr_nonnull(
		strstr(script_request(3), "GET /api/v1/events?after=6 "));
	end();
}
END_TEST

START_TEST(follow_from_now_keeps_the_place_it_was_told)
{
	static const struct step steps[] = {
		{ .reply = SSE "event: open\nid: 40\ndata: {}\n\n" },
		{ .reply = SSE "event: open\nid: 40\ndata: {}\n\n"
			       "id: 41\ndata: x\n\n",
		  .hang = true },
	};
	struct seen seen = { .stop_after = 3 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_follow(client, -1, 0, on_event, &seen),
			 DEIA_OK);
	ck_assert_str_eq(seen.text, "open|40|{};open|40|{};message|41|x;");
	ck_assert_ptr_nonnull(strstr(script_request(0), "/api/v1/events "));
	ck_assert_ptr_nonnull(strstr(script_request(1), "events?after=40 "));
	end();
}
END_TEST

START_TEST(follow_ends_in_time)
{
	static const struct step steps[] = { { .reply = SSE ": hi\n\n",
					       .hang = true } };
	struct seen seen = { .n = 0 };
	int64_t before = deia__now_ms(NULL);

	BEGIN(steps);
	ck_assert_int_eq(deia_client_follow(client, 1, 200, on_event, &seen),
			 DEIA_OK);
	ck_assert_int_lt(deia__now_ms(NULL) - before, 5000);
	end();
}
END_TEST

START_TEST(follow_gives_up_where_trying_again_cannot_help)
{
	static const struct step steps[] = {
		{ .reply = SSE "id: 1\ndata: a\n\n" },
		{ .reply = UNAUTHORIZED },
	};
	struct seen seen = { .n = 0 };

	BEGIN(steps);
	ck_assert_int_eq(deia_client_follow(client, 0, 0, on_event, &seen),
			 DEIA_EAUTH);
	ck_assert_uint_eq(seen.n, 1);
	end();
}
END_TEST

START_TEST(follow_of_nobody_fails_at_once)
{
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;
	struct seen seen = { .n = 0 };

	o.url = "http://127.0.0.1:1";
	ck_assert_int_eq(deia_client_new(&client, &o), DEIA_OK);
	ck_assert_int_eq(deia_client_follow(client, 0, 0, on_event, &seen),
			 DEIA_EIO);
	deia_client_free(client);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stream");
	TCase *tc = tcase_create("streams");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, stream_gives_events_until_it_ends);
	tcase_add_test(tc, callback_ends_a_stream_that_goes_on);
	tcase_add_test(tc, refusal_of_a_stream_is_an_error);
	tcase_add_test(tc, answer_that_is_no_stream_is_refused);
	tcase_add_test(tc, silent_stream_is_given_up);
	tcase_add_test(tc, begun_stream_is_never_begun_again);
	tcase_add_test(tc, follow_goes_on_where_the_connection_broke);
	tcase_add_test(tc, follow_from_now_keeps_the_place_it_was_told);
	tcase_add_test(tc, follow_ends_in_time);
	tcase_add_test(tc, follow_gives_up_where_trying_again_cannot_help);
	tcase_add_test(tc, follow_of_nobody_fails_at_once);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
