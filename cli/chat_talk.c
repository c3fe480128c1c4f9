/* SPDX-License-Identifier: MIT */
/*
 * chat_talk.c - talking with a bot on the terminal.
 *
 * A line is said; a line that begins with / is for this program. Ctrl-C ends
 * an answer that is being given, or drops the line that is being typed;
 * Ctrl-D leaves. The up arrow begins with what was said in earlier talks.
 */
#include "chat.h"

#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "suggest.h"

enum talk { TALK_GO_ON, TALK_LEAVE };

struct slash {
	const char *name, *about;
	enum talk (*run)(struct chat *c, const char *rest);
};

#define N_SLASHES 6
static const struct slash slashes[N_SLASHES + 1];

static enum talk do_help(struct chat *c, const char *rest)
{
	(void)c;
	(void)rest;
	for (const struct slash *s = slashes; s->name != NULL; s++)
		tell("/%-14s %s", s->name, s->about);
	tell("Ctrl-C ends an answer, Ctrl-D leaves. A text that begins with / "
	     "is written //.");
	return TALK_GO_ON;
}

static enum talk do_new(struct chat *c, const char *rest)
{
	(void)chat_begin(c, rest);
	return TALK_GO_ON;
}

static enum talk do_conversations(struct chat *c, const char *rest)
{
	(void)rest;
	(void)chat_list(c);
	return TALK_GO_ON;
}

static enum talk do_open(struct chat *c, const char *rest)
{
	char *old = c->conversation;

	if (*rest == '\0') {
		complain("which conversation? /conversations lists them");
		return TALK_GO_ON;
	}
	c->conversation = must_dup(rest);
	if (chat_history(c, 10) == EXIT_DONE) {
		free(old);
	} else {
		free(c->conversation);
		c->conversation = old;
	}
	return TALK_GO_ON;
}

static enum talk do_history(struct chat *c, const char *rest)
{
	long limit = strtol(rest, NULL, 10);

	(void)chat_history(c, limit > 0 && limit <= 1000 ? limit : 20);
	return TALK_GO_ON;
}

static enum talk do_quit(struct chat *c, const char *rest)
{
	(void)c;
	(void)rest;
	return TALK_LEAVE;
}

static const struct slash slashes[N_SLASHES + 1] = {
	{ "help", "show this", do_help },
	{ "new", "begin a new conversation; a title may follow", do_new },
	{ "conversations", "list the conversations with this bot",
	  do_conversations },
	{ "open", "go on in the conversation whose id follows", do_open },
	{ "history", "show the last 20 lines, or as many as follow",
	  do_history },
	{ "quit", "leave (also Ctrl-D)", do_quit },
	{ NULL, NULL, NULL },
};

static enum talk slash(struct chat *c, const char *line)
{
	size_t len = strcspn(line, " ");
	const char *rest = line + len + strspn(line + len, " ");
	char *name = must_dupn(line, len);
	struct suggestion near = { .typed = name };
	enum talk next = TALK_GO_ON;
	const struct slash *s = slashes;

	while (s->name != NULL && strcmp(s->name, name) != 0)
		suggest_offer(&near, (s++)->name);
	if (s->name != NULL)
		next = s->run(c, rest);
	else if (near.best != NULL)
		complain("there is no /%s; did you mean /%s?", name, near.best);
	else
		complain("there is no /%s; /help lists what there is", name);
	free(name);
	return next;
}

static enum talk take_line(struct chat *c, const char *line)
{
	if (line[strspn(line, " \t")] == '\0')
		return TALK_GO_ON;
	if (line[0] == '/' && line[1] != '/')
		return slash(c, line + 1);
	(void)chat_say(c, line[0] == '/' ? line + 1 : line);
	return TALK_GO_ON;
}

/* What a person said earlier, for the up arrow; and whether the bot is there. */
static int recall(struct chat *c, struct lines *l)
{
	char *path = chat_path(c, "/chat?limit=100");
	const cJSON *items, *line;
	cJSON *json = NULL;
	int rc = ask(c->cli, "GET", path, NULL, &json);

	items = jitems(json);
	for (int i = cJSON_GetArraySize(items); i > 0; i--) {
		line = cJSON_GetArrayItem(items, i - 1);
		if (strcmp(jtext(line, "role"), "user") == 0 &&
		    strpbrk(jtext(line, "content"), "\n\033") == NULL)
			lines_remember(l, jtext(line, "content"));
	}
	cJSON_Delete(json);
	free(path);
	return rc;
}

static void talk(struct chat *c, struct lines *l)
{
	enum talk next = TALK_GO_ON;

	while (next == TALK_GO_ON) {
		bool interrupted;
		char *line;

		interrupts_clear(c->cli->client);
		fflush(stdout);
		line = lines_read(l, &interrupted);
		interrupts_clear(c->cli->client);
		if (line == NULL) {
			putchar('\n');
			next = interrupted ? TALK_GO_ON : TALK_LEAVE;
			continue;
		}
		if (*line != '\0')
			lines_remember(l, line);
		next = take_line(c, line);
		free(line);
	}
}

int chat_talk(struct chat *c)
{
	struct lines *l = lines_open("> ");
	int rc;

	if (l == NULL) {
		complain("this terminal cannot be used for a talk");
		advise("give a text instead: deia chat %s \"hello\"", c->bot);
		return EXIT_REFUSED;
	}
	if (cli_client(c->cli, &rc) != NULL)
		rc = recall(c, l);
	if (rc == EXIT_DONE) {
		interrupts_watch(c->cli->client);
		note(c->cli,
		     "Talking with %s. /help shows what can be typed, "
		     "Ctrl-D leaves.",
		     c->bot);
		talk(c, l);
	}
	lines_close(l);
	return rc;
}
