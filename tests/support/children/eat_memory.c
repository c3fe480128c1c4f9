/* SPDX-License-Identifier: MIT */
/*
 * eat_memory.c - fills MIB of memory, then hangs.
 *
 *   eat_memory MIB [SHARERS]    then forks so many that share all of it
 */
#include "child.h"

int main(int argc, char **argv)
{
	int mib = argc > 1 ? atoi(argv[1]) : 0;
	int sharers = argc > 2 ? atoi(argv[2]) : 0;
	char *p;

	for (int i = 0; i < mib; i++) {
		p = malloc(1 << 20);
		if (p == NULL)
			return 1;
		memset(p, i | 1, 1 << 20);
	}
	while (sharers-- > 0 && fork() != 0)
		;
	child_say("full");
	child_hang();
}
