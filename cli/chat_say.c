/* SPDX-License-Identifier: MIT */
/*
 * chat_say.c - one turn: the text goes there, the answer comes back piece by
 * piece and is printed as it comes, made safe.
 *
 * Only the answer goes to stdout; what a model thinks or does meanwhile goes
 * to stderr, on a terminal or with -v.
 */
#include "chat.h"

#include <stdlib.h>
#include <string.h>

#include "safe.h"

struct turn {
	struct chat *chat;
	struct safe safe, aside_safe;
	bool printed;	 /* something of the answer */
	bool line_open;	 /* the answer so far does not end in a newline */
	bool aside_open; /* thinking is being shown */
	bool whole;	 /* shown at its end, not piece by piece */
	bool ended;	 /* the server said done or error */
	bool broken;	 /* stdout takes no more */
	int rc;
	char id[64]; /* of the question, once the hive has it */
};

static void show(struct turn *t, const char *text)
{
	struct text out = { 0 };

	if (t->aside_open) {
		fputs("\n", stderr);
		t->aside_open = false;
	}
	safe_add(&t->safe, &out, text, strlen(text));
	if (out.len > 0) {
		fwrite(out.data, 1, out.len, stdout);
		t->printed = true;
		t->line_open = out.data[out.len - 1] != '\n';
	}
	t->broken = fflush(stdout) != 0;
	text_free(&out);
}

static void show_aside(struct turn *t, const char *text)
{
	const struct cli *cli = t->chat->cli;
	struct text out = { 0 };

	if (cli->quiet || (!cli->err_tty && !cli->verbose))
		return;
	safe_add(&t->aside_safe, &out, text, strlen(text));
	if (out.len > 0) {
		style_on(stderr, STYLE_DIM, cli->err_colour);
		fwrite(out.data, 1, out.len, stderr);
		style_off(stderr, STYLE_DIM, cli->err_colour);
		t->aside_open = true;
	}
	text_free(&out);
}

/* Ends the line that is open, before something is said about the turn. */
static void end_line(struct turn *t)
{
	struct text out = { 0 };

	safe_end(&t->safe, &out);
	if (out.len > 0)
		fwrite(out.data, 1, out.len, stdout);
	if (t->line_open || out.len > 0)
		putchar('\n');
	if (t->aside_open)
		fputs("\n", stderr);
	t->line_open = t->aside_open = false;
	fflush(stdout);
	text_free(&out);
}

static void on_problem(struct turn *t, const cJSON *problem)
{
	const char *detail = jtext(problem, "detail");
	deia_err err = err_of_code(jtext(problem, "code"));

	end_line(t);
	complain("%s", *detail != '\0' ? detail : jtext(problem, "title"));
	if (t->printed)
		advise("what came of the answer is kept, marked as partial");
	t->rc = exit_code_of(err);
}

static void on_done(struct turn *t, const cJSON *message)
{
	/* A bot that does not stream: all of it comes at the end. */
	if (!t->printed)
		show(t, jtext(message, "content"));
	end_line(t);
	if (strcmp(jtext(message, "status"), "partial") == 0) {
		const char *why = jtext(message, "error");

		complain("the answer was cut short%s%s",
			 *why != '\0' ? ": " : "", why);
		t->rc = EXIT_REFUSED;
	}
}

static void on_chunk(struct turn *t, const cJSON *json)
{
	const char *channel = jtext(json, "channel");

	if (t->whole)
		return;
	if (*channel == '\0' || strcmp(channel, "answer") == 0)
		show(t, jtext(json, "text"));
	else
		show_aside(t, jtext(json, "text"));
}

static void on_accepted(struct turn *t, const cJSON *json)
{
	snprintf(t->id, sizeof(t->id), "%s", jtext(json, "id"));
	if (t->chat->cli->verbose)
		complain("taken as %s", t->id);
}

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct turn *t = user;
	bool as_json = t->whole && t->chat->cli->json;
	cJSON *json = NULL;

	(void)id;
	if (deia_json_parse(&json, data, len, NULL) != DEIA_OK)
		return true;
	t->ended = strcmp(event, "done") == 0 || strcmp(event, "error") == 0;
	if (t->ended && as_json)
		tell_json(data, len);
	if (strcmp(event, "chunk") == 0)
		on_chunk(t, json);
	else if (strcmp(event, "accepted") == 0)
		on_accepted(t, json);
	else if (strcmp(event, "error") == 0)
		on_problem(t, json);
	else if (t->ended && !as_json)
		on_done(t, json);
	cJSON_Delete(json);
	return !t->ended && !t->broken;
}

/*
 * Ctrl-C: the bot is to stop as well, what it has said is kept. Only this
 * turn: what the bot does for others is none of our business.
 */
static int interrupted(struct turn *t)
{
	struct cli *cli = t->chat->cli;
	char *path = path_of("/api/v1/bots/%s/interrupt", t->chat->bot);
	struct deia_jw w;

	interrupts_clear(cli->client);
	end_line(t);
	if (t->id[0] == '\0') {
		free(path);
		note(cli, "interrupted before the hive had taken it");
		return EXIT_INTERRUPTED;
	}
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "id", t->id);
	deia_jw_end_object(&w);
	(void)ask_quietly(cli, "POST", path, w.text, NULL, NULL);
	deia_jw_fini(&w);
	free(path);
	note(cli, "interrupted; what was answered is kept");
	return EXIT_INTERRUPTED;
}

/* It was refused before it began; with --json that is said in JSON as well. */
static int refused(struct turn *t, deia_err err)
{
	struct cli *cli = t->chat->cli;
	struct deia_jw w;

	end_line(t);
	if (t->whole && cli->json) {
		deia_jw_init(&w);
		deia_jw_object(&w);
		deia_jw_kstr(&w, "code", deia_err_name(err));
		deia_jw_kstr(&w, "detail", deia_client_errmsg(cli->client));
		deia_jw_end_object(&w);
		if (deia_jw_status(&w) == DEIA_OK)
			tell_json(w.text, w.len);
		deia_jw_fini(&w);
	}
	return explain(cli, err, 0);
}

/*
 * An answer that is wanted whole comes as a stream too: its first event names
 * the turn, without which an interrupt would end other people's turns.
 */
static int say_it(struct chat *c, const char *body)
{
	struct turn t = { .chat = c, .whole = !c->stream };
	char *path = path_of("/api/v1/bots/%s/chat", c->bot);
	deia_client *client = c->cli->client;
	deia_err err;

	err = deia_client_stream(client, "POST", path, body, 0, on_event, &t);
	free(path);
	if (err == DEIA_ECANCELED)
		return interrupted(&t);
	if (err != DEIA_OK)
		return refused(&t, err);
	if (t.ended || t.broken)
		return t.rc;
	end_line(&t);
	complain("the hive ended the stream before the answer was complete");
	advise("`deia chat %s --history` shows what is kept of it", c->bot);
	return EXIT_REFUSED;
}

int chat_say(struct chat *c, const char *text)
{
	struct deia_jw w;
	int rc;

	if (cli_client(c->cli, &rc) == NULL)
		return rc;
	interrupts_watch(c->cli->client);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "content", text);
	if (c->conversation != NULL)
		deia_jw_kstr(&w, "conversation", c->conversation);
	deia_jw_end_object(&w);
	rc = say_it(c, w.text);
	deia_jw_fini(&w);
	return rc;
}
