/* SPDX-License-Identifier: MIT */
/* bots_all.h - the bots of a hive, all of them. */
#ifndef CLI_BOTS_ALL_H
#define CLI_BOTS_ALL_H

#include "cli.h"

/* All pages as one array, cJSON_Delete it; *bots is NULL unless EXIT_DONE. */
int bots_all(struct cli *cli, cJSON **bots);
/* The bot of that id in such an array; NULL when there is none. */
const cJSON *bots_find(const cJSON *bots, const char *id);

#endif
