/* SPDX-License-Identifier: MIT */
/*
 * config.c - the config of a bot with a model server, checked and copied.
 *
 * `options` holds keys that are deia's own (the dialect's table and the common
 * ones below) and everything else, which goes to the server untouched: a server
 * knows its options better than we do. A mistake in ours is said with the key
 * and what is expected.
 */
#include "model/model.h"
#include "model/url.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define FIRST_TOKEN_SECONDS 300
#define STALL_SECONDS 30
#define MAX_SECONDS 86400
#define MAX_TOKENS (1 << 24)

static deia_err bad(char *why, size_t len, const char *text)
{
	(void)snprintf(why, len, "%s", text);
	return DEIA_EFIELD;
}

/* ---- options --------------------------------------------------------------- */

static bool is_seconds(const cJSON *v)
{
	return cJSON_IsNumber(v) && v->valuedouble >= 1 &&
	       v->valuedouble <= MAX_SECONDS;
}

bool deia__model_is_number(const cJSON *v)
{
	return cJSON_IsNumber(v);
}

static bool is_path(const cJSON *v)
{
	return cJSON_IsString(v) && v->valuestring[0] == '/';
}

/* Keys of every dialect. */
static const struct model_option common[] = {
	{ "first_token_timeout_seconds", is_seconds,
	  "options.first_token_timeout_seconds must be 1 to 86400", false },
	{ "stall_timeout_seconds", is_seconds,
	  "options.stall_timeout_seconds must be 1 to 86400", false },
	{ "ca_file", is_path,
	  "options.ca_file must be the full path of a file with certificates",
	  false },
	{ .key = NULL },
};

static const struct model_option *find(const struct model_option *in,
				       const char *key)
{
	for (; in->key; in++)
		if (strcmp(in->key, key) == 0)
			return in;
	return NULL;
}

static const struct model_option *find_option(const struct deia__dialect *d,
					      const char *key)
{
	const struct model_option *found = find(common, key);

	return found ? found : find(d->options, key);
}

static deia_err check_options(const struct deia__dialect *d,
			      const cJSON *options, char *why, size_t len)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, options) {
		const struct model_option *o = find_option(d, v->string);
		if (o && (!o->ok || !o->ok(v)))
			return bad(why, len, o->expected);
	}
	return DEIA_OK;
}

static void read_seconds(const cJSON *options, const char *key, unsigned *to)
{
	const cJSON *v = deia__json_get(options, key);

	if (v)
		*to = (unsigned)v->valuedouble;
}

static deia_err read_window(struct model_config *c,
			    const struct deia__dialect *d, const cJSON *options,
			    char *why, size_t len)
{
	if (deia__json_get(options, d->window_option) &&
	    !deia__json_int(options, d->window_option, 1, MAX_TOKENS,
			    &c->window)) {
		(void)snprintf(why, len, "options.%s must be 1 to %d",
			       d->window_option, MAX_TOKENS);
		return DEIA_EFIELD;
	}
	c->answer = d->default_answer;
	for (size_t i = 0; i < 2 && d->answer_options[i]; i++)
		(void)deia__json_int(options, d->answer_options[i], 1,
				     MAX_TOKENS, &c->answer);
	return DEIA_OK;
}

static deia_err read_options(struct model_config *c,
			     const struct deia__dialect *d,
			     const cJSON *options, char *why, size_t len)
{
	const char *ca_file = deia__json_str(options, "ca_file");
	deia_err err;

	if (options && !cJSON_IsObject(options))
		return bad(why, len, "options must be an object");
	err = check_options(d, options, why, len);
	if (!err)
		err = read_window(c, d, options, why, len);
	if (err)
		return err;
	read_seconds(options, "first_token_timeout_seconds",
		     &c->first_token_seconds);
	read_seconds(options, "stall_timeout_seconds", &c->stall_seconds);
	c->options = options;
	c->ca_file = deia__strdup(ca_file);
	return ca_file && !c->ca_file ? DEIA_ENOMEM : DEIA_OK;
}

void deia__model_print_options(deia_jw *jw, const struct model *m, bool inside)
{
	const struct deia__dialect *d = m->dialect;
	const cJSON *v;

	cJSON_ArrayForEach(v, m->config.options) {
		const struct model_option *o = find_option(d, v->string);
		bool rest = !o && !find(common, v->string);
		char *text;
		if (o && !o->passed_on)
			continue;
		if ((rest && d->rest_inside) != inside)
			continue;
		text = deia__json_print(v);
		if (!text)
			jw->failed = true;
		else
			deia_jw_kraw(jw, v->string, text);
		deia__free(text);
	}
}

/* ---- the whole ------------------------------------------------------------- */

static deia_err read_url(struct model_config *c, const struct deia__dialect *d,
			 const char *url, char *why, size_t len)
{
	deia_err err = deia__model_url_read(&c->url, &c->shown_url,
					    url && *url ? url : d->default_url,
					    d->versioned_url);

	if (err != DEIA_EFIELD)
		return err;
	(void)snprintf(why, len, "base_url must be an address like %s",
		       d->default_url);
	return err;
}

static deia_err read_texts(struct model_config *c,
			   const struct deia__dialect *d, const cJSON *json,
			   char *why, size_t len)
{
	const char *model = deia__json_str(json, "model");
	const char *prompt = deia__json_str(json, "system_prompt");

	if (!model || !*model || strlen(model) > DEIA_MAX_NAME_BYTES)
		return bad(why, len, d->needs_model);
	c->model = deia__strdup(model);
	if (!c->model)
		return DEIA_ENOMEM;
	if (prompt && *prompt) {
		c->system_prompt = deia__strdup(prompt);
		if (!c->system_prompt)
			return DEIA_ENOMEM;
	}
	return DEIA_OK;
}

deia_err deia__model_config_read(struct model_config *c,
				 const struct deia__dialect *dialect,
				 const cJSON *json, char *why, size_t why_len)
{
	deia_err err = read_texts(c, dialect, json, why, why_len);

	c->first_token_seconds = FIRST_TOKEN_SECONDS;
	c->stall_seconds = STALL_SECONDS;
	if (!err)
		err = read_url(c, dialect, deia__json_str(json, "base_url"),
			       why, why_len);
	if (!err)
		err = read_options(c, dialect, deia__json_get(json, "options"),
				   why, why_len);
	if (!err)
		err = deia_adapter_key_read(
			&c->key, deia__json_str(json, "api_key_env"),
			deia__json_str(json, "api_key_file"), why, why_len);
	return err;
}

void deia__model_config_free(struct model_config *c)
{
	deia__free(c->model);
	deia__free(c->system_prompt);
	deia__free(c->url);
	deia__free(c->shown_url);
	deia__free(c->key);
	deia__free(c->ca_file);
	*c = (struct model_config){ 0 };
}
