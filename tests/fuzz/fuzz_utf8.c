/* SPDX-License-Identifier: MIT */
/*
 * fuzz_utf8.c - any bytes as UTF-8: the whole answer, the answer sequence by
 * sequence, and a decoder written another way must agree.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Decodes by shifting and judges the number; 0: invalid or cut. */
static size_t decode(const uint8_t *s, size_t len)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80		   ? 1
		   : (s[0] & 0xe0) == 0xc0 ? 2
		   : (s[0] & 0xf0) == 0xe0 ? 3
		   : (s[0] & 0xf8) == 0xf0 ? 4
					   : 0;
	uint32_t v;

	if (n <= 1)
		return n;
	if (n > len)
		return 0;
	v = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s[i] & 0x3fu);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	bool valid = true;
	size_t whole, at = 0;

	while (at < size) {
		int n = deia__utf8_next(text + at, size - at);
		size_t expected = decode(data + at, size - at);

		must(n >= -1 && n <= 4 && (n <= 0 || (size_t)n == expected));
		must(n > 0 || expected == 0);
		valid = valid && n > 0;
		at += n > 0 ? (size_t)n : 1;
	}
	must(deia__utf8_valid(text, size) == valid);
	whole = deia__utf8_whole(text, size);
	must(whole <= size && size - whole <= 3);
	must(!valid || whole == size);
	if (whole < size)
		must(deia__utf8_next(text + whole, size - whole) == -1);
	return 0;
}
