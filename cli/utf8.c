/* SPDX-License-Identifier: MIT */
/*
 * utf8.c - strict decoding, and widths without the locale.
 *
 * The widths are those of the ranges that Unicode's EastAsianWidth.txt marks
 * W or F, of emoji, and 0 for the combining marks in common use. A wrong width
 * costs a crooked column, nothing else.
 */
#include "utf8.h"

#include <string.h>

int utf8_read(const char *s, size_t len, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char b = (unsigned char)s[0];
	uint32_t v;
	int n;

	if (b < 0x80) {
		*cp = b;
		return 1;
	}
	if (b < 0xc2 || b > 0xf4)
		return 0;
	n = b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
	v = b & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		if ((size_t)i >= len)
			return -1;
		b = (unsigned char)s[i];
		if ((b & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (b & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp = v;
	return n;
}

struct range {
	uint32_t first, last;
};

static const struct range none[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 },	  { 0x0591, 0x05bd },
	{ 0x0610, 0x061a }, { 0x064b, 0x065f },	  { 0x06d6, 0x06dc },
	{ 0x093a, 0x093a }, { 0x093c, 0x093c },	  { 0x0941, 0x0948 },
	{ 0x094d, 0x094d }, { 0x0e31, 0x0e31 },	  { 0x0e34, 0x0e3a },
	{ 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff },	  { 0x1dc0, 0x1dff },
	{ 0x200b, 0x200d }, { 0x20d0, 0x20ff },	  { 0x302a, 0x302d },
	{ 0x3099, 0x309a }, { 0xfe00, 0xfe0f },	  { 0xfe20, 0xfe2f },
	{ 0xfeff, 0xfeff }, { 0x1f3fb, 0x1f3ff }, { 0xe0100, 0xe01ef },
};

static const struct range two[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x23e9, 0x23ec },
	{ 0x25fd, 0x25fe },   { 0x2614, 0x2615 },   { 0x2648, 0x2653 },
	{ 0x26a1, 0x26a1 },   { 0x26bd, 0x26be },   { 0x26d4, 0x26d4 },
	{ 0x2705, 0x2705 },   { 0x270a, 0x270b },   { 0x2728, 0x2728 },
	{ 0x274c, 0x274c },   { 0x2753, 0x2755 },   { 0x2757, 0x2757 },
	{ 0x2795, 0x2797 },   { 0x2b50, 0x2b50 },   { 0x2e80, 0x303e },
	{ 0x3041, 0x33ff },   { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },
	{ 0xa000, 0xa4cf },   { 0xa960, 0xa97f },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
};

static bool is_in(const struct range *r, size_t n, uint32_t cp)
{
	for (size_t i = 0; i < n && r[i].first <= cp; i++) {
		if (cp <= r[i].last)
			return true;
	}
	return false;
}

unsigned utf8_width(uint32_t cp)
{
	if (cp < 0x0300)
		return 1;
	if (is_in(none, sizeof(none) / sizeof(none[0]), cp))
		return 0;
	return is_in(two, sizeof(two) / sizeof(two[0]), cp) ? 2 : 1;
}

size_t utf8_columns(const char *s)
{
	size_t columns = 0;
	uint32_t cp = 0;

	while (*s != '\0') {
		int n = utf8_read(s, strlen(s), &cp);

		columns += n > 0 ? utf8_width(cp) : 1;
		s += n > 0 ? n : 1;
	}
	return columns;
}

size_t utf8_fit(const char *s, size_t max)
{
	const char *p = s;
	size_t columns = 0;
	uint32_t cp = 0;

	while (*p != '\0') {
		int n = utf8_read(p, strlen(p), &cp);
		unsigned width = n > 0 ? utf8_width(cp) : 1;

		if (columns + width > max)
			break;
		columns += width;
		p += n > 0 ? n : 1;
	}
	return (size_t)(p - s);
}
