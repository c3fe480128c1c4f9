/* SPDX-License-Identifier: MIT */
/*
 * sim_world.c - bots whose times and successes are drawn from a seed.
 *
 * The mean of a run is log-normal: an effect of the bot, one of the type, one
 * of the pair; success likewise, on log odds. One bot in twelve is really good
 * at a type by chance alone, which is what makes choosing worth while.
 */
#include "sim.h"

#include <math.h>
#include <string.h>

#define TYPICAL_SECONDS 5.0
#define TYPICAL_LOG_ODDS 2.0
/* What the numbers are drawn for; the second argument of sim_chance. */
enum { DRAW_BOT = 1, DRAW_TYPE, DRAW_PAIR, DRAW_SLOTS, DRAW_SHARE, DRAW_DRIFT };

const char *const sim_scenario_names[SIM_SCENARIOS] = {
	"stationary", "drift", "abrupt", "death",      "fast-wrong",
	"bursts",     "join",  "sparse", "specialists"
};

static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

double sim_chance(uint64_t seed, uint64_t a, uint64_t b)
{
	return (double)(mix(mix(mix(seed) ^ a) ^ b) >> 11) * 0x1p-53;
}

double sim_normal(uint64_t seed, uint64_t a, uint64_t b)
{
	double u = 1 - sim_chance(seed, a, b);
	double v = sim_chance(seed, a ^ UINT64_C(0x5bd1e995), b);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double draw(const struct sim_world *w, unsigned what, unsigned m,
		   unsigned a, unsigned b)
{
	return sim_normal(w->set.seed, what << 1 | m, a * 1000 + b);
}

void sim_world_derive(struct sim_world *w)
{
	for (unsigned i = 0; i < SIM_BOTS; i++)
		for (unsigned t = 0; t < w->set.types; t++) {
			double y =
				w->bot[0][i] + w->type[0][t] + w->pair[0][i][t];
			double z =
				w->bot[1][i] + w->type[1][t] + w->pair[1][i][t];

			w->seconds[i][t] = TYPICAL_SECONDS * exp(y);
			w->success[i][t] = 1 / (1 + exp(-TYPICAL_LOG_ODDS - z));
			if (w->hole[i]) {
				w->seconds[i][t] = 0.05;
				w->success[i][t] = 0.02;
			}
		}
}

static void draw_bots(struct sim_world *w, unsigned era)
{
	double mixed = w->set.mixed > 0 ? w->set.mixed : 1;

	for (unsigned i = 0; i < SIM_BOTS; i++)
		for (unsigned m = 0; m < 2; m++) {
			unsigned a = i + era * 100;

			w->bot[m][i] =
				(m ? 0.7 : 0.5) * draw(w, DRAW_BOT, m, a, 0);
			for (unsigned t = 0; t < w->set.types; t++)
				w->pair[m][i][t] = (m ? 0.9 : 0.7) * mixed *
						   draw(w, DRAW_PAIR, m, a, t);
		}
}

/* Each type is for a few bots; the others are fast enough, but wrong. */
static void make_specialists(struct sim_world *w)
{
	for (unsigned i = 0; i < SIM_BOTS; i++)
		for (unsigned t = 0; t < w->set.types; t++)
			w->pair[1][i][t] = i % w->set.types == t ? 2 : -7;
}

unsigned sim_world_best(const struct sim_world *w)
{
	double most = -1, share[SIM_BOTS] = { 0 };
	unsigned best = 0;

	for (unsigned t = 0; t < w->set.types; t++) {
		unsigned at = 0;

		for (unsigned i = 0; i < w->n_bots; i++)
			if (w->seconds[i][t] / w->success[i][t] <
			    w->seconds[at][t] / w->success[at][t])
				at = i;
		share[at] += w->share[t] * w->slots[at];
	}
	for (unsigned i = 0; i < w->n_bots; i++)
		if (share[i] > most) {
			most = share[i];
			best = i;
		}
	return best;
}

void sim_world_init(struct sim_world *w, const struct sim_setup *set)
{
	double sum = 0, least;

	memset(w, 0, sizeof(*w));
	w->set = *set;
	if (w->set.sigma <= 0)
		w->set.sigma = 0.5;
	w->n_bots = set->bots;
	if (set->scenario == SIM_JOIN)
		w->n_bots = set->bots - set->bots / 3;
	for (unsigned i = 0; i < SIM_BOTS; i++)
		w->slots[i] = 1 + (unsigned)(3 * sim_chance(set->seed,
							    DRAW_SLOTS, i));
	for (unsigned t = 0; t < set->types; t++) {
		w->type[0][t] = 0.7 * draw(w, DRAW_TYPE, 0, t, 0);
		w->type[1][t] = 0.4 * draw(w, DRAW_TYPE, 1, t, 0);
		w->share[t] = 0.3 + sim_chance(set->seed, DRAW_SHARE, t);
		sum += w->share[t];
	}
	for (unsigned t = 0; t < set->types; t++)
		w->share[t] /= sum;
	draw_bots(w, 0);
	if (set->scenario == SIM_SPECIALISTS)
		make_specialists(w);
	w->hole[0] = set->scenario == SIM_FAST_WRONG;
	sim_world_derive(w);
	least = sim_world_capacity(w);
	if (set->scenario == SIM_ABRUPT) {
		struct sim_world later = *w;

		sim_world_change(&later, sim_world_best(w));
		least = fmin(least, sim_world_capacity(&later));
	}
	w->rate = set->load * least;
	if (set->scenario == SIM_SPARSE)
		w->rate = 20.0 / 86400;
	w->horizon = set->tasks / w->rate;
}

void sim_world_drift(struct sim_world *w, unsigned step, unsigned steps)
{
	/* To the horizon everything has wandered by what it began with. */
	double keep = exp(-1.0 / steps), by = sqrt(1 - keep * keep);

	for (unsigned i = 0; i < SIM_BOTS; i++)
		for (unsigned t = 0; t < w->set.types; t++)
			for (unsigned m = 0; m < 2; m++)
				w->pair[m][i][t] =
					keep * w->pair[m][i][t] +
					by * (m ? 0.9 : 0.7) *
						draw(w, DRAW_DRIFT, m,
						     i * 8 + t, step);
	sim_world_derive(w);
}

void sim_world_change(struct sim_world *w, unsigned best)
{
	draw_bots(w, 1);
	w->hole[best] = true;
	sim_world_derive(w);
}

/*
 * The most that can be served: a linear program (rates of each type to each
 * bot), solved by prices of the bots' time. Whatever the prices are, no more is
 * possible than one over what a task costs at its cheapest bot; prices of bots
 * that are wanted more go up, and the least bound seen is taken.
 */
double sim_world_capacity(const struct sim_world *w)
{
	double price[SIM_BOTS], load[SIM_BOTS], best = (double)INFINITY;

	for (unsigned i = 0; i < w->n_bots; i++)
		price[i] = 1;
	for (unsigned round = 1; round <= 1500; round++) {
		double sum = 0, cost = 0, most = 0;

		memset(load, 0, sizeof(load));
		for (unsigned i = 0; i < w->n_bots; i++)
			sum += price[i] * w->slots[i];
		for (unsigned t = 0; t < w->set.types; t++) {
			double least = (double)INFINITY;
			unsigned at = 0;

			for (unsigned i = 0; i < w->n_bots; i++) {
				double c = price[i] * w->seconds[i][t] /
					   w->success[i][t];

				if (c < least && !w->hole[i]) {
					least = c;
					at = i;
				}
			}
			cost += w->share[t] * least / sum;
			load[at] += w->share[t] * w->seconds[at][t] /
				    w->success[at][t] / w->slots[at];
		}
		best = fmin(best, 1 / cost);
		for (unsigned i = 0; i < w->n_bots; i++)
			most = fmax(most, load[i]);
		for (unsigned i = 0; i < w->n_bots; i++)
			price[i] *= exp(0.5 / sqrt(round) * load[i] / most);
	}
	return best;
}
