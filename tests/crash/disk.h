/* SPDX-License-Identifier: MIT */
/*
 * disk.h - a disk that forgets: what is on it after the power went away.
 *
 * A layer over SQLite's file system records each write, truncate and sync of
 * a database and its log, in order, between marks of the test. A replay goes
 * through the record and can write, at any point, what a disk may hold then:
 * all that was synced, and of the rest nothing, all, some writes, or some
 * sectors of 512 bytes. Syncs are recorded, not done: here no power fails.
 */
#ifndef TEST_CRASH_DISK_H
#define TEST_CRASH_DISK_H

#include "core/id.h"

/* Makes it SQLite's default; before any database is opened. */
void disk_install(void);
/* Starts a new record, from what the database at path is now, which must be
 * closed (its log empty). */
void disk_record(const char *path);
/* Ends it; what happens then is not recorded. */
void disk_stop(void);
/* Notes where in the record something was acknowledged. Any thread. */
void disk_mark(uint64_t value);
/* How long the record is. */
size_t disk_len(void);
/* Syncs and cut-off or deleted logs in the record. */
size_t disk_syncs(void);

struct disk_replay;
struct disk_replay *disk_replay_new(void);
void disk_replay_free(struct disk_replay *r);
/* Goes on to the place `to` of the record; told of the marks on the way. */
void disk_replay_go(struct disk_replay *r, size_t to,
		    void (*on_mark)(uint64_t value, void *user), void *user);

enum disk_fate {
	DISK_NONE,   /* nothing that was not synced */
	DISK_ALL,    /* all of it */
	DISK_SOME,   /* some writes, whole */
	DISK_TORN,   /* some sectors */
	DISK_PREFIX, /* the first writes, the last of them torn */
	DISK_FATES
};
/* Writes the database and its log as they may be here to path, path-wal. */
void disk_replay_write(const struct disk_replay *r, enum disk_fate fate,
		       struct deia__rng *rng, const char *path);

#endif
