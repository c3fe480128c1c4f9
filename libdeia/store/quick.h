/* SPDX-License-Identifier: MIT */
/* quick.h - a look at the structure of a database file, beside its store. */
#ifndef DEIA_STORE_QUICK_H
#define DEIA_STORE_QUICK_H

#include <deia/error.h>

/*
 * Walks all pages of a SQLite file on a connection of its own that only reads:
 * are its trees whole (PRAGMA quick_check). Blocks for about a second a GiB on a
 * warm disk; what is written meanwhile stays in the log until it ends. Any
 * thread. path: of the file, which a store has open. max_bytes: a larger file is
 * left alone. *bytes: its size. detail: one line.
 * DEIA_OK: it is whole; DEIA_ESTORE: it is not, detail says where; DEIA_ELIMIT:
 * it is larger; DEIA_ENOTFOUND; DEIA_EBUSY: it is locked just now; DEIA_EIO.
 */
DEIA_NODISCARD deia_err deia__sqlite_quick_check(const char *path,
						 int64_t max_bytes,
						 int64_t *bytes, char *detail,
						 size_t detail_len);

#endif
