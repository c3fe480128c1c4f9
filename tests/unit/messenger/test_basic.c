/* SPDX-License-Identifier: MIT */
/* test_basic.c - each call of the messenger once and in order, on each store. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "messenger/messenger.h"

enum { NO_STORE, MEMORY, SQLITE, KINDS };

static struct event_base *base;
static deia_store *store;
static deia_messenger *m;
static struct deia__clock virtual_clock;
static char dir[64];
static int kind;

/* What the last callback said. */
static struct result {
	unsigned calls;
	deia_err err;
	size_t n;
	bool more;
	char ids[32][37], tokens[32][17], content[32][64];
	struct deia_message first;
} got;

static void on_messages(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	(void)user;
	got.calls++;
	got.err = err;
	got.n = n;
	got.more = more;
	for (size_t i = 0; i < n && i < 32; i++) {
		snprintf(got.ids[i], 37, "%s", items[i].id);
		snprintf(got.tokens[i], 17, "%s", items[i].lease_token);
		snprintf(got.content[i], 64, "%s",
			 items[i].content ? items[i].content : "-");
	}
	if (n)
		got.first = items[0];
}

static void on_settled(deia_err err, void *user)
{
	(void)user;
	got.calls++;
	got.err = err;
}

static void open_all(void)
{
	char url[128], detail[256];

	if (kind != NO_STORE) {
		if (kind == MEMORY)
			snprintf(url, sizeof(url), "memory:");
		else
			snprintf(url, sizeof(url), "sqlite:%s/a.db", dir);
		ck_assert_int_eq(deia_store_open(&store, base, url, NULL,
						 detail, sizeof(detail)),
				 DEIA_OK);
	}
	ck_assert_msg(deia__messenger_new_at(&m, base, store, NULL,
					     &virtual_clock, detail,
					     sizeof(detail)) == DEIA_OK,
		      "%s", detail);
	ck_assert_int_eq(deia_messenger_open_inbox(m, "A"), DEIA_OK);
	ck_assert_int_eq(deia_messenger_open_inbox(m, "B"), DEIA_OK);
}

static void close_all(void)
{
	deia_messenger_stop(m);
	while (!deia_messenger_idle(m))
		event_base_loop(base, EVLOOP_ONCE);
	deia_messenger_free(m);
	deia_store_close(store);
	store = NULL;
	m = NULL;
}

static void setup(void)
{
	virtual_clock = (struct deia__clock){ .is_virtual = true,
					      .boot_ms = 1000000,
					      .wall_ms = 1700000000000 };
	snprintf(dir, sizeof(dir), "/tmp/deia-messenger-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	base = event_base_new();
	open_all();
}

static void teardown(void)
{
	char cmd[128];

	close_all();
	event_base_free(base);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

static void wait_call(unsigned calls)
{
	while (got.calls < calls)
		event_base_loop(base, EVLOOP_ONCE);
}

/* Waits until nothing is under way. */
static void settle(void)
{
	do
		event_base_loop(base, EVLOOP_NONBLOCK);
	while (!deia_messenger_idle(m));
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void advance(int64_t ms)
{
	virtual_clock.boot_ms += ms;
	virtual_clock.wall_ms += ms;
	deia__messenger_tick(m);
	settle();
	deia__messenger_tick(m);
	settle();
}

static void send_text(const char *from, const char *to, unsigned priority,
		      const char *text)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

	d.from = from;
	d.to = to;
	d.content = text;
	d.content_len = strlen(text);
	d.priority = priority;
	got.calls = 0;
	ck_assert_msg(deia_messenger_send(m, &d, 1, NULL, NULL, on_messages,
					  NULL) == DEIA_OK,
		      "%s", deia_messenger_errmsg(m));
	wait_call(1);
	ck_assert_int_eq(got.err, DEIA_OK);
}

static void receive(const char *inbox, unsigned max)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;

	r.inbox = inbox;
	r.max = max;
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_receive(m, &r, NULL, on_messages, NULL),
			 DEIA_OK);
	wait_call(1);
	ck_assert_int_eq(got.err, DEIA_OK);
}

static void read_id(const char *inbox, const char *id, const char *token)
{
	struct deia_message_claim c = { id, inbox, token };

	got.calls = 0;
	ck_assert_int_eq(deia_messenger_read(m, &c, 1, NULL, on_settled, NULL),
			 DEIA_OK);
	wait_call(1);
}

static void check_counts(uint64_t pending, uint64_t delivered, uint64_t read)
{
	struct deia_messenger_status s;

	deia_messenger_get_status(m, &s);
	ck_assert_uint_eq(s.by_status[DEIA_MESSAGE_PENDING], pending);
	ck_assert_uint_eq(s.by_status[DEIA_MESSAGE_DELIVERED], delivered);
	ck_assert_uint_eq(s.by_status[DEIA_MESSAGE_READ], read);
}

static uint64_t deliveries(void)
{
	struct deia_messenger_status s;

	deia_messenger_get_status(m, &s);
	return deia_histogram_count(&s.delivery);
}

START_TEST(a_message_is_sent_received_and_read)
{
	char id[37], token[17];

	send_text("A", "B", 2, "hello");
	check_counts(1, 0, 0);
	ck_assert_uint_eq(deliveries(), 0);
	receive("B", 10);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_str_eq(got.content[0], "hello");
	ck_assert_uint_eq(got.first.attempt, 1);
	check_counts(0, 1, 0);
	ck_assert_uint_eq(deliveries(), 1);
	strcpy(id, got.ids[0]);
	strcpy(token, got.tokens[0]);
	receive("B", 10);
	ck_assert_uint_eq(got.n, 0);
	read_id("B", id, "0000000000000001");
	ck_assert_int_eq(got.err, DEIA_ECONFLICT);
	read_id("A", id, token);
	ck_assert_int_eq(got.err, DEIA_ENOTFOUND);
	read_id("B", id, token);
	ck_assert_int_eq(got.err, DEIA_OK);
	check_counts(0, 0, 1);
	read_id("B", id, token);
	ck_assert_int_eq(got.err, DEIA_OK);
	read_id("B", id, NULL);
	ck_assert_int_eq(got.err, DEIA_ESTATE);
}
END_TEST

START_TEST(priority_goes_before_age)
{
	send_text("A", "B", 3, "low");
	send_text("A", "B", 1, "mid 1");
	send_text("A", "B", 1, "mid 2");
	send_text("A", "B", 0, "high");
	receive("B", 10);
	ck_assert_uint_eq(got.n, 4);
	ck_assert_str_eq(got.content[0], "high");
	ck_assert_str_eq(got.content[1], "mid 1");
	ck_assert_str_eq(got.content[2], "mid 2");
	ck_assert_str_eq(got.content[3], "low");
}
END_TEST

START_TEST(an_aged_message_is_the_eighth)
{
	send_text("A", "B", 3, "old");
	advance(61000);
	for (int i = 0; i < 10; i++)
		send_text("A", "B", 0, "new");
	receive("B", 10);
	ck_assert_uint_eq(got.n, 10);
	for (int i = 0; i < 10; i++)
		ck_assert_str_eq(got.content[i], i == 7 ? "old" : "new");
}
END_TEST

START_TEST(a_lease_that_ran_out_comes_back_flagged_and_dies_after_three)
{
	char id[37];

	send_text("A", "B", 2, "x");
	strcpy(id, got.ids[0]);
	for (unsigned attempt = 1; attempt <= 3; attempt++) {
		receive("B", 1);
		ck_assert_uint_eq(got.n, 1);
		ck_assert_uint_eq(got.first.attempt, attempt);
		ck_assert_int_eq(got.first.redelivered, attempt > 1);
		advance(60001);
		receive("B", 1);
		ck_assert_uint_eq(got.n, 0);
		advance(5000);
	}
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_get(m, id, on_messages, NULL), DEIA_OK);
	wait_call(1);
	ck_assert_int_eq(got.first.status, DEIA_MESSAGE_FAILED);
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_requeue(m, id, on_messages, NULL),
			 DEIA_OK);
	wait_call(1);
	ck_assert_int_eq(got.err, DEIA_OK);
	receive("B", 1);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(got.first.attempt, 1);
	ck_assert_str_eq(got.content[0], "x");
}
END_TEST

START_TEST(a_wait_ends_with_the_first_message)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;

	r.inbox = "B";
	r.wait_ms = 30000;
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_receive(m, &r, NULL, on_messages, NULL),
			 DEIA_OK);
	settle();
	ck_assert_uint_eq(got.calls, 0);
	send_text("A", "B", 2, "now");
	wait_call(2);
	ck_assert_str_eq(got.content[0], "now");
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_receive(m, &r, NULL, on_messages, NULL),
			 DEIA_OK);
	advance(30001);
	ck_assert_uint_eq(got.calls, 1);
	ck_assert_uint_eq(got.n, 0);
}
END_TEST

START_TEST(a_message_expires_and_its_sender_is_told)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

	d.from = "A";
	d.to = "B";
	d.content = "soon";
	d.content_len = 4;
	d.ttl_seconds = 1;
	d.notify = true;
	got.calls = 0;
	ck_assert_int_eq(
		deia_messenger_send(m, &d, 1, NULL, NULL, on_messages, NULL),
		DEIA_OK);
	wait_call(1);
	advance(1001);
	receive("B", 1);
	ck_assert_uint_eq(got.n, 0);
	receive("A", 1);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_ptr_nonnull(strstr(got.content[0], "Your message"));
}
END_TEST

START_TEST(a_key_gives_the_same_answer_and_sends_once)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	bool replayed;
	char id[37];

	d.from = "A";
	d.to = "B";
	d.content = "once";
	d.content_len = 4;
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_send(m, &d, 1, "k1", &replayed,
					     on_messages, NULL),
			 DEIA_OK);
	wait_call(1);
	ck_assert(!replayed);
	strcpy(id, got.ids[0]);
	ck_assert_int_eq(deia_messenger_send(m, &d, 1, "k1", &replayed,
					     on_messages, NULL),
			 DEIA_OK);
	wait_call(2);
	ck_assert_int_eq(got.err, DEIA_OK);
	ck_assert(replayed);
	ck_assert_str_eq(got.ids[0], id);
	ck_assert_str_eq(got.content[0], "once");
	check_counts(1, 0, 0);
	d.content = "else";
	ck_assert_int_eq(deia_messenger_send(m, &d, 1, "k1", &replayed,
					     on_messages, NULL),
			 DEIA_OK);
	wait_call(3);
	ck_assert_int_eq(got.err, DEIA_ECONFLICT);
}
END_TEST

static void page(const struct deia_message_query *q)
{
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_page(m, q, on_messages, NULL), DEIA_OK);
	wait_call(1);
	ck_assert_int_eq(got.err, DEIA_OK);
}

START_TEST(pages_change_nothing_and_reach_the_end)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	unsigned n = 0;
	char last[37];

	for (int i = 0; i < 25; i++)
		send_text(i % 2 ? "A" : "B", i % 2 ? "B" : "A", (unsigned)i % 4,
			  "p");
	q.inbox = "B";
	q.limit = 5;
	do {
		page(&q);
		n += (unsigned)got.n;
		strcpy(last, got.ids[got.n - 1]);
		q.after = last;
	} while (got.more);
	ck_assert_uint_eq(n, 12);
	memset(&q, 0, sizeof(q));
	q = (struct deia_message_query)DEIA_MESSAGE_QUERY_INIT;
	q.a = "B";
	q.b = "A";
	q.limit = 7;
	for (n = 0; n == 0 || got.more; q.after = last) {
		page(&q);
		n += (unsigned)got.n;
		strcpy(last, got.ids[got.n - 1]);
	}
	ck_assert_uint_eq(n, 25);
	check_counts(25, 0, 0);
}
END_TEST

START_TEST(many_messages_spill_and_come_in_order)
{
	static struct deia_message_draft d[1000];
	char text[1000][8];
	unsigned seen = 0;

	for (int batch = 0; batch < 3; batch++) {
		for (int i = 0; i < 1000; i++) {
			d[i] = (struct deia_message_draft)
				DEIA_MESSAGE_DRAFT_INIT;
			snprintf(text[i], 8, "%d", batch * 1000 + i);
			d[i].from = "A";
			d[i].to = "B";
			d[i].content = text[i];
			d[i].content_len = strlen(text[i]);
		}
		got.calls = 0;
		ck_assert_int_eq(deia_messenger_send(m, d, 1000, NULL, NULL,
						     on_messages, NULL),
				 DEIA_OK);
		wait_call(1);
		ck_assert_uint_eq(got.n, 1000);
	}
	while (seen < 3000) {
		receive("B", 30);
		ck_assert_uint_gt(got.n, 0);
		for (size_t i = 0; i < got.n; i++)
			ck_assert_int_eq(atoi(got.content[i]), (int)seen++);
	}
	check_counts(0, 3000, 0);
}
END_TEST

START_TEST(a_restart_keeps_leases_and_gives_back_held_ones)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;
	char id[37], token[17];

	if (kind != SQLITE)
		return; /* nothing survives in memory */
	send_text("A", "B", 2, "leased");
	send_text("A", "B", 2, "held");
	receive("B", 1);
	strcpy(id, got.ids[0]);
	strcpy(token, got.tokens[0]);
	r.inbox = "B";
	r.held = true;
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_receive(m, &r, NULL, on_messages, NULL),
			 DEIA_OK);
	wait_call(1);
	close_all();
	open_all();
	check_counts(1, 1, 0);
	receive("B", 5);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_str_eq(got.content[0], "held");
	ck_assert(got.first.redelivered);
	read_id("B", id, token);
	ck_assert_int_eq(got.err, DEIA_OK);
	check_counts(0, 1, 1);
}
END_TEST

static struct deia_message seen;
static size_t seen_metadata_len;

static void on_sent_large(deia_err err, const struct deia_message *items,
			  size_t n, bool more, void *user)
{
	on_messages(err, items, n, more, user);
	seen = n ? items[0] : (struct deia_message){ 0 };
	seen_metadata_len = n ? strlen(items[0].metadata) : 0;
}

START_TEST(a_large_message_is_answered_whole)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	size_t len = DEIA_MAX_CONTENT_BYTES;
	char *text = malloc(len);

	memset(text, 'x', len);
	d.from = "A";
	d.to = "B";
	d.content = text;
	d.content_len = len;
	d.metadata = "{\"k\":1}";
	d.ttl_seconds = 60;
	got.calls = 0;
	ck_assert_int_eq(
		deia_messenger_send(m, &d, 1, NULL, NULL, on_sent_large, NULL),
		DEIA_OK);
	wait_call(1);
	ck_assert_int_eq(got.err, DEIA_OK);
	ck_assert_uint_eq(seen.content_len, len);
	ck_assert_ptr_nonnull(seen.content);
	ck_assert_uint_eq(seen_metadata_len, 7);
	ck_assert_int_eq(seen.ttl_seconds, 60);
	free(text);
}
END_TEST

START_TEST(expiry_is_the_same_each_time)
{
	int64_t expiry;

	send_text("A", "B", 2, "hi");
	expiry = got.first.expires_unix_ms;
	ck_assert_int_eq(expiry, got.first.created_unix_ms + 604800000);
	/* Two clocks are not read at the same moment. */
	virtual_clock.boot_ms += 500;
	virtual_clock.wall_ms += 501;
	receive("B", 1);
	ck_assert_int_eq(got.first.expires_unix_ms, expiry);
}
END_TEST

START_TEST(release_and_answer)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	struct deia_message_claim c = { 0 };
	char id[37];

	send_text("A", "B", 2, "q");
	receive("B", 1);
	strcpy(id, got.ids[0]);
	c.id = id;
	c.inbox = "B";
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_release(m, &c, 0, false, NULL,
						on_messages, NULL),
			 DEIA_OK);
	wait_call(1);
	ck_assert_int_eq(got.first.status, DEIA_MESSAGE_PENDING);
	receive("B", 1);
	ck_assert_uint_eq(got.first.attempt, 2);
	d.from = "B";
	d.to = "A";
	d.content = "a";
	d.content_len = 1;
	d.reply_to = id;
	got.calls = 0;
	ck_assert_int_eq(deia_messenger_answer(m, &c, &d, on_messages, NULL),
			 DEIA_OK);
	wait_call(1);
	ck_assert_int_eq(got.err, DEIA_OK);
	check_counts(1, 0, 1);
	receive("A", 1);
	ck_assert_str_eq(got.content[0], "a");
}
END_TEST

static Suite *suite(const char *name)
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_message_is_sent_received_and_read);
	tcase_add_test(t, priority_goes_before_age);
	tcase_add_test(t, an_aged_message_is_the_eighth);
	tcase_add_test(
		t,
		a_lease_that_ran_out_comes_back_flagged_and_dies_after_three);
	tcase_add_test(t, a_wait_ends_with_the_first_message);
	tcase_add_test(t, a_message_expires_and_its_sender_is_told);
	tcase_add_test(t, a_key_gives_the_same_answer_and_sends_once);
	tcase_add_test(t, pages_change_nothing_and_reach_the_end);
	tcase_add_test(t, many_messages_spill_and_come_in_order);
	tcase_add_test(t, a_restart_keeps_leases_and_gives_back_held_ones);
	tcase_add_test(t, a_large_message_is_answered_whole);
	tcase_add_test(t, expiry_is_the_same_each_time);
	tcase_add_test(t, release_and_answer);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	static const char *const names[KINDS] = { "none", "memory", "sqlite" };
	SRunner *r;
	int failed;

	while (argc == 2 && kind < KINDS && strcmp(argv[1], names[kind]) != 0)
		kind++;
	if (argc != 2 || kind == KINDS) {
		fprintf(stderr, "usage: %s none|memory|sqlite\n", argv[0]);
		return 2;
	}
	r = srunner_create(suite(argv[1]));
	srunner_set_tap(r, "-");
	srunner_run_all(r, CK_SILENT);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
