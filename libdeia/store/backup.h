/* SPDX-License-Identifier: MIT */
/*
 * backup.h - the files of copies that are made of a database before it is
 * migrated: DIR/NAME-before-0005-TIME.db.
 *
 * A copy has another name until it is whole. A killed one leaves a .partial,
 * which the next one removes. The newest three are kept; the time in their
 * names is what orders them.
 */
#ifndef DEIA_STORE_BACKUP_H
#define DEIA_STORE_BACKUP_H

#include "core/errmsg.h"

struct deia__backup {
	char *dir, *path, *partial;
	char stem[128]; /* "deia-before-" */
	const char *ending;
};

/*
 * Makes the folder if it is missing, 0700. ending: ".db", static text. before:
 * the version of the first migration to come. deia__backup_end in any case.
 * DEIA_OK, DEIA_ENOMEM, DEIA_EIO, DEIA_EFULL.
 */
DEIA_NODISCARD deia_err deia__backup_begin(struct deia__backup *b,
					   const char *dir, const char *name,
					   const char *ending, unsigned before,
					   struct deia__errmsg *msg);
/* Makes the empty .partial, 0600; *fd is the caller's. DEIA_OK, DEIA_EIO. */
DEIA_NODISCARD deia_err deia__backup_create(const struct deia__backup *b,
					    int *fd, struct deia__errmsg *msg);
/* It is whole: on disk, under its name; older ones go. DEIA_OK, DEIA_EIO. */
DEIA_NODISCARD deia_err deia__backup_keep(const struct deia__backup *b,
					  struct deia__errmsg *msg);
/* Removes a .partial that is left, and frees. */
void deia__backup_end(struct deia__backup *b);

/* A file that was made or renamed in it is there after a power cut. */
void deia__sync_dir(const char *dir);

#endif
