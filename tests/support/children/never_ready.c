/* SPDX-License-Identifier: MIT */
/* never_ready.c - reads its input, and never says a word. */
#include "child.h"

int main(void)
{
	static char line[1 << 16];

	while (fgets(line, sizeof(line), stdin) != NULL)
		;
	return 0;
}
