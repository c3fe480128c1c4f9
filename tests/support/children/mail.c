/* SPDX-License-Identifier: MIT */
/*
 * mail.c - a bot that gets mail; what a message says is what it does with it.
 *
 *   ack         acknowledges, as all that is not below
 *   keep        does nothing until "free" comes: acknowledges all that it kept
 *   free        see there
 *   nack N      gives it back for N seconds; the second time acknowledges
 *   die         exits with 3         die twice   the same, but on the third
 *                                    hand-over it acknowledges
 *   stray       acknowledges that, and a message that does not exist
 *   answer      acknowledges and sends "re: CONTENT" back, as its answer
 *   flood N     acknowledges and sends N messages to system at once
 *   deaf        never reads again
 *   send LINE   acknowledges and writes LINE (unescaped) as it is
 * A task is answered with what it has seen so far: "ack keep* die ", a star
 * behind what was redelivered; with the task "sent" with the sent lines it got.
 */
#include "child.h"

static char line[4u << 20], content[2u << 20], seen[1u << 20];
static char sent[1u << 16];
static char kept[64][65];
static unsigned n_kept;

static void settle(const char *type, const char *id)
{
	printf("{\"type\":\"%s\",\"id\":\"%s\"}\n", type, id);
}

static int attempt(void)
{
	const char *p = strstr(line, "\"attempt\":");

	return p != NULL ? atoi(p + 10) : 0;
}

static void flood(int n)
{
	int i;

	for (i = 0; i < n; i++)
		printf("{\"type\":\"send\",\"ref\":\"f%d\",\"to\":\"system\","
		       "\"content\":\"flood %d\"}\n",
		       i, i);
}

static void answer(const char *id)
{
	char from[128];

	child_member(line, "from", from, sizeof(from));
	settle("ack", id);
	printf("{\"type\":\"send\",\"ref\":\"a\",\"to\":\"%s\",\"content\":"
	       "\"re: %s\",\"reply_to\":\"%s\"}\n",
	       from, content, id);
}

static void free_kept(const char *id)
{
	while (n_kept > 0)
		settle("ack", kept[--n_kept]);
	settle("ack", id);
}

/* False: it is none of these. */
static int trick(const char *id)
{
	if (strcmp(content, "die") == 0)
		_exit(3);
	if (strcmp(content, "die twice") == 0 && attempt() < 3)
		_exit(3);
	if (strcmp(content, "deaf") == 0)
		child_hang();
	if (strcmp(content, "keep") == 0 && n_kept < 64)
		snprintf(kept[n_kept++], sizeof(*kept), "%.64s", id);
	else if (strcmp(content, "free") == 0)
		free_kept(id);
	else if (strncmp(content, "nack ", 5) == 0 && attempt() < 2)
		printf("{\"type\":\"nack\",\"id\":\"%s\",\"delay_seconds\":"
		       "%d}\n",
		       id, atoi(content + 5));
	else if (strncmp(content, "answer", 6) == 0)
		answer(id);
	else
		return 0;
	return 1;
}

static void message(const char *id)
{
	size_t len = strlen(seen);

	child_member(line, "content", content, sizeof(content));
	snprintf(seen + len, sizeof(seen) - len, "%.80s%s ", content,
		 strstr(line, "\"redelivered\":true") != NULL ? "*" : "");
	if (trick(id))
		return;
	settle("ack", id);
	if (strcmp(content, "stray") == 0)
		settle("ack", "00000000-0000-7000-8000-000000000000");
	else if (strncmp(content, "flood ", 6) == 0)
		flood(atoi(content + 6));
	else if (strncmp(content, "send ", 5) == 0) {
		child_unescape(content);
		puts(content + 5);
	}
}

static void note_sent(void)
{
	size_t len = strlen(sent);

	snprintf(sent + len, sizeof(sent) - len, "%.600s", line);
}

int main(void)
{
	char id[128];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		child_member(line, "id", id, sizeof(id));
		if (child_is(line, "message"))
			message(id);
		else if (child_is(line, "sent"))
			note_sent();
		else if (child_is(line, "task")) {
			child_member(line, "content", content, sizeof(content));
			child_tell(id,
				   strcmp(content, "sent") == 0 ? sent : seen);
		} else
			child_routine(line);
		fflush(stdout);
	}
	return 0;
}
