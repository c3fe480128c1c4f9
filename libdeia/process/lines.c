/* SPDX-License-Identifier: MIT */
/*
 * lines.c - the line reader of bots' output.
 *
 * Invariant: part never holds a newline and never more than max bytes. What
 * lies in it was not handed out yet, unless `handed` says so.
 */
#include "process/lines.h"

#include <string.h>

/* Above this the memory of a long line is given back after it. */
#define KEEP_BYTES 4096

void deia__bot_lines_init(struct deia__bot_lines *l, size_t max, bool split)
{
	memset(l, 0, sizeof(*l));
	deia__buf_init(&l->part, max);
	l->max = max;
	l->split = split;
}

void deia__bot_lines_fini(struct deia__bot_lines *l)
{
	deia__buf_fini(&l->part);
}

static void empty(struct deia__bot_lines *l)
{
	if (l->part.cap > KEEP_BYTES || l->part.err) {
		deia__buf_fini(&l->part);
		deia__buf_init(&l->part, l->max);
	} else if (l->part.len != 0) {
		deia__buf_drain(&l->part, l->part.len);
	}
	l->handed = false;
}

static void take(const char **p, size_t *left, size_t n)
{
	*p += n;
	*left -= n;
}

static enum deia__bot_line hand_out(const char *s, size_t n, const char **line,
				    size_t *len)
{
	if (n > 0 && s[n - 1] == '\r')
		n--;
	*line = n != 0 ? s : "";
	*len = n;
	return DEIA__BOT_LINE_WHOLE;
}

/* The rest of a dropped line. */
static enum deia__bot_line skip(struct deia__bot_lines *l, const char **p,
				size_t *left, const char *newline)
{
	if (newline == NULL) {
		take(p, left, *left);
		return DEIA__BOT_LINE_NONE;
	}
	take(p, left, (size_t)(newline - *p) + 1);
	l->skipping = false;
	return DEIA__BOT_LINE_TOO_LONG;
}

/* The line so far and n bytes more are over the maximum. */
static enum deia__bot_line too_long(struct deia__bot_lines *l, const char **p,
				    size_t *left, const char **line,
				    size_t *len)
{
	size_t n;

	if (!l->split) {
		empty(l);
		l->skipping = true;
		return skip(l, p, left, memchr(*p, '\n', *left));
	}
	n = l->max - l->part.len;
	if (l->part.len == 0) {
		*line = *p;
		*len = l->max;
	} else {
		deia__buf_add(&l->part, *p, n);
		*line = l->part.data;
		*len = l->part.len;
		l->handed = true;
	}
	take(p, left, n);
	return DEIA__BOT_LINE_WHOLE;
}

enum deia__bot_line deia__bot_lines_next(struct deia__bot_lines *l,
					 const char **p, size_t *left,
					 const char **line, size_t *len)
{
	const char *newline, *start = *p;
	size_t n;

	if (l->handed)
		empty(l);
	if (*left == 0)
		return DEIA__BOT_LINE_NONE;
	newline = memchr(*p, '\n', *left);
	if (l->skipping)
		return skip(l, p, left, newline);
	n = newline != NULL ? (size_t)(newline - *p) : *left;
	if (l->part.len + n > l->max)
		return too_long(l, p, left, line, len);
	if (newline != NULL && l->part.len == 0) {
		take(p, left, n + 1);
		return hand_out(start, n, line, len);
	}
	deia__buf_add(&l->part, *p, n);
	take(p, left, n);
	if (l->part.err) { /* no memory for it: lost like a long one */
		empty(l);
		l->skipping = true;
	}
	if (newline == NULL)
		return DEIA__BOT_LINE_NONE;
	if (l->skipping)
		return skip(l, p, left, newline);
	take(p, left, 1);
	l->handed = true;
	return hand_out(l->part.data, l->part.len, line, len);
}

enum deia__bot_line deia__bot_lines_last(struct deia__bot_lines *l,
					 const char **line, size_t *len)
{
	if (l->handed)
		empty(l);
	if (l->skipping) {
		l->skipping = false;
		return DEIA__BOT_LINE_TOO_LONG;
	}
	if (l->part.len == 0)
		return DEIA__BOT_LINE_NONE;
	l->handed = true;
	return hand_out(l->part.data, l->part.len, line, len);
}
