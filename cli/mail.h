/* SPDX-License-Identifier: MIT */
/* mail.h - what the commands for mail share: messages as tables and text. */
#ifndef CLI_MAIL_H
#define CLI_MAIL_H

#include "cli.h"

#define MAIL_SYSTEM "system"
#define MAIL_STATUSES "pending delivered read failed expired"
#define MAIL_PRIORITIES "P0 P1 P2 P3"

/* Whether a word is one of a list that blanks separate. */
bool mail_is_one_of(const char *word, const char *words);
/* EXIT_DONE, or what a wrong --priority or --status is. */
int mail_check_words(const struct cli *cli);

/* A message with its head, as people read it; its id with -q. */
void mail_tell(const struct cli *cli, const cJSON *message);
/* The same, or with --json as JSON on a line of its own. */
void mail_show(const struct cli *cli, const cJSON *message);

/*
 * GETs a page and prints its messages: as JSON, as ids (-q), or as a table.
 * columns: any of MAIL_*; none: what is said when the page is empty. more:
 * the command that shows the next page; its cursor is added. inbox: whose page
 * it is, so that a misspelt one is noticed; or NULL.
 */
enum mail_columns {
	MAIL_FROM = 1,
	MAIL_TO = 2,
	MAIL_STATUS = 4,
	MAIL_TRIES = 8,
	MAIL_REASON = 16,
	MAIL_TEXT = 32
};
int mail_list(struct cli *cli, const char *path, unsigned columns,
	      const char *none, const char *more, const char *inbox);

/* EXIT_DONE when there is such an inbox; else said why not. */
int mail_inbox_check(struct cli *cli, const char *inbox);

/* Messages that were shown, the newest of them, so that none is shown twice. */
#define MAIL_SEEN_MAX 2048
struct mail_seen {
	char ids[MAIL_SEEN_MAX][37];
	size_t n;
};
/* False: it was there already. */
bool mail_seen_add(struct mail_seen *seen, const char *id);

#endif
