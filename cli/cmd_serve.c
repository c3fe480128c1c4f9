/* SPDX-License-Identifier: MIT */
/*
 * cmd_serve.c - `deia serve`: becomes deiad.
 *
 * deiad is sought beside this program, then where a build that is not
 * installed has it, then on PATH. `deia` is gone once it is found; what the
 * flags' values may be, deiad knows.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "programs.h"

/*
 * The deiad of the build that this program was built in. The programs that
 * deiad needs are in other folders there: it finds them on PATH.
 */
static char *of_build(const char *dir)
{
	char *path = must_print("%s/../server/deiad/deiad", dir), *search;
	const char *old = getenv("PATH");

	if (access(path, X_OK) != 0) {
		free(path);
		return NULL;
	}
	search = must_print("%s/../server/guard:%s/../server/bot%s%s", dir, dir,
			    old != NULL ? ":" : "", old != NULL ? old : "");
	(void)setenv("PATH", search, 1);
	free(search);
	return path;
}

/* deiad's path; NULL: it may be on PATH. */
static char *find_deiad(void)
{
	char *dir = program_dir(), *path;

	if (dir == NULL)
		return NULL;
	path = must_print("%s/deiad", dir);
	if (access(path, F_OK) != 0) {
		free(path);
		path = of_build(dir);
	}
	free(dir);
	return path;
}

static void add(char **argv, size_t *n, const char *name, const char *value)
{
	argv[(*n)++] = must_print("--%s", name);
	argv[(*n)++] = must_dup(value);
}

static char **flags(const struct cli *cli)
{
	static const char *const plain[] = { "host", "port", "log-level" };
	const struct args *a = &cli->args;
	char **argv = must_alloc((a->n_given + 4) * 2 * sizeof(*argv));
	size_t n = 0, at = 0;
	const char *value;

	argv[n++] = must_dup("deiad");
	if (cli->dir != NULL)
		add(argv, &n, "dir", cli->dir);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (args_has(a, plain[i]))
			add(argv, &n, plain[i], args_text(a, plain[i]));
	}
	if (!args_has(a, "log-level") && (cli->verbose || cli->quiet))
		add(argv, &n, "log-level", cli->verbose ? "debug" : "warn");
	while ((value = args_next(a, "set", &at)) != NULL)
		add(argv, &n, "set", value);
	return argv;
}

static int run_serve(struct cli *cli)
{
	char *path = find_deiad(), **argv = flags(cli);
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
	{ "log-level", 0, OPT_TEXT, false, "LEVEL",
	  "error, warn, info or debug (info)", "error warn info debug" },
	{ "set", 0, OPT_TEXT, true, "KEY=VALUE",
	  "a setting of config.yaml, over the file", NULL },
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
	.run = run_serve,
};
