/* SPDX-License-Identifier: MIT */
/* bench.c - see bench.h. Reads /proc; not a part of the library. */
#include "bench.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define SPAWNS 101

int64_t bench_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t bench_median(int64_t *values, size_t n)
{
	if (!n)
		return 0;
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

long bench_pss_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %ld kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

pid_t bench_parent(pid_t pid)
{
	char path[64];
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");

	/* pid (name without a bracket) state parent */
	if (f && fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	if (f)
		fclose(f);
	return parent;
}

int64_t bench_spawn_us(void)
{
	static char name[] = "true";
	static char *argv[] = { name, NULL }, *envp[] = { NULL };
	int64_t took[SPAWNS];

	for (size_t i = 0; i < SPAWNS; i++) {
		int64_t began = bench_now_us();
		pid_t pid;

		bench_must(
			posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp),
			"posix_spawn");
		bench_must(waitpid(pid, NULL, 0) != pid, "waitpid");
		took[i] = bench_now_us() - began;
	}
	return bench_median(took, SPAWNS);
}

void bench_must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s failed: %d\n", what, err);
	exit(EXIT_FAILURE);
}
