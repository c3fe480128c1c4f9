/* SPDX-License-Identifier: MIT */
/*
 * bots.c - launch, show, change, remove and steer bots; templates.
 *
 * Who is no administrator launches from templates: fields that name a program
 * (argv, env, cwd), or the server that gets what people say and the keys of a
 * template (base_url), are refused here, also over a template that has them.
 */
#include "bots.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <deia/config.h>
#include <deia/limits.h>

#include "../app.h"
#include "../http/idem.h"
#include "../http/reply.h"
#include "routes.h"

void print_bot_members(struct deia_jw *w, deia_hive *hive,
		       const struct deia_hive_bot *bot)
{
	const struct deia_bot_info *i = bot->info;

	deia_bot_spec_print(i->spec, true, w);
	deia_jw_kstr(w, "node", bot->node);
	if (bot->elsewhere)
		deia_jw_kbool(w, "elsewhere", true);
	deia_jw_kstr(w, "state", deia_bot_state_name(i->state));
	deia_jw_kstr(w, "state_reason", i->state_reason ? i->state_reason : "");
	deia_jw_kstr(w, "status_text", i->status_text ? i->status_text : "");
	print_int_or_null(w, "pid", i->pid, 0);
	deia_jw_kint(w, "restarts", i->restarts);
	deia_jw_kint(w, "running_tasks", i->running);
	deia_jw_kint(w, "queued_tasks", i->queued);
	deia_jw_kint(w, "unread", (int64_t)unread_of(hive, i->spec->id));
	deia_jw_ktime(w, "created_at", bot->created_unix_ms);
	deia_jw_ktime(w, "started_at", i->started_unix_ms);
	deia_jw_ktime(w, "ready_at", i->ready_unix_ms);
	deia_jw_ktime(w, "next_start_at", i->next_start_unix_ms);
	print_int_or_null(w, "exit_code", i->exit_code, -1);
	print_int_or_null(w, "exit_signal", i->exit_signal, 0);
	deia_jw_kbool(w, "wanted", bot->wanted);
	if (bot->draining)
		deia_jw_kbool(w, "draining", true);
	if (bot->held)
		deia_jw_kstr(w, "held", bot->held);
	deia_jw_kbool(w, "needs_restart", i->needs_restart);
	if (bot->token) /* of a new external bot; shown this once */
		deia_jw_kstr(w, "token", bot->token);
}

void print_bot(struct deia_jw *w, deia_hive *hive,
	       const struct deia_hive_bot *bot)
{
	deia_jw_object(w);
	print_bot_members(w, hive, bot);
	deia_jw_end_object(w);
}

void send_bot(struct rq *rq, int status, const struct deia_hive_bot *bot)
{
	struct deia_jw w;

	deia_jw_init(&w);
	print_bot(&w, rq->srv->hive, bot);
	rq_send_json(rq, status, &w);
}

/* ---- reading ----------------------------------------------------------- */

/* ?type= and ?state=; false: answered. */
static bool query_filter(struct rq *rq, struct deia_hive_bot_filter *filter)
{
	const char *state = rq_query(rq, "state");

	filter->type = rq_query(rq, "type");
	filter->state = state_parse(state);
	if (!state || filter->state >= 0)
		return true;
	rq_bad_field(rq, "?state", "expected a state such as ready or failed");
	return false;
}

void route_bots_list(struct rq *rq)
{
	struct deia_hive_bot page[64];
	const char *after = rq_query(rq, "cursor");
	char last[DEIA_MAX_ID_LEN + 1] = "";
	struct deia_hive_bot_filter filter;
	unsigned limit, done = 0;
	struct deia_jw w;
	size_t n = 1;

	if (!query_limit(rq, &limit) || !query_filter(rq, &filter))
		return;
	list_begin(&w);
	snprintf(last, sizeof(last), "%s", after ? after : "");
	while (done < limit && n) {
		size_t want = limit - done < 64 ? limit - done : 64;

		n = deia_hive_bot_search(rq->srv->hive, &filter,
					 last[0] ? last : NULL, page, want);
		for (size_t i = 0; i < n; i++)
			print_bot(&w, rq->srv->hive, &page[i]);
		if (n)
			snprintf(last, sizeof(last), "%s",
				 page[n - 1].info->spec->id);
		done += (unsigned)n;
	}
	n = n ? deia_hive_bot_search(rq->srv->hive, &filter, last, page, 1) : 0;
	list_send(rq, &w, n ? last : NULL);
}

/* ---- changing ---------------------------------------------------------- */

bool bot_fields_denied(struct rq *rq, const char *action)
{
	const cJSON *item;

	if (rq->actor.role == DEIA_ROLE_ADMIN)
		return false;
	cJSON_ArrayForEach(item, rq->json) {
		if (!deia_bot_field_is_admin(item->string))
			continue;
		deia_hive_audit(rq->srv->hive, &rq->actor, action, rq->path,
				DEIA_EDENIED);
		rq_problem(rq, 403, deia_err_name(DEIA_EDENIED),
			   "The field \"%s\" is for administrators; launch "
			   "from a template instead.",
			   item->string);
		return true;
	}
	return false;
}

bool bot_spec_denied(struct rq *rq, const struct deia_bot_spec *spec,
		     const struct deia_bot_spec *base)
{
	const char *field;

	if (rq->actor.role == DEIA_ROLE_ADMIN)
		return false;
	field = deia_bot_spec_admin_field(spec, base);
	if (!field)
		return false;
	deia_hive_audit(rq->srv->hive, &rq->actor, "bot.create", spec->id,
			DEIA_EDENIED);
	rq_problem(rq, 403, deia_err_name(DEIA_EDENIED),
		   "Only an administrator may set the field \"%s\" otherwise "
		   "than the template has it.",
		   field);
	return true;
}

struct deia_bot_spec *bot_spec_read(struct rq *rq,
				    const struct deia_bot_spec *base)
{
	struct deia_field_error where = { 0 };
	struct deia_bot_spec *spec;
	deia_err err = deia_bot_spec_parse(&spec, rq->json, base, &where);

	if (err == DEIA_EFIELD)
		rq_bad_fields(rq, &where, 1);
	else if (err)
		rq_fail_with(rq, err, NULL);
	return err ? NULL : spec;
}

bool bot_spec_base(struct rq *rq, struct deia_bot_spec *out)
{
	const cJSON *name =
		cJSON_GetObjectItemCaseSensitive(rq->json, "template");
	const cJSON *adapter =
		cJSON_GetObjectItemCaseSensitive(rq->json, "adapter");
	const deia_config *config = app_of(rq->srv)->config;
	const struct deia_bot_spec *base;
	const char *kind;

	base = deia_config_template(config, cJSON_GetStringValue(name));
	if (!base) {
		rq_bad_field(rq, "/template",
			     "there is no template of this name; they "
			     "stand below templates: in config.yaml, GET "
			     "/api/v1/templates lists them");
		return false;
	}
	*out = *base;
	kind = cJSON_IsString(adapter) ? adapter->valuestring : out->adapter;
	if (kind && strcmp(kind, "ollama") == 0 && !out->base_url)
		out->base_url = deia_config_str(config, "ollama.url");
	return true;
}

void bot_created(deia_err err, const struct deia_hive_bot *bot, void *user)
{
	struct rq *rq = user;

	if (err) {
		rq_fail(rq, err);
	} else {
		char where[128];

		snprintf(where, sizeof(where), "/api/v1/bots/%s",
			 bot->info->spec->id);
		rq_add_header(rq, "Location", where);
		send_bot(rq, 201, bot);
	}
	rq_drop(rq);
}

void route_bots_create(struct rq *rq)
{
	struct deia_bot_spec base, *spec;
	deia_err err;
	bool start;

	if (!query_bool(rq, "start", true, &start) ||
	    bot_fields_denied(rq, "bot.create") || !bot_spec_base(rq, &base))
		return;
	spec = bot_spec_read(rq, &base);
	if (!spec || bot_spec_denied(rq, spec, &base)) {
		deia_bot_spec_free(spec);
		return;
	}
	rq_hold(rq);
	if (strcmp(spec->adapter, "external") == 0)
		idem_forget(rq); /* the answer holds its token */
	else
		idem_join(rq, print_made);
	err = deia_hive_bot_create(rq->srv->hive, &rq->actor, spec, start,
				   bot_created, rq);
	deia_bot_spec_free(spec);
	rq_begun(rq, err);
}

void bot_changed(deia_err err, const struct deia_hive_bot *bot, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (err) {
		rq_fail(rq, err);
	} else {
		deia_jw_init(&w);
		deia_jw_object(&w);
		print_bot_members(&w, rq->srv->hive, bot);
		deia_jw_kstr(&w, "applies",
			     bot->info->needs_restart ? "next_start" : "now");
		deia_jw_end_object(&w);
		rq_send_json(rq, 200, &w);
	}
	rq_drop(rq);
}

static bool patch_fields_ok(struct rq *rq)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(rq->json, "id");

	if (id &&
	    (!cJSON_IsString(id) || strcmp(id->valuestring, rq->param[0]) != 0))
		rq_bad_field(rq, "/id", "an id cannot be changed");
	else if (cJSON_GetObjectItemCaseSensitive(rq->json, "template"))
		rq_bad_field(rq, "/template",
			     "a template is taken at launch only; change the "
			     "fields themselves");
	else if (!rq->json->child)
		rq_bad_field(rq, "", "there is no field to change");
	return !rq->replied;
}

void route_bot_patch(struct rq *rq)
{
	struct deia_hive_bot bot;
	struct deia_bot_spec *spec;
	deia_err err;

	err = deia_hive_bot_get(rq->srv->hive, rq->param[0], &bot);
	if (err) {
		rq_fail_with(rq, err,
			     "There is no bot with this id; `deia bot list` "
			     "shows the ones there are.");
		return;
	}
	if (!patch_fields_ok(rq) || bot_fields_denied(rq, "bot.update"))
		return;
	spec = bot_spec_read(rq, bot.info->spec);
	if (!spec)
		return;
	rq_hold(rq);
	err = deia_hive_bot_update(rq->srv->hive, &rq->actor, spec, bot_changed,
				   rq);
	deia_bot_spec_free(spec);
	rq_begun(rq, err);
}

void route_bot_delete(struct rq *rq)
{
	bool force, purge;

	if (!query_bool(rq, "force", false, &force) ||
	    !query_bool(rq, "purge", false, &purge))
		return;
	rq_hold(rq);
	rq_begun(rq,
		 deia_hive_bot_remove(rq->srv->hive, &rq->actor, rq->param[0],
				      force, purge, rq_done_empty, rq));
}

/* ---- templates --------------------------------------------------------- */

#define TEMPLATES_MAX 256

void route_templates(struct rq *rq)
{
	deia_config *config = app_of(rq->srv)->config;
	const char *names[TEMPLATES_MAX];
	size_t n = deia_config_templates(config, names, TEMPLATES_MAX);
	struct deia_jw w;

	list_begin(&w);
	for (size_t i = 0; i < n && i < TEMPLATES_MAX; i++) {
		const struct deia_bot_spec *t =
			deia_config_template(config, names[i]);

		if (!t)
			continue;
		deia_jw_object(&w);
		deia_jw_kstr(&w, "name", names[i]);
		deia_jw_kstr(&w, "adapter", t->adapter);
		deia_jw_kstr(&w, "model", t->model);
		deia_jw_kstr(&w, "type", t->type);
		deia_jw_end_object(&w);
	}
	list_send(rq, &w, NULL);
}
