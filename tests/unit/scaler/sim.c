/* SPDX-License-Identifier: MIT */
/* sim.c - see sim.h. */
#include "sim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 100
#define LOOK_MS 1000
#define BOT_BYTES (256ull << 20)

static double uniform(struct sim *s)
{
	uint64_t z = (s->seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static double exponential(struct sim *s, double mean)
{
	return -mean * log(uniform(s));
}

/* Exponential, or of two branches with the same mean and a larger variance
 * (balanced means). */
static double run_time(struct sim *s)
{
	double p;

	if (s->run_cv2 <= 1)
		return exponential(s, s->run_seconds);
	p = 0.5 * (1 + sqrt((s->run_cv2 - 1) / (s->run_cv2 + 1)));
	if (uniform(s) >= p)
		p = 1 - p;
	return exponential(s, s->run_seconds / (2 * p));
}

static double same_rate(const struct sim *s, double seconds)
{
	(void)seconds;
	return s->base_rate;
}

void sim_init(struct sim *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed * 1000003;
	s->rate = same_rate;
	s->base_rate = 0.5;
	s->run_seconds = 5;
	s->run_cv2 = 1;
	s->launch_ms = 30000;
	s->max_bots = 64;
	s->now_ms = 1000000;
}

static void broke(struct sim *s, const char *how)
{
	s->broken++;
	s->broken_how = how;
}

static struct sim_bot *add(struct sim *s)
{
	for (int i = 0; i < SIM_BOTS; i++) {
		struct sim_bot *b = &s->bots[i];

		if (b->there)
			continue;
		memset(b, 0, sizeof(*b));
		if (i >= s->used)
			s->used = i + 1;
		b->there = true;
		snprintf(b->id, sizeof(b->id), "B-%u", ++s->next_id);
		b->since_ms = s->now_ms;
		b->ready_ms = -1;
		return b;
	}
	return NULL;
}

static void move(struct sim *s, struct sim_bot *b, deia_scaler_state state)
{
	b->state = state;
	b->since_ms = s->now_ms;
}

void sim_add_ready(struct sim *s)
{
	struct sim_bot *b = add(s);

	if (!b)
		return;
	move(s, b, DEIA_SCALER_READY);
	b->ready_ms = s->now_ms;
}

unsigned sim_count(const struct sim *s, deia_scaler_state state)
{
	unsigned n = 0;

	for (int i = 0; i < s->used; i++)
		n += s->bots[i].there && s->bots[i].state == state;
	return n;
}

unsigned sim_live(const struct sim *s)
{
	unsigned n = 0;

	for (int i = 0; i < s->used; i++)
		n += s->bots[i].there &&
		     s->bots[i].state != DEIA_SCALER_DRAINING &&
		     s->bots[i].state != DEIA_SCALER_FAILED;
	return n;
}

void sim_forget(struct sim *s)
{
	s->wait_sum = s->wait_max = s->bot_seconds = 0;
	s->late = s->served = 0;
	s->launched = s->drained = s->changes = 0;
	s->most_bots = 0;
}

double sim_mean_wait(const struct sim *s)
{
	return s->served ? s->wait_sum / (double)s->served : 0;
}

unsigned sim_changes_per_hour(const struct sim *s)
{
	unsigned most = 0, first = 0;

	for (unsigned i = 0; i < s->changes; i++) {
		while (s->changes_ms[i] - s->changes_ms[first] > 3600000)
			first++;
		if (i - first + 1 > most)
			most = i - first + 1;
	}
	return most;
}

/* ---- one tick ------------------------------------------------------------ */

static void arrive(struct sim *s)
{
	double mean =
		s->rate(s, (double)s->now_ms / 1000 - 1000) * TICK_MS / 1000;
	double left = exp(-mean), p = uniform(s);

	for (; p > left && s->came - s->began < SIM_QUEUE; p *= uniform(s))
		s->queue[s->came++ % SIM_QUEUE] = s->now_ms;
}

/* Its task goes back to the queue, as new. */
static void die(struct sim *s, struct sim_bot *b)
{
	if (b->state == DEIA_SCALER_BUSY) {
		s->ended++;
		s->queue[s->came++ % SIM_QUEUE] = s->now_ms;
	}
	move(s, b, DEIA_SCALER_BACKOFF);
	b->until_ms = s->now_ms + 5000;
}

static void age(struct sim *s, struct sim_bot *b)
{
	bool up = b->state == DEIA_SCALER_READY || b->state == DEIA_SCALER_BUSY;

	if (up && s->deaths_per_hour > 0 &&
	    uniform(s) < s->deaths_per_hour * TICK_MS / 3600000)
		die(s, b);
	else if (b->state == DEIA_SCALER_BUSY && b->until_ms <= s->now_ms) {
		s->ended++;
		move(s, b, DEIA_SCALER_READY);
	} else if (b->state == DEIA_SCALER_STARTING &&
		   b->until_ms <= s->now_ms) {
		move(s, b, b->dud ? DEIA_SCALER_FAILED : DEIA_SCALER_READY);
		b->ready_ms = b->dud ? -1 : s->now_ms;
	} else if (b->state == DEIA_SCALER_BACKOFF &&
		   b->until_ms <= s->now_ms) {
		move(s, b, DEIA_SCALER_STARTING);
		b->ready_ms = -1;
		b->until_ms = s->now_ms + s->launch_ms;
	} else if (b->state == DEIA_SCALER_DRAINING) {
		b->there = false;
	}
}

static void begin_run(struct sim *s, struct sim_bot *b)
{
	double wait =
		(double)(s->now_ms - s->queue[s->began++ % SIM_QUEUE]) / 1000;

	move(s, b, DEIA_SCALER_BUSY);
	b->until_ms = s->now_ms + (int64_t)(1000 * run_time(s));
	s->served++;
	s->wait_sum += wait;
	s->late += wait > 10;
	s->wait_max = wait > s->wait_max ? wait : s->wait_max;
}

static void dispatch(struct sim *s)
{
	unsigned used = (unsigned)s->used, from;

	if (s->began == s->came)
		return;
	from = (unsigned)(uniform(s) * used);
	for (unsigned i = 0; i < used && s->began < s->came; i++) {
		struct sim_bot *b = &s->bots[(from + i) % used];

		if (b->there && b->state == DEIA_SCALER_READY)
			begin_run(s, b);
	}
}

/* ---- a look --------------------------------------------------------------- */

static void do_launch(struct sim *s, unsigned n)
{
	while (n-- > 0) {
		struct sim_bot *b = add(s);

		if (!b) {
			broke(s, "more bots than there is room for");
			return;
		}
		b->until_ms = s->now_ms + s->launch_ms;
		b->dud = uniform(s) < s->dud_ratio;
		s->launched++;
	}
}

static void do_drain(struct sim *s, const char *id)
{
	for (int i = 0; i < s->used; i++) {
		struct sim_bot *b = &s->bots[i];

		if (!b->there || strcmp(b->id, id) != 0)
			continue;
		if (b->state == DEIA_SCALER_BUSY ||
		    b->state == DEIA_SCALER_STARTING)
			broke(s, "a bot that works was drained");
		move(s, b, DEIA_SCALER_DRAINING);
		s->drained++;
		return;
	}
	broke(s, "a bot that is not there was drained");
}

static void obey(struct sim *s, const struct deia_scaler_decision *d, size_t n)
{
	unsigned before = sim_live(s), drains = 0;

	for (size_t i = 0; i < n; i++) {
		bool failed = d[i].cause == DEIA_SCALER_BY_FAILURES;

		if (d[i].kind == DEIA_SCALER_LAUNCH)
			do_launch(s, d[i].count);
		else
			do_drain(s, d[i].bot);
		drains += d[i].kind == DEIA_SCALER_DRAIN && !failed;
		if (!failed && s->changes < SIM_CHANGES)
			s->changes_ms[s->changes++] = s->now_ms;
		if (!d[i].reason[0])
			broke(s, "an action has no reason");
	}
	if (drains > 1)
		broke(s, "two bots drained at once");
	if (sim_live(s) < before && sim_live(s) < s->min_bots)
		broke(s, "fewer than min_bots");
	if (sim_live(s) > before && sim_live(s) > s->max_bots)
		broke(s, "more than max_bots");
}

static void look(struct sim *s)
{
	static struct deia_scaler_bot bots[SIM_BOTS];
	struct deia_scaler_look l = DEIA_SCALER_LOOK_INIT;
	struct deia_scaler_view v = { .template_id = SIM_TEMPLATE,
				      .bots = bots };
	const struct deia_scaler_decision *actions;
	size_t n;

	for (int i = 0; i < s->used; i++) {
		const struct sim_bot *b = &s->bots[i];

		if (b->there)
			bots[v.n_bots++] = (struct deia_scaler_bot){
				b->id, b->state, b->since_ms, b->ready_ms
			};
	}
	v.queued = (unsigned)(s->came - s->began);
	if (v.queued > 0)
		v.oldest_wait_ms = s->now_ms - s->queue[s->began % SIM_QUEUE];
	v.running = sim_count(s, DEIA_SCALER_BUSY);
	v.arrived = s->came;
	v.finished = s->ended;
	v.has_rates = s->tell_rates;
	v.arrivals_per_second = s->rate(s, (double)s->now_ms / 1000 - 1000);
	v.run_seconds = s->run_seconds;
	v.launch_seconds = (double)s->launch_ms / 1000;
	v.bot_memory_bytes = BOT_BYTES;
	l.views = &v;
	l.n_views = 1;
	l.cpu_ratio = s->cpu_ratio;
	l.memory_known = s->memory_known;
	l.free_bytes =
		s->free_bytes -
		(v.n_bots - sim_count(s, DEIA_SCALER_STARTING)) * BOT_BYTES;
	if (deia_scaler_look(s->scaler, &l, s->now_ms, &actions, &n))
		broke(s, deia_scaler_errmsg(s->scaler));
	obey(s, actions, n);
}

void sim_run(struct sim *s, double seconds)
{
	int64_t end = s->now_ms + (int64_t)(seconds * 1000);
	unsigned live;

	for (; s->now_ms < end; s->now_ms += TICK_MS) {
		arrive(s);
		for (int i = 0; i < s->used; i++)
			if (s->bots[i].there)
				age(s, &s->bots[i]);
		dispatch(s);
		live = sim_live(s);
		s->bot_seconds += live * (double)TICK_MS / 1000;
		s->most_bots = live > s->most_bots ? live : s->most_bots;
		if (s->scaler && s->now_ms % LOOK_MS == 0)
			look(s);
	}
}
