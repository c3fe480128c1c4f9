/* SPDX-License-Identifier: MIT */
/*
 * config.h - the configuration file (YAML with a schema) and where it is.
 *
 * Precedence: flag over environment over file over default. Every key is a
 * row of one schema table, which also generates the documented default file.
 *
 * Threads: a configuration may be used by one thread at a time; nothing is
 * shared between two of them.
 */
#ifndef DEIA_CONFIG_H
#define DEIA_CONFIG_H

#include <deia/bot.h>
#include <deia/error.h>
#include <deia/sys/store.h>

DEIA_BEGIN

typedef struct deia_config deia_config;
struct deia_jw;

/* What is wrong, where. line and column count from 1; 0: not in the file. */
struct deia_config_error {
	char file[256]; /* or "environment variable DEIA_PORT", "--host" */
	unsigned line, column;
	char detail[320]; /* what was found, what was expected, the fix */
};

/*
 * The hive's directory as an absolute path: explicit_dir (the --dir flag) if
 * not NULL, else DEIA_DIR, else `.deia` sought upward from the working folder
 * (only one that belongs to this user), else ~/.config/deia if it holds a
 * config.yaml. With create_here,
 * where none is found: `.deia` in the working folder. Nothing is made here.
 * *out is the caller's: deia_config_free_text.
 * Returns DEIA_OK, DEIA_ENOTFOUND, DEIA_EIO (the working folder is gone),
 * DEIA_ENOMEM. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_config_find_dir(char **out,
						      const char *explicit_dir,
						      bool create_here);
/* Frees a text of deia_config_find_dir; NULL is fine. Since 0.1. */
DEIA_API void deia_config_free_text(char *text);

/*
 * Reads DIR/config.yaml (a missing file is all defaults) and the environment.
 * where: says what is wrong and how to put it right; may be NULL.
 * *out is the caller's: deia_config_free.
 * Returns DEIA_OK, DEIA_EPARSE (no YAML, or over 1 MiB), DEIA_EFIELD (a wrong
 * key or value), DEIA_EIO, DEIA_EINVAL (dir), DEIA_ENOMEM. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_config_load(
	deia_config **out, const char *dir, struct deia_config_error *where);
/* NULL is fine. Since 0.1. */
DEIA_API void deia_config_free(deia_config *config);

/*
 * Sets a flag of the command line over everything else. key as in the file,
 * dotted ("server.port"); value as it would be written there, a list with
 * commas. On failure the configuration is unchanged.
 * Returns DEIA_OK, DEIA_EFIELD (where is filled; may be NULL), DEIA_ENOMEM.
 * Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_config_set(deia_config *config, const char *key, const char *value,
		struct deia_config_error *where);

/*
 * Values by key; the key must be in the schema and of this type (asserted).
 * Text lives as long as the configuration and is never NULL. Since 0.1.
 */
DEIA_API const char *deia_config_str(const deia_config *config,
				     const char *key);
/* As deia_config_str, of a whole number. Since 0.1. */
DEIA_API int64_t deia_config_int(const deia_config *config, const char *key);
/* As deia_config_str, of true or false. Since 0.1. */
DEIA_API bool deia_config_bool(const deia_config *config, const char *key);
/* The n-th item (from 0) of a list of text; NULL after the last. Since 0.1. */
DEIA_API const char *deia_config_item(const deia_config *config,
				      const char *key, size_t n);

/*
 * A template (`templates:` in the file): a partial spec, to be the base of
 * deia_bot_spec_parse. It has no id, and no model when none was written; what
 * it does not say comes from bots.defaults. name NULL: bots.defaults alone,
 * the base of a bot without template. Borrowed, lives as long as the
 * configuration; NULL when there is none of that name. Since 0.1.
 */
DEIA_API const struct deia_bot_spec *deia_config_template(
	const deia_config *config, const char *name);
/* Names of the templates in the order of the file: fills at most max, returns
 * how many there are. Since 0.1. */
DEIA_API size_t deia_config_templates(const deia_config *config,
				      const char **names, size_t max);

/*
 * Calls cb for each key whose value differs; reload says whether it takes
 * effect without a restart. Templates are not compared: they always do.
 * Since 0.1.
 */
DEIA_API void deia_config_changes(
	const deia_config *before, const deia_config *after,
	void (*cb)(const char *key, bool reload, void *user), void *user);

/*
 * Prints all keys as a JSON object: {"server.port":{"value":8000,"origin":
 * "default"},...}; origin is "default", "file:LINE", "environment" or "flag".
 * Templates follow as "templates.NAME", values of their env as "***".
 * Since 0.1.
 */
DEIA_API void deia_config_print(const deia_config *config, struct deia_jw *w);
/*
 * Makes a DIR: config.yaml (every key, commented out, with its explanation),
 * token (a fresh administrator's token and a newline), state/, state/run/,
 * bot-logs/. Files 0600, folders 0700. Leaves what exists.
 * detail: on failure says which path and why; may be NULL.
 * Returns DEIA_OK, DEIA_EINVAL (dir), DEIA_EIO, DEIA_ENOMEM. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_config_init_dir(const char *dir,
						      char *detail,
						      size_t detail_len);

DEIA_END

#endif
