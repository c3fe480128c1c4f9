/* SPDX-License-Identifier: MIT */
/*
 * jread.h - reads a JSON text in place, without a tree.
 *
 * For bodies on hot paths, and where a value must go on as it was written. The
 * text was checked (deia_json_check), so nothing is checked here: the reader
 * relies on each value being complete. Strings are decoded where they stand.
 */
#ifndef DEIAD_JREAD_H
#define DEIAD_JREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jread {
	char *at;
};

/* '{', '[', '"', 't', 'f', 'n', or '0' for a number: what comes next. */
char jread_kind(struct jread *r);
/* Into the object or array that comes next. */
void jread_open(struct jread *r);
/* The key of the next member; the reader is at its value. NULL: the object
 * has ended, the reader is behind it. */
char *jread_key(struct jread *r);
/* Is there another item? False: the array has ended, the reader is behind. */
bool jread_item(struct jread *r);
/* The string that comes next, decoded, NUL-terminated. */
char *jread_text(struct jread *r, size_t *len);
/* The number that comes next; false: it is not whole, or out of range. */
bool jread_int(struct jread *r, int64_t min, int64_t max, int64_t *out);
/* true, false or null: true for true. */
bool jread_bool(struct jread *r);
/* The value that comes next as JSON without white space, NUL-terminated. Not
 * for the first value of the text, since it begins one byte before. */
char *jread_raw(struct jread *r, size_t *len);
void jread_skip(struct jread *r);
/* How many items the array that comes next has; the reader stays. */
size_t jread_count(const struct jread *r);

#endif
