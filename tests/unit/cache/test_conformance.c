/* SPDX-License-Identifier: MIT */
/*
 * What every cache does, over each backend: `test-cache-conformance memory`
 * or `redis` (a server of its own).
 */
#include "rig.h"

#include <stdio.h>

#include "core/mem.h"

static const char *backend;
static struct redis_server server;
static struct rig g;

static const char *url(void)
{
	return server.port ? server.url : NULL;
}

static void setup(void)
{
	if (strcmp(backend, "redis") == 0)
		server_start(&server, NULL);
	rig_open(&g, url(), NULL);
	rig_wait_up(&g, true);
}

static void teardown(void)
{
	rig_close(&g);
	if (server.port)
		server_end(&server);
}

/* ---- values ------------------------------------------------------------ */

START_TEST(what_was_put_is_a_hit)
{
	struct got o;

	fill(&g, "c1", "50", "page one");
	o = get(&g, "c1", "50");
	ck_assert(o.hit);
	ck_assert_uint_eq(o.len, 8);
	ck_assert_mem_eq(o.data, "page one", 8);
	ck_assert(!get(&g, "c1", "20").hit);
	ck_assert(!get(&g, "c2", "50").hit);
}
END_TEST

START_TEST(bytes_of_any_kind_come_back_as_they_were)
{
	static const char bytes[] = "\0\r\n$5\r\n\xff\xfe";
	struct got o = get(&g, "c\r\n1", "x y");

	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c\r\n1", "x y",
		       &o.ticket, bytes, sizeof(bytes));
	o = get(&g, "c\r\n1", "x y");
	ck_assert(o.hit);
	ck_assert_uint_eq(o.len, sizeof(bytes));
	ck_assert_mem_eq(o.data, bytes, sizeof(bytes));
	fill(&g, "c2", "", "");
	o = get(&g, "c2", "");
	ck_assert(o.hit);
	ck_assert_uint_eq(o.len, 0);
}
END_TEST

START_TEST(a_later_put_replaces_an_earlier_one)
{
	struct got o = get(&g, "c1", "k");

	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c1", "k", &o.ticket, "a",
		       1);
	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c1", "k", &o.ticket,
		       "bb", 2);
	o = get(&g, "c1", "k");
	ck_assert(o.hit);
	ck_assert_mem_eq(o.data, "bb", 2);
}
END_TEST

START_TEST(a_dropped_group_is_a_miss_and_others_are_not)
{
	fill(&g, "c1", "10", "x");
	fill(&g, "c1", "20", "y");
	fill(&g, "c2", "10", "z");
	deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, "c1");
	ck_assert(!get(&g, "c1", "10").hit);
	ck_assert(!get(&g, "c1", "20").hit);
	ck_assert(get(&g, "c2", "10").hit);
	fill(&g, "c1", "10", "new");
	ck_assert(get(&g, "c1", "10").hit);
}
END_TEST

START_TEST(clear_drops_every_group)
{
	fill(&g, "c1", "10", "x");
	fill(&g, "c2", "10", "z");
	deia_cache_clear(g.cache);
	ck_assert(!get(&g, "c1", "10").hit);
	ck_assert(!get(&g, "c2", "10").hit);
}
END_TEST

/* The race: read the store, the store changes, drop, then put. */
START_TEST(what_was_read_before_a_drop_is_not_put_back_after_it)
{
	struct got before = get(&g, "c1", "10"), o;

	ck_assert(before.has_ticket);
	deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, "c1");
	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c1", "10",
		       &before.ticket, "stale", 5);
	o = get(&g, "c1", "10");
	ck_assert(!o.hit);
	/* Nor after others have filled it. */
	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c1", "10", &o.ticket,
		       "fresh", 5);
	ck_assert_mem_eq(get(&g, "c1", "10").data, "fresh", 5);
	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c1", "10",
		       &before.ticket, "stale", 5);
	o = get(&g, "c1", "10");
	ck_assert(!o.hit || memcmp(o.data, "fresh", 5) == 0);
}
END_TEST

START_TEST(what_was_read_before_a_clear_is_not_put_back_after_it)
{
	struct got before = get(&g, "c1", "10");

	deia_cache_clear(g.cache);
	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c1", "10",
		       &before.ticket, "stale", 5);
	ck_assert(!get(&g, "c1", "10").hit);
}
END_TEST

/* Two readers and a writer, 400 random steps: what is a hit was read from the
 * store after the last change. */
START_TEST(random_orders_of_reads_changes_and_puts_never_show_the_past)
{
	struct reader {
		bool busy;
		int value;
		struct deia_cache_ticket ticket;
	} readers[3] = { 0 };
	uint64_t seed = 42;
	int store = 0, hits = 0;

	for (int step = 0; step < 400; step++) {
		struct reader *r;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		r = &readers[(seed >> 33) % 3];
		if ((seed >> 40) % 5 == 0) {
			store++;
			deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, "c");
		} else if (r->busy) {
			deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
				       &r->ticket, &r->value, sizeof(r->value));
			r->busy = false;
		} else {
			struct got o = get(&g, "c", "k");
			int shown;

			if (o.hit) {
				memcpy(&shown, o.data, sizeof(shown));
				ck_assert_int_eq(shown, store);
				hits++;
			}
			r->busy = o.has_ticket;
			r->ticket = o.ticket;
			r->value = store;
		}
	}
	ck_assert_int_gt(hits, 10);
}
END_TEST

START_TEST(single_values_are_kept_and_deleted)
{
	struct got o;

	ck_assert(!get_status(&g, "n1:b1").hit);
	deia_cache_put(g.cache, DEIA_CACHE_BOT_STATUS, NULL, "n1:b1", NULL,
		       "ready", 5);
	o = get_status(&g, "n1:b1");
	ck_assert(o.hit);
	ck_assert_mem_eq(o.data, "ready", 5);
	deia_cache_delete(g.cache, DEIA_CACHE_BOT_STATUS, "n1:b1");
	ck_assert(!get_status(&g, "n1:b1").hit);
}
END_TEST

START_TEST(values_end_with_the_time_of_their_kind)
{
	int64_t end = real_ms() + 20000;

	deia_cache_put(g.cache, DEIA_CACHE_BOT_STATUS, NULL, "b", NULL, "x", 1);
	g.clock.boot_ms += 2999;
	ck_assert(get_status(&g, "b").hit);
	g.clock.boot_ms += 1;
	/* Redis has its own clock: asked until the 3 seconds are over. */
	while (g.redis && get_status(&g, "b").hit) {
		ck_assert_int_lt(real_ms(), end);
		rig_turn(&g, 50);
	}
	ck_assert(!get_status(&g, "b").hit);
}
END_TEST

/* ---- sizes ------------------------------------------------------------- */

START_TEST(a_value_of_the_largest_size_is_kept_and_a_larger_one_is_not)
{
	size_t max = DEIA_CACHE_MAX_VALUE_BYTES;
	char *value = calloc(1, max + 1);
	struct got o = get(&g, "c1", "big");

	memset(value, 'v', max + 1);
	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c1", "big", &o.ticket,
		       value, max + 1);
	ck_assert(!get(&g, "c1", "big").hit);
	deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c1", "big", &o.ticket,
		       value, max);
	o = get(&g, "c1", "big");
	ck_assert(o.hit);
	ck_assert_uint_eq(o.len, max);
	free(value);
}
END_TEST

START_TEST(a_key_that_is_too_long_is_a_miss_at_once)
{
	char key[DEIA_CACHE_MAX_KEY_BYTES + 1];
	struct got o = { 0 };

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_BOT_STATUS, NULL,
					key, on_get, &o),
			 DEIA_ELIMIT);
	deia_cache_put(g.cache, DEIA_CACHE_BOT_STATUS, NULL, key, NULL, "x", 1);
	deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, key);
	rig_turn(&g, 1);
	ck_assert_int_eq(o.calls, 0);
}
END_TEST

START_TEST(the_wrong_kind_is_refused)
{
	struct got o = { 0 };

	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, NULL,
					"k", on_get, &o),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_BOT_STATUS, "g",
					"k", on_get, &o),
			 DEIA_EINVAL);
	ck_assert_int_eq(
		deia_cache_count(g.cache, DEIA_CACHE_FLAG, "k", NULL, NULL),
		DEIA_EINVAL);
	ck_assert_int_eq(o.calls, 0);
}
END_TEST

START_TEST(calls_under_way_are_bounded)
{
	struct got o = { 0 };
	int taken = 0;

	while (deia_cache_get(g.cache, DEIA_CACHE_BOT_STATUS, NULL, "b", on_get,
			      &o) == DEIA_OK)
		taken++;
	ck_assert_int_le(taken, DEIA_CACHE_MAX_CALLS);
	ck_assert_int_ge(taken, DEIA_CACHE_MAX_CALLS / 2);
	ck_assert_int_eq(o.calls, 0);
	rig_until(&g, &o.calls, taken);
	rig_turn(&g, 1);
	ck_assert_int_eq(o.calls, taken);
	ck_assert(!get_status(&g, "b").hit);
}
END_TEST

/* ---- counters, flags --------------------------------------------------- */

START_TEST(counters_count_in_their_window)
{
	int64_t left = 0;

	for (int i = 1; i <= 7; i++)
		ck_assert_int_eq(count(&g, "1.2.3.4", &left), i);
	ck_assert_int_gt(left, 0);
	ck_assert_int_le(left, 300000);
	ck_assert_int_eq(count(&g, "::1", NULL), 1);
	deia_cache_delete(g.cache, DEIA_CACHE_LOGIN_TRIES, "1.2.3.4");
	ck_assert_int_eq(count(&g, "1.2.3.4", NULL), 1);
}
END_TEST

START_TEST(flags_are_what_people_set_or_the_fallback)
{
	ck_assert(flag(&g, "shiny", true));
	ck_assert(!flag(&g, "shiny", false));
	deia_cache_set_flag(g.cache, "shiny", true);
	ck_assert(flag(&g, "shiny", false));
	deia_cache_set_flag(g.cache, "shiny", false);
	ck_assert(!flag(&g, "shiny", true));
	deia_cache_delete(g.cache, DEIA_CACHE_FLAG, "shiny");
	ck_assert(flag(&g, "shiny", true));
}
END_TEST

/* ---- fan-out ----------------------------------------------------------- */

struct heard {
	int calls;
	char last[64];
	deia_cache_sub **end; /* unsubscribes at the first message */
};

static void on_message(const void *data, size_t len, void *user)
{
	struct heard *h = user;

	h->calls++;
	ck_assert_uint_lt(len, sizeof(h->last));
	memcpy(h->last, data, len);
	h->last[len] = '\0';
	if (h->end) {
		deia_cache_unsubscribe(*h->end);
		*h->end = NULL;
	}
}

/* The listening connection comes up by itself; nothing says when. */
static void publish_until_heard(struct heard *h, const char *text)
{
	int64_t end = real_ms() + 20000;
	int before;

	while (strcmp(h->last, text) != 0) {
		ck_assert_int_lt(real_ms(), end);
		before = h->calls;
		deia_cache_publish(g.cache, DEIA_CACHE_EVENTS, text,
				   strlen(text));
		ck_assert_int_eq(h->calls, before);
		rig_turn(&g, 20);
	}
}

START_TEST(messages_reach_all_who_listen)
{
	struct heard a = { 0 }, b = { 0 };
	deia_cache_sub *sa, *sb;

	ck_assert_int_eq(deia_cache_subscribe(g.cache, DEIA_CACHE_EVENTS,
					      on_message, &a, &sa),
			 DEIA_OK);
	ck_assert_int_eq(deia_cache_subscribe(g.cache, DEIA_CACHE_EVENTS,
					      on_message, &b, &sb),
			 DEIA_OK);
	b.end = &sb;
	publish_until_heard(&a, "{\"seq\":1}");
	ck_assert_str_eq(a.last, "{\"seq\":1}");
	ck_assert_int_eq(b.calls, 1);
	publish_until_heard(&a, "two");
	ck_assert_str_eq(a.last, "two");
	ck_assert_int_eq(b.calls, 1);
	deia_cache_unsubscribe(sa);
}
END_TEST

START_TEST(listeners_are_bounded)
{
	struct heard a = { 0 };
	deia_cache_sub *subs[DEIA_CACHE_MAX_SUBSCRIBERS], *one;

	for (int i = 0; i < DEIA_CACHE_MAX_SUBSCRIBERS; i++)
		ck_assert_int_eq(deia_cache_subscribe(g.cache,
						      DEIA_CACHE_EVENTS,
						      on_message, &a, &subs[i]),
				 DEIA_OK);
	ck_assert_int_eq(deia_cache_subscribe(g.cache, DEIA_CACHE_EVENTS,
					      on_message, &a, &one),
			 DEIA_ELIMIT);
	ck_assert_ptr_null(one);
	deia_cache_unsubscribe(subs[3]);
	ck_assert_int_eq(deia_cache_subscribe(g.cache, DEIA_CACHE_EVENTS,
					      on_message, &a, &one),
			 DEIA_OK);
}
END_TEST

/* ---- life -------------------------------------------------------------- */

START_TEST(closing_ends_what_is_under_way_as_a_miss)
{
	struct got o[20] = { 0 };

	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE,
						"c", "k", on_get, &o[i]),
				 DEIA_OK);
	deia_cache_close(g.cache);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(o[i].calls, 1);
		ck_assert(!o[i].hit);
	}
	event_base_free(g.base);
	rig_open(&g, url(), NULL);
}
END_TEST

START_TEST(statistics_tell_hits_from_misses)
{
	struct deia_cache_stats st;

	fill(&g, "c", "k", "v");
	ck_assert(get(&g, "c", "k").hit);
	ck_assert(get(&g, "c", "k").hit);
	deia_cache_get_stats(g.cache, &st);
	ck_assert_str_eq(st.backend, backend);
	ck_assert(st.up);
	ck_assert_int_eq(st.shared, g.redis);
	ck_assert_uint_eq(st.hits, 2);
	ck_assert_uint_eq(st.misses, 1);
	ck_assert_uint_eq(st.puts, 1);
	ck_assert_uint_eq(st.errors, 0);
	/* Only what goes over a wire takes time that is worth measuring. */
	ck_assert_int_eq(deia_histogram_count(&st.times) >= 4, g.redis);
	ck_assert_int_gt(st.since_unix_ms, 0);
}
END_TEST

START_TEST(a_failed_drop_believes_nothing_kept_before)
{
	fill(&g, "c1", "k", "old");
	deia__mem_fail_at(1, false);
	deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, "c1");
	deia__mem_fail_at(0, false);
	ck_assert(!get(&g, "c1", "k").hit);
	if (g.redis)
		rig_wait_up(&g, false);
	rig_wait_up(&g, true);
	fill(&g, "c1", "k", "new");
	ck_assert(get(&g, "c1", "k").hit);
}
END_TEST

START_TEST(opening_without_memory_fails_and_leaves_nothing)
{
	unsigned long n = 0;
	deia_cache *c;
	char detail[256];
	deia_err err;

	do {
		deia__mem_fail_at(++n, false);
		err = deia_cache_open(&c, g.base, url(), NULL, detail,
				      sizeof(detail));
		deia__mem_fail_at(0, false);
		ck_assert_int_eq(err != DEIA_OK, c == NULL);
		ck_assert(!err || err == DEIA_ENOMEM);
	} while (err);
	ck_assert_uint_gt(n, 1);
	deia_cache_close(c);
}
END_TEST

/* Each allocation of a round fails once: what is a hit is still right. */
START_TEST(without_memory_everything_is_a_miss)
{
	for (unsigned long n = 1; n < 40; n++) {
		struct got o = { 0 };
		deia_err err;

		rig_wait_up(&g, true);
		deia__mem_fail_at(n, false);
		err = deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
				     on_get, &o);
		if (!err)
			rig_until(&g, &o.calls, 1);
		ck_assert_int_eq(o.calls, err ? 0 : 1);
		ck_assert(!o.hit || memcmp(o.data, "v", 1) == 0);
		if (o.has_ticket)
			deia_cache_put(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
				       &o.ticket, "v", 1);
		deia__mem_fail_at(0, false);
		if (n % 3 == 0)
			deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, "c");
	}
	rig_wait_up(&g, true);
	deia_cache_drop(g.cache, DEIA_CACHE_CHAT_PAGE, "c");
	fill(&g, "c", "k", "w");
	ck_assert(get(&g, "c", "k").hit);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s;
	TCase *t = tcase_create("conformance");
	SRunner *r;
	int failed;

	backend = argc > 1 ? argv[1] : "memory";
	s = suite_create(backend);
	if (strcmp(backend, "redis") == 0 && !server_there()) {
		puts("1..0 # SKIP there is no redis-server");
		return 0;
	}
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_was_put_is_a_hit);
	tcase_add_test(t, bytes_of_any_kind_come_back_as_they_were);
	tcase_add_test(t, a_later_put_replaces_an_earlier_one);
	tcase_add_test(t, a_dropped_group_is_a_miss_and_others_are_not);
	tcase_add_test(t, clear_drops_every_group);
	tcase_add_test(t, what_was_read_before_a_drop_is_not_put_back_after_it);
	tcase_add_test(t,
		       what_was_read_before_a_clear_is_not_put_back_after_it);
	tcase_add_test(
		t, random_orders_of_reads_changes_and_puts_never_show_the_past);
	tcase_add_test(t, single_values_are_kept_and_deleted);
	tcase_add_test(t, values_end_with_the_time_of_their_kind);
	tcase_add_test(
		t, a_value_of_the_largest_size_is_kept_and_a_larger_one_is_not);
	tcase_add_test(t, a_key_that_is_too_long_is_a_miss_at_once);
	tcase_add_test(t, the_wrong_kind_is_refused);
	tcase_add_test(t, calls_under_way_are_bounded);
	tcase_add_test(t, counters_count_in_their_window);
	tcase_add_test(t, flags_are_what_people_set_or_the_fallback);
	tcase_add_test(t, messages_reach_all_who_listen);
	tcase_add_test(t, listeners_are_bounded);
	tcase_add_test(t, closing_ends_what_is_under_way_as_a_miss);
	tcase_add_test(t, statistics_tell_hits_from_misses);
	tcase_add_test(t, a_failed_drop_believes_nothing_kept_before);
	tcase_add_test(t, opening_without_memory_fails_and_leaves_nothing);
	tcase_add_test(t, without_memory_everything_is_a_miss);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
