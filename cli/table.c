/* SPDX-License-Identifier: MIT */
/*
 * table.c - the table printer.
 *
 * Widths are those of a terminal's columns, not bytes. Shrinking takes from
 * the widest flexible column until the table fits or nothing can give; then
 * from the fixed ones. A column never gets narrower than MIN_WIDTH.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "safe.h"
#include "style.h"
#include "utf8.h"

#define GAP 2
#define MIN_WIDTH 4
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

void table_addn(struct table *t, double number)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", number);
	table_add(t, text);
}

static void measure(const struct table *t, size_t *widths)
{
	for (size_t c = 0; c < t->n_columns; c++)
		widths[c] = utf8_columns(t->columns[c].title);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t columns = utf8_columns(t->cells[i]);

		if (columns > widths[i % t->n_columns])
			widths[i % t->n_columns] = columns;
	}
}

static size_t widest(const struct table *t, const size_t *widths,
		     enum column_kind kind)
{
	size_t best = SIZE_MAX;

	for (size_t c = 0; c < t->n_columns; c++) {
		if (t->columns[c].kind == kind && widths[c] > MIN_WIDTH &&
		    (best == SIZE_MAX || widths[c] > widths[best]))
			best = c;
	}
	return best;
}

static void shrink(const struct table *t, size_t *widths, size_t limit)
{
	size_t total = (t->n_columns - 1) * GAP;

	for (size_t c = 0; c < t->n_columns; c++)
		total += widths[c];
	while (total > limit) {
		size_t c = widest(t, widths, COLUMN_FLEX);

		if (c == SIZE_MAX)
			c = widest(t, widths, COLUMN_FIXED);
		if (c == SIZE_MAX)
			return;
		widths[c]--;
		total--;
	}
}

static void pad(FILE *out, size_t n)
{
	while (n-- > 0)
		putc(' ', out);
}

static void print_cell(const struct table *t, FILE *out, const char *text,
		       size_t c, size_t width, bool colour)
{
	size_t columns = utf8_columns(text), bytes = strlen(text);
	bool cut = columns > width;
	enum column_kind kind = t->columns[c].kind;

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
	if (c + 1 < t->n_columns) {
		if (kind != COLUMN_NUMBER)
			pad(out, width - columns);
		pad(out, GAP);
	} else {
		putc('\n', out);
	}
}

void table_print(const struct table *t, FILE *out, size_t width, bool colour)
{
	size_t widths[TABLE_MAX_COLUMNS] = { 0 };

	measure(t, widths);
	if (width != 0)
		shrink(t, widths, width);
	style_on(out, STYLE_BOLD, colour);
	for (size_t c = 0; c < t->n_columns; c++) {
		struct table titles = *t;

		/* A title is never a state, so it takes no colour of its own. */
		print_cell(&titles, out, t->columns[c].title, c, widths[c],
			   false);
	}
	style_off(out, STYLE_BOLD, colour);
	for (size_t i = 0; i < t->n_cells; i++)
		print_cell(t, out, t->cells[i], i % t->n_columns,
			   widths[i % t->n_columns], colour);
}
