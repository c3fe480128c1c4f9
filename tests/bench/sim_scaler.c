/* SPDX-License-Identifier: MIT */
/*
 * sim_scaler.c - the auto-scaler against pools of a fixed size, in virtual
 * time: how long tasks wait, and for how many bot-hours.
 *
 *   sim_scaler [SEEDS]
 *
 * SEEDS: how many runs of each kind (5). The least pool that waits no longer
 * than the scaler does is what somebody would have to guess beforehand.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/scaler/sim.h"

#define HOURS 12
#define MAX_BOTS 64

struct world {
	const char *name;
	double (*rate)(const struct sim *s, double seconds);
	double base_rate, run_seconds, run_cv2;
	int64_t launch_ms;
};

struct result {
	double wait, late, worst, bots;
	unsigned changes;
};

static double steady(const struct sim *s, double seconds)
{
	(void)seconds;
	return s->base_rate;
}

/* A day of one hour up and down, ten times as much at its height. */
static double daily(const struct sim *s, double seconds)
{
	return s->base_rate *
	       (0.1 + 0.9 * pow(sin(seconds * 3.14159265 / 3600 / 6), 2));
}

/* Five minutes of every hour eight times as much. */
static double bursts(const struct sim *s, double seconds)
{
	return s->base_rate * (fmod(seconds, 3600) < 300 ? 8 : 1);
}

static double office(const struct sim *s, double seconds)
{
	return s->base_rate * (fmod(seconds, 6 * 3600) < 3 * 3600 ? 1 : 0.02);
}

static const struct world worlds[] = {
	{ "steady, load 4", steady, 0.4, 10, 1, 10000 },
	{ "steady, load 20", steady, 2, 10, 1, 10000 },
	{ "steady, runs vary (cv2 4)", steady, 0.4, 10, 4, 10000 },
	{ "sparse, 20 an hour", steady, 20.0 / 3600, 40, 1, 10000 },
	{ "up and down, 2..20", daily, 2, 10, 1, 10000 },
	{ "up and down, launch 30 s", daily, 2, 10, 1, 30000 },
	{ "bursts of 8 x 2", bursts, 0.2, 10, 1, 10000 },
	{ "bursts, launch 30 s", bursts, 0.2, 10, 1, 30000 },
	{ "3 h at load 10, 3 h at 0.2", office, 1, 10, 1, 10000 },
};

static void must(deia_err err, const char *what)
{
	if (err) {
		fprintf(stderr, "%s: %s\n", what, deia_err_name(err));
		exit(1);
	}
}

/* pool 0: the scaler. */
static struct result run(const struct world *w, uint64_t seed, unsigned pool)
{
	static struct sim s;
	struct deia_scaler_template t = DEIA_SCALER_TEMPLATE_INIT;
	struct result r;

	sim_init(&s, seed);
	s.rate = w->rate;
	s.base_rate = w->base_rate;
	s.run_seconds = w->run_seconds;
	s.run_cv2 = w->run_cv2;
	s.launch_ms = w->launch_ms;
	s.min_bots = 1;
	t.min_bots = 1;
	t.max_bots = s.max_bots = MAX_BOTS;
	if (pool == 0) {
		must(deia_scaler_new(&s.scaler, NULL), "scaler");
		must(deia_scaler_set(s.scaler, SIM_TEMPLATE, &t), "template");
	}
	for (unsigned i = 0; i < pool; i++)
		sim_add_ready(&s);
	sim_run(&s, HOURS * 3600.0);
	r.wait = sim_mean_wait(&s);
	r.late = 100.0 * (double)s.late / (double)s.served;
	r.worst = s.wait_max;
	r.bots = s.bot_seconds / (HOURS * 3600.0);
	r.changes = s.changes;
	deia_scaler_free(s.scaler);
	if (s.broken)
		fprintf(stderr, "%s: %s\n", w->name, s.broken_how);
	return r;
}

static struct result mean(const struct world *w, unsigned seeds, unsigned pool)
{
	struct result all = { 0 };

	for (unsigned i = 1; i <= seeds; i++) {
		struct result r = run(w, i, pool);

		all.wait += r.wait / seeds;
		all.late += r.late / seeds;
		all.worst += r.worst / seeds;
		all.bots += r.bots / seeds;
		all.changes += r.changes;
	}
	return all;
}

static void print(const char *name, const struct result *r, unsigned seeds)
{
	printf("  %-22s %9.2f %7.2f %9.0f %9.1f", name, r->wait, r->late,
	       r->worst, r->bots * HOURS);
	if (r->changes)
		printf(" %9.1f", (double)r->changes / seeds / HOURS);
	printf("\n");
}

/* By halves: a larger pool waits less. */
static unsigned least(const struct world *w, unsigned seeds, double wait,
		      struct result *found)
{
	unsigned low = 1, high = MAX_BOTS;

	while (low < high) {
		unsigned half = (low + high) / 2;

		if (mean(w, seeds, half).wait <= wait)
			high = half;
		else
			low = half + 1;
	}
	*found = mean(w, seeds, high);
	return high;
}

int main(int argc, char **argv)
{
	unsigned seeds = argc > 1 ? (unsigned)atoi(argv[1]) : 5;

	if (seeds < 1 || seeds > 1000)
		return 2;
	printf("%d hours, %u seeds, target 10 s, 1..%d bots\n", HOURS, seeds,
	       MAX_BOTS);
	printf("  %-22s %9s %7s %9s %9s %9s\n", "", "mean wait", "> 10 s",
	       "longest", "bot-hours", "changes");
	printf("  %-22s %9s %7s %9s %9s %9s\n", "", "s", "%", "s", "",
	       "an hour");
	for (size_t i = 0; i < sizeof(worlds) / sizeof(*worlds); i++) {
		struct result scaled = mean(&worlds[i], seeds, 0), same, near;
		unsigned pool = (unsigned)lround(scaled.bots), good;
		char name[32];

		if (pool < 1)
			pool = 1;
		printf("%s\n", worlds[i].name);
		print("scaler", &scaled, seeds);
		same = mean(&worlds[i], seeds, pool);
		snprintf(name, sizeof(name), "%u, the same hours", pool);
		print(name, &same, seeds);
		good = least(&worlds[i], seeds, scaled.wait, &near);
		snprintf(name, sizeof(name), "%u, waits as little", good);
		print(name, &near, seeds);
		fflush(stdout);
	}
	return 0;
}
