/* SPDX-License-Identifier: MIT */
/*
 * ask.c - calls to the hive, and what to say when one fails.
 *
 * A failure is told in two parts: what happened, in the server's own words
 * where it has some, and what to do, which only this program knows.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include <deia/sys/json.h>
#include <deia/version.h>

#include "suggest.h"

#define HASTY_MS 5000

int exit_code_of(deia_err err)
{
	switch (err) {
	case DEIA_OK:
		return EXIT_DONE;
	case DEIA_ENOTFOUND:
		return EXIT_NOT_FOUND;
	case DEIA_EAUTH:
	case DEIA_EDENIED:
		return EXIT_NOT_ALLOWED;
	case DEIA_EEXIST:
	case DEIA_ESTATE:
	case DEIA_ECONFLICT:
	case DEIA_EOTHERNODE:
		return EXIT_CONFLICT;
	case DEIA_EIO:
	case DEIA_EPROTO:
		return EXIT_UNREACHABLE;
	case DEIA_ETIMEDOUT:
		return EXIT_TIMED_OUT;
	case DEIA_ECANCELED:
		return EXIT_INTERRUPTED;
	default:
		return EXIT_REFUSED;
	}
}

deia_err err_of_code(const char *code)
{
	for (int e = DEIA_OK; e <= DEIA_EOTHERNODE; e++) {
		if (strcmp(deia_err_name((deia_err)e), code) == 0)
			return (deia_err)e;
	}
	return DEIA_EREMOTE;
}

char *plain_fields(const char *message)
{
	size_t len = strcspn(message, ": ");
	char *copy = must_dup(message);

	if (*message != '/' || message[len] != ':')
		return copy;
	for (size_t i = 0; i < len; i++) {
		if (copy[i] == '/')
			copy[i] = '.';
	}
	memmove(copy, copy + 1, strlen(copy));
	return copy;
}

/* Which of the two no client can be made of, the address or the token. */
static void refuse_target(const struct deia_client_opts *given)
{
	struct deia_client_opts o = *given;
	deia_client *client = NULL;

	o.token = NULL;
	if (deia_client_new(&client, &o) == DEIA_OK) {
		deia_client_free(client);
		complain("the token holds characters that no token has");
		advise("a token begins with deia_ and is one word");
		return;
	}
	complain("'%s' is no address of a hive", o.url);
	advise("an address looks like http://127.0.0.1:8000 or "
	       "https://hive.example.org");
}

static void refuse_down(const struct cli *cli)
{
	complain("no hive runs from %s", cli->target.dir);
	advise("start it with `deia --dir %s serve`, or name another with "
	       "--dir or --url",
	       cli->target.dir);
}

/* Whose address and token are known: the target is found. */
static bool has_target(struct cli *cli, int *rc)
{
	char *message = NULL;

	*rc = EXIT_REFUSED;
	if (cli->target.url == NULL &&
	    !target_find(&cli->target, cli->url, cli->token, cli->dir,
			 &message)) {
		complain("%s", message);
		free(message);
		return false;
	}
	if (cli->target.dir_down) {
		*rc = EXIT_UNREACHABLE;
		refuse_down(cli);
		return false;
	}
	return true;
}

deia_client *cli_other_client(struct cli *cli, int *rc)
{
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;
	deia_client *client = NULL;

	if (!has_target(cli, rc))
		return NULL;
	o.url = cli->target.url;
	o.token = cli->target.token;
	o.user_agent = "deia/" DEIA_VERSION;
	if (cli->no_deadline)
		o.timeout_ms = 0;
	if (cli->hasty) {
		o.timeout_ms = HASTY_MS;
		o.retries = 0;
	}
	switch (deia_client_new(&client, &o)) {
	case DEIA_OK:
		return client;
	case DEIA_EINVAL:
		*rc = EXIT_USAGE;
		refuse_target(&o);
		return NULL;
	default:
		complain("memory ran out");
		return NULL;
	}
}

deia_client *cli_client(struct cli *cli, int *rc)
{
	if (cli->client == NULL)
		cli->client = cli_other_client(cli, rc);
	return cli->client;
}

/* ---- advice ------------------------------------------------------------ */

static void advise_unreachable(const struct cli *cli)
{
	const struct target *t = &cli->target;

	switch (t->url_from) {
	case URL_FLAG:
	case URL_ENV:
		advise("check the address (%s), or start a hive there with "
		       "`deia serve`",
		       t->url_from == URL_FLAG ? "--url" : "DEIA_URL");
		break;
	case URL_CONTEXT:
		advise("it is the hive of your sign-in; `deia logout` forgets "
		       "it, `deia serve` starts one here");
		break;
	default:
		advise("start one with `deia serve`, or name another with "
		       "--url");
		break;
	}
}

static void advise_stranger(const struct cli *cli)
{
	if (cli->target.url_from == URL_DEFAULT)
		advise("something else uses port 8000: run `deia serve --port "
		       "8001`, or name your hive with --url");
	else
		advise("check host and port; `deia serve` prints the address "
		       "of a hive when it starts");
}

static void advise_token(const struct cli *cli)
{
	const struct target *t = &cli->target;

	switch (t->token_from) {
	case TOKEN_FLAG:
	case TOKEN_ENV:
		advise("the token of %s is not valid there: check it, or leave "
		       "it out to use your sign-in",
		       t->token_from == TOKEN_FLAG ? "--token" : "DEIA_TOKEN");
		break;
	case TOKEN_DIR:
		advise("the token in %s/token was revoked or belongs to "
		       "another hive; ask an administrator for a new one",
		       t->dir);
		break;
	case TOKEN_CONTEXT:
		advise("your sign-in ended; sign in again with `deia login %s`",
		       t->url);
		break;
	default:
		advise("sign in with `deia login %s`; the token is in the file "
		       "`token` of the hive's directory",
		       t->url);
		break;
	}
}

/* Whether the hive's own sentence names a command already. */
static bool says_what_to_do(const struct cli *cli)
{
	return strstr(deia_client_errmsg(cli->client), "`deia ") != NULL;
}

/* The nearest id of a bot there is, or where to look. */
static void advise_bot(struct cli *cli)
{
	struct suggestion s = { .typed = cli->bot };
	bool is_there = false; /* then it is its conversation that is not */
	const cJSON *item;
	cJSON *json = NULL;

	if (ask_quietly(cli, "GET", "/api/v1/bots?limit=1000", NULL, &json,
			NULL) != DEIA_OK)
		return;
	JSON_EACH_ITEM(item, json)
	{
		suggest_offer(&s, jtext(item, "id"));
		is_there |= strcmp(jtext(item, "id"), cli->bot) == 0;
	}
	if (is_there && cli->if_lost != NULL)
		advise("%s", cli->if_lost);
	else if (is_there)
		advise("`deia chat %s --conversations` lists its conversations",
		       cli->bot);
	else if (s.best != NULL)
		advise("did you mean %s?", s.best);
	else if (cJSON_GetArraySize(jitems(json)) == 0)
		advise("there is no bot yet; `deia bot launch %s --adapter "
		       "echo` makes one",
		       cli->bot);
	else if (!says_what_to_do(cli))
		advise("`deia bot list` shows the bots there are");
	cJSON_Delete(json);
}

static const struct {
	const char *state, *what, *verb;
} by_state[] = {
	{ "stopped", "it runs again with", "start" },
	{ "paused", "let it go on with", "resume" },
	{ "failed", "see why, then restart it:", "describe" },
	{ "backoff", "it keeps dying; see why with", "describe" },
	{ "starting", "it is not ready yet; see what it waits for:", "show" },
	{ "stopping", "wait until it has stopped; watch it with", "show" },
	{ "offline", "its program is not connected; see", "show" },
	{ "ready", "it runs; stop it first with", "stop" },
	{ "busy", "it runs; stop it first with", "stop" },
};

static void advise_state(struct cli *cli)
{
	char *path = path_of("/api/v1/bots/%s", cli->bot);
	cJSON *json = NULL;

	if (ask_quietly(cli, "GET", path, NULL, &json, NULL) == DEIA_OK) {
		const char *state = jtext(json, "state");

		for (size_t i = 0; i < sizeof(by_state) / sizeof(by_state[0]);
		     i++) {
			if (strcmp(by_state[i].state, state) == 0)
				advise("%s `deia bot %s %s`", by_state[i].what,
				       by_state[i].verb, cli->bot);
		}
	}
	cJSON_Delete(json);
	free(path);
}

static void advise_exists(const struct cli *cli)
{
	advise("`deia bot start %s` starts it, `deia bot remove %s` makes room "
	       "for a new one, or choose another id",
	       cli->bot, cli->bot);
}

static void advise_for(struct cli *cli, deia_err err)
{
	switch (err) {
	case DEIA_EIO:
		advise_unreachable(cli);
		break;
	case DEIA_EPROTO:
		advise_stranger(cli);
		break;
	case DEIA_EAUTH:
		advise_token(cli);
		break;
	case DEIA_EDENIED:
		advise("this token's role is too low; sign in with an "
		       "operator's or administrator's token: `deia login %s`",
		       cli->target.url);
		break;
	case DEIA_ENOTFOUND:
		if (cli->bot != NULL)
			advise_bot(cli);
		else if (cli->if_lost != NULL && !says_what_to_do(cli))
			advise("%s", cli->if_lost);
		break;
	case DEIA_ECONFLICT:
		if (cli->if_stuck != NULL)
			advise("%s", cli->if_stuck);
		break;
	case DEIA_ESTATE:
		if (cli->if_stuck != NULL)
			advise("%s", cli->if_stuck);
		else if (cli->bot != NULL && !says_what_to_do(cli))
			advise_state(cli);
		break;
	case DEIA_EEXIST:
		if (cli->bot != NULL)
			advise_exists(cli);
		break;
	case DEIA_ETIMEDOUT:
		advise("it may still be at work: `deia status` shows whether "
		       "the hive is well");
		break;
	default:
		break;
	}
}

int explain(struct cli *cli, deia_err err, unsigned retry_after_seconds)
{
	char *message;

	if (err == DEIA_ECANCELED && interrupts_seen())
		return EXIT_INTERRUPTED;
	message = plain_fields(deia_client_errmsg(cli->client));
	complain("%s", message);
	free(message);
	if (retry_after_seconds != 0)
		advise("try again in %u s", retry_after_seconds);
	else
		advise_for(cli, err);
	return exit_code_of(err);
}

/* ---- calls ------------------------------------------------------------- */

static void trace(const struct cli *cli, const char *method, const char *path,
		  const struct deia_reply *reply)
{
	if (cli->verbose)
		complain("%s %s%s -> %d", method, cli->target.url, path,
			 reply->status);
}

deia_err ask_quietly(struct cli *cli, const char *method, const char *path,
		     const char *body, cJSON **json, struct deia_reply *reply)
{
	struct deia_reply own;
	deia_err err;

	if (reply == NULL)
		reply = &own;
	if (json != NULL)
		*json = NULL;
	if (cli->key != NULL && strcmp(method, "POST") == 0)
		err = deia_client_post_once(cli->client, path, body, cli->key,
					    reply);
	else
		err = deia_client_call(cli->client, method, path, body, reply);
	cli->replayed = reply->replayed;
	trace(cli, method, path, reply);
	if (err != DEIA_OK || json == NULL || reply->body_len == 0)
		return err;
	return deia_json_parse(json, reply->body, reply->body_len, NULL);
}

int explain_stranger(struct cli *cli)
{
	complain("what answers at %s is no deia hive", cli->target.url);
	advise_stranger(cli);
	return EXIT_UNREACHABLE;
}

static int call(struct cli *cli, const char *method, const char *path,
		const char *body, cJSON **json, bool raw)
{
	struct deia_reply reply;
	deia_err err;
	int rc;

	if (json != NULL)
		*json = NULL;
	if (cli_client(cli, &rc) == NULL)
		return rc;
	err = ask_quietly(cli, method, path, body, json, &reply);
	if (err == DEIA_EPARSE && reply.status / 100 == 2)
		return explain_stranger(cli);
	if (raw && cli->json && reply.body_len > 0 &&
	    (err == DEIA_OK || reply.code[0] != '\0'))
		tell_json(reply.body, reply.body_len);
	if (err != DEIA_OK)
		return explain(cli, err, reply.retry_after_seconds);
	return EXIT_DONE;
}

int ask(struct cli *cli, const char *method, const char *path, const char *body,
	cJSON **json)
{
	return call(cli, method, path, body, json, false);
}

int ask_raw(struct cli *cli, const char *method, const char *path,
	    const char *body, cJSON **json)
{
	return call(cli, method, path, body, json, true);
}

char *path_of(const char *fmt, const char *part)
{
	const char *slot = strstr(fmt, "%s");
	char *escaped = NULL, *path;

	if (deia_client_escape(&escaped, part) != DEIA_OK)
		return must_dup(fmt);
	path = must_print("%.*s%s%s", (int)(slot - fmt), fmt, escaped,
			  slot + 2);
	deia_client_free_text(escaped);
	return path;
}

void query_add(struct text *path, const char *name, const char *value)
{
	char *fmt, *part;

	if (value == NULL || *value == '\0')
		return;
	fmt = must_print("&%s=%%s", name);
	part = path_of(fmt, value);
	text_adds(path, part);
	free(part);
	free(fmt);
}

/* ---- JSON -------------------------------------------------------------- */

const char *jtext(const cJSON *obj, const char *key)
{
	const char *text = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(obj, key));

	return text != NULL ? text : "";
}

double jnumber(const cJSON *obj, const char *key, double otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);

	return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

bool jtrue(const cJSON *obj, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(obj, key));
}

const cJSON *jitems(const cJSON *answer)
{
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(answer, "items");

	return cJSON_IsArray(items) ? items : NULL;
}

const cJSON *jfirst(const cJSON *answer)
{
	const cJSON *items = jitems(answer);

	return items != NULL ? items->child : NULL;
}

char *jprint(const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json), *copy;

	copy = must_dup(text != NULL ? text : "null");
	cJSON_free(text);
	return copy;
}
