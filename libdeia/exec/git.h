/* SPDX-License-Identifier: MIT */
/* git.h - one git command, with what it printed. */
#ifndef DEIA_EXEC_GIT_H
#define DEIA_EXEC_GIT_H

#include <deia/error.h>

struct event_base;
typedef struct deia__git deia__git;

struct deia__git_result {
	int code;	 /* of the exit; -1: a signal, or git is not there */
	const char *out; /* what it printed, ends with NUL */
	size_t out_len;
	bool cut;	 /* it printed more than 8 MiB */
	const char *err; /* its last words, one line */
};

/*
 * Starts `git -C dir args...` without hooks, prompts, locks and file system
 * monitors, so that a repository runs nothing of its own. done is called from
 * the loop, once, and not after deia__git_free; result lives until it returns.
 * Returns DEIA_OK, DEIA_EIO (git cannot be started: *error, an errno) or
 * DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err
deia__git_start(deia__git **out, struct event_base *base, const char *dir,
		const char *const *args,
		void (*done)(const struct deia__git_result *result, void *user),
		void *user, int *error);
/* Ends it if it still runs. Not from its own done. NULL is fine. */
void deia__git_free(deia__git *git);

#endif
