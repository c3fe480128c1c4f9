/* SPDX-License-Identifier: MIT */
/*
 * migrate.h - the schema of a hive's store, and copying a whole hive from one
 * store to another. For operators' tools: the hive is stopped meanwhile.
 *
 * A schema is made by numbered migrations. deiad applies what is missing when
 * it starts, after it has made a copy of the database; the functions here do
 * the same, and show it, without a hive. They block, and they take the store's
 * lock: a store that is in use is DEIA_EBUSY.
 *
 * url: as of deia_store_open. detail: of every function at least 256 bytes, or
 * NULL; on failure one line that says what to do.
 *
 * Threads: any, one call for a store at a time.
 */
#ifndef DEIA_MIGRATE_H
#define DEIA_MIGRATE_H

#include <deia/error.h>

DEIA_BEGIN

/* ---- the schema -------------------------------------------------------- */

enum deia_migration_state {
	DEIA_MIGRATION_PENDING, /* will be applied */
	DEIA_MIGRATION_APPLIED,
	DEIA_MIGRATION_CHANGED, /* applied with another text: a foreign build */
	DEIA_MIGRATION_UNKNOWN	/* applied by a newer program */
};

/* "pending", "applied", "changed", "unknown"; static text. Since 0.2. */
DEIA_API const char *deia_migration_state_name(enum deia_migration_state state);

struct deia_migration {
	int64_t version; /* 1, 2, 3 ... */
	char name[64];
	enum deia_migration_state state;
	int64_t applied_unix_ms; /* 0: pending */
	int64_t duration_us;	 /* -1: pending, or not recorded */
};

/*
 * Lists the migrations of a store by rising version: the applied ones, then
 * those that the store has not and this program would apply. Changes nothing.
 * list: filled with at most max of them. *n: how many there are.
 * Returns DEIA_OK, DEIA_ENOTFOUND (no database there), DEIA_EBUSY (in use),
 * DEIA_EINVAL (url), DEIA_EUNSUPPORTED (this store has no migrations, or is
 * not in this build), DEIA_EIO, DEIA_ESTORE, DEIA_ENOMEM. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_migrate_status(const char *url, struct deia_migration *list, size_t max,
		    size_t *n, char *detail, size_t detail_len);

struct deia_migrate_opts {
	size_t size;
	bool no_backup;		/* no copy of the database first */
	const char *backup_dir; /* as of struct deia_store_opts */
	/* Told of the copy and of each migration, a line of text; or NULL. */
	void (*note)(const char *text, void *user);
	void *user;
};
#define DEIA_MIGRATE_OPTS_INIT                                                 \
	{                                                                      \
		sizeof(struct deia_migrate_opts), false, NULL, NULL, NULL      \
	}

/*
 * Applies what is pending, after a copy of the database was made; each
 * migration is a transaction of its own. opts: NULL for the defaults.
 * *applied: how many were.
 * Returns the codes of deia_migrate_status, and DEIA_EVERSION (the store is of
 * a newer program), DEIA_EFULL (no room for the copy: nothing was changed).
 * Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_migrate_up(const char *url, const struct deia_migrate_opts *opts,
		size_t *applied, char *detail, size_t detail_len);

/* ---- copying a hive ---------------------------------------------------- */

#define DEIA_COPY_MAX_TABLES 64

/* One table on both sides. sum: over all rows in the order of their key. */
struct deia_copy_table {
	const char *name; /* static text */
	int64_t rows_from, rows_to;
	char sum_from[33], sum_to[33];
	bool same; /* both counts, both sums, and the last number given */
};

struct deia_copy_report {
	struct deia_copy_table tables[DEIA_COPY_MAX_TABLES];
	size_t n_tables;
	int64_t rows;	     /* copied by this call */
	int64_t rows_before; /* copied by calls before it that were ended */
	bool compared;	     /* the tables are filled in */
	bool same;	     /* all tables are */
};

struct deia_copy_progress {
	bool comparing;	   /* copying is done */
	const char *table; /* static text */
	size_t n, of;	   /* it is the n-th table of so many */
	int64_t rows;	   /* so far: copied, or compared */
};

struct deia_copy_opts {
	size_t size;
	unsigned batch; /* rows a transaction, 1..1000; 0: 1000 */
	/* Called after each batch; NULL: nobody. */
	void (*progress)(const struct deia_copy_progress *p, void *user);
	void *user;
};
#define DEIA_COPY_OPTS_INIT                                                    \
	{                                                                      \
		sizeof(struct deia_copy_opts), 0, NULL, NULL                   \
	}

/*
 * Copies all rows of the store `from` into the store `to`, then reads both
 * again and compares. from is not changed and must have this program's schema.
 * to is made when it does not exist; it must be empty, or hold a copy of the
 * same source that was begun and not ended (by a kill, a full disk): that is
 * gone on with. Until the comparison held, a hive does not start from it.
 * opts: NULL for the defaults. report: filled in as far as it came.
 * Returns DEIA_OK (all is the same on both sides), DEIA_EEXIST (to is not
 * empty), DEIA_ECONFLICT (from was changed since the copy began, or the sides
 * differ), DEIA_EVERSION (from has another schema: deia_migrate_up),
 * DEIA_ENOTFOUND (no database at from), DEIA_EBUSY (one of them is in use),
 * DEIA_EINVAL (a url, or both are the same), DEIA_EFULL, DEIA_EUNAVAILABLE,
 * DEIA_EUNSUPPORTED, DEIA_EIO, DEIA_ESTORE, DEIA_ENOMEM. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_migrate_copy(
	const char *from, const char *to, const struct deia_copy_opts *opts,
	struct deia_copy_report *report, char *detail, size_t detail_len);

DEIA_END

#endif
