/* SPDX-License-Identifier: MIT */
/*
 * errmsg.c - the detail of a failure: one line of whole UTF-8 sequences,
 * whatever names and texts from outside were formatted into it.
 */
#include "core/errmsg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

static void make_one_line(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

deia_err deia__fail(struct deia__errmsg *m, deia_err err, const char *fmt, ...)
{
	va_list args;

	if (!m)
		return err;
	va_start(args, fmt);
	if (vsnprintf(m->text, sizeof(m->text), fmt, args) < 0)
		m->text[0] = '\0';
	va_end(args);
	make_one_line(m->text);
	m->text[deia__utf8_whole(m->text, strlen(m->text))] = '\0';
	return err;
}
