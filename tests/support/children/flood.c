/* SPDX-License-Identifier: MIT */
/* flood.c - flood stdout|stderr MIB: so much garbage in lines, then exits. */
#include "child.h"

int main(int argc, char **argv)
{
	static char block[1 << 20];
	int fd = argc > 1 && strcmp(argv[1], "stderr") == 0 ? 2 : 1;
	long mib = argc > 2 ? atol(argv[2]) : 1024;
	size_t at;
	ssize_t n;

	for (at = 0; at < sizeof(block); at++)
		block[at] = at % 100 == 99 ? '\n' : (char)('!' + at % 90);
	while (mib-- > 0)
		for (at = 0; at < sizeof(block); at += (size_t)n) {
			n = write(fd, block + at, sizeof(block) - at);
			if (n <= 0)
				return 1;
		}
	return 0;
}
