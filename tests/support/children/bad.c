/* SPDX-License-Identifier: MIT */
/*
 * bad.c - bots that misbehave; the first argument says how.
 *
 *   exit N          ends at once           signal N       by a signal
 *   silent          never ready            closed-stdout  closes it, lives on
 *   closed-stdin    ready, then closes it  stopped        stops itself
 *   stubborn        ready, ignores shutdown and SIGTERM
 *   deaf            ready, ends on SIGTERM only, after a word to stderr
 *   escape          ready, with a grandchild in a session of its own that
 *                   ignores SIGTERM; its pid is the second line of stderr
 *   orphan          as escape, then exits with 0
 *   flood-stdout    garbage for ever       flood-stderr   lines for ever
 *   long-line       one line of 100 MB, then a good bot's life
 *   garbage         some of every kind of bad line, then ready
 *   blind           ready, never reads
 *   status          ready, then status lines for ever
 */
#include <signal.h>
#include <sys/types.h>

#include "child.h"

static void ready(void)
{
	child_say("{\"type\":\"ready\"}");
}

static void stubborn(void)
{
	signal(SIGTERM, SIG_IGN);
	ready();
	child_hang();
}

static void on_term(int sig)
{
	static const char text[] = "ended by TERM\n";

	(void)sig;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(0);
}

static void deaf(void)
{
	signal(SIGTERM, on_term);
	ready();
	child_hang();
}

/* Twice forked, in its own session, holding the bot's pipes. */
static void escape(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		fprintf(stderr, "escaped\n%d\n", (int)getpid());
		ready();
		child_hang();
	}
}

static void flood(FILE *to)
{
	for (;;)
		fputs("the quick brown fox jumps over the lazy dog\n", to);
}

static void long_line(void)
{
	static char block[1 << 16];
	int i;

	memset(block, 'y', sizeof(block));
	for (i = 0; i < 1600; i++)
		fwrite(block, 1, sizeof(block), stdout);
	fputc('\n', stdout);
	ready();
	while (fgets(block, sizeof(block), stdin) != NULL)
		if (child_is(block, "shutdown"))
			exit(0);
	exit(0);
}

static void garbage(void)
{
	static const char *const lines[] = {
		"hello, world",
		"{\"type\":\"ready\"",
		"{\"type\":\"nonsense\"}",
		"{\"type\":\"ready\",\"max_concurrent\":\"two\"}",
		"{\"type\":\"chunk\",\"id\":\"x\",\"text\":\"\xff\xfe\"}",
		"{\"type\":\"done\",\"id\":\"nobody\"}",
		"{\"type\":\"chunk\",\"id\":7}",
		"[]",
		"\x1b[31mred\x1b[0m",
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		child_say(lines[i]);
	ready();
	fputs("{\"type\":\"status\",\"text\":\"half a li", stdout);
	fflush(stdout);
	_exit(3);
}

static void status(void)
{
	unsigned n;

	ready();
	for (n = 0;; n++)
		printf("{\"type\":\"status\",\"text\":\"%u\"}\n", n);
}

static void closed(FILE *which)
{
	ready();
	fclose(which);
	if (which == stdin)
		close(0);
	child_hang();
}

static void simple(const char *how)
{
	if (strcmp(how, "silent") == 0)
		child_hang();
	else if (strcmp(how, "closed-stdout") == 0)
		closed(stdout);
	else if (strcmp(how, "closed-stdin") == 0)
		closed(stdin);
	else if (strcmp(how, "stopped") == 0)
		raise(SIGSTOP);
	else if (strcmp(how, "stubborn") == 0)
		stubborn();
	else if (strcmp(how, "deaf") == 0)
		deaf();
	else if (strcmp(how, "long-line") == 0)
		long_line();
	else if (strcmp(how, "garbage") == 0)
		garbage();
	else if (strcmp(how, "status") == 0)
		status();
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "exit") == 0)
		return atoi(argv[2]);
	if (strcmp(how, "signal") == 0)
		raise(atoi(argv[2]));
	if (strcmp(how, "escape") == 0 || strcmp(how, "orphan") == 0) {
		escape();
		if (how[0] == 'e')
			child_hang();
		/* The grandchild says ready; then this one goes. */
		while (fgetc(stdin) != '\n')
			;
		return 0;
	}
	if (strcmp(how, "flood-stdout") == 0)
		flood(stdout);
	if (strcmp(how, "flood-stderr") == 0) {
		ready();
		flood(stderr);
	}
	if (strcmp(how, "blind") == 0) {
		ready();
		child_hang();
	}
	simple(how);
	return 0;
}
