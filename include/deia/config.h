/* SPDX-License-Identifier: MIT */
/*
 * config.h - the configuration file (YAML with a schema) and where it is.
 *
 * Precedence: flag over environment over file over default. Every key is a
 * row of one schema table, which also generates the documented default file.
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
	char file[256];
	unsigned line, column;
	char detail[320]; /* what was found, what was expected, the fix */
};

/*
 * The hive's directory: explicit (the --dir flag) if not NULL, else DEIA_DIR,
 * else `.deia` sought upward from the working folder, else ~/.config/deia.
 * With create_here, where none is found: `./.deia`. Reads the environment.
 * *out is the caller's: deia_config_free_text.
 */
DEIA_API DEIA_NODISCARD deia_err deia_config_find_dir(char **out,
						      const char *explicit_dir,
						      bool create_here);
DEIA_API void deia_config_free_text(char *text);

/*
 * Reads DIR/config.yaml (a missing file is all defaults) and the environment.
 * Returns DEIA_OK, DEIA_EPARSE or DEIA_EFIELD (where is filled), DEIA_EIO,
 * DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_config_load(
	deia_config **out, const char *dir, struct deia_config_error *where);
DEIA_API void deia_config_free(deia_config *config);

/* A flag of the command line over everything else. key as in the file,
 * dotted ("server.port"). DEIA_EFIELD with where filled. */
DEIA_API DEIA_NODISCARD deia_err
deia_config_set(deia_config *config, const char *key, const char *value,
		struct deia_config_error *where);

/* Values by key; the key must be in the schema (asserted). Text lives as long
 * as the config and is never NULL. */
DEIA_API const char *deia_config_str(const deia_config *config,
				     const char *key);
DEIA_API int64_t deia_config_int(const deia_config *config, const char *key);
DEIA_API bool deia_config_bool(const deia_config *config, const char *key);
/* The n-th item of a list of text; NULL after the last. */
DEIA_API const char *deia_config_item(const deia_config *config,
				      const char *key, size_t n);

/* Templates: named, partial bot specs (`templates:` in the file). NULL when
 * there is none of that name. */
DEIA_API const struct deia_bot_spec *deia_config_template(
	const deia_config *config, const char *name);
DEIA_API size_t deia_config_templates(const deia_config *config,
				      const char **names, size_t max);

/* All keys with value and origin ("default", "file:LINE", "environment",
 * "flag") as a JSON object; secrets as "***". */
DEIA_API void deia_config_print(const deia_config *config, struct deia_jw *w);
/*
 * Writes a new DIR: config.yaml (every key, commented out, with its
 * explanation), token (0600, a fresh administrator's token), state/. Leaves
 * what exists. Returns DEIA_OK, DEIA_EIO (detail says which path and why).
 */
DEIA_API DEIA_NODISCARD deia_err deia_config_init_dir(const char *dir,
						      char *detail,
						      size_t detail_len);

DEIA_END

#endif
