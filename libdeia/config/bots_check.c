/* SPDX-License-Identifier: MIT */
/*
 * bots_check.c - the fields of declared bots, by the rules of the API.
 *
 * deia_bot_spec_parse ends at the first thing that it refuses. To find all,
 * each field is read alone, on a bot that lets every field be; only then the
 * bot as a whole, for the rules over several fields. A bot of a template is
 * whole only with the hive's template, so that step is the hive's.
 */
#include "config/bots_file.h"

#include <stdio.h>
#include <string.h>

#include <deia/sys/json.h>

#include "config/nearest.h"
#include "config/yaml_json.h"

/* Whether what a pointer means was written in `defaults:`. */
static bool is_default(const struct deia__declared *d, const char *pointer)
{
	const struct deia__yaml *base = d->source->defaults, *own, *from;
	const char *rest;
	char key[128];
	size_t len;

	if (!base || *pointer != '/')
		return false;
	len = strcspn(pointer + 1, "/");
	rest = pointer + 1 + len;
	snprintf(key, sizeof(key), "%.*s", (int)len, pointer + 1);
	own = deia__yaml_child(d->node, key);
	from = deia__yaml_child(base, key);
	if (!own || !from || !*rest || !deia__declared_merges(key))
		return !own && from;
	return deia__yaml_follow(own, rest) == own &&
	       deia__yaml_follow(from, rest) != from;
}

static bool was_said(const deia_bots_file *f, const struct deia__source *s,
		     const struct deia__yaml *at, const char *detail)
{
	for (size_t i = 0; i < f->n_errors; i++)
		if (f->errors[i].line == at->line &&
		    f->errors[i].column == at->column &&
		    strcmp(f->errors[i].detail, detail) == 0 &&
		    strcmp(f->errors[i].file, s->name) == 0)
			return true;
	return false;
}

/* "/restart/policy" as "restart.policy" */
static void dotted(char out[static 128], const char *pointer)
{
	snprintf(out, 128, "%s", pointer + (*pointer == '/'));
	for (char *s = out; *s; s++)
		if (*s == '/')
			*s = '.';
}

/* The field that was probably meant, from the names that a spec prints. */
static void suggest(struct deia__nearest *n, const cJSON *spec)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, spec)
		deia__nearest_offer(n, item->string);
	deia__nearest_offer(n, "start");
}

static cJSON *known_fields(void)
{
	struct deia_bot_spec plain = DEIA_BOT_SPEC_INIT;
	cJSON *json = NULL;
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_bot_spec_print(&plain, true, &w);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) || deia_json_parse(&json, w.text, w.len, NULL))
		json = NULL;
	deia_jw_fini(&w);
	return json;
}

static void hint_at(char out[static 96], const struct deia__yaml *at,
		    const char *pointer, const char *detail)
{
	struct deia__nearest n = { .typed = pointer + (*pointer == '/') };
	cJSON *known;

	*out = '\0';
	if (at->kind == DEIA__YAML_SCALAR && !at->quoted &&
	    strcmp(detail, "must be a string") == 0)
		snprintf(out, 96, "; put it into quotes");
	if (strcmp(detail, "is no field of a bot") != 0)
		return;
	known = known_fields();
	suggest(&n, known);
	if (n.word)
		snprintf(out, 96, "; did you mean %s?", n.word);
	cJSON_Delete(known);
}

/* alone: it is about that field, whatever the bot is. */
static deia_err add_error(deia_bots_file *f, const struct deia__declared *d,
			  const char *pointer, const char *detail, bool alone)
{
	bool by_default = is_default(d, pointer);
	struct deia__yaml at = *deia__yaml_follow(
		by_default ? d->source->defaults : d->node, pointer);
	char field[128], hint[96], text[512];

	hint_at(hint, &at, pointer, detail);
	/* The key is wrong then, whatever its value is. */
	if (strstr(detail, "is no field") == detail && at.key_line) {
		at.line = at.key_line;
		at.column = at.key_column;
	}
	dotted(field, pointer);
	if (by_default && alone)
		snprintf(text, sizeof(text), "defaults: %s: %s%s", field,
			 detail, hint);
	else
		snprintf(text, sizeof(text), "bot %s: %s%s%s%s", d->bot.id,
			 field, *field ? ": " : "", detail, hint);
	f->n_found++;
	return was_said(f, d->source, &at, text)
		       ? DEIA_OK
		       : deia__bots_file_error(f, d->source, at.line, at.column,
					       "%s", text);
}

deia_err deia_bots_file_refuse(deia_bots_file *f, size_t n, const char *pointer,
			       const char *detail)
{
	return n < f->n_bots ? add_error(f, &f->bots[n], pointer, detail, false)
			     : DEIA_OK;
}

/* A bot that every field by itself is fine for. */
static struct deia_bot_spec patient(const struct deia__declared *d,
				    const char *field)
{
	static const char *const argv[] = { "program" };
	struct deia_bot_spec s = DEIA_BOT_SPEC_INIT;

	s.id = d->bot.id;
	s.model = "model";
	s.adapter = "exec";
	/* A wrong adapter is to be found, its argv is another matter. */
	if (strcmp(field, "argv") != 0) {
		s.argv = argv;
		s.n_argv = 1;
	}
	return s;
}

/* json: an object with one field, or one field of a group. */
static deia_err check_alone(deia_bots_file *f, const struct deia__declared *d,
			    const cJSON *json, const char *prefix)
{
	struct deia_bot_spec base = patient(d, json->child->string);
	struct deia_field_error at = { 0 };
	struct deia_bot_spec *spec;
	size_t len = strlen(prefix);
	deia_err err = deia_bot_spec_parse(&spec, json, &base, &at);

	deia_bot_spec_free(spec);
	if (err != DEIA_EFIELD)
		return err;
	if (strncmp(at.pointer, prefix, len) != 0 ||
	    (at.pointer[len] && at.pointer[len] != '/'))
		return DEIA_OK;
	return add_error(f, d, at.pointer, at.detail, true);
}

/* The field, or in a group the member of it, in an object of its own. */
static deia_err check_field(deia_bots_file *f, const struct deia__declared *d,
			    cJSON *field, cJSON *member)
{
	cJSON *json = cJSON_CreateObject(), *group = json;
	char prefix[128];
	deia_err err = DEIA_ENOMEM;

	snprintf(prefix, sizeof(prefix), "/%.100s", field->string);
	if (json && member)
		group = cJSON_AddObjectToObject(json, field->string);
	if (group && cJSON_AddItemReferenceToObject(
			     group, member ? member->string : field->string,
			     member ? member : field))
		err = check_alone(f, d, json, prefix);
	cJSON_Delete(json);
	return err;
}

static deia_err check_each(deia_bots_file *f, const struct deia__declared *d)
{
	cJSON *field, *member;
	deia_err err = DEIA_OK;

	cJSON_ArrayForEach(field, d->json) {
		bool group = cJSON_IsObject(field) &&
			     deia__declared_merges(field->string) &&
			     strcmp(field->string, "options") != 0;

		if (!group && !err)
			err = check_field(f, d, field, NULL);
		if (!group)
			continue;
		cJSON_ArrayForEach(member, field)
			if (!err)
				err = check_field(f, d, field, member);
	}
	return err;
}

deia_err deia__declared_check(deia_bots_file *f, const struct deia__declared *d)
{
	struct deia_bot_spec base = DEIA_BOT_SPEC_INIT;
	struct deia_field_error at = { 0 };
	struct deia_bot_spec *spec;
	size_t before = f->n_found;
	deia_err err = check_each(f, d);

	if (err || f->n_found > before ||
	    cJSON_GetObjectItemCaseSensitive(d->json, "template"))
		return err;
	err = deia_bot_spec_parse(&spec, d->json, &base, &at);
	deia_bot_spec_free(spec);
	return err == DEIA_EFIELD
		       ? add_error(f, d, at.pointer, at.detail, false)
		       : err;
}
