/* SPDX-License-Identifier: MIT */
/* schema_words.c - the keywords, and how a place in JSON is written. */
#include "expect/schema.h"

#include <stdio.h>
#include <string.h>

#include <deia/limits.h>

#include "core/utf8.h"

#define MAX_SPOTS (DEIA_MAX_JSON_DEPTH * 4)

const struct deia__keyword deia__keywords[DEIA__WORDS] = {
#define DEIA__WORD_ROW(e, n, s, w) { n, DEIA__SHAPE_##s, w },
	DEIA__WORD_LIST(DEIA__WORD_ROW)
#undef DEIA__WORD_ROW
};

int deia__keyword_find(const char *name)
{
	int low = 0, high = DEIA__WORDS;

	while (low < high) {
		int mid = (low + high) / 2;
		int order = strcmp(name, deia__keywords[mid].name);

		if (order == 0)
			return mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

bool deia__work(uint64_t *work, uint64_t n)
{
	if (n >= *work) {
		*work = 0;
		return false;
	}
	*work -= n;
	return true;
}

/* ---- places ------------------------------------------------------------ */

/* "/key" with ~ and / written as RFC 6901 does. */
static size_t print_key(char *out, size_t size, const char *key)
{
	size_t n = 1;

	out[0] = '/';
	for (; *key && n + 3 < size; key++) {
		if (*key != '~' && *key != '/') {
			out[n++] = *key;
			continue;
		}
		out[n++] = '~';
		out[n++] = *key == '~' ? '0' : '1';
	}
	n = deia__utf8_whole(out, n);
	out[n] = '\0';
	return n;
}

void deia__spot_print(char *out, size_t size, const struct deia__spot *at)
{
	const struct deia__spot *spots[MAX_SPOTS];
	size_t n = 0, len = 0;

	for (; at && n < MAX_SPOTS; at = at->up)
		if (at->up) /* the outermost one is the whole */
			spots[n++] = at;
	out[0] = '\0';
	while (n-- > 0 && size - len > 40) {
		if (spots[n]->key)
			len += print_key(out + len, size - len - 4,
					 spots[n]->key);
		else
			len += (size_t)snprintf(out + len, size - len, "/%zu",
						spots[n]->index);
	}
	if (n != SIZE_MAX)
		snprintf(out + len, size - len, "...");
}
