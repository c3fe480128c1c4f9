/* SPDX-License-Identifier: MIT */
/*
 * main.c - deia-bot: runs one adapter as a bot on stdin and stdout.
 *
 * deiad starts it as `deia-bot --adapter NAME`; what the bot is comes with the
 * init line. Adapters that need HTTP live in deia-bot-http, which is compiled
 * from this file too; deia-bot becomes it by exec, so that the process id and
 * the pipes stay the same. stderr is the bot's log.
 */
#include <deia/sys/adapter.h>
#include <deia/version.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "adapters.h"

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

static const struct option options[] = {
	{ "adapter", required_argument, NULL, 'a' },
	{ "list", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static void print_adapters(FILE *to)
{
	for (size_t i = 0; i < n_bot_adapters; i++)
		(void)fprintf(to, "  %-10s %s\n", bot_adapters[i].name,
			      bot_adapters[i].summary);
}

static int help(void)
{
	(void)printf("Usage: deia-bot --adapter NAME\n"
		     "\n"
		     "Runs one bot: reads lines of JSON from stdin, writes "
		     "lines of JSON to stdout\n"
		     "(docs/bot-protocol.md). Normally deiad starts it; "
		     "people use `deia bot launch`.\n"
		     "\n"
		     "  --adapter NAME  what answers the prompts\n"
		     "  --list          names of the adapters, one a line\n"
		     "  --help          this text\n"
		     "  --version       the version\n"
		     "\n"
		     "Adapters:\n");
	print_adapters(stdout);
	return EXIT_OK;
}

static int list(void)
{
	for (size_t i = 0; i < n_bot_adapters; i++)
		(void)printf("%s\n", bot_adapters[i].name);
	return EXIT_OK;
}

static int usage(const char *problem, const char *arg)
{
	(void)fprintf(stderr, "deia-bot: %s%s\nAdapters:\n", problem, arg);
	print_adapters(stderr);
	(void)fprintf(stderr, "Try: deia-bot --help\n");
	return EXIT_USAGE;
}

/* For who starts a bot by hand in a terminal. */
static void explain(const char *name)
{
	(void)fprintf(stderr,
		      "deia-bot: the bot protocol, by hand. Type lines like "
		      "these, end with Ctrl-D:\n"
		      "{\"type\":\"init\",\"bot\":\"me\",\"protocol\":1,"
		      "\"config\":{\"adapter\":\"%s\"}}\n"
		      "{\"type\":\"task\",\"id\":\"1\",\"kind\":\"chat\","
		      "\"content\":\"hello\"}\n"
		      "To chat with a bot of a hive use: deia chat BOT\n",
		      name);
}

/* Becomes the program beside this one that has the adapter. */
static int become(const char *program, char **argv)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	path[n < 0 ? 0 : n] = '\0';
	slash = strrchr(path, '/');
	if (!slash ||
	    (size_t)(slash - path) + strlen(program) + 2 > sizeof(path)) {
		(void)fprintf(stderr, "deia-bot: cannot find its own folder "
				      "(is /proc mounted?)\n");
		return EXIT_FAILED;
	}
	memcpy(slash + 1, program, strlen(program) + 1);
	execv(path, argv);
	(void)fprintf(stderr,
		      "deia-bot: cannot run %s: %s; this adapter needs "
		      "it: reinstall deia\n",
		      path, strerror(errno));
	return EXIT_FAILED;
}

/* One write a line, so that lines of several bots never mix. */
static void note(deia_worker *w, const char *text, void *user)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "deia-bot: %s\n", text);

	(void)w, (void)user;
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

static int run(const struct deia_adapter *adapter)
{
	struct deia_worker_ops ops = adapter->ops;
	void *user = NULL;
	deia_err err;

	(void)signal(SIGPIPE, SIG_IGN);
	ops.size = sizeof(ops);
	ops.note = note;
	if (adapter->create && !(user = adapter->create())) {
		note(NULL, "out of memory", NULL);
		return EXIT_FAILED;
	}
	err = deia_worker_run(NULL, &ops, user);
	if (adapter->destroy)
		adapter->destroy(user);
	if (!err)
		return EXIT_OK;
	/* Of a wrong config the adapter has said more than the code does. */
	if (err == DEIA_EFIELD)
		return EX_CONFIG;
	(void)fprintf(stderr, "deia-bot: ended: %s\n", deia_err_text(err));
	return EXIT_FAILED;
}

static int run_named(const char *name, char **argv)
{
	for (size_t i = 0; i < n_bot_adapters; i++) {
		const struct bot_adapter *a = &bot_adapters[i];
		if (strcmp(a->name, name) != 0)
			continue;
		if (!a->adapter)
			return become(a->program, argv);
		if (isatty(STDIN_FILENO))
			explain(name);
		return run(a->adapter);
	}
	return usage("no adapter has the name ", name);
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			name = optarg;
			break;
		case 'l':
			return list();
		case 'h':
			return help();
		case 'v':
			(void)printf("deia-bot %s\n", DEIA_VERSION);
			return EXIT_OK;
		default:
			return usage("not understood: ", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage("not understood: ", argv[optind]);
	if (!name)
		return usage("--adapter NAME is missing", "");
	return run_named(name, argv);
}
