/* SPDX-License-Identifier: MIT */
/* utf8.h - strict UTF-8 (no surrogates, no overlong forms, <= U+10FFFF). */
#ifndef DEIA_CORE_UTF8_H
#define DEIA_CORE_UTF8_H

#include <deia/base.h>

bool deia__utf8_valid(const char *s, size_t len);
/* Length of the sequence at s (1..4), 0: invalid, -1: cut at the end. */
int deia__utf8_next(const char *s, size_t len);
/* Largest n <= len such that s[0..n) does not end inside a sequence. */
size_t deia__utf8_whole(const char *s, size_t len);

#endif
