/* SPDX-License-Identifier: MIT */
/*
 * suggest.c - optimal string alignment distance, without regard to case, and
 * the rule of what is near enough to be worth proposing.
 */
#include "suggest.h"

#include <ctype.h>
#include <string.h>

#define LONGEST 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *swap;
	size_t n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		above[j] = j;
	memset(before, 0, sizeof(rows[0]));
	for (size_t i = 1; i <= n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t cost = same(a[i - 1], b[j - 1]) ? 0 : 1;

			row[j] = least(least(above[j], row[j - 1]) + 1,
				       above[j - 1] + cost);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		swap = before;
		before = above;
		above = row;
		row = swap;
	}
	return above[m];
}

void suggest_offer(struct suggestion *s, const char *word)
{
	size_t len = strlen(s->typed), limit = len <= 2 ? 1 : 1 + len / 3;
	size_t d = edit_distance(s->typed, word);

	/* The start of a word is as good as one slip. */
	if (len >= 2 && strncasecmp(s->typed, word, len) == 0)
		d = least(d, 1);
	if (d > limit || d >= strlen(word) || (s->best && d >= s->distance))
		return;
	s->best = word;
	s->distance = d;
}
