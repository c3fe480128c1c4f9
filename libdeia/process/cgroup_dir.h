/* SPDX-License-Identifier: MIT */
/* cgroup_dir.h - single cgroup folders: their files, what is in them. */
#ifndef DEIA_PROCESS_CGROUP_DIR_H
#define DEIA_PROCESS_CGROUP_DIR_H

#include <deia/base.h>

/* Reads DIR/FILE (FILE NULL: DIR is the file) as text; false: it is not there
 * or does not fit. */
bool deia__cgroup_read(const char *dir, const char *file, char *out,
		       size_t size);
/* 0 or an errno. */
DEIA_NODISCARD int deia__cgroup_write(const char *dir, const char *file,
				      const char *text);
bool deia__cgroup_has(const char *dir, const char *file);

/*
 * Kills every process in a cgroup and those below it, and removes them. True:
 * there is nothing (any more). False: some still end, or could not be told
 * from a stranger's.
 */
bool deia__cgroup_clear(const char *dir);
/* Does so with all in parent that processes which live no more have left. */
void deia__cgroup_clear_stale(const char *parent);
/* Does so with all in parent whose names begin with prefix. */
void deia__cgroup_clear_own(const char *parent, const char *prefix);

#endif
