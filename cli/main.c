/* SPDX-License-Identifier: MIT */
/*
 * main.c - `deia`: the table of commands, and finding the one that is meant.
 *
 * Every command is one row: name, usage, summary, options, handler. Help,
 * completion and the manual's list of commands come from the same rows.
 */
#include "cli.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "help.h"
#include "suggest.h"

#define ROW(name) &cmd_##name,
const struct command *const commands[] = { COMMANDS(ROW) NULL };
#undef ROW

const struct opt common_opts[] = {
	{ "json", 0, OPT_FLAG, false, NULL,
	  "print the server's JSON, on one line", NULL },
	{ "url", 0, OPT_TEXT, false, "URL", "the hive's address (DEIA_URL)",
	  NULL },
	{ "token", 0, OPT_TEXT, false, "TOKEN", "the token (DEIA_TOKEN)",
	  NULL },
	{ "dir", 0, OPT_TEXT, false, "DIR", "the hive's directory (DEIA_DIR)",
	  "@dir" },
	{ "quiet", 'q', OPT_FLAG, false, NULL, "only results and errors",
	  NULL },
	{ "verbose", 'v', OPT_FLAG, false, NULL, "show each call to the hive",
	  NULL },
	{ "help", 'h', OPT_FLAG, false, NULL, "show help", NULL },
	{ 0 },
};

/* What newcomers type for commands that are called otherwise here. */
static const struct {
	const char *typed, *meant;
} habits[] = {
	{ "start", "serve" },
	{ "run", "serve" },
	{ "up", "serve" },
	{ "down", "stop" },
	{ "ps", "bot list" },
	{ "ls", "bot list" },
	{ "list", "bot list" },
	{ "bots", "bot list" },
	{ "launch", "bot launch" },
	{ "logs", "bot logs" },
	{ "remove", "bot remove" },
	{ "rm", "bot remove" },
	{ "bot ls", "bot list" },
	{ "bot ps", "bot list" },
	{ "bot rm", "bot remove" },
	{ "bot delete", "bot remove" },
	{ "bot create", "bot launch" },
	{ "bot add", "bot launch" },
	{ "bot run", "bot launch" },
	{ "bot new", "bot launch" },
	{ "bot kill", "bot stop" },
	{ "bot log", "bot logs" },
	{ "bot status", "bot show" },
	{ "bot inspect", "bot describe" },
	{ "token new", "token create" },
	{ "token ls", "token list" },
	{ "token delete", "token revoke" },
	{ "token rm", "token revoke" },
	{ "signin", "login" },
	{ "signout", "logout" },
	{ "ask", "chat" },
	{ "say", "chat" },
	{ "mail", "inbox" },
	{ "message", "send" },
	{ "msg", "send" },
	{ "receive", "inbox --receive" },
	{ "ack", "read" },
	{ "dialogue", "converse" },
	{ "dialog", "converse" },
	{ "conversations", "conversation" },
	{ "requeue", "messages requeue" },
	{ "dead-letters", "messages failed" },
	{ "scaling", "scale" },
	{ "scale show", "scale" },
	{ "scale list", "scale" },
	{ "scale on", "scale set" },
	{ "messages ls", "messages list" },
	{ "submit", "task submit" },
	{ "tasks", "task list" },
	{ "task add", "task submit" },
	{ "task create", "task submit" },
	{ "task new", "task submit" },
	{ "task run", "task submit" },
	{ "task ls", "task list" },
	{ "task get", "task show" },
	{ "task describe", "task show" },
	{ "task status", "task show" },
	{ "task result", "task show" },
	{ "task rm", "task cancel" },
	{ "task delete", "task cancel" },
	{ "task stop", "task cancel" },
	{ "task kill", "task cancel" },
	{ "task requeue", "task retry" },
	{ "task follow", "task watch" },
	{ "task wait", "task watch" },
	{ "task judge", "task verdict" },
	{ "task queues", "task types" },
	{ "alert", "alerts list" },
	{ "alarms", "alerts list" },
	{ "alerts ls", "alerts list" },
	{ "alerts get", "alerts show" },
	{ "alerts describe", "alerts show" },
	{ "alerts acknowledge", "alerts ack" },
	{ "alerts mute", "alerts silence" },
	{ "alerts snooze", "alerts silence" },
	{ "alerts close", "alerts resolve" },
	{ "alerts clear", "alerts resolve" },
	{ "rules", "alerts rules" },
	{ "htop", "top" },
	{ "monitor", "top" },
	{ "messages send", "send" },
	{ "messages read", "read" },
	{ "messages inbox", "inbox" },
	{ "messages retry", "messages requeue" },
};

static bool is_group(const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strncmp(commands[i]->name, word, len) == 0 &&
		    commands[i]->name[len] == ' ')
			return true;
	}
	return false;
}

static const struct command *by_name(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static int unknown_command(const char *typed, bool group)
{
	struct suggestion s = { .typed = typed };
	const char *meant = NULL;
	char *near_group = NULL;

	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++) {
		if (strcmp(habits[i].typed, typed) == 0)
			meant = habits[i].meant;
	}
	for (size_t i = 0; commands[i] != NULL && meant == NULL; i++) {
		const char *name = commands[i]->name;
		const char *space = strchr(name, ' ');

		suggest_offer(&s, name);
		/* "bto" is near to "bot", not to "bot list". */
		if (space != NULL && !group && strchr(typed, ' ') == NULL) {
			char *first = must_dupn(name, (size_t)(space - name));

			if (edit_distance(typed, first) > 1) {
				free(first);
				continue;
			}
			meant = near_group = first;
		}
	}
	if (meant == NULL)
		meant = s.best;
	complain("there is no command '%s'", typed);
	if (meant != NULL)
		advise("did you mean `deia %s`?", meant);
	else
		advise("`deia --help` lists the commands");
	free(near_group);
	return EXIT_USAGE;
}

/* Finds the command in argv; *used counts the words of its name. */
static const struct command *find(int argc, char **argv, int *used, int *rc)
{
	const struct command *found;
	char *both;

	*used = 1;
	if (argc >= 2 && argv[1][0] != '-' && is_group(argv[0])) {
		both = must_print("%s %s", argv[0], argv[1]);
		found = by_name(both);
		*used = 2;
		if (found == NULL)
			*rc = unknown_command(both, true);
		free(both);
		return found;
	}
	found = by_name(argv[0]);
	if (found == NULL && is_group(argv[0])) {
		help_group(stderr, argv[0]);
		*rc = EXIT_USAGE;
	} else if (found == NULL) {
		*rc = unknown_command(argv[0], false);
	}
	return found;
}

static void settle(struct cli *cli, const struct args *a)
{
	if (args_text(a, "url") != NULL)
		cli->url = args_text(a, "url");
	if (args_text(a, "token") != NULL)
		cli->token = args_text(a, "token");
	if (args_text(a, "dir") != NULL)
		cli->dir = args_text(a, "dir");
	cli->json = cli->json || args_has(a, "json");
	cli->quiet = cli->quiet || args_has(a, "quiet");
	cli->verbose = cli->verbose || args_has(a, "verbose");
}

static int check_words(const struct cli *cli)
{
	const struct command *c = cli->command;

	if (cli->args.n_words < c->min_words)
		return usage_error(cli, "something is missing");
	if (cli->args.n_words > c->max_words)
		return usage_error(cli, "'%s' is one word too many",
				   cli->args.words[c->max_words]);
	return EXIT_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
	char *message = NULL;
	int used, rc;

	cli->args.command = cli->command->name;
	cli->args.own = cli->command->opts;
	cli->args.common = common_opts;
	if (!args_parse(&cli->args, argc, argv, false, &used, &message)) {
		rc = usage_error(cli, "%s", message);
		free(message);
		return rc;
	}
	settle(cli, &cli->args);
	if (args_has(&cli->args, "help")) {
		help_command(stdout, cli->command);
		return EXIT_DONE;
	}
	rc = check_words(cli);
	return rc == EXIT_DONE ? cli->command->run(cli) : rc;
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
	static struct args first;
	char *message = NULL;
	int used, rc = EXIT_USAGE;

	first.command = "";
	first.common = common_opts;
	/* `deia --version` is what everybody tries. */
	if (argc == 1 && strcmp(argv[0], "--version") == 0)
		return cmd_version.run(cli);
	if (!args_parse(&first, argc, argv, true, &used, &message)) {
		rc = usage_error(cli, "%s", message);
		free(message);
		return rc;
	}
	settle(cli, &first);
	argc -= used;
	argv += used;
	if (argc == 0) {
		help_all(stdout);
		return EXIT_DONE;
	}
	if (args_has(&first, "help") || strcmp(argv[0], "help") == 0)
		return help_words(argc, argv);
	if (argc == 2 && is_group(argv[0]) && by_name(argv[0]) == NULL &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		help_group(stdout, argv[0]);
		return EXIT_DONE;
	}
	cli->command = find(argc, argv, &used, &rc);
	if (cli->command == NULL)
		return rc;
	return run(cli, argc - used, argv + used);
}

static void look_at_terminal(struct cli *cli)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool plain = (no_colour != NULL && *no_colour != '\0') ||
		     (term != NULL && strcmp(term, "dumb") == 0);

	cli->out_tty = isatty(STDOUT_FILENO) == 1;
	cli->err_tty = isatty(STDERR_FILENO) == 1;
	cli->out_colour = cli->out_tty && !plain;
	cli->err_colour = cli->err_tty && !plain;
}

/* Typed text is UTF-8 also where the locale was never set. */
static void use_utf8(void)
{
	if (setlocale(LC_CTYPE, "") == NULL ||
	    strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

int main(int argc, char **argv)
{
	static struct cli cli;
	int rc;

	use_utf8();
	look_at_terminal(&cli);
	rc = dispatch(&cli, argc > 0 ? argc - 1 : 0, argv + 1);
	deia_client_free(cli.client);
	target_free(&cli.target);
	if (fflush(stdout) != 0 && rc == EXIT_DONE) {
		complain("the output cannot be written");
		rc = EXIT_REFUSED;
	}
	return rc;
}
