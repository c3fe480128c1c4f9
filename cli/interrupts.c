/* SPDX-License-Identifier: MIT */
/*
 * interrupts.c - Ctrl-C while something runs.
 *
 * The handler only sets a flag and tells the client to give up; without
 * SA_RESTART, so that waiting system calls end at once.
 */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static volatile sig_atomic_t seen;
static deia_client *volatile watched, *volatile other;

static void on_interrupt(int number)
{
	(void)number;
	seen = 1;
	if (watched != NULL)
		deia_client_set_cancelled(watched, true);
	if (other != NULL)
		deia_client_set_cancelled(other, true);
}

void interrupts_watch(deia_client *client)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	watched = client;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

void interrupts_watch_other(deia_client *client)
{
	other = client;
}

bool interrupts_seen(void)
{
	return seen != 0;
}

void interrupts_clear(deia_client *client)
{
	seen = 0;
	if (client != NULL)
		deia_client_set_cancelled(client, false);
	if (other != NULL)
		deia_client_set_cancelled(other, false);
}

bool pause_ms(unsigned ms)
{
	struct timespec left = { .tv_sec = ms / 1000,
				 .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (!interrupts_seen() && nanosleep(&left, &left) < 0 &&
	       errno == EINTR)
		;
	return !interrupts_seen();
}
