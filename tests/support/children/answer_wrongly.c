/* SPDX-License-Identifier: MIT */
/*
 * answer_wrongly.c - a ready bot whose answers to turns are wrong in one way,
 * and then right.
 *
 *   answer_wrongly garbage | wrong_ids | ten_answers | long_line | bad_utf8 |
 *		    half_line (it exits with 3 in the middle of it)
 */
#include "child.h"

static void repeat(const char *line, int times)
{
	while (times-- > 0)
		child_say(line);
}

static void long_line(void)
{
	static char block[1 << 20];
	int i;

	memset(block, 'y', sizeof(block));
	for (i = 0; i < 100; i++)
		fwrite(block, 1, sizeof(block), stdout);
	child_say("");
}

static void done(const char *id, int times)
{
	char line[160];

	snprintf(line, sizeof(line),
		 "{\"type\":\"done\",\"id\":\"%s\",\"text\":\"right\"}", id);
	repeat(line, times);
}

static void answer(const char *how, const char *id)
{
	if (strcmp(how, "garbage") == 0)
		repeat("Traceback (most recent call last):", 20);
	else if (strcmp(how, "wrong_ids") == 0)
		repeat("{\"type\":\"done\",\"id\":\"nobody\",\"text\":\"x\"}",
		       20);
	else if (strcmp(how, "long_line") == 0)
		long_line();
	else if (strcmp(how, "bad_utf8") == 0)
		repeat("{\"type\":\"status\",\"text\":\"\xc3(\xff\"}", 20);
	if (strcmp(how, "half_line") == 0) {
		fputs("{\"type\":\"done\",\"id\":\"", stdout);
		fflush(stdout);
		_exit(3);
	}
	done(id, strcmp(how, "ten_answers") == 0 ? 10 : 1);
}

int main(int argc, char **argv)
{
	static char line[1 << 16];
	char id[128];

	child_say("{\"type\":\"ready\"}");
	while (argc > 1 && fgets(line, sizeof(line), stdin) != NULL) {
		child_member(line, "id", id, sizeof(id));
		if (child_is(line, "task"))
			answer(argv[1], id);
		else if (child_is(line, "shutdown"))
			return 0;
	}
	return 0;
}
