/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - a hive on a loop, and calls that wait for their callback.
 *
 * Programs are found along PATH, which meson sets to the build folders.
 */
#ifndef TEST_HIVE_FIXTURE_H
#define TEST_HIVE_FIXTURE_H

#include <check.h>
#include <event2/event.h>

#include <deia/chat.h>
#include <deia/hive.h>

struct fixture {
	struct event_base *base;
	deia_hive *hive;
	char dir[64]; /* temporary; "" when the store is in memory */
	char last_log[512];
	void (*on_log)(const char *line); /* or NULL: sees all levels */
};

/* In memory; started. */
void fixture_open(struct fixture *f);
/* A SQLite file in a folder of its own; reopening finds it again. */
void fixture_open_file(struct fixture *f);
void fixture_reopen(struct fixture *f, bool clean);
/* Stops cleanly, frees, removes the folder. */
void fixture_close(struct fixture *f);

/* Runs the loop until *flag is set; fails the test after 20 s. */
void run_until(struct fixture *f, const bool *flag);
/* Runs the loop until the bot is in this state. */
void run_until_state(struct fixture *f, const char *bot, deia_bot_state state);
/* Runs the loop until there is a bot of this id, or is none. */
void run_until_bot(struct fixture *f, const char *bot, bool there);

/* Blocking forms; err of the call or of its callback. */
deia_err create_bot(struct fixture *f, const char *id, bool start);
deia_err create_bot_spec(struct fixture *f, const struct deia_bot_spec *spec,
			 bool start);
deia_err act(struct fixture *f, const char *id, deia_bot_action action);
deia_err remove_bot(struct fixture *f, const char *id, bool force, bool purge);

struct answer {
	deia_err err;
	bool done, accepted, accepted_first;
	char text[4096], conversation[37], question_id[37], answer_id[37];
	deia_line_status status;
	unsigned chunks;
};
deia_err ask(struct fixture *f, const char *bot, const char *conversation,
	     const char *content, struct answer *a, deia_chat_turn **turn);
deia_err ask_and_wait(struct fixture *f, const char *bot,
		      const char *conversation, const char *content,
		      struct answer *a);

struct lines {
	deia_err err;
	bool done, more;
	size_t n;
	struct {
		char id[37], role[16], author[64], content[256], error[128];
		deia_line_status status;
	} items[64];
};
deia_err read_lines(struct fixture *f, const char *bot,
		    const char *conversation, const char *before,
		    unsigned limit, struct lines *out);

#endif
