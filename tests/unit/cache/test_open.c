/* SPDX-License-Identifier: MIT */
/*
 * Which urls are taken, what opts do, the bounds of the memory cache, and a
 * backend of one's own that fails on demand.
 */
#include "rig.h"

#include <stdio.h>

#include "core/mem.h"

static struct rig g;

#ifdef DEIA_HAVE_REDIS
static const struct {
	const char *url;
	const char *user, *password, *host, *port;
	int db;
} good[] = {
	{ "redis://h", "", "", "h", "6379", 0 },
	{ "redis://h/", "", "", "h", "6379", 0 },
	{ "redis://10.0.0.1:1/15", "", "", "10.0.0.1", "1", 15 },
	{ "redis://:p@h", "", "p", "h", "6379", 0 },
	{ "redis://u:p@h:65535/0", "u", "p", "h", "65535", 0 },
	{ "redis://u:a%40b%2F%3a@h", "u", "a@b/:", "h", "6379", 0 },
	{ "redis://u:p:q@[::1]:6380", "u", "p:q", "::1", "6380", 0 },
	{ "redis://[fe80::1%25eth0]", "", "", "fe80::1%25eth0", "6379", 0 },
};

START_TEST(urls_are_taken_apart)
{
	struct deia__redis_url u;
	char detail[256];

	ck_assert_int_eq(
		deia__redis_url_parse(&u, good[_i].url, detail, sizeof(detail)),
		DEIA_OK);
	ck_assert_str_eq(u.user, good[_i].user);
	ck_assert_str_eq(u.password, good[_i].password);
	ck_assert_str_eq(u.host, good[_i].host);
	ck_assert_str_eq(u.port, good[_i].port);
	ck_assert_int_eq(u.db, good[_i].db);
	ck_assert_int_eq(deia_cache_url_check(good[_i].url, NULL, 0), DEIA_OK);
}
END_TEST
#endif

#ifdef DEIA_HAVE_REDIS
/* Names are looked up on a thread that nobody waits for. */
START_TEST(a_name_without_an_address_is_a_miss)
{
	rig_open(&g, "redis://deia-test.invalid", NULL);
	ck_assert(!get(&g, "c", "k").hit);
	rig_until(&g, &g.downs, 1);
	ck_assert_int_eq(g.ups, 0);
	ck_assert_ptr_nonnull(strstr(g.text, "name"));
	rig_close(&g);
}
END_TEST

START_TEST(it_may_be_closed_while_a_name_is_looked_up)
{
	for (int i = 0; i < 8; i++) {
		rig_open(&g, "redis://localhost:1", NULL);
		for (int k = 0; k < i; k++)
			rig_turn(&g, 1);
		rig_close(&g);
		ck_assert_int_eq(g.ups, 0);
	}
}
END_TEST
#endif

static const char *const bad[] = {
	"redis:",
	"redis://",
	"redis://:6379",
	"redis:///0",
	"redis://h:0",
	"redis://h:65536",
	"redis://h:x",
	"redis://h:",
	"redis://h/1024",
	"redis://h/x",
	"redis://h/-1",
	"redis://p@h",
	"redis://u:%00@h",
	"redis://u:%g0@h",
	"redis://u:%4@h",
	"redis://[::1",
	"redis://[::1]6379",
	"redis://[]",
	"http://h",
	"memory",
	"/run/redis.sock",
	"REDIS://h",
	"redis://h:6379:6380",
};

START_TEST(what_is_no_url_is_refused_with_a_sentence)
{
	char detail[256] = "";
	deia_cache *c;

	ck_assert_int_eq(deia_cache_url_check(bad[_i], detail, sizeof(detail)),
			 DEIA_EINVAL);
	ck_assert_ptr_nonnull(strstr(detail, "cache.url: "));
	g.base = event_base_new();
	ck_assert_int_eq(deia_cache_open(&c, g.base, bad[_i], NULL, detail,
					 sizeof(detail)),
			 DEIA_EINVAL);
	ck_assert_ptr_null(c);
	event_base_free(g.base);
}
END_TEST

START_TEST(tls_is_said_to_be_missing)
{
	char detail[256] = "";

	ck_assert_int_eq(deia_cache_url_check("rediss://u:s3cret@h", detail,
					      sizeof(detail)),
			 DEIA_EUNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(detail, "TLS"));
	ck_assert_ptr_null(strstr(detail, "s3cret"));
}
END_TEST

#ifndef DEIA_HAVE_REDIS
START_TEST(a_build_without_redis_says_so)
{
	char detail[256] = "";

	ck_assert_int_eq(
		deia_cache_url_check("redis://h", detail, sizeof(detail)),
		DEIA_EUNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(detail, "without Redis"));
}
END_TEST
#endif

START_TEST(options_are_checked)
{
	struct deia_cache_opts o = DEIA_CACHE_OPTS_INIT;
	static const char *const prefixes[] = {
		"", "a b", "\n", "0123456789012345678901234567890123"
	};
	deia_cache *c;

	g.base = event_base_new();
	for (size_t i = 0; i < 4; i++) {
		o.prefix = prefixes[i];
		ck_assert_int_eq(deia_cache_open(&c, g.base, NULL, &o, NULL, 0),
				 DEIA_EINVAL);
		ck_assert_ptr_null(c);
	}
	o.prefix = NULL;
	o.size = sizeof(o) + 8;
	ck_assert_int_eq(deia_cache_open(&c, g.base, NULL, &o, NULL, 0),
			 DEIA_EINVAL);
	event_base_free(g.base);
}
END_TEST

START_TEST(memory_keeps_nothing_of_a_store_that_others_change)
{
	struct deia_cache_opts o = DEIA_CACHE_OPTS_INIT;
	struct got a = { 0 };

	o.store_is_shared = true;
	rig_open(&g, NULL, &o);
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
					on_get, &a),
			 DEIA_EUNAVAILABLE);
	deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, "c");
	deia_cache_clear(g.cache);
	/* What is this process's own is kept. */
	ck_assert_int_eq(count(&g, "a", NULL), 1);
	ck_assert_int_eq(count(&g, "a", NULL), 2);
	ck_assert_int_eq(a.calls, 0);
	rig_close(&g);
}
END_TEST

START_TEST(the_least_recently_used_goes_first)
{
	struct deia_cache_opts o = DEIA_CACHE_OPTS_INIT;
	struct deia_cache_stats st;
	char value[1000], key[16];

	o.memory_bytes = 100000;
	rig_open(&g, NULL, &o);
	memset(value, 'v', sizeof(value));
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "%d", i);
		deia_cache_put(g.cache, DEIA_CACHE_BOT_STATUS, NULL, key, NULL,
			       value, sizeof(value));
		ck_assert(get_status(&g, "0").hit); /* in use all the time */
		deia_cache_get_stats(g.cache, &st);
		ck_assert_uint_le(st.bytes, 100000);
	}
	ck_assert_uint_gt(st.entries, 50);
	ck_assert(get_status(&g, "299").hit);
	ck_assert(!get_status(&g, "1").hit);
	rig_close(&g);
}
END_TEST

START_TEST(entries_are_bounded_too)
{
	struct deia_cache_opts o = DEIA_CACHE_OPTS_INIT;
	struct deia_cache_stats st;
	char key[16];

	o.memory_bytes = 1u << 30;
	rig_open(&g, NULL, &o);
	for (int i = 0; i < 70000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		deia_cache_put(g.cache, DEIA_CACHE_BOT_STATUS, NULL, key, NULL,
			       "", 0);
		if (i % 1000 == 0)
			rig_turn(&g, 1);
	}
	deia_cache_get_stats(g.cache, &st);
	ck_assert_uint_eq(st.entries, 65536);
	rig_close(&g);
}
END_TEST

START_TEST(windows_of_counters_end)
{
	int64_t left;

	rig_open(&g, NULL, NULL);
	ck_assert_int_eq(count(&g, "a", &left), 1);
	ck_assert_int_eq(left, 300000);
	g.clock.boot_ms += 299999;
	ck_assert_int_eq(count(&g, "a", &left), 2);
	ck_assert_int_eq(left, 1);
	g.clock.boot_ms += 1;
	ck_assert_int_eq(count(&g, "a", &left), 1);
	ck_assert_int_eq(left, 300000);
	rig_close(&g);
}
END_TEST

START_TEST(pages_end_with_their_time)
{
	rig_open(&g, NULL, NULL);
	fill(&g, "c", "k", "v");
	g.clock.boot_ms += 29999;
	ck_assert(get(&g, "c", "k").hit);
	g.clock.boot_ms += 1;
	ck_assert(!get(&g, "c", "k").hit);
	rig_close(&g);
}
END_TEST

/* ---- a backend of one's own ------------------------------------------- */

static struct {
	deia_cache *cache;
	deia_cache_op *op; /* taken last */
	int submits, resets;
	deia_err refuse;
} own;

static deia_err own_open(void **self, const struct deia_cache_setup *setup,
			 char *detail, size_t len)
{
	(void)detail;
	(void)len;
	*self = &own;
	own.cache = setup->cache;
	return DEIA_OK;
}

static void own_close(void *self)
{
	ck_assert_ptr_eq(self, &own);
	if (own.op)
		deia_cache_end(own.op, NULL);
}

static deia_err own_submit(void *self, const struct deia_cache_command *cmd,
			   deia_cache_op *op)
{
	(void)self;
	(void)cmd;
	own.submits++;
	if (own.refuse)
		return own.refuse;
	ck_assert_ptr_null(own.op);
	own.op = op;
	return DEIA_OK;
}

static void own_reset(void *self)
{
	(void)self;
	own.resets++;
}

static void own_listen(void *self, const char *channel)
{
	(void)self;
	(void)channel;
}

static const struct deia_cache_backend own_backend = {
	.size = sizeof(struct deia_cache_backend),
	.name = "own",
	.shared = true,
	.trusted = true,
	.open = own_open,
	.close = own_close,
	.submit = own_submit,
	.reset = own_reset,
	.listen = own_listen,
};

START_TEST(a_drop_that_a_backend_refuses_resets_it)
{
	struct deia_cache_opts o = DEIA_CACHE_OPTS_INIT;
	struct got a = { 0 };

	memset(&own, 0, sizeof(own));
	o.backend = &own_backend;
	rig_open(&g, NULL, &o);
	own.refuse = DEIA_EBUSY;
	deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, "c");
	ck_assert_int_eq(own.submits, 1);
	ck_assert_int_eq(own.resets, 1);
	deia_cache_clear(g.cache);
	ck_assert_int_eq(own.resets, 2);
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
					on_get, &a),
			 DEIA_EBUSY);
	ck_assert_int_eq(own.resets, 2);
	ck_assert_int_eq(a.calls, 0);
	own.refuse = DEIA_OK;
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
					on_get, &a),
			 DEIA_OK);
	ck_assert_int_eq(a.calls, 0);
	rig_close(&g);
	ck_assert_int_eq(a.calls, 1);
	ck_assert(!a.hit);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("open");
	TCase *t = tcase_create("open");
	SRunner *r;
	int failed;

#ifdef DEIA_HAVE_REDIS
	tcase_add_loop_test(t, urls_are_taken_apart, 0,
			    (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_test(t, a_name_without_an_address_is_a_miss);
	tcase_add_test(t, it_may_be_closed_while_a_name_is_looked_up);
#else
	tcase_add_test(t, a_build_without_redis_says_so);
#endif
	tcase_add_loop_test(t, what_is_no_url_is_refused_with_a_sentence, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, tls_is_said_to_be_missing);
	tcase_add_test(t, options_are_checked);
	tcase_add_test(t, memory_keeps_nothing_of_a_store_that_others_change);
	tcase_add_test(t, the_least_recently_used_goes_first);
	tcase_add_test(t, entries_are_bounded_too);
	tcase_add_test(t, windows_of_counters_end);
	tcase_add_test(t, pages_end_with_their_time);
	tcase_add_test(t, a_drop_that_a_backend_refuses_resets_it);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
