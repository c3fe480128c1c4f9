/* SPDX-License-Identifier: MIT */
/*
 * sim.h - a template's bots in virtual time, with or without a scaler.
 *
 * Ticks of 100 ms, a look each second. Tasks come at random with a rate that
 * may change, take exponential times, and are served first come, first served
 * by a random idle bot. The same seed gives the same run.
 */
#ifndef DEIA_TESTS_SCALER_SIM_H
#define DEIA_TESTS_SCALER_SIM_H

#include <deia/scaler.h>

#define SIM_BOTS 512
#define SIM_QUEUE 65536
#define SIM_CHANGES 65536
#define SIM_TEMPLATE "coder"

struct sim_bot {
	bool there;
	char id[16];
	deia_scaler_state state;
	int64_t since_ms, ready_ms;
	int64_t until_ms; /* STARTING: ready; BUSY: the run ends */
	bool drain;	  /* stop it when it has nothing to do */
	bool dud;	  /* fails instead of becoming ready */
};

struct sim {
	/* Of the world. */
	deia_scaler *scaler; /* or NULL: a fixed pool */
	uint64_t seed;
	double (*rate)(const struct sim *s,
		       double seconds); /* tasks a second */
	double base_rate, run_seconds;
	double run_cv2; /* squared coefficient of variation; 1: exponential */
	int64_t launch_ms;
	double dud_ratio;	/* of launched bots */
	double deaths_per_hour; /* of each live bot */
	double cpu_ratio;
	bool memory_known;
	uint64_t free_bytes;	     /* before any bot of ours */
	bool tell_rates;	     /* the caller knows them */
	unsigned min_bots, max_bots; /* for the invariants */

	/* State. */
	int64_t now_ms;
	struct sim_bot bots[SIM_BOTS];
	int used; /* of the slots of bots */
	unsigned next_id;
	int64_t queue[SIM_QUEUE];
	uint64_t came, began, ended;

	/* What was seen. */
	double wait_sum, wait_max, bot_seconds;
	uint64_t late; /* waited for over 10 s */
	uint64_t served;
	unsigned launched, drained, refused;
	unsigned broken; /* invariants */
	const char *broken_how;
	unsigned most_bots;
	int64_t changes_ms[SIM_CHANGES]; /* launches and drains of one look */
	unsigned changes;
};

/* Sets defaults: rate 0.5/s, 5 s runs, 30 s launches, min 0, max 64. */
void sim_init(struct sim *s, uint64_t seed);
/* Adds a bot that is ready. */
void sim_add_ready(struct sim *s);
void sim_run(struct sim *s, double seconds);
/* Starts counting anew, for what was warmed up. */
void sim_forget(struct sim *s);
unsigned sim_count(const struct sim *s, deia_scaler_state state);
/* But failed and draining ones. */
unsigned sim_live(const struct sim *s);
/* The most changes within any hour. */
unsigned sim_changes_per_hour(const struct sim *s);
double sim_mean_wait(const struct sim *s);

#endif
