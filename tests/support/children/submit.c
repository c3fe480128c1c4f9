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

static void note(void)
{
	size_t len = strlen(got);

	snprintf(got + len, sizeof(got) - len, "%.900s", line);
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
		child_tell(id, got);
		return;
	}
	if (strcmp(content, "die") == 0)
		_exit(3);
	child_unescape(content);
	if (strncmp(content, "many ", 5) == 0)
		many(atoi(content + 5));
	else
		puts(content);
	child_tell(id, "ok");
}

int main(void)
{
	char id[128];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		child_member(line, "id", id, sizeof(id));
		if (child_is(line, "submitted") || child_is(line, "result"))
			note();
		else if (child_is(line, "task"))
			turn(id);
		else
			child_routine(line);
		fflush(stdout);
	}
	return 0;
}
