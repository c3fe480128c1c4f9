/* SPDX-License-Identifier: MIT */
/*
 * time.c - hive time, and ids that rise with it.
 *
 * Hive time is the wall clock with its jumps taken out. It is stored now and
 * then beside the wall clock; after a down time it goes on from there by as
 * much as the wall clock went forward, and never back.
 */
#include <string.h>

#include "messenger/messenger.h"

/* Reading two clocks one after the other is no suspend. */
#define SUSPEND_MIN_MS 1000

void deia__time_look(deia_messenger *m)
{
	if (m->in_turn)
		return; /* all of it is one moment */
	m->now_hive = deia__now_ms(m->clock) + m->hive_offset;
	m->now_wall = deia__unix_ms(m->clock);
}

int64_t deia__hive_now(const deia_messenger *m)
{
	return m->now_hive;
}

int64_t deia__wall_now(const deia_messenger *m)
{
	return m->now_wall;
}

int64_t deia__wall_of(const deia_messenger *m, int64_t hive_ms)
{
	return hive_ms - m->now_hive + m->now_wall;
}

void deia__time_init(deia_messenger *m, int64_t saved_hive, int64_t saved_wall)
{
	int64_t wall = deia__unix_ms(m->clock), hive = wall;

	if (saved_hive > 0)
		hive = saved_hive + (wall > saved_wall ? wall - saved_wall : 0);
	m->hive_offset = hive - deia__now_ms(m->clock);
	m->suspended_ms = deia__suspended_ms(m->clock);
	deia__time_look(m);
}

int64_t deia__time_suspended(deia_messenger *m)
{
	int64_t now = deia__suspended_ms(m->clock);
	int64_t slept = now - m->suspended_ms;

	if (slept < SUSPEND_MIN_MS && slept > -SUSPEND_MIN_MS)
		return 0;
	m->suspended_ms = now;
	return slept > 0 ? slept : 0;
}

/* ---- ids: UUIDv7, RFC 9562 method 1 with a 12-bit counter ---------------- */

#define COUNTER_MASK UINT64_C(0xfff)
#define VERSION (UINT64_C(7) << 12)

static void put_be64(unsigned char *out, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (unsigned char)v;
}

void deia__id_next(deia_messenger *m, unsigned char id[static 16])
{
	uint64_t high = (uint64_t)deia__hive_now(m) << 16 | VERSION;
	uint64_t low = deia__rng_next(&m->rng);

	if (high <= m->last_id) {
		high = m->last_id + 1;
		if ((high & COUNTER_MASK) == 0) /* a millisecond is full */
			high = ((m->last_id >> 16) + 1) << 16 | VERSION;
	}
	m->last_id = high;
	put_be64(id, high);
	put_be64(id + 8, (low & (~UINT64_C(0) >> 2)) | UINT64_C(1) << 63);
}

int64_t deia__id_ms(const unsigned char *id)
{
	int64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id[i];
	return ms;
}

/* One more than the digit's value; 0: no digit. */
static const unsigned char digit_values[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool deia__id_parse(unsigned char id[static 16], const char *text)
{
	const char *p = text;

	if (!text || strnlen(text, 37) != 36)
		return false;
	for (int i = 0; i < 16; i++) {
		unsigned high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return false;
		high = digit_values[(unsigned char)p[0]];
		low = digit_values[(unsigned char)p[1]];
		if (!high || !low)
			return false;
		id[i] = (unsigned char)((high - 1) << 4 | (low - 1));
		p += 2;
	}
	return true;
}

void deia__id_before(unsigned char out[static 16], const unsigned char *id)
{
	int i = DEIA__MSG_ID_BYTES;

	memmove(out, id, DEIA__MSG_ID_BYTES);
	while (i-- > 0 && out[i]-- == 0)
		;
}
