/* SPDX-License-Identifier: MIT */
/* disk.h - a disk that fails on demand: a layer over SQLite's files. */
#ifndef TEST_MESSENGER_DISK_H
#define TEST_MESSENGER_DISK_H

/* Before the first store is opened. */
void disk_install(void);
/* What writes, or fsyncs, return from here on: an SQLITE_ code, 0: as usual. */
void disk_fail_writes(int code);
void disk_fail_syncs(int code);

#endif
