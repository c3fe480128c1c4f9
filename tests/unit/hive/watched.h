/* SPDX-License-Identifier: MIT */
/*
 * watched.h - for tests of a hive's health: looks by hand, on clocks that are
 * moved by hand, and what the store and the journal have of alerts.
 */
#ifndef TEST_HIVE_WATCHED_H
#define TEST_HIVE_WATCHED_H

#include "fixture.h"
#include "hive/health/health.h"

extern struct fixture f; /* the test's */

deia_health *health_monitor(void);
/* A look, so many seconds after the one before. */
void health_look(int seconds);
/* All changes of alerts so far are durable. */
void health_settle(void);
/* The newest of this rule and subject; NULL: there is none. */
const struct deia_health_alert *find_alert(const char *rule,
					   const char *subject);

/* A bot whose program is not there; it is not tried again. */
void launch_failing(const char *id);
/* Its alert's id; borrowed as an alert is. */
const char *fail_and_look(const char *id);

struct rows {
	bool done;
	size_t n;
	char text[8][128]; /* of the column that is asked for */
};
/* The newest rows of a table come first, with all that is known. */
struct rows rows_of(const struct deia_table *table, unsigned col);
bool has_event(const char *type);
/* Lines of the journal. */
unsigned count_lines(const char *event);

#endif
