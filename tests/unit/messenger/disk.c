/* SPDX-License-Identifier: MIT */
/* disk.c - see disk.h. */
#include "disk.h"

#include <check.h>
#include <sqlite3.h>
#include <stdatomic.h>

static atomic_int sync_result, write_result;
static sqlite3_vfs shim;
static sqlite3_vfs *real_vfs;
/* SQLite has a table of its own for files that it does not lock. */
static struct {
	const sqlite3_io_methods *from;
	sqlite3_io_methods to;
} methods[4];
static int (*real_sync)(sqlite3_file *, int);
static int (*real_write)(sqlite3_file *, const void *, int, sqlite3_int64);

static int shim_sync(sqlite3_file *f, int flags)
{
	int rc = atomic_load(&sync_result);

	return rc ? rc : real_sync(f, flags);
}

static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = atomic_load(&write_result);

	return rc ? rc : real_write(f, p, n, at);
}

static int shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
		     int flags, int *out)
{
	int rc = real_vfs->xOpen(real_vfs, name, f, flags, out), i;

	(void)v;
	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	for (i = 0; methods[i].from && methods[i].from != f->pMethods; i++)
		ck_assert_int_lt(i, 3);
	if (!methods[i].from) {
		methods[i].from = f->pMethods;
		methods[i].to = *f->pMethods;
		real_sync = f->pMethods->xSync;
		real_write = f->pMethods->xWrite;
		methods[i].to.xSync = shim_sync;
		methods[i].to.xWrite = shim_write;
	}
	f->pMethods = &methods[i].to;
	return rc;
}

/* So that waiting for a lock takes no time. */
static int shim_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

void disk_install(void)
{
	if (real_vfs)
		return;
	real_vfs = sqlite3_vfs_find(NULL);
	shim = *real_vfs;
	shim.zName = "shim";
	shim.xOpen = shim_open;
	shim.xSleep = shim_sleep;
	ck_assert_int_eq(sqlite3_vfs_register(&shim, 1), SQLITE_OK);
}

void disk_fail_writes(int code)
{
	atomic_store(&write_result, code);
}

void disk_fail_syncs(int code)
{
	atomic_store(&sync_result, code);
}
