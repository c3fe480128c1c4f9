/* SPDX-License-Identifier: MIT */
/*
 * url.c - the address of a model server, however the user writes it.
 *
 * Users copy addresses with and without "/v1" from anywhere; both work. What
 * is shown to people never has a password in it.
 */
#include "model/url.h"

#include <curl/curl.h>
#include <deia/sys/adapter.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

static bool is_http(CURLU *u)
{
	char *scheme = NULL;
	bool ok = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl_free(scheme);
	return ok;
}

/* True if a part of the path is "v" and a digit, then anything. */
static bool has_version(const char *path)
{
	for (; path; path = strchr(path + 1, '/'))
		if (path[0] == '/' && path[1] == 'v' && path[2] >= '0' &&
		    path[2] <= '9')
			return true;
	return false;
}

static bool path_has_version(CURLU *u)
{
	char *path = NULL;
	bool found = curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
		     has_version(path);

	curl_free(path);
	return found;
}

static char *take_url(CURLU *u, const char *more)
{
	char *text = NULL, *copy;
	size_t len;

	if (curl_url_get(u, CURLUPART_URL, &text, 0))
		return NULL;
	len = strlen(text);
	while (len && text[len - 1] == '/')
		len--;
	copy = deia__asprintf("%.*s%s", (int)len, text, more);
	curl_free(text);
	return copy;
}

static deia_err read_parts(CURLU *u, char **url, char **shown,
			   const char *base_url, bool versioned)
{
	if (curl_url_set(u, CURLUPART_URL, base_url, CURLU_GUESS_SCHEME) ||
	    !is_http(u))
		return DEIA_EFIELD;
	curl_url_set(u, CURLUPART_QUERY, NULL, 0);
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	*url = take_url(u, versioned && !path_has_version(u) ? "/v1" : "");
	curl_url_set(u, CURLUPART_USER, NULL, 0);
	curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
	*shown = take_url(u, "");
	if (*url && *shown)
		return DEIA_OK;
	deia__free(*url);
	deia__free(*shown);
	*url = *shown = NULL;
	return DEIA_ENOMEM;
}

deia_err deia__model_url_read(char **url, char **shown, const char *base_url,
			      bool versioned)
{
	CURLU *u = curl_url();
	deia_err err = DEIA_ENOMEM;

	*url = *shown = NULL;
	if (u)
		err = read_parts(u, url, shown, base_url, versioned);
	curl_url_cleanup(u);
	return err;
}

static const struct way {
	const char *adapter, *base_url, *list;
	bool versioned;
} ways[] = {
	{ "ollama", DEIA__OLLAMA_URL, "/api/tags", false },
	{ "openai", DEIA__OPENAI_URL, "/models", true },
	{ "anthropic", DEIA__ANTHROPIC_URL, "/models?limit=1000", true },
};

static const struct way *find_way(const char *adapter)
{
	for (size_t i = 0; adapter && i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(ways[i].adapter, adapter) == 0)
			return &ways[i];
	return NULL;
}

const char *deia_adapter_default_url(const char *adapter)
{
	const struct way *way = find_way(adapter);

	return way ? way->base_url : NULL;
}

deia_err deia_adapter_models_url(char *out, size_t cap, const char *adapter,
				 const char *base_url)
{
	const struct way *way = find_way(adapter);
	char *url, *shown;
	deia_err err;
	int n;

	if (!out || !cap || !adapter || !base_url)
		return DEIA_EINVAL;
	if (!way)
		return DEIA_ENOTFOUND;
	err = deia__model_url_read(&url, &shown, base_url, way->versioned);
	if (err)
		return err;
	n = snprintf(out, cap, "%s%s", url, way->list);
	deia__free(url);
	deia__free(shown);
	return n >= 0 && (size_t)n < cap ? DEIA_OK : DEIA_ELIMIT;
}
