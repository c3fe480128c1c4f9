/* SPDX-License-Identifier: MIT */
/*
 * test_homes.c - several messengers on one PostgreSQL: each inbox is served by
 * one of them at a time, and whatever one does holds for all.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "../store/cluster.h"
#include "messenger/homes/homes.h"
#include "messenger/messenger.h"
#include "store/schema.h"

#define NODES 3
#define SOON_MS 20000

struct node {
	deia_store *store;
	deia_messenger *m;
	int64_t writer;
};

static struct event_base *base;
static struct event *beat;
static struct deia__clock moment;
static struct node nodes[NODES];
static char database[64], url[160];

/* ---- answers ------------------------------------------------------------- */

struct answer {
	unsigned calls;
	deia_err err;
	size_t n;
	char id[37], token[17], content[64];
	unsigned attempt;
	bool redelivered;
	deia_receiver *receiver;
};

static void on_messages(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct answer *a = user;

	(void)more;
	a->calls++;
	a->err = err;
	a->n = n;
	a->receiver = NULL;
	if (n == 0)
		return;
	snprintf(a->id, sizeof(a->id), "%s", items[0].id);
	snprintf(a->token, sizeof(a->token), "%s", items[0].lease_token);
	snprintf(a->content, sizeof(a->content), "%s",
		 items[0].content ? items[0].content : "-");
	a->attempt = items[0].attempt;
	a->redelivered = items[0].redelivered;
}

static void on_settled(deia_err err, void *user)
{
	struct answer *a = user;

	a->calls++;
	a->err = err;
}

/* ---- the loop ------------------------------------------------------------ */

static void on_beat(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
}

static void turn(void)
{
	ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
	for (int i = 0; i < NODES; i++)
		if (nodes[i].m)
			deia__messenger_tick(nodes[i].m);
}

/* Lets virtual time go by, in steps that a timer may ask for. */
static void pass(int64_t ms)
{
	for (; ms > 0; ms -= 100) {
		moment.boot_ms += 100;
		moment.wall_ms += 100;
		turn();
	}
}

#define UNTIL(condition)                                                       \
	do {                                                                   \
		int64_t until_ = deia__now_ms(NULL) + SOON_MS;                 \
		while (!(condition)) {                                         \
			ck_assert_msg(deia__now_ms(NULL) < until_,             \
				      "not within %d ms: %s", SOON_MS,         \
				      #condition);                             \
			turn();                                                \
		}                                                              \
	} while (0)

/* ---- nodes --------------------------------------------------------------- */

static void on_done(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	(void)seqs;
	(void)n;
	*(int *)user = err ? -(int)err : 1;
}

static void commit(deia_store *store, deia_txn *txn)
{
	int done = 0;

	ck_assert_int_eq(deia_txn_commit(txn, on_done, &done), DEIA_OK);
	UNTIL(done);
	ck_assert_int_eq(done, 1);
	(void)store;
}

static void register_node(int i)
{
	struct deia_value row[NODE_COLUMNS] = { deia_text(i == 0   ? "a"
							  : i == 1 ? "b"
								   : "c"),
						deia_int(nodes[i].writer),
						deia_text(""),
						deia_text("1"),
						deia_int(1),
						deia_int(1) };
	deia_txn *txn = deia_txn_new(nodes[i].store);

	deia_txn_put(txn, &deia__table_nodes, row);
	commit(nodes[i].store, txn);
}

static void tell_nodes(void)
{
	int64_t writers[NODES];
	size_t n = 0;

	for (int i = 0; i < NODES; i++)
		if (nodes[i].m)
			writers[n++] = nodes[i].writer;
	for (int i = 0; i < NODES; i++)
		if (nodes[i].m)
			ck_assert_int_eq(deia_messenger_set_nodes(nodes[i].m,
								  writers, n),
					 DEIA_OK);
}

static bool at_rest(const deia_messenger *m)
{
	const struct deia__homes *hs = m->homes;

	return hs->watching && hs->n_taking == 0 && !hs->claiming &&
	       TAILQ_EMPTY(&hs->queue) && deia_messenger_idle(m);
}

static void open_node(int i)
{
	static const char *const bots[] = { "alice", "bob", "carol" };
	struct deia_messenger_opts opts = DEIA_MESSENGER_OPTS_INIT;
	struct node *node = &nodes[i];
	char detail[256];
	deia_err err;

	err = deia_store_open(&node->store, base, url, NULL, detail,
			      sizeof(detail));
	ck_assert_msg(err == DEIA_OK, "%s", detail);
	ck_assert(deia_store_is_shared(node->store));
	opts.writer = node->writer = deia_store_writer(node->store);
	opts.seed = 100 + (uint64_t)i;
	err = deia__messenger_new_at(&node->m, base, node->store, &opts,
				     &moment, detail, sizeof(detail));
	ck_assert_msg(err == DEIA_OK, "%s", detail);
	for (size_t b = 0; b < sizeof(bots) / sizeof(bots[0]); b++)
		ck_assert_int_eq(deia_messenger_open_inbox(node->m, bots[b]),
				 DEIA_OK);
	register_node(i);
}

static void close_node(int i)
{
	struct node *node = &nodes[i];

	if (!node->m)
		return;
	deia_messenger_stop(node->m);
	UNTIL(deia_messenger_idle(node->m));
	deia_messenger_free(node->m);
	node->m = NULL;
	deia_store_close(node->store);
	node->store = NULL;
}

static void setup(void)
{
	struct timeval ms = { 0, 1000 };

	memset(nodes, 0, sizeof(nodes));
	moment.is_virtual = true;
	moment.boot_ms = 5000000;
	moment.wall_ms = INT64_C(1790000000000);
	base = event_base_new();
	beat = event_new(base, -1, EV_PERSIST, on_beat, NULL);
	ck_assert_int_eq(event_add(beat, &ms), 0);
	make_database(database, sizeof(database), url, sizeof(url));
	open_node(0);
	open_node(1);
	tell_nodes();
	UNTIL(at_rest(nodes[0].m) && at_rest(nodes[1].m));
}

static void teardown(void)
{
	for (int i = 0; i < NODES; i++)
		close_node(i);
	event_free(beat);
	event_base_free(base);
}

/* ---- calls --------------------------------------------------------------- */

static struct deia_message_draft draft(const char *from, const char *to,
				       const char *content)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

	d.from = from;
	d.to = to;
	d.content = content;
	d.content_len = strlen(content);
	return d;
}

static void send_at(int node, const char *from, const char *to,
		    const char *content, char id[37])
{
	struct deia_message_draft d = draft(from, to, content);
	struct answer a = { 0 };

	ck_assert_int_eq(deia_messenger_send(nodes[node].m, &d, 1, NULL, NULL,
					     on_messages, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	ck_assert_int_eq(a.err, DEIA_OK);
	if (id)
		memcpy(id, a.id, 37);
}

static void receive(int node, const char *inbox, int64_t wait_ms, bool held,
		    struct answer *a)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;

	memset(a, 0, sizeof(*a));
	what.inbox = inbox;
	what.wait_ms = wait_ms;
	what.held = held;
	ck_assert_int_eq(deia_messenger_receive(nodes[node].m, &what,
						&a->receiver, on_messages, a),
			 DEIA_OK);
}

static struct answer received_within(int node, const char *inbox, int64_t ms)
{
	struct answer a;

	receive(node, inbox, ms, false, &a);
	UNTIL(a.calls);
	ck_assert_int_eq(a.err, DEIA_OK);
	return a;
}

/* What was sent elsewhere may still be on its way. */
static struct answer received(int node, const char *inbox)
{
	return received_within(node, inbox, 3600000);
}

static size_t waiting_at(int node, const char *inbox)
{
	return received_within(node, inbox, 0).n;
}

static deia_err read_at(int node, const char *inbox, const struct answer *got)
{
	struct deia_message_claim claim = { got->id, inbox, got->token };
	struct answer a = { 0 };

	ck_assert_int_eq(deia_messenger_read(nodes[node].m, &claim, 1, NULL,
					     on_settled, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	return a.err;
}

static bool is_here(int node, const char *inbox)
{
	return deia__home_is_here(deia__inbox_find(nodes[node].m, inbox));
}

static struct deia_inbox_status counts(int node, const char *inbox)
{
	struct deia_inbox_status s;

	ck_assert_int_eq(deia_messenger_inbox(nodes[node].m, inbox, &s),
			 DEIA_OK);
	return s;
}

static int64_t ask(const char *sql)
{
	char out[32];

	cluster_sql(database, sql, out, sizeof(out));
	return atoll(out);
}

/* ---- one inbox, two messengers ------------------------------------------- */

START_TEST(sent_at_one_is_received_at_the_other)
{
	struct answer got;
	char id[37];

	receive(1, "bob", 60000, false, &got);
	UNTIL(is_here(1, "bob"));
	send_at(0, "alice", "bob", "hello", id);
	UNTIL(got.calls);
	ck_assert_int_eq(got.err, DEIA_OK);
	ck_assert_str_eq(got.id, id);
	ck_assert_str_eq(got.content, "hello");
	ck_assert_uint_eq(counts(1, "bob").delivered, 1);
	ck_assert_uint_eq(counts(1, "bob").pending, 0);
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	ck_assert_uint_eq(counts(1, "bob").delivered, 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase = 1"),
			 1);
	ck_assert(!is_here(0, "bob"));
}
END_TEST

START_TEST(many_sent_at_both_come_in_the_order_of_their_ids)
{
	char last[37] = "";
	struct answer got;

	receive(1, "bob", 60000, false, &got);
	UNTIL(is_here(1, "bob"));
	deia_messenger_receive_cancel(nodes[1].m, got.receiver);
	for (int i = 0; i < 700; i++) {
		moment.boot_ms++;
		moment.wall_ms++;
		send_at(i % 3 == 0, "alice", "bob", "x", NULL);
	}
	UNTIL(counts(1, "bob").pending == 700);
	for (int i = 0; i < 700; i++) {
		got = received(1, "bob");
		ck_assert_uint_eq(got.n, 1);
		ck_assert_msg(strcmp(last, got.id) < 0, "%s after %s", got.id,
			      last);
		strcpy(last, got.id);
		ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	}
	ck_assert_uint_eq(waiting_at(1, "bob"), 0);
	ck_assert_uint_eq(counts(1, "bob").pending, 0);
}
END_TEST

START_TEST(older_one_that_is_told_late_is_not_lost)
{
	struct answer got;

	receive(1, "bob", 60000, false, &got);
	UNTIL(is_here(1, "bob"));
	send_at(1, "alice", "bob", "young", NULL);
	UNTIL(got.calls);
	/* The clock of the other one goes behind. */
	moment.boot_ms -= 5000;
	moment.wall_ms -= 5000;
	nodes[0].m->last_id = 0;
	send_at(0, "alice", "bob", "old", NULL);
	moment.boot_ms += 5000;
	moment.wall_ms += 5000;
	UNTIL(counts(1, "bob").pending == 1);
	got = received(1, "bob");
	ck_assert_str_eq(got.content, "old");
}
END_TEST

START_TEST(receiver_at_another_one_lets_the_inbox_move)
{
	struct answer got;

	send_at(0, "alice", "bob", "one", NULL);
	got = received(0, "bob");
	ck_assert_str_eq(got.content, "one");
	ck_assert(is_here(0, "bob"));
	send_at(0, "alice", "bob", "two", NULL);
	got = received(1, "bob");
	ck_assert_str_eq(got.content, "two");
	ck_assert(is_here(1, "bob") && !is_here(0, "bob"));
	/* What the first handed over is known to the second. */
	ck_assert_uint_eq(counts(1, "bob").delivered, 2);
	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
	ck_assert_uint_eq(counts(0, "bob").delivered, 2);
}
END_TEST

START_TEST(receivers_at_both_are_served_where_one_waits)
{
	struct answer a, b;

	receive(0, "bob", 600000, false, &a);
	UNTIL(is_here(0, "bob"));
	receive(1, "bob", 600000, false, &b);
	UNTIL(nodes[0].m->inboxes &&
	      deia__inbox_find(nodes[0].m, "bob")->home->asked_by ==
		      nodes[1].writer);
	ck_assert(is_here(0, "bob"));
	send_at(1, "alice", "bob", "one", NULL);
	UNTIL(a.calls);
	/* Nobody waits there any more. */
	UNTIL(is_here(1, "bob"));
	send_at(0, "alice", "bob", "two", NULL);
	UNTIL(b.calls);
	ck_assert_str_eq(a.content, "one");
	ck_assert_str_eq(b.content, "two");
	/* Each is acknowledged where it was received. */
	ck_assert_int_eq(read_at(0, "bob", &a), DEIA_OK);
	ck_assert_int_eq(read_at(1, "bob", &b), DEIA_OK);
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase = 1"),
			 2);
}
END_TEST

static struct answer call_one(deia_err err, struct answer *a)
{
	ck_assert_int_eq(err, DEIA_OK);
	UNTIL(a->calls);
	return *a;
}

START_TEST(calls_reach_a_message_wherever_it_was_handed_over)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct deia_message_draft d = draft("bob", "alice", "an answer");
	struct answer got, a;
	deia_messenger *m;

	for (int i = 0; i < 5; i++)
		send_at(1, "alice", "bob", "x", NULL);
	for (int i = 0; i < 5; i++) {
		got = received(i & 1, "bob");
		ck_assert_uint_eq(got.n, 1);
		claim.id = got.id;
		claim.token = got.token;
		m = nodes[!(i & 1)].m;
		memset(&a, 0, sizeof(a));
		switch (i) {
		case 0:
			a = call_one(deia_messenger_release(m, &claim, 3600000,
							    true, "not now",
							    on_messages, &a),
				     &a);
			break;
		case 1:
			a = call_one(deia_messenger_give_up(m, &claim, "no",
							    on_messages, &a),
				     &a);
			memset(&a, 0, sizeof(a));
			a = call_one(deia_messenger_requeue(nodes[1].m, got.id,
							    on_messages, &a),
				     &a);
			break;
		case 2:
			a = call_one(deia_messenger_extend(m, &claim, 90000,
							   on_messages, &a),
				     &a);
			break;
		case 3:
			a = call_one(deia_messenger_answer(m, &claim, &d,
							   on_messages, &a),
				     &a);
			break;
		default:
			a.err = read_at(!(i & 1), "bob", &got);
		}
		ck_assert_msg(a.err == DEIA_OK, "%d: %s", i,
			      deia_err_name(a.err));
	}
	got = received(0, "alice");
	ck_assert_str_eq(got.content, "an answer");
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase = 1"),
			 2);
	/* One waits an hour, one is extended, one was requeued. */
	got = received(0, "bob");
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(got.attempt, 1);
	ck_assert_uint_eq(waiting_at(1, "bob"), 0);
	ck_assert_uint_eq(counts(1, "bob").waiting, 1);
	ck_assert_uint_eq(counts(1, "bob").delivered, 2);
}
END_TEST

START_TEST(call_under_a_lease_of_before_is_refused)
{
	struct answer first, second;

	send_at(0, "alice", "bob", "x", NULL);
	first = received(0, "bob");
	pass(61000);
	receive(1, "bob", 600000, false, &second);
	for (int i = 0; i < 100 && !second.calls; i++)
		pass(1000);
	UNTIL(second.calls);
	ck_assert(second.redelivered);
	ck_assert_str_eq(first.id, second.id);
	ck_assert_int_eq(read_at(0, "bob", &first), DEIA_ECONFLICT);
	ck_assert_int_eq(read_at(0, "bob", &second), DEIA_OK);
	ck_assert_int_eq(read_at(1, "bob", &second), DEIA_OK); /* a repeat */
}
END_TEST

START_TEST(held_lease_keeps_the_inbox_where_its_holder_is)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct answer held, other, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	send_at(0, "alice", "bob", "y", NULL);
	receive(1, "bob", 0, true, &held);
	UNTIL(held.calls);
	receive(0, "bob", 0, false, &other);
	claim.id = held.id;
	claim.token = held.token;
	ck_assert_int_eq(deia_messenger_read(nodes[0].m, &claim, 1, NULL,
					     on_settled, &a),
			 DEIA_OK);
	for (int i = 0; i < 100 && !(a.calls && other.calls); i++)
		pass(500);
	ck_assert_int_eq(a.err, DEIA_EUNAVAILABLE);
	ck_assert_int_eq(other.err, DEIA_EUNAVAILABLE);
	ck_assert(is_here(1, "bob"));
	ck_assert_int_eq(read_at(1, "bob", &held), DEIA_OK);
	ck_assert_str_eq(received(0, "bob").content, "y");
}
END_TEST

START_TEST(message_expires_once_wherever_it_was_sent)
{
	struct deia_message_draft d = draft("alice", "bob", "short");
	struct answer a = { 0 }, got;

	receive(1, "bob", 1000000, false, &got);
	UNTIL(is_here(1, "bob"));
	deia_messenger_receive_cancel(nodes[1].m, got.receiver);
	d.ttl_seconds = 30;
	d.notify = true;
	ck_assert_int_eq(deia_messenger_send(nodes[0].m, &d, 1, NULL, NULL,
					     on_messages, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	pass(31000);
	UNTIL(ask("SELECT count(*) FROM messages WHERE phase = 3") == 1);
	got = received(0, "alice");
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(waiting_at(1, "alice"), 0);
}
END_TEST

START_TEST(pages_show_what_was_handed_over_elsewhere)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	struct answer got, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	send_at(0, "alice", "bob", "y", NULL);
	got = received(1, "bob");
	q.inbox = "bob";
	q.status = DEIA_MESSAGE_DELIVERED;
	ck_assert_int_eq(deia_messenger_page(nodes[0].m, &q, on_messages, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_str_eq(a.id, got.id);
	ck_assert_str_eq(a.token, got.token);
	ck_assert_uint_eq(a.attempt, 1);
	memset(&a, 0, sizeof(a));
	ck_assert_int_eq(
		deia_messenger_get(nodes[0].m, got.id, on_messages, &a),
		DEIA_OK);
	UNTIL(a.calls);
	ck_assert_str_eq(a.token, got.token);
	ck_assert(!is_here(0, "bob"));
}
END_TEST

/* ---- nodes that end ------------------------------------------------------ */

/* As if its machine had lost its power: nothing is said any more. */
static void lose_node(int i)
{
	struct deia_value name = deia_text(i == 0 ? "a" : i == 1 ? "b" : "c");
	int by = !i;
	deia_txn *txn;

	deia_store_close(nodes[i].store);
	nodes[i].store = NULL;
	deia_messenger_free(nodes[i].m);
	nodes[i].m = NULL;
	txn = deia_txn_new(nodes[by].store);
	deia_txn_delete(txn, &deia__table_nodes, &name);
	commit(nodes[by].store, txn);
	tell_nodes();
}

START_TEST(leases_of_a_lost_node_return)
{
	struct answer held, timed, got;

	for (int i = 0; i < 3; i++)
		send_at(0, "alice", "bob", "x", NULL);
	timed = received(1, "bob");
	receive(1, "bob", 0, true, &held);
	UNTIL(held.calls);
	ck_assert_uint_eq(held.n, 1);
	lose_node(1);
	/* Without anybody asking for it. */
	UNTIL(is_here(0, "bob"));
	ck_assert_uint_eq(counts(0, "bob").pending, 2);
	ck_assert_uint_eq(counts(0, "bob").delivered, 1);
	got = received(0, "bob");
	ck_assert_str_eq(got.id, held.id);
	ck_assert(got.redelivered);
	/* Its own lease runs on, and can be settled here. */
	ck_assert_int_eq(read_at(0, "bob", &timed), DEIA_OK);
	ck_assert_uint_eq(received(0, "bob").n, 1);
	ck_assert_uint_eq(waiting_at(0, "bob"), 0);
}
END_TEST

START_TEST(lease_of_a_lost_node_runs_out)
{
	struct answer timed, got;

	send_at(0, "alice", "bob", "x", NULL);
	timed = received(1, "bob");
	lose_node(1);
	UNTIL(is_here(0, "bob"));
	receive(0, "bob", 600000, false, &got);
	for (int i = 0; i < 200 && !got.calls; i++)
		pass(1000);
	ck_assert_uint_eq(got.calls, 1);
	ck_assert_str_eq(got.id, timed.id);
	ck_assert_uint_eq(got.attempt, 2);
}
END_TEST

START_TEST(node_that_starts_again_finds_its_mail)
{
	struct answer got;

	send_at(1, "alice", "bob", "x", NULL);
	got = received(1, "bob");
	close_node(1);
	open_node(1);
	tell_nodes();
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	ck_assert_uint_eq(counts(1, "bob").delivered, 0);
	ck_assert_uint_eq(waiting_at(1, "bob"), 0);
}
END_TEST

START_TEST(missed_notices_are_made_up_for)
{
	struct deia__home *h;
	struct answer got;

	receive(1, "bob", 600000, false, &got);
	UNTIL(is_here(1, "bob"));
	h = deia__inbox_find(nodes[1].m, "bob")->home;
	deia_store_unwatch(nodes[1].store, deia__homes_notice, nodes[1].m);
	send_at(0, "alice", "bob", "x", NULL);
	send_at(1, "alice", "carol", "y", NULL);
	ck_assert_uint_eq(got.calls, 0);
	ck_assert_int_eq(deia_store_watch(nodes[1].store, deia__homes_notice,
					  nodes[1].m),
			 DEIA_OK);
	UNTIL(got.calls);
	ck_assert_uint_eq(got.n, 1);
	for (int i = 0; i < 200 && h->recount; i++)
		pass(100);
	UNTIL(!h->recount);
	ck_assert_uint_eq(counts(1, "bob").delivered, 1);
	ck_assert_uint_eq(counts(1, "bob").pending, 0);
}
END_TEST

/* ---- what happens between two steps --------------------------------------- */

START_TEST(lane_that_is_being_read_finds_what_is_told_meanwhile)
{
	struct deia__lane lane = { .loading = true };
	unsigned char early[16] = { 2 }, late[16] = { 3 };

	deia__lane_came(&lane, early);
	/* The page was read before the early one was committed. */
	memcpy(lane.upto, late, sizeof(late));
	lane.loading = false;
	deia__lane_loaded(&lane);
	ck_assert(memcmp(lane.upto, early, sizeof(early)) < 0);
	ck_assert(!lane.complete);
}
END_TEST

START_TEST(message_that_was_sent_away_is_found_when_its_inbox_came_meanwhile)
{
	struct deia_message_draft d = draft("alice", "bob", "x");
	struct answer a = { 0 };
	struct deia__inbox *bob;
	struct deia__home *h;

	ck_assert_uint_eq(received(0, "bob").n, 0);
	bob = deia__inbox_find(nodes[0].m, "bob");
	h = bob->home;
	ck_assert_uint_eq(h->state, HOME_HERE);
	h->state = HOME_AWAY;
	ck_assert_int_eq(deia_messenger_send(nodes[0].m, &d, 1, NULL, NULL,
					     on_messages, &a),
			 DEIA_OK);
	/* It was counted, and a page passed it, before its sender was told. */
	h->state = HOME_HERE;
	deia_snapshot_free(h->seen);
	h->seen = deia_snapshot_copy(NULL);
	bob->pending[d.priority]++;
	nodes[0].m->status.by_status[DEIA_MESSAGE_PENDING]++;
	memset(bob->lanes[d.priority].upto, 0xff, DEIA__MSG_ID_BYTES);
	UNTIL(a.calls);
	ck_assert_uint_eq(received(0, "bob").n, 1);
}
END_TEST

START_TEST(inbox_that_is_elsewhere_is_full_only_when_it_is)
{
	struct deia_messenger_opts opts = DEIA_MESSENGER_OPTS_INIT;
	struct answer got;

	opts.inbox_max = 10;
	ck_assert_int_eq(deia_messenger_configure(nodes[0].m, &opts), DEIA_OK);
	ck_assert_uint_eq(received(1, "bob").n, 0);
	for (int i = 0; i < 40; i++) {
		pass(100);
		send_at(0, "alice", "bob", "x", NULL);
		UNTIL(counts(1, "bob").pending == 1);
		got = received(1, "bob");
		ck_assert_uint_eq(got.n, 1);
		ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	}
}
END_TEST

START_TEST(call_on_mail_of_a_closed_inbox_is_answered)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct answer got, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	got = received(0, "bob");
	claim.id = got.id;
	claim.token = got.token;
	ck_assert_int_eq(deia_messenger_give_up(nodes[0].m, &claim, "no",
						on_messages, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	deia_messenger_close_inbox(nodes[0].m, "bob");
	deia_messenger_close_inbox(nodes[1].m, "bob");
	for (int i = 0; i < 2; i++) {
		memset(&a, 0, sizeof(a));
		ck_assert_int_eq(deia_messenger_requeue(nodes[i].m, got.id,
							on_messages, &a),
				 DEIA_OK);
		UNTIL(a.calls);
		ck_assert_int_eq(a.err, i == 0 ? DEIA_OK : DEIA_ESTATE);
		UNTIL(at_rest(nodes[i].m));
	}
}
END_TEST

START_TEST(call_that_waits_is_answered_when_its_messenger_stops)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct answer got, a = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	got = received(0, "bob");
	claim.id = got.id;
	claim.token = got.token;
	ck_assert_int_eq(deia_messenger_release(nodes[1].m, &claim, 0, true,
						NULL, on_messages, &a),
			 DEIA_OK);
	deia_messenger_stop(nodes[1].m);
	UNTIL(a.calls);
	ck_assert_int_eq(a.err, DEIA_ESTATE);
	UNTIL(deia_messenger_idle(nodes[1].m));
	ck_assert_int_eq(deia_messenger_release(nodes[1].m, &claim, 0, true,
						NULL, on_messages, &a),
			 DEIA_ESTATE);
}
END_TEST

static struct chained {
	struct answer first, second;
	struct answer got;
} chained;

static void on_first(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct deia_message_claim claim = { chained.got.id, "carol",
					    chained.got.token };

	on_messages(err, items, n, more, user);
	ck_assert_int_eq(deia_messenger_release(nodes[1].m, &claim, 0, true,
						NULL, on_messages,
						&chained.second),
			 DEIA_OK);
}

START_TEST(call_that_a_refused_call_makes_waits_as_well)
{
	struct deia_message_claim claim = { .inbox = "bob" };
	struct answer got;

	memset(&chained, 0, sizeof(chained));
	send_at(0, "alice", "bob", "x", NULL);
	send_at(0, "alice", "carol", "x", NULL);
	got = received(0, "bob");
	chained.got = received(0, "carol");
	claim.id = got.id;
	claim.token = "0123456789abcdef";
	ck_assert_int_eq(deia_messenger_release(nodes[1].m, &claim, 0, true,
						NULL, on_first, &chained.first),
			 DEIA_OK);
	UNTIL(chained.second.calls);
	ck_assert_int_eq(chained.first.err, DEIA_ECONFLICT);
	ck_assert_int_eq(chained.second.err, DEIA_OK);
}
END_TEST

START_TEST(message_is_handed_over_before_it_is_told)
{
	static const unsigned char first[DEIA__MSG_ID_BYTES] = { [15] = 1 };
	struct deia_messenger_status all;
	struct deia__inbox *bob;
	struct answer got;

	send_at(1, "alice", "carol", "y", NULL);
	ck_assert_uint_eq(received(1, "bob").n, 0);
	ck_assert_uint_eq(received(1, "carol").n, 1);
	bob = deia__inbox_find(nodes[1].m, "bob");
	deia_store_unwatch(nodes[1].store, deia__homes_notice, nodes[1].m);
	send_at(0, "alice", "bob", "x", NULL);
	deia_messenger_get_status(nodes[1].m, &all);
	ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_PENDING], 0);
	deia__lane_came(&bob->lanes[2], first);
	got = received(1, "bob");
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(counts(1, "bob").pending, 0);
	ck_assert_uint_eq(counts(1, "bob").delivered, 1);
	deia_messenger_get_status(nodes[1].m, &all);
	ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_PENDING], 0);
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	/* It is not full. */
	send_at(1, "alice", "bob", "z", NULL);
	got = received(1, "bob");
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(read_at(1, "bob", &got), DEIA_OK);
	/* The totals of the others are right when it goes. */
	send_at(1, "alice", "carol", "w", NULL);
	deia__home_asked(nodes[1].m, "bob", nodes[0].writer, false);
	UNTIL(bob->home->state == HOME_AWAY);
	deia_messenger_get_status(nodes[1].m, &all);
	ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_PENDING], 1);
}
END_TEST

START_TEST(inbox_that_was_given_is_served_though_nobody_waits_any_more)
{
	ck_assert_uint_eq(received(0, "bob").n, 0);
	deia__home_asked(nodes[0].m, "bob", nodes[1].writer, false);
	UNTIL(is_here(1, "bob"));
	ck_assert(!is_here(0, "bob"));
}
END_TEST

static struct deia__home *home_of(int node, const char *inbox)
{
	return deia__inbox_find(nodes[node].m, inbox)->home;
}

START_TEST(inbox_that_is_given_while_its_home_is_read_is_taken)
{
	struct deia_notice told = { .topic = DEIA__MAIL_TOPIC };
	struct deia__home *h, *old;
	char sql[128], text[64];

	ck_assert_uint_eq(received(0, "bob").n, 0);
	old = home_of(0, "bob");
	h = home_of(1, "bob");
	h->owner = 0;
	deia__home_claim(nodes[1].m, h->inbox);
	ck_assert_uint_eq(h->state, HOME_TAKING);
	deia__inbox_ref(old->inbox);
	old->state = HOME_AWAY;
	deia__home_forget(old);
	deia__inbox_unref(nodes[0].m, old->inbox);
	snprintf(sql, sizeof(sql),
		 "UPDATE message_homes SET writer = %lld WHERE inbox = 'bob' "
		 "RETURNING 1",
		 (long long)nodes[1].writer);
	ask(sql);
	snprintf(text, sizeof(text), "g %lld bob", (long long)nodes[1].writer);
	told.text = text;
	deia__homes_notice(&told, nodes[1].m);
	UNTIL(is_here(1, "bob"));
}
END_TEST

START_TEST(inbox_of_a_lost_node_comes_to_who_waits)
{
	struct answer a, b;

	receive(1, "bob", 600000, false, &b);
	UNTIL(is_here(1, "bob"));
	receive(0, "bob", 600000, false, &a);
	UNTIL(home_of(1, "bob")->asked_by == nodes[0].writer);
	lose_node(1);
	UNTIL(is_here(0, "bob"));
	send_at(0, "alice", "bob", "x", NULL);
	UNTIL(a.calls);
	ck_assert_uint_eq(a.n, 1);
}
END_TEST

START_TEST(wish_is_kept_while_a_lane_is_read)
{
	struct deia__inbox *bob;

	ck_assert_uint_eq(received(0, "bob").n, 0);
	bob = deia__inbox_find(nodes[0].m, "bob");
	bob->lanes[0].complete = false;
	ck_assert_int_eq(deia__rows_load_lane(nodes[0].m, bob, 0), DEIA_OK);
	ck_assert(bob->lanes[0].loading);
	deia__home_asked(nodes[0].m, "bob", nodes[1].writer, true);
	ck_assert_uint_eq(bob->home->state, HOME_HERE);
	UNTIL(is_here(1, "bob"));
}
END_TEST

START_TEST(receiver_that_comes_while_its_inbox_is_given_asks_for_it)
{
	struct answer got;

	ck_assert_uint_eq(received(0, "bob").n, 0);
	deia__home_asked(nodes[0].m, "bob", nodes[1].writer, false);
	ck_assert_uint_eq(home_of(0, "bob")->state, HOME_GIVING);
	receive(0, "bob", 600000, false, &got);
	turn();
	UNTIL(home_of(0, "bob")->state != HOME_GIVING);
	UNTIL(is_here(0, "bob"));
}
END_TEST

START_TEST(lease_runs_out_though_its_inbox_moves_all_the_time)
{
	struct answer first, got = { 0 };

	send_at(0, "alice", "bob", "x", NULL);
	first = received(0, "bob");
	pass(58000);
	for (int i = 1; i < 12 && got.n == 0; i++) {
		got = received(i & 1, "bob");
		pass(2000);
	}
	ck_assert_uint_eq(got.n, 1);
	ck_assert_str_eq(got.id, first.id);
	ck_assert_uint_eq(got.attempt, 2);
}
END_TEST

/* ---- many at once -------------------------------------------------------- */

#define BOTS 24
#define MAIL 1500

static struct {
	struct answer got[NODES][BOTS], read[NODES][BOTS];
	unsigned char state[NODES][BOTS]; /* 0 idle, 1 receiving, 2 reading */
	unsigned n_read, n_sent, n_sending, n_lost_race;
	uint64_t rng;
} many;

static unsigned pick(unsigned n)
{
	many.rng ^= many.rng << 13;
	many.rng ^= many.rng >> 7;
	many.rng ^= many.rng << 17;
	return (unsigned)(many.rng % n);
}

static const char *bot_name(int b)
{
	static char names[BOTS][8];

	snprintf(names[b], sizeof(names[b]), "bot%d", b);
	return names[b];
}

static void on_many_sent(deia_err err, const struct deia_message *items,
			 size_t n, bool more, void *user)
{
	(void)items;
	(void)n;
	(void)more;
	(void)user;
	ck_assert_int_eq(err, DEIA_OK);
	many.n_sending--;
}

static void step(int node, int b)
{
	struct answer *got = &many.got[node][b], *read = &many.read[node][b];
	struct deia_message_claim claim = { got->id, NULL, got->token };
	struct deia_receive what = DEIA_RECEIVE_INIT;
	unsigned char *state = &many.state[node][b];
	deia_messenger *m = nodes[node].m;

	switch (*state) {
	case 0:
		memset(got, 0, sizeof(*got));
		what.inbox = bot_name(b);
		what.wait_ms = pick(2) ? 0 : 200;
		ck_assert_int_eq(deia_messenger_receive(m, &what, NULL,
							on_messages, got),
				 DEIA_OK);
		*state = 1;
		break;
	case 1:
		if (!got->calls)
			return;
		*state = 0;
		if (got->err || got->n == 0)
			return;
		memset(read, 0, sizeof(*read));
		/* Wherever. */
		m = nodes[pick(2)].m;
		ck_assert_int_eq(deia_messenger_read(m, &claim, 1, NULL,
						     on_settled, read),
				 DEIA_OK);
		*state = 2;
		break;
	default:
		if (!read->calls)
			return;
		*state = 0;
		many.n_read += read->err == DEIA_OK;
		many.n_lost_race += read->err != DEIA_OK;
	}
}

static void send_one(void)
{
	struct deia_message_draft d = draft(bot_name((int)pick(BOTS)),
					    bot_name((int)pick(BOTS)), "mail");

	d.priority = pick(DEIA_PRIORITIES);
	ck_assert_int_eq(deia_messenger_send(nodes[pick(2)].m, &d, 1, NULL,
					     NULL, on_many_sent, NULL),
			 DEIA_OK);
	many.n_sent++;
	many.n_sending++;
}

static bool all_idle(void)
{
	for (int n = 0; n < 2; n++)
		for (int b = 0; b < BOTS; b++)
			if (many.state[n][b])
				return false;
	return many.n_sending == 0;
}

static void check_counts(void)
{
	for (int b = 0; b < BOTS; b++) {
		unsigned here = 0;

		for (int n = 0; n < 2; n++) {
			const struct deia__inbox *x =
				deia__inbox_find(nodes[n].m, bot_name(b));

			if (!deia__home_is_here(x))
				continue;
			here++;
			ck_assert_uint_eq(deia__inbox_open_len(x), 0);
		}
		ck_assert_uint_le(here, 1);
	}
}

START_TEST(random_calls_at_both_lose_nothing_and_do_nothing_twice)
{
	int64_t until;

	memset(&many, 0, sizeof(many));
	many.rng = 88172645463325252u + (uint64_t)_i;
	for (int n = 0; n < 2; n++)
		for (int b = 0; b < BOTS; b++)
			ck_assert_int_eq(deia_messenger_open_inbox(nodes[n].m,
								   bot_name(b)),
					 DEIA_OK);
	until = deia__now_ms(NULL) + 6 * SOON_MS;
	while (many.n_read < MAIL || !all_idle()) {
		ck_assert_msg(deia__now_ms(NULL) < until,
			      "%u of %u read, %u being sent", many.n_read,
			      many.n_sent, many.n_sending);
		for (int i = 0; i < 8 && many.n_sent < MAIL; i++)
			send_one();
		for (int n = 0; n < 2; n++)
			for (int b = 0; b < BOTS; b++)
				if (many.n_read < MAIL || many.state[n][b])
					step(n, b);
		moment.boot_ms += 2;
		moment.wall_ms += 2;
		turn();
	}
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase <> 1"),
			 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM messages"), MAIL);
	ck_assert_int_eq(ask("SELECT count(*) FROM message_leases"), 0);
	check_counts();
}
END_TEST

/* ---- many at once, and nothing stays as it is ----------------------------- */

#define ROUGH_BOTS 12
#define ROUGH_MAIL 300
#define ROUGH_MAX (2 * ROUGH_MAIL)

struct slot {
	struct answer got, done;
	enum { SLOT_IDLE, SLOT_RECEIVES, SLOT_HAS, SLOT_SETTLES } state;
	int at;			   /* the node of the call that settles */
	bool held, acks;	   /* acks: it ends the message */
	unsigned patience, answer; /* number of the answer, from 1 */
};

static struct {
	struct slot slots[NODES][ROUGH_BOTS];
	/* By number of a message, which is its content. */
	unsigned attempt[ROUGH_MAX + 1], settled[ROUGH_MAX + 1];
	bool sent[ROUGH_MAX + 1];
	unsigned n, n_sends, sending[NODES], n_settled;
	bool closing;
} rough;

struct rough_send {
	unsigned number;
	int node;
};

static void on_rough_sent(deia_err err, const struct deia_message *items,
			  size_t n, bool more, void *user)
{
	struct rough_send *s = user;

	(void)items;
	(void)n;
	(void)more;
	rough.sent[s->number] = err == DEIA_OK;
	rough.sending[s->node]--;
	free(s);
}

static void rough_send(void)
{
	struct deia_message_draft d =
		draft(bot_name((int)pick(ROUGH_BOTS)),
		      bot_name((int)pick(ROUGH_BOTS)), "");
	struct rough_send *s = malloc(sizeof(*s));
	char number[16];

	s->node = (int)pick(NODES);
	if (!nodes[s->node].m) {
		free(s);
		return;
	}
	s->number = ++rough.n;
	rough.n_sends++;
	snprintf(number, sizeof(number), "%u", s->number);
	d.content = number;
	d.content_len = strlen(number);
	d.max_attempts = DEIA_MAX_ATTEMPTS;
	d.priority = pick(DEIA_PRIORITIES);
	rough.sending[s->node]++;
	ck_assert_int_eq(deia_messenger_send(nodes[s->node].m, &d, 1, NULL,
					     NULL, on_rough_sent, s),
			 DEIA_OK);
}

static void rough_receive(int node, int b, struct slot *slot)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;

	memset(slot, 0, sizeof(*slot));
	what.inbox = bot_name(b);
	what.wait_ms = pick(2) ? 0 : 400;
	what.held = slot->held = pick(6) == 0;
	slot->patience = pick(4);
	if (!deia_messenger_receive(nodes[node].m, &what, &slot->got.receiver,
				    on_messages, &slot->got))
		slot->state = SLOT_RECEIVES;
}

/* What was handed over: never twice under the same attempt. */
static void rough_got(struct slot *slot)
{
	unsigned number = (unsigned)atoi(slot->got.content);

	slot->state = SLOT_IDLE;
	if (slot->got.err || slot->got.n == 0)
		return;
	slot->state = SLOT_HAS;
	ck_assert_uint_ge(number, 1);
	ck_assert_uint_le(number, rough.n);
	ck_assert_msg(slot->got.attempt > rough.attempt[number],
		      "message %u: attempt %u after %u", number,
		      slot->got.attempt, rough.attempt[number]);
	ck_assert_msg(!rough.settled[number], "message %u came after its end",
		      number);
	ck_assert_int_eq(slot->got.redelivered, slot->got.attempt > 1);
	rough.attempt[number] = slot->got.attempt;
}

static deia_err rough_answer(int b, struct slot *slot,
			     const struct deia_message_claim *claim)
{
	struct deia_message_draft d =
		draft(bot_name(b), bot_name((int)pick(ROUGH_BOTS)), "");
	char number[16];

	slot->answer = ++rough.n;
	snprintf(number, sizeof(number), "%u", slot->answer);
	d.content = number;
	d.content_len = strlen(number);
	d.max_attempts = DEIA_MAX_ATTEMPTS;
	return deia_messenger_answer(nodes[slot->at].m, claim, &d, on_messages,
				     &slot->done);
}

static void rough_settle(int node, int b, struct slot *slot)
{
	struct deia_message_claim claim = { slot->got.id, NULL,
					    slot->got.token };
	unsigned what = pick(8);
	deia_messenger *m;
	deia_err err;

	if (slot->patience) {
		slot->patience--;
		return;
	}
	/* A held one where its holder is; the others wherever. */
	slot->at = slot->held ? node : (int)pick(NODES);
	m = nodes[slot->at].m;
	if (!m)
		return;
	memset(&slot->done, 0, sizeof(slot->done));
	slot->acks = what > 1;
	if (what == 0)
		err = deia_messenger_release(m, &claim, pick(2) ? 0 : 500, true,
					     "later", on_messages, &slot->done);
	else if (what == 1)
		err = deia_messenger_extend(m, &claim, 5000, on_messages,
					    &slot->done);
	else if (what < 4 && rough.n < ROUGH_MAX)
		err = rough_answer(b, slot, &claim);
	else
		err = deia_messenger_read(m, &claim, 1, NULL, on_settled,
					  &slot->done);
	slot->state = err ? SLOT_HAS : SLOT_SETTLES;
	if (err && err != DEIA_EBUSY && err != DEIA_EUNAVAILABLE)
		slot->state = SLOT_IDLE; /* its lease ran out */
}

static void rough_settled(struct slot *slot)
{
	unsigned number = (unsigned)atoi(slot->got.content);

	slot->state = SLOT_IDLE;
	if (slot->answer)
		rough.sent[slot->answer] = slot->done.err == DEIA_OK;
	slot->answer = 0;
	if (slot->done.err || !slot->acks) {
		/* What is held is held until its holder settles it. */
		if (slot->held && slot->done.err &&
		    slot->done.err != DEIA_ECONFLICT &&
		    slot->done.err != DEIA_ESTATE)
			slot->state = SLOT_HAS;
		return;
	}
	rough.n_settled++;
	ck_assert_msg(++rough.settled[number] == 1,
		      "message %u was acknowledged twice", number);
}

static void rough_step(int node, int b)
{
	struct slot *slot = &rough.slots[node][b];

	if (slot->state == SLOT_IDLE && !rough.closing && pick(4) == 0)
		rough_receive(node, b, slot);
	else if (slot->state == SLOT_RECEIVES && slot->got.calls)
		rough_got(slot);
	else if (slot->state == SLOT_HAS)
		rough_settle(node, b, slot);
	else if (slot->state == SLOT_SETTLES && slot->done.calls)
		rough_settled(slot);
}

static bool rough_idle(void)
{
	for (int n = 0; n < NODES; n++)
		for (int b = 0; b < ROUGH_BOTS; b++)
			if (rough.slots[n][b].state != SLOT_IDLE)
				return false;
	return !rough.sending[0] && !rough.sending[1] && !rough.sending[2];
}

static void rough_open(int node)
{
	for (int b = 0; b < ROUGH_BOTS; b++)
		ck_assert_int_eq(
			deia_messenger_open_inbox(nodes[node].m, bot_name(b)),
			DEIA_OK);
}

/* Nobody is told what became of its calls. */
static void rough_lose(int node)
{
	lose_node(node);
	rough.sending[node] = 0;
	for (int n = 0; n < NODES; n++)
		for (int b = 0; b < ROUGH_BOTS; b++) {
			struct slot *slot = &rough.slots[n][b];

			if (n == node ||
			    (slot->state == SLOT_SETTLES && slot->at == node))
				slot->state = SLOT_IDLE;
		}
}

static void rough_turns(unsigned *turns)
{
	for (int n = 0; n < NODES; n++)
		for (int b = 0; b < ROUGH_BOTS && nodes[n].m; b++)
			rough_step(n, b);
	moment.boot_ms += 20;
	moment.wall_ms += 20;
	turn();
	++*turns;
	if (*turns % 500 == 0 && !rough.closing)
		ask("SELECT count(pg_terminate_backend(pid)) FROM "
		    "pg_stat_activity WHERE datname = current_database() AND "
		    "pid <> pg_backend_pid() AND random() < 0.5");
}

static void rough_check(void)
{
	for (int n = 0; n < NODES; n++) {
		struct deia_messenger_status all;

		for (int b = 0; b < ROUGH_BOTS; b++) {
			struct deia__inbox *x =
				deia__inbox_find(nodes[n].m, bot_name(b));

			for (int i = 0; i < 600 && x->home->recount; i++)
				pass(100);
			ck_assert_msg(!x->home->recount,
				      "node %d, %s: state %u, moving %u", n,
				      x->id, x->home->state, x->home->moving);
			if (deia__home_is_here(x))
				ck_assert_uint_eq(deia__inbox_open_len(x), 0);
		}
		deia_messenger_get_status(nodes[n].m, &all);
		ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_PENDING], 0);
		ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_DELIVERED], 0);
	}
	for (unsigned i = 1; i <= rough.n; i++)
		ck_assert_msg(!rough.sent[i] || rough.attempt[i],
			      "message %u was never handed over", i);
	ck_assert_int_eq(ask("SELECT count(*) - count(DISTINCT content) FROM "
			     "messages"),
			 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase <> 1"),
			 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM message_leases"), 0);
}

START_TEST(random_calls_lose_nothing_while_nodes_and_connections_are_lost)
{
	int64_t until = deia__now_ms(NULL) + 6 * SOON_MS;
	unsigned turns = 0, lost_at = 0;

	memset(&rough, 0, sizeof(rough));
	many.rng = 1181783497276652981u + (uint64_t)_i;
	open_node(2);
	tell_nodes();
	for (int n = 0; n < NODES; n++)
		rough_open(n);
	while (!rough.closing || !rough_idle()) {
		ck_assert_msg(deia__now_ms(NULL) < until,
			      "%u sent, %u settled, %lld open", rough.n,
			      rough.n_settled,
			      (long long)ask("SELECT count(*) FROM messages "
					     "WHERE phase = 0"));
		for (int i = 0; i < 2 && rough.n_sends < ROUGH_MAIL; i++)
			rough_send();
		rough_turns(&turns);
		if (!lost_at && rough.n_settled > ROUGH_MAIL / 4) {
			rough_lose(2);
			lost_at = turns;
		}
		if (lost_at && !nodes[2].m && turns > lost_at + 300) {
			open_node(2);
			rough_open(2);
			tell_nodes();
		}
		if (nodes[2].m && lost_at && turns % 50 == 0 &&
		    rough.n_sends == ROUGH_MAIL && !rough.closing)
			rough.closing = ask("SELECT count(*) FROM messages "
					    "WHERE phase = 0") == 0;
	}
	rough_check();
}
END_TEST

int main(void)
{
	TCase *one = tcase_create("homes"), *end = tcase_create("ends"),
	      *race = tcase_create("races"), *all = tcase_create("many");
	Suite *s = suite_create("homes");
	const char *why = cluster_missing();
	SRunner *runner;
	int failed;

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	tcase_add_checked_fixture(one, setup, teardown);
	tcase_set_timeout(one, 120);
	tcase_add_test(one, sent_at_one_is_received_at_the_other);
	tcase_add_test(one, many_sent_at_both_come_in_the_order_of_their_ids);
	tcase_add_test(one, older_one_that_is_told_late_is_not_lost);
	tcase_add_test(one, receiver_at_another_one_lets_the_inbox_move);
	tcase_add_test(one, receivers_at_both_are_served_where_one_waits);
	tcase_add_test(one, calls_reach_a_message_wherever_it_was_handed_over);
	tcase_add_test(one, call_under_a_lease_of_before_is_refused);
	tcase_add_test(one, held_lease_keeps_the_inbox_where_its_holder_is);
	tcase_add_test(one, message_expires_once_wherever_it_was_sent);
	tcase_add_test(one, pages_show_what_was_handed_over_elsewhere);
	suite_add_tcase(s, one);
	tcase_add_checked_fixture(end, setup, teardown);
	tcase_set_timeout(end, 120);
	tcase_add_test(end, leases_of_a_lost_node_return);
	tcase_add_test(end, lease_of_a_lost_node_runs_out);
	tcase_add_test(end, node_that_starts_again_finds_its_mail);
	tcase_add_test(end, missed_notices_are_made_up_for);
	suite_add_tcase(s, end);
	tcase_add_checked_fixture(race, setup, teardown);
	tcase_set_timeout(race, 120);
	tcase_add_test(race,
		       lane_that_is_being_read_finds_what_is_told_meanwhile);
	tcase_add_test(
		race,
		message_that_was_sent_away_is_found_when_its_inbox_came_meanwhile);
	tcase_add_test(race, inbox_that_is_elsewhere_is_full_only_when_it_is);
	tcase_add_test(race, call_on_mail_of_a_closed_inbox_is_answered);
	tcase_add_test(race,
		       call_that_waits_is_answered_when_its_messenger_stops);
	tcase_add_test(race, call_that_a_refused_call_makes_waits_as_well);
	tcase_add_test(race, message_is_handed_over_before_it_is_told);
	tcase_add_test(
		race,
		inbox_that_was_given_is_served_though_nobody_waits_any_more);
	tcase_add_test(race,
		       inbox_that_is_given_while_its_home_is_read_is_taken);
	tcase_add_test(race, inbox_of_a_lost_node_comes_to_who_waits);
	tcase_add_test(race, wish_is_kept_while_a_lane_is_read);
	tcase_add_test(
		race, receiver_that_comes_while_its_inbox_is_given_asks_for_it);
	tcase_add_test(race,
		       lease_runs_out_though_its_inbox_moves_all_the_time);
	suite_add_tcase(s, race);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_set_timeout(all, 300);
	tcase_add_loop_test(
		all, random_calls_at_both_lose_nothing_and_do_nothing_twice, 0,
		3);
	tcase_add_loop_test(
		all,
		random_calls_lose_nothing_while_nodes_and_connections_are_lost,
		0, 2);
	suite_add_tcase(s, all);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
