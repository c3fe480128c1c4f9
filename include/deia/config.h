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
#include <deia/budget.h>
#include <deia/notify.h>
#include <deia/scaling.h>
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
 * What `scaling.templates` says, in the order of the file, for
 * deia_hive_scaling_configure: fills at most max, returns how many there are.
 * Names live as long as the configuration. Since 0.3.
 */
DEIA_API size_t deia_config_scaling(const deia_config *config,
				    struct deia_scaling_setting *out,
				    size_t max);

/* What `checks` says of one; as struct deia_task_check of hive_task.h. Since
 * 0.3. */
struct deia_config_check {
	const char *name;
	const char *const *argv;
	size_t n_argv;
	unsigned timeout_seconds; /* 0: not said */
};
/* Fills at most max, returns how many there are, up to 64. They live as long as
 * the configuration. Since 0.3. */
DEIA_API size_t deia_config_checks(const deia_config *config,
				   struct deia_config_check *out, size_t max);
/* What `budgets` says, for deia_hive_budgets_configure: fills at most max,
 * returns how many there are, up to DEIA_BUDGETS_MAX. Names live as long as the
 * configuration. Since 0.3. */
DEIA_API size_t deia_config_budgets(const deia_config *config,
				    struct deia_budget_setting *out,
				    size_t max);

/* What `alerts.receivers` says of one. A url, secret or password stands in set
 * or where one of the others says, a file (from the hive's directory) or a
 * variable of the environment; NULL: not said. Since 0.3. */
struct deia_config_receiver {
	struct deia_notify_receiver set;
	const char *url_file, *url_env;
	const char *secret_file, *secret_env;
	const char *password_file, *password_env;
};
/* Fills at most max, returns how many there are, up to
 * DEIA_NOTIFY_MAX_RECEIVERS. They live as long as the configuration. Since
 * 0.3. */
DEIA_API size_t deia_config_receivers(const deia_config *config,
				      struct deia_config_receiver *out,
				      size_t max);

/*
 * Calls cb for each key whose value differs; reload says whether it takes
 * effect without a restart. Templates, their scaling, budgets, checks and
 * receivers of alerts are not compared: they always do.
 * Since 0.1.
 */
DEIA_API void deia_config_changes(
	const deia_config *before, const deia_config *after,
	void (*cb)(const char *key, bool reload, void *user), void *user);

/*
 * Prints all keys as a JSON object: {"server.port":{"value":8000,"origin":
 * "default"},...}; origin is "default", "file:LINE", "environment" or "flag".
 * Templates follow as "templates.NAME", values of their env as "***", then
 * "scaling.templates.NAME", "budgets.day", "budgets.bots.NAME",
 * "checks.NAME" and "alerts.receivers.NAME", without what may be a secret.
 * Since 0.1.
 */
DEIA_API void deia_config_print(const deia_config *config, struct deia_jw *w);
/*
 * Makes a DIR: config.yaml (every key with its explanation, commented out but
 * for retention.chat_days, which only a new hive's file sets),
 * token (a fresh administrator's token and a newline), state/, state/run/,
 * bot-logs/. Files 0600, folders 0700. Leaves what exists.
 * detail: on failure says which path and why; may be NULL.
 * Returns DEIA_OK, DEIA_EINVAL (dir), DEIA_EIO, DEIA_ENOMEM. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_config_init_dir(const char *dir,
						      char *detail,
						      size_t detail_len);
/*
 * The same for the copy of a hive that exists: the few keys that a new hive's
 * file sets (retention.chat_days) are left commented out, so that nothing of
 * it is deleted by surprise. Returns as deia_config_init_dir. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_config_init_copy_dir(const char *dir,
							   char *detail,
							   size_t detail_len);

/* ---- declared bots: the files of `deia apply` -------------------------- */

/*
 * One or several files that say which bots a hive should have: a list `bots:`
 * whose items have the fields of PUT /api/v1/bots/{id}, an id and `start`;
 * and `defaults:`, fields for every bot of its file that does not say them.
 * Nothing is asked of a hive here: what only the hive knows (its templates, who
 * may set what, other bots) is checked by it.
 */
typedef struct deia_bots_file deia_bots_file;

struct deia_declared_bot {
	const char *id;
	const char *json; /* body for PUT, with what `defaults:` adds */
	bool start;	  /* when it is created; default true */
	const char *const *depends_on;
	size_t n_depends_on;
};

/* An empty set; *out is the caller's: deia_bots_file_free. Returns DEIA_OK,
 * DEIA_ENOMEM. Since 0.2. */
DEIA_API DEIA_NODISCARD deia_err deia_bots_file_new(deia_bots_file **out);
/* NULL is fine. Since 0.2. */
DEIA_API void deia_bots_file_free(deia_bots_file *files);
/*
 * Adds the bots of one file. name: of the file, for messages; text: its
 * content, copied. What is wrong with it is added to the errors, all of it and
 * not the first alone; the return code is about this program only.
 * Returns DEIA_OK, DEIA_ELIMIT (over 1 MiB, or more than DEIA_MAX_BOTS bots in
 * all; also among the errors), DEIA_ENOMEM. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bots_file_add(deia_bots_file *files,
						    const char *name,
						    const char *text,
						    size_t len);
/*
 * The checks over all files, once, after the last: ids that are there twice,
 * circles of depends_on. Puts the bots into the order in which they can be
 * created: each behind those that it depends on, otherwise as written.
 * Returns DEIA_OK, DEIA_ENOMEM. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bots_file_finish(deia_bots_file *files);
/* What was found wrong so far, at most 1,000 of it; 0: nothing. *list (may be
 * NULL) lives until the next call. Since 0.2. */
DEIA_API size_t deia_bots_file_errors(const deia_bots_file *files,
				      const struct deia_config_error **list);
/* The n-th bot, from 0; NULL after the last. Lives as long as files. Since
 * 0.2. */
DEIA_API const struct deia_declared_bot *deia_bots_file_bot(
	const deia_bots_file *files, size_t n);
/*
 * Adds an error about a field of the n-th bot, found elsewhere (by the hive).
 * pointer: JSON pointer into its json, "/restart/policy", or "" for the whole
 * bot; file, line and column are those of the field, or of the nearest thing
 * above it that was written. Returns DEIA_OK, DEIA_ENOMEM. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bots_file_refuse(deia_bots_file *files,
						       size_t n,
						       const char *pointer,
						       const char *detail);
/*
 * The other way: bots as a file that gives the same bots again. bots: as GET
 * /api/v1/bots shows them, n of them; members that are no fields of a
 * specification are left out, and so are fields at their default. *out is the
 * caller's: deia_config_free_text. Returns DEIA_OK, DEIA_EINVAL (an item is no
 * bot), DEIA_ELIMIT (over 64 MiB), DEIA_ENOMEM. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_bots_file_print(char **out, const struct cJSON *const *bots, size_t n);

DEIA_END

#endif
