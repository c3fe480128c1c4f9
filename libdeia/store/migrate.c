/* SPDX-License-Identifier: MIT */
/*
 * migrate.c - what is the same in every SQL backend's migrations: the table
 * that records them and the check of what was recorded. Running them is the
 * backend's.
 */
#include "store/migrate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char deia__migrate_table[] =
	"CREATE TABLE IF NOT EXISTS schema_migrations ("
	"version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
	"checksum TEXT NOT NULL, applied BIGINT NOT NULL, "
	"duration_us BIGINT)";

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

/* ---- what an operator sees ---------------------------------------------- */

static struct deia_migration *add(struct deia__migrate_list *l,
				  const struct deia_migration *m)
{
	if (l->n++ >= l->max)
		return NULL;
	l->list[l->n - 1] = *m;
	return &l->list[l->n - 1];
}

void deia__migrate_applied(struct deia__migrate_list *l, int64_t version,
			   const char *name, const char *checksum,
			   int64_t applied_ms, int64_t duration_us)
{
	struct deia_migration m = { .version = version,
				    .state = DEIA_MIGRATION_UNKNOWN,
				    .applied_unix_ms = applied_ms,
				    .duration_us = duration_us };

	snprintf(m.name, sizeof(m.name), "%s", name ? name : "");
	if (version >= 1 && version <= (int64_t)l->n_known)
		m.state = checksum && !strcmp(checksum,
					      l->known[version - 1].checksum)
				  ? DEIA_MIGRATION_APPLIED
				  : DEIA_MIGRATION_CHANGED;
	if (version > l->newest)
		l->newest = version;
	add(l, &m);
}

void deia__migrate_pending(struct deia__migrate_list *l)
{
	struct deia_migration m = { .state = DEIA_MIGRATION_PENDING,
				    .duration_us = -1 };

	for (int64_t i = l->newest; i < (int64_t)l->n_known; i++) {
		m.version = i + 1;
		snprintf(m.name, sizeof(m.name), "%s", l->known[i].name);
		add(l, &m);
	}
}

void deia__store_note(const struct deia_store_opts *opts, const char *fmt, ...)
{
	struct deia__errmsg line;
	char text[DEIA__ERRMSG_BYTES];
	va_list ap;

	if (!opts->note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)deia__fail(&line, DEIA_OK, "%s",
			 text); /* no control characters */
	opts->note(line.text, opts->note_user);
}
