/* SPDX-License-Identifier: MIT */
/*
 * bench_mail.h - a messenger on a loop of its own, and sending to it, for
 * bench_mail*.c. Whatever is refused ends the program.
 */
#ifndef DEIA_TESTS_BENCH_MAIL_H
#define DEIA_TESTS_BENCH_MAIL_H

#include <deia/messenger.h>

#define MAIL_CONTENT_LEN 200
#define MAIL_NAME_LEN 16

struct mail {
	struct event_base *base;
	struct deia_store *store; /* NULL: in memory */
	deia_messenger *m;
	unsigned under_way; /* calls of mail_send */
	char content[MAIL_CONTENT_LEN + 1];
};

/* path: of a database (with durability full), or NULL: in memory. Inboxes
 * BENCH-0000 and up are there. */
void mail_open(struct mail *b, const char *path, unsigned inboxes);
/* All calls must have ended. */
void mail_close(struct mail *b);
/* "BENCH-0007" */
void mail_inbox(char name[MAIL_NAME_LEN], unsigned number);
/* Sends n messages in one batch, to inboxes `first` and up, each in turn. */
void mail_send(struct mail *b, unsigned first, unsigned inboxes, size_t n);
/* Runs the loop until no more than this many batches are under way. */
void mail_wait(struct mail *b, unsigned under_way);
/* Sends n messages in batches of 1,000; `at_once` of them are under way. */
void mail_fill(struct mail *b, unsigned first, unsigned inboxes, size_t n,
	       unsigned at_once);

/* bench_mail_store.c: what is measured on SQLite, in this folder. */
void mail_bench_store(const char *dir);
/* Receiving singly from a long inbox and from a short one; path as above. */
void mail_bench_long(const char *name, const char *path);

#endif
