/* SPDX-License-Identifier: MIT */
/* lockfile.h - one process at a time: a flock held for life. */
#ifndef DEIA_STORE_LOCKFILE_H
#define DEIA_STORE_LOCKFILE_H

#include "core/errmsg.h"

/*
 * Locks dir/run/deiad.lock (made 0700 and 0600 when missing) and writes the
 * pid into it. *fd holds the lock until it is closed; it is close-on-exec.
 * DEIA_EBUSY: another process (msg names it) or another store has it;
 * DEIA_EIO.
 */
deia_err deia__lockfile_take(int *fd, const char *dir,
			     struct deia__errmsg *msg);

#endif
