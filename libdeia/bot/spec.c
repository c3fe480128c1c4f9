/* SPDX-License-Identifier: MIT */
/*
 * spec.c - checking what a bot is: every value, whichever way it came in.
 *
 * Reading a spec from JSON is in spec_parse.c; copying, comparing and printing
 * one in spec_copy.c.
 */
#include "bot/spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <deia/limits.h>
#include <deia/sys/json.h>

#include "bot/spec_fields.h"
#include "core/json.h"
#include "core/utf8.h"

#define AVAILABLE "echo, ollama, openai, anthropic, exec, process, external"

/* It must fit into the init line with all else, also when escaped. */
#define MAX_ARGV_BYTES (256u << 10)

static const char *const policy_names[] = {
	[DEIA_RESTART_ALWAYS] = "always",
	[DEIA_RESTART_ON_FAILURE] = "on-failure",
	[DEIA_RESTART_NEVER] = "never",
};
#define N_POLICIES (sizeof(policy_names) / sizeof(*policy_names))

const char *deia__restart_policy_name(deia_restart_policy policy)
{
	return (size_t)policy < N_POLICIES ? policy_names[policy] : "always";
}

int deia__restart_policy_parse(const char *name)
{
	size_t i;

	for (i = 0; i < N_POLICIES; i++)
		if (strcmp(policy_names[i], name) == 0)
			return (int)i;
	return -1;
}

deia_err deia__field_error(struct deia_field_error *where, const char *pointer,
			   const char *fmt, ...)
{
	va_list ap;

	if (where == NULL)
		return DEIA_EFIELD;
	snprintf(where->pointer, sizeof(where->pointer), "%s", pointer);
	va_start(ap, fmt);
	vsnprintf(where->detail, sizeof(where->detail), fmt, ap);
	va_end(ap);
	return DEIA_EFIELD;
}

bool deia__spec_overlay(struct deia_bot_spec *full,
			const struct deia_bot_spec *spec)
{
	*full = (struct deia_bot_spec)DEIA_BOT_SPEC_INIT;
	if (spec->size < offsetof(struct deia_bot_spec, template_name) ||
	    spec->size > sizeof(*full))
		return false;
	memcpy(full, spec, spec->size);
	full->size = sizeof(*full);
	return true;
}

/* ---- check ----------------------------------------------------------------- */

struct check {
	const struct deia_bot_spec *s;
	struct deia_field_error *where;
};

static deia_err check_text(const struct check *c, const char *pointer,
			   const char *text, size_t max)
{
	size_t len;

	if (text == NULL)
		return DEIA_OK;
	len = strnlen(text, max + 1);
	if (len > max)
		return deia__field_error(c->where, pointer,
					 "must be at most %zu bytes long", max);
	if (!deia__utf8_valid(text, len))
		return deia__field_error(c->where, pointer,
					 "must be valid UTF-8");
	return DEIA_OK;
}

static deia_err check_word(const struct check *c, const char *pointer,
			   const char *text)
{
	if (text == NULL || deia_bot_id_valid(text))
		return DEIA_OK;
	return deia__field_error(
		c->where, pointer,
		"must be 1 to 64 letters, digits, '.', '_' or '-', and begin "
		"with a letter or digit");
}

static bool is(const struct check *c, const char *adapter)
{
	return strcmp(c->s->adapter, adapter) == 0;
}

static deia_err check_adapter(const struct check *c)
{
	static const char *const known[] = { "echo",	  "ollama", "openai",
					     "anthropic", "exec",   "process",
					     "external" };
	size_t i;

	if (c->s->adapter == NULL)
		return deia__field_error(c->where, "/adapter",
					 "is required: one of " AVAILABLE);
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (is(c, known[i]))
			return DEIA_OK;
	return deia__field_error(
		c->where, "/adapter",
		"there is no adapter \"%.64s\"; available: " AVAILABLE,
		c->s->adapter);
}

static deia_err check_argv(const struct check *c)
{
	const struct deia_bot_spec *s = c->s;
	bool runs = is(c, "process") || is(c, "exec");
	char pointer[32];
	size_t i, total = 0;
	deia_err err;

	if (runs && (s->n_argv == 0 || s->argv[0][0] == '\0'))
		return deia__field_error(c->where, "/argv",
					 "adapter \"%s\" needs the program "
					 "and its arguments, such as "
					 "[\"/usr/bin/python3\", \"bot.py\"]",
					 s->adapter);
	if (!runs && s->n_argv != 0)
		return deia__field_error(
			c->where, "/argv",
			"is only for the adapters \"process\" and \"exec\"");
	if (s->n_argv > DEIA_MAX_ARGV_LEN)
		return deia__field_error(c->where, "/argv",
					 "must have at most %d items",
					 DEIA_MAX_ARGV_LEN);
	for (i = 0; i < s->n_argv; i++) {
		snprintf(pointer, sizeof(pointer), "/argv/%zu", i);
		err = check_text(c, pointer, s->argv[i], DEIA_MAX_PROMPT_BYTES);
		if (err)
			return err;
		total += strlen(s->argv[i]);
	}
	if (total > MAX_ARGV_BYTES)
		return deia__field_error(c->where, "/argv",
					 "must be at most %u bytes long in all",
					 MAX_ARGV_BYTES);
	return DEIA_OK;
}

static bool env_name_ok(const char *env, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (env[i] != '_' && !(env[i] >= 'A' && env[i] <= 'Z') &&
		    !(env[i] >= 'a' && env[i] <= 'z') &&
		    !(i > 0 && env[i] >= '0' && env[i] <= '9'))
			return false;
	return len > 0 && len <= DEIA_MAX_NAME_BYTES;
}

static deia_err check_env(const struct check *c)
{
	const struct deia_bot_spec *s = c->s;
	char pointer[64];
	size_t i, len;
	deia_err err;

	if (s->n_env > DEIA_MAX_ENV_LEN)
		return deia__field_error(c->where, "/env",
					 "must have at most %d items",
					 DEIA_MAX_ENV_LEN);
	for (i = 0; i < s->n_env; i++) {
		len = strcspn(s->env[i], "=");
		snprintf(pointer, sizeof(pointer), "/env/%.40s", s->env[i]);
		if (len < 40)
			pointer[5 + len] = '\0';
		if (s->env[i][len] != '=' || !env_name_ok(s->env[i], len))
			return deia__field_error(
				c->where, "/env",
				"the name \"%.40s\" must be letters, digits "
				"and '_', and not begin with a digit",
				s->env[i]);
		err = check_text(c, pointer, s->env[i], DEIA_MAX_PROMPT_BYTES);
		if (err)
			return err;
	}
	return DEIA_OK;
}

/* A list of words: capabilities, ids. */
static deia_err check_word_list(const struct check *c, const char *name,
				const char *const *list, size_t n, int max)
{
	char pointer[40];
	deia_err err;
	size_t i;

	snprintf(pointer, sizeof(pointer), "/%s", name);
	if (n > (size_t)max)
		return deia__field_error(c->where, pointer,
					 "must have at most %d items", max);
	for (i = 0; i < n; i++) {
		snprintf(pointer, sizeof(pointer), "/%s/%zu", name, i);
		err = check_word(c, pointer, list[i]);
		if (err)
			return err;
	}
	return DEIA_OK;
}

static deia_err check_lists(const struct check *c)
{
	const struct deia_bot_spec *s = c->s;
	char pointer[40];
	size_t i;
	deia_err err;

	err = check_word_list(c, "capabilities", s->capabilities,
			      s->n_capabilities, DEIA_MAX_CAPABILITIES_LEN);
	if (!err)
		err = check_word_list(c, "depends_on", s->depends_on,
				      s->n_depends_on, DEIA_MAX_DEPENDS_LEN);
	for (i = 0; !err && i < s->n_depends_on; i++) {
		if (s->id == NULL || strcmp(s->depends_on[i], s->id) != 0)
			continue;
		snprintf(pointer, sizeof(pointer), "/depends_on/%zu", i);
		err = deia__field_error(c->where, pointer,
					"must not be the bot itself");
	}
	return err;
}

static deia_err check_env_name(const struct check *c, const char *pointer,
			       const char *name)
{
	if (name == NULL || env_name_ok(name, strlen(name)))
		return DEIA_OK;
	return deia__field_error(c->where, pointer,
				 "must be the name of a variable: letters, "
				 "digits and '_', not beginning with a digit");
}

static deia_err check_pass_env(const struct check *c)
{
	const struct deia_bot_spec *s = c->s;
	char pointer[32];
	deia_err err = check_env_name(c, "/api_key_env", s->api_key_env);
	size_t i;

	if (!err && s->n_pass_env > DEIA_MAX_ENV_LEN)
		err = deia__field_error(c->where, "/pass_env",
					"must have at most %d items",
					DEIA_MAX_ENV_LEN);
	for (i = 0; !err && i < s->n_pass_env; i++) {
		snprintf(pointer, sizeof(pointer), "/pass_env/%zu", i);
		err = check_env_name(c, pointer, s->pass_env[i]);
	}
	return err;
}

static deia_err check_url(const struct check *c)
{
	const char *url = c->s->base_url, *p = url;

	if (url == NULL)
		return DEIA_OK;
	if (strncmp(url, "http://", 7) == 0)
		p += 7;
	else if (strncmp(url, "https://", 8) == 0)
		p += 8;
	if (p == url || *p == '\0' || *p == '/' || *p == ':')
		return deia__field_error(c->where, "/base_url",
					 "must be a whole http or https URL, "
					 "such as http://127.0.0.1:11434");
	for (; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '@')
			return deia__field_error(
				c->where, "/base_url",
				"must be plain ASCII without spaces and "
				"without a user name");
	return check_text(c, "/base_url", url, DEIA_MAX_NAME_BYTES * 4);
}

static deia_err check_options(const struct check *c)
{
	const char *text = c->s->options;
	struct deia_json_error at;
	cJSON *json = NULL;
	bool is_object;
	deia_err err;

	if (text == NULL)
		return DEIA_OK;
	if (strnlen(text, DEIA_MAX_OPTIONS_BYTES + 1) > DEIA_MAX_OPTIONS_BYTES)
		return deia__field_error(c->where, "/options",
					 "must be at most %u bytes as JSON",
					 DEIA_MAX_OPTIONS_BYTES);
	err = deia_json_parse(&json, text, strlen(text), &at);
	if (err == DEIA_ENOMEM)
		return err;
	is_object = err == DEIA_OK && cJSON_IsObject(json);
	cJSON_Delete(json);
	/* A newline would end the init line. */
	if (!is_object || strpbrk(text, "\r\n") != NULL)
		return deia__field_error(c->where, "/options",
					 "must be a JSON object on one line");
	return DEIA_OK;
}

static deia_err check_range(const struct check *c, const char *pointer,
			    unsigned v, unsigned min, unsigned max)
{
	if (v >= min && v <= max)
		return DEIA_OK;
	return deia__field_error(c->where, pointer,
				 "must be a whole number from %u to %u", min,
				 max);
}

static deia_err check_numbers(const struct check *c)
{
	const struct deia__spec_field *f;
	char pointer[64];
	deia_err err;
	size_t i;

	if ((size_t)c->s->restart >= N_POLICIES)
		return deia__field_error(c->where, "/restart/policy",
					 "must be always, on-failure or never");
	for (i = 0; i < deia__spec_fields_len; i++) {
		f = &deia__spec_fields[i];
		if (f->kind != DEIA__SPEC_NUMBER)
			continue;
		deia__spec_pointer(f, pointer, sizeof(pointer));
		err = check_range(c, pointer, deia__spec_number_of(c->s, f),
				  f->min, f->max);
		if (err)
			return err;
	}
	return DEIA_OK;
}

static deia_err check_model(const struct check *c)
{
	bool needed = is(c, "ollama") || is(c, "openai") || is(c, "anthropic");
	const char *model = c->s->model;

	if (needed && (model == NULL || *model == '\0'))
		return deia__field_error(
			c->where, "/model",
			"adapter \"%s\" needs the name of a model, such as "
			"\"llama3.2\"",
			c->s->adapter);
	return check_text(c, "/model", model, DEIA_MAX_NAME_BYTES);
}

static deia_err check_path(const struct check *c, const char *pointer,
			   const char *path)
{
	if (path != NULL && path[0] != '/')
		return deia__field_error(c->where, pointer,
					 "must be an absolute path");
	return check_text(c, pointer, path, DEIA_MAX_PATH_BYTES - 1);
}

static deia_err check_paths(const struct check *c)
{
	const struct deia_bot_spec *s = c->s;
	deia_err err = check_path(c, "/cwd", s->cwd);

	if (!err)
		err = check_path(c, "/api_key_file", s->api_key_file);
	if (!err && s->api_key_file != NULL && s->api_key_env != NULL)
		err = deia__field_error(c->where, "/api_key_file",
					"must not be given together with "
					"api_key_env");
	if (!err)
		err = check_path(c, "/worktree_of", s->worktree_of);
	if (!err && s->worktree_of != NULL && !is(c, "exec"))
		err = deia__field_error(c->where, "/worktree_of",
					"is only for adapter \"exec\"");
	return err;
}

static deia_err check_words(const struct check *c)
{
	const struct deia_bot_spec *s = c->s;
	deia_err err = check_word(c, "/id", s->id);

	if (!err)
		err = check_word(c, "/template", s->template_name);
	if (!err)
		err = check_word(c, "/type", s->type);
	if (!err && s->on_message != NULL && strcmp(s->on_message, "hold") &&
	    strcmp(s->on_message, "reply"))
		err = deia__field_error(c->where, "/on_message",
					"must be hold or reply");
	if (!err && s->managed_by != NULL &&
	    strcmp(s->managed_by, DEIA__SPEC_SCALER))
		err = deia__field_error(c->where, "/managed_by",
					"must be " DEIA__SPEC_SCALER
					", or null for a bot that the "
					"auto-scaler leaves alone");
	return err;
}

deia_err deia_bot_spec_check(const struct deia_bot_spec *spec,
			     struct deia_field_error *where)
{
	static deia_err (*const checks[])(const struct check *) = {
		check_words,	check_adapter, check_argv,    check_env,
		check_pass_env, check_lists,   check_model,   check_url,
		check_options,	check_paths,   check_numbers,
	};
	struct deia_bot_spec full;
	struct check c = { .s = &full, .where = where };
	deia_err err = DEIA_OK;
	size_t i;

	if (spec == NULL || !deia__spec_overlay(&full, spec))
		return deia__field_error(where, "",
					 "the spec's size is not set: begin "
					 "with DEIA_BOT_SPEC_INIT");
	for (i = 0; i < sizeof(checks) / sizeof(*checks) && !err; i++)
		err = checks[i](&c);
	if (!err)
		err = check_text(&c, "/system_prompt", full.system_prompt,
				 DEIA_MAX_PROMPT_BYTES);
	return err;
}
