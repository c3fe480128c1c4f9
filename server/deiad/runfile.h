/* SPDX-License-Identifier: MIT */
/* runfile.h - DIR/state/run/deiad.json, by which the CLI finds a hive. */
#ifndef DEIAD_RUNFILE_H
#define DEIAD_RUNFILE_H

#include <stdbool.h>

/* Writes {"pid","url","started_at"}, mode 0600. False: said in the log. */
bool runfile_write(const char *dir, const char *url);
void runfile_remove(const char *dir);

#endif
