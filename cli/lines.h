/* SPDX-License-Identifier: MIT */
/* lines.h - reading lines from a person at the terminal. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <deia/base.h>

struct lines;

/* prompt is borrowed. */
struct lines *lines_open(const char *prompt);
void lines_close(struct lines *l);
/*
 * The next line without its newline, free() it. NULL: Ctrl-D, or Ctrl-C when
 * *interrupted.
 */
char *lines_read(struct lines *l, bool *interrupted);
/* Puts an earlier line where the up arrow finds it. */
void lines_remember(struct lines *l, const char *line);

/* One line without echo, from the terminal; free() it. NULL: there is none. */
char *ask_secret(const char *prompt);

#endif
