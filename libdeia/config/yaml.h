/* SPDX-License-Identifier: MIT */
/*
 * yaml.h - a YAML text as a tree that knows where everything stood.
 *
 * Only what a configuration needs: one document of maps, lists and scalars.
 * Anchors, aliases, tags and duplicate keys are refused. Scalars stay text:
 * who reads them knows which type they should have.
 */
#ifndef DEIA_CONFIG_YAML_H
#define DEIA_CONFIG_YAML_H

#include <deia/config.h>

enum deia__yaml_kind { DEIA__YAML_SCALAR, DEIA__YAML_MAP, DEIA__YAML_LIST };

struct deia__yaml {
	enum deia__yaml_kind kind;
	bool quoted;	       /* a scalar in quotes or a block: surely text */
	unsigned line, column; /* from 1 */
	char *key;	       /* in a map */
	unsigned key_line, key_column;
	char *text;		  /* of a scalar, valid UTF-8 */
	struct deia__yaml *first; /* child */
	struct deia__yaml *next;  /* sibling */
};

/*
 * Reads a text. *out is NULL for a text without a document (empty, comments).
 * DEIA_OK, DEIA_EPARSE with where's line, column and detail, DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__yaml_parse(struct deia__yaml **out,
					 const char *text, size_t len,
					 struct deia_config_error *where);
void deia__yaml_free(struct deia__yaml *node);
/* A plain empty scalar, `~` or `null`: nothing was written. */
bool deia__yaml_is_empty(const struct deia__yaml *node);
/* "text", "a list" or "a map", for messages. */
const char *deia__yaml_kind_name(const struct deia__yaml *node);

/* Fills where (may be NULL; its file stays) and returns err. */
deia_err deia__config_refuse(struct deia_config_error *where, deia_err err,
			     unsigned line, unsigned column, const char *fmt,
			     ...) DEIA_PRINTF(5, 6);

#endif
