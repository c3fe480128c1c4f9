/* SPDX-License-Identifier: MIT */
/*
 * models.c - GET /models: what a model server has.
 *
 * Only addresses that are known here (configuration, templates, bots) or, for
 * operators, of this machine are asked, so that the route cannot be used to
 * reach into a network, nor by a viewer to look for what listens here. The key
 * of a bot or template is sent to the address it was configured with alone. A
 * worker reads it and asks, with short deadlines, without redirects; a few at a
 * time, so that servers that hang never hold all workers.
 */
#include "routes.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/config.h>
#include <deia/hive.h>
#include <deia/hive_checks.h>
#include <deia/limits.h>
#include <deia/sys/adapter.h>

#include "../app.h"
#include "../http/reply.h"
#include "../jobs.h"

#define ANSWER_MAX (4u << 20)
#define URL_MAX_BYTES 512
#define ASKING_MAX (JOBS_THREADS - 1)

/* How an adapter's server writes its list. */
static const struct dialect {
	const char *adapter, *server;
	const char *list, *name; /* {"models":[{"name":...}]} */
	const char *key_header, *more_header;
	const char *hint; /* when nothing answers */
} dialects[] = {
	{ "ollama", "an Ollama server", "models", "name",
	  "Authorization: Bearer ", NULL,
	  "Is it running? Ollama starts with `ollama serve`." },
	{ "openai", "a server with /v1/models", "data", "id",
	  "Authorization: Bearer ", NULL, "Is it running?" },
	{ "anthropic", "a server with /v1/models", "data", "id",
	  "x-api-key: ", "anthropic-version: 2023-06-01", "Is it running?" },
};

struct model_job {
	struct job job;
	struct rq *rq; /* held; NULL: a health check asks */
	struct app *app;
	void (*checked)(const char *problem, void *ctx);
	void *ctx;
	const struct dialect *dialect;
	char url[URL_MAX_BYTES + 32], base[URL_MAX_BYTES];
	char *key_env, *key_file; /* where the key is, or NULL */
	char problem[256];	  /* about the key */
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

static bool add_header(struct curl_slist **list, const char *text)
{
	struct curl_slist *more = text ? curl_slist_append(*list, text) : *list;

	if (text && !more)
		return false;
	*list = more;
	return true;
}

/* The headers beyond curl's own; false: m->problem or out of memory. */
static bool make_headers(struct model_job *m, struct curl_slist **list)
{
	char *key, *line = NULL;
	bool ok;

	if (deia_adapter_key_read(&key, m->key_env, m->key_file, m->problem,
				  sizeof(m->problem)))
		return false;
	ok = !key || asprintf(&line, "%s%s", m->dialect->key_header, key) >= 0;
	ok = ok && add_header(list, key ? line : NULL) &&
	     add_header(list, m->dialect->more_header);
	if (key)
		free(line);
	free(key);
	return ok;
}

static void set_options(CURL *c, struct model_job *m, struct curl_slist *list)
{
	curl_easy_setopt(c, CURLOPT_URL, m->url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 2000L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 5000L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, m);
}

static void ask(struct job *job)
{
	struct model_job *m = (struct model_job *)job;
	struct curl_slist *list = NULL;
	CURL *c = curl_easy_init();

	m->code = CURLE_OUT_OF_MEMORY;
	if (c && make_headers(m, &list)) {
		set_options(c, m, list);
		m->code = curl_easy_perform(c);
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &m->status);
	}
	curl_slist_free_all(list);
	curl_easy_cleanup(c);
}

/* Ollama writes modified_at, OpenAI created as a Unix time, Anthropic
 * created_at; servers that do not know the time write 0 or 1970. */
static void print_time(struct deia_jw *w, const cJSON *model)
{
	const cJSON *created =
		cJSON_GetObjectItemCaseSensitive(model, "created");
	const cJSON *when =
		cJSON_GetObjectItemCaseSensitive(model, "modified_at");

	if (!when)
		when = cJSON_GetObjectItemCaseSensitive(model, "created_at");
	if (cJSON_IsNumber(created) && created->valuedouble > 0 &&
	    created->valuedouble < 1e11)
		deia_jw_ktime(w, "modified_at",
			      (int64_t)created->valuedouble * 1000);
	else
		deia_jw_kstr(w, "modified_at", cJSON_GetStringValue(when));
}

static void print_model(struct deia_jw *w, const struct dialect *d,
			const cJSON *model)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(model, d->name);
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(model, "size");

	if (!cJSON_IsString(name))
		return;
	deia_jw_object(w);
	deia_jw_kstr(w, "name", name->valuestring);
	if (cJSON_IsNumber(size) && size->valuedouble >= 0)
		deia_jw_kint(w, "size_bytes", (int64_t)size->valuedouble);
	else
		deia_jw_kraw(w, "size_bytes", NULL);
	print_time(w, model);
	deia_jw_end_object(w);
}

static void send_models(struct rq *rq, const struct model_job *m)
{
	struct deia_json_error where;
	const cJSON *models, *model;
	cJSON *json = NULL;
	struct deia_jw w;

	if (deia_json_parse(&json, m->text ? m->text : "", m->len, &where) ||
	    !(models = cJSON_GetObjectItemCaseSensitive(json,
							m->dialect->list))) {
		rq_problem(rq, 502, deia_err_name(DEIA_EREMOTE),
			   "%s answers, but not like %s.", m->base,
			   m->dialect->server);
		cJSON_Delete(json);
		return;
	}
	list_begin(&w);
	cJSON_ArrayForEach(model, models)
		print_model(&w, m->dialect, model);
	list_send(rq, &w, NULL);
	cJSON_Delete(json);
}

static void free_job(struct model_job *m)
{
	if (m->rq)
		rq_drop(m->rq);
	free(m->key_env);
	free(m->key_file);
	free(m->text);
	free(m);
}

/* What to do about a status that is not 200. */
static const char *status_hint(long status)
{
	if (status == 401 || status == 403)
		return " It wants a key: give one of its bots or templates "
		       "api_key_env or api_key_file.";
	if (status == 404)
		return " It does not list its models, or the address is wrong.";
	return "";
}

static void answered(struct job *job)
{
	struct model_job *m = (struct model_job *)job;
	struct rq *rq = m->rq;

	app_of(rq->srv)->asking_models--;
	if (job->dropped)
		rq_fail_with(rq, DEIA_EUNAVAILABLE,
			     "The server is going down.");
	else if (*m->problem)
		rq_problem(rq, 502, deia_err_name(DEIA_EREMOTE),
			   "The key for %s: %s.", m->base, m->problem);
	else if (m->code == CURLE_OPERATION_TIMEDOUT)
		rq_problem(rq, 504, deia_err_name(DEIA_ETIMEDOUT),
			   "%s did not answer within 5 seconds.", m->base);
	else if (m->code != CURLE_OK)
		rq_problem(rq, 502, deia_err_name(DEIA_EREMOTE),
			   "No model server answers at %s (%s). %s", m->base,
			   curl_easy_strerror(m->code), m->dialect->hint);
	else if (m->status != 200)
		rq_problem(rq, 502, deia_err_name(DEIA_EREMOTE),
			   "%s answered with status %ld.%s", m->base, m->status,
			   status_hint(m->status));
	else
		send_models(rq, m);
	free_job(m);
}

/* ---- for the health checks ------------------------------------------------- */

static void print_problem(char *out, size_t len, const struct model_job *m)
{
	if (m->job.dropped)
		snprintf(out, len, "deiad is going down");
	else if (*m->problem)
		snprintf(out, len, "its key: %s", m->problem);
	else if (m->code == CURLE_OPERATION_TIMEDOUT)
		snprintf(out, len, "no answer within 5 seconds");
	else if (m->code != CURLE_OK)
		snprintf(out, len, "%s", curl_easy_strerror(m->code));
	else if (m->status != 200)
		snprintf(out, len, "status %ld.%s", m->status,
			 status_hint(m->status));
}

static void checked(struct job *job)
{
	struct model_job *m = (struct model_job *)job;
	char problem[512] = "";

	m->app->asking_models--;
	print_problem(problem, sizeof(problem), m);
	m->checked(problem, m->ctx);
	free_job(m);
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

/* What is asked, and whose key goes with it. */
struct question {
	const char *adapter, *url;
	const struct deia_bot_spec *keyed; /* borrowed; NULL: none has a key */
	bool known;			   /* url is somebody's */
};

static void look_at(struct question *q, const struct deia_bot_spec *spec)
{
	const char *url = spec->base_url;
	bool same_adapter =
		spec->adapter && strcmp(spec->adapter, q->adapter) == 0;

	if (!url && same_adapter)
		url = deia_adapter_default_url(q->adapter);
	if (!same_url(url, q->url))
		return;
	q->known = true;
	if (same_adapter && !q->keyed &&
	    (spec->api_key_env || spec->api_key_file))
		q->keyed = spec;
}

static void look_in_templates(struct question *q, const deia_config *config)
{
	const char *names[256];
	size_t n = deia_config_templates(config, names, 256);

	for (size_t i = 0; i < n && i < 256; i++) {
		const struct deia_bot_spec *t =
			deia_config_template(config, names[i]);

		if (t)
			look_at(q, t);
	}
}

static void look_at_bots(struct question *q, const deia_hive *hive)
{
	char last[DEIA_MAX_ID_LEN + 1] = "";
	struct deia_hive_bot page[64];
	size_t n;

	while ((n = deia_hive_bot_list(hive, last[0] ? last : NULL, page,
				       64))) {
		for (size_t i = 0; i < n; i++)
			look_at(q, page[i].info->spec);
		snprintf(last, sizeof(last), "%s", page[n - 1].info->spec->id);
	}
}

static bool url_allowed(struct rq *rq, struct question *q)
{
	struct app *app = app_of(rq->srv);
	char host[256];

	if (strlen(q->url) >= URL_MAX_BYTES ||
	    !host_of(q->url, host, sizeof(host))) {
		rq_bad_field(rq, "?base_url",
			     "expected an address like "
			     "http://127.0.0.1:11434");
		return false;
	}
	look_in_templates(q, app->config);
	look_at_bots(q, app->hive);
	if (q->known ||
	    (rq->actor.role >= DEIA_ROLE_OPERATOR && is_this_machine(host)) ||
	    same_url(deia_config_str(app->config, "ollama.url"), q->url))
		return true;
	rq_bad_field(rq, "?base_url",
		     "only model servers in the configuration, of a bot, or "
		     "(for operators) on this machine are asked; add it to "
		     "config.yaml");
	return false;
}

static bool copy_text(char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return !text || *to;
}

static struct model_job *make_job(struct app *app, const struct question *q,
				  const struct dialect *dialect)
{
	struct model_job *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->job.run = ask;
	m->dialect = dialect;
	m->app = app;
	snprintf(m->base, sizeof(m->base), "%s", q->url);
	while (*m->base && m->base[strlen(m->base) - 1] == '/')
		m->base[strlen(m->base) - 1] = '\0';
	if (!deia_adapter_models_url(m->url, sizeof(m->url), q->adapter,
				     m->base) &&
	    copy_text(&m->key_env, q->keyed ? q->keyed->api_key_env : NULL) &&
	    copy_text(&m->key_file, q->keyed ? q->keyed->api_key_file : NULL))
		return m;
	free_job(m);
	return NULL;
}

/* A few at a time, so that some workers are left for other things. */
static bool submit(struct model_job *m)
{
	struct app *app = m->app;

	if (app->asking_models >= ASKING_MAX ||
	    !jobs_submit(app->jobs, &m->job))
		return false;
	app->asking_models++;
	return true;
}

static const struct dialect *find_dialect(const char *adapter)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(*dialects); i++)
		if (strcmp(dialects[i].adapter, adapter) == 0)
			return &dialects[i];
	return NULL;
}

void route_models(struct rq *rq)
{
	const char *adapter = rq_query(rq, "adapter");
	struct app *app = app_of(rq->srv);
	struct question q = { .adapter = adapter ? adapter : "ollama",
			      .url = rq_query(rq, "base_url") };
	const struct dialect *dialect = find_dialect(q.adapter);
	struct model_job *m;

	if (!dialect) {
		rq_bad_field(rq, "?adapter",
			     "expected ollama, openai or anthropic");
		return;
	}
	if (!q.url)
		q.url = dialect == dialects
				? deia_config_str(app->config, "ollama.url")
				: deia_adapter_default_url(q.adapter);
	if (!url_allowed(rq, &q))
		return;
	m = make_job(app, &q, dialect);
	if (!m) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	m->job.done = answered;
	m->rq = rq;
	rq_hold(rq);
	if (submit(m))
		return;
	rq_fail_with(rq, DEIA_EBUSY, "Too many are asking; try again.");
	free_job(m);
}

/* The address is that of a bot, and its own key goes with it. */
bool models_ask(struct app *app, const struct deia_check_model *model,
		void (*done)(const char *problem, void *ctx), void *ctx)
{
	struct deia_bot_spec keyed = DEIA_BOT_SPEC_INIT;
	struct question q = { .adapter = model->adapter,
			      .url = model->url,
			      .keyed = &keyed };
	const struct dialect *dialect = find_dialect(model->adapter);
	struct model_job *m;

	keyed.api_key_env = model->key_env;
	keyed.api_key_file = model->key_file;
	m = dialect && strlen(q.url) < URL_MAX_BYTES
		    ? make_job(app, &q, dialect)
		    : NULL;
	if (!m)
		return false;
	m->job.done = checked;
	m->checked = done;
	m->ctx = ctx;
	if (submit(m))
		return true;
	free_job(m);
	return false;
}
