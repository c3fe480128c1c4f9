/* SPDX-License-Identifier: MIT */
/* fixture.h - a store on a loop, and waiting for its callbacks. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <check.h>
#include <event2/event.h>

#include <deia/sys/store.h>
#include "store/arena.h"
#include "store/schema.h"

#include "cluster.h"

struct backend {
	const char *name;
	bool durable; /* keeps its rows when it is closed */
};
/* Every backend the conformance suite runs over. */
extern const struct backend backends[];
extern const int backends_len;

struct fixture {
	const struct backend *backend;
	struct event_base *base;
	deia_store *store;
	char dir[64];
	char url[160];
	char database[48]; /* of PostgreSQL; "" else */
	char detail[256];
};

/*
 * NULL when the backend can be tested here, else why not. For main: prints it
 * as TAP wants to have it when the whole program is to be skipped.
 */
const char *backend_missing(int backend);
bool skip_all(int backend);
int backend_find(const char *name); /* backends_len: there is none */

void fixture_init(struct fixture *f, int backend, unsigned queue_max);
void fixture_fini(struct fixture *f);
/* Opens the url of the fixture; asserts that it works. */
void fixture_open(struct fixture *f, unsigned queue_max);
/* Closes and, when the backend is durable, opens again. */
void fixture_reopen(struct fixture *f);

/* The outcome of one transaction. */
struct outcome {
	int calls, order;
	deia_err err;
	size_t n_seqs;
	int64_t seqs[16];
};
/* For deia_txn_commit; user is a struct outcome. */
void on_txn(deia_err err, const int64_t *seqs, size_t n_seqs, void *user);
/* Runs the loop until the callback came. */
void wait_txn(struct fixture *f, struct outcome *o);
/* Commits, waits, returns the outcome's error. */
deia_err commit(struct fixture *f, deia_txn *txn, struct outcome *o);

/* Runs the loop until the page is there; asserts DEIA_OK. */
struct page {
	size_t n;
	bool has_more;
	unsigned n_columns;
	struct deia_value *values; /* copies */
	struct deia__arena arena;
	int calls;
	deia_err err;
};
void page_read(struct fixture *f, const struct deia_page_query *q,
	       struct page *out);
const struct deia_value *page_get(const struct page *p, size_t r, unsigned c);
void page_free(struct page *p);

/* Rows of the hive's tables with what a test wants to see. */
void bot_row(struct deia_value row[BOT_COLUMNS], const char *id,
	     const char *spec, int64_t wanted);
void conv_row(struct deia_value row[CONV_COLUMNS], const char *id,
	      const char *bot, const char *title);
void line_row(struct deia_value row[LINE_COLUMNS], const char *id,
	      const char *conversation, const char *content);
/* Inserts one bot alone; returns the outcome. */
deia_err add_bot(struct fixture *f, const char *id, const char *spec);
/* The spec of a bot, copied; "" when there is none. */
void bot_spec(struct fixture *f, const char *id, char *out, size_t len);
size_t count_rows(struct fixture *f, const struct deia_table *table);

void remove_dir(const char *dir);

#endif
