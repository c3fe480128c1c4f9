/* SPDX-License-Identifier: MIT */
/* bench.h - what the benchmarks share: time, medians, memory, spawning. */
#ifndef DEIA_TESTS_BENCH_H
#define DEIA_TESTS_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Microseconds on the monotonic clock. */
int64_t bench_now_us(void);
/* The middle of n values, which are sorted in place. */
int64_t bench_median(int64_t *values, size_t n);
/* Proportional memory of a process in kB; 0 when it cannot be read. */
long bench_pss_kb(pid_t pid);
/* The parent of a process; 0 when it cannot be read. */
pid_t bench_parent(pid_t pid);
/* Median microseconds of posix_spawn and wait of a small program. */
int64_t bench_spawn_us(void);
/* Ends the program with a message when err is not 0. */
void bench_must(int err, const char *what);

#endif
