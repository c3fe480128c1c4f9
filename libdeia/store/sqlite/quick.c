/* SPDX-License-Identifier: MIT */
/* quick.c - see quick.h. */
#include "store/quick.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static deia_err judge(int rc, sqlite3_stmt *stmt, char *detail, size_t len)
{
	const char *text;

	if (rc == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(stmt, 0);
		snprintf(detail, len, "%s", text ? text : "");
		return strcmp(detail, "ok") == 0 ? DEIA_OK : DEIA_ESTORE;
	}
	snprintf(detail, len, "%s", sqlite3_errstr(rc));
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return DEIA_ESTORE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return DEIA_EBUSY;
	default:
		return DEIA_EIO;
	}
}

deia_err deia__sqlite_quick_check(const char *path, int64_t max_bytes,
				  int64_t *bytes, char *detail,
				  size_t detail_len)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	struct stat st;
	deia_err err;
	int rc;

	*bytes = 0;
	detail[0] = '\0';
	if (stat(path, &st))
		return DEIA_ENOTFOUND;
	*bytes = (int64_t)st.st_size;
	if (*bytes > max_bytes)
		return DEIA_ELIMIT;
	rc = sqlite3_open_v2(path, &db,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt,
					NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	err = judge(rc, stmt, detail, detail_len);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return err;
}
