/* SPDX-License-Identifier: MIT */
/*
 * child.h - one run of a program: its pipes, its end, what it leaves.
 *
 * The program gets a session of its own. Its exit is seen through a pidfd, so
 * that the host's SIGCHLD is never touched. All belongs to the loop's thread.
 */
#ifndef DEIA_EXEC_CHILD_H
#define DEIA_EXEC_CHILD_H

#include <deia/error.h>

struct event_base;
typedef struct deia__child deia__child;

struct deia__child_end {
	int code;   /* of the exit; -1: ended by a signal */
	int signal; /* 0: none */
};

struct deia__child_opts {
	char *const *argv; /* ends with NULL; found on PATH */
	const char *dir;   /* where it runs */
	/* Added to this process's environment; "NAME=value", or NULL. */
	const char *const *env;
	/* What it reads from stdin, borrowed until the end; NULL: nothing. */
	const char *input;
	size_t input_len;
	/* Pieces of stdout and stderr. Called from the loop; may stop the
	 * child, but not free it. */
	void (*on_out)(const char *p, size_t len, void *user);
	void (*on_err)(const char *p, size_t len, void *user);
	/* It ended, nothing of it runs any more and all its output was handed
	 * over. Once, last; may free the child. */
	void (*on_end)(const struct deia__child_end *end, void *user);
	void *user;
};

/*
 * Starts a program. Returns DEIA_OK, DEIA_EIO (*error says why, an errno:
 * ENOENT, EACCES, ENOEXEC, E2BIG ...) or DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__child_start(deia__child **out,
					  struct event_base *base,
					  const struct deia__child_opts *opts,
					  int *error);
/* Asks it to end: SIGINT to its process group, SIGTERM after 2 s, SIGKILL to
 * all it started after another 1.5 s. on_end still comes. */
void deia__child_stop(deia__child *c);
/* Stops or goes on reading its output. */
void deia__child_pause(deia__child *c, bool pause);
/* The program wants no on_end any more: SIGTERM to all of it. */
void deia__child_leave(deia__child *c);
/* Ends all of it at once if it still runs, waits for that, and frees. */
void deia__child_free(deia__child *c);

#endif
