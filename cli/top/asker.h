/* SPDX-License-Identifier: MIT */
/*
 * asker.h - the thread that asks the hive, so that the screen never waits.
 *
 * A look is a few calls, one after the other, each given up after 5 seconds:
 * health, counts of tasks and messages, queues, alerts; of bots those in
 * trouble (a page for each such state) and one page of all, going on where
 * the last look ended; and what the processes of the bots on the screen take,
 * TOP_SHOWN at most. So a look at 10,000 bots is at most 25 calls, and a bot
 * that is well is at most 10,000 / TOP_PAGE looks old.
 */
#ifndef CLI_TOP_ASKER_H
#define CLI_TOP_ASKER_H

#include <pthread.h>

#include "data.h"

#define TOP_PAGE 500
#define TOP_SHOWN 12
#define TOP_ACTS 8

struct cli;

enum top_verb {
	TOP_START,
	TOP_STOP,
	TOP_RESTART,
	TOP_PAUSE,
	TOP_RESUME,
	TOP_PAUSE_QUEUE,
	TOP_RESUME_QUEUE,
	TOP_ACKNOWLEDGE
};

struct top_act {
	enum top_verb verb;
	char what[72]; /* id of a bot or an alert, type of tasks */
	char reason[256];
};

struct top_asker {
	/* The asker's own. */
	struct cli *cli;
	unsigned every_ms, round;
	size_t shown_at; /* whose usage is asked for next */
	char *cursor;	 /* of the next page of bots; NULL: the first */
	bool failed;	 /* some call of this look did */
	int wake_fd;	 /* an eventfd, written when there is news */
	pthread_t thread;

	/* What both threads use, under lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct top_data data;
	int64_t answered_ms; /* when it did last */
	int64_t lost_ms;     /* the same while it does not; 0: it does */
	char trouble[256];   /* what it answered instead; "": all is well */
	char said[320];	     /* what came of the last act, or "" */
	bool said_bad;
	struct top_act acts[TOP_ACTS];
	size_t n_acts;
	char shown[TOP_SHOWN * 8][72]; /* bots on the screen */
	size_t n_shown;
	char log_of[72]; /* the bot whose log is on the screen, or "" */
	bool hurry;	 /* the next look is wanted now */
	_Atomic bool quit;
};

/* Milliseconds that only go forward. */
int64_t top_now_ms(void);
void top_asker_init(struct top_asker *a, struct cli *cli, unsigned every_ms);
/* Not while its thread runs. */
void top_asker_free(struct top_asker *a);
/* One look at all bots by the calling thread, with what went wrong told as by
 * any other command; returns the exit code. */
int top_look_once(struct top_asker *a);
/* EXIT_DONE, or the exit code after saying why there is no thread. */
int top_asker_start(struct top_asker *a);
/* Ends a call that runs, and returns when the thread is gone: in a second. */
void top_asker_stop(struct top_asker *a);
/* Under lock: hands an act over. False: too many wait already. */
bool top_ask_for(struct top_asker *a, const struct top_act *act);
/* Under lock: the log of this bot is wanted, "" of none. */
void top_want_log(struct top_asker *a, const char *bot);

/* ---- between asker.c and acts.c ------------------------------------------ */

/* Does all that was handed over; whether there was any. */
bool top_act_on_all(struct top_asker *a);
/* Wakes the thread of the screen. */
void top_tell_news(const struct top_asker *a);
/* Why the last call failed, in a line; free() it. */
char *top_why_not(const struct top_asker *a);

#endif
