/* SPDX-License-Identifier: MIT */
/* ignore_term.c - ignores what can be ignored, and hangs. */
#include <signal.h>

#include "child.h"

int main(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	child_say("ready");
	child_hang();
}
