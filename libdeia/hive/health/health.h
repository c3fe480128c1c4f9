/* SPDX-License-Identifier: MIT */
/*
 * health.h - the inside of the hive's health.
 *
 *   health.c        its life, the timer, a look
 *   health_load.c   what the store has of it, when the hive begins
 *   measure.c       what is measured each second: host, process, store, queue
 *   measure_bots.c  what is known of each bot
 *   measure_models.c  what turns say of the servers that models answer from
 *   alerts.c        changes of alerts: journal, rows, events
 *   alert_acts.c    what people do to alerts
 *   rules.c         rules that are changed, also by other nodes
 *   telling.c       who is told of alerts
 *
 * The monitor (deia/health.h) is made with the hive. What the store has is read
 * then, and taken in when the hive is started: by then a host program has added
 * its own metrics.
 */
#ifndef DEIA_HIVE_HEALTH_HEALTH_H
#define DEIA_HIVE_HEALTH_HEALTH_H

#include <deia/hive_health.h>
#include <deia/histogram.h>

#include "hive/hive.h"
#include "hive/machine.h"
#include "hive/saver.h"

#define DEIA__HEALTH_RULES_ROW "rules"
#define DEIA__HEALTH_LATE_LOOKS 10
#define DEIA__HEALTH_MINUTES 60

/* What the store is to learn of an alert. Bits: deia_health_change. */
struct deia__alert_row {
	char id[37];
	unsigned changes; /* that it has not got */
	unsigned flying;  /* that are on their way */
	bool queued, flies;
	bool stored; /* it may have a row */
	bool gone;   /* not kept any more: the row is to be deleted */
	TAILQ_ENTRY(deia__alert_row) link;   /* while queued */
	TAILQ_ENTRY(deia__alert_row) flight; /* while it flies */
	UT_hash_handle hh;		     /* while not gone */
};
TAILQ_HEAD(deia__alert_rows, deia__alert_row);

/* How much succeeded of what ended of late, from counters that only rise. */
struct deia__recent {
	bool counting;
	uint64_t all, good; /* the counters, at the look before */
	double n, n_good;
};
/* ended counts of which good succeeded; at most `most` count. */
void deia__recent_add(struct deia__recent *r, uint64_t ended, uint64_t good,
		      double most);

struct deia__model_server;

struct deia__measures {
	struct deia__machine machine;
	int64_t late_ms[DEIA__HEALTH_LATE_LOOKS];
	int64_t suspended_ms;
	int64_t cpu_us, cpu_at_ms; /* of the process, at the look before */
	bool cpu_begun;
	struct deia__window commits, cache;
	struct deia__recent outcomes;
	/* Dead letters by minute. */
	unsigned dead[DEIA__HEALTH_MINUTES];
	int64_t dead_minute;
	uint64_t dead_all;
	uint64_t looks;
	/* A round through all bots. */
	struct deia__timer bots_timer;
	char after[DEIA_MAX_ID_LEN + 1];
	unsigned local_turns;
	struct deia__model_server *servers; /* by name */
};

struct deia__health {
	deia_health *monitor;
	struct deia__timer timer;
	int64_t due_ms;
	int64_t skew_ms;   /* tests: both clocks run ahead */
	char *state_dir;   /* of the database; NULL: it is not in a file */
	bool stopped;	   /* nothing is stored any more */
	bool complained;   /* that a look failed */
	bool off;	   /* nothing is measured, nothing is judged */
	unsigned n_failed; /* bots, at the last look */
	struct deia__measures measures;

	deia__logfile *journal;
	deia_jw line; /* of it, being printed */
	struct deia__alert_row *rows;
	struct deia__alert_rows queue, flight;
	struct deia__saver saver;
	bool refused; /* the store refused the last change */
	bool missed;  /* a change found no memory: all alerts are stored */

	deia_notify *notify; /* NULL: nobody is told */
	struct deia__saver told_saver;
	bool told_changed; /* the store has not got what it knows */
	bool telling;	   /* the hive was started */
	cJSON *told;	   /* read, until then */

	cJSON *rules;	/* read, not yet in force */
	cJSON **loaded; /* alerts, newest first */
	size_t n_loaded, cap_loaded;
	bool reading, read_again;
};

/* ---- health.c ------------------------------------------------------------ */

DEIA_NODISCARD deia_err deia__health_new(deia_hive *h,
					 const struct deia_hive_opts *o);
/* What was read is taken in; from here on it looks. */
void deia__health_start(deia_hive *h);
/* It does not look any more. */
void deia__health_pause(deia_hive *h);
/* The same, and what is known goes to the store. */
void deia__health_stop(deia_hive *h);
void deia__health_free(deia_hive *h);
/* What the timer does each second. */
void deia__health_look(deia_hive *h);
int64_t deia__health_now(const deia_hive *h);
int64_t deia__health_unix(const deia_hive *h);

/* ---- health_load.c ------------------------------------------------------- */

/* While the hive is opened (blocks). */
DEIA_NODISCARD deia_err deia__health_load(deia_hive *h);
/* What was read counts. */
void deia__health_take_in(deia_hive *h);
void deia__health_drop_loaded(deia_hive *h);

/* ---- measure.c ----------------------------------------------------------- */

/* One sample; what is no number or beyond its range is left out. */
void deia__health_put(deia_hive *h, const char *metric, const char *subject,
		      double value);
void deia__health_measure(deia_hive *h);
/* How late this look is. */
void deia__health_late(deia_hive *h, int64_t late_ms);
/* Whether its turns are work for this machine: those of a model server here,
 * where Ollama is when nothing is said, and of programs, which do it themselves
 * as far as anybody knows. */
bool deia__works_here(const struct deia_bot_spec *spec);
/* p95 of what was added in the last span_ms to twice that, in seconds; rounded
 * up to a bound of the histogram. NAN: nothing was. */
double deia__window_p95(struct deia__window *w,
			const struct deia_histogram *now, int64_t span_ms,
			int64_t now_ms);

/* ---- measure_bots.c ------------------------------------------------------ */

/* A round through the bots begins, or goes on. */
void deia__health_bots_begin(deia_hive *h);
/* Some more of them; true: there are others. */
bool deia__health_bots_some(deia_hive *h);
/* The state of each, all at once. */
void deia__health_bots_states(deia_hive *h);
void deia__health_bot_moved(deia_hive *h, const struct deia_bot_info *info);
void deia__health_bot_gone(deia_hive *h, const char *bot);
/* Each minute. */
void deia__health_bot_sampled(deia_hive *h, struct deia__hbot *b,
			      const struct deia_bot_sample *s);
/* Bytes an hour by which the memory of a process grows; 0: there is no trend. */
double deia__memory_slope(const struct deia__bot_health *bh);
void deia__memory_add(struct deia__bot_health *bh, int64_t pid, int64_t bytes);

/* ---- measure_models.c ---------------------------------------------------- */

/* "http://host:port" of the server that a bot's model answers from; false: it
 * has none, or its name is too long. */
bool deia__model_server(char out[static DEIA_HEALTH_MAX_SUBJECT_LEN + 1],
			const struct deia_bot_spec *spec);
/* A turn of a bot of this node ended. */
void deia__health_turn_ended(deia_hive *h, const char *bot,
			     const struct deia_work_result *r);
/* Some bot uses the server of this specification. */
void deia__health_models_used(deia_hive *h, const struct deia_bot_spec *spec);
/* At the end of a round through the bots: those that no bot uses go. */
void deia__health_models_look(deia_hive *h);
void deia__health_models_free(deia_hive *h);

/* ---- alerts.c ------------------------------------------------------------ */

DEIA_NODISCARD deia_err deia__alerts_open(deia_hive *h);
void deia__alerts_free(deia_hive *h);
void deia__alerts_changed(const struct deia_health_event *event, void *user);
/* An alert that the store has; false: out of memory. again: its row is to be
 * written, it is another's by now. */
bool deia__alerts_know(deia_hive *h, const char *id, bool again);
/* The store has an alert of this id that is not kept. */
void deia__alerts_delete(deia_hive *h, const char *id);
/* Rows of alerts that are not kept any more go; what found no memory is tried
 * again. */
void deia__alerts_sweep(deia_hive *h);
/* What the store has not got of an alert goes into c; returns the bits. */
unsigned deia__alerts_into(deia_hive *h, struct deia__change *c,
			   const struct deia_health_alert *alert);
/* That was refused: it is to be stored again. */
void deia__alerts_again(deia_hive *h, const char *id, unsigned changes);
void deia__alerts_flush(deia_hive *h);

/* ---- rules.c ------------------------------------------------------------- */

/* Another node changed them. */
void deia__health_reread(deia_hive *h);

/* ---- telling.c ----------------------------------------------------------- */

/* Whether a row of health_settings has what receivers were told. */
bool deia__telling_is_row(const deia_hive *h, const char *name);
/* Alerts were taken in: what was not told is told. */
void deia__telling_start(deia_hive *h);
void deia__telling_tell(deia_hive *h, const struct deia_health_event *event);
/* What is known goes to the store. */
void deia__telling_stop(deia_hive *h);
void deia__telling_free(deia_hive *h);

#endif
