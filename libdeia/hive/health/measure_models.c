/* SPDX-License-Identifier: MIT */
/*
 * measure_models.c - the servers that models answer from, as the turns of bots
 * find them. Nothing is asked for it: a server that nobody uses is not known.
 *
 * A turn that got an answer, or a refusal, proves that its server is there; one
 * that reached nobody, or of which nothing more came, that it is not. Any other
 * end proves nothing. What nobody has tried for half an hour is not known any
 * more, nor is a server that no bot of this node uses.
 */
#include "hive/health/health.h"

#include <math.h>
#include <string.h>

#define SERVERS_MAX 64 /* further ones are not measured */
#define SPAN_MS 300000 /* a latency is of the last 5 to 10 minutes */
#define SILENT_MS 1800000

struct deia__model_server {
	char name[DEIA_HEALTH_MAX_SUBJECT_LEN + 1];
	struct deia_histogram first; /* until the first output */
	struct deia__window window;
	int64_t told_ms; /* when a turn last said something */
	bool used;	 /* seen in this round through the bots */
	UT_hash_handle hh;
};

/* ---- names ----------------------------------------------------------------- */

/* As libdeia/model/url.h has them, which is a module of its own. */
static const char *default_url(const char *adapter)
{
	static const struct {
		const char *adapter, *url;
	} all[] = { { "ollama", "http://127.0.0.1:11434" },
		    { "openai", "https://api.openai.com/v1" },
		    { "anthropic", "https://api.anthropic.com" } };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (strcmp(adapter, all[i].adapter) == 0)
			return all[i].url;
	return NULL;
}

bool deia__model_server(char out[static DEIA_HEALTH_MAX_SUBJECT_LEN + 1],
			const struct deia_bot_spec *spec)
{
	const char *url = default_url(spec->adapter), *host, *at;
	size_t scheme, len;

	if (url && spec->base_url)
		url = spec->base_url;
	host = url ? strstr(url, "://") : NULL;
	if (!host)
		return false;
	host += 3;
	scheme = (size_t)(host - url);
	len = strcspn(host, "/?#");
	at = memchr(host, '@', len);
	if (at) { /* nobody's password */
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (!len || scheme + len > DEIA_HEALTH_MAX_SUBJECT_LEN)
		return false;
	memcpy(out, url, scheme);
	memcpy(out + scheme, host, len);
	out[scheme + len] = '\0';
	return true;
}

/* ---- servers --------------------------------------------------------------- */

static struct deia__model_server *find(const deia_hive *h, const char *name)
{
	struct deia__model_server *s;

	HASH_FIND_STR(h->health->measures.servers, name, s);
	return s;
}

/* NULL: there are enough, or memory ran out. */
static struct deia__model_server *add(deia_hive *h, const char *name)
{
	struct deia__measures *m = &h->health->measures;
	struct deia__model_server *s = find(h, name);

	if (s)
		return s;
	if (HASH_COUNT(m->servers) >= SERVERS_MAX)
		return NULL;
	s = deia__alloc(sizeof(*s));
	if (!s)
		return NULL;
	memcpy(s->name, name, strlen(name) + 1);
	deia_histogram_init(&s->first, DEIA_SCALE_TURN);
	s->used = true;
	HASH_ADD_STR(m->servers, name, s);
	if (s->hh.tbl)
		return s;
	deia__free(s);
	return NULL;
}

static void drop(deia_hive *h, struct deia__model_server *s)
{
	deia_health_remove(h->health->monitor, "model", s->name);
	HASH_DEL(h->health->measures.servers, s);
	deia__free(s);
}

enum word { NOTHING, ANSWERS, SILENT };

static enum word word_of(const struct deia_work_result *r)
{
	if (!r->err)
		return ANSWERS;
	if (strcmp(r->code, "model_server_unreachable") == 0 ||
	    strcmp(r->code, "first_token_timeout") == 0 ||
	    strcmp(r->code, "model_stalled") == 0)
		return SILENT;
	if (strncmp(r->code, "model_", 6) == 0 ||
	    strcmp(r->code, "rate_limited") == 0 ||
	    strcmp(r->code, "bad_answer") == 0)
		return ANSWERS;
	return NOTHING;
}

void deia__health_turn_ended(deia_hive *h, const char *bot,
			     const struct deia_work_result *r)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, bot);
	char name[DEIA_HEALTH_MAX_SUBJECT_LEN + 1];
	enum word word = word_of(r);
	struct deia__model_server *s;

	if (word == NOTHING || !h->health || h->health->off || !info ||
	    !deia__model_server(name, info->spec))
		return;
	s = add(h, name);
	if (!s)
		return;
	s->told_ms = deia__health_now(h);
	if (!r->err)
		deia_histogram_add(&s->first, r->first_ms * 1000);
	deia__health_put(h, "model.down", s->name, word == SILENT);
}

/* ---- a round --------------------------------------------------------------- */

void deia__health_models_used(deia_hive *h, const struct deia_bot_spec *spec)
{
	char name[DEIA_HEALTH_MAX_SUBJECT_LEN + 1];
	struct deia__model_server *s;

	if (!h->health->measures.servers || !deia__model_server(name, spec))
		return;
	s = find(h, name);
	if (s)
		s->used = true;
}

void deia__health_models_look(deia_hive *h)
{
	int64_t now = deia__health_now(h);
	struct deia__model_server *s, *next;
	double seconds;

	HASH_ITER(hh, h->health->measures.servers, s, next) {
		if (!s->used || now - s->told_ms > SILENT_MS) {
			drop(h, s);
			continue;
		}
		s->used = false;
		seconds = deia__window_p95(&s->window, &s->first, SPAN_MS, now);
		if (isnan(seconds))
			deia_health_forget(h->health->monitor,
					   "model.latency_seconds", s->name);
		else
			deia__health_put(h, "model.latency_seconds", s->name,
					 seconds);
	}
}

void deia__health_models_free(deia_hive *h)
{
	struct deia__model_server *s, *next;

	HASH_ITER(hh, h->health->measures.servers, s, next) {
		HASH_DEL(h->health->measures.servers, s);
		deia__free(s);
	}
}
