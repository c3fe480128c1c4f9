/* SPDX-License-Identifier: MIT */
/*
 * table.c - the table printer.
 *
 * Widths are those of a terminal's columns, not bytes. A table that is too
 * wide gives way in this order: flexible columns get narrower, numbers go,
 * fixed columns get narrower, columns go from the right. The first column and
 * the state stay.
 */
#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "safe.h"
#include "style.h"
#include "utf8.h"

#define GAP 2
#define MIN_WIDTH 4 /* of a column that was cut */
#define ELLIPSIS "\xe2\x80\xa6"

void table_init(struct table *t, const struct column *columns)
{
	*t = (struct table){ .columns = columns };
	while (columns[t->n_columns].title != NULL &&
	       t->n_columns < TABLE_MAX_COLUMNS)
		t->n_columns++;
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}

void table_add(struct table *t, const char *text)
{
	if (t->n_cells == t->cap_cells) {
		t->cap_cells = t->cap_cells != 0 ? t->cap_cells * 2 : 64;
		t->cells = must_realloc(t->cells,
					t->cap_cells * sizeof(*t->cells));
	}
	t->cells[t->n_cells++] =
		safe_line(text != NULL && *text != '\0' ? text : "-");
}

void table_drop(struct table *t, size_t column, const struct column *columns)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n_cells; i++) {
		if (i % t->n_columns == column)
			free(t->cells[i]);
		else
			t->cells[kept++] = t->cells[i];
	}
	t->n_cells = kept;
	t->n_columns--;
	t->columns = columns;
}

void table_addn(struct table *t, double number)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", number);
	table_add(t, text);
}

static void measure(const struct table *t, size_t *widths)
{
	assert(t->n_columns > 0);
	for (size_t c = 0; c < t->n_columns; c++)
		widths[c] = utf8_columns(t->columns[c].title);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t columns = utf8_columns(t->cells[i]);

		if (columns > widths[i % t->n_columns])
			widths[i % t->n_columns] = columns;
	}
}

static size_t widest(const struct table *t, const size_t *widths,
		     enum column_kind kind, size_t least)
{
	size_t best = SIZE_MAX;

	for (size_t c = 0; c < t->n_columns; c++) {
		if (t->columns[c].kind == kind && widths[c] > least &&
		    (best == SIZE_MAX || widths[c] > widths[best]))
			best = c;
	}
	return best;
}

/* What the columns that are shown take; a width of 0 hides one. */
static size_t total(const struct table *t, const size_t *widths)
{
	size_t sum = 0;

	for (size_t c = 0; c < t->n_columns; c++)
		sum += widths[c] != 0 ? widths[c] + GAP : 0;
	return sum - GAP;
}

/* Takes from the widest column of a kind; false: it does not fit yet. */
static bool shrink(const struct table *t, size_t *widths, size_t limit,
		   enum column_kind kind, size_t least)
{
	while (total(t, widths) > limit) {
		size_t c = widest(t, widths, kind, least);

		if (c == SIZE_MAX)
			return false;
		widths[c]--;
	}
	return true;
}

/* Hides columns of a kind from the right, never the first. */
static bool hide(const struct table *t, size_t *widths, size_t limit,
		 enum column_kind kind)
{
	for (size_t c = t->n_columns - 1; c > 0; c--) {
		if (total(t, widths) <= limit)
			return true;
		if (t->columns[c].kind == kind)
			widths[c] = 0;
	}
	return total(t, widths) <= limit;
}

static void fit(const struct table *t, size_t *widths, size_t limit)
{
	if (shrink(t, widths, limit, COLUMN_FLEX, 3 * MIN_WIDTH) ||
	    hide(t, widths, limit, COLUMN_NUMBER) ||
	    shrink(t, widths, limit, COLUMN_FLEX, MIN_WIDTH) ||
	    shrink(t, widths, limit, COLUMN_FIXED, 2 * MIN_WIDTH) ||
	    hide(t, widths, limit, COLUMN_FLEX) ||
	    hide(t, widths, limit, COLUMN_FIXED))
		return;
	(void)shrink(t, widths, limit, COLUMN_FIXED, MIN_WIDTH);
}

static void pad(FILE *out, size_t n)
{
	while (n-- > 0)
		putc(' ', out);
}

static void print_cell(FILE *out, const char *text, enum column_kind kind,
		       size_t width, bool is_last, bool colour)
{
	size_t columns = utf8_columns(text), bytes = strlen(text);
	bool cut = columns > width;

	if (cut) {
		bytes = utf8_fit(text, width - 1);
		columns = 0;
		for (size_t at = 0; at < bytes;) {
			uint32_t cp = 0;
			int n = utf8_read(text + at, bytes - at, &cp);

			columns += n > 0 ? utf8_width(cp) : 1;
			at += n > 0 ? (size_t)n : 1;
		}
		columns++;
	}
	if (kind == COLUMN_NUMBER)
		pad(out, width - columns);
	if (kind == COLUMN_STATE)
		style_on(out, style_of_state(text), colour);
	fwrite(text, 1, bytes, out);
	if (cut)
		fputs(ELLIPSIS, out);
	if (kind == COLUMN_STATE)
		style_off(out, style_of_state(text), colour);
	/* No blanks at the ends of lines. */
	if (!is_last) {
		if (kind != COLUMN_NUMBER)
			pad(out, width - columns);
		pad(out, GAP);
	} else {
		putc('\n', out);
	}
}

void table_print(const struct table *t, FILE *out, size_t width, bool colour)
{
	size_t widths[TABLE_MAX_COLUMNS] = { 0 }, last = 0;

	measure(t, widths);
	assert(t->n_columns > 0);
	if (width != 0)
		fit(t, widths, width);
	for (size_t c = 0; c < t->n_columns; c++)
		last = widths[c] != 0 ? c : last;
	style_on(out, STYLE_BOLD, colour);
	for (size_t c = 0; c < t->n_columns; c++) {
		if (widths[c] != 0)
			print_cell(out, t->columns[c].title, t->columns[c].kind,
				   widths[c], c == last, false);
	}
	style_off(out, STYLE_BOLD, colour);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t c = i % t->n_columns;

		if (widths[c] != 0)
			print_cell(out, t->cells[i], t->columns[c].kind,
				   widths[c], c == last, colour);
	}
}
