/* SPDX-License-Identifier: MIT */
/*
 * lockfile.c - the lock beside a database.
 *
 * flock, not fcntl: it belongs to the open file, so a second store in the same
 * process is kept away too, and no close elsewhere drops it. The file stays
 * when the lock is gone; removing it would race with the next holder.
 */
#include "store/sqlite/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"

static deia_err make_dir(const char *path, struct deia__errmsg *msg)
{
	if (mkdir(path, 0700) == 0) {
		/* Whatever the umask is. */
		if (chmod(path, 0700) == 0)
			return DEIA_OK;
	} else if (errno == EEXIST) {
		return DEIA_OK;
	}
	return deia__fail(msg, DEIA_EIO, "cannot make the folder %s: %s", path,
			  strerror(errno));
}

static deia_err open_file(int *fd, const char *path, struct deia__errmsg *msg)
{
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		   0600);
	if (*fd >= 0) {
		if (fchmod(*fd, 0600) == 0)
			return DEIA_OK;
	} else if (errno == EEXIST) {
		*fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (*fd >= 0)
			return DEIA_OK;
	}
	return deia__fail(msg, DEIA_EIO, "cannot open the lock file %s: %s",
			  path, strerror(errno));
}

static deia_err say_holder(int fd, const char *dir, struct deia__errmsg *msg)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	if (pid == (long)getpid())
		return deia__fail(msg, DEIA_EBUSY,
				  "the store in %s is open in this program "
				  "already",
				  dir);
	if (pid > 0)
		return deia__fail(msg, DEIA_EBUSY,
				  "the store in %s is in use by process %ld: "
				  "stop that one first, or use another "
				  "directory",
				  dir, pid);
	return deia__fail(msg, DEIA_EBUSY,
			  "the store in %s is in use by another process: stop "
			  "that one first, or use another directory",
			  dir);
}

static deia_err lock_file(int fd, const char *dir, const char *path,
			  struct deia__errmsg *msg)
{
	char text[32];
	int len;

	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			return say_holder(fd, dir, msg);
		return deia__fail(msg, DEIA_EIO, "cannot lock %s: %s", path,
				  strerror(errno));
	}
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	/* The pid is for people; on a full disk the lock alone will do. */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) < 0)
		return DEIA_OK;
	return DEIA_OK;
}

deia_err deia__lockfile_take(int *fd, const char *dir, struct deia__errmsg *msg)
{
	char *run = deia__asprintf("%s/run", dir);
	char *path = deia__asprintf("%s/run/deiad.lock", dir);
	deia_err err = DEIA_ENOMEM;

	*fd = -1;
	if (!run || !path)
		deia__fail(msg, err, "memory ran out");
	else
		err = make_dir(run, msg);
	if (!err)
		err = open_file(fd, path, msg);
	if (!err)
		err = lock_file(*fd, dir, path, msg);
	if (err && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	deia__free(run);
	deia__free(path);
	return err;
}
