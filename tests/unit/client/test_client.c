/* SPDX-License-Identifier: MIT */
/* test_client.c - calls: what is sent, what answers mean, what is repeated. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/client.h>

#include "core/clock.h"
#include "core/mem.h"
#include "script.h"

#define HEAD(status, type) "HTTP/1.1 " status "\r\nConnection: close\r\n" type
#define JSON "Content-Type: application/json\r\n"
#define PROBLEM "Content-Type: application/problem+json\r\n"
#define KNOWS "Idempotency-Key-Supported: true\r\n"
#define OK_REPLY HEAD("200 OK", JSON) "\r\n{\"a\":1}"

static deia_client *client;
static struct deia_reply reply;

static void begin_with(const struct step *steps, size_t n, unsigned timeout_ms)
{
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;

	script_start(steps, n);
	o.url = script_url();
	o.token = "deia_secret";
	o.timeout_ms = timeout_ms;
	ck_assert_int_eq(deia_client_new(&client, &o), DEIA_OK);
}

#define BEGIN(steps) begin_with(steps, sizeof(steps) / sizeof(steps[0]), 20000)

static void end(void)
{
	deia_client_free(client);
	client = NULL;
	script_stop();
}

static deia_err get(const char *path)
{
	return deia_client_call(client, "GET", path, NULL, &reply);
}

static deia_err post(const char *path, const char *body)
{
	return deia_client_call(client, "POST", path, body, &reply);
}

/* The value of a header of a request, "" when it is absent. */
static const char *header(size_t n, const char *name)
{
	static char value[2][256];
	static unsigned turn;
	char *out = value[turn++ % 2], line[64];
	const char *at;

	snprintf(line, sizeof(line), "\r\n%s:", name);
	at = strcasestr(script_request(n), line);
	out[0] = '\0';
	if (at != NULL)
		sscanf(strchr(at + 2, ':') + 1, " %255[^\r]", out);
	return out;
}

/* ---- requests and answers ---------------------------------------------- */

START_TEST(call_sends_token_and_gives_the_body)
{
	static const struct step steps[] = { { .reply = OK_REPLY } };

	BEGIN(steps);
	ck_assert_int_eq(get("/api/v1/bots?limit=2"), DEIA_OK);
	ck_assert_int_eq(reply.status, 200);
	ck_assert_str_eq(reply.body, "{\"a\":1}");
	ck_assert_uint_eq(reply.body_len, 7);
	ck_assert_str_eq(reply.content_type, "application/json");
	ck_assert(strncmp(script_request(0),
			  "GET /api/v1/bots?limit=2 HTTP/1.1", 33) == 0);
	ck_assert_str_eq(header(0, "Authorization"), "Bearer deia_secret");
	ck_assert_str_eq(header(0, "Idempotency-Key"), "");
	ck_assert_str_eq(header(0, "Content-Type"), "");
	ck_assert(strncmp(header(0, "User-Agent"), "libdeia/", 8) == 0);
	end();
}
END_TEST

START_TEST(post_carries_body_and_a_fresh_key)
{
	static const struct step steps[] = { { .reply = OK_REPLY } };

	BEGIN(steps);
	ck_assert_int_eq(post("/x", "{\"b\":2}"), DEIA_OK);
	ck_assert_int_eq(post("/x", NULL), DEIA_OK);
	ck_assert_str_eq(header(0, "Content-Type"), "application/json");
	ck_assert_ptr_nonnull(strstr(script_request(0), "\r\n\r\n{\"b\":2}"));
	ck_assert_str_eq(header(1, "Content-Length"), "0");
	ck_assert_uint_eq(strlen(header(0, "Idempotency-Key")), 36);
	ck_assert_str_ne(header(0, "Idempotency-Key"),
			 header(1, "Idempotency-Key"));
	end();
}
END_TEST

START_TEST(post_carries_the_key_of_the_caller)
{
	static const struct step steps[] = {
		{ .reply = HEAD("201 Made", JSON) "\r\n{}" },
		{ .reply = HEAD("201 Made", JSON) "Idempotency-Replayed: "
						  "true\r\n\r\n{}" },
	};
	char longest[257];

	BEGIN(steps);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(deia_client_post_once(client, "/x", "{}",
						       "order-7", &reply),
				 DEIA_OK);
		ck_assert_str_eq(header(i, "Idempotency-Key"), "order-7");
		ck_assert_int_eq(reply.replayed, i == 1);
	}
	memset(longest, 'k', 256);
	longest[256] = '\0';
	ck_assert_int_eq(
		deia_client_post_once(client, "/x", "{}", longest, &reply),
		DEIA_EINVAL);
	ck_assert_int_eq(reply.status, 0);
	ck_assert_int_eq(deia_client_post_once(client, "/x", "{}", "", NULL),
			 DEIA_EINVAL);
	ck_assert_int_eq(
		deia_client_post_once(client, "/x", "{}", "a\r\nB: c", NULL),
		DEIA_EINVAL);
	ck_assert_ptr_nonnull(strstr(deia_client_errmsg(client), "key"));
	ck_assert_uint_eq(script_requests(), 2);
	end();
}
END_TEST

START_TEST(every_method_is_sent)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH",
					       "DELETE" };
	static const struct step steps[] = { { .reply = HEAD("204 No Content",
							     "") "\r\n" } };

	BEGIN(steps);
	for (size_t i = 0; i < 5; i++) {
		ck_assert_int_eq(deia_client_call(client, methods[i], "/m",
						  i > 0 && i < 4 ? "{}" : NULL,
						  &reply),
				 DEIA_OK);
		ck_assert_str_eq(reply.body, "");
		ck_assert(strncmp(script_request(i), methods[i],
				  strlen(methods[i])) == 0);
	}
	end();
}
END_TEST

static const struct {
	const char *reply;
	deia_err err;
	const char *code, *says;
} answers[] = {
	{ HEAD("404 Not Found", PROBLEM) "\r\n{\"code\":\"not_found\","
					 "\"detail\":\"no bot X\"}",
	  DEIA_ENOTFOUND, "not_found", "no bot X" },
	{ HEAD("409 Conflict", PROBLEM) "\r\n{\"code\":\"illegal_state\","
					"\"detail\":\"it is paused\"}",
	  DEIA_ESTATE, "illegal_state", "it is paused" },
	{ HEAD("409 Conflict", PROBLEM) "\r\n{\"code\":\"already_exists\"}",
	  DEIA_EEXIST, "already_exists", "it exists already" },
	{ HEAD("422 Unprocessable Content",
	       PROBLEM) "\r\n{\"code\":\"invalid_field\",\"detail\":\"a field "
			"is wrong\",\"errors\":[{\"pointer\":\"/model\","
			"\"detail\":\"expected text\"}]}",
	  DEIA_EFIELD, "invalid_field", "/model: expected text" },
	{ HEAD("401 Unauthorized",
	       PROBLEM) "\r\n{\"code\":\"unauthenticated\"}",
	  DEIA_EAUTH, "unauthenticated", "credential" },
	{ HEAD("403 Forbidden", PROBLEM) "\r\n{\"code\":\"forbidden\","
					 "\"title\":\"not for you\"}",
	  DEIA_EDENIED, "forbidden", "not for you" },
	{ HEAD("400 Bad Request", PROBLEM) "\r\n{\"code\":\"malformed\"}",
	  DEIA_EPARSE, "malformed", "" },
	{ HEAD("413 Content Too Large", PROBLEM) "\r\n{}", DEIA_ELIMIT, "",
	  "" },
	{ HEAD("429 Too Many Requests",
	       PROBLEM "Retry-After: 7\r\n") "\r\n{\"code\":\"busy\"}",
	  DEIA_EBUSY, "busy", "" },
	{ HEAD("502 Bad Gateway", PROBLEM) "\r\n{\"code\":\"upstream_failed\"}",
	  DEIA_EREMOTE, "upstream_failed", "" },
	{ HEAD("504 Gateway Timeout", PROBLEM) "\r\n{\"code\":\"timed_out\"}",
	  DEIA_ETIMEDOUT, "timed_out", "" },
	{ HEAD("404 Not Found", "Content-Type: text/html\r\n") "\r\n<html>",
	  DEIA_EPROTO, "", "no deia hive" },
	{ HEAD("302 Found", "Location: http://other/\r\n") "\r\n", DEIA_EPROTO,
	  "", "redirects to 'http://other/'" },
	{ HEAD("401 Unauthorized", "Content-Type: text/html\r\n") "\r\nlogin",
	  DEIA_EAUTH, "", "401" },
	{ HEAD("500 Oops", PROBLEM) "\r\n{not json", DEIA_EPROTO, "",
	  "no deia hive" },
	{ "SSH-2.0-OpenSSH_9.2\r\n", DEIA_EPROTO, "", "does not speak HTTP" },
	{ HEAD("404 Not Found", PROBLEM) "\r\n{\"code\":\"not_found\","
					 "\"detail\":\"a\\u001b[31mb\"}",
	  DEIA_ENOTFOUND, "not_found", "a?[31mb" },
};

START_TEST(answers_become_errors)
{
	struct step step = { .reply = answers[_i].reply };

	begin_with(&step, 1, 20000);
	ck_assert_int_eq(get("/x"), answers[_i].err);
	ck_assert_str_eq(reply.code, answers[_i].code);
	ck_assert_msg(strstr(deia_client_errmsg(client), answers[_i].says) !=
			      NULL,
		      "%s", deia_client_errmsg(client));
	ck_assert_uint_eq(script_requests(), 1);
	end();
}
END_TEST

START_TEST(retry_after_is_told)
{
	static const struct step steps[] = {
		{ .reply = HEAD("429 Too Many Requests",
				PROBLEM "Retry-After: 7\r\n") "\r\n{}" }
	};

	BEGIN(steps);
	ck_assert_int_eq(get("/x"), DEIA_EBUSY);
	ck_assert_uint_eq(reply.retry_after_seconds, 7);
	end();
}
END_TEST

START_TEST(answer_over_the_cap_is_refused)
{
	static const struct step steps[] = {
		{ .reply = HEAD("200 OK", JSON) "\r\n", .repeat = 65u << 20 }
	};

	BEGIN(steps);
	ck_assert_int_eq(get("/x"), DEIA_ELIMIT);
	ck_assert_ptr_nonnull(strstr(deia_client_errmsg(client), "64 MiB"));
	end();
}
END_TEST

/* ---- repeats ----------------------------------------------------------- */

static const struct step refusal_then_ok[] = {
	{ .reply = HEAD("503 Busy", PROBLEM KNOWS) "\r\n{}" },
	{ .reply = OK_REPLY },
};

START_TEST(get_is_repeated_after_503)
{
	BEGIN(refusal_then_ok);
	ck_assert_int_eq(get("/x"), DEIA_OK);
	ck_assert_uint_eq(script_requests(), 2);
	end();
}
END_TEST

START_TEST(post_is_repeated_after_503_under_the_same_key)
{
	BEGIN(refusal_then_ok);
	ck_assert_int_eq(post("/x", "{}"), DEIA_OK);
	ck_assert_uint_eq(script_requests(), 2);
	ck_assert_str_eq(header(0, "Idempotency-Key"),
			 header(1, "Idempotency-Key"));
	end();
}
END_TEST

START_TEST(post_to_a_server_without_keys_is_not_repeated)
{
	static const struct step steps[] = {
		{ .reply = HEAD("503 Busy", PROBLEM) "\r\n{}" },
		{ .reply = OK_REPLY },
	};

	BEGIN(steps);
	ck_assert_int_eq(post("/x", "{}"), DEIA_EUNAVAILABLE);
	ck_assert_uint_eq(script_requests(), 1);
	end();
}
END_TEST

START_TEST(delete_is_not_repeated)
{
	BEGIN(refusal_then_ok);
	ck_assert_int_eq(deia_client_call(client, "DELETE", "/x", NULL, NULL),
			 DEIA_EUNAVAILABLE);
	ck_assert_uint_eq(script_requests(), 1);
	end();
}
END_TEST

START_TEST(health_of_a_critical_hive_is_an_answer)
{
	static const struct step steps[] = {
		{ .reply = HEAD("503 Critical",
				JSON) "\r\n{\"status\":\"CRITICAL\"}" },
	};

	BEGIN(steps);
	ck_assert_int_eq(get("/health"), DEIA_EUNAVAILABLE);
	ck_assert_str_eq(reply.body, "{\"status\":\"CRITICAL\"}");
	ck_assert_uint_eq(script_requests(), 1);
	end();
}
END_TEST

START_TEST(repeats_end)
{
	static const struct step steps[] = {
		{ .reply = HEAD("503 Busy",
				PROBLEM) "\r\n{\"detail\":\"no\"}" }
	};

	BEGIN(steps);
	ck_assert_int_eq(get("/x"), DEIA_EUNAVAILABLE);
	ck_assert_str_eq(deia_client_errmsg(client), "no");
	ck_assert_uint_eq(script_requests(), 3);
	end();
}
END_TEST

START_TEST(retry_after_beyond_the_deadline_is_not_awaited)
{
	static const struct step steps[] = {
		{ .reply = HEAD("503 Busy",
				PROBLEM "Retry-After: 60\r\n") "\r\n{}" }
	};
	int64_t before = deia__now_ms(NULL);

	BEGIN(steps);
	ck_assert_int_eq(get("/x"), DEIA_EUNAVAILABLE);
	ck_assert_int_lt(deia__now_ms(NULL) - before, 5000);
	ck_assert_uint_eq(script_requests(), 1);
	end();
}
END_TEST

START_TEST(get_is_repeated_after_a_lost_connection)
{
	static const struct step steps[] = {
		{ .reply = NULL },
		{ .reply = "HTTP/1.1 200 OK\r\nContent-Length: "
			   "100\r\n\r\nhalf" },
		{ .reply = OK_REPLY },
	};

	BEGIN(steps);
	ck_assert_int_eq(get("/x"), DEIA_OK);
	ck_assert_str_eq(reply.body, "{\"a\":1}");
	ck_assert_uint_eq(script_requests(), 3);
	end();
}
END_TEST

START_TEST(lost_post_is_repeated_once_the_server_says_it_knows_keys)
{
	static const struct step steps[] = {
		{ .reply = NULL },
		{ .reply = HEAD("200 OK", JSON KNOWS) "\r\n{}" },
		{ .reply = OK_REPLY },
	};

	BEGIN(steps);
	ck_assert_int_eq(post("/x", "{}"), DEIA_OK);
	ck_assert_uint_eq(script_requests(), 3);
	ck_assert(strncmp(script_request(1), "GET /health/live ", 17) == 0);
	ck_assert_str_eq(header(0, "Idempotency-Key"),
			 header(2, "Idempotency-Key"));
	end();
}
END_TEST

START_TEST(lost_post_to_a_server_without_keys_is_given_up)
{
	static const struct step steps[] = {
		{ .reply = NULL },
		{ .reply = OK_REPLY },
	};

	BEGIN(steps);
	ck_assert_int_eq(post("/x", "{}"), DEIA_EIO);
	ck_assert_ptr_nonnull(strstr(deia_client_errmsg(client), "broke"));
	ck_assert_uint_eq(script_requests(), 2);
	end();
}
END_TEST

START_TEST(own_earlier_attempt_in_flight_is_awaited)
{
	static const struct step steps[] = {
		{ .reply = HEAD("503 Busy", PROBLEM KNOWS) "\r\n{}" },
		{ .reply = HEAD("409 Conflict", PROBLEM KNOWS
				"Retry-After: 1\r\n") "\r\n{\"code\":"
						      "\"conflict\"}" },
		{ .reply = OK_REPLY },
	};

	BEGIN(steps);
	ck_assert_int_eq(post("/x", "{}"), DEIA_OK);
	ck_assert_uint_eq(script_requests(), 3);
	end();
}
END_TEST

START_TEST(nobody_listening_is_told)
{
	static const struct step steps[] = { { .reply = OK_REPLY } };
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;
	char url[64];

	script_start(steps, 1);
	snprintf(url, sizeof(url), "%s", script_url());
	script_stop();
	o.url = url;
	ck_assert_int_eq(deia_client_new(&client, &o), DEIA_OK);
	ck_assert_int_eq(post("/x", "{}"), DEIA_EIO);
	ck_assert_int_eq(reply.status, 0);
	ck_assert_ptr_nonnull(
		strstr(deia_client_errmsg(client), "no hive answers at"));
	deia_client_free(client);
}
END_TEST

/* ---- time -------------------------------------------------------------- */

START_TEST(slow_answer_is_given_up_at_the_deadline)
{
	static const struct step steps[] = { { .hang = true } };

	begin_with(steps, 1, 150);
	ck_assert_int_eq(get("/x"), DEIA_ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(deia_client_errmsg(client), "in time"));
	end();
}
END_TEST

static void *cancel_soon(void *arg)
{
	script_wait(1);
	deia_client_set_cancelled(arg, true);
	return NULL;
}

START_TEST(call_can_be_cancelled_and_used_again)
{
	static const struct step steps[] = { { .hang = true },
					     { .reply = OK_REPLY } };
	pthread_t thread;

	BEGIN(steps);
	pthread_create(&thread, NULL, cancel_soon, client);
	ck_assert_int_eq(get("/x"), DEIA_ECANCELED);
	pthread_join(thread, NULL);
	ck_assert_int_eq(get("/x"), DEIA_ECANCELED);
	deia_client_set_cancelled(client, false);
	ck_assert_int_eq(get("/x"), DEIA_OK);
	end();
}
END_TEST

/* ---- options ----------------------------------------------------------- */

START_TEST(wrong_options_are_refused)
{
	static const char *const urls[] = {
		"",
		"ftp://host",
		"file:///etc/passwd",
		"http://",
		"http://user:pw@host",
		"http://host/?q=1",
		"http://host/#f",
		"http://ho st",
	};
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;

	ck_assert_int_eq(deia_client_new(&client, NULL), DEIA_EINVAL);
	ck_assert_int_eq(deia_client_new(&client, &o), DEIA_EINVAL);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		o.url = urls[i];
		ck_assert_msg(deia_client_new(&client, &o) == DEIA_EINVAL, "%s",
			      urls[i]);
		ck_assert_ptr_null(client);
	}
	o.url = "http://host";
	o.token = "a\r\nX-Evil: 1";
	ck_assert_int_eq(deia_client_new(&client, &o), DEIA_EINVAL);
}
END_TEST

START_TEST(options_of_other_sizes_are_understood)
{
	struct {
		struct deia_client_opts o;
		char later[16];
	} wide = { .o = DEIA_CLIENT_OPTS_INIT };
	struct deia_client_opts shorter = DEIA_CLIENT_OPTS_INIT;

	wide.o.size = sizeof(wide);
	wide.o.url = "http://host";
	ck_assert_int_eq(deia_client_new(&client, &wide.o), DEIA_OK);
	deia_client_free(client);
	wide.later[3] = 1;
	ck_assert_int_eq(deia_client_new(&client, &wide.o), DEIA_EINVAL);
	shorter.size = offsetof(struct deia_client_opts, token);
	shorter.url = "http://host";
	shorter.token = "bad token";
	ck_assert_int_eq(deia_client_new(&client, &shorter), DEIA_OK);
	deia_client_free(client);
}
END_TEST

START_TEST(wrong_paths_and_methods_are_refused)
{
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;

	o.url = "http://127.0.0.1:1";
	ck_assert_int_eq(deia_client_new(&client, &o), DEIA_OK);
	ck_assert_int_eq(get("bots"), DEIA_EINVAL);
	ck_assert_int_eq(get("/a b"), DEIA_EINVAL);
	ck_assert_int_eq(get("/a\r\nX: 1"), DEIA_EINVAL);
	ck_assert_int_eq(get("/\xc3\xbc"), DEIA_EINVAL);
	ck_assert_int_eq(deia_client_call(client, "TRACE", "/", NULL, NULL),
			 DEIA_EINVAL);
	deia_client_free(client);
}
END_TEST

START_TEST(loopback_goes_past_a_proxy)
{
	static const struct step steps[] = { { .reply = OK_REPLY } };

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	BEGIN(steps);
	ck_assert_int_eq(get("/x"), DEIA_OK);
	end();
	unsetenv("http_proxy");
}
END_TEST

START_TEST(text_is_escaped)
{
	char *out;

	ck_assert_int_eq(deia_client_escape(&out, "BOT-001.a_~b/ %&\xc3\xbc"),
			 DEIA_OK);
	ck_assert_str_eq(out, "BOT-001.a_~b%2F%20%25%26%C3%BC");
	deia_client_free_text(out);
	deia_client_free_text(NULL);
	deia_client_free(NULL);
}
END_TEST

START_TEST(failed_allocations_leave_nothing_behind)
{
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;
	deia_err err = DEIA_ENOMEM;

	o.url = "http://host";
	o.token = "t";
	for (unsigned n = 1; err == DEIA_ENOMEM && n < 50; n++) {
		deia__mem_fail_at(n, false);
		err = deia_client_new(&client, &o);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || client == NULL);
	}
	ck_assert_int_eq(err, DEIA_OK);
	deia_client_free(client);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client");
	TCase *tc = tcase_create("calls");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, call_sends_token_and_gives_the_body);
	tcase_add_test(tc, post_carries_body_and_a_fresh_key);
	tcase_add_test(tc, post_carries_the_key_of_the_caller);
	tcase_add_test(tc, every_method_is_sent);
	tcase_add_loop_test(tc, answers_become_errors, 0,
			    sizeof(answers) / sizeof(answers[0]));
	tcase_add_test(tc, retry_after_is_told);
	tcase_add_test(tc, answer_over_the_cap_is_refused);
	tcase_add_test(tc, get_is_repeated_after_503);
	tcase_add_test(tc, post_is_repeated_after_503_under_the_same_key);
	tcase_add_test(tc, post_to_a_server_without_keys_is_not_repeated);
	tcase_add_test(tc, delete_is_not_repeated);
	tcase_add_test(tc, health_of_a_critical_hive_is_an_answer);
	tcase_add_test(tc, repeats_end);
	tcase_add_test(tc, retry_after_beyond_the_deadline_is_not_awaited);
	tcase_add_test(tc, get_is_repeated_after_a_lost_connection);
	tcase_add_test(
		tc, lost_post_is_repeated_once_the_server_says_it_knows_keys);
	tcase_add_test(tc, lost_post_to_a_server_without_keys_is_given_up);
	tcase_add_test(tc, own_earlier_attempt_in_flight_is_awaited);
	tcase_add_test(tc, nobody_listening_is_told);
	tcase_add_test(tc, slow_answer_is_given_up_at_the_deadline);
	tcase_add_test(tc, call_can_be_cancelled_and_used_again);
	tcase_add_test(tc, wrong_options_are_refused);
	tcase_add_test(tc, options_of_other_sizes_are_understood);
	tcase_add_test(tc, wrong_paths_and_methods_are_refused);
	tcase_add_test(tc, loopback_goes_past_a_proxy);
	tcase_add_test(tc, text_is_escaped);
	tcase_add_test(tc, failed_allocations_leave_nothing_behind);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
