/* SPDX-License-Identifier: MIT */
/*
 * sim.h - a hive in virtual time: bots, tasks and outcomes by chance, from a
 * seed, to measure how well tasks are sent.
 *
 * sim_world.c draws the bots and their changes, sim.c runs the tasks, sim_rivals.c
 * has the policies that others use. tests/unit/scheduler holds the learned
 * policy to its limits with it; sim_scheduler.c prints the tables.
 *
 * What chance does to a task (its type, when it comes, how long each attempt
 * takes against the mean, whether it succeeds) is drawn from the seed and the
 * task's number alone. So all policies are measured on the same tasks.
 */
#ifndef SIM_H
#define SIM_H

#include <deia/scheduler.h>

#define SIM_BOTS 64
#define SIM_TYPES 8
#define SIM_ATTEMPTS 6

enum sim_scenario {
	SIM_STATIONARY,
	SIM_DRIFT,  /* all times and ratios wander slowly */
	SIM_ABRUPT, /* all change at once, the best bot becomes a black hole */
	SIM_DEATH,  /* the best bot dies, noticed after 30 s; later one joins */
	SIM_FAST_WRONG, /* from the start one bot is very fast and wrong */
	SIM_BURSTS, /* two minutes at three times the rate, ten at a third */
	SIM_JOIN,   /* a third of the bots join at half of the time */
	SIM_SPARSE, /* twenty tasks a day */
	SIM_SPECIALISTS /* each type has few bots that can do it at all */
};
#define SIM_SCENARIOS 9
extern const char *const sim_scenario_names[SIM_SCENARIOS];

struct sim_setup {
	uint64_t seed;
	enum sim_scenario scenario;
	unsigned bots, types;
	double load; /* of what could be served at all */
	unsigned tasks;
	double sigma; /* of log seconds of a run; 0: 0.5 */
	double mixed; /* scale of what is special about a pair; 0: 1 */
};

struct sim_world {
	struct sim_setup set;
	unsigned n_bots; /* those that joined */
	unsigned slots[SIM_BOTS];
	double bot[2][SIM_BOTS], type[2][SIM_TYPES];
	double pair[2][SIM_BOTS][SIM_TYPES]; /* log seconds; log odds */
	double seconds[SIM_BOTS][SIM_TYPES], success[SIM_BOTS][SIM_TYPES];
	double share[SIM_TYPES]; /* of the tasks */
	bool dead[SIM_BOTS];	 /* takes tasks, and nothing ever comes back */
	bool gone[SIM_BOTS];	 /* that was noticed */
	bool hole[SIM_BOTS];
	double rate;	/* tasks a second */
	double horizon; /* seconds */
};
/* A number of [0, 1) that depends on these three alone. */
double sim_chance(uint64_t seed, uint64_t a, uint64_t b);
double sim_normal(uint64_t seed, uint64_t a, uint64_t b);
void sim_world_init(struct sim_world *w, const struct sim_setup *set);
/* Tasks a second that could be served at most. */
double sim_world_capacity(const struct sim_world *w);
/* One step of slow drift, of many to the horizon. */
void sim_world_drift(struct sim_world *w, unsigned step, unsigned steps);
void sim_world_change(struct sim_world *w, unsigned best);
void sim_world_derive(struct sim_world *w);
/* The bot that is best for the largest share of the tasks. */
unsigned sim_world_best(const struct sim_world *w);

/* How tasks are sent. */
enum sim_kind {
	SIM_ORACLE, /* the learned rule, with the true means in it */
	SIM_LEARNED,
	SIM_LEAST_LOADED, /* these three: libdeia's, bound late */
	SIM_ROUND_ROBIN,
	SIM_RIVAL /* SIM_RIVAL + n: of sim_rivals.c, bound at once */
};

struct sim_rival;
/* What a rival sees of a bot. */
struct sim_look {
	bool usable; /* there, and did not fail this task */
	unsigned slots, running, waiting;
	/* What waits and what is left of its runs, each by the seconds that
	 * the rival itself expected of it. */
	double work;
};
struct sim_rival_ops {
	const char *name;
	unsigned (*pick)(struct sim_rival *r, const struct sim_look *look,
			 unsigned type);
};
extern const struct sim_rival_ops sim_rivals[];
extern const unsigned sim_rivals_len;
struct sim_rival *sim_rival_new(const struct sim_rival_ops *ops,
				const struct sim_setup *set);
void sim_rival_free(struct sim_rival *r);
unsigned sim_rival_pick(struct sim_rival *r, const struct sim_look *look,
			unsigned n_bots, unsigned type, double now);
double sim_rival_expects(const struct sim_rival *r, unsigned bot,
			 unsigned type);
void sim_rival_learn(struct sim_rival *r, unsigned bot, unsigned type,
		     double seconds, bool success, double now);

struct sim_result {
	double mean, p99;    /* seconds from arrival to success */
	double late_mean;    /* the same of the last fifth of the tasks */
	double success;	     /* share of tasks that ended well */
	unsigned unfinished; /* given up, for too much was waiting */
	double attempts;     /* a task */
};
const char *sim_kind_name(unsigned kind);
/* opts: of the scheduler, or NULL. */
struct sim_result sim_run(const struct sim_setup *set, unsigned kind,
			  const struct deia_scheduler_opts *opts);

#endif
