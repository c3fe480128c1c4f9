/* SPDX-License-Identifier: MIT */
/*
 * ollama_config.c - the config of an Ollama bot, checked and copied.
 *
 * `options` holds two things: keys that are deia's own (below) and everything
 * else, which goes to Ollama as its options untouched. A mistake is said with
 * the key and what is expected.
 */
#include "adapter/ollama_i.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define FIRST_TOKEN_SECONDS 300
#define STALL_SECONDS 30
#define MAX_SECONDS 86400
#define MAX_CTX (1 << 24)

static deia_err bad(char *why, size_t len, const char *text)
{
	(void)snprintf(why, len, "%s", text);
	return DEIA_EFIELD;
}

/* ---- base_url -------------------------------------------------------------- */

static char *take_url(CURLU *u)
{
	char *text = NULL, *copy;
	size_t len;

	if (curl_url_get(u, CURLUPART_URL, &text, 0))
		return NULL;
	len = strlen(text);
	while (len && text[len - 1] == '/')
		len--;
	copy = deia__strndup(text, len);
	curl_free(text);
	return copy;
}

static bool is_http(CURLU *u)
{
	char *scheme = NULL;
	bool ok = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl_free(scheme);
	return ok;
}

static deia_err read_url(struct ollama_config *c, const char *url, char *why,
			 size_t len)
{
	CURLU *u = curl_url();
	deia_err err = DEIA_OK;

	if (!u)
		return DEIA_ENOMEM;
	if (curl_url_set(u, CURLUPART_URL, url, CURLU_GUESS_SCHEME) ||
	    !is_http(u))
		err = bad(
			why, len,
			"base_url must be an address like " OLLAMA_DEFAULT_URL);
	if (!err) {
		curl_url_set(u, CURLUPART_QUERY, NULL, 0);
		curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
		c->url = take_url(u);
		curl_url_set(u, CURLUPART_USER, NULL, 0);
		curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
		c->shown_url = take_url(u);
		if (!c->url || !c->shown_url)
			err = DEIA_ENOMEM;
	}
	curl_url_cleanup(u);
	return err;
}

/* ---- options --------------------------------------------------------------- */

static bool is_switch_or_text(const cJSON *v)
{
	return cJSON_IsBool(v) || cJSON_IsString(v);
}

static bool is_duration(const cJSON *v)
{
	return cJSON_IsNumber(v) || cJSON_IsString(v);
}

static bool is_format(const cJSON *v)
{
	return cJSON_IsString(v) || cJSON_IsObject(v);
}

static bool is_seconds(const cJSON *v)
{
	return cJSON_IsNumber(v) && v->valuedouble >= 1 &&
	       v->valuedouble <= MAX_SECONDS;
}

static const struct own_option {
	const char *key;
	bool (*ok)(const cJSON *v);
	const char *expected;
	size_t text_at;	   /* offset of a char * that takes the JSON, or 0 */
	size_t seconds_at; /* offset of an unsigned, or 0 */
} own_options[] = {
	{ "keep_alive", is_duration,
	  "options.keep_alive must be seconds or a text like \"10m\"",
	  offsetof(struct ollama_config, keep_alive), 0 },
	{ "think", is_switch_or_text,
	  "options.think must be true, false or a text like \"high\"",
	  offsetof(struct ollama_config, think), 0 },
	{ "format", is_format,
	  "options.format must be \"json\" or a JSON schema",
	  offsetof(struct ollama_config, format), 0 },
	{ "first_token_timeout_seconds", is_seconds,
	  "options.first_token_timeout_seconds must be 1 to 86400", 0,
	  offsetof(struct ollama_config, first_token_seconds) },
	{ "stall_timeout_seconds", is_seconds,
	  "options.stall_timeout_seconds must be 1 to 86400", 0,
	  offsetof(struct ollama_config, stall_seconds) },
};

static const struct own_option *find_own(const char *key)
{
	for (size_t i = 0; i < sizeof(own_options) / sizeof(*own_options); i++)
		if (strcmp(own_options[i].key, key) == 0)
			return &own_options[i];
	return NULL;
}

static deia_err read_own(struct ollama_config *c, const struct own_option *own,
			 const cJSON *v, char *why, size_t len)
{
	char *base = (char *)c;

	if (!own->ok(v))
		return bad(why, len, own->expected);
	if (own->seconds_at) {
		unsigned seconds = (unsigned)v->valuedouble;
		memcpy(base + own->seconds_at, &seconds, sizeof(seconds));
		return DEIA_OK;
	}
	char *text = deia__json_print(v);
	if (!text)
		return DEIA_ENOMEM;
	memcpy(base + own->text_at, &text, sizeof(text));
	return DEIA_OK;
}

static deia_err add_for_ollama(deia_jw *jw, const cJSON *v)
{
	char *text = deia__json_print(v);

	if (!text)
		return DEIA_ENOMEM;
	deia_jw_kraw(jw, v->string, text);
	deia__free(text);
	return DEIA_OK;
}

static deia_err read_sizes(struct ollama_config *c, const cJSON *options,
			   char *why, size_t len)
{
	if (deia__json_get(options, "num_ctx") &&
	    !deia__json_int(options, "num_ctx", 1, MAX_CTX, &c->num_ctx))
		return bad(why, len, "options.num_ctx must be 1 to 16777216");
	(void)deia__json_int(options, "num_predict", 1, MAX_CTX,
			     &c->num_predict);
	return DEIA_OK;
}

static deia_err read_options(struct ollama_config *c, const cJSON *options,
			     char *why, size_t len)
{
	deia_err err = read_sizes(c, options, why, len);
	unsigned for_ollama = 0;
	const cJSON *v;
	deia_jw jw;

	deia_jw_init(&jw);
	deia_jw_object(&jw);
	cJSON_ArrayForEach(v, options) {
		const struct own_option *own = find_own(v->string);
		if (err)
			break;
		err = own ? read_own(c, own, v, why, len)
			  : add_for_ollama(&jw, v);
		for_ollama += !own;
	}
	deia_jw_end_object(&jw);
	if (!err)
		err = deia_jw_status(&jw);
	if (!err && for_ollama) {
		c->options = deia__strdup(jw.text);
		err = c->options ? DEIA_OK : DEIA_ENOMEM;
	}
	deia_jw_fini(&jw);
	return err;
}

/* ---- the whole ------------------------------------------------------------- */

static deia_err read_texts(struct ollama_config *c, const cJSON *json,
			   char *why, size_t len)
{
	const char *model = deia__json_str(json, "model");
	const char *prompt = deia__json_str(json, "system_prompt");
	const char *url = deia__json_str(json, "base_url");

	if (!model || !*model || strlen(model) > DEIA_MAX_NAME_BYTES)
		return bad(why, len,
			   "an ollama bot needs a \"model\", as `ollama list` "
			   "shows it");
	c->model = deia__strdup(model);
	if (!c->model)
		return DEIA_ENOMEM;
	if (prompt && *prompt) {
		c->system_prompt = deia__strdup(prompt);
		if (!c->system_prompt)
			return DEIA_ENOMEM;
	}
	return read_url(c, url && *url ? url : OLLAMA_DEFAULT_URL, why, len);
}

deia_err deia__ollama_config_read(struct ollama_config *c, const cJSON *json,
				  char *why, size_t why_len)
{
	const cJSON *options = deia__json_get(json, "options");
	deia_err err = read_texts(c, json, why, why_len);

	c->first_token_seconds = FIRST_TOKEN_SECONDS;
	c->stall_seconds = STALL_SECONDS;
	if (err || !options)
		return err;
	if (!cJSON_IsObject(options))
		return bad(why, why_len, "options must be an object");
	return read_options(c, options, why, why_len);
}

void deia__ollama_config_free(struct ollama_config *c)
{
	deia__free(c->model);
	deia__free(c->system_prompt);
	deia__free(c->url);
	deia__free(c->shown_url);
	deia__free(c->options);
	deia__free(c->keep_alive);
	deia__free(c->think);
	deia__free(c->format);
	*c = (struct ollama_config){ 0 };
}
