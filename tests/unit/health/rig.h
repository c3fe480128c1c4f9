/* SPDX-License-Identifier: MIT */
/* rig.h - a monitor in virtual time, and a record of what it told. */
#ifndef DEIA_TESTS_HEALTH_RIG_H
#define DEIA_TESTS_HEALTH_RIG_H

#include <check.h>
#include <deia/bot.h>
#include <deia/health.h>
#include <string.h>

#define RIG_UNIX_MS INT64_C(1796025600000) /* 2026-11-30 08:00 UTC */
#define RIG_SECONDS(n) ((n)*INT64_C(1000))
#define RIG_MINUTES(n) RIG_SECONDS((n)*60)
#define RIG_HOURS(n) RIG_MINUTES((n)*60)

struct rig {
	deia_health *h;
	struct deia_health_opts opts;
	int64_t now_ms; /* since the beginning, and the caller's clock */
	unsigned told[DEIA_HEALTH_CHANGES];
	char log[65536]; /* "generated bot_failed/BOT-1 warning; ..." */
	char id[37];	 /* of the alert of the latest event */
	/* What on_change calls as well, if not NULL. */
	void (*also)(struct rig *g, const struct deia_health_event *e);
};

/* opts.on_change and user are the rig's; NULL: defaults. */
void rig_open(struct rig *g, const struct deia_health_opts *opts);
void rig_close(struct rig *g);
/* Another life: the alerts go through JSON into a new monitor. */
void rig_restart(struct rig *g);
/* Must be taken. subject: NULL for none. */
void rig_put(struct rig *g, const char *metric, const char *subject,
	     double value);
/* Looks after so many milliseconds; must succeed. */
void rig_look(struct rig *g, int64_t after_ms);
/* Looks each second for so long. */
void rig_run(struct rig *g, int64_t ms);
/* What was told since the last call, "" for nothing. */
const char *rig_log(struct rig *g);
struct deia_health_summary rig_summary(const struct rig *g);
/* The newest alert; there must be one. */
const struct deia_health_alert *rig_newest(const struct rig *g);
size_t rig_alerts(const struct rig *g);
/* Alerts that fire. */
unsigned rig_firing(const struct rig *g);
/* Only this rule, on metric "m" (0..1000) or "s.m" of scope "s". */
void rig_rule(struct rig *g, const struct deia_health_rule *rule);
int rig_main(const char *name, TCase *t);

#endif
