/* SPDX-License-Identifier: MIT */
/* mailbox.h - calls about mail that wait for their callback; see fixture.h. */
#ifndef TEST_HIVE_MAILBOX_H
#define TEST_HIVE_MAILBOX_H

#include "fixture.h"

#include <deia/mail.h>

struct letter {
	char id[37], from[65], to[65], by[65], content[256], token[17];
	char reply_to[37], reason[512], metadata[128];
	bool has_content, redelivered, notify;
	deia_message_status status;
	unsigned priority, attempt, hops;
};

struct got {
	bool done, more, replayed;
	deia_err err;
	int index; /* of the draft that was wrong */
	size_t n;
	struct letter items[64];
};

/* "admin", "operator NAME", "viewer", "bot A": lives until the next call. */
const struct deia_actor *who(const char *text);
/* The callback of them all; user: a struct got. */
void on_letters(deia_err err, const struct deia_message *items, size_t n,
		bool more, void *user);
/* Each gives the error of the call or of its callback. */
deia_err mail_send(struct fixture *f, const char *actor, const char *from,
		   const char *to, const char *content, struct got *got);
deia_err mail_send_draft(struct fixture *f, const char *actor,
			 const struct deia_mail_draft *drafts, size_t n,
			 const char *key, struct got *got);
deia_err mail_receive(struct fixture *f, const char *actor, const char *inbox,
		      unsigned max, struct got *got);
deia_err mail_get(struct fixture *f, const char *actor, const char *id,
		  struct got *got);
deia_err mail_read(struct fixture *f, const char *actor, const char *inbox,
		   const char *id, const char *token, struct got *got);
deia_err mail_inbox(struct fixture *f, const char *actor, const char *inbox,
		    struct got *got);
deia_err mail_between(struct fixture *f, const char *actor, const char *a,
		      const char *b, struct got *got);
/* A draft to one. */
struct deia_mail_draft mail_draft(const char *from, const char *const *to,
				  const char *content);

/* An open bot of the own program tests/support/children/mail.c; started. */
deia_err create_mail_bot(struct fixture *f, const char *id);
/* Messages of an inbox that are in this status. */
uint64_t mail_count(struct fixture *f, const char *inbox,
		    deia_message_status status);
/* Runs the loop until a message has come into this status. */
void run_until_status(struct fixture *f, const char *id,
		      deia_message_status status, struct got *got);
/* Runs the loop until nothing is left open in the inbox. */
void run_until_empty(struct fixture *f, const char *inbox);

#endif
