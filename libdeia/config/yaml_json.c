/* SPDX-License-Identifier: MIT */
/*
 * yaml_json.c - specifications are written in YAML and read as the JSON of
 * the API, so that one set of rules (deia_bot_spec_parse) holds for both.
 *
 * What those rules refuse comes with a JSON pointer, which leads back to line
 * and column.
 */
#include "config/yaml_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool deia__yaml_is_number(const char *text)
{
	bool starts = text[0] == '-' || (text[0] >= '0' && text[0] <= '9');

	return starts && deia_json_check(text, strlen(text), NULL) == DEIA_OK;
}

static void print_scalar(deia_jw *w, const struct deia__yaml *node)
{
	if (deia__yaml_is_empty(node))
		deia_jw_null(w);
	else if (!node->quoted && (strcmp(node->text, "true") == 0 ||
				   strcmp(node->text, "false") == 0 ||
				   deia__yaml_is_number(node->text)))
		deia_jw_raw(w, node->text);
	else
		deia_jw_str(w, node->text);
}

/* Recursion is bounded by the depth of the tree. */
void deia__yaml_print_json(deia_jw *w, const struct deia__yaml *node, bool hide)
{
	const struct deia__yaml *c;

	switch (node->kind) {
	case DEIA__YAML_SCALAR:
		print_scalar(w, node);
		break;
	case DEIA__YAML_LIST:
		deia_jw_array(w);
		for (c = node->first; c; c = c->next)
			deia__yaml_print_json(w, c, hide);
		deia_jw_end_array(w);
		break;
	case DEIA__YAML_MAP:
		deia_jw_object(w);
		for (c = node->first; c; c = c->next) {
			deia_jw_key(w, c->key);
			if (hide)
				deia_jw_str(w, "***");
			else
				deia__yaml_print_json(w, c, false);
		}
		deia_jw_end_object(w);
	}
}

const struct deia__yaml *deia__yaml_child(const struct deia__yaml *node,
					  const char *key)
{
	for (const struct deia__yaml *c = node->first; c; c = c->next)
		if (c->key && strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

const struct deia__yaml *deia__yaml_follow(const struct deia__yaml *node,
					   const char *pointer)
{
	char word[128];

	while (*pointer == '/') {
		size_t len = strcspn(++pointer, "/");
		const struct deia__yaml *c = node->first;

		snprintf(word, sizeof(word), "%.*s", (int)len, pointer);
		pointer += len;
		if (node->kind == DEIA__YAML_MAP)
			c = deia__yaml_child(node, word);
		else
			for (unsigned long n = strtoul(word, NULL, 10);
			     c && n > 0; n--)
				c = c->next;
		if (!c)
			break;
		node = c;
	}
	return node;
}
