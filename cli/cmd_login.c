/* SPDX-License-Identifier: MIT */
/*
 * cmd_login.c - `deia login` and `deia logout`: hives one has signed in to.
 *
 * The token is asked without echo, or read from stdin; it is tried before it
 * is kept. --link asks the hive for a fresh sign-in link for the browser.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"

/* "http://box:8000/" and "box:8000" both name http://box:8000. */
static char *tidy_url(const char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	if (strstr(url, "://") != NULL)
		return must_dupn(url, len);
	return must_print("http://%.*s", (int)len, url);
}

static const char *name_of(const char *url)
{
	return strstr(url, "://") + 3;
}

/* ---- --link ------------------------------------------------------------ */

static int print_link(struct cli *cli)
{
	cJSON *json = NULL;
	int rc = ask_raw(cli, "POST", "/api/v1/auth/codes", "{}", &json);

	if (rc == EXIT_DONE && !cli->json) {
		tell("%s", jtext(json, "url"));
		note(cli, "open it in a browser; it signs in once, and soon "
			  "ends");
	}
	cJSON_Delete(json);
	return rc;
}

/* ---- contexts ---------------------------------------------------------- */

static cJSON *load(void)
{
	char *message = NULL;
	cJSON *contexts = contexts_load(&message);

	if (contexts == NULL) {
		complain("%s", message);
		free(message);
	}
	return contexts;
}

static int save(const cJSON *contexts)
{
	char *message = NULL;

	if (contexts_save(contexts, &message))
		return EXIT_DONE;
	complain("%s", message);
	free(message);
	return EXIT_REFUSED;
}

static void set_text(cJSON *obj, const char *key, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(obj, key);
	cJSON_AddStringToObject(obj, key, value);
}

static const struct column columns[] = {
	{ "", COLUMN_FIXED },
	{ "NAME", COLUMN_FIXED },
	{ "URL", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static int list_contexts(struct cli *cli)
{
	cJSON *contexts = load();
	const cJSON *item, *current;
	struct table t;

	if (contexts == NULL)
		return EXIT_REFUSED;
	current = contexts_get(contexts, NULL);
	table_init(&t, columns);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(contexts, "contexts")) {
		table_add(&t, item == current ? "*" : " ");
		table_add(&t, jtext(item, "name"));
		table_add(&t, jtext(item, "url"));
	}
	if (t.n_cells > 0)
		tell_table(cli, &t);
	else
		note(cli,
		     "not signed in to any hive; `deia login URL` does it");
	table_free(&t);
	cJSON_Delete(contexts);
	return EXIT_DONE;
}

static int use_context(struct cli *cli, const char *name)
{
	cJSON *contexts = load();
	int rc = EXIT_REFUSED;

	if (contexts != NULL && contexts_get(contexts, name) == NULL) {
		complain("there is no sign-in called '%s'", name);
		advise("`deia login --list` shows them");
		rc = EXIT_NOT_FOUND;
	} else if (contexts != NULL) {
		set_text(contexts, "current", name);
		rc = save(contexts);
		if (rc == EXIT_DONE)
			say(cli, "%s is the current hive", name);
	}
	cJSON_Delete(contexts);
	return rc;
}

static int keep(const char *name, const char *url, const char *token)
{
	cJSON *contexts = load(), *item;
	int rc;

	if (contexts == NULL)
		return EXIT_REFUSED;
	item = contexts_get(contexts, name);
	if (item == NULL) {
		item = cJSON_CreateObject();
		cJSON_AddItemToArray(cJSON_GetObjectItem(contexts, "contexts"),
				     item);
	}
	set_text(item, "name", name);
	set_text(item, "url", url);
	set_text(item, "token", token);
	set_text(contexts, "current", name);
	rc = save(contexts);
	cJSON_Delete(contexts);
	return rc;
}

/* ---- login ------------------------------------------------------------- */

/* The token by flag, environment, terminal or stdin; NULL: complained. */
static char *get_token(struct cli *cli, const char *url)
{
	char *prompt, *token;

	if (cli->token != NULL)
		return must_dup(cli->token);
	prompt = must_print("Token for %s: ", url);
	token = ask_secret(prompt);
	free(prompt);
	if (token == NULL)
		usage_error(cli,
			    "no token was given; type or pipe it in: deia "
			    "login %s < token",
			    url);
	return token;
}

static int sign_in(struct cli *cli, const char *url)
{
	const char *name = args_text(&cli->args, "name");
	char *token = get_token(cli, url);
	cJSON *who = NULL;
	int rc = EXIT_USAGE;

	if (token == NULL)
		return rc;
	cli->url = url;
	cli->token = token;
	rc = ask(cli, "GET", "/api/v1/auth/whoami", NULL, &who);
	if (rc == EXIT_DONE)
		rc = keep(name != NULL ? name : name_of(url), url, token);
	if (rc == EXIT_DONE)
		say(cli, "signed in to %s as %s (%s); it is the current hive",
		    url, jtext(who, "name"), jtext(who, "role"));
	cJSON_Delete(who);
	cli->token = NULL;
	free(token);
	return rc;
}

static int run_login(struct cli *cli)
{
	const struct args *a = &cli->args;
	char *url;
	int rc;

	if (args_has(a, "list"))
		return list_contexts(cli);
	if (args_has(a, "use"))
		return use_context(cli, args_text(a, "use"));
	if (args_has(a, "link")) {
		if (a->n_words > 0)
			cli->url = a->words[0];
		return print_link(cli);
	}
	if (a->n_words == 0 && cli->url == NULL)
		return usage_error(cli, "which hive? Give its address: deia "
					"login http://127.0.0.1:8000");
	url = tidy_url(a->n_words > 0 ? a->words[0] : cli->url);
	rc = sign_in(cli, url);
	/* The run still points at it. */
	cli->url = NULL;
	free(url);
	return rc;
}

static const struct opt login_opts[] = {
	{ "name", 0, OPT_TEXT, false, "NAME", "call the sign-in NAME", NULL },
	{ "link", 0, OPT_FLAG, false, NULL,
	  "print a fresh sign-in link for the browser", NULL },
	{ "list", 0, OPT_FLAG, false, NULL, "list the sign-ins", NULL },
	{ "use", 0, OPT_TEXT, false, "NAME", "make NAME the current one",
	  NULL },
	{ 0 },
};

const struct command cmd_login = {
	.name = "login",
	.usage = "URL | --link | --list | --use NAME",
	.summary = "sign in to a hive, or print a link that signs a browser in",
	.details =
		"The token is asked for without showing it, or read from\n"
		"stdin, tried, and kept in ~/.config/deia/contexts.json (mode\n"
		"0600). For the hive of this directory no sign-in is "
		"needed.\n\n"
		"Examples:\n"
		"  deia login https://hive.example.org\n"
		"  deia login http://127.0.0.1:8000 < .deia/token\n"
		"  deia login --link\n",
	.opts = login_opts,
	.max_words = 1,
	.run = run_login,
};

/* ---- logout ------------------------------------------------------------ */

static int forget(struct cli *cli, cJSON *contexts, cJSON *item)
{
	char *name = must_dup(jtext(item, "name"));
	bool was_current = strcmp(jtext(contexts, "current"), name) == 0;
	int rc;

	if (was_current)
		cJSON_DeleteItemFromObjectCaseSensitive(contexts, "current");
	cJSON_Delete(cJSON_DetachItemViaPointer(
		cJSON_GetObjectItem(contexts, "contexts"), item));
	rc = save(contexts);
	if (rc == EXIT_DONE)
		say(cli,
		    "signed out of %s; its token still works until it is "
		    "revoked",
		    name);
	free(name);
	return rc;
}

static int run_logout(struct cli *cli)
{
	const char *name = cli->args.n_words > 0 ? cli->args.words[0] : NULL;
	cJSON *contexts = load(), *item;
	int rc = EXIT_NOT_FOUND;

	if (contexts == NULL)
		return EXIT_REFUSED;
	item = contexts_get(contexts, name);
	if (item == NULL && name != NULL)
		item = contexts_by_url(contexts, name);
	if (item != NULL) {
		rc = forget(cli, contexts, item);
	} else if (name != NULL) {
		complain("there is no sign-in called '%s'", name);
		advise("`deia login --list` shows them");
	} else {
		complain("there is no current sign-in to forget");
	}
	cJSON_Delete(contexts);
	return rc;
}

const struct command cmd_logout = {
	.name = "logout",
	.usage = "[NAME]",
	.summary = "forget a sign-in (the current one)",
	.details = "Example:\n  deia logout\n",
	.max_words = 1,
	.run = run_logout,
};
