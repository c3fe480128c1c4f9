/* SPDX-License-Identifier: MIT */
/* runfile.c - see runfile.h. Written beside and renamed, so never half. */
#include "runfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <deia/sys/json.h>

#include "log.h"

static void make_folder(const char *dir, const char *sub)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		log_msg(DEIA_LOG_WARN, "cannot make %s: %s", path,
			strerror(errno));
}

static bool write_text(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;

	if (fd >= 0)
		close(fd);
	return ok;
}

bool runfile_write(const char *dir, const char *url)
{
	char path[PATH_MAX], beside[PATH_MAX + 8];
	struct deia_jw w;
	bool ok;

	make_folder(dir, "state");
	make_folder(dir, "state/run");
	snprintf(path, sizeof(path), "%s/state/run/deiad.json", dir);
	snprintf(beside, sizeof(beside), "%s.new", path);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kint(&w, "pid", getpid());
	deia_jw_kstr(&w, "url", url);
	deia_jw_ktime(&w, "started_at", (int64_t)time(NULL) * 1000);
	deia_jw_end_object(&w);
	ok = deia_jw_status(&w) == DEIA_OK &&
	     write_text(beside, w.text, w.len) && rename(beside, path) == 0;
	if (!ok)
		log_msg(DEIA_LOG_WARN, "cannot write %s: %s", path,
			strerror(errno));
	deia_jw_fini(&w);
	return ok;
}

void runfile_remove(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/state/run/deiad.json", dir);
	unlink(path);
}
