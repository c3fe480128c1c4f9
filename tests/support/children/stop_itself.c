/* SPDX-License-Identifier: MIT */
/* stop_itself.c - stops, says so when it goes on, and with the next line of
 * input stops again. */
#include <signal.h>

#include "child.h"

int main(void)
{
	raise(SIGSTOP);
	child_say("went on");
	(void)getchar();
	raise(SIGSTOP);
	child_hang();
}
