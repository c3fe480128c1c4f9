/* SPDX-License-Identifier: MIT */
/*
 * lines.h - cuts a stream of bytes into lines, with a maximum.
 *
 * Whole lines are handed out from the caller's bytes without a copy; only a
 * line that spans two reads is kept. A line over the maximum is either dropped
 * to its end (protocol) or handed out in pieces (logs).
 */
#ifndef DEIA_PROCESS_LINES_H
#define DEIA_PROCESS_LINES_H

#include <deia/base.h>
#include "core/buf.h"

struct deia__bot_lines {
	struct deia__buf part; /* the line begun in earlier bytes */
	size_t max;
	bool split;    /* pieces instead of dropping */
	bool skipping; /* inside a line that is being dropped */
	bool handed;   /* part was handed out: empty it first */
};

enum deia__bot_line {
	DEIA__BOT_LINE_NONE,	/* all bytes are taken */
	DEIA__BOT_LINE_WHOLE,	/* line, len; without its newline and CR */
	DEIA__BOT_LINE_TOO_LONG /* one was dropped, or did not fit in memory */
};

void deia__bot_lines_init(struct deia__bot_lines *l, size_t max, bool split);
void deia__bot_lines_fini(struct deia__bot_lines *l);
/*
 * Takes bytes from *p (*left of them; both are moved on) up to the next line.
 * *line lives until the next call and as long as the bytes at *p do.
 */
enum deia__bot_line deia__bot_lines_next(struct deia__bot_lines *l,
					 const char **p, size_t *left,
					 const char **line, size_t *len);
/* At the end of the stream: a last line without a newline. */
enum deia__bot_line deia__bot_lines_last(struct deia__bot_lines *l,
					 const char **line, size_t *len);

#endif
