/* SPDX-License-Identifier: MIT */
/*
 * fault.c - what a fault point does in deiad-faulty.
 *
 * DEIA_FAULT=POINT:N kills the process with SIGKILL when it comes to that
 * point for the N-th time; without it nothing happens.
 */
#include "core/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Longer than a checkpoint takes there is no use in waiting. */
#define SOON_MAX_NS 4000000

static atomic_long passes;

static bool is_now(const char *point)
{
	const char *wanted = getenv("DEIA_FAULT");
	size_t len = strlen(point);

	if (!wanted || strncmp(wanted, point, len) != 0 || wanted[len] != ':')
		return false;
	return atomic_fetch_add(&passes, 1) + 1 == atol(wanted + len + 1);
}

void deia__fault(const char *point)
{
	if (is_now(point))
		kill(getpid(), SIGKILL);
}

static void *kill_later(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec = 0;
	t.tv_nsec = t.tv_nsec / 7 % SOON_MAX_NS;
	nanosleep(&t, NULL);
	kill(getpid(), SIGKILL);
	return NULL;
}

void deia__fault_soon(const char *point)
{
	pthread_t thread;

	if (is_now(point) && pthread_create(&thread, NULL, kill_later, NULL))
		kill(getpid(), SIGKILL);
}
