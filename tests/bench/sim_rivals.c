/* SPDX-License-Identifier: MIT */
/*
 * sim_rivals.c - how others choose, to compare with. Each task is bound to a
 * bot at once; like everybody here they leave out bots that failed it.
 */
#include "sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cell {
	double n, mean;	      /* discounted; seconds of successes */
	double log_mean;      /* of log seconds */
	double good, bad;     /* discounted */
	double latency, peak; /* moving averages, failures too */
	double greedy_seconds, greedy_success;
	double at;
	double prior_log, prior_success;
	bool seen;
};

struct sim_rival {
	const struct sim_rival_ops *ops;
	const struct sim_setup *set;
	struct cell cells[SIM_BOTS][SIM_TYPES];
	unsigned n_bots, turn;
	uint64_t draws, outcomes;
	double now, latency[SIM_BOTS]; /* peak EWMA is of a bot */
	double latency_at[SIM_BOTS];
};

#define HALF_LIFE 1200.0

static double chance(struct sim_rival *r)
{
	return sim_chance(r->set->seed, 77, r->draws++);
}

static double normal(struct sim_rival *r)
{
	return sim_normal(r->set->seed, 78, r->draws++);
}

/* Marsaglia and Tsang 2000; shape >= 1, for less by a power of a chance. */
static double gamma_of(struct sim_rival *r, double shape)
{
	double d, c;

	if (shape < 1)
		return gamma_of(r, shape + 1) * pow(1 - chance(r), 1 / shape);
	d = shape - 1.0 / 3;
	c = 1 / sqrt(9 * d);
	for (;;) {
		double x = normal(r), v = 1 + c * x;

		v = v * v * v;
		if (v > 0 &&
		    log(1 - chance(r)) < x * x / 2 + d - d * v + d * log(v))
			return d * v;
	}
}

static void age(struct sim_rival *r, struct cell *c)
{
	double f = exp2((c->at - r->now) / HALF_LIFE);

	c->n *= f;
	c->good *= f;
	c->bad *= f;
	c->at = r->now;
}

/* Priors from what is known of the bot and of the type, now and then. */
static void renew_priors(struct sim_rival *r)
{
	double bot[2][SIM_BOTS] = { { 0 } }, type[2][SIM_TYPES] = { { 0 } };

	for (int round = 0; round < 4; round++)
		for (int m = 0; m < 2; m++) {
			for (int side = 0; side < 2; side++) {
				unsigned na = side ? r->n_bots : r->set->types;
				unsigned nb = side ? r->set->types : r->n_bots;

				for (unsigned a = 0; a < na; a++) {
					double w = side ? 1 : 0.5,
					       v = m && !side ? 1 : 0;

					for (unsigned b = 0; b < nb; b++) {
						unsigned i = side ? a : b,
							 t = side ? b : a;
						struct cell *c =
							&r->cells[i][t];
						double n = m ? c->good + c->bad
							     : c->n;
						double y =
							m ? log((c->good +
								 0.9) /
								(c->bad + 0.1))
							  : c->log_mean;
						double k =
							n / (n + (m ? 3 : 2));

						w += k;
						v += k *
						     (y - (side ? type[m][t]
								: bot[m][i]));
					}
					*(side ? &bot[m][a] : &type[m][a]) =
						v / w;
				}
			}
		}
	for (unsigned i = 0; i < r->n_bots; i++)
		for (unsigned t = 0; t < r->set->types; t++) {
			r->cells[i][t].prior_log = bot[0][i] + type[0][t];
			r->cells[i][t].prior_success =
				1 / (1 + exp(-bot[1][i] - type[1][t]));
		}
}

/* ---- picks --------------------------------------------------------------- */

static unsigned random_usable(struct sim_rival *r, const struct sim_look *look)
{
	unsigned usable = 0, at;

	for (unsigned i = 0; i < r->n_bots; i++)
		usable += look[i].usable;
	at = (unsigned)(chance(r) * usable);
	for (unsigned i = 0; i < r->n_bots; i++)
		if (look[i].usable && at-- == 0)
			return i;
	return 0;
}

static unsigned pick_random(struct sim_rival *r, const struct sim_look *look,
			    unsigned type)
{
	(void)type;
	return random_usable(r, look);
}

static unsigned pick_round_robin(struct sim_rival *r,
				 const struct sim_look *look, unsigned type)
{
	(void)type;
	do
		r->turn = (r->turn + 1) % r->n_bots;
	while (!look[r->turn].usable);
	return r->turn;
}

/* The bot with the least cost. */
static unsigned pick_least(struct sim_rival *r, const struct sim_look *look,
			   unsigned type,
			   double (*cost)(struct sim_rival *r, unsigned bot,
					  unsigned type,
					  const struct sim_look *look))
{
	unsigned best = 0;
	double least = (double)INFINITY;

	for (unsigned i = 0; i < r->n_bots; i++) {
		double c = look[i].usable ? cost(r, i, type, &look[i])
					  : (double)INFINITY;

		if (c < least) {
			least = c;
			best = i;
		}
	}
	return best;
}

static double requests(const struct sim_look *look)
{
	return (double)(look->running + look->waiting) / look->slots;
}

static double cost_requests(struct sim_rival *r, unsigned bot, unsigned type,
			    const struct sim_look *look)
{
	(void)bot;
	(void)type;
	return requests(look) + 1e-6 * chance(r);
}

static unsigned pick_jsq(struct sim_rival *r, const struct sim_look *look,
			 unsigned type)
{
	return pick_least(r, look, type, cost_requests);
}

static unsigned pick_two(struct sim_rival *r, const struct sim_look *look,
			 unsigned type)
{
	unsigned a = random_usable(r, look), b = random_usable(r, look);

	(void)type;
	return requests(&look[a]) <= requests(&look[b]) ? a : b;
}

static double peak_ewma(const struct sim_rival *r, unsigned i,
			const struct sim_look *look)
{
	return r->latency[i] * (requests(look) + 1);
}

static unsigned pick_peak_ewma(struct sim_rival *r, const struct sim_look *look,
			       unsigned type)
{
	unsigned a = random_usable(r, look), b = random_usable(r, look);

	(void)type;
	return peak_ewma(r, a, &look[a]) <= peak_ewma(r, b, &look[b]) ? a : b;
}

static double cost_latency(struct sim_rival *r, unsigned bot, unsigned type,
			   const struct sim_look *look)
{
	(void)look;
	return r->cells[bot][type].latency + 1e-9 * chance(r);
}

static unsigned pick_latency(struct sim_rival *r, const struct sim_look *look,
			     unsigned type)
{
	return pick_least(r, look, type, cost_latency);
}

static double cost_greedy(struct sim_rival *r, unsigned bot, unsigned type,
			  const struct sim_look *look)
{
	const struct cell *c = &r->cells[bot][type];

	(void)look;
	if (!c->seen)
		return -0.75;
	return -0.4 / (1 + c->greedy_seconds / 10) - 0.6 * c->greedy_success;
}

static unsigned pick_greedy(struct sim_rival *r, const struct sim_look *look,
			    unsigned type)
{
	return pick_least(r, look, type, cost_greedy);
}

static double cost_ducb(struct sim_rival *r, unsigned bot, unsigned type,
			const struct sim_look *look)
{
	struct cell *c = &r->cells[bot][type];
	double n, all = 1;

	(void)look;
	for (unsigned i = 0; i < r->n_bots; i++)
		all += r->cells[i][type].good + r->cells[i][type].bad;
	age(r, c);
	n = c->good + c->bad;
	if (n < 0.01)
		return -1e9;
	return -(c->good / n) / (1 + c->mean / 5) - sqrt(0.5 * log(all) / n);
}

static unsigned pick_ducb(struct sim_rival *r, const struct sim_look *look,
			  unsigned type)
{
	return pick_least(r, look, type, cost_ducb);
}

static double cost_thompson(struct sim_rival *r, unsigned bot, unsigned type,
			    const struct sim_look *look)
{
	struct cell *c = &r->cells[bot][type];
	double good, bad, seconds;

	age(r, c);
	good = gamma_of(r, c->good + 1);
	bad = gamma_of(r, c->bad + 1);
	seconds = exp((c->n * c->log_mean + 0.5) / (c->n + 0.5) +
		      normal(r) * 0.6 / sqrt(c->n + 0.5));
	return seconds / (good / (good + bad)) * (1 + requests(look));
}

static unsigned pick_thompson(struct sim_rival *r, const struct sim_look *look,
			      unsigned type)
{
	return pick_least(r, look, type, cost_thompson);
}

/* Shortest expected time to success. */
static double sect(const struct sim_look *look, double seconds, double success)
{
	double wait =
		look->running < look->slots ? 0 : look->work / look->slots;

	return (wait + seconds) / fmax(success, 0.01);
}

static double cost_sect(struct sim_rival *r, unsigned bot, unsigned type,
			const struct sim_look *look)
{
	const struct cell *c = &r->cells[bot][type];

	return sect(look, c->greedy_seconds, c->greedy_success);
}

static unsigned pick_sect(struct sim_rival *r, const struct sim_look *look,
			  unsigned type)
{
	return pick_least(r, look, type, cost_sect);
}

static double shrunk_log(const struct cell *c)
{
	return (c->n * c->log_mean + 2 * c->prior_log) / (c->n + 2);
}

static double cost_sect_thompson(struct sim_rival *r, unsigned bot,
				 unsigned type, const struct sim_look *look)
{
	struct cell *c = &r->cells[bot][type];
	double good, bad;

	age(r, c);
	good = gamma_of(r, c->good + 3 * c->prior_success);
	bad = gamma_of(r, c->bad + 3 * (1 - c->prior_success));
	return sect(
		look,
		exp(shrunk_log(c) + 0.125 + normal(r) * 0.5 / sqrt(c->n + 2)),
		good / (good + bad));
}

static unsigned pick_sect_thompson(struct sim_rival *r,
				   const struct sim_look *look, unsigned type)
{
	return pick_least(r, look, type, cost_sect_thompson);
}

static double cost_sect_optimism(struct sim_rival *r, unsigned bot,
				 unsigned type, const struct sim_look *look)
{
	struct cell *c = &r->cells[bot][type];
	double n, p;

	age(r, c);
	n = c->good + c->bad + 3;
	p = (c->good + 3 * c->prior_success) / n;
	p += 0.6 * sqrt(p * (1 - p) / (n + 1));
	return sect(look,
		    exp(shrunk_log(c) + 0.125 - 0.6 * 0.5 / sqrt(c->n + 2)),
		    fmin(p, 1));
}

static unsigned pick_sect_optimism(struct sim_rival *r,
				   const struct sim_look *look, unsigned type)
{
	return pick_least(r, look, type, cost_sect_optimism);
}

const struct sim_rival_ops sim_rivals[] = {
	{ "random", pick_random },
	{ "round-robin (early)", pick_round_robin },
	{ "join shortest queue", pick_jsq },
	{ "two choices, requests", pick_two },
	{ "two choices, peak EWMA", pick_peak_ewma },
	{ "lowest latency", pick_latency },
	{ "greedy average", pick_greedy },
	{ "discounted UCB", pick_ducb },
	{ "discounted Thompson", pick_thompson },
	{ "SECT, greedy EMA", pick_sect },
	{ "SECT, Thompson, shrinkage", pick_sect_thompson },
	{ "SECT, optimism, shrinkage", pick_sect_optimism },
};
const unsigned sim_rivals_len = sizeof(sim_rivals) / sizeof(sim_rivals[0]);

/* ---- life ---------------------------------------------------------------- */

struct sim_rival *sim_rival_new(const struct sim_rival_ops *ops,
				const struct sim_setup *set)
{
	struct sim_rival *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->ops = ops;
	r->set = set;
	for (unsigned i = 0; i < SIM_BOTS; i++)
		for (unsigned t = 0; t < SIM_TYPES; t++)
			r->cells[i][t].greedy_success =
				r->cells[i][t].prior_success = 0.9;
	return r;
}

void sim_rival_free(struct sim_rival *r)
{
	free(r);
}

unsigned sim_rival_pick(struct sim_rival *r, const struct sim_look *look,
			unsigned n_bots, unsigned type, double now)
{
	r->now = now;
	r->n_bots = n_bots;
	return r->ops->pick(r, look, type);
}

double sim_rival_expects(const struct sim_rival *r, unsigned bot, unsigned type)
{
	const struct cell *c = &r->cells[bot][type];

	return c->n > 0 ? c->greedy_seconds : 1;
}

static void learn_latency(struct sim_rival *r, unsigned bot, struct cell *c,
			  double seconds)
{
	double f = exp((r->latency_at[bot] - r->now) / 10);

	c->latency = c->seen ? 0.7 * c->latency + 0.3 * seconds : seconds;
	r->latency[bot] = seconds > r->latency[bot]
				  ? seconds
				  : r->latency[bot] * f + seconds * (1 - f);
	r->latency_at[bot] = r->now;
}

void sim_rival_learn(struct sim_rival *r, unsigned bot, unsigned type,
		     double seconds, bool success, double now)
{
	struct cell *c = &r->cells[bot][type];

	r->now = now;
	learn_latency(r, bot, c, seconds);
	age(r, c);
	c->greedy_success += 0.1 * ((success ? 1 : 0) - c->greedy_success);
	if (success) {
		c->greedy_seconds =
			c->n > 0 ? 0.9 * c->greedy_seconds + 0.1 * seconds
				 : seconds;
		c->good += 1;
		c->n += 1;
		c->mean += (seconds - c->mean) / c->n;
		c->log_mean += (log(seconds) - c->log_mean) / c->n;
	} else {
		c->bad += 1;
	}
	c->seen = true;
	if (r->outcomes++ % 20 == 0)
		renew_priors(r);
}
