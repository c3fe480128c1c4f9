/* SPDX-License-Identifier: MIT */
/* frame.c - see frame.h. */
#include "frame.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../mem.h"
#include "../utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define RULE "\xe2\x94\x80"

void frame_init(struct frame *f, size_t width, size_t height)
{
	*f = (struct frame){ .width = width,
			     .height = height,
			     .cursor_row = FRAME_NO_CURSOR };
}

void frame_free(struct frame *f)
{
	for (size_t i = 0; i < f->n; i++) {
		for (size_t k = 0; k < f->rows[i].n; k++)
			free(f->rows[i].pieces[k].text);
		free(f->rows[i].pieces);
	}
	free(f->rows);
	f->rows = NULL;
	f->n = 0;
}

bool frame_row(struct frame *f)
{
	if (f->height > 0 && f->n == f->height)
		return false;
	if (f->n == f->cap) {
		f->cap = f->cap > 0 ? f->cap * 2 : 32;
		f->rows = must_realloc(f->rows, f->cap * sizeof(f->rows[0]));
	}
	f->rows[f->n++] = (struct row){ 0 };
	return true;
}

size_t frame_left(const struct frame *f)
{
	const struct row *r = &f->rows[f->n - 1];

	if (f->width == 0)
		return SIZE_MAX;
	return r->columns < f->width ? f->width - r->columns : 0;
}

/* Takes text, which fits. */
static void add(struct frame *f, enum style style, char *text, size_t columns)
{
	struct row *r = &f->rows[f->n - 1];

	if (r->n == r->cap) {
		r->cap = r->cap > 0 ? r->cap * 2 : 8;
		r->pieces =
			must_realloc(r->pieces, r->cap * sizeof(r->pieces[0]));
	}
	r->pieces[r->n++] = (struct piece){ text, style };
	r->columns += columns;
}

/* What fits into so many columns of it. */
static char *cut(const char *text, size_t columns)
{
	if (utf8_columns(text) <= columns)
		return must_dup(text);
	if (columns == 0)
		return must_dup("");
	return must_print("%.*s" ELLIPSIS, (int)utf8_fit(text, columns - 1),
			  text);
}

void frame_put(struct frame *f, enum style style, const char *text)
{
	char *fits = cut(text, frame_left(f));

	add(f, style, fits, utf8_columns(fits));
}

void frame_wrap(struct frame *f, enum style style, const char *text,
		size_t rows)
{
	while (rows > 1 && utf8_columns(text) > frame_left(f)) {
		size_t fits = utf8_fit(text, frame_left(f)), n = fits;
		char *part;

		while (n > 0 && text[n] != ' ')
			n--;
		part = must_dupn(text, n > 0 ? n : fits);
		frame_put(f, style, part);
		free(part);
		text += n > 0 ? n + 1 : fits;
		if (!frame_row(f))
			return;
		rows--;
	}
	frame_put(f, style, text);
}

void frame_putf(struct frame *f, enum style style, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = must_dup("");
	va_end(ap);
	frame_put(f, style, text);
	free(text);
}

void frame_cell(struct frame *f, enum style style, int columns,
		const char *text)
{
	size_t room = (size_t)abs(columns), left = frame_left(f), used;
	char *fits, *cell;

	if (room > left)
		room = left;
	fits = cut(text, room);
	used = utf8_columns(fits);
	cell = columns < 0 ? must_print("%*s%s", (int)(room - used), "", fits)
			   : must_print("%s%*s", fits, (int)(room - used), "");
	add(f, style, cell, room);
	free(fits);
}

void frame_right(struct frame *f, enum style style, const char *text)
{
	size_t columns = utf8_columns(text), left = frame_left(f);

	if (f->width == 0) {
		frame_putf(f, style, "  %s", text);
	} else if (columns < left) {
		frame_cell(f, STYLE_NONE, (int)(left - columns), "");
		frame_put(f, style, text);
	}
}

void frame_rule(struct frame *f, enum style style)
{
	struct text t = { 0 };
	size_t left = frame_left(f);

	if (f->width == 0)
		return;
	text_adds(&t, "");
	for (size_t i = 0; i < left; i++)
		text_adds(&t, RULE);
	add(f, style, t.data, left);
}

void frame_down_to(struct frame *f, size_t n)
{
	while (f->n < n && frame_row(f))
		;
}

void frame_print(const struct frame *f, FILE *out, bool colour)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct row *r = &f->rows[i];

		for (size_t k = 0; k < r->n; k++) {
			const struct piece *p = &r->pieces[k];
			size_t len = strlen(p->text);

			while (k + 1 == r->n && len > 0 &&
			       p->text[len - 1] == ' ')
				len--;
			style_on(out, p->style, colour);
			fprintf(out, "%.*s", (int)len, p->text);
			style_off(out, p->style, colour);
		}
		fputc('\n', out);
	}
}
