/* SPDX-License-Identifier: MIT */
/* yaml_json.h - what was written in YAML, as the JSON of the API. */
#ifndef DEIA_CONFIG_YAML_JSON_H
#define DEIA_CONFIG_YAML_JSON_H

#include <deia/sys/json.h>

#include "config/yaml.h"

/*
 * Prints a node as one JSON value: a plain scalar that JSON knows (a number,
 * true, false) as that, an empty one as null, anything else as text. hide:
 * the values of a map are printed as "***".
 */
void deia__yaml_print_json(deia_jw *w, const struct deia__yaml *node,
			   bool hide);
/* A plain scalar that JSON would read as a number. */
bool deia__yaml_is_number(const char *text);
/* The child of that key; NULL when the node is no map or has none. */
const struct deia__yaml *deia__yaml_child(const struct deia__yaml *node,
					  const char *key);
/* The innermost node on the way of a JSON pointer that the file has. */
const struct deia__yaml *deia__yaml_follow(const struct deia__yaml *node,
					   const char *pointer);

#endif
