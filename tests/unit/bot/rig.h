/* SPDX-License-Identifier: MIT */
/*
 * rig.h - a supervisor with its loop, for tests with real processes: records
 * what its callbacks tell, and waits for conditions with a deadline.
 */
#ifndef DEIA_TESTS_BOT_RIG_H
#define DEIA_TESTS_BOT_RIG_H

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/bot.h>
#include <deia/limits.h>

#define DEADLINE_MS 20000

struct rig {
	struct event_base *base;
	deia_bots *bots;
	char dir[64];
	/* "starting ready busy ..." of all bots, in order of arrival */
	char states[8192];
	size_t n_states;
	int all_stopped;
	int fds_before;
};
extern struct rig rig;

/* What a turn's callbacks told. */
struct turn {
	deia_work *work;
	int started, done;
	char chunks[256]; /* "channel:text|" ... */
	size_t chunk_bytes;
	deia_err err;
	char code[64], message[600], session[64], text[256];
	char details[256];
	size_t text_len;
	bool retryable;
	unsigned retry_after;
	int64_t prompt_tokens, completion_tokens;
};

void rig_setup(void);
/* Frees, and checks that no child and no descriptor is left. */
void rig_teardown(void);
/* Opens the supervisor; called by setup, and again by tests of its own. */
void rig_open(struct deia_bots_opts *opts);

/* A spec of a child: "GOOD", "BAD", "CHILD:name" or a program, and its arguments, divided
 * by blanks. Lives until the next call. */
struct deia_bot_spec *rig_spec(const char *id, const char *command);
void rig_add(const char *id, const char *command);
/* Adds and starts. */
void rig_launch(const char *id, const char *command);
deia_bot_state rig_state(const char *id);
const char *rig_reason(const char *id);
/* Runs the loop until cond() is true; fails at the deadline. */
void rig_wait(bool (*cond)(void *arg), void *arg, const char *what);
void rig_wait_state(const char *id, deia_bot_state state);
/* Runs what is due without waiting for more. */
void rig_turn(void);
void rig_submit(struct turn *t, const char *bot, const char *id,
		const char *content);
deia_err rig_try_submit(struct turn *t, const char *bot, const char *id,
			deia_work_kind kind, const char *content);
void rig_submit_spec(struct turn *t, const char *bot,
		     const struct deia_work_spec *spec);
void rig_wait_done(struct turn *t);
/* Stops a bot and waits for it. */
void rig_stop(const char *id);
/* Runs the loop until the process is gone. */
void rig_wait_gone(int64_t pid);
bool rig_pid_alive(int64_t pid);
int rig_count_fds(void);
/* The bot's log file, whole; free it. */
char *rig_log(const char *id);
int64_t rig_now_ms(void);

#define ok(expr) ck_assert_int_eq((expr), DEIA_OK)
#define ck_reason(id, part)                                                    \
	ck_assert_msg(strstr(rig_reason(id), (part)) != NULL,                  \
		      "reason is \"%s\", not \"%s\"", rig_reason(id), (part))

#endif
