/* SPDX-License-Identifier: MIT */
/*
 * utf8.c - strict UTF-8 (Unicode table 3-7): no surrogates, no overlong
 * forms, nothing above U+10FFFF.
 */
#include "core/utf8.h"

#include <string.h>

/* What a lead byte asks for: length, and the range of the second byte. */
struct lead {
	int len;
	unsigned char low, high;
};

static struct lead lead_of(unsigned char c)
{
	if (c < 0x80)
		return (struct lead){ 1, 0, 0 };
	if (c < 0xc2)
		return (struct lead){ 0, 0, 0 };
	if (c < 0xe0)
		return (struct lead){ 2, 0x80, 0xbf };
	if (c == 0xe0)
		return (struct lead){ 3, 0xa0, 0xbf };
	if (c == 0xed)
		return (struct lead){ 3, 0x80, 0x9f };
	if (c < 0xf0)
		return (struct lead){ 3, 0x80, 0xbf };
	if (c == 0xf0)
		return (struct lead){ 4, 0x90, 0xbf };
	if (c < 0xf4)
		return (struct lead){ 4, 0x80, 0xbf };
	if (c == 0xf4)
		return (struct lead){ 4, 0x80, 0x8f };
	return (struct lead){ 0, 0, 0 };
}

int deia__utf8_next(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	struct lead lead;

	if (len == 0)
		return -1;
	lead = lead_of(u[0]);
	if (lead.len <= 1)
		return lead.len;
	if (len < 2)
		return -1;
	if (u[1] < lead.low || u[1] > lead.high)
		return 0;
	for (int i = 2; i < lead.len; i++) {
		if ((size_t)i >= len)
			return -1;
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	return lead.len;
}

bool deia__utf8_valid(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		uint64_t eight;
		int n;

		if (len - i >= sizeof(eight)) {
			memcpy(&eight, s + i, sizeof(eight));
			if ((eight & 0x8080808080808080u) == 0) {
				i += sizeof(eight);
				continue;
			}
		}
		n = deia__utf8_next(s + i, len - i);
		if (n <= 0)
			return false;
		i += (size_t)n;
	}
	return true;
}

size_t deia__utf8_whole(const char *s, size_t len)
{
	for (size_t back = 1; back <= 3 && back <= len; back++) {
		size_t at = len - back;

		if (((unsigned char)s[at] & 0xc0) == 0x80)
			continue;
		return deia__utf8_next(s + at, back) == -1 ? at : len;
	}
	return len;
}
