/* SPDX-License-Identifier: MIT */
/*
 * child.h - what the test children share: just enough of the bot protocol on
 * plain stdio to answer turns. They are simple on purpose: they must not share
 * code with what they test.
 */
#ifndef DEIA_TESTS_CHILD_H
#define DEIA_TESTS_CHILD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Copies the raw (still escaped) text of a string member; "" when absent. */
static inline void child_member(const char *line, const char *key, char *out,
				size_t size)
{
	char pattern[64];
	const char *p;
	size_t n = 0;

	snprintf(pattern, sizeof(pattern), "\"%s\":\"", key);
	p = strstr(line, pattern);
	out[0] = '\0';
	if (p == NULL)
		return;
	for (p += strlen(pattern); *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0' && n + 2 < size)
			out[n++] = *p++;
		if (n + 1 < size)
			out[n++] = *p;
	}
	out[n] = '\0';
}

static inline int child_is(const char *line, const char *type)
{
	char have[64];

	child_member(line, "type", have, sizeof(have));
	return strcmp(have, type) == 0;
}

static inline void child_say(const char *line)
{
	fputs(line, stdout);
	fputc('\n', stdout);
	fflush(stdout);
}

/* Waits for any signal, for ever. */
static inline void child_hang(void)
{
	for (;;)
		pause();
}

#endif
