/* SPDX-License-Identifier: MIT */
/*
 * test_model.c - the parts of the model adapters that need no server: events,
 * addresses, keys, cleaning what a server says.
 */
#include "model/events.h"
#include "model/model.h"
#include "model/url.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"

/* ---- events ---------------------------------------------------------------- */

struct got {
	char text[1024]; /* events, each followed by '|'; "!" long, "?" junk */
	int left;	 /* stop at 0; < 0: never */
};

static bool on_event(enum deia__event_kind kind, const char *data, size_t len,
		     void *user)
{
	struct got *got = user;

	if (kind == DEIA__EVENT_TOO_LONG)
		strcat(got->text, "!");
	if (kind == DEIA__EVENT_JUNK)
		strcat(got->text, "?");
	strncat(got->text, data ? data : "", len);
	strcat(got->text, "|");
	return --got->left != 0;
}

static const struct event_case {
	const char *bytes, *expected;
} event_cases[] = {
	{ "data: a\n\ndata: b\n\n", "a|b|" },
	{ "data:a\r\n\r\ndata:  b\r\n\r\n", "a| b|" },
	{ "data: a\ndata: b\n\n", "a\nb|" },
	{ "data\n\n", "|" },
	{ "data:\n\n", "|" },
	{ "\n\n\n", "" },
	{ ": c\nevent: x\nid\nid: 1\nretry: 5\ndata: a\n\n", "a|" },
	{ "event: x\n\n", "" },
	{ "data: a", "a|" },
	{ "data: a\n", "a|" },
	{ "\xef\xbb\xbf"
	  "data: a\n\n",
	  "a|" },
	{ "{\"error\":1}\n", "{\"error\":1}|" },
	{ "<html>\n", "?<html>|" },
	{ "database: a\n", "?database: a|" },
	{ " data: a\n", "? data: a|" },
	{ "data: 0123456789012345678901234567890\n\ndata: b\n\n", "!|b|" },
	{ "data: 01234567890123456789\ndata: 01234567890123456789\n\n", "!|" },
};

START_TEST(events_in_any_pieces)
{
	const struct event_case *c = &event_cases[_i];
	size_t len = strlen(c->bytes);

	for (size_t piece = 1; piece <= len; piece++) {
		struct got got = { .left = -1 };
		struct deia__model_events e;

		deia__model_events_init(&e, 32, on_event, &got);
		for (size_t at = 0; at < len; at += piece)
			ck_assert_int_eq(
				deia__model_events_feed(
					&e, c->bytes + at,
					len - at < piece ? len - at : piece),
				DEIA_OK);
		ck_assert_int_eq(deia__model_events_end(&e), DEIA_OK);
		deia__model_events_fini(&e);
		ck_assert_str_eq(got.text, c->expected);
	}
}
END_TEST

START_TEST(a_callback_stops_the_reading)
{
	struct got got = { .left = 1 };
	struct deia__model_events e;

	deia__model_events_init(&e, 32, on_event, &got);
	ck_assert_int_eq(
		deia__model_events_feed(&e, "data: a\n\ndata: b\n\n", 18),
		DEIA_ECANCELED);
	deia__model_events_fini(&e);
	ck_assert_str_eq(got.text, "a|");
}
END_TEST

START_TEST(events_say_when_memory_is_out)
{
	struct got got = { .left = -1 };
	struct deia__model_events e;
	deia_err err = DEIA_OK;
	unsigned long n = 0;

	do {
		deia__model_events_init(&e, 32, on_event, &got);
		deia__mem_fail_at(++n, false);
		err = deia__model_events_feed(&e, "da", 2);
		if (!err)
			err = deia__model_events_feed(&e, "ta: a\n\n", 7);
		deia__mem_fail_at(0, false);
		deia__model_events_fini(&e);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
	} while (err);
	ck_assert_uint_gt(n, 1);
}
END_TEST

/* ---- addresses ------------------------------------------------------------- */

static const struct url_case {
	const char *base, *url, *shown; /* url NULL: refused */
	bool versioned;
} url_cases[] = {
	{ "http://h:1", "http://h:1", "http://h:1", false },
	{ "http://h:1/", "http://h:1", "http://h:1", false },
	{ "http://h:1/p/", "http://h:1/p", "http://h:1/p", false },
	{ "h:1", "http://h:1", "http://h:1", false },
	{ "http://u:p@h/", "http://u:p@h", "http://h", false },
	{ "http://h/?a=b#c", "http://h", "http://h", false },
	{ "https://h", "https://h/v1", "https://h", true },
	{ "https://h/v1", "https://h/v1", "https://h/v1", true },
	{ "https://h/v1/", "https://h/v1", "https://h/v1", true },
	{ "https://h/v1beta/openai", "https://h/v1beta/openai",
	  "https://h/v1beta/openai", true },
	{ "https://h/openai/v4/", "https://h/openai/v4", "https://h/openai/v4",
	  true },
	{ "https://h/very/good", "https://h/very/good/v1",
	  "https://h/very/good", true },
	{ "ftp://h", NULL, NULL, true },
	{ "http://", NULL, NULL, false },
	{ "file:///etc/passwd", NULL, NULL, false },
	{ "", NULL, NULL, false },
};

START_TEST(addresses)
{
	const struct url_case *c = &url_cases[_i];
	char *url, *shown;
	deia_err err =
		deia__model_url_read(&url, &shown, c->base, c->versioned);

	ck_assert_int_eq(err, c->url ? DEIA_OK : DEIA_EFIELD);
	if (c->url) {
		ck_assert_str_eq(url, c->url);
		ck_assert_str_eq(shown, c->shown);
	}
	deia__free(url);
	deia__free(shown);
}
END_TEST

START_TEST(addresses_of_lists)
{
	char out[64];

	ck_assert_int_eq(deia_adapter_models_url(out, sizeof(out), "ollama",
						 "http://h/"),
			 DEIA_OK);
	ck_assert_str_eq(out, "http://h/api/tags");
	ck_assert_int_eq(
		deia_adapter_models_url(out, sizeof(out), "openai", "http://h"),
		DEIA_OK);
	ck_assert_str_eq(out, "http://h/v1/models");
	ck_assert_int_eq(deia_adapter_models_url(out, sizeof(out), "echo", "x"),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_adapter_models_url(out, 8, "ollama", "http://h"),
			 DEIA_ELIMIT);
	ck_assert_int_eq(deia_adapter_models_url(out, 8, NULL, "http://h"),
			 DEIA_EINVAL);
	ck_assert_ptr_null(deia_adapter_default_url("echo"));
	ck_assert_ptr_null(deia_adapter_default_url(NULL));
}
END_TEST

/* ---- keys -------------------------------------------------------------------- */

#define KEY "sk-0123456789"

START_TEST(keys)
{
	char why[256], *key;

	ck_assert_int_eq(
		deia_adapter_key_read(&key, NULL, NULL, why, sizeof(why)),
		DEIA_OK);
	ck_assert_ptr_null(key);
	ck_assert_int_eq(setenv("TEST_MODEL_KEY", KEY, 1), 0);
	ck_assert_int_eq(deia_adapter_key_read(&key, "TEST_MODEL_KEY", NULL,
					       why, sizeof(why)),
			 DEIA_OK);
	ck_assert_str_eq(key, KEY);
	free(key);
	deia__mem_fail_at(1, false);
	ck_assert_int_eq(deia_adapter_key_read(&key, "TEST_MODEL_KEY", NULL,
					       why, sizeof(why)),
			 DEIA_ENOMEM);
	ck_assert_ptr_null(key);
	deia__mem_fail_at(0, false);
	ck_assert_int_eq(deia_adapter_key_read(&key, "TEST_MODEL_KEY", "/x",
					       why, sizeof(why)),
			 DEIA_EFIELD);
	ck_assert_int_eq(setenv("TEST_MODEL_KEY", KEY "\r\nX: y", 1), 0);
	ck_assert_int_eq(deia_adapter_key_read(&key, "TEST_MODEL_KEY", NULL,
					       why, sizeof(why)),
			 DEIA_EFIELD);
	ck_assert_ptr_null(strstr(why, KEY));
	ck_assert_int_eq(deia_adapter_key_read(&key, NULL, "/nothing/here", why,
					       sizeof(why)),
			 DEIA_EFIELD);
	ck_assert_ptr_nonnull(strstr(why, "/nothing/here"));
}
END_TEST

static const struct clean_case {
	const char *text, *expected;
} clean_cases[] = {
	{ "plain", "plain" },
	{ "", "" },
	{ "a\nb\x1b[2J\x7f", "a b [2J " },
	{ "key " KEY " and " KEY, "key [key] and [key]" },
	{ KEY KEY, "[key][key]" },
	{ "sk-012345678", "sk-012345678" },
	{ "0123456789012345678901234567890123456789" KEY,
	  "0123456789012345678901234567890123456789[key]" },
	/* no room for a whole "[key]": nothing of the key either */
	{ "01234567890123456789012345678901234567890123456789012345678" KEY,
	  "01234567890123456789012345678901234567890123456789012345678" },
	{ "0123456789012345678901234567890123456789012345678901234567"
	  "\xe2\x82\xac",
	  "0123456789012345678901234567890123456789012345678901234567" },
};

START_TEST(what_a_server_says_is_cleaned)
{
	struct model m = { .config = { .key = (char[]){ KEY } } };
	const struct clean_case *c = &clean_cases[_i];
	char out[64];

	ck_assert_str_eq(deia__model_clean(&m, out, sizeof(out), c->text),
			 c->expected);
}
END_TEST

START_TEST(names_of_the_same_model)
{
	ck_assert(deia__model_is_same("a", "a:latest"));
	ck_assert(deia__model_is_same("a:latest", "a"));
	ck_assert(deia__model_is_same("a:1b", "a:1b"));
	ck_assert(!deia__model_is_same("a", "a:1b"));
	ck_assert(!deia__model_is_same("a:1b", "a:1b:latest"));
	ck_assert(!deia__model_is_same("a", "b"));
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof(*(a))))

int main(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, events_in_any_pieces, 0, COUNT(event_cases));
	tcase_add_test(t, a_callback_stops_the_reading);
	tcase_add_test(t, events_say_when_memory_is_out);
	tcase_add_loop_test(t, addresses, 0, COUNT(url_cases));
	tcase_add_test(t, addresses_of_lists);
	tcase_add_test(t, keys);
	tcase_add_loop_test(t, what_a_server_says_is_cleaned, 0,
			    COUNT(clean_cases));
	tcase_add_test(t, names_of_the_same_model);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
