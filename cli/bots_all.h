/* SPDX-License-Identifier: MIT */
/* bots_all.h - the bots of a hive, all of them. */
#ifndef CLI_BOTS_ALL_H
#define CLI_BOTS_ALL_H

#include "cli.h"

/* All pages as one array, cJSON_Delete it; *bots is NULL unless EXIT_DONE. */
int bots_all(struct cli *cli, cJSON **bots);
/* The same for those that --type and --state choose; --all: all. */
int bots_chosen(struct cli *cli, cJSON **bots);
/* Bots are named, or chosen by type and state, or all; never two of these.
 * EXIT_DONE, or EXIT_USAGE after saying so. */
int bots_check_choice(const struct cli *cli);
#define BOT_CHOICE_OPTS                                                            \
	{                                                                          \
		"all", 0, OPT_FLAG, false, NULL, "every bot it makes sense for",   \
		NULL                                                               \
	},                                                                         \
		{ "type", 0, OPT_TEXT, false, "TYPE", "bots of this type", NULL }, \
	{                                                                          \
		"state", 0, OPT_TEXT, false, "STATE", "bots in this state",        \
			BOT_STATES                                                 \
	}
/* The bot of that id in such an array; NULL when there is none. */
const cJSON *bots_find(const cJSON *bots, const char *id);

/* A specification that says nothing, as JSON: its members are the fields that
 * there are, with their defaults. cJSON_Delete it. */
cJSON *bot_plain_spec(void);

#endif
