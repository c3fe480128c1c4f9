/* SPDX-License-Identifier: MIT */
/* nodes.h - two stores on one database, which hear each other. */
#ifndef TEST_STORE_NODES_H
#define TEST_STORE_NODES_H

#include "fixture.h"
#include "proxy.h"

extern struct fixture fx, other; /* on one loop, on one database */
extern struct proxy proxy;	 /* before fx alone */

struct heard {
	int nulls, n;
	char last[64];
	char text[4000];     /* "topic:text ", from the last NULL on */
	uint64_t commits[8]; /* of the first, from the last NULL on */
};
extern struct heard heard, heard_too; /* at fx, at other */
void on_notice(const struct deia_notice *notice, void *user);

/* Of a test: both are open, and have been greeted. */
void nodes_setup(void);
void nodes_teardown(void);
/* Runs the loop until something happens, or until this did. */
void turn(void);
void await_null(const struct heard *h, int nulls);
void await(const struct heard *h, const char *last);
/* Inserts a bot, and tells of it. */
deia_txn *bot(struct fixture *f, const char *id);
/* The first value of the first row; at least 32 bytes. */
void ask(const char *sql, char out[32]);
/* Cuts fx off, and waits until it knows; or lets it in again. */
void set_down(bool down);

#endif
