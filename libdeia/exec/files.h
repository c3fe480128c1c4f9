/* SPDX-License-Identifier: MIT */
/*
 * files.h - which files of the working folder a turn has changed.
 *
 * In a git work tree git is asked, anywhere else the folder is looked through.
 * Both happen in small steps of the loop.
 */
#ifndef DEIA_EXEC_FILES_H
#define DEIA_EXEC_FILES_H

#include <deia/sys/json.h>

struct event_base;
struct exec_files;

/* The working folder. */
struct exec_folder {
	const char *dir;
	bool git;     /* inside a git work tree, and not ignored by it */
	char *prefix; /* dir below the work tree's root: "" or "a/b/" */
};

/*
 * Looks at the folder before the turn; done is called from the loop, never
 * inside this call. folder is borrowed. NULL: out of memory.
 */
struct exec_files *deia__exec_files_before(struct event_base *base,
					   const struct exec_folder *folder,
					   void (*done)(void *user),
					   void *user);
/* Looks again; done is called as before. At most ms are spent. */
void deia__exec_files_after(struct exec_files *f, int ms);
/* Prints "files" and what there is to say about them into an open object. */
void deia__exec_files_print(const struct exec_files *f, deia_jw *w);
/* Stops looking, if it still does. NULL is fine. */
void deia__exec_files_free(struct exec_files *f);

#endif
