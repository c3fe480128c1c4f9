/* SPDX-License-Identifier: MIT */
/*
 * spec_parse.c - reading a bot's specification from the JSON of the API.
 *
 * A field that is absent keeps the base's value, null goes back to the
 * default. Only types and unknown names are looked at here; values are checked
 * by deia_bot_spec_check, so that both ways in obey one set of rules.
 */
#include "bot/spec.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <deia/limits.h>

#include "core/json.h"
#include "core/mem.h"

struct parser {
	struct deia_bot_spec s; /* points into json, base and the below */
	const struct deia_bot_spec *base;
	struct deia_field_error *where;
	const char **argv, **capabilities, **env;
	char **env_owned; /* the strings of env, NULL where borrowed */
	char *options;
};

/* How a member of the struct is read. */
enum kind { TEXT, NUMBER, ARGV, CAPABILITIES, ENV, OPTIONS, RESTART };

static const struct field {
	const char *name;
	enum kind kind;
	size_t at;
} fields[] = {
#define AT(m) offsetof(struct deia_bot_spec, m)
	{ "id", TEXT, AT(id) },
	{ "adapter", TEXT, AT(adapter) },
	{ "template", TEXT, AT(template_name) },
	{ "model", TEXT, AT(model) },
	{ "base_url", TEXT, AT(base_url) },
	{ "argv", ARGV, AT(argv) },
	{ "cwd", TEXT, AT(cwd) },
	{ "env", ENV, AT(env) },
	{ "type", TEXT, AT(type) },
	{ "capabilities", CAPABILITIES, AT(capabilities) },
	{ "system_prompt", TEXT, AT(system_prompt) },
	{ "options", OPTIONS, AT(options) },
	{ "on_message", TEXT, AT(on_message) },
	{ "max_concurrent", NUMBER, AT(max_concurrent) },
	{ "restart", RESTART, 0 },
	{ "ready_timeout_seconds", NUMBER, AT(ready_timeout_seconds) },
	{ "stop_timeout_seconds", NUMBER, AT(stop_timeout_seconds) },
	{ "heartbeat_timeout_seconds", NUMBER, AT(heartbeat_timeout_seconds) },
};
#define N_FIELDS (sizeof(fields) / sizeof(*fields))

static const struct deia_bot_spec defaults = DEIA_BOT_SPEC_INIT;

static void *member(struct deia_bot_spec *s, size_t at)
{
	return (char *)s + at;
}

static deia_err read_text(struct parser *p, const char *pointer, const cJSON *v,
			  size_t at)
{
	const char **to = member(&p->s, at);

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
			    const cJSON *v, size_t at)
{
	unsigned *to = member(&p->s, at);

	if (cJSON_IsNull(v)) {
		memcpy(to, (const char *)&defaults + at, sizeof(*to));
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

static deia_err read_list(struct parser *p, const char *pointer, const cJSON *v,
			  size_t max, const char ***list, size_t *n)
{
	const cJSON *item;
	char at[128];
	int count = cJSON_IsArray(v) ? cJSON_GetArraySize(v) : 0;

	*n = 0;
	if (cJSON_IsNull(v))
		return DEIA_OK;
	if (!cJSON_IsArray(v))
		return deia__field_error(p->where, pointer,
					 "must be an array of strings");
	if ((size_t)count > max)
		return deia__field_error(p->where, pointer,
					 "must have at most %zu items", max);
	*list = deia__alloc(((size_t)count + 1) * sizeof(**list));
	if (*list == NULL)
		return DEIA_ENOMEM;
	cJSON_ArrayForEach(item, v) {
		if (!cJSON_IsString(item)) {
			snprintf(at, sizeof(at), "%s/%zu", pointer, *n);
			return deia__field_error(p->where, at,
						 "must be a string");
		}
		(*list)[(*n)++] = item->valuestring;
	}
	return DEIA_OK;
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
	p->s.n_env = i + 1;
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

static deia_err read_restart(struct parser *p, const cJSON *v)
{
	const cJSON *item;
	char at[128];
	deia_err err = DEIA_OK;

	if (cJSON_IsNull(v)) {
		p->s.restart = defaults.restart;
		p->s.max_restarts = defaults.max_restarts;
		p->s.window_seconds = defaults.window_seconds;
		return DEIA_OK;
	}
	if (!cJSON_IsObject(v))
		return deia__field_error(
			p->where, "/restart",
			"must be an object such as {\"policy\":\"always\"}");
	cJSON_ArrayForEach(item, v) {
		snprintf(at, sizeof(at), "/restart/%.100s", item->string);
		if (strcmp(item->string, "policy") == 0)
			err = read_policy(p, item);
		else if (strcmp(item->string, "max_restarts") == 0)
			err = read_number(p, at, item, AT(max_restarts));
		else if (strcmp(item->string, "window_seconds") == 0)
			err = read_number(p, at, item, AT(window_seconds));
		else
			err = deia__field_error(p->where, at,
						"is unknown; expected policy, "
						"max_restarts or "
						"window_seconds");
		if (err)
			break;
	}
	return err;
}

static deia_err read_field(struct parser *p, const cJSON *v)
{
	char pointer[128];
	deia_err err;
	size_t i;

	snprintf(pointer, sizeof(pointer), "/%.100s", v->string);
	for (i = 0; i < N_FIELDS; i++)
		if (strcmp(fields[i].name, v->string) == 0)
			break;
	if (i == N_FIELDS)
		return deia__field_error(p->where, pointer,
					 "is no field of a bot");
	switch (fields[i].kind) {
	case TEXT:
		return read_text(p, pointer, v, fields[i].at);
	case NUMBER:
		return read_number(p, pointer, v, fields[i].at);
	case ARGV:
		err = read_list(p, pointer, v, DEIA_MAX_ARGV_LEN, &p->argv,
				&p->s.n_argv);
		p->s.argv = p->argv;
		return err;
	case CAPABILITIES:
		err = read_list(p, pointer, v, DEIA_MAX_CAPABILITIES_LEN,
				&p->capabilities, &p->s.n_capabilities);
		p->s.capabilities = p->capabilities;
		return err;
	case ENV:
		return read_env(p, pointer, v);
	case OPTIONS:
		return read_options(p, pointer, v);
	case RESTART:
		break;
	}
	return read_restart(p, v);
}

static void parser_fini(struct parser *p)
{
	size_t i;

	for (i = 0; p->env_owned != NULL && i < p->s.n_env; i++)
		deia__free(p->env_owned[i]);
	deia__free(p->env_owned);
	deia__free(p->env);
	deia__free(p->argv);
	deia__free(p->capabilities);
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
