/* SPDX-License-Identifier: MIT */
/* regex.h - regular expressions from outside, over texts from outside, in a
 * bounded number of steps. */
#ifndef DEIA_EXPECT_REGEX_H
#define DEIA_EXPECT_REGEX_H

#include "core/errmsg.h"

struct deia__regex;

/* Most repeats that a pattern may demand: {1000} is fine, {1001} is not. */
#define DEIA__REGEX_MAX_REPEAT 1000
/* A named group is remembered, which costs at each step. */
#define DEIA__REGEX_MAX_NAMED 16

/*
 * Compiles a pattern (UTF-8). ecma: with what JSON schemas expect of JavaScript
 * (\uXXXX, `$` at the very end alone, an empty class), else PCRE2 as it is.
 * DEIA_OK, DEIA_EFIELD (why says what is wrong and where), DEIA_ENOMEM. Any
 * thread.
 */
DEIA_NODISCARD deia_err deia__regex_new(struct deia__regex **out,
					const char *pattern, bool ecma,
					struct deia__errmsg *why);
void deia__regex_free(struct deia__regex *re); /* NULL is fine */

/*
 * Is there a match anywhere in text, which is valid UTF-8? work: steps that may
 * still be taken; less by what it took. DEIA_OK: there is; DEIA_ENOTFOUND:
 * there is none; DEIA_ELIMIT: given up, work is 0 then; DEIA_ENOMEM. Any
 * thread, several at a time.
 */
DEIA_NODISCARD deia_err deia__regex_find(const struct deia__regex *re,
					 const char *text, size_t len,
					 uint64_t *work);

#endif
