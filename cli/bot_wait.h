/* SPDX-License-Identifier: MIT */
/* bot_wait.h - waiting for a bot's state, and printing its log. */
#ifndef CLI_BOT_WAIT_H
#define CLI_BOT_WAIT_H

#include "cli.h"

#define BOT_WAIT_OPTS                                                          \
	{ "wait",                                                              \
	  0,                                                                   \
	  OPT_MAYBE_DURATION,                                                  \
	  false,                                                               \
	  "[=TIME]",                                                           \
	  "wait until it is done, at most TIME (on a terminal: yes)",          \
	  NULL },                                                              \
		{ "no-wait", 0,	   OPT_FLAG,                                   \
		  false,     NULL, "do not wait (otherwise: no)",              \
		  NULL },                                                      \
	{                                                                      \
		"timeout", 0, OPT_DURATION, false, "TIME",                     \
			"give up waiting after (5m)", NULL                     \
	}

/* --wait, or a terminal and no --no-wait. */
bool bot_wants_wait(const struct cli *cli);
/*
 * Waits until the bot is in that state ("ready" includes busy), telling on
 * stderr what it is doing meanwhile. An exit code: EXIT_REFUSED when it
 * failed, after printing the reason.
 */
int bot_wait(struct cli *cli, const char *bot, const char *state);
/* A page of log lines, as text or in JSON. */
void bot_log_print(const struct deia_reply *reply);

#endif
