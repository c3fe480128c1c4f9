/* SPDX-License-Identifier: MIT */
/* inbox_follow.h - new mail as it comes. */
#ifndef CLI_INBOX_FOLLOW_H
#define CLI_INBOX_FOLLOW_H

#include "cli.h"

/*
 * Shows what waits in the inbox, then each message that is sent to it, until
 * Ctrl-C: an exit code. priority: only these, or NULL.
 */
int inbox_follow(struct cli *cli, const char *inbox, const char *priority);

#endif
