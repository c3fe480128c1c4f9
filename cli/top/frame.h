/* SPDX-License-Identifier: MIT */
/*
 * frame.h - one picture: rows of pieces of text with a style each.
 *
 * What draws knows no terminal; what shows it is a screen, or a pipe.
 */
#ifndef CLI_TOP_FRAME_H
#define CLI_TOP_FRAME_H

#include <stdio.h>

#include "../style.h"

struct piece {
	char *text;
	enum style style;
};

struct row {
	struct piece *pieces;
	size_t n, cap, columns;
	bool chosen; /* shown in reverse, to the end of the row */
};

struct frame {
	size_t width, height; /* 0: as much as there is */
	struct row *rows;
	size_t n, cap;
	/* Where the cursor is shown; on no row: it is hidden. */
	size_t cursor_row, cursor_column;
};
#define FRAME_NO_CURSOR SIZE_MAX

void frame_init(struct frame *f, size_t width, size_t height);
void frame_free(struct frame *f);
/* Begins the next row; false: the frame is full. */
bool frame_row(struct frame *f);
/* Columns that are left in the row; SIZE_MAX for a frame without a width. */
size_t frame_left(const struct frame *f);
/* Adds text to the row, cut with an ellipsis where it does not fit. */
void frame_put(struct frame *f, enum style style, const char *text);
void frame_putf(struct frame *f, enum style style, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
/* The same over up to so many rows, broken between words; cut in the last. */
void frame_wrap(struct frame *f, enum style style, const char *text,
		size_t rows);
/* Text in so many columns, filled with blanks: behind it, or before it for a
 * negative number. */
void frame_cell(struct frame *f, enum style style, int columns,
		const char *text);
/* Text at the right edge; nothing when it does not fit. */
void frame_right(struct frame *f, enum style style, const char *text);
/* A line from here to the edge; none without a width. */
void frame_rule(struct frame *f, enum style style);
/* Empty rows until there are n of them. */
void frame_down_to(struct frame *f, size_t n);
/* Prints it, without blanks at the ends of rows. */
void frame_print(const struct frame *f, FILE *out, bool colour);

#endif
