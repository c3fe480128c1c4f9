/* SPDX-License-Identifier: MIT */
/*
 * table.h - rows of text in columns that fit the terminal.
 *
 * Cells are made safe when they are added. On a terminal, wide columns are cut
 * with an ellipsis; into a file or a pipe everything is written.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include <deia/base.h>

#define TABLE_MAX_COLUMNS 12

enum column_kind {
	COLUMN_FIXED,  /* cut last */
	COLUMN_FLEX,   /* cut first, the widest of them most */
	COLUMN_NUMBER, /* to the right; never cut */
	COLUMN_STATE   /* a bot's or the hive's state: coloured */
};

struct column {
	const char *title;
	enum column_kind kind;
};

struct table {
	const struct column *columns; /* ends with a NULL title */
	size_t n_columns;
	char **cells; /* n_rows * n_columns */
	size_t n_cells, cap_cells;
};

void table_init(struct table *t, const struct column *columns);
void table_free(struct table *t);
/* The next cell of the current row; NULL is shown as "-". */
void table_add(struct table *t, const char *text);
/* Takes a column out again; columns: those that are left. */
void table_drop(struct table *t, size_t column, const struct column *columns);
void table_addn(struct table *t, double number);
/* width: columns of the terminal, 0 for no limit. */
void table_print(const struct table *t, FILE *out, size_t width, bool colour);

#endif
