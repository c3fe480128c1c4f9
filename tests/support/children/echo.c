/* SPDX-License-Identifier: MIT */
/*
 * echo.c - a well-behaved bot on plain stdio, with some tricks on demand.
 *
 * A turn's content picks one:
 *   hold        not answered until it is interrupted
 *   deaf        not answered at all, interrupts neither
 *   die N       exits with N         kill N     kills itself by signal N
 *   late        answered with done when interrupted
 *   big N       an answer of N times 64 KiB in chunks
 *   think       thinking, then the answer in two chunks
 *   fail        an error line        stray      done for an unknown id
 *   twice       two done lines       env NAME   the variable's value
 *   stop        SIGSTOP to itself    err TEXT   TEXT to stderr, then done
 *   block       never reads again
 * Everything else is echoed. It answers pings.
 *
 *   echo [MAX_CONCURRENT [CAPABILITIES]]    the latter as a JSON array
 */
#include <signal.h>
#include <unistd.h>

#include "child.h"

static char line[4u << 20], content[4u << 20];
static char held[8][65], late[65];
static unsigned n_held;

static void done(const char *id, const char *text)
{
	printf("{\"type\":\"done\",\"id\":\"%s\",\"text\":\"%s\"}\n", id, text);
	fflush(stdout);
}

static void chunk(const char *id, const char *channel, const char *text)
{
	printf("{\"type\":\"chunk\",\"id\":\"%s\",\"channel\":\"%s\","
	       "\"text\":\"%s\"}\n",
	       id, channel, text);
	fflush(stdout);
}

static void big(const char *id, int times)
{
	static char text[65537];

	memset(text, 'x', 65536);
	while (times-- > 0)
		chunk(id, "answer", text);
	printf("{\"type\":\"done\",\"id\":\"%s\"}\n", id);
	fflush(stdout);
}

static void think(const char *id)
{
	chunk(id, "thinking", "hmm");
	chunk(id, "answer", "hel");
	chunk(id, "answer", "lo");
	printf("{\"type\":\"done\",\"id\":\"%s\",\"usage\":"
	       "{\"prompt_tokens\":3,\"completion_tokens\":2},"
	       "\"session\":\"s-1\",\"details\": {\"files\": [\"a.c\"]}}\n",
	       id);
	fflush(stdout);
}

static void fail(const char *id)
{
	printf("{\"type\":\"error\",\"id\":\"%s\",\"code\":\"rate_limited\","
	       "\"message\":\"slow down\",\"retryable\":true,"
	       "\"retry_after_seconds\":7,\"session\":\"s-2\"}\n",
	       id);
	fflush(stdout);
}

static int trick(const char *id)
{
	const char *value;

	if (strcmp(content, "hold") == 0)
		snprintf(held[n_held++ % 8], sizeof(*held), "%.64s", id);
	else if (strcmp(content, "late") == 0)
		snprintf(late, sizeof(late), "%.64s", id);
	else if (strncmp(content, "die ", 4) == 0)
		_exit(atoi(content + 4));
	else if (strncmp(content, "kill ", 5) == 0)
		kill(getpid(), atoi(content + 5));
	else if (strncmp(content, "big ", 4) == 0)
		big(id, atoi(content + 4));
	else if (strcmp(content, "think") == 0)
		think(id);
	else if (strcmp(content, "fail") == 0)
		fail(id);
	else if (strcmp(content, "stop") == 0)
		raise(SIGSTOP);
	else if (strcmp(content, "block") == 0)
		child_hang();
	else if (strcmp(content, "deaf") != 0)
		goto more;
	return 1;
more:
	if (strcmp(content, "stray") == 0)
		done("nobody", "x");
	else if (strcmp(content, "twice") == 0)
		done(id, "first");
	else if (strncmp(content, "err ", 4) == 0)
		fprintf(stderr, "%s\n", content + 4);
	if (strncmp(content, "env ", 4) != 0)
		return 0;
	value = getenv(content + 4);
	done(id, value != NULL ? value : "(unset)");
	return 1;
}

static void interrupted(const char *id)
{
	int i;

	for (i = 0; i < 8 && strcmp(id, held[i]) != 0; i++)
		;
	if (i < 8)
		printf("{\"type\":\"error\",\"id\":\"%s\",\"code\":"
		       "\"interrupted\",\"message\":\"as you wish\","
		       "\"retryable\":false}\n",
		       id);
	else if (strcmp(id, late) == 0)
		done(id, "so far");
	fflush(stdout);
}

static void pong(void)
{
	const char *n = strstr(line, "\"n\":");

	printf("{\"type\":\"pong\",\"n\":%d}\n", n != NULL ? atoi(n + 4) : 0);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char id[128];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		child_member(line, "id", id, sizeof(id));
		if (child_is(line, "init") && argc > 1)
			printf("{\"type\":\"ready\",\"max_concurrent\":%s,"
			       "\"capabilities\":%s}\n",
			       argv[1], argc > 2 ? argv[2] : "[]");
		else if (child_is(line, "init"))
			printf("{\"type\":\"ready\"}\n");
		fflush(stdout);
		if (child_is(line, "interrupt"))
			interrupted(id);
		if (child_is(line, "ping"))
			pong();
		if (child_is(line, "shutdown"))
			return 0;
		if (!child_is(line, "task"))
			continue;
		child_member(line, "content", content, sizeof(content));
		if (!trick(id))
			done(id, content);
	}
	return 0;
}
