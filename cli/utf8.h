/* SPDX-License-Identifier: MIT */
/* utf8.h - code points and how many columns of a terminal they take. */
#ifndef CLI_UTF8_H
#define CLI_UTF8_H

#include <deia/base.h>

/*
 * Reads one code point of s[0..len), len > 0. Returns its length in bytes
 * (1..4), 0 when the bytes are no UTF-8, -1 when they are cut at the end.
 */
int utf8_read(const char *s, size_t len, uint32_t *cp);
/* 0 (combining), 1 or 2 (East Asian wide, emoji). */
unsigned utf8_width(uint32_t cp);
/* Columns of a text that was made safe. */
size_t utf8_columns(const char *s);
/* Bytes of the longest start of s that fits into max columns. */
size_t utf8_fit(const char *s, size_t max);

#endif
