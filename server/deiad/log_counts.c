/* SPDX-License-Identifier: MIT */
/* log_counts.c - see log_counts.h. A count a minute, the oldest makes room. */
#include "log_counts.h"

#include <time.h>

#define MINUTES 10

static struct {
	unsigned counts[2][MINUTES]; /* errors, warnings */
	int64_t minute;		     /* the newest */
} the;

static int64_t this_minute(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec / 60;
}

static void turn_minutes(void)
{
	int64_t now = this_minute();

	if (now - the.minute >= MINUTES)
		the.minute = now - MINUTES;
	while (the.minute < now) {
		the.minute++;
		for (int i = 0; i < 2; i++)
			the.counts[i][the.minute % MINUTES] = 0;
	}
}

void log_count(enum deia_log_level level)
{
	if (level > DEIA_LOG_WARN)
		return;
	turn_minutes();
	the.counts[level == DEIA_LOG_WARN][the.minute % MINUTES]++;
}

void log_counts_recent(struct deia_check_log *out)
{
	turn_minutes();
	for (int i = 0; i < MINUTES; i++) {
		out->errors += the.counts[0][i];
		out->warnings += the.counts[1][i];
	}
	out->seconds = MINUTES * 60;
}
