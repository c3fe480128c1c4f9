/* SPDX-License-Identifier: MIT */
/* homes_rig.c - see homes_rig.h. */
#include "homes_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../store/cluster.h"
#include "messenger/homes/homes.h"
#include "store/schema.h"

struct event_base *base;
struct deia__clock moment;
struct node nodes[NODES];
char database[64];
static struct event *beat;
static char url[160];

/* ---- answers ------------------------------------------------------------- */

void on_messages(deia_err err, const struct deia_message *items, size_t n,
		 bool more, void *user)
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

void on_settled(deia_err err, void *user)
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

void turn(void)
{
	ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
	for (int i = 0; i < NODES; i++)
		if (nodes[i].m)
			deia__messenger_tick(nodes[i].m);
}

void pass(int64_t ms)
{
	for (; ms > 0; ms -= 100) {
		moment.boot_ms += 100;
		moment.wall_ms += 100;
		turn();
	}
}

/* ---- nodes --------------------------------------------------------------- */

static void on_done(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	(void)seqs;
	(void)n;
	*(int *)user = err ? -(int)err : 1;
}

void commit(deia_store *store, deia_txn *txn)
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

void tell_nodes(void)
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

bool at_rest(const deia_messenger *m)
{
	const struct deia__homes *hs = m->homes;

	return hs->watching && hs->n_taking == 0 && !hs->claiming &&
	       TAILQ_EMPTY(&hs->leases) && TAILQ_EMPTY(&hs->reading) &&
	       TAILQ_EMPTY(&hs->queue) && deia_messenger_idle(m);
}

void open_node(int i)
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

void close_node(int i)
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

void setup(void)
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

void teardown(void)
{
	for (int i = 0; i < NODES; i++)
		close_node(i);
	event_free(beat);
	event_base_free(base);
}

/* ---- calls --------------------------------------------------------------- */

struct deia_message_draft draft(const char *from, const char *to,
				const char *content)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

	d.from = from;
	d.to = to;
	d.content = content;
	d.content_len = strlen(content);
	return d;
}

void send_at(int node, const char *from, const char *to, const char *content,
	     char id[37])
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

void receive(int node, const char *inbox, int64_t wait_ms, bool held,
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

struct answer received_within(int node, const char *inbox, int64_t ms)
{
	struct answer a;

	receive(node, inbox, ms, false, &a);
	UNTIL(a.calls);
	ck_assert_int_eq(a.err, DEIA_OK);
	return a;
}

struct answer received(int node, const char *inbox)
{
	return received_within(node, inbox, 3600000);
}

size_t waiting_at(int node, const char *inbox)
{
	return received_within(node, inbox, 0).n;
}

deia_err read_at(int node, const char *inbox, const struct answer *got)
{
	struct deia_message_claim claim = { got->id, inbox, got->token };
	struct answer a = { 0 };

	ck_assert_int_eq(deia_messenger_read(nodes[node].m, &claim, 1, NULL,
					     on_settled, &a),
			 DEIA_OK);
	UNTIL(a.calls);
	return a.err;
}

bool is_here(int node, const char *inbox)
{
	return deia__home_is_here(deia__inbox_find(nodes[node].m, inbox));
}

struct deia_inbox_status counts(int node, const char *inbox)
{
	struct deia_inbox_status s;

	ck_assert_int_eq(deia_messenger_inbox(nodes[node].m, inbox, &s),
			 DEIA_OK);
	return s;
}

int64_t ask(const char *sql)
{
	char out[32];

	cluster_sql(database, sql, out, sizeof(out));
	return atoll(out);
}

struct deia__home *home_of(int node, const char *inbox)
{
	return deia__inbox_find(nodes[node].m, inbox)->home;
}

void lose_node(int i)
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
