/* SPDX-License-Identifier: MIT */
/*
 * converse_watch.c - a dialogue of two bots, each answer as it comes.
 *
 * The stream of events says when there is something new; the messages are
 * asked for on a second connection. When the stream begins, and at the end,
 * all of the dialogue is looked at, so that nothing is missed, whatever
 * happened to the connection meanwhile.
 */
#include "converse.h"

#include <stdlib.h>
#include <string.h>

#include "mail.h"

struct view {
	struct cli *cli;
	deia_client *other;
	const char *id;
	bool topic; /* show the first message, too */
	bool ended;
	int rc;
	cJSON *dialogue; /* as it was last seen */
	struct mail_seen seen;
};

static int ask_other(struct view *v, const char *path, cJSON **json)
{
	deia_client *stream = v->cli->client;
	int rc;

	v->cli->client = v->other;
	rc = ask(v->cli, "GET", path, NULL, json);
	v->cli->client = stream;
	return rc;
}

static void show(struct view *v, const cJSON *message)
{
	const char *from = jtext(message, "from");
	bool first = *jtext(message, "reply_to") == '\0';

	if (!mail_seen_add(&v->seen, jtext(message, "id")))
		return;
	if (first && !v->topic)
		return;
	if (v->cli->json) {
		mail_show(v->cli, message);
		return;
	}
	style_on(stdout, STYLE_BOLD, v->cli->out_colour);
	tell_text(stdout, from, strlen(from));
	style_off(stdout, STYLE_BOLD, v->cli->out_colour);
	tell("%s: %s\n", first ? " (the topic)" : "",
	     jtext(message, "content"));
}

/* ---- looking ----------------------------------------------------------- */

static void look_at_messages(struct view *v)
{
	char *base = path_of("/api/v1/dialogues/%s/messages?limit=100", v->id);
	char *cursor = must_dup("");

	do {
		struct text path = { 0 };
		const cJSON *m;
		cJSON *json = NULL;

		text_adds(&path, base);
		query_add(&path, "cursor", cursor);
		v->rc = ask_other(v, path.data, &json);
		JSON_EACH_ITEM(m, json)
		show(v, m);
		free(cursor);
		cursor = must_dup(jtext(json, "next_cursor"));
		cJSON_Delete(json);
		text_free(&path);
	} while (v->rc == EXIT_DONE && *cursor != '\0');
	free(cursor);
	free(base);
}

/* How it stands comes first: messages of one that has ended are complete. */
static void look(struct view *v)
{
	char *path = path_of("/api/v1/dialogues/%s", v->id);
	cJSON *json = NULL;

	v->rc = ask_other(v, path, &json);
	free(path);
	if (v->rc != EXIT_DONE)
		return;
	cJSON_Delete(v->dialogue);
	v->dialogue = json;
	look_at_messages(v);
	v->ended = strcmp(jtext(json, "status"), "running") != 0;
}

static void fetch(struct view *v, const char *id)
{
	char *path = path_of("/api/v1/messages/%s", id);
	cJSON *json = NULL;

	v->rc = ask_other(v, path, &json);
	if (v->rc == EXIT_DONE)
		show(v, json);
	cJSON_Delete(json);
	free(path);
}

static void take(struct view *v, const cJSON *event)
{
	const char *type = jtext(event, "type");
	const char *message = jtext(
		cJSON_GetObjectItemCaseSensitive(event, "data"), "message");

	if (strncmp(type, "dialogue.", 9) != 0 ||
	    strcmp(jtext(event, "subject"), v->id) != 0)
		return;
	if (strcmp(type, "dialogue.turn") == 0 && *message != '\0')
		fetch(v, message);
	else
		look(v);
}

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct view *v = user;
	cJSON *json = NULL;

	(void)id;
	if (deia_json_parse(&json, data, len, NULL) != DEIA_OK)
		return true;
	if (strcmp(event, "open") == 0 || strcmp(event, "resync") == 0)
		look(v);
	else
		take(v, json);
	cJSON_Delete(json);
	return fflush(stdout) == 0 && v->rc == EXIT_DONE && !v->ended;
}

/* ---- the end ----------------------------------------------------------- */

char *converse_summary(const cJSON *dialogue)
{
	const char *reason = jtext(dialogue, "reason");
	double tokens = jnumber(dialogue, "tokens", 0);
	struct text t = { 0 };

	text_addf(&t, "%s after %.0f of %.0f turns", jtext(dialogue, "status"),
		  jnumber(dialogue, "turns_done", 0),
		  jnumber(dialogue, "turns", 0));
	if (tokens > 0)
		text_addf(&t, ", %.0f tokens", tokens);
	if (*reason != '\0')
		text_addf(&t, ": %s", reason);
	return t.data;
}

static int finished(struct view *v)
{
	bool failed = strcmp(jtext(v->dialogue, "status"), "failed") == 0;
	char *json, *summary;

	if (v->cli->json) {
		json = jprint(v->dialogue);
		tell_json(json, strlen(json));
		free(json);
	}
	summary = converse_summary(v->dialogue);
	if (failed)
		complain("the dialogue %s", summary);
	else
		note(v->cli, "%s", summary);
	free(summary);
	return failed ? EXIT_REFUSED : EXIT_DONE;
}

/* Ctrl-C: who began the dialogue ends it; who only watches leaves. */
static int interrupted(struct view *v, bool ours)
{
	struct cli *cli = v->cli;
	char *path, *summary;
	cJSON *json = NULL;
	deia_err err;

	interrupts_clear(cli->client);
	if (!ours) {
		note(cli,
		     "no longer watching; the dialogue goes on. End it "
		     "with: deia converse --stop %s",
		     v->id);
		return EXIT_INTERRUPTED;
	}
	path = path_of("/api/v1/dialogues/%s/stop", v->id);
	err = ask_quietly(cli, "POST", path, "{}", &json, NULL);
	free(path);
	if (err == DEIA_OK) {
		summary = converse_summary(json);
		note(cli, "%s", summary);
		free(summary);
	} else if (err != DEIA_ESTATE) { /* it has just ended by itself */
		complain("the dialogue could not be stopped: %s",
			 deia_client_errmsg(cli->client));
		advise("try again: deia converse --stop %s", v->id);
	}
	cJSON_Delete(json);
	return EXIT_INTERRUPTED;
}

int converse_watch(struct cli *cli, const char *id, bool ours, bool topic)
{
	struct view *v = must_alloc(sizeof(*v));
	deia_client *client;
	deia_err err = DEIA_OK;
	int rc;

	v->cli = cli;
	v->id = id;
	v->topic = topic;
	client = cli_client(cli, &rc);
	if (client != NULL)
		v->other = cli_other_client(cli, &rc);
	if (v->other == NULL) {
		free(v);
		return rc;
	}
	interrupts_watch(client);
	interrupts_watch_other(v->other);
	if (!interrupts_seen())
		err = deia_client_follow(client, -1, 0, on_event, v);
	if (interrupts_seen())
		rc = interrupted(v, ours);
	else if (err != DEIA_OK)
		rc = explain(cli, err, 0);
	else
		rc = v->ended ? finished(v) : v->rc;
	interrupts_watch_other(NULL);
	deia_client_free(v->other);
	cJSON_Delete(v->dialogue);
	free(v);
	return rc;
}
