/* SPDX-License-Identifier: MIT */
/*
 * models.c - GET /models: what a model server has.
 *
 * Only addresses that are known here (configuration, templates, bots) or, for
 * operators, of this machine are asked, so that the route cannot be used to
 * reach into a network, nor by a viewer to look for what listens here. A
 * worker asks, with short deadlines, without redirects; a few at a time, so
 * that servers that hang never hold all workers.
 */
#include "routes.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/config.h>
#include <deia/hive.h>
#include <deia/limits.h>

#include "../app.h"
#include "../http/reply.h"
#include "../jobs.h"

#define ANSWER_MAX (4u << 20)
#define URL_MAX_BYTES 512
#define ASKING_MAX (JOBS_THREADS - 1)

struct model_job {
	struct job job;
	struct rq *rq; /* held */
	char url[URL_MAX_BYTES + 16], base[URL_MAX_BYTES];
	char problem[CURL_ERROR_SIZE + 64];
	char *text;
	size_t len;
	CURLcode code;
	long status;
};

static size_t take(char *p, size_t size, size_t n, void *user)
{
	struct model_job *m = user;
	size_t len = size * n;
	char *grown;

	if (m->len + len > ANSWER_MAX)
		return 0;
	grown = realloc(m->text, m->len + len + 1);
	if (!grown)
		return 0;
	memcpy(grown + m->len, p, len);
	m->text = grown;
	m->len += len;
	grown[m->len] = '\0';
	return len;
}

static void ask(struct job *job)
{
	struct model_job *m = (struct model_job *)job;
	CURL *c = curl_easy_init();

	m->code = CURLE_OUT_OF_MEMORY;
	if (!c)
		return;
	curl_easy_setopt(c, CURLOPT_URL, m->url);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 2000L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 5000L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, m);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, m->problem);
	m->code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &m->status);
	curl_easy_cleanup(c);
}

static void print_model(struct deia_jw *w, const cJSON *model)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(model, "name");
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(model, "size");
	const cJSON *when =
		cJSON_GetObjectItemCaseSensitive(model, "modified_at");

	if (!cJSON_IsString(name))
		return;
	deia_jw_object(w);
	deia_jw_kstr(w, "name", name->valuestring);
	if (cJSON_IsNumber(size) && size->valuedouble >= 0)
		deia_jw_kint(w, "size_bytes", (int64_t)size->valuedouble);
	else
		deia_jw_kraw(w, "size_bytes", NULL);
	deia_jw_kstr(w, "modified_at", cJSON_GetStringValue(when));
	deia_jw_end_object(w);
}

static void send_models(struct rq *rq, const struct model_job *m)
{
	struct deia_json_error where;
	const cJSON *models, *model;
	cJSON *json = NULL;
	struct deia_jw w;

	if (deia_json_parse(&json, m->text ? m->text : "", m->len, &where) ||
	    !(models = cJSON_GetObjectItemCaseSensitive(json, "models"))) {
		rq_problem(rq, 502, deia_err_name(DEIA_EREMOTE),
			   "%s answers, but not like an Ollama server.",
			   m->base);
		cJSON_Delete(json);
		return;
	}
	list_begin(&w);
	cJSON_ArrayForEach(model, models)
		print_model(&w, model);
	list_end(&w, NULL);
	rq_send_json(rq, 200, &w);
	cJSON_Delete(json);
}

static void answered(struct job *job)
{
	struct model_job *m = (struct model_job *)job;
	struct rq *rq = m->rq;

	app_of(rq->srv)->asking_models--;
	if (job->dropped)
		rq_fail_with(rq, DEIA_EUNAVAILABLE,
			     "The server is going down.");
	else if (m->code == CURLE_OPERATION_TIMEDOUT)
		rq_problem(rq, 504, deia_err_name(DEIA_ETIMEDOUT),
			   "%s did not answer within 5 seconds.", m->base);
	else if (m->code != CURLE_OK)
		rq_problem(rq, 502, deia_err_name(DEIA_EREMOTE),
			   "No model server answers at %s (%s). Is it running? "
			   "Ollama starts with `ollama serve`.",
			   m->base, curl_easy_strerror(m->code));
	else if (m->status != 200)
		rq_problem(rq, 502, deia_err_name(DEIA_EREMOTE),
			   "%s answered with status %ld.", m->base, m->status);
	else
		send_models(rq, m);
	rq_drop(rq);
	free(m->text);
	free(m);
}

/* ---- which addresses --------------------------------------------------- */

/* The host of a URL, lower case; false when it is no plain http(s) URL. */
static bool host_of(const char *url, char *host, size_t cap)
{
	CURLU *u = curl_url();
	char *text = NULL, *user = NULL;
	bool ok;

	ok = u &&
	     (strncmp(url, "http://", 7) == 0 ||
	      strncmp(url, "https://", 8) == 0) &&
	     curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	     !strpbrk(url, "?#") && /* what is appended must stay the path */
	     curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
	     curl_url_get(u, CURLUPART_HOST, &text, 0) == CURLUE_OK &&
	     strlen(text) < cap;
	if (ok)
		snprintf(host, cap, "%s", text);
	curl_free(text);
	curl_free(user);
	curl_url_cleanup(u);
	return ok;
}

static bool is_this_machine(const char *host)
{
	static const char *const names[] = { "localhost", "[::1]", "::1" };
	unsigned a, b, c, d;
	char rest;

	for (size_t i = 0; i < 3; i++)
		if (strcasecmp(host, names[i]) == 0)
			return true;
	return sscanf(host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) == 4 &&
	       a == 127;
}

static bool same_url(const char *a, const char *b)
{
	size_t n = a ? strlen(a) : 0, m = strlen(b);

	while (n && a[n - 1] == '/')
		n--;
	while (m && b[m - 1] == '/')
		m--;
	return n && n == m && strncasecmp(a, b, n) == 0;
}

static bool in_templates(const deia_config *config, const char *url)
{
	const char *names[256];
	size_t n = deia_config_templates(config, names, 256);

	for (size_t i = 0; i < n && i < 256; i++) {
		const struct deia_bot_spec *t =
			deia_config_template(config, names[i]);

		if (t && same_url(t->base_url, url))
			return true;
	}
	return false;
}

static bool in_bots(const deia_hive *hive, const char *url)
{
	char last[DEIA_MAX_ID_LEN + 1] = "";
	struct deia_hive_bot page[64];
	size_t n;

	while ((n = deia_hive_bot_list(hive, last[0] ? last : NULL, page,
				       64))) {
		for (size_t i = 0; i < n; i++)
			if (same_url(page[i].info->spec->base_url, url))
				return true;
		snprintf(last, sizeof(last), "%s", page[n - 1].info->spec->id);
	}
	return false;
}

static bool url_allowed(struct rq *rq, const char *url)
{
	struct app *app = app_of(rq->srv);
	char host[256];

	if (strlen(url) >= URL_MAX_BYTES || !host_of(url, host, sizeof(host))) {
		rq_bad_field(rq, "?base_url",
			     "expected an address like "
			     "http://127.0.0.1:11434");
		return false;
	}
	if ((rq->actor.role >= DEIA_ROLE_OPERATOR && is_this_machine(host)) ||
	    same_url(deia_config_str(app->config, "ollama.url"), url) ||
	    in_templates(app->config, url) || in_bots(app->hive, url))
		return true;
	rq_bad_field(rq, "?base_url",
		     "only model servers in the configuration, of a bot, or "
		     "(for operators) on this machine are asked; add it to "
		     "config.yaml");
	return false;
}

void route_models(struct rq *rq)
{
	const char *adapter = rq_query(rq, "adapter");
	const char *url = rq_query(rq, "base_url");
	struct app *app = app_of(rq->srv);
	struct model_job *m;

	if (adapter && strcmp(adapter, "ollama") != 0) {
		rq_bad_field(rq, "?adapter", "only ollama lists its models");
		return;
	}
	if (!url)
		url = deia_config_str(app->config, "ollama.url");
	if (!url_allowed(rq, url))
		return;
	m = calloc(1, sizeof(*m));
	if (!m) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	snprintf(m->base, sizeof(m->base), "%s", url);
	while (*m->base && m->base[strlen(m->base) - 1] == '/')
		m->base[strlen(m->base) - 1] = '\0';
	snprintf(m->url, sizeof(m->url), "%s/api/tags", m->base);
	m->job.run = ask;
	m->job.done = answered;
	m->rq = rq;
	rq_hold(rq);
	if (app->asking_models < ASKING_MAX &&
	    jobs_submit(app->jobs, &m->job)) {
		app->asking_models++;
		return;
	}
	rq_fail_with(rq, DEIA_EBUSY, "Too many are asking; try again.");
	rq_drop(rq);
	free(m);
}
