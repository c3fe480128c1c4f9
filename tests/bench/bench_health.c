/* SPDX-License-Identifier: MIT */
/*
 * What one look of the health monitor costs with many bots, and what it takes
 * to tell it of all of them, beside one pass over the same numbers (adding up
 * every value that the look compares).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/health.h>

#include "bench.h"

#define RUNS 25
#define TIMES 200
#define MAX_BOTS 10000
#define UNIX_MS INT64_C(1796025600000)

static const struct {
	const char *metric;
	double value;
} of_bot[] = {
	{ "bot.failed", 0 },
	{ "bot.offline", 0 },
	{ "bot.success_ratio", 0.9 },
	{ "bot.finished", 20 },
	{ "bot.leak_bytes_per_hour", 0 },
};
#define PER_BOT (sizeof(of_bot) / sizeof(*of_bot))

static struct deia_health_sample samples[MAX_BOTS * PER_BOT];
static char names[MAX_BOTS][12];
static int64_t now_ms;

static void make_samples(size_t bots)
{
	for (size_t b = 0; b < bots; b++) {
		snprintf(names[b], sizeof(names[b]), "BOT-%04zu", b);
		for (size_t m = 0; m < PER_BOT; m++)
			samples[b * PER_BOT + m] = (struct deia_health_sample){
				of_bot[m].metric, names[b], of_bot[m].value
			};
	}
}

static void look(deia_health *h)
{
	now_ms += 1000;
	bench_must(deia_health_look(h, now_ms, UNIX_MS + now_ms), "look");
}

static double look_us(deia_health *h)
{
	int64_t took[RUNS];

	for (int i = 0; i < RUNS; i++) {
		int64_t began = bench_now_us();

		for (int k = 0; k < TIMES; k++)
			look(h);
		took[i] = bench_now_us() - began;
	}
	return (double)bench_median(took, RUNS) / TIMES;
}

static double put_us(deia_health *h, size_t n)
{
	int64_t took[RUNS];

	for (int i = 0; i < RUNS; i++) {
		int64_t began = bench_now_us();

		bench_must(deia_health_put(h, samples, n), "put");
		took[i] = bench_now_us() - began;
	}
	return (double)bench_median(took, RUNS);
}

/* The measure: the values of all bots, added up one after the other. */
static double pass_us(size_t n)
{
	static double values[MAX_BOTS * PER_BOT];
	static volatile double out;
	double sum = 0;
	int64_t took[RUNS];

	for (size_t v = 0; v < n; v++)
		values[v] = (double)v;
	for (int i = 0; i < RUNS; i++) {
		int64_t began = bench_now_us();

		for (int k = 0; k < TIMES; k++)
			for (size_t v = 0; v < n; v++)
				sum += values[v];
		out = sum;
		took[i] = bench_now_us() - began;
	}
	(void)out;
	return (double)bench_median(took, RUNS) / TIMES;
}

static void measure(size_t bots, size_t failed, const char *what)
{
	struct deia_health_opts opts = DEIA_HEALTH_OPTS_INIT;
	size_t n = bots * PER_BOT;
	double pass = pass_us(n), us;
	deia_health *h;

	opts.max_alerts = MAX_BOTS + MAX_BOTS / 4;
	bench_must(deia_health_new(&h, &opts), "new");
	make_samples(bots);
	for (size_t b = 0; b < failed; b++)
		samples[b * PER_BOT].value = 1;
	bench_must(deia_health_put(h, samples, n), "put");
	look(h);
	us = look_us(h);
	printf("health: a look at %5zu bots, %s: %7.1f us, %.1f of a pass\n",
	       bots, what, us, us / pass);
	us = put_us(h, n);
	printf("health: a sample of %5zu:  %7.0f ns\n", n,
	       us * 1000 / (double)n);
	deia_health_free(h);
}

int main(void)
{
	measure(1000, 0, "all well");
	measure(1000, 20, "20 failed");
	measure(1000, 1000, "all failed");
	measure(10000, 0, "all well");
	return EXIT_SUCCESS;
}
