/* SPDX-License-Identifier: MIT */
/*
 * cmd_chat.c - `deia chat`: one question, a talk on the terminal, or what is
 * kept of earlier talks (--history, --export, --import, --clear).
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <deia/limits.h>

#include "chat.h"
#include "content.h"

/* ---- the text ---------------------------------------------------------- */

static int say_stdin(struct chat *c)
{
	char *example = must_print("deia chat %s \"hello\"", c->bot);
	int rc;
	char *text = content_stdin(c->cli, example, &rc);

	if (text != NULL)
		rc = chat_say(c, text);
	free(text);
	free(example);
	return rc;
}

static int say_or_talk(struct chat *c)
{
	char *text = content_words(&c->cli->args, 1);
	int rc;

	if (text != NULL) {
		rc = *text != '\0' ? chat_say(c, text)
				   : usage_error(c->cli, "the text is empty");
		free(text);
		return rc;
	}
	if (!isatty(STDIN_FILENO))
		return say_stdin(c);
	if (!c->cli->out_tty || c->cli->json)
		return usage_error(
			c->cli,
			"a talk needs a terminal for its output; "
			"give a text instead: deia chat %s \"hello\"",
			c->bot);
	c->talking = true;
	return chat_talk(c);
}

/* ---- what is kept ------------------------------------------------------ */

/* Exact bytes into a file; on a terminal made safe. */
static int write_export(struct cli *cli, const char *file,
			const struct deia_reply *reply)
{
	bool to_stdout = strcmp(file, "-") == 0;
	FILE *f = to_stdout ? stdout : fopen(file, "we");
	bool ok = f != NULL;

	if (to_stdout && cli->out_tty)
		tell_text(stdout, reply->body, reply->body_len);
	else if (ok)
		ok = fwrite(reply->body, 1, reply->body_len, f) ==
		     reply->body_len;
	if (f != NULL && !to_stdout)
		ok = fclose(f) == 0 && ok;
	if (!ok) {
		complain("%s cannot be written: %s", file, strerror(errno));
		return EXIT_REFUSED;
	}
	if (!to_stdout)
		note(cli, "written to %s", file);
	return EXIT_DONE;
}

static int export_chat(struct chat *c, const char *file)
{
	const char *format = args_text(&c->cli->args, "format");
	size_t len = strlen(file);
	struct deia_reply reply;
	char *what, *path;
	deia_err err;
	int rc;

	if (format == NULL)
		format = len > 5 && strcmp(file + len - 5, ".json") == 0
				 ? "json"
				 : "txt";
	if (strcmp(format, "json") != 0 && strcmp(format, "txt") != 0)
		return usage_error(c->cli,
				   "--format: '%s' is neither txt nor "
				   "json",
				   format);
	if (cli_client(c->cli, &rc) == NULL)
		return rc;
	what = must_print("/chat/export?format=%s", format);
	path = chat_path(c, what);
	err = ask_quietly(c->cli, "GET", path, NULL, NULL, &reply);
	rc = err == DEIA_OK ? write_export(c->cli, file, &reply)
			    : explain(c->cli, err, reply.retry_after_seconds);
	free(path);
	free(what);
	return rc;
}

static int import_chat(struct chat *c, const char *file)
{
	bool from_stdin = strcmp(file, "-") == 0;
	FILE *f = from_stdin ? stdin : fopen(file, "re");
	struct deia_json_error where;
	cJSON *json = NULL;
	char *text, *path;
	size_t len = 0;
	int rc = EXIT_REFUSED;

	if (f == NULL) {
		complain("%s cannot be read: %s", file, strerror(errno));
		return EXIT_NOT_FOUND;
	}
	text = content_read(f, file, DEIA_MAX_BODY_BYTES, &len);
	if (!from_stdin)
		fclose(f);
	if (text == NULL)
		return EXIT_REFUSED;
	if (deia_json_check(text, len, &where) != DEIA_OK) {
		complain("%s:%u:%u: %s; import takes what --export FILE.json "
			 "wrote",
			 file, where.line, where.column, where.detail);
	} else {
		path = path_of("/api/v1/bots/%s/chat/import", c->bot);
		rc = ask_raw(c->cli, "POST", path, text, &json);
		free(path);
		if (rc == EXIT_DONE)
			say(c->cli, "imported as conversation %s",
			    jtext(json, "id"));
	}
	cJSON_Delete(json);
	free(text);
	return rc;
}

/* A deletion is confirmed on a terminal, and by --yes elsewhere. */
static bool is_sure(struct chat *c)
{
	char answer[16] = "";

	if (args_has(&c->cli->args, "yes"))
		return true;
	if (!isatty(STDIN_FILENO)) {
		complain("--clear deletes the conversation for good; add --yes "
			 "to confirm");
		return false;
	}
	fprintf(stderr, "Delete this conversation with %s for good? [y/N] ",
		c->bot);
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

static int clear_chat(struct chat *c)
{
	char *path;
	int rc;

	if (!is_sure(c))
		return EXIT_REFUSED;
	path = chat_path(c, "/chat");
	rc = ask_raw(c->cli, "DELETE", path, NULL, NULL);
	free(path);
	if (rc == EXIT_DONE)
		say(c->cli, "the conversation is deleted");
	return rc;
}

/* ---- the command ------------------------------------------------------- */

static int one_mode(struct cli *cli)
{
	static const char *const modes[] = { "history", "export", "import",
					     "clear", "conversations" };
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		n += args_has(&cli->args, modes[i]);
	if (n > 1)
		return usage_error(cli,
				   "--history, --export, --import, --clear "
				   "and --conversations exclude each "
				   "other");
	if (n == 1 && cli->args.n_words > 1)
		return usage_error(cli, "'%s' is one word too many",
				   cli->args.words[1]);
	if (args_has(&cli->args, "new") && args_has(&cli->args, "conversation"))
		return usage_error(cli, "--new and --conversation exclude each "
					"other");
	return EXIT_DONE;
}

static int run_chat(struct cli *cli)
{
	const struct args *a = &cli->args;
	struct chat c = {
		.cli = cli,
		.bot = a->words[0],
		.conversation = must_dup(args_text(a, "conversation")),
		.stream = !args_has(a, "no-stream") && !cli->json,
	};
	int rc = one_mode(cli);

	cli->bot = c.bot;
	cli->no_deadline = true; /* an answer takes what it takes */
	if (rc == EXIT_DONE && args_has(a, "new"))
		rc = chat_begin(&c, NULL);
	if (rc == EXIT_DONE) {
		if (args_has(a, "history"))
			rc = chat_history(&c, args_number(a, "limit", 50));
		else if (args_has(a, "conversations"))
			rc = chat_list(&c);
		else if (args_has(a, "export"))
			rc = export_chat(&c, args_text(a, "export"));
		else if (args_has(a, "import"))
			rc = import_chat(&c, args_text(a, "import"));
		else if (args_has(a, "clear"))
			rc = clear_chat(&c);
		else
			rc = say_or_talk(&c);
	}
	free(c.conversation);
	return rc;
}

static const struct opt chat_opts[] = {
	{ "conversation", 'c', OPT_TEXT, false, "ID",
	  "in this conversation, not the first one", NULL },
	{ "new", 0, OPT_FLAG, false, NULL, "in a new conversation", NULL },
	{ "no-stream", 0, OPT_FLAG, false, NULL,
	  "print the answer when it is "
	  "complete",
	  NULL },
	{ "conversations", 0, OPT_FLAG, false, NULL,
	  "list the conversations with the bot", NULL },
	{ "history", 0, OPT_FLAG, false, NULL, "print what was said", NULL },
	{ "limit", 0, OPT_NUMBER, false, "N",
	  "with --history: the last N lines (50)", NULL },
	{ "export", 0, OPT_TEXT, false, "FILE",
	  "write the conversation to FILE, - for stdout", "@file" },
	{ "format", 0, OPT_TEXT, false, "FORMAT",
	  "with --export: txt or json (by the file's name)", "txt json" },
	{ "import", 0, OPT_TEXT, false, "FILE",
	  "make a new conversation of an exported .json", "@file" },
	{ "clear", 0, OPT_FLAG, false, NULL, "delete the conversation", NULL },
	{ "yes", 'y', OPT_FLAG, false, NULL, "with --clear: do not ask", NULL },
	{ 0 },
};

const struct command cmd_chat = {
	.name = "chat",
	.usage = "BOT [TEXT] [OPTIONS]",
	.summary = "talk with a bot, or ask it one thing",
	.details =
		"With TEXT, or text on stdin, prints the answer and ends.\n"
		"Without, on a terminal, talks: Ctrl-C ends an answer, Ctrl-D\n"
		"leaves, /help lists what else can be typed. TEXT that begins\n"
		"with - goes behind --.\n\n"
		"Examples:\n"
		"  deia chat BOT-001 \"hello\"\n"
		"  deia chat BOT-001 --new\n"
		"  git diff | deia chat reviewer\n"
		"  deia chat BOT-001 --history --limit 10\n"
		"  deia chat BOT-001 --export talk.json\n",
	.opts = chat_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_chat,
};
