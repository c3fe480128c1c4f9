/* SPDX-License-Identifier: MIT */
/* end_at_once.c - exits with N, or by the signal N.
 *
 *   end_at_once exit N | signal N
 */
#include <signal.h>

#include "child.h"

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (argc > 1 && strcmp(argv[1], "signal") == 0)
		raise(n);
	return n;
}
