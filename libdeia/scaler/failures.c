/* SPDX-License-Identifier: MIT */
/*
 * failures.c - a template whose new bots fail gets no more for a while.
 *
 * A failure is a bot that was given up, or one that died before it was ready.
 * The first one begins a pause, each after it one twice as long; those within
 * a pause are of the same step and change nothing. After the pause one bot is
 * tried. One that stays up PROOF_MS after the newest failure ends it.
 */
#include "scaler/scaler.h"

#define PROOF_MS 30000
#define DOUBLINGS_MAX 30

void deia__scaler_failed(const deia_scaler *s, struct deia__scaler_template *t,
			 int64_t now_ms)
{
	int64_t pause = s->opts.pause_ms;

	t->failed_ms = now_ms;
	if (t->failures > 0 && now_ms < t->resume_ms)
		return;
	for (unsigned i = 0; i < t->failures && i < DOUBLINGS_MAX; i++)
		if (pause < s->opts.max_pause_ms)
			pause *= 2;
	if (pause > s->opts.max_pause_ms)
		pause = s->opts.max_pause_ms;
	if (t->failures < UINT32_MAX)
		t->failures++;
	t->resume_ms = s->now_ms + pause;
}

static bool is_failure(const struct deia_scaler_bot *b)
{
	return b->state == DEIA_SCALER_FAILED ||
	       (b->state == DEIA_SCALER_BACKOFF && b->ready_ms < 0);
}

static bool is_up(const struct deia_scaler_bot *b)
{
	return b->state == DEIA_SCALER_READY || b->state == DEIA_SCALER_BUSY;
}

void deia__scaler_failures_look(const deia_scaler *s,
				struct deia__scaler_template *t,
				const struct deia_scaler_view *v)
{
	int64_t newest = DEIA__SCALER_NEVER;
	bool lasted = false;

	for (size_t i = 0; i < v->n_bots; i++) {
		const struct deia_scaler_bot *b = &v->bots[i];

		if (is_failure(b) && b->since_ms > newest)
			newest = b->since_ms;
	}
	if (newest > t->failed_ms)
		deia__scaler_failed(s, t, newest);
	for (size_t i = 0; i < v->n_bots; i++) {
		const struct deia_scaler_bot *b = &v->bots[i];

		lasted |= is_up(b) && b->ready_ms > t->failed_ms &&
			  s->now_ms - b->ready_ms >= PROOF_MS;
	}
	if (lasted)
		t->failures = 0;
}
