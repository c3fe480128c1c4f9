/* SPDX-License-Identifier: MIT */
/* help.c - prints what the table of commands says about itself. */
#include "help.h"

#include <stdlib.h>
#include <string.h>

static const char footer[] =
	"\nEverywhere: --json --url URL --token TOKEN --dir DIR -q -v --help\n"
	"Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not found, 4 not\n"
	"allowed, 5 conflict, 6 unreachable, 8 timed out, 9 unhealthy,\n"
	"130 interrupted\n";

static const char examples[] =
	"\nExamples:\n"
	"  deia serve                       start a hive on this machine\n"
	"  deia bot launch BOT-001 --adapter ollama --model llama3.2\n"
	"  deia chat BOT-001 \"hello\"        ask once\n"
	"  deia chat BOT-001                talk\n"
	"  deia send BOT-001 \"see to it\"    mail, for when it has time\n"
	"  deia task submit \"sum it up\"    work for whichever bot is best\n"
	"  deia bot logs -f BOT-001         watch its log\n"
	"\n`deia COMMAND --help` says more about each.\n";

static void row(FILE *out, const struct command *c)
{
	fprintf(out, "  %-20s %s\n", c->name, c->summary);
}

void help_all(FILE *out)
{
	fputs("deia runs and talks to a hive of LLM bots.\n\n"
	      "Usage: deia COMMAND [OPTIONS]\n\nCommands:\n",
	      out);
	for (size_t i = 0; commands[i] != NULL; i++)
		row(out, commands[i]);
	fputs(examples, out);
	fputs(footer, out);
}

static void group_rows(FILE *out, const char *group)
{
	size_t len = strlen(group);

	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strncmp(commands[i]->name, group, len) == 0 &&
		    commands[i]->name[len] == ' ')
			row(out, commands[i]);
	}
}

void help_group(FILE *out, const char *group)
{
	fprintf(out, "Usage: deia %s COMMAND [OPTIONS]\n\nCommands:\n", group);
	group_rows(out, group);
	fprintf(out, "\n`deia %s COMMAND --help` says more about each.\n",
		group);
}

static void options(FILE *out, const struct opt *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		char letter[5] = "    ", left[64];

		if (o->letter != 0)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
			 opt_takes_word(o) ? " " : "",
			 o->kind != OPT_FLAG ? o->value : "");
		if (strlen(left) > 26)
			fprintf(out, "  %s\n  %-26s %s\n", left, "", o->help);
		else
			fprintf(out, "  %-26s %s\n", left, o->help);
	}
}

/* Of a command whose name is also that of a group. */
static void more_commands(FILE *out, const char *group)
{
	size_t len = strlen(group);
	bool any = false;

	for (size_t i = 0; commands[i] != NULL; i++)
		any |= strncmp(commands[i]->name, group, len) == 0 &&
		       commands[i]->name[len] == ' ';
	if (!any)
		return;
	fputs("\nMore commands:\n", out);
	group_rows(out, group);
}

void help_command(FILE *out, const struct command *c)
{
	fprintf(out, "deia %s: %s\n\nUsage: deia %s%s%s\n", c->name, c->summary,
		c->name, *c->usage != '\0' ? " " : "", c->usage);
	if (c->opts != NULL) {
		fputs("\nOptions:\n", out);
		options(out, c->opts);
	}
	fputs("\nCommon options:\n", out);
	options(out, common_opts);
	if (c->details != NULL)
		fprintf(out, "\n%s", c->details);
	more_commands(out, c->name);
}

static bool help_one(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strcmp(commands[i]->name, name) == 0) {
			help_command(stdout, commands[i]);
			return true;
		}
	}
	return false;
}

int help_words(int argc, char **argv)
{
	char *name;

	if (strcmp(argv[0], "help") == 0) {
		argc--;
		argv++;
	}
	if (argc == 0) {
		help_all(stdout);
		return EXIT_DONE;
	}
	name = argc >= 2 ? must_print("%s %s", argv[0], argv[1])
			 : must_dup(argv[0]);
	if (help_one(name) || help_one(argv[0])) {
		free(name);
		return EXIT_DONE;
	}
	free(name);
	name = must_print("%s ", argv[0]);
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strncmp(commands[i]->name, name, strlen(name)) == 0) {
			help_group(stdout, argv[0]);
			free(name);
			return EXIT_DONE;
		}
	}
	free(name);
	complain("there is no command '%s'", argv[0]);
	advise("`deia --help` lists the commands");
	return EXIT_USAGE;
}
