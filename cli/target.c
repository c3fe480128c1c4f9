/* SPDX-License-Identifier: MIT */
/*
 * target.c - where a command goes and what it shows there.
 *
 * Address: --url, DEIA_URL, the hive that runs from DIR, the current context,
 * the default. Token: --token, DEIA_TOKEN, DIR/token, the context's. A token
 * follows its hive: DIR/token is not shown to a stranger that happens to
 * listen on the default port while DIR's hive is down.
 */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include <deia/client.h>

#include "mem.h"

#define MAX_TOKEN_FILE_BYTES 512

static const char *from_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static bool same_url(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	while (n > 0 && a[n - 1] == '/')
		n--;
	while (m > 0 && b[m - 1] == '/')
		m--;
	return n == m && memcmp(a, b, n) == 0;
}

/* The first line of DIR/token; NULL with *message when it cannot be read. */
static char *read_token(const char *dir, char **message)
{
	char *path = must_print("%s/token", dir);
	char text[MAX_TOKEN_FILE_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (n < 0 && errno != ENOENT)
		*message = must_print("%s cannot be read: %s", path,
				      strerror(errno));
	if (fd >= 0)
		close(fd);
	free(path);
	if (n < 0)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return text[0] != '\0' ? must_dup(text) : NULL;
}

struct search {
	const char *flag_url, *flag_token, *flag_dir;
	cJSON *contexts;
	struct hive_process hive;
	enum hive_state state;
};

static bool dir_named(const struct search *s)
{
	return s->flag_dir != NULL || from_env("DEIA_DIR") != NULL;
}

static bool find_url(struct target *t, struct search *s, char **message)
{
	const cJSON *context;

	t->dir = dir_find(s->flag_dir);
	s->state = HIVE_NOT_RUNNING;
	if (t->dir != NULL)
		s->state = hive_find(&s->hive, t->dir);
	if (s->flag_url != NULL || from_env("DEIA_URL") != NULL) {
		t->url_from = s->flag_url != NULL ? URL_FLAG : URL_ENV;
		t->url = must_dup(s->flag_url != NULL ? s->flag_url
						      : from_env("DEIA_URL"));
		return true;
	}
	if (s->state != HIVE_NOT_RUNNING && s->hive.url != NULL) {
		t->url_from = URL_HIVE;
		t->url = must_dup(s->hive.url);
		return true;
	}
	/* A DIR that was named is meant, even while its hive is down. */
	if (!dir_named(s)) {
		s->contexts = contexts_load(message);
		if (s->contexts == NULL && *message != NULL)
			return false;
		context = contexts_get(s->contexts, NULL);
		if (context != NULL) {
			t->url_from = URL_CONTEXT;
			t->url = must_dup(cJSON_GetStringValue(
				cJSON_GetObjectItem(context, "url")));
			return true;
		}
	}
	t->dir_down = dir_named(s) && s->state == HIVE_NOT_RUNNING;
	t->url_from = URL_DEFAULT;
	t->url = must_dup(DEFAULT_URL);
	return true;
}

/* Whether DIR/token may be shown at the address. */
static bool is_dirs_hive(const struct target *t, const struct search *s)
{
	if (t->dir == NULL)
		return false;
	if (t->url_from == URL_HIVE)
		return true;
	if (t->url_from != URL_FLAG && t->url_from != URL_ENV)
		return false;
	return dir_named(s) ||
	       (s->state == HIVE_RUNNING && s->hive.url != NULL &&
		same_url(s->hive.url, t->url));
}

static bool find_token(struct target *t, struct search *s, char **message)
{
	const cJSON *context;
	const char *text;

	t->is_dirs = is_dirs_hive(t, s);
	text = s->flag_token != NULL ? s->flag_token : from_env("DEIA_TOKEN");
	if (text != NULL) {
		t->token_from = s->flag_token != NULL ? TOKEN_FLAG : TOKEN_ENV;
		t->token = must_dup(text);
		return true;
	}
	if (t->is_dirs) {
		t->token = read_token(t->dir, message);
		t->token_from = t->token != NULL ? TOKEN_DIR : TOKEN_NONE;
		return t->token != NULL || *message == NULL;
	}
	if (s->contexts == NULL)
		s->contexts = contexts_load(message);
	if (s->contexts == NULL)
		return *message == NULL;
	context = contexts_by_url(s->contexts, t->url);
	text = cJSON_GetStringValue(cJSON_GetObjectItem(context, "token"));
	if (text != NULL) {
		t->token_from = TOKEN_CONTEXT;
		t->token = must_dup(text);
	}
	return true;
}

bool target_find(struct target *t, const char *url, const char *token,
		 const char *dir, char **message)
{
	struct search s = {
		url, token, dir, NULL, { 0, -1, NULL, NULL }, HIVE_NOT_RUNNING
	};
	bool ok;

	*t = (struct target){ 0 };
	*message = NULL;
	ok = find_url(t, &s, message) && find_token(t, &s, message);
	cJSON_Delete(s.contexts);
	hive_process_free(&s.hive);
	if (!ok)
		target_free(t);
	return ok;
}

void target_free(struct target *t)
{
	free(t->url);
	free(t->token);
	free(t->dir);
	*t = (struct target){ 0 };
}
