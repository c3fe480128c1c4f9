/* SPDX-License-Identifier: MIT */
/* programs.h - where the other programs of deia are. */
#ifndef CLI_PROGRAMS_H
#define CLI_PROGRAMS_H

/* The folder of this program; NULL: unknown. free() it. */
char *program_dir(void);
/* Where `deia serve` and deiad find a program, as "deia-bot": beside this one,
 * in the build that it was built in, on PATH. NULL: nowhere. free() it. */
char *program_find(const char *name);

#endif
