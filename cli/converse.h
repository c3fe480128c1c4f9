/* SPDX-License-Identifier: MIT */
/* converse.h - a dialogue of two bots, watched. */
#ifndef CLI_CONVERSE_H
#define CLI_CONVERSE_H

#include "cli.h"

/*
 * Shows the answers of a dialogue, those there are and each as it comes, until
 * the dialogue ends: an exit code. ours: Ctrl-C stops it; otherwise it only
 * ends the watching. topic: show what it is about as well.
 */
int converse_watch(struct cli *cli, const char *id, bool ours, bool topic);
/* How it stands, in a few words; free() it. */
char *converse_summary(const cJSON *dialogue);

#endif
