/* SPDX-License-Identifier: MIT */
/* stop_itself.c - stops, says so when it goes on, and stops again. */
#include <signal.h>

#include "child.h"

int main(void)
{
	raise(SIGSTOP);
	child_say("went on");
	raise(SIGSTOP);
	child_hang();
}
