/* SPDX-License-Identifier: MIT */
/*
 * cmd_completion.c - `deia completion bash|zsh|fish`: shell functions made
 * from the table of commands, so that they never lag behind it.
 *
 * Ids of bots are asked for with `deia bot list -q` when they are completed.
 * All three shells get the same words; zsh and fish show the summaries too.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Commands whose words are ids of bots that there are. */
static bool takes_bot(const struct command *c)
{
	const char *usage = c->usage + (c->usage[0] == '[');

	return strncmp(usage, "BOT", 3) == 0 &&
	       strcmp(c->name, "bot launch") != 0 &&
	       strcmp(c->name, "bot register") != 0;
}

static void words_of(FILE *out, const struct opt *o)
{
	for (; o != NULL && o->name != NULL; o++)
		fprintf(out, " --%s", o->name);
}

/* Names of commands, or of a group's, each once. */
static void names(FILE *out, const char *group)
{
	size_t len = group != NULL ? strlen(group) : 0;
	const char *last = "";
	size_t last_len = 0;

	for (size_t i = 0; commands[i] != NULL; i++) {
		const char *name = commands[i]->name;
		size_t n = strcspn(name, " ");

		if (group != NULL) {
			if (n == len && name[n] == ' ' &&
			    strncmp(name, group, n) == 0)
				fprintf(out, " %s", name + n + 1);
			continue;
		}
		if (n == last_len && strncmp(name, last, n) == 0)
			continue;
		fprintf(out, " %.*s", (int)n, name);
		last = name;
		last_len = n;
	}
}

/* Calls fn for each group, once. */
static void each_group(void (*fn)(FILE *out, const char *group), FILE *out)
{
	char *last = NULL;

	for (size_t i = 0; commands[i] != NULL; i++) {
		const char *space = strchr(commands[i]->name, ' ');
		char *group;

		if (space == NULL)
			continue;
		group = must_dupn(commands[i]->name,
				  (size_t)(space - commands[i]->name));
		if (last == NULL || strcmp(last, group) != 0)
			fn(out, group);
		free(last);
		last = group;
	}
	free(last);
}

/* ---- bash -------------------------------------------------------------- */

/* What an option's value is made of, as shell code. */
static void bash_value(FILE *out, const char *command, const struct opt *o)
{
	const char *code = o->words;

	if (!opt_takes_word(o))
		return;
	fprintf(out, "\t\"%s:--%s\"", command, o->name);
	if (o->letter != 0)
		fprintf(out, "|\"%s:-%c\"", command, o->letter);
	if (code == NULL)
		fputs(") return ;;\n", out);
	else if (strcmp(code, "@file") == 0 || strcmp(code, "@dir") == 0)
		fprintf(out,
			") COMPREPLY=($(compgen -%c -- \"$cur\")); "
			"return ;;\n",
			code[1]);
	else if (strcmp(code, "@bot") == 0)
		fputs(") bots=1 ;;\n", out);
	else
		fprintf(out, ") words=\"%s\" ;;\n", code);
}

static void bash_values(FILE *out)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct opt *o = commands[i]->opts;

		for (; o != NULL && o->name != NULL; o++)
			bash_value(out, commands[i]->name, o);
	}
	fputs("\t*:--dir) COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n"
	      "\t*:--url|*:--token) return ;;\n",
	      out);
}

static void bash_groups(FILE *out, const char *group)
{
	fprintf(out, "%s|", group);
}

static void bash_group(FILE *out, const char *group)
{
	fprintf(out, "\t\"%s\") words=\"", group);
	names(out, group);
	fputs("\" ;;\n", out);
}

static void bash_commands(FILE *out)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		fprintf(out, "\t\"%s\") words=\"", commands[i]->name);
		words_of(out, commands[i]->opts);
		words_of(out, common_opts);
		fputs("\"", out);
		if (takes_bot(commands[i]))
			fputs("; bots=1", out);
		fputs(" ;;\n", out);
	}
}

static void bash(FILE *out)
{
	fputs("# bash completion of deia; in ~/.bashrc:\n"
	      "#   eval \"$(deia completion bash)\"\n"
	      "_deia() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]}"
	      " prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal cmd= words= bots= i\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t--dir|--url|--token) ((i++)); continue ;;\n"
	      "\t\t-*) continue ;;\n"
	      "\t\t*) cmd=\"$cmd${cmd:+ }${COMP_WORDS[i]}\" ;;\n"
	      "\t\tesac\n"
	      "\t\tcase $cmd in\n"
	      "\t\t",
	      out);
	each_group(bash_groups, out);
	fputs("help) ;;\n"
	      "\t\t?*) break ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcase \"$cmd:$prev\" in\n",
	      out);
	bash_values(out);
	fputs("\tesac\n"
	      "\t[ -n \"$words$bots\" ] || case \"$cmd\" in\n",
	      out);
	fputs("\t\"\") words=\"", out);
	names(out, NULL);
	fputs("\" ;;\n", out);
	each_group(bash_group, out);
	bash_commands(out);
	fputs("\tesac\n"
	      "\tif [ -n \"$bots\" ]; then\n"
	      "\t\tcase $cur in -*) ;; *) words=$(deia bot list -q "
	      "2>/dev/null) ;; esac\n"
	      "\tfi\n"
	      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "}\n"
	      "complete -F _deia deia\n",
	      out);
}

/* ---- zsh --------------------------------------------------------------- */

static void zsh(FILE *out)
{
	fputs("#compdef deia\n"
	      "# zsh completion of deia; in ~/.zshrc after compinit:\n"
	      "#   eval \"$(deia completion zsh)\"\n"
	      "autoload -U +X bashcompinit && bashcompinit\n",
	      out);
	bash(out);
}

/* ---- fish -------------------------------------------------------------- */

static void fish_quote(FILE *out, const char *text)
{
	putc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('\'', out);
}

/* fish's condition that the line so far names this command. */
static void fish_when(FILE *out, const char *name)
{
	fprintf(out, "complete -c deia -n '__deia_is %s' ", name);
}

static void fish_value(FILE *out, const struct opt *o)
{
	if (!opt_takes_word(o))
		return;
	if (o->words == NULL)
		fputs("-x ", out);
	else if (strcmp(o->words, "@file") == 0)
		fputs("-r -F ", out);
	else if (strcmp(o->words, "@dir") == 0)
		fputs("-x -a '(__fish_complete_directories)' ", out);
	else if (strcmp(o->words, "@bot") == 0)
		fputs("-x -a '(deia bot list -q 2>/dev/null)' ", out);
	else
		fprintf(out, "-x -a '%s' ", o->words);
}

static void fish_options(FILE *out, const struct command *c)
{
	for (const struct opt *o = c->opts; o != NULL && o->name; o++) {
		fish_when(out, c->name);
		fprintf(out, "-l %s ", o->name);
		if (o->letter != 0)
			fprintf(out, "-s %c ", o->letter);
		fish_value(out, o);
		fputs("-d ", out);
		fish_quote(out, o->help);
		putc('\n', out);
	}
}

static void fish_group(FILE *out, const char *group)
{
	fprintf(out,
		"complete -c deia -f -n __deia_at -a %s -d "
		"'more commands'\n",
		group);
}

static void fish_command(FILE *out, const struct command *c)
{
	const char *space = strchr(c->name, ' ');

	if (space != NULL)
		fprintf(out,
			"complete -c deia -f -n '__deia_at %.*s' -a %s -d ",
			(int)(space - c->name), c->name, space + 1);
	else
		fprintf(out, "complete -c deia -f -n __deia_at -a %s -d ",
			c->name);
	fish_quote(out, c->summary);
	putc('\n', out);
	fish_options(out, c);
	if (takes_bot(c)) {
		fish_when(out, c->name);
		fputs("-f -a '(deia bot list -q 2>/dev/null)'\n", out);
	}
}

/* What was typed before the word at the cursor, without options. */
static const char fish_functions[] =
	"function __deia_words\n"
	"    set -l skip 0\n"
	"    for word in (commandline -opc)[2..-1]\n"
	"        if test $skip = 1\n"
	"            set skip 0\n"
	"            continue\n"
	"        end\n"
	"        switch $word\n"
	"            case --dir --url --token\n"
	"                set skip 1\n"
	"            case '-*'\n"
	"            case '*'\n"
	"                echo $word\n"
	"        end\n"
	"    end\n"
	"end\n"
	"function __deia_at\n"
	"    test \"$(__deia_words)\" = \"$(string join \\n -- $argv)\"\n"
	"end\n"
	"function __deia_is\n"
	"    set -l words (__deia_words)\n"
	"    set -l n (count $argv)\n"
	"    test (count $words) -ge $n; and "
	"test \"$words[1..$n]\" = \"$argv\"\n"
	"end\n";

static void fish(FILE *out)
{
	fputs("# fish completion of deia:\n"
	      "#   deia completion fish > "
	      "~/.config/fish/completions/deia.fish\n",
	      out);
	fputs(fish_functions, out);
	each_group(fish_group, out);
	for (size_t i = 0; commands[i] != NULL; i++)
		fish_command(out, commands[i]);
	for (const struct opt *o = common_opts; o->name != NULL; o++) {
		fprintf(out, "complete -c deia -l %s %s-d ", o->name,
			opt_takes_word(o) ? "-r " : "");
		fish_quote(out, o->help);
		putc('\n', out);
	}
}

static int run_completion(struct cli *cli)
{
	const char *shell = cli->args.words[0];

	if (strcmp(shell, "bash") == 0)
		bash(stdout);
	else if (strcmp(shell, "zsh") == 0)
		zsh(stdout);
	else if (strcmp(shell, "fish") == 0)
		fish(stdout);
	else
		return usage_error(cli, "'%s' is none of bash, zsh, fish",
				   shell);
	return EXIT_DONE;
}

const struct command cmd_completion = {
	.name = "completion",
	.usage = "bash|zsh|fish",
	.summary = "print completions for a shell",
	.details = "Examples:\n"
		   "  eval \"$(deia completion bash)\"\n"
		   "  deia completion fish > "
		   "~/.config/fish/completions/deia.fish\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_completion,
};
