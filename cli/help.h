/* SPDX-License-Identifier: MIT */
/* help.h - help on every level, from the table of commands. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli.h"

void help_all(FILE *out);
/* The commands of a group, "bot". */
void help_group(FILE *out, const char *group);
void help_command(FILE *out, const struct command *c);
/* `deia help bot launch`: an exit code. */
int help_words(int argc, char **argv);

#endif
