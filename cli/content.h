/* SPDX-License-Identifier: MIT */
/* content.h - what is to be said: words of the line, or standard input. */
#ifndef CLI_CONTENT_H
#define CLI_CONTENT_H

#include <stdio.h>

#include "cli.h"

/* The words from the first-th on, with blanks between; NULL: there are none. */
char *content_words(const struct args *a, size_t first);
/* All of a file, at most max bytes and a NUL; NULL: complained. */
char *content_read(FILE *f, const char *name, size_t max, size_t *len);
/*
 * The text on standard input without the newlines at its end; NULL: said why,
 * *rc is set. example: how a text is given instead ("deia chat X \"hello\"").
 */
char *content_stdin(const struct cli *cli, const char *example, int *rc);
/*
 * What the words from the first-th on say; "-" alone, or none where standard
 * input is no terminal: what is there. As content_stdin.
 */
char *content_of(const struct cli *cli, size_t first, const char *example,
		 int *rc);

#endif
