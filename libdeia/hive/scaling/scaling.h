/* SPDX-License-Identifier: MIT */
/*
 * scaling.h - the inside of the hive's auto-scaler.
 *
 *   scaling.c           life, the timer, templates, which settings are in force
 *   scaling_settings.c  settings as JSON: reading, checking, printing
 *   scaling_rows.c      what the store has of them, also from other nodes
 *   scaling_put.c       settings that are changed
 *   scaling_look.c      what is seen, once a second, and asked to be done
 *   scaling_act.c       launching, draining
 *   scaling_hand.c      the same by a person
 *   scaling_list.c      how it is
 *   scaling_history.c   what was decided
 *
 * A bot that the scaler may drain says so in its specification (managed_by),
 * which is a row before the bot is: so nothing else need be remembered. A drain
 * is not remembered: after a restart the bot is one of the pool again.
 */
#ifndef DEIA_HIVE_SCALING_H
#define DEIA_HIVE_SCALING_H

#include <deia/scaling.h>

#include "hive/hive.h"
#include "hive/machine.h"

#define DEIA__SCALING_LIMITS_ROW "*"
#define DEIA__SCALING_COUNTERS_ROW '#' /* and the name of a node */

/* What waits for bots of a template, and what was done. */
struct deia__load {
	unsigned queued;	    /* could run now if there were room */
	unsigned running;	    /* on bots that are ready or busy */
	int64_t oldest_wait_ms;	    /* of the queued; 0 with none */
	uint64_t arrived, finished; /* since the hive began; never less */
	double run_seconds;	    /* mean time of a run; 0: to be derived */
	double arrivals_per_second; /* counts with run_seconds alone */
};
/*
 * Asked once for each template and look: *load has the turns at the bots of the
 * template, and what waits elsewhere is added to queued and oldest_wait_ms.
 */
typedef void (*deia__load_fn)(deia_hive *h, const char *name,
			      struct deia__load *load, void *user);

/* A template, as it is known or has settings. */
struct deia__scaled {
	char name[DEIA_MAX_ID_LEN + 1];
	struct deia_bot_spec *spec; /* NULL: only settings are known */
	/* By deia_scaling_source. */
	struct deia_scaling_template sets[DEIA_SCALING_API + 1];
	bool has[DEIA_SCALING_API + 1];
	int64_t updated_ms; /* of what was put, and by whom */
	char updated_by[sizeof(((struct deia_actor *)0)->name)];
	bool scaled;	  /* the scaler knows it */
	unsigned counter; /* the number of its last launch */
	uint64_t finished, arrived;
	double launch_seconds; /* mean time until ready; 0: unknown */
	int64_t memory_bytes;  /* of a bot; 0: unknown */
	/* The last look. */
	struct deia_scaler_bot *bots;
	size_t n_bots, cap_bots, n_sampled;
	struct deia__load load;
	unsigned managed;
	unsigned counts[DEIA_SCALER_STATES]; /* as they are, not as shown */
	UT_hash_handle hh;
};

/* A bot whose row is not committed yet. */
struct deia__launch {
	TAILQ_ENTRY(deia__launch) link;
	deia_hive *hive;
	char id[DEIA_MAX_ID_LEN + 1], name[DEIA_MAX_ID_LEN + 1];
	struct deia__by_hand *hand; /* who waits for it; NULL: the scaler */
};
TAILQ_HEAD(deia__launches, deia__launch);

struct deia__scaling {
	deia_scaler *scaler;
	struct deia__scaled *templates; /* in order of name */
	struct deia_scaling_limits limits[DEIA_SCALING_API + 1];
	bool has_limits[DEIA_SCALING_API + 1];
	struct deia__timer timer;
	struct deia__machine machine;
	struct deia__launches launches;
	unsigned n_draining, n_scaled;
	struct deia_scaler_view *views;
	size_t cap_views;
	uint64_t looks;
	uint64_t told;		/* the scaler's decisions that are recorded */
	int64_t newest, pruned; /* rows of scaling_decisions */
	bool reading, read_again;
	bool complained; /* that a look failed */
	deia__load_fn load;
	void *load_user;
	int64_t skew_ms; /* tests: the clock runs ahead */
};

/* ---- scaling.c ---------------------------------------------------------- */

DEIA_NODISCARD deia_err deia__scaling_new(deia_hive *h);
void deia__scaling_free(deia_hive *h);
/* The timer runs while there is something to look at. */
void deia__scaling_arm(deia_hive *h);
void deia__scaling_stop(deia_hive *h);
/* Who adds what waits elsewhere than at bots; fn may be NULL. */
void deia__scaling_set_load(deia_hive *h, deia__load_fn fn, void *user);
int64_t deia__scaling_now(const deia_hive *h);
void deia__scaling_bot_moved(deia_hive *h, struct deia__hbot *b,
			     deia_bot_state state, deia_bot_state from);

struct deia__scaled *deia__scaled_get(const deia_hive *h, const char *name);
/* Makes it known; NULL: there are too many, or out of memory (said). */
struct deia__scaled *deia__scaled_add(deia_hive *h, const char *name);
/* Which of its settings count. */
deia_scaling_source deia__scaled_source(const struct deia__scaled *t);
deia_scaling_source deia__limits_source(const struct deia__scaling *s);
/* Settings or specification have changed: the scaler is told; one of which
 * nothing is left is forgotten. */
void deia__scaled_changed(deia_hive *h, struct deia__scaled *t);
void deia__scaling_limits_changed(deia_hive *h);
/* Bots cannot be launched from it: why; NULL: they can. */
const char *deia__scaled_unfit(const struct deia__scaled *t);
/* The auto-scaler as an actor. */
const struct deia_actor *deia__scaling_actor(void);

/* ---- scaling_settings.c ------------------------------------------------- */

/*
 * Reads members over what *to has; prefix: JSON pointer of the object. False:
 * where says what is wrong, *to is spoilt.
 */
bool deia__scaling_read_limits(struct deia_scaling_limits *to,
			       const cJSON *json, const char *prefix,
			       struct deia_field_error *where);
bool deia__scaling_read_template(struct deia_scaling_template *to,
				 const cJSON *json, const char *prefix,
				 struct deia_field_error *where);
/* The same checks of what a program filled in. */
bool deia__scaling_check_limits(const struct deia_scaling_limits *l,
				const char *prefix,
				struct deia_field_error *where);
bool deia__scaling_check_template(const struct deia_scaling_template *t,
				  const char *prefix,
				  struct deia_field_error *where);
/* As JSON text, deia__free it; NULL: out of memory. */
char *deia__scaling_print_limits(const struct deia_scaling_limits *l);
char *deia__scaling_print_template(const struct deia_scaling_template *t);

/* ---- scaling_rows.c ----------------------------------------------------- */

/* While the hive is opened (blocks). */
DEIA_NODISCARD deia_err deia__scaling_load(deia_hive *h);
/* Another node changed them. */
void deia__scaling_reread(deia_hive *h);
/* The numbers of launches, durably before these. */
DEIA_NODISCARD deia_err deia__scaling_keep_counters(deia_hive *h);

/* ---- scaling_look.c ----------------------------------------------------- */

/* What the timer does each second. */
void deia__scaling_look(deia_hive *h);
/* Only looks: t->bots and t->load of all templates. False: out of memory. */
bool deia__scaling_gather(deia_hive *h);

/* ---- scaling_act.c ------------------------------------------------------ */

/* Launches count bots; hand as in struct deia__launch. Returns how many were
 * begun; the last refusal is in the hive's errmsg and *err. */
unsigned deia__scaling_launch(deia_hive *h, struct deia__scaled *t,
			      unsigned count, const struct deia_actor *actor,
			      struct deia__by_hand *hand, deia_err *err);
/* A bot that the scaler may drain. */
bool deia__scaling_owns(const struct deia_bot_info *info);
/* Turns, a dialogue, or mail that it has not read. */
bool deia__scaling_has_work(const deia_hive *h, const struct deia__hbot *b,
			    const struct deia_bot_info *info);
void deia__scaling_drain(deia_hive *h, struct deia__hbot *b);
/* Those that have nothing left to do are removed. */
void deia__scaling_finish_drains(deia_hive *h);

/* ---- scaling_hand.c ----------------------------------------------------- */

/* One of the launches that somebody waits for has ended. */
void deia__by_hand_launched(deia_hive *h, struct deia__by_hand *hand,
			    const char *bot, deia_err err);

/* ---- scaling_history.c -------------------------------------------------- */

/* Rows and events of what the scaler decided since the last call. */
void deia__scaling_record(deia_hive *h);
/* The same of one decision, into a change. */
void deia__scaling_note(deia_hive *h, struct deia__change *c,
			const struct deia_scaling_decision *d);
/* Rows are durable: retention knows how many there are. */
void deia__scaling_noted(deia_hive *h, const int64_t *seqs, size_t n);
void deia__scaling_prune(deia_hive *h, struct deia__change *c,
			 int64_t before_unix_ms);

#endif
