/* SPDX-License-Identifier: MIT */
/*
 * sim_scheduler.c - the scheduler's policies beside others and an oracle.
 *
 *	sim_scheduler [table|held-out|recommend] [SEEDS [FIRST]]
 *
 * table: the scenarios of docs/scheduler.md with every policy; held-out: other
 * worlds, learned alone; recommend: how long one recommendation takes.
 * Figures of the tables are ratios of mean times to success to the oracle's on
 * the same tasks: the median of the seeds and the worst one. They are the same
 * on every machine.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SEEDS 100

static unsigned seeds = 10, first = 1;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct cell {
	double median, worst, success;
};

static struct cell measure(struct sim_setup set, unsigned kind,
			   const double *oracle)
{
	double ratio[MAX_SEEDS];
	struct cell c = { 0 };

	for (unsigned i = 0; i < seeds; i++) {
		struct sim_result r;

		set.seed = first + i;
		r = sim_run(&set, kind, NULL);
		ratio[i] = r.mean / oracle[i];
		c.success += r.success / seeds;
	}
	qsort(ratio, seeds, sizeof(*ratio), by_value);
	c.median = (ratio[seeds / 2] + ratio[(seeds - 1) / 2]) / 2;
	c.worst = ratio[seeds - 1];
	return c;
}

static void run_oracle(struct sim_setup set, double *out)
{
	for (unsigned i = 0; i < seeds; i++) {
		set.seed = first + i;
		out[i] = sim_run(&set, SIM_ORACLE, NULL).mean;
	}
}

static void print_rows(const struct sim_setup *set, unsigned kinds,
		       const enum sim_scenario *scenarios, unsigned n)
{
	static double oracle[SIM_SCENARIOS][MAX_SEEDS];

	printf("| policy |");
	for (unsigned k = 0; k < n; k++)
		printf(" %s |", sim_scenario_names[scenarios[k]]);
	printf(" average |\n|---|");
	for (unsigned k = 0; k <= n; k++)
		printf("---|");
	for (unsigned k = 0; k < n; k++) {
		struct sim_setup one = *set;

		one.scenario = scenarios[k];
		run_oracle(one, oracle[k]);
	}
	printf("\n");
	for (unsigned kind = SIM_LEARNED; kind < kinds; kind++) {
		double sum = 0;

		printf("| %s |", sim_kind_name(kind));
		for (unsigned k = 0; k < n; k++) {
			struct sim_setup one = *set;
			struct cell c;

			one.scenario = scenarios[k];
			c = measure(one, kind, oracle[k]);
			sum += c.median;
			printf(" %.3g (%.3g), %.3f %% |", c.median, c.worst,
			       c.success * 100);
			fflush(stdout);
		}
		printf(" %.3g |\n", sum / n);
	}
	printf("\n");
}

static const enum sim_scenario four[] = { SIM_STATIONARY, SIM_DRIFT, SIM_ABRUPT,
					  SIM_DEATH };
static const enum sim_scenario more[] = { SIM_FAST_WRONG, SIM_BURSTS, SIM_JOIN,
					  SIM_SPECIALISTS };

static void table(void)
{
	static const enum sim_scenario cold[] = { SIM_STATIONARY };
	static const enum sim_scenario sparse[] = { SIM_SPARSE };
	struct sim_setup set = { .bots = 12, .types = 6, .tasks = 20000 };
	unsigned all = SIM_RIVAL + sim_rivals_len;

	printf("Median (worst seed) of %u, as a multiple of the oracle; tasks "
	       "that succeeded.\n\n",
	       seeds);
	for (unsigned i = 0; i < 2; i++) {
		set.load = i ? 0.6 : 0.3;
		printf("12 bots, 6 types, load %.1f, 20,000 tasks\n\n",
		       set.load);
		print_rows(&set, all, four, 4);
	}
	set.load = 0.3;
	printf("the same, load 0.3, more scenarios\n\n");
	print_rows(&set, SIM_LEARNED + 1, more, 4);
	set.tasks = 2000;
	printf("cold start: 2,000 tasks in all, load 0.3\n\n");
	print_rows(&set, SIM_LEARNED + 1, cold, 1);
	set.tasks = 1120;
	printf("twenty tasks a day for eight weeks\n\n");
	print_rows(&set, all, sparse, 1);
	set = (struct sim_setup){
		.bots = 60, .types = 8, .tasks = 20000, .load = 0.5
	};
	printf("60 bots, 8 types, load 0.5, 20,000 tasks\n\n");
	print_rows(&set, all, four, 4);
}

/* Worlds that nothing was tuned on. */
static void held_out(void)
{
	static const struct {
		const char *name;
		struct sim_setup set;
	} worlds[] = {
		{ "pairs hardly differ",
		  { .bots = 12, .types = 6, .load = 0.4, .mixed = 0.2 } },
		{ "pairs differ twice as much",
		  { .bots = 12, .types = 6, .load = 0.4, .mixed = 2 } },
		{ "times vary little",
		  { .bots = 12, .types = 6, .load = 0.4, .sigma = 0.1 } },
		{ "times vary much",
		  { .bots = 12, .types = 6, .load = 0.4, .sigma = 1.2 } },
		{ "3 bots, 2 types", { .bots = 3, .types = 2, .load = 0.4 } },
		{ "30 bots, 3 types", { .bots = 30, .types = 3, .load = 0.4 } },
		{ "load 0.8", { .bots = 12, .types = 6, .load = 0.8 } },
	};

	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		struct sim_setup set = worlds[i].set;

		set.tasks = 20000;
		printf("%s\n\n", worlds[i].name);
		print_rows(&set, SIM_LEARNED + 1, four, 4);
	}
}

/* ---- the time of a recommendation ------------------------------------------ */

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static deia_scheduler *filled(unsigned bots)
{
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;
	struct deia_scheduler_bot b = DEIA_SCHEDULER_BOT_INIT;
	deia_scheduler *s;
	char id[32];

	if (deia_scheduler_new(&s, NULL) || deia_scheduler_add_type(s, "x"))
		abort();
	o.bot = id;
	o.type = "x";
	for (unsigned i = 0; i < bots * 5; i++) {
		snprintf(id, sizeof(id), "bot-%u", i % bots);
		o.seconds = 1 + i * 7919 % 13;
		o.success = i % 11 != 0;
		if ((i < bots && deia_scheduler_set_bot(s, id, &b, 0)) ||
		    deia_scheduler_record(s, &o, i * 10))
			abort();
	}
	return s;
}

static void time_recommend(unsigned bots, double wanted)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_recommendation r;
	unsigned alternatives[] = { 0, 3 };
	deia_scheduler *s = filled(bots);
	double best[2] = { 1e9, 1e9 };
	unsigned n = bots > 1000 ? 200 : 5000;

	ask.type = "x";
	/* The least of many: what others do on the machine only adds. */
	for (unsigned round = 0; round < 60; round++) {
		double began = cpu_us(), spent;
		unsigned k = round % 2;

		for (unsigned i = 0; i < n; i++)
			if (deia_scheduler_recommend(s, &ask, alternatives[k],
						     100000 + i, &r))
				abort();
		spent = (cpu_us() - began) / n;
		if (spent < best[k])
			best[k] = spent;
	}
	printf("recommend over %u bots: %.2f us, with 3 alternatives %.2f us "
	       "(wanted: <= %g)\n",
	       bots, best[0], best[1], wanted);
	deia_scheduler_free(s);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "table";

	if (argc > 2)
		seeds = (unsigned)strtoul(argv[2], NULL, 10);
	if (argc > 3)
		first = (unsigned)strtoul(argv[3], NULL, 10);
	if (seeds < 1 || seeds > MAX_SEEDS)
		return 2;
	if (strcmp(what, "table") == 0) {
		table();
	} else if (strcmp(what, "held-out") == 0) {
		held_out();
	} else if (strcmp(what, "recommend") == 0) {
		time_recommend(10, 0.3);
		time_recommend(1000, 2);
		time_recommend(10000, 20);
	} else {
		return 2;
	}
	return 0;
}
