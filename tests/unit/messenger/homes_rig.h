/* SPDX-License-Identifier: MIT */
/*
 * homes_rig.h - several messengers on one PostgreSQL in one program, on one
 * virtual clock: each has a store of its own, as it would in a program of its
 * own.
 */
#ifndef TEST_MESSENGER_HOMES_RIG_H
#define TEST_MESSENGER_HOMES_RIG_H

#include <check.h>
#include <event2/event.h>

#include <deia/messenger.h>
#include <deia/sys/store.h>

#include "core/clock.h"

struct deia__home;

#define NODES 3
#define SOON_MS 20000

struct node {
	deia_store *store;
	deia_messenger *m; /* NULL: it does not run */
	int64_t writer;
};

extern struct event_base *base;
extern struct deia__clock moment;
extern struct node nodes[NODES];
extern char database[64];

struct answer {
	unsigned calls;
	deia_err err;
	size_t n;
	char id[37], token[17], content[64];
	unsigned attempt;
	bool redelivered;
	deia_receiver *receiver;
};

/* The last answer of a call whose user is a struct answer. */
void on_messages(deia_err err, const struct deia_message *items, size_t n,
		 bool more, void *user);
void on_settled(deia_err err, void *user);

/* One turn of the loop, and what is due. */
void turn(void);
/* Lets virtual time go by, in steps that a timer may ask for. */
void pass(int64_t ms);
/* Asserts that it is durable. */
void commit(deia_store *store, deia_txn *txn);
/* Every messenger learns which ones run. */
void tell_nodes(void);
/* It takes nothing, and nothing is under way. */
bool at_rest(const deia_messenger *m);
/* With its row of nodes and the inboxes alice, bob, carol. */
void open_node(int i);
void close_node(int i);
/* Fixtures: nodes 0 and 1 run on a new database. */
void setup(void);
void teardown(void);

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

struct deia_message_draft draft(const char *from, const char *to,
				const char *content);
/* id: NULL, or for the id. */
void send_at(int node, const char *from, const char *to, const char *content,
	     char id[37]);
/* Begins; a gets the answer. */
void receive(int node, const char *inbox, int64_t wait_ms, bool held,
	     struct answer *a);
/* The answer of a receive that waits for ms of virtual time, which stands
 * still. */
struct answer received_within(int node, const char *inbox, int64_t ms);
/* A message, which may still be on its way from elsewhere. */
struct answer received(int node, const char *inbox);
/* How many there are at this moment, at most one. */
size_t waiting_at(int node, const char *inbox);
/* Acknowledges; returns the error of the callback. */
deia_err read_at(int node, const char *inbox, const struct answer *got);
bool is_here(int node, const char *inbox);
struct deia_inbox_status counts(int node, const char *inbox);
/* The number that SQL gives. */
int64_t ask(const char *sql);
struct deia__home *home_of(int node, const char *inbox);
/* As if its machine had lost its power: nothing is said any more. */
void lose_node(int i);

#endif
