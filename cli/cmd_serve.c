/* SPDX-License-Identifier: MIT */
/*
 * cmd_serve.c - `deia serve`: becomes deiad.
 *
 * deiad is sought beside this program, then on PATH; its flags are its own, so
 * they are checked there. `deia` is gone once it is found.
 */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *beside(const char *name)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return must_print("%s/%s", self, name);
}

/* The flags of deiad: ours that came before the word, then the rest. */
static char **flags(const struct cli *cli)
{
	char **argv = must_alloc(((size_t)cli->raw_argc + 5) * sizeof(*argv));
	int n = 0;

	argv[n++] = must_dup("deiad");
	if (cli->dir != NULL) {
		argv[n++] = must_dup("--dir");
		argv[n++] = must_dup(cli->dir);
	}
	if (cli->verbose)
		argv[n++] = must_dup("--verbose");
	for (int i = 0; i < cli->raw_argc; i++)
		argv[n++] = must_dup(cli->raw_argv[i]);
	return argv;
}

static int run_serve(struct cli *cli)
{
	char *path = beside("deiad"), **argv = flags(cli);
	int saved = ENOENT;

	fflush(stdout);
	if (path != NULL) {
		execv(path, argv);
		saved = errno;
	}
	if (saved == ENOENT) {
		execvp("deiad", argv);
		saved = errno;
	}
	if (saved == ENOENT) {
		complain(
			"deiad is not installed: it is neither beside deia nor "
			"on PATH");
		advise("install the whole package, or put the folder of deiad "
		       "on PATH");
	} else {
		complain("deiad cannot be run: %s", strerror(saved));
	}
	free(path);
	for (size_t i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	free(argv);
	return EXIT_REFUSED;
}

static const struct opt serve_opts[] = {
	{ "host", 0, OPT_TEXT, false, "ADDRESS", "where to listen (127.0.0.1)",
	  NULL },
	{ "port", 0, OPT_NUMBER, false, "PORT",
	  "which port; 0 takes a free one (8000)", NULL },
	{ 0 },
};

const struct command cmd_serve = {
	.name = "serve",
	.usage = "[--dir DIR] [--host ADDRESS] [--port PORT]",
	.summary = "run a hive on this machine, until Ctrl-C",
	.details =
		"Runs deiad in the foreground. Its directory is DIR, else the\n"
		"nearest .deia above the working folder, else ~/.config/deia;\n"
		"a new one is made in ./.deia. The address and a sign-in link\n"
		"for the browser are printed, the log goes to stderr.\n\n"
		"Examples:\n"
		"  deia serve\n"
		"  deia serve --port 8001\n"
		"  deia serve --dir ~/hives/team\n",
	.opts = serve_opts,
	.max_words = ARGS_MAX,
	.raw = true,
	.run = run_serve,
};
