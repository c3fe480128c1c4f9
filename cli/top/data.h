/* SPDX-License-Identifier: MIT */
/*
 * data.h - what `deia top` knows of a hive, as it was told last.
 *
 * All text in it is safe for a terminal and on one line: it is made so when it
 * is taken from an answer, and nowhere else. Everything has a maximum, so a
 * hive of any size takes the same memory: TOP_MAX_BOTS rows of 400 bytes.
 * One thread fills it and another draws it: both hold `lock` of asker.h.
 */
#ifndef CLI_TOP_DATA_H
#define CLI_TOP_DATA_H

#include <cjson/cJSON.h>

#include <deia/base.h>

#define TOP_MAX_BOTS 20000
#define TOP_MAX_ALERTS 100
#define TOP_MAX_QUEUES 100
#define TOP_MAX_LOG_LINES 200
#define TOP_STATES 9

struct top_bot {
	char id[72], state[16];
	char model[64]; /* or the adapter, where there is none */
	char why[208];	/* the reason of its state, else what it said last */
	unsigned running, most, waiting, unread, restarts;
	double cpu_ratio, memory_bytes; /* NAN: not known */
	unsigned round;			/* in which it was seen last */
};

struct top_alert {
	char id[40], level[16], state[16], fired_at[32];
	char summary[208], marks[208], advice[400];
};

struct top_queue {
	char type[72], oldest_at[32];
	bool paused;
	unsigned waiting, running;
};

/* Counters at a time, to make rates of. */
struct top_count {
	int64_t at_ms; /* 0: none */
	double tasks, messages, chats;
};
#define TOP_COUNTS 6

struct top_log {
	char bot[72];
	char *lines[TOP_MAX_LOG_LINES];
	size_t n;
};

struct top_data {
	/* of GET /api/v1/health */
	char status[16], since[32], version[32];
	int score;
	double uptime_seconds, host_cpu, host_memory, process_cpu,
		process_memory, loop_delay;
	unsigned n_in_state[TOP_STATES], n_total; /* in order of top_states */
	unsigned n_firing;
	/* counters of this look, and of the last ones */
	struct top_count now, counts[TOP_COUNTS];
	struct top_queue queues[TOP_MAX_QUEUES];
	size_t n_queues;
	struct top_alert alerts[TOP_MAX_ALERTS];
	size_t n_alerts;
	struct top_bot *bots; /* by id */
	size_t n_bots, cap_bots;
	bool all_seen; /* one round through all bots is done */
	struct top_log log;
};

/* States of bots, what needs a person first. */
extern const char *const top_states[TOP_STATES];
/* Its place in top_states; TOP_STATES for another. */
unsigned top_state_rank(const char *state);

void top_data_init(struct top_data *d);
void top_data_free(struct top_data *d);
/* Copies text made safe, cut to size between two characters. */
void top_keep(char *to, size_t size, const char *text);

/* What an answer says, each in place of what was known. */
void top_take_health(struct top_data *d, const cJSON *answer);
void top_take_tasks(struct top_data *d, const cJSON *answer);
void top_take_messages(struct top_data *d, const cJSON *answer);
void top_take_queues(struct top_data *d, const cJSON *answer);
void top_take_alerts(struct top_data *d, const cJSON *answer);
/* A page of bots, seen in that round. */
void top_take_bots(struct top_data *d, const cJSON *answer, unsigned round);
/* Forgets the bots that were not seen since that round began. */
void top_sweep_bots(struct top_data *d, unsigned round);
/* GET /bots/{id}/status: what its process takes. */
void top_take_usage(struct top_data *d, const char *id, const cJSON *answer);
void top_take_log(struct top_data *d, const char *bot, const cJSON *answer);

/* Closes a look at now_ms: what was counted goes into the rates. */
void top_count_up(struct top_data *d, int64_t now_ms);
/* A second, over the last looks; NAN where there are no two. */
struct top_count top_rates(const struct top_data *d);
/* The bot of that id; NULL: it is not known. */
struct top_bot *top_bot_of(const struct top_data *d, const char *id);

#endif
