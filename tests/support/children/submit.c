/* SPDX-License-Identifier: MIT */
/*
 * submit.c - a bot that submits tasks: a turn's content is a line that it
 * writes (unescaped) as it is. The turn is answered with "ok"; the turn "got"
 * with the submitted and result lines that it has read so far, "die" with its
 * end, and "many N" with N submit lines, whose tasks nobody may do.
 */
#include "child.h"

static char line[4u << 20], content[2u << 20];
static char got[1u << 20];

static void unescape(char *text)
{
	char *out = text;

	for (; *text != '\0'; text++)
		if (*text != '\\' || text[1] == '\0')
			*out++ = *text;
		else
			*out++ = *++text;
	*out = '\0';
}

static void note(void)
{
	size_t len = strlen(got);

	snprintf(got + len, sizeof(got) - len, "%.900s", line);
}

/* Its text as a JSON string. */
static void tell(const char *id, const char *text)
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

static void many(int n)
{
	for (int i = 0; i < n; i++)
		printf("{\"type\":\"submit\",\"ref\":\"m%d\",\"content\":\"x\","
		       "\"capabilities\":[\"none-has-it\"]}\n",
		       i);
}

static void turn(const char *id)
{
	child_member(line, "content", content, sizeof(content));
	if (strcmp(content, "got") == 0) {
		tell(id, got);
		return;
	}
	if (strcmp(content, "die") == 0)
		_exit(3);
	unescape(content);
	if (strncmp(content, "many ", 5) == 0)
		many(atoi(content + 5));
	else
		puts(content);
	tell(id, "ok");
}

int main(void)
{
	char id[128];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		child_member(line, "id", id, sizeof(id));
		if (child_is(line, "init"))
			puts("{\"type\":\"ready\"}");
		else if (child_is(line, "ping"))
			printf("{\"type\":\"pong\",\"n\":%d}\n",
			       atoi(strstr(line, "\"n\":") + 4));
		else if (child_is(line, "shutdown"))
			return 0;
		else if (child_is(line, "submitted") ||
			 child_is(line, "result"))
			note();
		else if (child_is(line, "task"))
			turn(id);
		fflush(stdout);
	}
	return 0;
}
