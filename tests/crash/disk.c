/* SPDX-License-Identifier: MIT */
/*
 * disk.c - see disk.h. One writer at a time, which is what the store has.
 *
 * Files are told apart by the tables of methods that SQLite's own layer gives
 * them: one for a database, another for a log. The index of the log (-shm) is
 * not recorded: SQLite makes it anew when nobody has the database open.
 */
#include "disk.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u

enum { DB, WAL, FILES };
static const char *const suffixes[FILES] = { "", "-wal" };

enum kind { WRITE, TRUNCATE, SYNC, MARK };
struct entry {
	enum kind kind;
	int file;
	uint64_t at; /* offset, new size, or the mark's value */
	size_t len;
	unsigned char *data;
};

struct image {
	unsigned char *bytes;
	size_t len, cap;
};

/* ---- the record -------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	bool on;
	struct entry *entries;
	size_t len, cap, syncs;
	struct image base; /* the database at the beginning */
} record = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(enum kind kind, int file, uint64_t at, const void *data,
		 size_t len)
{
	struct entry *e;

	pthread_mutex_lock(&record.lock);
	if (!record.on) {
		pthread_mutex_unlock(&record.lock);
		return;
	}
	if (record.len == record.cap) {
		record.cap = record.cap ? record.cap * 2 : 1024;
		record.entries =
			realloc(record.entries, record.cap * sizeof(*e));
		ck_assert_ptr_nonnull(record.entries);
	}
	e = &record.entries[record.len++];
	*e = (struct entry){ kind, file, at, len, NULL };
	record.syncs += kind == SYNC;
	if (len) {
		e->data = malloc(len);
		ck_assert_ptr_nonnull(e->data);
		memcpy(e->data, data, len);
	}
	pthread_mutex_unlock(&record.lock);
}

void disk_mark(uint64_t value)
{
	note(MARK, 0, value, NULL, 0);
}

size_t disk_len(void)
{
	return record.len;
}

size_t disk_syncs(void)
{
	return record.syncs;
}

static void read_file(const char *path, struct image *out)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	out->len = out->cap = (size_t)st.st_size;
	out->bytes = malloc(out->cap + 1);
	ck_assert_ptr_nonnull(out->bytes);
	ck_assert_int_eq(read(fd, out->bytes, out->len), (ssize_t)out->len);
	close(fd);
}

void disk_record(const char *path)
{
	size_t i;

	for (i = 0; i < record.len; i++)
		free(record.entries[i].data);
	record.len = record.syncs = 0;
	free(record.base.bytes);
	read_file(path, &record.base);
	record.on = true;
}

void disk_stop(void)
{
	pthread_mutex_lock(&record.lock);
	record.on = false;
	pthread_mutex_unlock(&record.lock);
}

/* ---- the layer over SQLite's files ------------------------------------- */

static sqlite3_vfs layer, *below;
static struct {
	const sqlite3_io_methods *from;
	sqlite3_io_methods to;
} methods[FILES];

static int written(int file, sqlite3_file *f, const void *p, int n,
		   sqlite3_int64 at)
{
	int rc = methods[file].from->xWrite(f, p, n, at);

	if (rc == SQLITE_OK)
		note(WRITE, file, (uint64_t)at, p, (size_t)n);
	return rc;
}

static int cut(int file, sqlite3_file *f, sqlite3_int64 size)
{
	int rc = methods[file].from->xTruncate(f, size);

	if (rc == SQLITE_OK)
		note(TRUNCATE, file, (uint64_t)size, NULL, 0);
	return rc;
}

static int db_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	return written(DB, f, p, n, at);
}

static int wal_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	return written(WAL, f, p, n, at);
}

static int db_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return cut(DB, f, size);
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return cut(WAL, f, size);
}

static int db_sync(sqlite3_file *f, int flags)
{
	(void)f;
	(void)flags;
	note(SYNC, DB, 0, NULL, 0);
	return SQLITE_OK;
}

static int wal_sync(sqlite3_file *f, int flags)
{
	(void)f;
	(void)flags;
	note(SYNC, WAL, 0, NULL, 0);
	return SQLITE_OK;
}

static void take_methods(int file, sqlite3_file *f)
{
	sqlite3_io_methods *to = &methods[file].to;

	if (!methods[file].from) {
		methods[file].from = f->pMethods;
		*to = *f->pMethods;
		to->xWrite = file == DB ? db_write : wal_write;
		to->xTruncate = file == DB ? db_truncate : wal_truncate;
		to->xSync = file == DB ? db_sync : wal_sync;
	}
	ck_assert_ptr_eq(methods[file].from, f->pMethods);
	f->pMethods = to;
}

static int layer_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
		      int flags, int *out)
{
	int rc = below->xOpen(below, name, f, flags, out);

	(void)v;
	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	/* The layer below chooses the methods when it knows how to lock. */
	if (flags & SQLITE_OPEN_MAIN_DB)
		take_methods(DB, f);
	else if (flags & SQLITE_OPEN_WAL)
		take_methods(WAL, f);
	return rc;
}

/* A log that is gone is an empty one: it may come back as it was. */
static int layer_delete(sqlite3_vfs *v, const char *name, int sync)
{
	int rc = below->xDelete(below, name, sync);
	size_t len = strlen(name);

	(void)v;
	if (rc != SQLITE_OK || len < 4 || strcmp(name + len - 4, "-wal") != 0)
		return rc;
	note(TRUNCATE, WAL, 0, NULL, 0);
	if (sync)
		note(SYNC, WAL, 0, NULL, 0);
	return rc;
}

void disk_install(void)
{
	if (below)
		return;
	below = sqlite3_vfs_find(NULL);
	layer = *below;
	layer.zName = "forgetful";
	layer.xOpen = layer_open;
	layer.xDelete = layer_delete;
	ck_assert_int_eq(sqlite3_vfs_register(&layer, 1), SQLITE_OK);
}

/* ---- the replay -------------------------------------------------------- */

struct disk_replay {
	size_t at;
	struct image synced[FILES];
	/* Entries since the file's last sync: places in the record. */
	size_t *pending[FILES], n_pending[FILES], cap[FILES];
};

static void image_size(struct image *im, size_t len)
{
	if (len > im->cap) {
		im->cap = len * 2;
		im->bytes = realloc(im->bytes, im->cap);
		ck_assert_ptr_nonnull(im->bytes);
	}
	if (len > im->len)
		memset(im->bytes + im->len, 0, len - im->len);
	im->len = len;
}

static void image_put(struct image *im, uint64_t at, const unsigned char *data,
		      size_t len)
{
	if (!len)
		return;
	if (at + len > im->len)
		image_size(im, at + len);
	memcpy(im->bytes + at, data, len);
}

static void apply(struct image *im, const struct entry *e)
{
	if (e->kind == WRITE)
		image_put(im, e->at, e->data, e->len);
	else
		image_size(im, e->at);
}

/* Each sector by itself arrived or did not. */
static void apply_torn(struct image *im, const struct entry *e, double share,
		       struct deia__rng *rng)
{
	size_t done = 0, n;

	if (e->kind != WRITE) {
		if (deia__rng_ratio(rng) < share)
			apply(im, e);
		return;
	}
	for (; done < e->len; done += n) {
		n = SECTOR - (e->at + done) % SECTOR;
		n = n < e->len - done ? n : e->len - done;
		if (deia__rng_ratio(rng) < share)
			image_put(im, e->at + done, e->data + done, n);
	}
}

struct disk_replay *disk_replay_new(void)
{
	struct disk_replay *r = calloc(1, sizeof(*r));

	ck_assert_ptr_nonnull(r);
	image_put(&r->synced[DB], 0, record.base.bytes, record.base.len);
	return r;
}

void disk_replay_free(struct disk_replay *r)
{
	int f;

	for (f = 0; f < FILES; f++) {
		free(r->synced[f].bytes);
		free(r->pending[f]);
	}
	free(r);
}

static void pend(struct disk_replay *r, size_t at)
{
	int f = record.entries[at].file;

	if (r->n_pending[f] == r->cap[f]) {
		r->cap[f] = r->cap[f] ? r->cap[f] * 2 : 256;
		r->pending[f] = realloc(r->pending[f],
					r->cap[f] * sizeof(*r->pending[f]));
		ck_assert_ptr_nonnull(r->pending[f]);
	}
	r->pending[f][r->n_pending[f]++] = at;
}

static void settle(struct disk_replay *r, int f)
{
	size_t i;

	for (i = 0; i < r->n_pending[f]; i++)
		apply(&r->synced[f], &record.entries[r->pending[f][i]]);
	r->n_pending[f] = 0;
}

void disk_replay_go(struct disk_replay *r, size_t to,
		    void (*on_mark)(uint64_t value, void *user), void *user)
{
	const struct entry *e;

	for (; r->at < to && r->at < record.len; r->at++) {
		e = &record.entries[r->at];
		if (e->kind == MARK)
			on_mark(e->at, user);
		else if (e->kind == SYNC)
			settle(r, e->file);
		else
			pend(r, r->at);
	}
}

static void lose_some(const struct disk_replay *r, int f, struct image *im,
		      enum disk_fate fate, struct deia__rng *rng)
{
	double share = deia__rng_ratio(rng);
	size_t n = r->n_pending[f], i;

	if (fate == DISK_NONE)
		return;
	if (fate == DISK_PREFIX)
		n = (size_t)((double)(n + 1) * share);
	for (i = 0; i < n; i++) {
		const struct entry *e = &record.entries[r->pending[f][i]];

		if (fate == DISK_TORN || (fate == DISK_PREFIX && i + 1 == n))
			apply_torn(im, e, share, rng);
		else if (fate != DISK_SOME || deia__rng_ratio(rng) < share)
			apply(im, e);
	}
}

static void write_file(const char *path, const struct image *im)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, im->bytes, im->len), (ssize_t)im->len);
	ck_assert_int_eq(close(fd), 0);
}

void disk_replay_write(const struct disk_replay *r, enum disk_fate fate,
		       struct deia__rng *rng, const char *path)
{
	struct image im = { NULL, 0, 0 };
	char name[256];
	int f;

	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
	for (f = 0; f < FILES; f++) {
		im.len = 0;
		image_put(&im, 0, r->synced[f].bytes, r->synced[f].len);
		lose_some(r, f, &im, fate, rng);
		snprintf(name, sizeof(name), "%s%s", path, suffixes[f]);
		write_file(name, &im);
	}
	free(im.bytes);
}
