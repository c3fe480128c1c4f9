/* SPDX-License-Identifier: MIT */
/*
 * safe.h - text from bots and servers, made harmless for a terminal.
 *
 * A model's answer can hold escape sequences that move the cursor, retitle
 * the window or fake other output. Nothing that a terminal obeys gets
 * through: C0 controls but newline and tab are shown as their pictures
 * (U+2400...), C1 controls, bidirectional controls, tag characters and bytes
 * that are no UTF-8 as U+FFFD.
 */
#ifndef CLI_SAFE_H
#define CLI_SAFE_H

#include <stdio.h>

#include "mem.h"

/* State between pieces of a stream that may cut a character in two. */
struct safe {
	char part[4];
	unsigned n_part;
	bool line;   /* newlines and tabs become spaces */
	bool had_cr; /* held back: CRLF is a newline, a lone CR is not */
};

/* Adds the safe form of the next piece. */
void safe_add(struct safe *s, struct text *out, const char *p, size_t len);
/* What is held back at the end of the stream. */
void safe_end(struct safe *s, struct text *out);
/* The safe form of a whole text; free() it. */
char *safe_dup(const char *s, size_t len);
/* The same on one line. */
char *safe_line(const char *s);
/*
 * JSON for a terminal and on one line: the same value, but C1 and
 * bidirectional controls as \u escapes.
 */
char *safe_json(const char *json, size_t len);

#endif
