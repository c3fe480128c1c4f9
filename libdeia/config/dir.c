/* SPDX-License-Identifier: MIT */
/*
 * dir.c - finding the hive's directory, and making a new one.
 *
 * A file is written under another name and then given its own, only if that
 * is still free: a crash never leaves half a file, and two `deia init` at the
 * same time never overwrite each other's token.
 */
#include <deia/config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deia/auth.h>

#include "config/document.h"
#include "core/id.h"
#include "core/mem.h"
#include "core/token.h"
#include "core/utf8.h"

/* ---- finding ----------------------------------------------------------- */

static bool is_own_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

static deia_err keep(char **out, char *path)
{
	*out = path;
	return path ? DEIA_OK : DEIA_ENOMEM;
}

static deia_err absolute(char **out, const char *here, const char *path)
{
	if (path[0] == '/')
		return keep(out, deia__strdup(path));
	return keep(out, deia__asprintf("%s/%s", strcmp(here, "/") ? here : "",
					path));
}

/* DEIA_ENOTFOUND when no folder up to the root has one. */
static deia_err seek_upward(char **out, const char *here)
{
	char at[PATH_MAX], *slash;
	char *path;

	snprintf(at, sizeof(at), "%s", strcmp(here, "/") ? here : "");
	for (;;) {
		path = deia__asprintf("%s/.deia", at);
		if (!path || is_own_folder(path))
			return keep(out, path);
		deia__free(path);
		slash = strrchr(at, '/');
		if (!slash)
			return DEIA_ENOTFOUND;
		*slash = '\0';
	}
}

/* The folder may be there for the command's contexts alone: then it is no
 * hive's. */
static deia_err seek_at_home(char **out)
{
	const char *home = getenv("HOME");
	char config[PATH_MAX], *path;

	if (!home || home[0] != '/')
		return DEIA_ENOTFOUND;
	path = deia__asprintf("%s/.config/deia", home);
	snprintf(config, sizeof(config), "%s/.config/deia/config.yaml", home);
	if (!path || (is_own_folder(path) && access(config, F_OK) == 0))
		return keep(out, path);
	deia__free(path);
	return DEIA_ENOTFOUND;
}

deia_err deia_config_find_dir(char **out, const char *explicit_dir,
			      bool create_here)
{
	const char *named = explicit_dir ? explicit_dir : getenv("DEIA_DIR");
	char here[PATH_MAX];
	deia_err err;

	*out = NULL;
	if (named && named[0] == '/')
		return keep(out, deia__strdup(named));
	if (!getcwd(here, sizeof(here)))
		return DEIA_EIO;
	if (named && named[0])
		return absolute(out, here, named);
	err = seek_upward(out, here);
	if (err == DEIA_ENOTFOUND)
		err = seek_at_home(out);
	if (err == DEIA_ENOTFOUND && create_here)
		err = absolute(out, here, ".deia");
	return err;
}

void deia_config_free_text(char *text)
{
	deia__free(text);
}

/* ---- making ------------------------------------------------------------ */

struct maker {
	const char *dir;
	char *detail;
	size_t detail_len;
};

static deia_err failed(const struct maker *m, const char *path)
{
	int error = errno;

	if (m->detail && m->detail_len > 0) {
		snprintf(m->detail, m->detail_len, "%s: %s", path,
			 strerror(error));
		m->detail[deia__utf8_whole(m->detail, strlen(m->detail))] =
			'\0';
	}
	return DEIA_EIO;
}

static deia_err no_memory(const struct maker *m)
{
	if (m->detail && m->detail_len > 0)
		snprintf(m->detail, m->detail_len, "memory ran out");
	return DEIA_ENOMEM;
}

static deia_err make_folder(const struct maker *m, const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return DEIA_OK;
	if (errno == EEXIST && stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return DEIA_OK;
		errno = ENOTDIR;
	}
	return failed(m, path);
}

/* The folder and those above it that are missing. */
static deia_err make_path(const struct maker *m)
{
	char *path = deia__strdup(m->dir);
	deia_err err = DEIA_OK;

	if (!path)
		return no_memory(m);
	for (char *at = path + 1; *at && !err; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (access(path, F_OK) != 0)
			err = make_folder(m, path);
		*at = '/';
	}
	if (!err)
		err = make_folder(m, path);
	deia__free(path);
	return err;
}

static deia_err make_subfolder(const struct maker *m, const char *name)
{
	char *path = deia__asprintf("%s/%s", m->dir, name);
	deia_err err = path ? make_folder(m, path) : no_memory(m);

	deia__free(path);
	return err;
}

static bool write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

/* Gives the file its name unless that is taken, which is fine. */
static bool publish(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EEXIST && errno != EINVAL)
		return false;
	/* EINVAL: a file system that cannot; link does not replace either. */
	if (errno == EINVAL && link(from, to) != 0 && errno != EEXIST)
		return false;
	return unlink(from) == 0;
}

static deia_err write_file(const struct maker *m, const char *path,
			   const char *text, size_t len)
{
	char id[37], *temp;
	deia_err err = DEIA_OK;
	int fd;

	if (access(path, F_OK) == 0)
		return DEIA_OK;
	deia__uuid7(id, 0);
	temp = deia__asprintf("%s.%s", path, id);
	if (!temp)
		return no_memory(m);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		err = failed(m, temp);
	else if (!write_all(fd, text, len) || !publish(temp, path))
		err = failed(m, path);
	if (fd >= 0)
		close(fd);
	if (err && fd >= 0)
		unlink(temp);
	deia__free(temp);
	return err;
}

static deia_err make_file(const struct maker *m, const char *name,
			  const char *text, size_t len)
{
	char *path = deia__asprintf("%s/%s", m->dir, name);
	deia_err err = path ? write_file(m, path, text, len) : no_memory(m);

	deia__free(path);
	return err;
}

/* No hive can be there yet whose ways the file would change. */
static bool is_new_hive(const struct maker *m)
{
	const char *url = getenv("DEIA_DATABASE_URL");
	char db[PATH_MAX];
	int n = snprintf(db, sizeof(db), "%s/state/deia.db", m->dir);

	return n < (int)sizeof(db) && access(db, F_OK) != 0 && !(url && *url);
}

static deia_err make_config(const struct maker *m, bool is_new)
{
	struct deia__buf b;
	deia_err err;

	deia__buf_init(&b, 0);
	deia__config_document(&b, is_new);
	err = b.err ? no_memory(m) : make_file(m, "config.yaml", b.data, b.len);
	deia__buf_fini(&b);
	return err;
}

static deia_err make_token(const struct maker *m)
{
	char token[DEIA_TOKEN_LEN + 2];
	deia_err err = deia__token_make(token);

	if (err)
		return failed(m, "no random bytes from the kernel");
	token[DEIA_TOKEN_LEN] = '\n';
	err = make_file(m, "token", token, DEIA_TOKEN_LEN + 1);
	explicit_bzero(token, sizeof(token));
	return err;
}

static deia_err init_dir(const char *dir, bool may_be_new, char *detail,
			 size_t detail_len)
{
	struct maker m = { dir, detail, detail_len };
	static const char *const folders[] = { "state", "state/run",
					       "bot-logs" };
	deia_err err;

	if (detail && detail_len > 0)
		detail[0] = '\0';
	if (!dir || !*dir)
		return DEIA_EINVAL;
	err = make_path(&m);
	for (size_t i = 0; i < 3 && !err; i++)
		err = make_subfolder(&m, folders[i]);
	if (!err)
		err = make_config(&m, may_be_new && is_new_hive(&m));
	return err ? err : make_token(&m);
}

deia_err deia_config_init_dir(const char *dir, char *detail, size_t detail_len)
{
	return init_dir(dir, true, detail, detail_len);
}

deia_err deia_config_init_copy_dir(const char *dir, char *detail,
				   size_t detail_len)
{
	return init_dir(dir, false, detail, detail_len);
}
