/* SPDX-License-Identifier: MIT */
/*
 * migrate.h - schema versions, for all SQL backends.
 *
 * The files <backend>/migrations/NNNN_name.sql are embedded at build time in
 * order (embed_sql.py), with the SHA-256 of their text. A database keeps what
 * was applied in the table schema_migrations; files that were released never
 * change.
 */
#ifndef DEIA_STORE_MIGRATE_H
#define DEIA_STORE_MIGRATE_H

#include <deia/migrate.h>
#include <deia/sys/store.h>

#include "core/errmsg.h"

struct deia__migration {
	unsigned version; /* 1, 2, 3 ... without gaps */
	const char *name;
	const char *checksum; /* hexadecimal */
	const char *sql;
};

extern const struct deia__migration deia__migrations_sqlite[];
extern const unsigned deia__migrations_sqlite_len;
extern const struct deia__migration deia__migrations_postgres[];
extern const unsigned deia__migrations_postgres_len;

/* The table in which a database keeps what was applied. */
extern const char deia__migrate_table[];

/*
 * Checks one row of schema_migrations against the program's list: DEIA_OK,
 * DEIA_EVERSION (not known here: the schema is newer), DEIA_ESTORE (another
 * text was applied).
 */
deia_err deia__migrate_check(const struct deia__migration *list, unsigned n,
			     int64_t version, const char *checksum,
			     struct deia__errmsg *msg);

/*
 * For a backend's `status`: starts with the program's list, is told of each
 * applied one by rising version, then of the end. n counts also what did not
 * fit.
 */
struct deia__migrate_list {
	const struct deia__migration *known;
	unsigned n_known;
	struct deia_migration *list;
	size_t max, n;
	int64_t newest; /* applied */
};
/* duration_us: -1 when it is not recorded. */
void deia__migrate_applied(struct deia__migrate_list *l, int64_t version,
			   const char *name, const char *checksum,
			   int64_t applied_ms, int64_t duration_us);
void deia__migrate_pending(struct deia__migrate_list *l);

/* Tells opts->note, if there is one, a line of text. */
void deia__store_note(const struct deia_store_opts *opts, const char *fmt, ...)
	DEIA_PRINTF(2, 3);

#endif
