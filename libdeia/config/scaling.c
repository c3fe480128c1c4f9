/* SPDX-License-Identifier: MIT */
/*
 * scaling.c - `scaling.templates`: for each template how many bots it may
 * have. The limits of all are ordinary keys of the schema.
 */
#include "config/scaling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>
#include <deia/sys/json.h>

#include "core/json.h"
#include "core/mem.h"

#define WAIT_MIN 0.1
#define WAIT_MAX 86400.0

static deia_err refuse(const struct deia__yaml *at, const char *name,
		       const char *key, const char *detail,
		       struct deia_config_error *where)
{
	return deia__config_refuse(where, DEIA_EFIELD, at->line, at->column,
				   "scaling.templates.%s%s%s: %s", name,
				   key ? "." : "", key ? key : "", detail);
}

static const char *find(const struct deia__templates *templates,
			const char *name)
{
	for (size_t i = 0; i < templates->len; i++)
		if (strcmp(templates->list[i].name, name) == 0)
			return templates->list[i].name;
	return NULL;
}

/* ---- values ------------------------------------------------------------- */

static bool read_bool(const struct deia__yaml *node, bool *out)
{
	if (node->kind != DEIA__YAML_SCALAR || node->quoted)
		return false;
	*out = strcmp(node->text, "true") == 0;
	return *out || strcmp(node->text, "false") == 0;
}

/* Digits, and for a fraction one point. */
static bool read_number(const struct deia__yaml *node, double *out)
{
	const char *allowed = "0123456789.";

	if (node->kind != DEIA__YAML_SCALAR || node->quoted || !*node->text ||
	    node->text[strspn(node->text, allowed)] != '\0' ||
	    strchr(node->text, '.') != strrchr(node->text, '.') ||
	    node->text[0] == '.')
		return false;
	*out = deia__json_double(node->text);
	return true;
}

static bool read_count(const struct deia__yaml *node, unsigned *out)
{
	double v;

	if (!read_number(node, &v) || v > DEIA_MAX_BOTS || v != floor(v))
		return false;
	*out = (unsigned)v;
	return true;
}

/* NULL: fine; else what was expected. */
static const char *read_key(struct deia_scaling_template *set,
			    const struct deia__yaml *node)
{
	if (strcmp(node->key, "enabled") == 0)
		return read_bool(node, &set->enabled)
			       ? NULL
			       : "expected true or false";
	if (strcmp(node->key, "min_bots") == 0)
		return read_count(node, &set->min_bots)
			       ? NULL
			       : "expected a whole number from 0 to 10000";
	if (strcmp(node->key, "max_bots") == 0)
		return read_count(node, &set->max_bots) && set->max_bots
			       ? NULL
			       : "expected a whole number from 1 to 10000";
	if (strcmp(node->key, "wait_seconds") == 0)
		return read_number(node, &set->wait_seconds) &&
				       set->wait_seconds >= WAIT_MIN &&
				       set->wait_seconds <= WAIT_MAX
			       ? NULL
			       : "expected a number from 0.1 to 86400";
	return "there is no such key; there are enabled, min_bots, max_bots "
	       "and wait_seconds";
}

static deia_err read_one(struct deia__config_scaled *out,
			 const struct deia__yaml *node,
			 const struct deia__templates *templates,
			 struct deia_config_error *where)
{
	const char *wrong;

	out->name = find(templates, node->key);
	if (!out->name)
		return refuse(node, node->key, NULL,
			      "there is no template of this name below "
			      "templates:",
			      where);
	if (node->kind != DEIA__YAML_MAP)
		return refuse(node, node->key, NULL,
			      "expected keys below it, such as max_bots: 4",
			      where);
	out->line = node->key_line;
	out->set = (struct deia_scaling_template)DEIA_SCALING_TEMPLATE_INIT;
	for (const struct deia__yaml *c = node->first; c; c = c->next) {
		wrong = read_key(&out->set, c);
		if (wrong)
			return refuse(c, node->key, c->key, wrong, where);
	}
	if (out->set.min_bots <= out->set.max_bots)
		return DEIA_OK;
	return refuse(node, node->key, NULL, "min_bots is above max_bots",
		      where);
}

deia_err deia__config_scaling_read(struct deia__config_scaling *out,
				   const struct deia__yaml *section,
				   const struct deia__templates *templates,
				   struct deia_config_error *where)
{
	deia_err err = DEIA_OK;
	size_t n = 0;

	if (section->kind != DEIA__YAML_MAP)
		return deia__config_refuse(
			where, DEIA_EFIELD, section->line, section->column,
			"scaling.templates: expected names of templates with "
			"max_bots and the like below each");
	for (const struct deia__yaml *c = section->first; c; c = c->next)
		n++;
	out->list = deia__alloc((n + 1) * sizeof(*out->list));
	if (!out->list)
		return deia__config_refuse(where, DEIA_ENOMEM, 0, 0,
					   "memory ran out");
	for (const struct deia__yaml *c = section->first; c && !err;
	     c = c->next)
		err = read_one(&out->list[out->len++], c, templates, where);
	return err;
}

void deia__config_scaling_fini(struct deia__config_scaling *s)
{
	deia__free(s->list);
	memset(s, 0, sizeof(*s));
}

void deia__config_scaling_print(const struct deia__config_scaled *s,
				struct deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_kbool(w, "enabled", s->set.enabled);
	deia_jw_kint(w, "min_bots", s->set.min_bots);
	deia_jw_kint(w, "max_bots", s->set.max_bots);
	deia_jw_knum(w, "wait_seconds", s->set.wait_seconds);
	deia_jw_end_object(w);
}
