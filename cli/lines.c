/* SPDX-License-Identifier: MIT */
/*
 * lines.c - libedit where it was found, plain reading where not.
 *
 * Signals are not libedit's business here: Ctrl-C interrupts the read, which
 * then returns, since its handler has no SA_RESTART.
 */
#include "lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

#include "cli.h"

#define HISTORY_LINES 1000

#ifdef HAVE_LIBEDIT
struct lines {
	EditLine *el;
	History *history;
	const char *prompt;
};

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
struct lines {
	const char *prompt;
	char *line;
	size_t cap;
};

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
	int len = 0;

	*interrupted = false;
	line = read_line(l, &len);
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
