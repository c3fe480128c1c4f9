/* SPDX-License-Identifier: MIT */
/* alert.h - what the commands for health share: alerts as tables and text. */
#ifndef CLI_ALERT_H
#define CLI_ALERT_H

#include "cli.h"

#define ALERT_LEVELS "info warning critical"
/* What a 404 and a 409 about an alert mean. */
#define ALERT_LOST "`deia alerts list` shows the ids of alerts"
#define ALERT_STUCK "`deia alerts list --all` says how it stands"

/* "firing", "acknowledged", "silenced" or "resolved". */
const char *alert_state(const cJSON *alert);
/* What is wrong, in one line that is safe; free() it. */
char *alert_summary(const cJSON *alert);
/* What was done to it: ", acknowledged by anna: on it"; "" when nothing was.
 * free() it. */
char *alert_marks(const cJSON *alert);
/* One in a few lines: what is wrong, since when, what was done to it, its id;
 * with advice, also what to do. */
void alert_tell(const struct cli *cli, const cJSON *alert, bool advice);
/* What to do about it, indented and as wide as the terminal. */
void alert_tell_advice(const struct cli *cli, const cJSON *alert);
/* A page as a table, or as ids (-q); on a terminal that is too narrow for a
 * table with whole ids, in a few lines each. */
void alert_list(const struct cli *cli, const cJSON *page);

/* ---- `deia health --watch` --------------------------------------------- */

/* What was seen last: begin with zeros, end with health_seen_free. */
struct health_seen {
	char *head;    /* "HEALTHY  score 100 of 100" */
	cJSON *alerts; /* the page of those that fire; NULL: not known */
};
void health_seen_free(struct health_seen *s);
/*
 * Says what is different from what was seen last, a line each with the time,
 * and remembers it. Takes alerts; NULL: they are not known now.
 */
void health_tell_changes(const struct cli *cli, struct health_seen *seen,
			 const char *head, cJSON *alerts);

#endif
