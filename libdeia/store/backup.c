/* SPDX-License-Identifier: MIT */
/* backup.c - the files of copies before a migration; see backup.h. */
#include "store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"

#define KEPT 3
#define NAMES 64

/* ---- the folder --------------------------------------------------------- */

struct names {
	char *name[NAMES];
	unsigned n;
};

/* By the time in the name, the newest first. */
static int by_time(const void *a, const void *b)
{
	const char *x = strrchr(*(char *const *)a, '-');
	const char *y = strrchr(*(char *const *)b, '-');

	return strcmp(y ? y : "", x ? x : "");
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

static void list(struct names *l, const struct deia__backup *b, const char *end)
{
	DIR *d = opendir(b->dir);
	struct dirent *e;

	l->n = 0;
	while (d && l->n < NAMES && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, b->stem, strlen(b->stem)) != 0 ||
		    !ends_in(e->d_name, end))
			continue;
		l->name[l->n] = deia__strdup(e->d_name);
		if (l->name[l->n])
			l->n++;
	}
	if (d)
		closedir(d);
	qsort(l->name, l->n, sizeof(l->name[0]), by_time);
}

/* Removes all but the first `keep`. */
static void remove_from(const struct deia__backup *b, const char *end,
			unsigned keep)
{
	struct names l;
	char *path;

	list(&l, b, end);
	for (unsigned i = 0; i < l.n; i++) {
		path = i < keep ? NULL
				: deia__asprintf("%s/%s", b->dir, l.name[i]);
		if (path)
			unlink(path);
		deia__free(path);
		deia__free(l.name[i]);
	}
}

static deia_err make_dir(const char *dir, struct deia__errmsg *msg)
{
	if (mkdir(dir, 0700) == 0 && chmod(dir, 0700) == 0)
		return DEIA_OK;
	if (errno == EEXIST)
		return DEIA_OK;
	return deia__fail(msg, errno == ENOSPC ? DEIA_EFULL : DEIA_EIO,
			  "cannot make the folder %s for a copy of the "
			  "database before its upgrade: %s; nothing was "
			  "changed",
			  dir, strerror(errno));
}

void deia__sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Some file systems cannot; there the next start makes it anew. */
	if (fd < 0)
		return;
	(void)!fsync(fd);
	close(fd);
}

/* ---- the calls ----------------------------------------------------------- */

deia_err deia__backup_begin(struct deia__backup *b, const char *dir,
			    const char *name, const char *ending,
			    unsigned before, struct deia__errmsg *msg)
{
	time_t now = (time_t)(deia__unix_ms(NULL) / 1000);
	char at[32] = "";
	struct tm tm;
	deia_err err;

	b->ending = ending;
	snprintf(b->stem, sizeof(b->stem), "%.64s-before-", name);
	if (gmtime_r(&now, &tm))
		strftime(at, sizeof(at), "%Y%m%dT%H%M%SZ", &tm);
	b->dir = deia__strdup(dir);
	b->path = deia__asprintf("%s/%s%04u-%s%s", dir, b->stem, before, at,
				 ending);
	b->partial = b->path ? deia__asprintf("%s.partial", b->path) : NULL;
	if (!b->dir || !b->partial)
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	err = make_dir(dir, msg);
	if (!err)
		remove_from(b, ".partial", 0);
	return err;
}

deia_err deia__backup_create(const struct deia__backup *b, int *fd,
			     struct deia__errmsg *msg)
{
	*fd = open(b->partial,
		   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd >= 0 && fchmod(*fd, 0600) == 0)
		return DEIA_OK;
	deia__fail(msg, DEIA_EIO, "cannot make %s: %s; nothing was changed",
		   b->partial, strerror(errno));
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return DEIA_EIO;
}

deia_err deia__backup_keep(const struct deia__backup *b,
			   struct deia__errmsg *msg)
{
	int fd = open(b->partial, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = fd >= 0 && fsync(fd) == 0 && rename(b->partial, b->path) == 0;

	if (!ok)
		deia__fail(msg, DEIA_EIO,
			   "the copy of the database before its upgrade, %s: "
			   "%s; nothing was changed",
			   b->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!ok)
		return DEIA_EIO;
	deia__sync_dir(b->dir);
	remove_from(b, b->ending, KEPT);
	return DEIA_OK;
}

void deia__backup_end(struct deia__backup *b)
{
	if (b->partial)
		unlink(b->partial);
	deia__free(b->dir);
	deia__free(b->path);
	deia__free(b->partial);
}
