/* SPDX-License-Identifier: MIT */
/* fall_silent.c - ready, and from then on it reads but says nothing. */
#include "child.h"

int main(void)
{
	static char line[1 << 16];

	child_say("{\"type\":\"ready\"}");
	while (fgets(line, sizeof(line), stdin) != NULL)
		if (child_is(line, "shutdown"))
			return 0;
	return 0;
}
