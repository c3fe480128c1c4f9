/* SPDX-License-Identifier: MIT */
/*
 * decide.c - the rules: up to min_bots, up, down, and failed bots away.
 *
 * Each writes why into t->reason, which is what the status shows, and what is
 * done or held back into the history.
 */
#include <math.h>
#include <string.h>

#include "scaler/scaler.h"

#define SAY_AGAIN_MS 600000   /* the same thing, once it went away */
#define WINDOW_MAX_MS 3600000 /* what regret makes of the window at most */
#define REGRET_WINDOWS 6      /* a step up so soon after one down */
#define REGRET_SHARE 2	      /* and by at most half of the bots, or one */
#define FORGIVE_WINDOWS 12    /* without regret: half the window again */

static bool since(int64_t now_ms, int64_t then_ms, int64_t at_least_ms)
{
	return then_ms == DEIA__SCALER_NEVER || now_ms - then_ms >= at_least_ms;
}

static unsigned clamp(unsigned x, const struct deia__scaler_template *t)
{
	if (x > t->conf.max_bots)
		return t->conf.max_bots;
	return x < t->conf.min_bots ? t->conf.min_bots : x;
}

/* ---- saying ------------------------------------------------------------- */

/* "with 3 the expected wait is 12.0 s" */
static void say_wait(const struct deia__scaler_seen *n, char *text, size_t len)
{
	if (isfinite(n->wait))
		deia__scaler_say(text, len,
				 "with %u the expected wait is %.3g s", n->able,
				 n->wait);
	else
		deia__scaler_say(text, len, "with %u the queue grows", n->able);
}

/* Why so many are needed. */
static void say_need(struct deia__scaler_template *t,
		     const struct deia_scaler_view *v, char *text, size_t len)
{
	const struct deia__scaler_seen *n = &t->seen;
	char wait[64];

	if (n->cause == DEIA_SCALER_BY_QUEUE) {
		deia__scaler_say(
			text, len,
			"%u bot%s for %u waiting task%s of %.3g s (oldest "
			"%.3g s) within %.3g s",
			n->need, n->need == 1 ? "" : "s", n->waiting,
			n->waiting == 1 ? "" : "s", n->run,
			(double)v->oldest_wait_ms / 1000, n->horizon);
		return;
	}
	say_wait(n, wait, sizeof(wait));
	deia__scaler_say(
		text, len,
		"%u bot%s for %.3g tasks/s of %.3g s (load %.3g): %s, target "
		"%.3g s",
		n->need, n->need == 1 ? "" : "s", n->arrivals, n->run,
		n->arrivals * n->run, wait, t->conf.wait_seconds);
}

/* The same decision of a dry run, look after look, is said once. */
static bool is_said(deia_scaler *s, struct deia__scaler_template *t,
		    deia_scaler_kind kind, unsigned wanted)
{
	bool said = s->opts.dry_run && t->dry_wanted[kind] == wanted &&
		    !since(s->now_ms, t->dry_ms[kind], SAY_AGAIN_MS) &&
		    t->dry_ms[kind] != DEIA__SCALER_NEVER;

	t->dry_ms[kind] = s->now_ms;
	t->dry_wanted[kind] = wanted;
	return said;
}

/* Enters and, but in a dry run, asks for it. t->reason is the reason. */
static void act(deia_scaler *s, struct deia__scaler_template *t,
		deia_scaler_kind kind, deia_scaler_cause cause, unsigned count,
		unsigned wanted, const char *bot)
{
	struct deia_scaler_decision *d;

	t->seen.decided = true;
	if (is_said(s, t, kind, wanted))
		return;
	d = deia__scaler_enter(s, t, kind, cause);
	d->count = count;
	d->wanted = wanted;
	d->done = !s->opts.dry_run;
	deia__scaler_say(d->bot, sizeof(d->bot), "%s", bot);
	deia__scaler_say(d->reason, sizeof(d->reason), "%s", t->reason);
	if (d->done)
		deia__scaler_act(s, d);
}

/* Something forbids it: said when it begins, not at each look. */
static void hold(deia_scaler *s, struct deia__scaler_template *t,
		 deia_scaler_cause cause, unsigned wanted)
{
	bool fresh = since(s->now_ms, t->held_ms[cause], SAY_AGAIN_MS);
	struct deia_scaler_decision *d;

	t->seen.decided = true;
	t->held_ms[cause] = s->now_ms;
	if (!fresh)
		return;
	d = deia__scaler_enter(s, t, DEIA_SCALER_HOLD, cause);
	d->wanted = wanted;
	deia__scaler_say(d->reason, sizeof(d->reason), "%s", t->reason);
}

/* ---- up ----------------------------------------------------------------- */

/* Launches at most n, or holds. `why` is what they are for. */
static unsigned launch(deia_scaler *s, struct deia__scaler_template *t,
		       const struct deia_scaler_view *v, unsigned n,
		       deia_scaler_cause why, const char *words)
{
	deia_scaler_cause cause = why;
	char text[DEIA_SCALER_REASON_BYTES / 2];
	unsigned wanted = t->seen.bots + n;

	n = deia__scaler_guard(s, t, v, n, why == DEIA_SCALER_BY_MIN, &cause,
			       text, sizeof(text));
	if (n == 0) {
		deia__scaler_say(t->reason, sizeof(t->reason),
				 "no more: %s; wanted %s", text, words);
		hold(s, t, cause, wanted);
		return 0;
	}
	deia__scaler_say(t->reason, sizeof(t->reason), "%u more: %s", n, words);
	act(s, t, DEIA_SCALER_LAUNCH, why, n, wanted, "");
	return n;
}

void deia__scaler_fill(deia_scaler *s, struct deia__scaler_template *t,
		       const struct deia_scaler_view *v)
{
	char words[DEIA_SCALER_REASON_BYTES / 2];

	if (t->seen.bots >= t->conf.min_bots)
		return;
	deia__scaler_say(words, sizeof(words), "min_bots is %u, there are %u",
			 t->conf.min_bots, t->seen.bots);
	launch(s, t, v, t->conf.min_bots - t->seen.bots, DEIA_SCALER_BY_MIN,
	       words);
}

/* A small step up soon after one down: fewer were too few, so it will take
 * longer to believe it the next time. A large one is new work. */
static void regret(deia_scaler *s, struct deia__scaler_template *t)
{
	int64_t base = s->opts.down_window_ms, window = t->window_ms;
	int64_t longest = base > WINDOW_MAX_MS ? base : WINDOW_MAX_MS;
	unsigned able = t->seen.able, missing = t->seen.need - able;

	if (since(s->now_ms, t->down_ms, window * REGRET_WINDOWS) ||
	    (missing > 1 && missing > able / REGRET_SHARE))
		return;
	t->regret_ms = s->now_ms;
	if (window < longest)
		deia__scaler_set_window(
			t, window * 2 < longest ? window * 2 : longest,
			s->now_ms);
}

static void go_up(deia_scaler *s, struct deia__scaler_template *t,
		  const struct deia_scaler_view *v)
{
	unsigned able = t->seen.able, n = t->seen.need - able;
	unsigned step = able > s->opts.step_min ? able : s->opts.step_min;
	char words[DEIA_SCALER_REASON_BYTES / 2];

	say_need(t, v, words, sizeof(words));
	if (!since(s->now_ms, t->up_ms, s->opts.up_cooldown_ms)) {
		deia__scaler_say(t->reason, sizeof(t->reason),
				 "the next step up is in %.3g s: %s",
				 (double)(t->up_ms + s->opts.up_cooldown_ms -
					  s->now_ms) /
					 1e3,
				 words);
		return;
	}
	n = launch(s, t, v, n < step ? n : step, t->seen.cause, words);
	if (n == 0 || s->opts.dry_run)
		return;
	t->up_ms = s->now_ms;
	regret(s, t);
}

/* ---- down --------------------------------------------------------------- */

/* The one that is in this state for longest; NULL: none. */
static const struct deia_scaler_bot *longest_in(
	const struct deia_scaler_view *v, deia_scaler_state state)
{
	const struct deia_scaler_bot *found = NULL;

	for (size_t i = 0; i < v->n_bots; i++) {
		const struct deia_scaler_bot *b = &v->bots[i];

		if (b->state == state &&
		    (!found || b->since_ms < found->since_ms))
			found = b;
	}
	return found;
}

/* One that does nothing, not even wait for work, before one that is idle. */
static bool drain_one(deia_scaler *s, struct deia__scaler_template *t,
		      const struct deia_scaler_view *v, deia_scaler_cause cause,
		      unsigned wanted, const char *words)
{
	const struct deia_scaler_bot *b = longest_in(v, DEIA_SCALER_BACKOFF);

	if (!b)
		b = longest_in(v, DEIA_SCALER_READY);
	if (!b) {
		deia__scaler_say(t->reason, sizeof(t->reason),
				 "fewer, once one is idle: %s", words);
		return false;
	}
	deia__scaler_say(t->reason, sizeof(t->reason),
			 "%.64s, %s for %.0f s: %s", b->id,
			 b->state == DEIA_SCALER_READY ? "idle" : "down",
			 (double)(s->now_ms - b->since_ms) / 1e3, words);
	act(s, t, DEIA_SCALER_DRAIN, cause, 1, wanted, b->id);
	return true;
}

static void forgive(deia_scaler *s, struct deia__scaler_template *t)
{
	int64_t base = s->opts.down_window_ms, half = t->window_ms / 2;

	if (t->window_ms <= base ||
	    !since(s->now_ms, t->regret_ms, t->window_ms * FORGIVE_WINDOWS))
		return;
	t->regret_ms = s->now_ms;
	deia__scaler_set_window(t, half > base ? half : base, s->now_ms);
}

static bool may_go_down(const deia_scaler *s,
			const struct deia__scaler_template *t)
{
	return t->seen.counts[DEIA_SCALER_STARTING] == 0 &&
	       t->seen.waiting == 0 &&
	       since(s->now_ms, t->watched_ms, t->window_ms) &&
	       since(s->now_ms, t->up_ms, t->window_ms) &&
	       since(s->now_ms, t->down_ms, s->opts.down_cooldown_ms);
}

static void go_down(deia_scaler *s, struct deia__scaler_template *t,
		    const struct deia_scaler_view *v)
{
	unsigned enough = clamp(deia__scaler_peak(t), t);
	char words[DEIA_SCALER_REASON_BYTES / 2];

	if (enough >= t->seen.bots || !may_go_down(s, t))
		return;
	deia__scaler_say(
		words, sizeof(words),
		"%u of %u bots were enough for the last %.0f s, load %.3g now",
		enough, t->seen.bots, (double)t->window_ms / 1e3,
		t->seen.arrivals * t->seen.run);
	if (drain_one(s, t, v, DEIA_SCALER_BY_IDLE, enough, words) &&
	    !s->opts.dry_run)
		t->down_ms = s->now_ms;
}

static void below_max(deia_scaler *s, struct deia__scaler_template *t,
		      const struct deia_scaler_view *v)
{
	char words[64];

	deia__scaler_say(words, sizeof(words), "max_bots is %u, there are %u",
			 t->conf.max_bots, t->seen.bots);
	drain_one(s, t, v, DEIA_SCALER_BY_MAX, t->conf.max_bots, words);
}

void deia__scaler_decide(deia_scaler *s, struct deia__scaler_template *t,
			 const struct deia_scaler_view *v)
{
	char wait[64];

	forgive(s, t);
	if (t->seen.decided)
		return;
	say_wait(&t->seen, wait, sizeof(wait));
	deia__scaler_say(t->reason, sizeof(t->reason),
			 "as many as wanted: load %.3g, %s, target %.3g s",
			 t->seen.arrivals * t->seen.run, wait,
			 t->conf.wait_seconds);
	if (t->seen.bots > t->conf.max_bots)
		below_max(s, t, v);
	else if (t->seen.need > t->seen.able)
		go_up(s, t, v);
	else
		go_down(s, t, v);
}

/* ---- failed ones -------------------------------------------------------- */

/* A bot that was given up serves nobody. While its template fails the newest
 * one stays, so that there is something to look at. */
void deia__scaler_sweep(deia_scaler *s, struct deia__scaler_template *t,
			const struct deia_scaler_view *v)
{
	const struct deia_scaler_bot *b = longest_in(v, DEIA_SCALER_FAILED);
	unsigned keep = t->failures > 0 ? 1 : 0;
	char reason[DEIA_SCALER_REASON_BYTES];

	if (!b || t->seen.counts[DEIA_SCALER_FAILED] <= keep)
		return;
	memcpy(reason, t->reason, sizeof(reason));
	deia__scaler_say(t->reason, sizeof(t->reason),
			 "%.64s failed %.0f s ago and will not start again",
			 b->id, (double)(s->now_ms - b->since_ms) / 1e3);
	act(s, t, DEIA_SCALER_DRAIN, DEIA_SCALER_BY_FAILURES, 1,
	    clamp(t->seen.need, t), b->id);
	memcpy(t->reason, reason, sizeof(reason));
}
