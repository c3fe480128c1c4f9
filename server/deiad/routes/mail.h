/* SPDX-License-Identifier: MIT */
/* mail.h - what the routes of messages, inboxes and dialogues share. */
#ifndef DEIAD_ROUTES_MAIL_H
#define DEIAD_ROUTES_MAIL_H

#include <deia/mail.h>

#include "../http/jread.h"
#include "../http/rq.h"

void print_message(struct deia_jw *w, const struct deia_message *m);
/* deia_messages_cb: 200 with the one message, or what went wrong. user: the
 * request, held. */
void mail_one(deia_err err, const struct deia_message *items, size_t n,
	      bool more, void *user);
/* The same for a page. */
void mail_page(deia_err err, const struct deia_message *items, size_t n,
	       bool more, void *user);
/* Asks for a page; it is answered by mail_page. */
void mail_ask(struct rq *rq, const struct deia_message_query *query);

/* ?status=, -1 when absent; false: answered. */
bool query_message_status(struct rq *rq, int *status);

/* ---- bodies that are read in place ------------------------------------- */

#define FAULTS_MAX 16

/* What is wrong with a body, so far. */
struct faults {
	struct deia_field_error at[FAULTS_MAX];
	size_t n;
};
/* pointer: to the value, printf-like detail. */
void fault(struct faults *f, const char *pointer, const char *fmt, ...)
	DEIA_PRINTF(3, 4);

/* One member that an object may have; *at its value, read by `kind`. */
struct want {
	const char *name;
	char kind; /* 's' text, 'i' whole number, 'b' true or false, 'o' an
		    * object as JSON, 'v' anything: read by the caller */
	int64_t min, max; /* bytes of text, values of numbers */
};
/* What was read of it. */
struct got {
	bool is_there;
	char *text; /* of 's' and 'o' */
	size_t len;
	int64_t num;	    /* of 'i' and 'b' */
	struct jread value; /* of 'v', as it stands */
};
/*
 * Reads the object that comes next into got[0..n). What is wrong is added to
 * the faults, under base ("" or "/messages/3").
 */
void object_read(struct jread *r, const char *base, const struct want *wants,
		 struct got *got, size_t n, struct faults *f);

#endif
