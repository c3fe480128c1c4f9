/* SPDX-License-Identifier: MIT */
/*
 * fork_bomb.c - forks, and so do its children.
 *
 *   fork_bomb plain|session [MOST]
 *
 * With "session" each child makes a session of its own. A bomb with a lid:
 * never more than MOST (3,000) processes are made in all, and each ends by
 * itself after 20 s.
 */
#include <signal.h>
#include <sys/mman.h>

#include "child.h"

int main(int argc, char **argv)
{
	int most = argc > 2 ? atoi(argv[2]) : 3000, session;
	int *made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	session = argc > 1 && strcmp(argv[1], "session") == 0;
	signal(SIGTERM, SIG_IGN);
	if (made == MAP_FAILED)
		return 1;
	alarm(20);
	while (__atomic_fetch_add(made, 1, __ATOMIC_RELAXED) < most) {
		switch (fork()) {
		case -1:
			__atomic_fetch_sub(made, 1, __ATOMIC_RELAXED);
			break;
		case 0:
			alarm(20);
			if (session)
				setsid();
			break;
		default:
			break;
		}
	}
	child_hang();
}
