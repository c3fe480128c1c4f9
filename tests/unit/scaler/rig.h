/* SPDX-License-Identifier: MIT */
/* rig.h - one look at a time, by hand, and what came of it. */
#ifndef DEIA_TESTS_SCALER_RIG_H
#define DEIA_TESTS_SCALER_RIG_H

#include <check.h>
#include <deia/scaler.h>
#include <string.h>

#define RIG_BOTS 64

struct rig {
	deia_scaler *s;
	int64_t now_ms;
	struct deia_scaler_bot bots[RIG_BOTS];
	char ids[RIG_BOTS][16];
	struct deia_scaler_view v; /* of template "t" */
	struct deia_scaler_look look;
	const struct deia_scaler_decision *acts;
	size_t n;
};

/* A scaler with template "t" of min..max bots, and a look with no bots. */
void rig_open(struct rig *g, const struct deia_scaler_opts *opts, unsigned min,
	      unsigned max);
void rig_close(struct rig *g);
void rig_set(struct rig *g, unsigned min, unsigned max);
/* Adds n bots in this state since then; returns the index of the first. */
size_t rig_add(struct rig *g, unsigned n, deia_scaler_state state,
	       int64_t since_ms);
/* Looks after so many milliseconds; must succeed. */
void rig_look(struct rig *g, int64_t after_ms);
/* Looks each second for so long; returns how many actions there were. */
size_t rig_looks(struct rig *g, int64_t ms);
/* Bots that the last look launches. */
unsigned rig_launched(const struct rig *g);
/* The bot that the last look drains, or "". */
const char *rig_drained(const struct rig *g);
/* The newest decision. */
struct deia_scaler_decision rig_last(const struct rig *g);
size_t rig_decisions(const struct rig *g);
struct deia_scaler_status rig_status(const struct rig *g);
/* Known rates, so that nothing needs to be learned. */
void rig_rates(struct rig *g, double arrivals, double run);
int rig_main(const char *name, TCase *t);

#endif
