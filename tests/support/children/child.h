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

/* What child_member copied, as it was meant, but for \n and the like. */
static inline void child_unescape(char *text)
{
	char *out = text;

	for (; *text != '\0'; text++)
		if (*text != '\\' || text[1] == '\0')
			*out++ = *text;
		else
			*out++ = *++text;
	*out = '\0';
}

/* Ends a turn with this text. */
static inline void child_tell(const char *id, const char *text)
{
	printf("{\"type\":\"done\",\"id\":\"%s\",\"text\":\"", id);
	for (; *text != '\0'; text++)
		if (*text == '\n')
			printf("\\n");
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar(*text);
	printf("\"}\n");
}

/* Says that it is ready, that it lives, and ends at a shutdown. */
static inline void child_routine(const char *line)
{
	if (child_is(line, "init"))
		puts("{\"type\":\"ready\"}");
	else if (child_is(line, "ping"))
		printf("{\"type\":\"pong\",\"n\":%d}\n",
		       atoi(strstr(line, "\"n\":") + 4));
	else if (child_is(line, "shutdown"))
		exit(0);
}

/* Waits for any signal, for ever. */
static inline void child_hang(void)
{
	for (;;)
		pause();
}

#endif
