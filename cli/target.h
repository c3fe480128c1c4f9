/* SPDX-License-Identifier: MIT */
/*
 * target.h - which hive a command talks to, and with what token.
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include <sys/types.h>

#include <deia/base.h>

enum url_source { URL_FLAG, URL_ENV, URL_HIVE, URL_CONTEXT, URL_DEFAULT };
enum token_source {
	TOKEN_NONE,
	TOKEN_FLAG,
	TOKEN_ENV,
	TOKEN_DIR,
	TOKEN_CONTEXT
};

struct target {
	char *url, *token;
	char *dir;     /* of the hive on this machine, or NULL */
	bool is_dirs;  /* the hive at url is dir's, as far as can be known */
	bool dir_down; /* dir was named, url was not, and no hive runs there */
	enum url_source url_from;
	enum token_source token_from;
};

#define DEFAULT_URL "http://127.0.0.1:8000"

/*
 * Fills t from flags (may be NULL), environment, the running hive of DIR, the
 * current context, the default. A token of DIR is given only to the hive
 * that runs from DIR, or where both were named by hand: never to whatever
 * else listens. False: *message (free it) says what is wrong.
 */
bool target_find(struct target *t, const char *url, const char *token,
		 const char *dir, char **message);
void target_free(struct target *t);

/* ---- a hive of this machine -------------------------------------------- */

struct hive_process {
	pid_t pid;
	int pidfd;
	char *url;
	char *started_at;
};

enum hive_state {
	HIVE_RUNNING,
	HIVE_NOT_RUNNING,
	HIVE_UNKNOWN /* another user's: it cannot be looked at */
};

/* DIR by flag or environment or search; NULL when there is none. */
char *dir_find(const char *dir);
/* Whether a hive runs from dir; fills p unless it does not. */
enum hive_state hive_find(struct hive_process *p, const char *dir);
void hive_process_free(struct hive_process *p);

/* ---- contexts: hives one has signed in to ------------------------------ */

struct cJSON;
/* ~/.config/deia/contexts.json; NULL: no HOME. free() it. */
char *contexts_path(void);
/* The file's content; an empty one when there is none. NULL: *message. */
struct cJSON *contexts_load(char **message);
bool contexts_save(const struct cJSON *contexts, char **message);
/* The context of that name; NULL name: the current one. Borrowed. */
struct cJSON *contexts_get(struct cJSON *contexts, const char *name);
struct cJSON *contexts_by_url(struct cJSON *contexts, const char *url);

#endif
