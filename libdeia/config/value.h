/* SPDX-License-Identifier: MIT */
/* value.h - one value of the configuration: read, checked, kept, printed. */
#ifndef DEIA_CONFIG_VALUE_H
#define DEIA_CONFIG_VALUE_H

#include "config/schema.h"
#include "config/yaml.h"

enum deia__origin {
	DEIA__FROM_DEFAULT,
	DEIA__FROM_FILE,
	DEIA__FROM_ENVIRONMENT,
	DEIA__FROM_FLAG
};

struct deia__value {
	char *text;   /* of all but lists */
	char **items; /* of a list */
	size_t n_items;
	int64_t number; /* of INT and BOOL */
	enum deia__origin origin;
	unsigned line; /* in the file */
};

void deia__value_fini(struct deia__value *v);
/*
 * Reads what a person wrote as a plain text; a list is separated by commas.
 * where: detail is filled on DEIA_EFIELD; line and column stay.
 */
DEIA_NODISCARD deia_err deia__value_read(struct deia__value *out,
					 const struct deia__key *key,
					 const char *text,
					 struct deia_config_error *where);
/* The same from a node of the file, whose place goes into where. */
DEIA_NODISCARD deia_err deia__value_read_yaml(struct deia__value *out,
					      const struct deia__key *key,
					      const struct deia__yaml *node,
					      struct deia_config_error *where);
bool deia__value_equal(const struct deia__value *a,
		       const struct deia__value *b);

#endif
