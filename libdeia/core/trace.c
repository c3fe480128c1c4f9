/* SPDX-License-Identifier: MIT */
/*
 * trace.c - reading and making traceparents; see trace.h.
 *
 * Ids come from SplitMix64, whose start is random: its values do not repeat
 * for 2^64 steps, and two sources that began at random do not meet.
 */
#include <deia/trace.h>

#include <string.h>

#include "core/id.h"

#define TRACE_AT 3 /* in "00-<trace id>-<span id>-<flags>" */
#define SPAN_AT 36
#define FLAGS_AT 53
#define SPAN_LEN 16

static const char digits[] = "0123456789abcdef";

void deia_trace_source_init(struct deia_trace_source *s)
{
	struct deia__rng rng;

	deia__rng_init(&rng, 0);
	s->state[0] = deia__rng_next(&rng);
	s->state[1] = deia__rng_next(&rng);
}

static uint64_t mixed(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t next_id(struct deia_trace_source *s)
{
	uint64_t id;

	do {
		s->state[0] += UINT64_C(0x9e3779b97f4a7c15);
		id = mixed(s->state[0] ^ s->state[1]);
	} while (!id);
	return id;
}

/* ---- reading ------------------------------------------------------------ */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* len digits of which at least one is not 0. */
static bool is_id(const char *p, size_t len)
{
	bool some = false;

	for (size_t i = 0; i < len; i++) {
		if (digit(p[i]) < 0)
			return false;
		some |= p[i] != '0';
	}
	return some;
}

/* Two digits, or -1. */
static int byte_at(const char *p)
{
	int high = digit(p[0]), low = digit(p[1]);

	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool well_formed(const char *t, size_t len)
{
	int version = byte_at(t);

	if (version < 0 || version == 0xff || t[2] != '-' ||
	    !is_id(t + TRACE_AT, DEIA_TRACE_ID_LEN) || t[SPAN_AT - 1] != '-' ||
	    !is_id(t + SPAN_AT, SPAN_LEN) || t[FLAGS_AT - 1] != '-' ||
	    byte_at(t + FLAGS_AT) < 0)
		return false;
	if (len == DEIA_TRACEPARENT_LEN)
		return true;
	return version > 0 && t[DEIA_TRACEPARENT_LEN] == '-';
}

bool deia_trace_parse(char out[DEIA_TRACEPARENT_LEN + 1], const char *text)
{
	size_t len = text ? strlen(text) : 0;

	out[0] = '\0';
	if (len < DEIA_TRACEPARENT_LEN || !well_formed(text, len))
		return false;
	memcpy(out, text, DEIA_TRACEPARENT_LEN);
	out[DEIA_TRACEPARENT_LEN] = '\0';
	out[0] = out[1] = out[FLAGS_AT] = '0';
	out[FLAGS_AT + 1] = digits[byte_at(text + FLAGS_AT) & 3];
	return true;
}

/* ---- making ------------------------------------------------------------- */

static void put_id(char *p, uint64_t id)
{
	for (int i = SPAN_LEN; i-- > 0; id >>= 4)
		p[i] = digits[id & 15];
}

void deia_trace_begin(struct deia_trace_source *s,
		      char out[DEIA_TRACEPARENT_LEN + 1])
{
	memset(out, '-', DEIA_TRACEPARENT_LEN);
	out[0] = out[1] = '0';
	put_id(out + TRACE_AT, next_id(s));
	put_id(out + TRACE_AT + SPAN_LEN, next_id(s));
	put_id(out + SPAN_AT, next_id(s));
	memcpy(out + FLAGS_AT, "03", 3); /* sampled; the id is random */
}

void deia_trace_go_on(struct deia_trace_source *s, const char *parent,
		      char out[DEIA_TRACEPARENT_LEN + 1])
{
	char checked[DEIA_TRACEPARENT_LEN + 1];

	if (!deia_trace_parse(checked, parent)) {
		deia_trace_begin(s, out);
		return;
	}
	memcpy(out, checked, sizeof(checked));
	put_id(out + SPAN_AT, next_id(s));
}

void deia_trace_id(char out[DEIA_TRACE_ID_LEN + 1], const char *traceparent)
{
	out[0] = '\0';
	if (!traceparent || strlen(traceparent) < DEIA_TRACEPARENT_LEN)
		return;
	memcpy(out, traceparent + TRACE_AT, DEIA_TRACE_ID_LEN);
	out[DEIA_TRACE_ID_LEN] = '\0';
}
