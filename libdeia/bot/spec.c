/* SPDX-License-Identifier: MIT */
/*
 * spec.c - checking, copying and printing what a bot is.
 *
 * A copy is one heap block: the struct, then the pointer arrays, then the
 * text. Reading a spec from JSON is in spec_parse.c.
 */
#include "bot/spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <deia/limits.h>
#include <deia/sys/json.h>

#include "bot/restart.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/utf8.h"

#define AVAILABLE "echo, ollama, process"

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

static deia_err check_adapter(const struct check *c)
{
	static const char *const known[] = { "openai", "anthropic", "exec",
					     "external" };
	const char *a = c->s->adapter;
	size_t i;

	if (a == NULL)
		return deia__field_error(c->where, "/adapter",
					 "is required: one of " AVAILABLE);
	if (strcmp(a, "echo") == 0 || strcmp(a, "ollama") == 0 ||
	    strcmp(a, "process") == 0)
		return DEIA_OK;
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(a, known[i]) == 0)
			return deia__field_error(
				c->where, "/adapter",
				"adapter \"%s\" is not in this build; "
				"available: " AVAILABLE,
				a);
	return deia__field_error(
		c->where, "/adapter",
		"there is no adapter \"%.64s\"; available: " AVAILABLE, a);
}

static deia_err check_argv(const struct check *c)
{
	const struct deia_bot_spec *s = c->s;
	bool process = strcmp(s->adapter, "process") == 0;
	char pointer[32];
	deia_err err;
	size_t i;

	if (process && (s->n_argv == 0 || s->argv[0][0] == '\0'))
		return deia__field_error(c->where, "/argv",
					 "adapter \"process\" needs the "
					 "program and its arguments, such as "
					 "[\"/usr/bin/python3\", \"bot.py\"]");
	if (!process && s->n_argv != 0)
		return deia__field_error(c->where, "/argv",
					 "is only for adapter \"process\"");
	if (s->n_argv > DEIA_MAX_ARGV_LEN)
		return deia__field_error(c->where, "/argv",
					 "must have at most %d items",
					 DEIA_MAX_ARGV_LEN);
	for (i = 0; i < s->n_argv; i++) {
		snprintf(pointer, sizeof(pointer), "/argv/%zu", i);
		err = check_text(c, pointer, s->argv[i], DEIA_MAX_PROMPT_BYTES);
		if (err)
			return err;
	}
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

static deia_err check_capabilities(const struct check *c)
{
	char pointer[40];
	deia_err err;
	size_t i;

	if (c->s->n_capabilities > DEIA_MAX_CAPABILITIES_LEN)
		return deia__field_error(c->where, "/capabilities",
					 "must have at most %d items",
					 DEIA_MAX_CAPABILITIES_LEN);
	for (i = 0; i < c->s->n_capabilities; i++) {
		snprintf(pointer, sizeof(pointer), "/capabilities/%zu", i);
		err = check_word(c, pointer, c->s->capabilities[i]);
		if (err)
			return err;
	}
	return DEIA_OK;
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
	const struct deia_bot_spec *s = c->s;
	const struct {
		const char *pointer;
		unsigned v, min, max;
	} numbers[] = {
		{ "/max_concurrent", s->max_concurrent, 1,
		  DEIA_MAX_CONCURRENT },
		{ "/restart/max_restarts", s->max_restarts, 0,
		  DEIA__RESTART_MAX },
		{ "/restart/window_seconds", s->window_seconds, 1, 86400 },
		{ "/ready_timeout_seconds", s->ready_timeout_seconds, 1,
		  86400 },
		{ "/stop_timeout_seconds", s->stop_timeout_seconds, 0, 3600 },
		{ "/heartbeat_timeout_seconds", s->heartbeat_timeout_seconds, 1,
		  86400 },
	};
	size_t i;
	deia_err err;

	if ((size_t)s->restart >= N_POLICIES)
		return deia__field_error(c->where, "/restart/policy",
					 "must be always, on-failure or never");
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		err = check_range(c, numbers[i].pointer, numbers[i].v,
				  numbers[i].min, numbers[i].max);
		if (err)
			return err;
	}
	return DEIA_OK;
}

static deia_err check_model(const struct check *c)
{
	if (strcmp(c->s->adapter, "ollama") == 0 &&
	    (c->s->model == NULL || *c->s->model == '\0'))
		return deia__field_error(c->where, "/model",
					 "adapter \"ollama\" needs a model, "
					 "such as \"llama3.2\"");
	return check_text(c, "/model", c->s->model, DEIA_MAX_NAME_BYTES);
}

static deia_err check_cwd(const struct check *c)
{
	if (c->s->cwd != NULL && c->s->cwd[0] != '/')
		return deia__field_error(c->where, "/cwd",
					 "must be an absolute path");
	return check_text(c, "/cwd", c->s->cwd, DEIA_MAX_PATH_BYTES - 1);
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
	return err;
}

deia_err deia_bot_spec_check(const struct deia_bot_spec *spec,
			     struct deia_field_error *where)
{
	static deia_err (*const checks[])(const struct check *) = {
		check_words,	    check_adapter, check_argv, check_env,
		check_capabilities, check_model,   check_url,  check_options,
		check_cwd,	    check_numbers,
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

/* ---- copy ------------------------------------------------------------------ */

/* Measures while block is NULL, then copies into it. */
struct copier {
	char *text; /* where the next text goes */
	const char **ptrs;
	size_t text_len, n_ptrs;
};

static const char *copy_text(struct copier *c, const char *s)
{
	char *at = c->text;
	size_t len;

	if (s == NULL)
		return NULL;
	len = strlen(s) + 1;
	c->text_len += len;
	if (at == NULL)
		return s;
	memcpy(at, s, len);
	c->text += len;
	return at;
}

static const char *const *copy_list(struct copier *c, const char *const *list,
				    size_t n)
{
	const char **at = c->ptrs;
	const char *s;
	size_t i;

	if (n == 0)
		return NULL;
	c->n_ptrs += n + 1;
	if (at != NULL)
		c->ptrs += n + 1; /* the last one stays NULL */
	for (i = 0; i < n; i++) {
		s = copy_text(c, list[i]);
		if (at != NULL)
			at[i] = s;
	}
	return at != NULL ? (const char *const *)at : list;
}

static void copy_members(struct copier *c, struct deia_bot_spec *to,
			 const struct deia_bot_spec *from)
{
	*to = *from;
	to->id = copy_text(c, from->id);
	to->adapter = copy_text(c, from->adapter);
	to->template_name = copy_text(c, from->template_name);
	to->model = copy_text(c, from->model);
	to->base_url = copy_text(c, from->base_url);
	to->argv = copy_list(c, from->argv, from->n_argv);
	to->cwd = copy_text(c, from->cwd);
	to->env = copy_list(c, from->env, from->n_env);
	to->type = copy_text(c, from->type);
	to->capabilities =
		copy_list(c, from->capabilities, from->n_capabilities);
	to->system_prompt = copy_text(c, from->system_prompt);
	to->options = copy_text(c, from->options);
	to->on_message = copy_text(c, from->on_message);
}

deia_err deia_bot_spec_dup(struct deia_bot_spec **out,
			   const struct deia_bot_spec *spec)
{
	struct deia_bot_spec full, *copy;
	struct copier measure = { 0 }, fill = { 0 };

	*out = NULL;
	if (spec == NULL || !deia__spec_overlay(&full, spec))
		return DEIA_EINVAL;
	copy_members(&measure, &(struct deia_bot_spec){ 0 }, &full);
	copy = deia__alloc(sizeof(*copy) + measure.n_ptrs * sizeof(char *) +
			   measure.text_len);
	if (copy == NULL)
		return DEIA_ENOMEM;
	fill.ptrs = (const char **)(copy + 1);
	fill.text = (char *)(fill.ptrs + measure.n_ptrs);
	copy_members(&fill, copy, &full);
	*out = copy;
	return DEIA_OK;
}

void deia_bot_spec_free(struct deia_bot_spec *spec)
{
	deia__free(spec);
}

/* ---- print ----------------------------------------------------------------- */

static void print_list(deia_jw *w, const char *key, const char *const *list,
		       size_t n)
{
	size_t i;

	deia_jw_key(w, key);
	deia_jw_array(w);
	for (i = 0; i < n; i++)
		deia_jw_str(w, list[i]);
	deia_jw_end_array(w);
}

static void print_env(const struct deia_bot_spec *s, bool redact, deia_jw *w)
{
	char name[DEIA_MAX_NAME_BYTES + 1];
	size_t i, len;

	deia_jw_key(w, "env");
	deia_jw_object(w);
	for (i = 0; i < s->n_env; i++) {
		len = strcspn(s->env[i], "=");
		if (len >= sizeof(name) || s->env[i][len] == '\0')
			continue;
		memcpy(name, s->env[i], len);
		name[len] = '\0';
		deia_jw_kstr(w, name,
			     redact ? DEIA__ENV_REDACTED : s->env[i] + len + 1);
	}
	deia_jw_end_object(w);
}

void deia_bot_spec_print(const struct deia_bot_spec *spec, bool redact,
			 struct deia_jw *w)
{
	deia_jw_kstr(w, "id", spec->id);
	deia_jw_kstr(w, "adapter", spec->adapter);
	deia_jw_kstr(w, "template", spec->template_name);
	deia_jw_kstr(w, "model", spec->model);
	deia_jw_kstr(w, "base_url", spec->base_url);
	print_list(w, "argv", spec->argv, spec->n_argv);
	deia_jw_kstr(w, "cwd", spec->cwd);
	print_env(spec, redact, w);
	deia_jw_kstr(w, "type", spec->type);
	print_list(w, "capabilities", spec->capabilities, spec->n_capabilities);
	deia_jw_kstr(w, "system_prompt", spec->system_prompt);
	deia_jw_kraw(w, "options", spec->options);
	deia_jw_kstr(w, "on_message",
		     spec->on_message != NULL ? spec->on_message : "hold");
	deia_jw_kint(w, "max_concurrent", spec->max_concurrent);
	deia_jw_key(w, "restart");
	deia_jw_object(w);
	deia_jw_kstr(w, "policy", deia__restart_policy_name(spec->restart));
	deia_jw_kint(w, "max_restarts", spec->max_restarts);
	deia_jw_kint(w, "window_seconds", spec->window_seconds);
	deia_jw_end_object(w);
	deia_jw_kint(w, "ready_timeout_seconds", spec->ready_timeout_seconds);
	deia_jw_kint(w, "stop_timeout_seconds", spec->stop_timeout_seconds);
	deia_jw_kint(w, "heartbeat_timeout_seconds",
		     spec->heartbeat_timeout_seconds);
}
