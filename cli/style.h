/* SPDX-License-Identifier: MIT */
/* style.h - colours, only where the caller says that they are wanted. */
#ifndef CLI_STYLE_H
#define CLI_STYLE_H

#include <stdio.h>

#include <deia/base.h>

enum style {
	STYLE_NONE,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD
};

void style_on(FILE *out, enum style style, bool colour);
void style_off(FILE *out, enum style style, bool colour);
/* How a state of a bot, a chat line or the hive is shown. */
enum style style_of_state(const char *state);

#endif
