/* SPDX-License-Identifier: MIT */
/*
 * screen.h - the terminal as a whole, by ncurses; one a program, one thread.
 *
 * screen.c has it, screen_none.c says that this build has none.
 */
#ifndef CLI_TOP_SCREEN_H
#define CLI_TOP_SCREEN_H

#include "frame.h"

/* Takes the terminal over; it is given back at exit, whatever ends the
 * program that way. False: *message (free it) says why not. */
bool screen_open(bool colour, char **message);
/* Gives the terminal back as it was. May be called twice. */
void screen_close(void);
/* Whether there is one in this build. */
bool screen_is_built(void);
void screen_size(size_t *width, size_t *height);
void screen_show(const struct frame *f);
/* The next key that was pressed (enum top_key of ui.h); false: none. */
bool screen_key(uint32_t *key);
/* Another size: takes it over. */
void screen_resized(void);
/* All is drawn anew with the next picture. */
void screen_spoilt(void);
/* Gives the terminal back and stops this process until it is continued. */
void screen_suspend(void);

#endif
