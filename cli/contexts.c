/* SPDX-License-Identifier: MIT */
/*
 * contexts.c - ~/.config/deia/contexts.json, 0600: the hives that a person
 * signed in to, and which of them is the current one.
 *
 * {"current": NAME, "contexts": [{"name", "url", "token"}]}. Written to a new
 * file that takes the old one's place, so that it is never half there.
 */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include <deia/sys/json.h>

#include "mem.h"

#define MAX_CONTEXTS_BYTES (256u << 10)

static char *config_dir(void)
{
	const char *home = getenv("HOME");

	if (home == NULL || *home == '\0')
		return NULL;
	return must_print("%s/.config/deia", home);
}

char *contexts_path(void)
{
	char *dir = config_dir(), *path;

	if (dir == NULL)
		return NULL;
	path = must_print("%s/contexts.json", dir);
	free(dir);
	return path;
}

static cJSON *nothing(void)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddItemToObject(json, "contexts", cJSON_CreateArray());
	return json;
}

static cJSON *parse(const char *path, const char *text, size_t len,
		    char **message)
{
	struct deia_json_error where;
	cJSON *json = NULL;

	if (deia_json_parse(&json, text, len, &where) != DEIA_OK) {
		*message = must_print(
			"%s:%u:%u: %s; mend it, or remove it and sign in again",
			path, where.line, where.column, where.detail);
		return NULL;
	}
	if (!cJSON_IsArray(cJSON_GetObjectItem(json, "contexts"))) {
		*message = must_print("%s has no list of contexts; remove it "
				      "and sign in again",
				      path);
		cJSON_Delete(json);
		return NULL;
	}
	return json;
}

cJSON *contexts_load(char **message)
{
	char *path = contexts_path(), *text;
	cJSON *json = NULL;
	ssize_t n = -1;
	int fd;

	if (path == NULL)
		return nothing();
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		free(path);
		return nothing();
	}
	text = must_alloc(MAX_CONTEXTS_BYTES);
	if (fd >= 0)
		n = read(fd, text, MAX_CONTEXTS_BYTES);
	if (n < 0)
		*message = must_print("%s cannot be read: %s", path,
				      strerror(errno));
	else
		json = parse(path, text, (size_t)n, message);
	if (fd >= 0)
		close(fd);
	free(text);
	free(path);
	return json;
}

static bool make_dirs(const char *dir)
{
	char *part = must_dup(dir);
	char *slash = strrchr(part, '/');
	bool ok;

	*slash = '\0';
	(void)mkdir(part, 0755); /* ~/.config; the next call would tell */
	*slash = '/';
	ok = mkdir(part, 0700) == 0 || errno == EEXIST;
	free(part);
	return ok;
}

static bool write_new(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path,
		      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		      0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len &&
	     fsync(fd) == 0;
	return close(fd) == 0 && ok;
}

bool contexts_save(const cJSON *contexts, char **message)
{
	char *dir = config_dir(), *path = contexts_path();
	char *fresh, *text;
	bool ok;

	if (path == NULL) {
		*message = must_dup("HOME is not set, so there is no place to "
				    "keep the sign-in; set HOME, or use --url "
				    "and --token");
		return false;
	}
	fresh = must_print("%s.new", path);
	text = cJSON_Print(contexts);
	ok = text != NULL && make_dirs(dir) && write_new(fresh, text) &&
	     rename(fresh, path) == 0;
	if (!ok)
		*message = must_print("%s cannot be written: %s", path,
				      strerror(errno));
	cJSON_free(text);
	free(fresh);
	free(dir);
	free(path);
	return ok;
}

static cJSON *find(cJSON *contexts, const char *key, const char *value)
{
	cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItem(contexts, "contexts")) {
		const char *text =
			cJSON_GetStringValue(cJSON_GetObjectItem(item, key));

		if (text != NULL && strcmp(text, value) == 0 &&
		    cJSON_IsString(cJSON_GetObjectItem(item, "url")))
			return item;
	}
	return NULL;
}

cJSON *contexts_get(cJSON *contexts, const char *name)
{
	if (name == NULL)
		name = cJSON_GetStringValue(
			cJSON_GetObjectItem(contexts, "current"));
	return name != NULL ? find(contexts, "name", name) : NULL;
}

cJSON *contexts_by_url(cJSON *contexts, const char *url)
{
	size_t len = strlen(url);
	cJSON *found;
	char *bare;

	while (len > 0 && url[len - 1] == '/')
		len--;
	bare = must_dupn(url, len);
	found = find(contexts, "url", bare);
	free(bare);
	return found;
}
