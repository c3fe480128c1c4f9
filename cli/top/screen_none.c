/* SPDX-License-Identifier: MIT */
/* screen_none.c - in place of screen.c where ncurses was not there. */
#include "screen.h"

#include "../mem.h"

bool screen_is_built(void)
{
	return false;
}

bool screen_open(bool colour, char **message)
{
	(void)colour;
	*message = must_dup("this build has no live screen");
	return false;
}

void screen_close(void)
{
}

void screen_size(size_t *width, size_t *height)
{
	*width = 80;
	*height = 24;
}

void screen_show(const struct frame *f)
{
	(void)f;
}

bool screen_key(uint32_t *key)
{
	(void)key;
	return false;
}

void screen_resized(void)
{
}

void screen_spoilt(void)
{
}

void screen_suspend(void)
{
}
