/* SPDX-License-Identifier: MIT */
/*
 * migrate.c - what is the same in every SQL backend's migrations: the table
 * that records them and the check of what was recorded. Running them is the
 * backend's.
 */
#include "store/migrate.h"

#include <string.h>

const char deia__migrate_table[] =
	"CREATE TABLE IF NOT EXISTS schema_migrations ("
	"version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
	"checksum TEXT NOT NULL, applied BIGINT NOT NULL)";

deia_err deia__migrate_check(const struct deia__migration *list, unsigned n,
			     int64_t version, const char *checksum,
			     struct deia__errmsg *msg)
{
	const struct deia__migration *m;

	if (version < 1 || version > (int64_t)n)
		return deia__fail(msg, DEIA_EVERSION,
				  "the database has schema version %lld, this "
				  "program knows up to %u: run the newer deiad "
				  "again or restore a backup made before the "
				  "upgrade",
				  (long long)version, n);
	m = &list[version - 1];
	if (strcmp(m->checksum, checksum) != 0)
		return deia__fail(msg, DEIA_ESTORE,
				  "migration %04u_%s was applied with another "
				  "text than this program has: the database is "
				  "of a different build; use that build or "
				  "restore a backup",
				  m->version, m->name);
	return DEIA_OK;
}
