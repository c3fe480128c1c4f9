/* SPDX-License-Identifier: MIT */
/* talks.h - mail and dialogues of a hive, in calls that wait. */
#ifndef TEST_HIVE_TALKS_H
#define TEST_HIVE_TALKS_H

#include "fixture.h"

#include <deia/mail.h>

/* A message, copied. */
struct mail {
	deia_err err;
	bool done;
	char id[37], from[65], to[65], content[256], reason[512];
	char reply_to[37], dialogue[37], metadata[512];
	deia_message_status status;
	unsigned attempt, hops, priority;
	int64_t retry_unix_ms;
};

#define MAILS 64
struct mails {
	deia_err err;
	bool done, more;
	size_t n;
	struct mail items[MAILS];
};

/* A dialogue, copied. */
struct talk {
	deia_err err;
	bool done;
	size_t n;
	char id[37], reason[512];
	deia_dialogue_status status;
	unsigned turns, turns_done;
	int64_t tokens, ended_unix_ms;
};

/* Sends; its id into id (37 bytes). */
void send_mail(struct fixture *f, const char *from, const char *to,
	       const char *content, char *id);
void requeue_mail(struct fixture *f, const char *id);
void get_mail(struct fixture *f, const char *id, struct mail *out);
/* Runs the loop until the message has this status. */
void wait_mail(struct fixture *f, const char *id, deia_message_status status,
	       struct mail *out);
/* What is in an inbox, of this status (-1: pending and delivered). */
void read_inbox(struct fixture *f, const char *bot, int status,
		struct mails *out);
/* Runs the loop until n messages of this status are there. */
void wait_inbox(struct fixture *f, const char *bot, int status, size_t n,
		struct mails *out);

/* An echo bot; on_message may be NULL. */
void create_echo(struct fixture *f, const char *id, const char *on_message);
/* A program in sh; see dialogue scripts. */
void create_script(struct fixture *f, const char *id, const char *on_message,
		   const char *script);

deia_err start_talk(struct fixture *f, const char *a, const char *b,
		    const struct deia_dialogue *more, struct talk *out);
deia_err stop_talk(struct fixture *f, const char *id, struct talk *out);
deia_err get_talk(struct fixture *f, const char *id, struct talk *out);
/* Runs the loop until it does not run any more. */
void wait_talk(struct fixture *f, const char *id, struct talk *out);
/* Runs the loop until it has taken so many turns. */
void wait_turns(struct fixture *f, const char *id, unsigned turns,
		struct talk *out);
void talk_messages(struct fixture *f, const char *id, struct mails *out);

#endif
