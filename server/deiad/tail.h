/* SPDX-License-Identifier: MIT */
/*
 * tail.h - reading the end of a log file that is being appended to and
 * rotated (FILE -> FILE.1). Blocking: for a worker thread.
 */
#ifndef DEIAD_TAIL_H
#define DEIAD_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where a reader stands. Zeroed: at the beginning of nothing. */
struct tail_place {
	ino_t inode;
	int64_t offset;
};

/*
 * Reads the last `lines` lines, at most max bytes. *text is the caller's
 * (free), *len may be 0. place: after what was read. False: errno says why; a
 * missing file is no error.
 */
bool tail_last(const char *path, unsigned lines, size_t max, char **text,
	       size_t *len, struct tail_place *place);
/*
 * Reads on from place, whole lines, at most max bytes; a line longer than
 * that comes in pieces. Follows a rotation.
 */
bool tail_next(const char *path, size_t max, char **text, size_t *len,
	       struct tail_place *place);

#endif
