/* SPDX-License-Identifier: MIT */
/*
 * declare.c - PUT /bots/{id}: the bot shall be exactly this.
 *
 * The body is read as that of POST, from the template or the defaults of the
 * configuration, whatever the bot is now: what is not said goes back to those.
 * Two things are the bot's own: the name of its template, where the body names
 * none, since that only says where it came from; and values of env given as
 * "***", which is how they are shown. With dry_run nothing changes and the
 * answer says what would.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <deia/hive.h>

#include "../http/reply.h"
#include "bots.h"
#include "routes.h"

#define REDACTED "***"

/* False: answered. */
static bool id_fits(struct rq *rq)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(rq->json, "id");

	if (id && (!cJSON_IsString(id) ||
		   strcmp(id->valuestring, rq->param[0]) != 0)) {
		rq_bad_field(rq, "/id", "must be the id in the path");
		return false;
	}
	return true;
}

static bool has_env(const struct deia_bot_spec *spec, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; spec && i < spec->n_env; i++)
		if (strncmp(spec->env[i], name, len) == 0 &&
		    spec->env[i][len] == '=')
			return true;
	return false;
}

/* Each "***" must stand for a value that there is; false: answered. */
static bool secrets_known(struct rq *rq, const struct deia_bot_spec *base)
{
	const cJSON *env = cJSON_GetObjectItemCaseSensitive(rq->json, "env");
	const cJSON *item;
	char pointer[128];

	cJSON_ArrayForEach(item, env) {
		if (!cJSON_IsString(item) || !item->string ||
		    strcmp(item->valuestring, REDACTED) != 0 ||
		    has_env(base, item->string))
			continue;
		snprintf(pointer, sizeof(pointer), "/env/%.100s", item->string);
		rq_bad_field(rq, pointer,
			     "is \"***\", as values are shown, and the bot has "
			     "none to keep; write the value");
		return false;
	}
	return true;
}

/* The specification that the body asks for; NULL: answered. */
static struct deia_bot_spec *wanted(struct rq *rq,
				    const struct deia_bot_spec *now)
{
	struct deia_bot_spec base, *spec;
	const cJSON *env = cJSON_GetObjectItemCaseSensitive(rq->json, "env");

	if (!id_fits(rq) || bot_fields_denied(rq, "bot.update") ||
	    !bot_spec_base(rq, &base))
		return NULL;
	base.id = rq->param[0];
	if (now && env) {
		base.env = now->env;
		base.n_env = now->n_env;
	}
	if (now && !base.template_name)
		base.template_name = now->template_name;
	spec = secrets_known(rq, &base) ? bot_spec_read(rq, &base) : NULL;
	/* What there is already is compared with what it is. */
	if (spec && !now && bot_spec_denied(rq, spec, &base)) {
		deia_bot_spec_free(spec);
		return NULL;
	}
	return spec;
}

static void add_name(const char *field, void *user)
{
	deia_jw_str(user, field);
}

static void tell_changes(struct rq *rq, const struct deia_bot_spec *now,
			 const struct deia_bot_spec *spec)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_bot_spec_print(spec, true, &w);
	deia_jw_kbool(&w, "exists", now != NULL);
	deia_jw_key(&w, "changes");
	deia_jw_array(&w);
	if (now)
		deia_bot_spec_changes(spec, now, add_name, &w);
	deia_jw_end_array(&w);
	deia_jw_kstr(&w, "applies",
		     now && deia_bot_spec_needs_restart(now, spec)
			     ? "next_start"
			     : "now");
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

/* Whether an update would be refused for who asks; true: answered. */
static bool is_denied(struct rq *rq, const struct deia_bot_spec *now,
		      const struct deia_bot_spec *spec)
{
	const char *field = now ? deia_bot_spec_admin_field(spec, now) : NULL;

	if (!field || rq->actor.role == DEIA_ROLE_ADMIN)
		return false;
	rq_problem(rq, 403, deia_err_name(DEIA_EDENIED),
		   "Only an administrator may change the field \"%s\" of a "
		   "bot.",
		   field);
	return true;
}

static void put(struct rq *rq, const struct deia_hive_bot *bot,
		const struct deia_bot_spec *spec, bool start)
{
	deia_err err;

	rq_hold(rq);
	if (bot && !deia_bot_spec_changes(spec, bot->info->spec, NULL, NULL)) {
		bot_changed(DEIA_OK, bot, rq);
		return;
	}
	if (bot)
		err = deia_hive_bot_update(rq->srv->hive, &rq->actor, spec,
					   bot_changed, rq);
	else
		err = deia_hive_bot_create(rq->srv->hive, &rq->actor, spec,
					   start, bot_created, rq);
	if (err) {
		rq_fail(rq, err);
		rq_drop(rq);
	}
}

void route_bot_put(struct rq *rq)
{
	const struct deia_bot_spec *now = NULL;
	struct deia_hive_bot bot;
	struct deia_bot_spec *spec;
	bool start, dry_run;

	if (!query_bool(rq, "start", true, &start) ||
	    !query_bool(rq, "dry_run", false, &dry_run))
		return;
	if (deia_hive_bot_get(rq->srv->hive, rq->param[0], &bot) == DEIA_OK)
		now = bot.info->spec;
	spec = wanted(rq, now);
	if (!spec)
		return;
	if (!dry_run)
		put(rq, now ? &bot : NULL, spec, start);
	else if (!is_denied(rq, now, spec))
		tell_changes(rq, now, spec);
	deia_bot_spec_free(spec);
}
