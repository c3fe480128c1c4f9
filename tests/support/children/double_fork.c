/* SPDX-License-Identifier: MIT */
/*
 * double_fork.c - puts a grandchild into a session of its own, which ignores
 * SIGTERM and holds all pipes; then exits with 0, or with "stay" hangs.
 * Its output is one line, the grandchild's pid.
 */
#include <signal.h>

#include "child.h"

int main(int argc, char **argv)
{
	int ready[2];
	char c;

	if (pipe(ready) != 0)
		return 1;
	if (fork() == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		printf("%d\n", (int)getpid());
		fflush(stdout);
		close(ready[0]);
		close(ready[1]);
		child_hang();
	}
	close(ready[1]);
	(void)!read(ready[0], &c, 1); /* until it has said so */
	if (argc > 1 && strcmp(argv[1], "stay") == 0)
		child_hang();
	return 0;
}
