/* SPDX-License-Identifier: MIT */
/*
 * timer.h - many deadlines on one event source (timerfd, CLOCK_BOOTTIME).
 *
 * A heap of embedded timers. At most 64 expire per turn of the loop, so that
 * timers cannot starve I/O. With a virtual clock nothing is armed: the test
 * calls deia__timers_run after moving the clock.
 */
#ifndef DEIA_CORE_TIMER_H
#define DEIA_CORE_TIMER_H

#include <deia/error.h>
#include "core/clock.h"

struct event_base;
typedef struct deia__timers deia__timers;

/* Embedded in its owner, zero-initialised; in the heap while heap_pos != 0. */
struct deia__timer {
	int64_t due_ms;
	uint64_t seq; /* the earlier set goes first at the same time */
	size_t heap_pos;
	void (*fn)(void *arg);
	void *arg;
};

/*
 * base may be NULL with a virtual clock. clock NULL: the real one; borrowed,
 * outlives the timers. DEIA_OK, DEIA_EINVAL (neither base nor virtual clock),
 * DEIA_EIO, DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__timers_new(deia__timers **out,
					 struct event_base *base,
					 const struct deia__clock *clock);
/* Timers still in it are forgotten, not called. Not from a timer's callback. */
void deia__timers_free(deia__timers *t);
const struct deia__clock *deia__timers_clock(const deia__timers *t);
int64_t deia__timers_now(const deia__timers *t);
/* From here on n timers at a time can be set without memory. */
DEIA_NODISCARD deia_err deia__timers_reserve(deia__timers *t, size_t n);
/*
 * (Re)arms; delay < 0 counts as 0. fn and arg must be set. DEIA_OK, or
 * DEIA_ENOMEM (never for a timer that is armed); then it is as before.
 */
DEIA_NODISCARD deia_err deia__timer_set(deia__timers *t, struct deia__timer *tm,
					int64_t delay_ms);
/* Disarms; fine when it is not armed. */
void deia__timer_clear(deia__timers *t, struct deia__timer *tm);
static inline bool deia__timer_armed(const struct deia__timer *tm)
{
	return tm->heap_pos != 0;
}
/* Calls what is due, at most 64; returns ms until the next (0: more is due),
 * -1 when there is none. Not from a timer's callback. */
int64_t deia__timers_run(deia__timers *t);

#endif
