/* SPDX-License-Identifier: MIT */
/* bots_file.h - what the parts of a set of bots' files share. */
#ifndef DEIA_CONFIG_BOTS_FILE_H
#define DEIA_CONFIG_BOTS_FILE_H

#include <cjson/cJSON.h>

#include "config/yaml.h"

struct deia__source {
	char *name;
	struct deia__yaml *tree;
	const struct deia__yaml *defaults; /* a map, or NULL */
	struct deia__source *next;
};

struct deia__declared {
	struct deia_declared_bot bot; /* shows what is owned below */
	char *id, *body;
	const char **depends_on; /* of texts in json */
	const struct deia__yaml *node;
	const struct deia__source *source;
	cJSON *json;
};

struct deia_bots_file {
	struct deia__source *sources;
	struct deia__declared *bots;
	size_t n_bots, cap_bots;
	struct deia_config_error *errors;
	size_t n_errors, cap_errors; /* in the order of their places */
	size_t n_found;		     /* also those that were said already */
};

#define DEIA__MAX_FILE_ERRORS 1000

/* Adds an error; DEIA_ENOMEM only when there was no room for it. */
DEIA_NODISCARD deia_err deia__bots_file_error(deia_bots_file *f,
					      const struct deia__source *source,
					      unsigned line, unsigned column,
					      const char *fmt, ...)
	DEIA_PRINTF(5, 6);
/* Members of these are told apart: a bot's and its defaults' come together. */
bool deia__declared_merges(const char *field);
/* Every field alone, then all together; adds errors. DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__declared_check(deia_bots_file *f,
					     const struct deia__declared *d);

#endif
