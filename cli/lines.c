/* SPDX-License-Identifier: MIT */
/*
 * lines.c - libedit where it was found, plain reading where not.
 *
 * Signals are not libedit's business here. SIGINT is blocked while a line is
 * read, but for the moment of waiting in ppoll, so that a Ctrl-C is never
 * missed between looking for it and waiting.
 */
#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

#include "cli.h"

#define HISTORY_LINES 1000

struct lines {
	const char *prompt;
	sigset_t waiting; /* the mask while waiting: SIGINT comes through */
#ifdef HAVE_LIBEDIT
	EditLine *el;
	History *history;
	mbstate_t state; /* of a character that is half read */
#else
	char *line;
	size_t cap;
#endif
};

/* Waits for input; false: Ctrl-C came instead. */
static bool wait_input(struct lines *l)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	while (ppoll(&p, 1, NULL, &l->waiting) < 0) {
		if (errno != EINTR || interrupts_seen())
			return false;
	}
	return true;
}

#ifdef HAVE_LIBEDIT
/* libedit's way to get one character: 1, 0 at the end, -1 on Ctrl-C. */
static int read_character(EditLine *el, wchar_t *out)
{
	struct lines *l = NULL;

	el_get(el, EL_CLIENTDATA, &l);
	for (;;) {
		char byte;
		size_t used;
		ssize_t n;

		if (!wait_input(l))
			return -1;
		n = read(STDIN_FILENO, &byte, 1);
		if (n <= 0)
			return (int)n;
		used = mbrtowc(out, &byte, 1, &l->state);
		if (used == (size_t)-1)
			memset(&l->state, 0, sizeof(l->state));
		else if (used != (size_t)-2)
			return 1;
	}
}

static char *prompt_of(EditLine *el)
{
	struct lines *l = NULL;

	el_get(el, EL_CLIENTDATA, &l);
	return (char *)(uintptr_t)l->prompt;
}

struct lines *lines_open(const char *prompt)
{
	struct lines *l = must_alloc(sizeof(*l));
	HistEvent ev;

	l->prompt = prompt;
	l->el = el_init("deia", stdin, stdout, stderr);
	l->history = history_init();
	if (l->el == NULL || l->history == NULL) {
		lines_close(l);
		return NULL;
	}
	history(l->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(l->history, &ev, H_SETUNIQUE, 1);
	el_set(l->el, EL_CLIENTDATA, l);
	el_set(l->el, EL_PROMPT, prompt_of);
	el_set(l->el, EL_EDITOR, "emacs");
	el_set(l->el, EL_HIST, history, l->history);
	el_set(l->el, EL_SIGNAL, 0);
	el_set(l->el, EL_GETCFN, read_character);
	el_set(l->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	return l;
}

void lines_close(struct lines *l)
{
	if (l == NULL)
		return;
	if (l->el != NULL)
		el_end(l->el);
	if (l->history != NULL)
		history_end(l->history);
	free(l);
}

void lines_remember(struct lines *l, const char *line)
{
	HistEvent ev;

	history(l->history, &ev, H_ENTER, line);
}

static const char *read_line(struct lines *l, int *len)
{
	return el_gets(l->el, len);
}
#else
struct lines *lines_open(const char *prompt)
{
	struct lines *l = must_alloc(sizeof(*l));

	l->prompt = prompt;
	return l;
}

void lines_close(struct lines *l)
{
	if (l == NULL)
		return;
	free(l->line);
	free(l);
}

void lines_remember(struct lines *l, const char *line)
{
	(void)l;
	(void)line;
}

static const char *read_line(struct lines *l, int *len)
{
	ssize_t n;

	fputs(l->prompt, stdout);
	fflush(stdout);
	if (!wait_input(l))
		return NULL;
	n = getline(&l->line, &l->cap, stdin);
	if (n < 0)
		clearerr(stdin);
	*len = (int)n;
	return n < 0 ? NULL : l->line;
}
#endif

char *lines_read(struct lines *l, bool *interrupted)
{
	const char *line;
	sigset_t interrupt;
	int len = 0;

	*interrupted = false;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &l->waiting);
	line = read_line(l, &len);
	sigprocmask(SIG_SETMASK, &l->waiting, NULL);
	if (interrupts_seen()) {
		*interrupted = true;
		return NULL;
	}
	if (line == NULL || len <= 0)
		return NULL;
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	return must_dupn(line, (size_t)len);
}

char *ask_secret(const char *prompt)
{
	struct termios old, quiet;
	bool tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (tty) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fputs(prompt, stderr);
		fflush(stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	n = getline(&line, &cap, stdin);
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	if (n > 0)
		line[strcspn(line, "\r\n")] = '\0';
	if (n > 0 && *line != '\0')
		return line;
	free(line);
	return NULL;
}
