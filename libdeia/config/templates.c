/* SPDX-License-Identifier: MIT */
/*
 * templates.c - templates: bots' specifications without an id, read by the
 * rules of the API.
 *
 * A template is partial: it has no id, and may leave out the model.
 */
#include "config/templates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>
#include <deia/sys/json.h>

#include "config/yaml_json.h"
#include "core/json.h"
#include "core/mem.h"

#define MAX_TEMPLATES 256
#define PLACEHOLDER "template" /* for what a launch adds */

/* The template as JSON text; env's values are secrets, hidden on demand. */
static char *to_json(const struct deia__yaml *node, bool redact)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	for (const struct deia__yaml *c = node->first; c; c = c->next) {
		deia_jw_key(&w, c->key);
		deia__yaml_print_json(&w, c,
				      redact && strcmp(c->key, "env") == 0);
	}
	deia_jw_end_object(&w);
	if (deia_jw_status(&w))
		deia_jw_fini(&w);
	return w.text;
}

/* ---- checking ---------------------------------------------------------- */

static deia_err no_memory(struct deia_config_error *where)
{
	return deia__config_refuse(where, DEIA_ENOMEM, 0, 0, "memory ran out");
}

static deia_err refuse_field(const struct deia__yaml *node,
			     const struct deia_field_error *field,
			     struct deia_config_error *where)
{
	const struct deia__yaml *at = deia__yaml_follow(node, field->pointer);
	char path[sizeof(field->pointer)];

	snprintf(path, sizeof(path), "%s", field->pointer);
	for (char *s = path; *s; s++)
		if (*s == '/')
			*s = '.';
	return deia__config_refuse(where, DEIA_EFIELD, at->line, at->column,
				   "templates.%s%s: %s", node->key, path,
				   field->detail);
}

static deia_err refuse(const struct deia__yaml *at, const char *name,
		       const char *detail, struct deia_config_error *where)
{
	return deia__config_refuse(where, DEIA_EFIELD, at->key_line,
				   at->key_column, "templates.%s: %s", name,
				   detail);
}

static deia_err check_shape(const struct deia__yaml *node,
			    struct deia_config_error *where)
{
	const struct deia__yaml *c;

	if (!deia_bot_id_valid(node->key))
		return refuse(node, node->key,
			      "a name has 1 to 64 letters, digits, '.', '_' "
			      "or '-', and begins with a letter or digit",
			      where);
	if (node->kind != DEIA__YAML_MAP)
		return refuse(node, node->key,
			      "expected the fields of a bot below it, such as "
			      "adapter: ollama",
			      where);
	c = deia__yaml_child(node, "id");
	if (c)
		return refuse(c, node->key,
			      "a template has no id; each bot gets its own",
			      where);
	c = deia__yaml_child(node, "template");
	if (c)
		return refuse(c, node->key,
			      "a template cannot be made from a template",
			      where);
	if (!deia__yaml_child(node, "adapter"))
		return refuse(node, node->key,
			      "adapter is missing, such as adapter: ollama",
			      where);
	return DEIA_OK;
}

/* Takes out again what was put in only to pass the check. */
static deia_err without_placeholders(struct deia_bot_spec **spec,
				     const struct deia__yaml *node)
{
	struct deia_bot_spec partial = **spec;
	struct deia_bot_spec *copy;
	deia_err err;

	partial.id = NULL;
	partial.template_name = node->key;
	if (!deia__yaml_child(node, "model"))
		partial.model = NULL;
	err = deia_bot_spec_dup(&copy, &partial);
	deia_bot_spec_free(*spec);
	*spec = copy;
	return err;
}

static deia_err parse_spec(struct deia__template *t,
			   const struct deia__yaml *node,
			   const struct deia_bot_spec *base,
			   struct deia_config_error *where)
{
	struct deia_bot_spec whole = *base;
	struct deia_field_error field = { 0 };
	char *text = to_json(node, false);
	cJSON *json = NULL;
	deia_err err;

	whole.id = PLACEHOLDER;
	if (!deia__yaml_child(node, "model"))
		whole.model = PLACEHOLDER;
	err = text ? deia_json_parse(&json, text, strlen(text), NULL)
		   : DEIA_ENOMEM;
	if (!err)
		err = deia_bot_spec_parse(&t->spec, json, &whole, &field);
	if (!err)
		err = without_placeholders(&t->spec, node);
	cJSON_Delete(json);
	deia__free(text);
	if (err == DEIA_EFIELD)
		return refuse_field(node, &field, where);
	return err == DEIA_OK ? DEIA_OK : no_memory(where);
}

static deia_err read_template(struct deia__template *t,
			      const struct deia__yaml *node,
			      const struct deia_bot_spec *base,
			      struct deia_config_error *where)
{
	deia_err err = check_shape(node, where);

	if (err)
		return err;
	err = parse_spec(t, node, base, where);
	if (err)
		return err;
	t->line = node->key_line;
	t->name = deia__strdup(node->key);
	t->json = to_json(node, true);
	return t->name && t->json ? DEIA_OK : no_memory(where);
}

deia_err deia__templates_read(struct deia__templates *out,
			      const struct deia__yaml *section,
			      const struct deia_bot_spec *base,
			      struct deia_config_error *where)
{
	deia_err err = DEIA_OK;
	size_t n = 0;

	if (section->kind != DEIA__YAML_MAP)
		return deia__config_refuse(where, DEIA_EFIELD, section->line,
					   section->column,
					   "templates: expected names with the "
					   "fields of a bot below each");
	for (const struct deia__yaml *c = section->first; c; c = c->next)
		n++;
	if (n > MAX_TEMPLATES)
		return deia__config_refuse(
			where, DEIA_EFIELD, section->line, section->column,
			"templates: expected at most %d", MAX_TEMPLATES);
	out->list = deia__alloc(n * sizeof(*out->list));
	if (!out->list)
		return no_memory(where);
	for (const struct deia__yaml *c = section->first; c && !err;
	     c = c->next)
		err = read_template(&out->list[out->len++], c, base, where);
	return err;
}

void deia__templates_fini(struct deia__templates *t)
{
	for (size_t i = 0; i < t->len; i++) {
		deia__free(t->list[i].name);
		deia__free(t->list[i].json);
		deia_bot_spec_free(t->list[i].spec);
	}
	deia__free(t->list);
	memset(t, 0, sizeof(*t));
}
