/* SPDX-License-Identifier: MIT */
/*
 * cmd_token.c - tokens for people and programs, and the audit trail.
 *
 * A new token is shown once, alone on stdout, so that it can be piped.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int run_create(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *role = args_text(a, "role"), *ttl = args_text(a, "ttl");
	cJSON *json = NULL;
	struct deia_jw w;
	int64_t seconds;
	int rc;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "name", a->words[0]);
	deia_jw_kstr(&w, "role", role != NULL ? role : "operator");
	if (ttl != NULL && parse_duration(ttl, &seconds))
		deia_jw_kint(&w, "ttl_seconds", seconds);
	deia_jw_end_object(&w);
	rc = ask_raw(cli, "POST", "/api/v1/tokens", w.text, &json);
	deia_jw_fini(&w);
	if (rc == EXIT_DONE && !cli->json) {
		tell("%s", jtext(json, "token"));
		note(cli,
		     "keep it now: it is not shown again. `deia login %s` "
		     "takes it.",
		     cli->target.url);
	}
	cJSON_Delete(json);
	return rc;
}

static const struct opt create_opts[] = {
	{ "role", 0, OPT_TEXT, false, "ROLE",
	  "viewer, operator, admin; bot: an external one (operator)",
	  "viewer operator admin bot" },
	{ "ttl", 0, OPT_DURATION, false, "TIME", "ends after TIME (never)",
	  NULL },
	{ 0 },
};

const struct command cmd_token_create = {
	.name = "token create",
	.usage = "NAME [--role ROLE] [--ttl TIME]",
	.summary = "make a token for a person or a program",
	.details =
		"The token is printed once. NAME says whose it is.\n\n"
		"Examples:\n"
		"  deia token create anna --role operator --ttl 30d\n"
		"  deia token create backup-script --role viewer -q > token\n",
	.opts = create_opts,
	.min_words = 1,
	.max_words = 1,
	.run = run_create,
};

static const struct column token_columns[] = {
	{ "ID", COLUMN_FIXED },	       { "NAME", COLUMN_FLEX },
	{ "ROLE", COLUMN_FIXED },      { "KIND", COLUMN_FIXED },
	{ "STATUS", COLUMN_STATE },    { "MADE", COLUMN_FIXED },
	{ "LAST USED", COLUMN_FIXED }, { "ENDS", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static void add_token(struct table *t, const cJSON *token)
{
	char made[32], used[24], ends[32];

	time_print(made, jtext(token, "created_at"));
	age_print(used, jtext(token, "last_used_at"));
	time_print(ends, jtext(token, "expires_at"));
	table_add(t, jtext(token, "id"));
	table_add(t, jtext(token, "name"));
	table_add(t, jtext(token, "role"));
	table_add(t, jtext(token, "kind"));
	table_add(t, jtrue(token, "revoked") ? "revoked" : "ok");
	table_add(t, made);
	table_add(t, used);
	table_add(t, ends);
}

static int run_list(struct cli *cli)
{
	const cJSON *token;
	cJSON *json = NULL;
	struct table t;
	int rc = ask_raw(cli, "GET", "/api/v1/tokens?limit=1000", NULL, &json);

	table_init(&t, token_columns);
	JSON_EACH_ITEM(token, json)
	add_token(&t, token);
	if (rc == EXIT_DONE && !cli->json && t.n_cells > 0)
		tell_table(cli, &t);
	table_free(&t);
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_token_list = {
	.name = "token list",
	.usage = "",
	.summary = "list the tokens (never their secrets)",
	.details = "Example:\n  deia token list\n",
	.run = run_list,
};

static int run_revoke(struct cli *cli)
{
	const char *id = cli->args.words[0];
	char *path;
	int rc;

	/* Who pastes a whole token means its id. */
	if (strncmp(id, "deia_", 5) == 0 && strlen(id) == 63) {
		char *part = must_dupn(id + 5, 8);

		path = path_of("/api/v1/tokens/%s", part);
		free(part);
	} else {
		path = path_of("/api/v1/tokens/%s", id);
	}
	rc = ask_raw(cli, "DELETE", path, NULL, NULL);
	free(path);
	if (rc == EXIT_DONE)
		say(cli, "the token is revoked; it stops working at once");
	else if (rc == EXIT_NOT_FOUND)
		advise("it takes the ID of the first column, not the NAME");
	return rc;
}

const struct command cmd_token_revoke = {
	.name = "token revoke",
	.usage = "ID",
	.summary = "end a token at once",
	.details = "ID is in `deia token list`.\n\n"
		   "Example:\n  deia token revoke k3v9x2aq\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_revoke,
};

/* ---- audit ------------------------------------------------------------- */

static const struct column audit_columns[] = {
	{ "WHEN", COLUMN_FIXED },    { "WHO", COLUMN_FLEX },
	{ "ROLE", COLUMN_FIXED },    { "FROM", COLUMN_FLEX },
	{ "DID", COLUMN_FIXED },     { "TO", COLUMN_FLEX },
	{ "OUTCOME", COLUMN_STATE }, { NULL, COLUMN_FIXED },
};

static void add_entry(struct table *t, const cJSON *e)
{
	char when[32];

	time_print(when, *jtext(e, "at") != '\0' ? jtext(e, "at")
						 : jtext(e, "created_at"));
	table_add(t, when);
	table_add(t, jtext(e, "actor"));
	table_add(t, jtext(e, "role"));
	table_add(t, jtext(e, "address"));
	table_add(t, jtext(e, "action"));
	table_add(t, jtext(e, "target"));
	table_add(t, jtext(e, "outcome"));
}

static int run_audit(struct cli *cli)
{
	const char *before = args_text(&cli->args, "cursor");
	char *part =
		before != NULL ? path_of("&cursor=%s", before) : must_dup("");
	char *path = must_print("/api/v1/audit?limit=%lld%s",
				(long long)args_number(&cli->args, "limit", 50),
				part);
	const cJSON *entry;
	cJSON *json = NULL;
	struct table t;
	int rc = ask_raw(cli, "GET", path, NULL, &json);

	table_init(&t, audit_columns);
	JSON_EACH_ITEM(entry, json)
	add_entry(&t, entry);
	if (rc == EXIT_DONE && !cli->json) {
		tell_table(cli, &t);
		if (*jtext(json, "next_cursor") != '\0')
			note(cli, "older ones: deia audit --cursor %s",
			     jtext(json, "next_cursor"));
	}
	table_free(&t);
	cJSON_Delete(json);
	free(path);
	free(part);
	return rc;
}

static const struct opt audit_opts[] = {
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N entries (50)", NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR", "the page after this one",
	  NULL },
	{ 0 },
};

const struct command cmd_audit = {
	.name = "audit",
	.usage = "[--limit N]",
	.summary = "show who did what, newest first",
	.details = "Example:\n  deia audit --limit 200\n",
	.opts = audit_opts,
	.run = run_audit,
};
