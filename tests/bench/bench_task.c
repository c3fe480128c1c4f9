/* SPDX-License-Identifier: MIT */
/*
 * What the analysis of a task costs beside a digest of the same bytes
 * (BLAKE2b, one pass over them). Each text fills 1 MiB by being repeated, or
 * stands alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/task_analysis.h>

#include "bench.h"
#include "core/hash.h"

#define RUNS 9

static char content[DEIA_MAX_CONTENT_BYTES];
static struct deia_task_analysis result;

static size_t fill(const char *unit)
{
	size_t n = strlen(unit), len = 0;

	for (; len + n <= sizeof(content); len += n)
		memcpy(content + len, unit, n);
	return len;
}

static int64_t analyze_us(const deia_task_analyzer *a, size_t len, int times)
{
	int64_t took[RUNS];

	for (int i = 0; i < RUNS; i++) {
		int64_t began = bench_now_us();

		for (int k = 0; k < times; k++)
			bench_must(deia_task_analyze(a, content, len, NULL,
						     &result),
				   "analyze");
		took[i] = bench_now_us() - began;
	}
	return bench_median(took, RUNS);
}

static int64_t digest_us(size_t len, int times)
{
	int64_t took[RUNS];

	for (int i = 0; i < RUNS; i++) {
		int64_t began = bench_now_us();

		for (int k = 0; k < times; k++) {
			unsigned char out[DEIA__DIGEST_BYTES];
			struct deia__digest d;

			deia__digest_init(&d);
			deia__digest_add(&d, content, len);
			deia__digest_end(&d, out);
		}
		took[i] = bench_now_us() - began;
	}
	return bench_median(took, RUNS);
}

static void measure(const deia_task_analyzer *a, const char *name, size_t len,
		    int times)
{
	double analysis = (double)analyze_us(a, len, times) / times;
	double digest = (double)digest_us(len, times) / times;

	printf("task: %-28s %9.1f us, %.2f of a digest\n", name, analysis,
	       analysis / digest);
}

int main(void)
{
	static const struct {
		const char *name, *unit;
	} units[] = {
		{ "1 MiB of requests", "fix the bug and write a report. " },
		{ "1 MiB of blanks", " " },
		{ "one word of 1 MiB", "x" },
		{ "one word, with accents", "e\xcc\x81" },
		{ "marks alone", "\xcc\x81\xcc\xa3" },
		{ "no UTF-8", "\xff" },
	};
	static const char line[] = "Fix the crash in parser.c when the input "
				   "is empty, then add tests";
	deia_task_analyzer *a;
	int64_t began = bench_now_us();

	bench_must(deia_task_analyzer_new(&a, NULL), "new");
	printf("task: an analyzer is made in %.1f ms\n",
	       (double)(bench_now_us() - began) / 1000);
	memcpy(content, line, sizeof(line));
	measure(a, "a usual line", sizeof(line) - 1, 10000);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		measure(a, units[i].name, fill(units[i].unit), 3);
	deia_task_analyzer_free(a);
	return EXIT_SUCCESS;
}
