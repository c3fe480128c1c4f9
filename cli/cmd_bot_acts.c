/* SPDX-License-Identifier: MIT */
/*
 * cmd_bot_acts.c - what is done to bots by one word (start, stop, pause ...):
 * to one, to several, to those of a type or in a state, or to all.
 *
 * One bot has a call of its own, with its own sentence when it is refused;
 * several go in calls for up to a thousand. Bots that were not named but
 * chosen, and that the action makes no sense for, are passed over.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "bot_wait.h"
#include "bots_all.h"

#define MAX_AT_ONCE 1000

static const struct action {
	const char *verb;      /* of the API */
	const char *done;      /* how it is told */
	const char *waits_for; /* a state, with --wait; or NULL */
	const char *already;   /* a state in which it is done; or NULL */
} actions[] = {
	{ "start", "was started", "ready", NULL },
	{ "stop", "is stopping", "stopped", "stopped" },
	{ "restart", "is restarting", "ready", NULL },
	{ "pause",
	  "is paused: what it is working on goes on, nothing new is begun",
	  NULL, "paused" },
	{ "resume", "goes on", NULL, NULL },
	{ "interrupt", "was asked to end what it is working on", NULL, NULL },
};

static int wait_or_tell(struct cli *cli, const struct action *a,
			const char *bot)
{
	if (a->waits_for != NULL && bot_wants_wait(cli))
		return bot_wait(cli, bot, a->waits_for);
	say(cli, "%s %s", bot, a->done);
	return EXIT_DONE;
}

/* What is wanted is so already: no error, and nothing to do. */
static bool is_already(struct cli *cli, const struct action *a, const char *bot)
{
	char *path = path_of("/api/v1/bots/%s", bot);
	struct deia_reply reply;
	cJSON *json = NULL;
	bool already = false;

	if (a->already != NULL &&
	    ask_quietly(cli, "GET", path, NULL, &json, &reply) == DEIA_OK)
		already = strcmp(jtext(json, "state"), a->already) == 0;
	free(path);
	if (already && cli->json)
		tell_json(reply.body, reply.body_len);
	else if (already)
		say(cli, "%s is %s already", bot, a->already);
	cJSON_Delete(json);
	return already;
}

static int act_on_one(struct cli *cli, const struct action *a, const char *bot)
{
	char *fmt, *path;
	int rc;

	if (cli_client(cli, &rc) == NULL)
		return rc;
	cli->bot = bot;
	if (is_already(cli, a, bot))
		return EXIT_DONE;
	fmt = must_print("/api/v1/bots/%%s/%s", a->verb);
	path = path_of(fmt, bot);
	rc = ask_raw(cli, "POST", path, NULL, NULL);
	free(path);
	free(fmt);
	return rc == EXIT_DONE ? wait_or_tell(cli, a, bot) : rc;
}

/* ---- many -------------------------------------------------------------- */

/* What came of it for one of many; only a bot that was acted on is waited
 * for, and only when all were asked. */
static int outcome(struct cli *cli, const struct action *a, const cJSON *item)
{
	const char *bot = jtext(item, "id");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(item, "error");
	const char *code = jtext(error, "code");

	if (jtrue(item, "ok"))
		return EXIT_DONE;
	if (!cli->json && strcmp(code, "illegal_state") == 0 &&
	    is_already(cli, a, bot))
		return EXIT_DONE;
	if (!cli->json)
		complain("%s: %s", bot, jtext(error, "detail"));
	return exit_code_of(err_of_code(code));
}

static int wait_for_many(struct cli *cli, const struct action *a,
			 const cJSON *answer)
{
	const cJSON *item;
	int rc = EXIT_DONE;

	JSON_EACH_ITEM(item, answer)
	{
		int one;

		if (!jtrue(item, "ok"))
			continue;
		one = wait_or_tell(cli, a, jtext(item, "id"));
		if (rc == EXIT_DONE)
			rc = one;
		if (one == EXIT_INTERRUPTED)
			return one;
	}
	return rc;
}

/* ids: up to MAX_AT_ONCE of them. */
static int act_on_many(struct cli *cli, const struct action *a,
		       const char *const *ids, size_t n)
{
	const cJSON *item;
	cJSON *json = NULL;
	struct deia_jw w;
	int rc;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "action", a->verb);
	deia_jw_key(&w, "ids");
	deia_jw_array(&w);
	for (size_t i = 0; i < n; i++)
		deia_jw_str(&w, ids[i]);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	rc = ask_raw(cli, "POST", "/api/v1/bots/actions", w.text, &json);
	deia_jw_fini(&w);
	if (rc == EXIT_DONE) {
		JSON_EACH_ITEM(item, json)
		{
			int one = outcome(cli, a, item);

			if (rc == EXIT_DONE)
				rc = one;
		}
		if (!cli->json || args_has(&cli->args, "wait")) {
			int one = wait_for_many(cli, a, json);

			if (rc == EXIT_DONE)
				rc = one;
		}
	}
	cJSON_Delete(json);
	return rc;
}

static int act_in_portions(struct cli *cli, const struct action *a,
			   const char *const *ids, size_t n)
{
	int rc = EXIT_DONE;

	for (size_t i = 0; i < n; i += MAX_AT_ONCE) {
		size_t some = n - i < MAX_AT_ONCE ? n - i : MAX_AT_ONCE;
		int one = act_on_many(cli, a, ids + i, some);

		if (rc == EXIT_DONE)
			rc = one;
		if (one == EXIT_INTERRUPTED || one == EXIT_UNREACHABLE)
			return one;
	}
	return rc;
}

/* ---- chosen by type and state ------------------------------------------ */

/* Bots for which the action makes no sense are passed over. */
static bool concerns(const struct action *a, const char *state)
{
	bool live =
		strcmp(state, "stopped") != 0 && strcmp(state, "failed") != 0 &&
		strcmp(state, "offline") != 0 && strcmp(state, "stopping") != 0;

	if (strcmp(a->verb, "start") == 0)
		return !live && strcmp(state, "stopping") != 0 &&
		       strcmp(state, "offline") != 0;
	if (strcmp(a->verb, "resume") == 0)
		return strcmp(state, "paused") == 0;
	if (strcmp(a->verb, "pause") == 0)
		return strcmp(state, "ready") == 0 ||
		       strcmp(state, "busy") == 0;
	if (strcmp(a->verb, "interrupt") == 0)
		return strcmp(state, "busy") == 0;
	/* A failed one is restarted as well when that state was named. */
	return live || (strcmp(a->verb, "restart") == 0 &&
			strcmp(state, "failed") == 0);
}

static int act_on_chosen(struct cli *cli, const struct action *a)
{
	const cJSON *bot;
	cJSON *bots = NULL;
	const char **ids;
	size_t n = 0;
	int rc = bots_chosen(cli, &bots);

	if (rc != EXIT_DONE)
		return rc;
	ids = must_alloc(((size_t)cJSON_GetArraySize(bots) + 1) * sizeof(*ids));
	cJSON_ArrayForEach(bot, bots) {
		if (concerns(a, jtext(bot, "state")))
			ids[n++] = jtext(bot, "id");
	}
	if (n == 0)
		note(cli, "none of these bots can be asked to %s now", a->verb);
	else
		rc = act_in_portions(cli, a, ids, n);
	free(ids);
	cJSON_Delete(bots);
	return rc;
}

static int run_action(struct cli *cli)
{
	const char *verb = cli->command->name + strlen("bot ");
	const struct action *a = actions;
	int rc = bots_check_choice(cli);

	while (strcmp(a->verb, verb) != 0)
		a++;
	if (rc != EXIT_DONE)
		return rc;
	if (cli->args.n_words == 0)
		return act_on_chosen(cli, a);
	if (cli->args.n_words == 1)
		return act_on_one(cli, a, cli->args.words[0]);
	return act_in_portions(cli, a, cli->args.words, cli->args.n_words);
}

static const struct opt act_opts[] = { BOT_CHOICE_OPTS, { 0 } };
static const struct opt wait_opts[] = { BOT_CHOICE_OPTS, BOT_WAIT_OPTS, { 0 } };

#define ACTION(word, about, options, more)                                     \
	const struct command cmd_bot_##word = {                                \
		.name = "bot " #word,                                          \
		.usage = "BOT ... | --type TYPE | --state STATE | --all",      \
		.summary = about,                                              \
		.details = more "Examples:\n  deia bot " #word " BOT-001\n"    \
				"  deia bot " #word " --type coder\n"          \
				"  deia bot " #word " --all\n",                \
		.opts = options,                                               \
		.max_words = ARGS_MAX,                                         \
		.run = run_action,                                             \
	}

ACTION(start, "start bots that were stopped or failed", wait_opts, "");
ACTION(stop, "stop bots; they stay stopped until started", wait_opts, "");
ACTION(restart, "stop and start bots", wait_opts, "");
ACTION(pause, "let bots begin nothing new", act_opts,
       "What a bot is working on goes on to its end.\n\n");
ACTION(resume, "let paused bots go on", act_opts, "");
ACTION(interrupt, "end what bots are working on, and keep the bots", act_opts,
       "What was answered so far is kept as a partial answer.\n\n");
