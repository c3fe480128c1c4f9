/* SPDX-License-Identifier: MIT */
/*
 * scaling.h - the auto-scaler of a hive: as many bots of a template as the work
 * needs.
 *
 * scaler.h decides, this does it: once a second the hive looks at the bots of
 * each template that is scaled, at what waits for them and at the machine, then
 * launches bots or drains some. It is off until a template has settings. A hive
 * reads no files: the program tells it what its templates are.
 *
 *	deia_hive_set_template(hive, "coder", &spec);
 *	deia_hive_scaling_configure(hive, NULL, &setting, 1);
 *
 * Which bots count: those of the template on this node that nobody stopped or
 * paused. Which are drained: only those that the scaler launched itself, or
 * that were launched through deia_hive_scale; their specification says
 * managed_by "scaler". Who takes that out keeps the bot. Draining: no more
 * turns are accepted, what is there is finished, then the bot is stopped and
 * removed; its history is kept. Bots with unread mail are not drained.
 *
 * Settings come from the program (its configuration file) and from
 * deia_hive_scaling_put, which is durable and counts until it is deleted.
 * Every decision is a row, an event "scaling.decision", and has a reason.
 * On several nodes each scales the bots that live on it.
 *
 * Threads: as hive.h, all belongs to the loop's thread. docs/scaling.md tells
 * it for operators.
 */
#ifndef DEIA_SCALING_H
#define DEIA_SCALING_H

#include <deia/auth.h>
#include <deia/bot.h>
#include <deia/scaler.h>

DEIA_BEGIN

struct cJSON;
typedef struct deia_hive deia_hive;

/* Who acts when the scaler does, in events and the audit trail. */
#define DEIA_SCALING_ACTOR "scaler"

/* ---- settings ---------------------------------------------------------- */

/* Of all templates together. */
struct deia_scaling_limits {
	size_t size;
	unsigned max_bots; /* over all scaled templates, 1..DEIA_MAX_BOTS */
	bool dry_run;	   /* decide and record, but do nothing */
	/* 0..86400; see deia_scaler_opts. */
	unsigned up_cooldown_seconds, down_cooldown_seconds;
	unsigned down_window_seconds;
	unsigned cpu_max_percent; /* of all processors, 1..1000 */
	unsigned reserve_mib;	  /* memory that stays free, 0..16777216 */
};
#define DEIA_SCALING_LIMITS_INIT                                               \
	{                                                                      \
		.size = sizeof(struct deia_scaling_limits), .max_bots = 64,    \
		.up_cooldown_seconds = 15, .down_cooldown_seconds = 30,        \
		.down_window_seconds = 300, .cpu_max_percent = 90,             \
		.reserve_mib = 512                                             \
	}

/* Of one template. */
struct deia_scaling_template {
	size_t size;
	bool enabled;	     /* false: it is left alone */
	unsigned min_bots;   /* 0..max_bots */
	unsigned max_bots;   /* 1..DEIA_MAX_BOTS */
	double wait_seconds; /* work shall not wait longer, 0.1..86400 */
};
#define DEIA_SCALING_TEMPLATE_INIT                                             \
	{                                                                      \
		.size = sizeof(struct deia_scaling_template), .enabled = true, \
		.max_bots = 1, .wait_seconds = 10                              \
	}

/* Whose settings are in force. */
typedef enum deia_scaling_source {
	DEIA_SCALING_DEFAULT, /* nobody's */
	DEIA_SCALING_FILE,    /* of deia_hive_scaling_configure */
	DEIA_SCALING_API      /* of deia_hive_scaling_put */
} deia_scaling_source;
/* "default", "file", "api"; "unknown" for a value that is none; static text.
 * Any thread. Since 0.3. */
DEIA_API const char *deia_scaling_source_name(deia_scaling_source source);

/*
 * Tells the hive what bots of a template are made of. name: as an id of a bot.
 * spec: copied; id, template_name and managed_by are not looked at; NULL: there
 * is no such template any more. Bots that exist stay as they are.
 * DEIA_OK; DEIA_EINVAL: name; DEIA_ELIMIT: DEIA_SCALER_MAX_TEMPLATES;
 * DEIA_ENOMEM. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_set_template(
	deia_hive *hive, const char *name, const struct deia_bot_spec *spec);

struct deia_scaling_setting {
	const char *name; /* of a template */
	struct deia_scaling_template set;
};
/*
 * The settings of the configuration file, in the place of those of the call
 * before. limits: NULL for defaults; items: copied, n of them, of templates
 * that may come later. What was put with deia_hive_scaling_put goes before it.
 * DEIA_OK; DEIA_EINVAL: a value is out of its range (errmsg names it), nothing
 * is changed; DEIA_ELIMIT, DEIA_ENOMEM. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_scaling_configure(
	deia_hive *hive, const struct deia_scaling_limits *limits,
	const struct deia_scaling_setting *items, size_t n);

/* It is durable and in force, or failed: errmsg. */
typedef void (*deia_scaling_put_cb)(deia_err err, void *user);
/*
 * Changes settings durably, as PUT /scaling does. change: a JSON object,
 * borrowed for the call:
 *
 *	{"limits":{"max_bots":8,"dry_run":false,...} or null,
 *	 "templates":{"coder":{"enabled","min_bots","max_bots","wait_seconds"}
 *		      or null,...}}
 *
 * A member that is not there stays as it is in force; null deletes what was
 * put, so that the file counts again. cb runs once, later. DEIA_OK;
 * DEIA_EFIELD: deia_hive_field_error says where; DEIA_ELIMIT, DEIA_ENOMEM,
 * DEIA_EBUSY, DEIA_EUNAVAILABLE; cb: also DEIA_ESTORE. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_scaling_put(
	deia_hive *hive, const struct deia_actor *actor,
	const struct cJSON *change, deia_scaling_put_cb cb, void *user);

/* ---- how it is --------------------------------------------------------- */

struct deia_scaling_state {
	struct deia_scaling_limits limits;
	deia_scaling_source source;
	bool active;	     /* some template is scaled */
	unsigned bots;	     /* of scaled templates, but stopped ones */
	double cpu_ratio;    /* of all processors; 0: not known */
	bool memory_known;   /* free_bytes is */
	uint64_t free_bytes; /* memory that can be had, as of the last look */
};
/* Since 0.3. */
DEIA_API void deia_hive_scaling_get(deia_hive *hive,
				    struct deia_scaling_state *out);

struct deia_scaling_status {
	const char *name; /* of the template */
	struct deia_scaling_template set;
	deia_scaling_source source; /* default: never set, so not enabled */
	bool known;		    /* the hive has its specification */
	/* Of the last look; zeros where the template is not scaled. */
	struct deia_scaler_status now;
	unsigned running;	 /* turns */
	unsigned managed;	 /* bots that the scaler may drain */
	int64_t updated_unix_ms; /* source api: when, else 0 */
	const char *updated_by;	 /* and who; else "" */
};
/* Those after a name (NULL: from the first), in order of name, at most max.
 * Returns how many; their texts live until the loop's next turn. Since 0.3. */
DEIA_API size_t deia_hive_scaling_list(deia_hive *hive, const char *after,
				       struct deia_scaling_status *out,
				       size_t max);

/* ---- by hand ----------------------------------------------------------- */

typedef enum deia_scaling_direction {
	DEIA_SCALE_UP,
	DEIA_SCALE_DOWN
} deia_scaling_direction;
/* bots: ids of those launched or draining; live until the callback returns.
 * An error: none was; some may be missing without one, see the history. */
typedef void (*deia_scaling_hand_cb)(deia_err err, const char *const *bots,
				     size_t n, void *user);
/*
 * Launches count bots of a template at once, or drains count of those that the
 * scaler launched, idle ones first, the longest idle before others. No
 * cooldown, CPU or memory holds it back, max_bots of the template and of all
 * do; and the scaler goes on deciding. count: 1..1000. cb runs once, later.
 * DEIA_OK; DEIA_EINVAL: direction or count; DEIA_ENOTFOUND: there is no such
 * template; DEIA_ESTATE: it is not scaled, there would be more than max_bots or
 * fewer than min_bots, or not so many may be drained (errmsg says which);
 * DEIA_EUNAVAILABLE, DEIA_ENOMEM; cb: also as deia_hive_bot_create. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_scale(deia_hive *hive, const struct deia_actor *actor,
		const char *name, deia_scaling_direction direction,
		unsigned count, deia_scaling_hand_cb cb, void *user);

/* ---- what was decided -------------------------------------------------- */

struct deia_scaling_decision {
	int64_t seq, at_unix_ms;
	const char *name;      /* of the template */
	const char *kind;      /* see deia_scaler_kind_name */
	const char *cause;     /* see deia_scaler_cause_name; or "person" */
	const char *bot;       /* drain: which; else "" */
	const char *by;	       /* "scaler", or who did it by hand */
	const char *node;      /* whose decision it was */
	const char *reason;    /* words and numbers */
	bool done;	       /* asked for; false: hold, or a dry run */
	unsigned count;	       /* launch: of bots; drain: 1 */
	unsigned bots, wanted; /* that were there; that there should be */
};
/* items: newest first; live until the callback returns. */
typedef void (*deia_scaling_history_cb)(
	deia_err err, const struct deia_scaling_decision *items, size_t n,
	bool more, void *user);
/*
 * Decisions older than seq `before` (0: from the newest). They are kept for 90
 * days, 10,000 at most. limit 1..1000. DEIA_OK, DEIA_EINVAL, DEIA_ENOMEM, or
 * what deia_store_page returns. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_scaling_history(deia_hive *hive, int64_t before, unsigned limit,
			  deia_scaling_history_cb cb, void *user);

DEIA_END

#endif
