/* SPDX-License-Identifier: MIT */
/* nodes.c - see nodes.h. */
#include "nodes.h"

#include <stdio.h>
#include <string.h>

struct fixture fx, other;
struct proxy proxy;

struct heard heard, heard_too;

void on_notice(const struct deia_notice *notice, void *user)
{
	struct heard *h = user;
	size_t at = strlen(h->text);

	if (!notice) {
		h->nulls++;
		h->n = 0;
		h->text[0] = '\0';
		return;
	}
	if (h->n < 8)
		h->commits[h->n] = notice->commit;
	h->n++;
	snprintf(h->last, sizeof(h->last), "%s", notice->text);
	snprintf(h->text + at, sizeof(h->text) - at, "%s:%s ", notice->topic,
		 notice->text);
}

void turn(void)
{
	ck_assert_int_eq(event_base_loop(fx.base, EVLOOP_ONCE), 0);
}

void await_null(const struct heard *h, int nulls)
{
	while (h->nulls < nulls)
		turn();
}

void await(const struct heard *h, const char *last)
{
	while (strcmp(h->last, last) != 0)
		turn();
}

void nodes_setup(void)
{
	char direct[160];

	fixture_init(&fx, backend_find("postgresql"), 0);
	deia_store_close(fx.store);
	strcpy(direct, fx.url);
	other = fx;
	fixture_open(&other, 0);
	proxy_start(&proxy, direct);
	proxy_url(&proxy, direct, fx.url);
	fixture_open(&fx, 0);
	memset(&heard, 0, sizeof(heard));
	memset(&heard_too, 0, sizeof(heard_too));
	ck_assert_int_eq(deia_store_watch(fx.store, on_notice, &heard),
			 DEIA_OK);
	ck_assert_int_eq(deia_store_watch(other.store, on_notice, &heard_too),
			 DEIA_OK);
	await_null(&heard, 1);
	await_null(&heard_too, 1);
}

void nodes_teardown(void)
{
	deia_store_close(other.store);
	fixture_fini(&fx);
	proxy_stop(&proxy);
}

/* Inserts a bot, and tells of it. */
deia_txn *bot(struct fixture *f, const char *id)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(f->store);

	bot_row(row, id, "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	deia_txn_notify(t, "bots", id);
	return t;
}

void ask(const char *sql, char out[32])
{
	cluster_sql(fx.database, sql, out, 32);
}

void set_down(bool down)
{
	struct deia_store_stats st;

	atomic_store(&proxy.down, down);
	proxy_kick(&proxy);
	while (down) {
		event_base_loop(fx.base, EVLOOP_NONBLOCK);
		deia_store_get_stats(fx.store, &st);
		down = !st.away;
	}
}
