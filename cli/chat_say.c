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

static deia_err err_of_code(const char *code)
{
	for (int e = DEIA_OK; e <= DEIA_EFULL; e++) {
		if (strcmp(deia_err_name((deia_err)e), code) == 0)
			return (deia_err)e;
	}
	return DEIA_EREMOTE;
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

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct turn *t = user;
	cJSON *json = NULL;

	(void)id;
	if (deia_json_parse(&json, data, len, NULL) != DEIA_OK)
		return true;
	if (strcmp(event, "chunk") == 0) {
		const char *channel = jtext(json, "channel");

		if (*channel == '\0' || strcmp(channel, "answer") == 0)
			show(t, jtext(json, "text"));
		else
			show_aside(t, jtext(json, "text"));
	} else if (strcmp(event, "accepted") == 0) {
		snprintf(t->id, sizeof(t->id), "%s", jtext(json, "id"));
	} else if (strcmp(event, "done") == 0) {
		t->ended = true;
		on_done(t, json);
	} else if (strcmp(event, "error") == 0) {
		t->ended = true;
		on_problem(t, json);
	}
	cJSON_Delete(json);
	return !t->ended && !t->broken;
}

/* Ctrl-C: the bot is to stop as well, what it has said is kept. */
static int interrupted(struct turn *t)
{
	struct cli *cli = t->chat->cli;
	char *path = path_of("/api/v1/bots/%s/interrupt", t->chat->bot);
	struct deia_jw w;

	interrupts_clear(cli->client);
	end_line(t);
	deia_jw_init(&w);
	deia_jw_object(&w);
	if (t->id[0] != '\0')
		deia_jw_kstr(&w, "id", t->id);
	deia_jw_end_object(&w);
	(void)ask_quietly(cli, "POST", path, w.text, NULL, NULL);
	deia_jw_fini(&w);
	free(path);
	note(cli, "interrupted; what was answered is kept");
	return EXIT_INTERRUPTED;
}

static int say_streamed(struct chat *c, const char *body)
{
	struct turn t = { .chat = c };
	char *path = path_of("/api/v1/bots/%s/chat", c->bot);
	deia_client *client = c->cli->client;
	deia_err err;

	err = deia_client_stream(client, "POST", path, body, 0, on_event, &t);
	free(path);
	if (err == DEIA_ECANCELED)
		return interrupted(&t);
	if (err != DEIA_OK) {
		end_line(&t);
		return explain(c->cli, err, 0);
	}
	if (t.ended || t.broken)
		return t.rc;
	end_line(&t);
	complain("the hive ended the stream before the answer was complete");
	advise("`deia chat %s --history` shows what is kept of it", c->bot);
	return EXIT_REFUSED;
}

static int say_whole(struct chat *c, const char *body)
{
	char *path = path_of("/api/v1/bots/%s/chat", c->bot);
	struct turn t = { .chat = c };
	cJSON *json = NULL;
	int rc = ask_raw(c->cli, "POST", path, body, &json);

	if (rc == EXIT_INTERRUPTED)
		rc = interrupted(&t);
	else if (rc == EXIT_DONE && !c->cli->json) {
		on_done(&t, json);
		rc = t.rc;
	}
	cJSON_Delete(json);
	free(path);
	return rc;
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
	rc = c->stream ? say_streamed(c, w.text) : say_whole(c, w.text);
	deia_jw_fini(&w);
	return rc;
}
