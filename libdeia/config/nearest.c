/* SPDX-License-Identifier: MIT */
/*
 * nearest.c - "did you mean": the known word with the fewest edits.
 *
 * A third of the letters may be wrong, at least one; what is farther off is
 * no typo and gets no suggestion.
 */
#include "config/nearest.h"

#include <stdint.h>
#include <string.h>

#define MAX_WORD 48

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Edits (insert, remove, replace, swap of neighbours) from a to b. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][MAX_WORD + 1], n = strlen(a), m = strlen(b);
	size_t *before = rows[0], *last = rows[1], *now = rows[2], *spare;

	if (n > MAX_WORD || m > MAX_WORD)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = least(last[j] + 1, now[j - 1] + 1,
				       last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

void deia__nearest_offer(struct deia__nearest *n, const char *known)
{
	size_t allowed = strlen(n->typed) / 3;
	size_t d = distance(n->typed, known);

	if (d > (allowed ? allowed : 1) || (n->word && d >= n->distance))
		return;
	n->word = known;
	n->distance = d;
}
