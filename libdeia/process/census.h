/* SPDX-License-Identifier: MIT */
/*
 * census.h - notices that many new processes appear on this machine.
 *
 * Guards that count their bot's processes themselves would have to look all
 * the time to be in time for a fork bomb. Instead one look at the machine's
 * total, a few times a second and for all bots together, says when to count.
 */
#ifndef DEIA_PROCESS_CENSUS_H
#define DEIA_PROCESS_CENSUS_H

#include <sys/queue.h>

#include "core/timer.h"

struct deia__census_member {
	LIST_ENTRY(deia__census_member) link;
	void (*count)(void *arg); /* it is time to count */
	void *arg;
	bool in;
};

/* Zeroed, it is empty; it does nothing while it is. */
struct deia__census {
	LIST_HEAD(, deia__census_member) members;
	size_t n_members;
	struct deia__timers *timers;
	struct deia__timer timer;
	unsigned tasks;	   /* of the machine, when last looked at */
	int64_t paused_ms; /* nobody is told before this */
};

/* Fields count and arg are set by the caller. A second time does nothing. */
void deia__census_join(struct deia__census *c, struct deia__timers *timers,
		       struct deia__census_member *m);
void deia__census_leave(struct deia__census *c, struct deia__census_member *m);

#endif
