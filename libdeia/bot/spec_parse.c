/* SPDX-License-Identifier: MIT */
/*
 * spec_parse.c - reading a bot's specification from the JSON of the API.
 *
 * A field that is absent keeps the base's value, null goes back to the
 * default. Only types and unknown names are looked at here; values are checked
 * by deia_bot_spec_check, so that both ways in obey one set of rules.
 */
#include "bot/spec.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <deia/limits.h>

#include "bot/spec_fields.h"
#include "core/json.h"
#include "core/mem.h"

/* Lists that a specification can have, at most. */
#define MAX_LISTS 8

struct parser {
	struct deia_bot_spec s; /* points into json, base and the below */
	const struct deia_bot_spec *base;
	struct deia_field_error *where;
	const char **lists[MAX_LISTS];
	size_t n_lists;
	const char **env;
	char **env_owned; /* the strings of env, NULL where borrowed */
	size_t n_env;
	char *options;
};

static const struct deia_bot_spec defaults = DEIA_BOT_SPEC_INIT;

static deia_err read_text(struct parser *p, const char *pointer, const cJSON *v,
			  const struct deia__spec_field *f)
{
	const char **to = deia__spec_text(&p->s, f);

	if (cJSON_IsNull(v)) {
		*to = NULL;
		return DEIA_OK;
	}
	if (!cJSON_IsString(v))
		return deia__field_error(p->where, pointer, "must be a string");
	*to = v->valuestring;
	return DEIA_OK;
}

static deia_err read_number(struct parser *p, const char *pointer,
			    const cJSON *v, const struct deia__spec_field *f)
{
	unsigned *to = deia__spec_number(&p->s, f);

	if (cJSON_IsNull(v)) {
		*to = deia__spec_number_of(&defaults, f);
		return DEIA_OK;
	}
	/* Anything out of range fails the range check that follows. */
	if (!cJSON_IsNumber(v) || v->valuedouble < 0 ||
	    v->valuedouble > UINT_MAX ||
	    v->valuedouble != (double)(unsigned)v->valuedouble)
		return deia__field_error(
			p->where, pointer,
			"must be a whole number, not negative");
	*to = (unsigned)v->valuedouble;
	return DEIA_OK;
}

static deia_err read_items(struct parser *p, const char *pointer,
			   const cJSON *v, const char **list, size_t *n)
{
	const cJSON *item;
	char at[128];

	cJSON_ArrayForEach(item, v) {
		if (!cJSON_IsString(item)) {
			snprintf(at, sizeof(at), "%.100s/%zu", pointer, *n);
			return deia__field_error(p->where, at,
						 "must be a string");
		}
		list[(*n)++] = item->valuestring;
	}
	return DEIA_OK;
}

static deia_err read_list(struct parser *p, const char *pointer, const cJSON *v,
			  const struct deia__spec_field *f)
{
	int count = cJSON_IsArray(v) ? cJSON_GetArraySize(v) : 0;
	size_t *n = deia__spec_list_len(&p->s, f);
	const char **list;

	*n = 0;
	*deia__spec_list(&p->s, f) = NULL;
	if (cJSON_IsNull(v))
		return DEIA_OK;
	if (!cJSON_IsArray(v))
		return deia__field_error(p->where, pointer,
					 "must be an array of strings");
	if ((unsigned)count > f->max)
		return deia__field_error(p->where, pointer,
					 "must have at most %u items", f->max);
	assert(p->n_lists < MAX_LISTS);
	list = deia__alloc(((size_t)count + 1) * sizeof(*list));
	if (list == NULL)
		return DEIA_ENOMEM;
	p->lists[p->n_lists++] = list;
	*deia__spec_list(&p->s, f) = list;
	return read_items(p, pointer, v, list, n);
}

/* The base's "NAME=value", for a value that was shown redacted. */
static const char *base_env(const struct parser *p, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; p->base != NULL && i < p->base->n_env; i++)
		if (strncmp(p->base->env[i], name, len) == 0 &&
		    p->base->env[i][len] == '=')
			return p->base->env[i];
	return NULL;
}

static deia_err read_env_item(struct parser *p, const cJSON *item, size_t i)
{
	const char *old = NULL;
	char at[128];

	snprintf(at, sizeof(at), "/env/%.100s", item->string);
	if (!cJSON_IsString(item))
		return deia__field_error(p->where, at, "must be a string");
	if (strchr(item->string, '=') != NULL)
		return deia__field_error(p->where, at,
					 "a name must not hold '='");
	if (strcmp(item->valuestring, DEIA__ENV_REDACTED) == 0)
		old = base_env(p, item->string);
	if (old == NULL) {
		old = p->env_owned[i] = deia__asprintf("%s=%s", item->string,
						       item->valuestring);
		if (old == NULL)
			return DEIA_ENOMEM;
	}
	p->env[i] = old;
	p->s.n_env = p->n_env = i + 1;
	return DEIA_OK;
}

static deia_err read_env(struct parser *p, const char *pointer, const cJSON *v)
{
	const cJSON *item;
	deia_err err = DEIA_OK;
	size_t i = 0, count;

	p->s.n_env = 0;
	if (cJSON_IsNull(v))
		return DEIA_OK;
	if (!cJSON_IsObject(v))
		return deia__field_error(
			p->where, pointer,
			"must be an object such as {\"NAME\":\"value\"}");
	count = (size_t)cJSON_GetArraySize(v);
	if (count > DEIA_MAX_ENV_LEN)
		return deia__field_error(p->where, pointer,
					 "must have at most %d items",
					 DEIA_MAX_ENV_LEN);
	p->env = deia__alloc((count + 1) * sizeof(*p->env));
	p->env_owned = deia__alloc((count + 1) * sizeof(*p->env_owned));
	if (p->env == NULL || p->env_owned == NULL)
		return DEIA_ENOMEM;
	p->s.env = p->env;
	cJSON_ArrayForEach(item, v) {
		err = read_env_item(p, item, i++);
		if (err)
			break;
	}
	return err;
}

static deia_err read_options(struct parser *p, const char *pointer,
			     const cJSON *v)
{
	p->s.options = NULL;
	if (cJSON_IsNull(v))
		return DEIA_OK;
	if (!cJSON_IsObject(v))
		return deia__field_error(p->where, pointer,
					 "must be an object");
	p->options = deia__json_print(v);
	p->s.options = p->options;
	return p->options != NULL ? DEIA_OK : DEIA_ENOMEM;
}

static deia_err read_policy(struct parser *p, const cJSON *v)
{
	int policy = cJSON_IsString(v)
			     ? deia__restart_policy_parse(v->valuestring)
			     : -1;

	if (policy < 0)
		return deia__field_error(p->where, "/restart/policy",
					 "must be always, on-failure or never");
	p->s.restart = (deia_restart_policy)policy;
	return DEIA_OK;
}

static deia_err read_value(struct parser *p, const cJSON *v,
			   const struct deia__spec_field *f)
{
	char pointer[64];

	deia__spec_pointer(f, pointer, sizeof(pointer));
	switch (f->kind) {
	case DEIA__SPEC_TEXT:
		return read_text(p, pointer, v, f);
	case DEIA__SPEC_NUMBER:
		return read_number(p, pointer, v, f);
	case DEIA__SPEC_LIST:
		return read_list(p, pointer, v, f);
	case DEIA__SPEC_ENV:
		return read_env(p, pointer, v);
	case DEIA__SPEC_OPTIONS:
		return read_options(p, pointer, v);
	case DEIA__SPEC_POLICY:
		break;
	}
	return read_policy(p, v);
}

static const struct deia__spec_field *find_field(const char *group,
						 const char *name)
{
	const struct deia__spec_field *f;
	size_t i;

	for (i = 0; i < deia__spec_fields_len; i++) {
		f = &deia__spec_fields[i];
		if ((f->group != NULL) == (group != NULL) &&
		    (group == NULL || strcmp(f->group, group) == 0) &&
		    strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

static bool is_group(const char *name)
{
	size_t i;

	for (i = 0; i < deia__spec_fields_len; i++)
		if (deia__spec_fields[i].group != NULL &&
		    strcmp(deia__spec_fields[i].group, name) == 0)
			return true;
	return false;
}

/* null: every field of the group goes back to its default. */
static deia_err reset_group(struct parser *p, const cJSON *null)
{
	const struct deia__spec_field *f;
	size_t i;

	for (i = 0; i < deia__spec_fields_len; i++) {
		f = &deia__spec_fields[i];
		if (f->group == NULL || strcmp(f->group, null->string) != 0)
			continue;
		if (f->kind == DEIA__SPEC_POLICY)
			p->s.restart = defaults.restart;
		else
			(void)!read_value(p, null, f);
	}
	return DEIA_OK;
}

static deia_err unknown_in_group(struct parser *p, const char *group,
				 const char *name)
{
	char pointer[128], names[200] = "";
	const struct deia__spec_field *f;
	size_t i, len = 0;

	for (i = 0; i < deia__spec_fields_len; i++) {
		f = &deia__spec_fields[i];
		if (f->group != NULL && strcmp(f->group, group) == 0 &&
		    len < sizeof(names))
			len += (size_t)snprintf(names + len,
						sizeof(names) - len, "%s%s",
						len != 0 ? ", " : "", f->name);
	}
	snprintf(pointer, sizeof(pointer), "/%s/%.100s", group, name);
	return deia__field_error(p->where, pointer,
				 "is unknown; expected one of %s", names);
}

static deia_err read_group(struct parser *p, const cJSON *v)
{
	const struct deia__spec_field *f;
	char pointer[128];
	const cJSON *item;
	deia_err err = DEIA_OK;

	if (cJSON_IsNull(v))
		return reset_group(p, v);
	snprintf(pointer, sizeof(pointer), "/%.100s", v->string);
	if (!cJSON_IsObject(v))
		return deia__field_error(p->where, pointer,
					 "must be an object");
	cJSON_ArrayForEach(item, v) {
		f = find_field(v->string, item->string);
		if (f == NULL)
			return unknown_in_group(p, v->string, item->string);
		err = read_value(p, item, f);
		if (err)
			break;
	}
	return err;
}

static deia_err read_field(struct parser *p, const cJSON *v)
{
	const struct deia__spec_field *f = find_field(NULL, v->string);
	char pointer[128];

	if (f != NULL)
		return read_value(p, v, f);
	if (is_group(v->string))
		return read_group(p, v);
	snprintf(pointer, sizeof(pointer), "/%.100s", v->string);
	return deia__field_error(p->where, pointer, "is no field of a bot");
}

static void parser_fini(struct parser *p)
{
	size_t i;

	for (i = 0; p->env_owned != NULL && i < p->n_env; i++)
		deia__free(p->env_owned[i]);
	deia__free(p->env_owned);
	deia__free(p->env);
	for (i = 0; i < p->n_lists; i++)
		deia__free(p->lists[i]);
	deia__free(p->options);
}

deia_err deia_bot_spec_parse(struct deia_bot_spec **out,
			     const struct cJSON *json,
			     const struct deia_bot_spec *base,
			     struct deia_field_error *where)
{
	struct parser p = { .base = base, .where = where };
	const cJSON *item;
	deia_err err = DEIA_OK;

	*out = NULL;
	p.s = defaults;
	if (base != NULL && !deia__spec_overlay(&p.s, base))
		return deia__field_error(where, "", "the base is no spec");
	if (!cJSON_IsObject(json))
		return deia__field_error(where, "", "must be an object");
	cJSON_ArrayForEach(item, json) {
		err = read_field(&p, item);
		if (err)
			break;
	}
	if (!err)
		err = deia_bot_spec_check(&p.s, where);
	if (!err)
		err = deia_bot_spec_dup(out, &p.s);
	parser_fini(&p);
	return err;
}
