/* SPDX-License-Identifier: MIT */
/*
 * check_llm.c - llm: each model server that bots use is asked whether it is
 * there, by the host program, one after the other: a hive with many shall not
 * take all that the program has to ask with.
 */
#include "hive/checks/checks.h"

#include <stdio.h>
#include <string.h>

#include <deia/sys/adapter.h>

#define PAGE 64

#define SEE_SERVER                                                             \
	"See whether it runs (`ollama serve`) and whether base_url of its "    \
	"bots is right: `deia models --base-url URL`."

static bool has(const struct deia__probe_servers *s, const char *adapter,
		const char *url)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->list[i].url, url) == 0 &&
		    strcmp(s->list[i].adapter, adapter) == 0)
			return true;
	return false;
}

static void add(struct deia__probe_servers *s, const struct deia_bot_spec *spec)
{
	const char *url = spec->base_url;
	struct deia__probe_server *to;

	if (!url) /* NULL as well: it asks no server */
		url = deia_adapter_default_url(spec->adapter);
	if (!url || strcmp(spec->adapter, "external") == 0 ||
	    strlen(url) >= DEIA__PROBE_URL || has(s, spec->adapter, url))
		return;
	if (s->n == DEIA__PROBE_SERVERS) {
		s->left_out++;
		return;
	}
	to = &s->list[s->n++];
	snprintf(to->adapter, sizeof(to->adapter), "%s", spec->adapter);
	snprintf(to->url, sizeof(to->url), "%s", url);
	snprintf(to->bot, sizeof(to->bot), "%s", spec->id);
}

static void collect(struct deia__probe_servers *s, deia_hive *h)
{
	const struct deia_bot_info *page[PAGE];
	const char *after = NULL;
	size_t n;

	memset(s, 0, sizeof(*s));
	while ((n = deia_bots_list(h->bots, after, page, PAGE))) {
		for (size_t i = 0; i < n; i++)
			if (page[i]->state != DEIA_BOT_STOPPED)
				add(s, page[i]->spec);
		after = page[n - 1]->spec->id;
	}
}

static void sum_up(struct deia_check_result *r,
		   const struct deia__probe_servers *s)
{
	deia_check_status status = DEIA_CHECK_PASS;

	if (s->down)
		status = s->down < s->n ? DEIA_CHECK_WARN : DEIA_CHECK_FAIL;
	(void)deia__probe_figure(r, "servers_down", "count", s->down, 0,
				 s->n > 1 ? s->n - 1 : 0);
	deia__probe_say(r, status, SEE_SERVER,
			"%u of %u model servers that bots use answer.",
			s->n - s->down, s->n);
	if (s->left_out)
		deia__probe_say(r, DEIA_CHECK_PASS, "",
				"%u more were not asked.", s->left_out);
}

static void on_answered(const char *problem, void *ctx);

/* The next one; without any that is left, the end. */
static void ask(deia_hive *h, struct deia__probe_part *p)
{
	struct deia__probes *c = h->probes;
	struct deia__probe_servers *s = &c->servers;
	struct deia_check_result *r = deia__probe_draft(p);

	while (r && s->at < s->n) {
		const struct deia__probe_server *one = &s->list[s->at];
		const struct deia_bot_info *info =
			deia_bots_get(h->bots, one->bot);
		struct deia_check_model m = { one->adapter, one->url, NULL,
					      NULL };

		if (info) {
			m.key_env = info->spec->api_key_env;
			m.key_file = info->spec->api_key_file;
		}
		if (c->host.ask_model(&m, on_answered, p, c->host.user))
			return;
		s->down++;
		s->at++;
		deia__probe_say(r, DEIA_CHECK_WARN,
				"Ask again: `deia doctor llm`.",
				"%s could not be asked now.", one->url);
	}
	if (r)
		sum_up(r, s);
	deia__probe_part_done(p);
}

static void on_answered(const char *problem, void *ctx)
{
	struct deia__probe_part *p = ctx;
	struct deia_check_result *r = deia__probe_draft(p);
	struct deia__probe_servers *s;

	if (!r) {
		deia__probe_part_done(p);
		return;
	}
	s = &p->hive->probes->servers;
	if (*problem) {
		s->down++;
		deia__probe_say(r, DEIA_CHECK_WARN, SEE_SERVER, "%s: %s.",
				s->list[s->at].url, problem);
	}
	s->at++;
	ask(p->hive, p);
}

void deia__probe_llm(deia_hive *h)
{
	struct deia_check_result *r = &h->probes->runs[DEIA_CHECK_LLM].draft;
	struct deia__probes *c = h->probes;
	struct deia__probe_part *p;

	collect(&c->servers, h);
	if (!c->servers.n) {
		deia__probe_say(r, DEIA_CHECK_PASS, "",
				"No bot uses a model server.");
		return;
	}
	if (!c->host.ask_model) {
		deia__probe_say(r, DEIA_CHECK_PASS, "",
				"%u model servers are used; this program asks "
				"none.",
				c->servers.n);
		return;
	}
	p = deia__probe_part_new(h, DEIA_CHECK_LLM);
	if (p)
		ask(h, p);
}
