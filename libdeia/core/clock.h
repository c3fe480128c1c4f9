/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the two clocks, real or virtual.
 *
 * boot: CLOCK_BOOTTIME, never jumps, counts suspend; for deadlines, leases,
 * backoff. wall: CLOCK_REALTIME; for what people read. Tests put a virtual
 * clock in place and move it.
 */
#ifndef DEIA_CORE_CLOCK_H
#define DEIA_CORE_CLOCK_H

#include <deia/base.h>

struct deia__clock {
	bool is_virtual;
	int64_t boot_ms, wall_ms; /* of a virtual clock */
	int64_t suspended_ms;	  /* of boot_ms, in all */
};

int64_t deia__now_ms(const struct deia__clock *c);  /* boot; NULL: real */
int64_t deia__unix_ms(const struct deia__clock *c); /* wall; NULL: real */
/* How long the machine was suspended since it was started; NULL: real. */
int64_t deia__suspended_ms(const struct deia__clock *c);
/* A clock that does not count suspend, for how long something took; real. */
int64_t deia__now_us(void);
/* RFC 3339 UTC with milliseconds and Z; out at least 25 bytes. */
void deia__time_print(char out[static 25], int64_t unix_ms);
/* Reads RFC 3339 (any offset); false when it is none. */
bool deia__time_parse(const char *text, int64_t *unix_ms);

#endif
