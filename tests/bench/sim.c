/* SPDX-License-Identifier: MIT */
/*
 * sim.c - runs the tasks of a world through a policy, in virtual time.
 *
 * Two ways of sending: late (libdeia's policies and the oracle) keeps tasks in
 * one queue and plans anew whenever something changed; at once (the rivals)
 * binds a task to a bot as it comes, where it waits in line. A failed attempt is
 * tried again, at most SIM_ATTEMPTS in all, and not where it failed.
 */
#include "sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/scheduler.h"

/* Waiting tasks a plan looks at. */
#define WINDOW 128
#define DRIFT_STEPS 200
#define NOTICE_SECONDS 30
/* More than this waiting is a policy that cannot keep up. */
#define MAX_WAITING 20000

enum what { ARRIVE, FINISH, DRIFT, CHANGE, DIE, NOTICE, JOIN };

struct event {
	double at;
	uint64_t order;
	enum what what;
	unsigned who;
};

struct task {
	unsigned next; /* in its queue; 0: last */
	unsigned number, type, attempts, bot, n_failed;
	unsigned failed[SIM_ATTEMPTS];
	double arrived, started;
	float expected; /* by a rival */
	uint64_t run;	/* of the scheduler; 0: not running */
	bool running, success;
};

struct line {
	unsigned first, last, len;
};

struct sim {
	struct sim_world w;
	unsigned kind;
	deia_scheduler *s; /* late */
	struct sim_rival *r;
	struct line queue, lines[SIM_BOTS];
	unsigned running[SIM_BOTS];
	double work[SIM_BOTS]; /* expected seconds that wait or run there */
	struct event *heap;
	size_t heap_len, heap_cap;
	uint64_t order;
	struct task *tasks; /* by number, from 1 */
	double now, *took;
	unsigned arrived, done, good, gave_up, attempts;
	bool is_stuck;
	char ids[SIM_BOTS][16];
	char types[SIM_TYPES][16];
};

/* ---- events --------------------------------------------------------------- */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void push(struct sim *m, double at, enum what what, unsigned who)
{
	struct event e = { at, m->order++, what, who };
	size_t i = m->heap_len++;

	if (m->heap_len > m->heap_cap) {
		m->heap_cap = m->heap_cap ? m->heap_cap * 2 : 256;
		m->heap = realloc(m->heap, m->heap_cap * sizeof(e));
		if (!m->heap)
			abort();
	}
	for (; i > 0 && is_before(&e, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = e;
}

static struct event pop(struct sim *m)
{
	struct event top = m->heap[0], last = m->heap[--m->heap_len];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= m->heap_len)
			break;
		if (child + 1 < m->heap_len &&
		    is_before(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (!is_before(&m->heap[child], &last))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = last;
	return top;
}

/* ---- lines of tasks ------------------------------------------------------- */

/* By age, so that a retry does not lose its place. */
static void insert(struct sim *m, struct line *l, unsigned n)
{
	unsigned at = l->first, before = 0;

	if (l->last && l->last < n)
		before = l->last;
	else
		for (; at && at < n; at = m->tasks[at].next)
			before = at;
	m->tasks[n].next = before ? m->tasks[before].next : l->first;
	if (before)
		m->tasks[before].next = n;
	else
		l->first = n;
	if (!m->tasks[n].next)
		l->last = n;
	l->len++;
}

static void take_out(struct sim *m, struct line *l, unsigned before, unsigned n)
{
	if (before)
		m->tasks[before].next = m->tasks[n].next;
	else
		l->first = m->tasks[n].next;
	if (l->last == n)
		l->last = before;
	l->len--;
}

/* ---- the oracle ----------------------------------------------------------- */

/* Puts what is true where the scheduler keeps what it learned. */
static void tell_truth(struct sim *m)
{
	double mean = 0;

	if (m->kind != SIM_ORACLE)
		return;
	for (unsigned t = 0; t < m->w.set.types; t++)
		for (unsigned i = 0; i < m->w.n_bots; i++) {
			struct deia__sched_type *type = m->s->types[t];

			type->need[i] = (float)m->w.seconds[i][t];
			type->tries[i] = (float)(1 / m->w.success[i][t]);
			type->pairs[i].seconds_to_run = type->need[i];
			type->pairs[i].success = (float)m->w.success[i][t];
			mean += m->w.seconds[i][t] / m->w.set.types /
				m->w.n_bots;
		}
	m->s->service = mean;
}

/* ---- running -------------------------------------------------------------- */

static int64_t ms(const struct sim *m)
{
	return (int64_t)(m->now * 1000);
}

static void must(deia_err err)
{
	if (err) {
		fprintf(stderr, "sim: %s\n", deia_err_name(err));
		abort();
	}
}

static void run(struct sim *m, unsigned n, unsigned bot)
{
	struct task *t = &m->tasks[n];
	uint64_t draw = (uint64_t)n * SIM_ATTEMPTS + t->attempts;
	double z = sim_normal(m->w.set.seed, 31, draw);
	double sigma = m->w.set.sigma;

	t->bot = bot;
	t->started = m->now;
	t->running = true;
	t->success = sim_chance(m->w.set.seed, 32, draw) <
		     m->w.success[bot][t->type];
	t->attempts++;
	m->attempts++;
	m->running[bot]++;
	if (m->s)
		must(deia_scheduler_start(m->s, m->ids[bot], m->types[t->type],
					  ms(m), &t->run));
	if (!m->w.dead[bot])
		push(m,
		     m->now + m->w.seconds[bot][t->type] *
				      exp(sigma * z - sigma * sigma / 2),
		     FINISH, n);
}

static unsigned index_of(const char *id)
{
	return (unsigned)strtoul(id + 4, NULL, 10);
}

static void plan(struct sim *m)
{
	unsigned before = 0, looked = 0;

	deia_scheduler_plan(m->s, ms(m));
	for (unsigned n = m->queue.first; n && looked < WINDOW; looked++) {
		struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
		struct deia_scheduler_choice c;
		const char *failed[SIM_ATTEMPTS];
		struct task *t = &m->tasks[n];
		deia_err err;

		if (!deia_scheduler_has_room(m->s))
			return;
		for (unsigned i = 0; i < t->n_failed; i++)
			failed[i] = m->ids[t->failed[i]];
		ask.type = m->types[t->type];
		ask.avoid = failed;
		ask.avoid_len = t->n_failed;
		if (m->kind != SIM_ORACLE) /* it minds nothing but time */
			ask.attempts_left = SIM_ATTEMPTS - t->attempts;
		err = deia_scheduler_choose(m->s, &ask, &c);
		if (err == DEIA_EUNAVAILABLE)
			return;
		must(err);
		if (c.start) {
			take_out(m, &m->queue, before, n);
			run(m, n, index_of(c.bot));
		} else {
			before = n;
		}
		n = before ? m->tasks[before].next : m->queue.first;
	}
}

static void serve(struct sim *m, unsigned bot)
{
	struct line *l = &m->lines[bot];

	while (l->first && m->running[bot] < m->w.slots[bot]) {
		unsigned n = l->first;

		take_out(m, l, 0, n);
		run(m, n, bot);
	}
}

static void bind(struct sim *m, unsigned n)
{
	struct task *t = &m->tasks[n];
	struct sim_look look[SIM_BOTS];
	bool any = false;
	unsigned bot;

	for (unsigned i = 0; i < m->w.n_bots; i++) {
		look[i] = (struct sim_look){ !m->w.gone[i], m->w.slots[i],
					     m->running[i], m->lines[i].len,
					     m->work[i] };
		for (unsigned k = 0; k < t->n_failed; k++)
			look[i].usable &= t->failed[k] != i;
		any |= look[i].usable;
	}
	for (unsigned i = 0; !any && i < m->w.n_bots; i++)
		look[i].usable = !m->w.gone[i];
	bot = sim_rival_pick(m->r, look, m->w.n_bots, t->type, m->now);
	t->expected = (float)sim_rival_expects(m->r, bot, t->type);
	t->bot = bot;
	m->work[bot] += (double)t->expected;
	insert(m, &m->lines[bot], n);
	serve(m, bot);
}

static void submit(struct sim *m, unsigned n)
{
	if (m->r)
		bind(m, n);
	else
		insert(m, &m->queue, n);
}

static void leave(struct sim *m, unsigned n, bool good)
{
	m->took[m->done++] = m->now - m->tasks[n].arrived;
	m->good += good;
}

/* A run is over; lost: for a reason that teaches nothing. */
static void over(struct sim *m, unsigned n, bool lost)
{
	struct task *t = &m->tasks[n];
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;
	unsigned bot = t->bot;

	t->running = false;
	m->running[bot]--;
	o.bot = m->ids[bot];
	o.type = m->types[t->type];
	o.seconds = m->now - t->started;
	o.success = t->success;
	if (m->s)
		deia_scheduler_end(m->s, t->run, ms(m));
	else
		m->work[bot] = fmax(m->work[bot] - (double)t->expected, 0);
	if (!lost && m->kind == SIM_ORACLE)
		m->s->outcomes++;
	else if (!lost && m->s)
		must(deia_scheduler_record(m->s, &o, ms(m)));
	else if (!lost)
		sim_rival_learn(m->r, bot, t->type, o.seconds, o.success,
				m->now);
	if (t->success && !lost) {
		leave(m, n, true);
	} else if (t->attempts == SIM_ATTEMPTS) {
		leave(m, n, false);
	} else {
		t->failed[t->n_failed++] = bot;
		submit(m, n);
	}
	if (m->r)
		serve(m, bot);
}

/* ---- what happens to bots -------------------------------------------------- */

static void tell_bot(struct sim *m, unsigned i)
{
	struct deia_scheduler_bot b = DEIA_SCHEDULER_BOT_INIT;

	b.max_concurrent = m->w.slots[i];
	b.available = !m->w.gone[i];
	if (m->s)
		must(deia_scheduler_set_bot(m->s, m->ids[i], &b, ms(m)));
}

static void die(struct sim *m)
{
	unsigned bot = sim_world_best(&m->w);

	m->w.dead[bot] = true;
	/* What it is at never ends. */
	for (size_t i = 0; i < m->heap_len; i++)
		if (m->heap[i].what == FINISH &&
		    m->tasks[m->heap[i].who].bot == bot)
			m->heap[i].at = (double)INFINITY;
	for (size_t len = m->heap_len, i = m->heap_len = 0; i < len; i++)
		if (!isinf(m->heap[i].at))
			push(m, m->heap[i].at, m->heap[i].what, m->heap[i].who);
	push(m, m->now + NOTICE_SECONDS, NOTICE, bot);
}

static void notice(struct sim *m, unsigned bot)
{
	m->w.gone[bot] = true;
	tell_bot(m, bot);
	for (unsigned n = 1; n <= m->arrived; n++)
		if (m->tasks[n].running && m->tasks[n].bot == bot)
			over(m, n, true);
	while (m->lines[bot].first) {
		unsigned n = m->lines[bot].first;

		take_out(m, &m->lines[bot], 0, n);
		bind(m, n);
	}
}

static void join(struct sim *m)
{
	unsigned to = m->w.set.bots;

	if (m->w.set.scenario == SIM_DEATH)
		to = m->w.n_bots + 1;
	while (m->w.n_bots < to)
		tell_bot(m, m->w.n_bots++);
	tell_truth(m);
}

static void schedule(struct sim *m)
{
	double h = m->w.horizon;

	if (m->w.set.scenario == SIM_DRIFT)
		for (unsigned i = 1; i <= DRIFT_STEPS; i++)
			push(m, h * i / DRIFT_STEPS, DRIFT, i);
	if (m->w.set.scenario == SIM_ABRUPT)
		push(m, h / 2, CHANGE, 0);
	if (m->w.set.scenario == SIM_DEATH) {
		push(m, h / 2, DIE, 0);
		push(m, h * 2 / 3, JOIN, 0);
	}
	if (m->w.set.scenario == SIM_JOIN)
		push(m, h / 2, JOIN, 0);
}

/* ---- arrivals --------------------------------------------------------------- */

static double rate_now(const struct sim *m)
{
	if (m->w.set.scenario != SIM_BURSTS)
		return m->w.rate;
	return m->w.rate * (fmod(m->now, 720) < 120 ? 3 : 0.6);
}

static void expect_arrival(struct sim *m)
{
	double x = 1 - sim_chance(m->w.set.seed, 33, m->arrived);

	if (m->arrived < m->w.set.tasks)
		push(m, m->now - log(x) / rate_now(m), ARRIVE, 0);
}

static void arrive(struct sim *m)
{
	unsigned n = ++m->arrived, type = 0;
	double x = sim_chance(m->w.set.seed, 34, n);

	while (type + 1 < m->w.set.types && x >= m->w.share[type])
		x -= m->w.share[type++];
	m->tasks[n].number = n;
	m->tasks[n].type = type;
	m->tasks[n].arrived = m->now;
	expect_arrival(m);
	submit(m, n);
}

static void happen(struct sim *m, const struct event *e)
{
	m->now = e->at;
	switch (e->what) {
	case ARRIVE:
		arrive(m);
		break;
	case FINISH:
		over(m, e->who, false);
		break;
	case DRIFT:
		sim_world_drift(&m->w, e->who, DRIFT_STEPS);
		tell_truth(m);
		break;
	case CHANGE:
		sim_world_change(&m->w, sim_world_best(&m->w));
		tell_truth(m);
		break;
	case DIE:
		die(m);
		break;
	case NOTICE:
		notice(m, e->who);
		break;
	case JOIN:
		join(m);
		break;
	}
	if (m->s)
		plan(m);
}

/* ---- life ------------------------------------------------------------------- */

const char *sim_kind_name(unsigned kind)
{
	static const char *const names[] = { "oracle", "deia learned",
					     "deia least-loaded",
					     "deia round-robin" };

	return kind < SIM_RIVAL ? names[kind]
				: sim_rivals[kind - SIM_RIVAL].name;
}

static void open_scheduler(struct sim *m,
			   const struct deia_scheduler_opts *opts)
{
	struct deia_scheduler_opts o = DEIA_SCHEDULER_OPTS_INIT;

	if (opts)
		o = *opts;
	if (m->kind == SIM_LEAST_LOADED)
		o.policy = DEIA_POLICY_LEAST_LOADED;
	if (m->kind == SIM_ROUND_ROBIN)
		o.policy = DEIA_POLICY_ROUND_ROBIN;
	o.history_len = 0;
	must(deia_scheduler_new(&m->s, &o));
	for (unsigned t = 0; t < m->w.set.types; t++)
		must(deia_scheduler_add_type(m->s, m->types[t]));
}

static void open_sim(struct sim *m, const struct sim_setup *set,
		     const struct deia_scheduler_opts *opts)
{
	sim_world_init(&m->w, set);
	m->tasks = calloc(set->tasks + 1, sizeof(*m->tasks));
	m->took = calloc(set->tasks, sizeof(*m->took));
	if (!m->tasks || !m->took)
		abort();
	for (unsigned i = 0; i < SIM_BOTS; i++)
		snprintf(m->ids[i], sizeof(m->ids[i]), "bot-%02u", i);
	for (unsigned t = 0; t < SIM_TYPES; t++)
		snprintf(m->types[t], sizeof(m->types[t]), "type-%u", t);
	if (m->kind >= SIM_RIVAL)
		m->r = sim_rival_new(&sim_rivals[m->kind - SIM_RIVAL],
				     &m->w.set);
	else
		open_scheduler(m, opts);
	for (unsigned i = 0; i < m->w.n_bots; i++)
		tell_bot(m, i);
	tell_truth(m);
	schedule(m);
	expect_arrival(m);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct sim_result sum_up(struct sim *m)
{
	struct sim_result r = { 0 };
	double late = 0;
	unsigned n_late = 0;

	/* What was given up has waited until now. */
	for (unsigned n = 1; n <= m->arrived && m->is_stuck; n++) {
		const struct task *t = &m->tasks[n];

		if (t->running || t->attempts == 0)
			r.unfinished++;
	}
	for (unsigned i = 0; i < m->done; i++) {
		r.mean += m->took[i] / m->done;
		if (i >= m->done - m->done / 5) {
			late += m->took[i];
			n_late++;
		}
	}
	r.late_mean = n_late ? late / n_late : 0;
	r.success = m->done ? (double)m->good / m->done : 0;
	r.attempts = m->done ? (double)m->attempts / m->done : 0;
	qsort(m->took, m->done, sizeof(*m->took), by_value);
	r.p99 = m->done ? m->took[m->done * 99 / 100] : 0;
	return r;
}

struct sim_result sim_run(const struct sim_setup *set, unsigned kind,
			  const struct deia_scheduler_opts *opts)
{
	struct sim *m = calloc(1, sizeof(*m));
	struct sim_result result;

	if (!m)
		abort();
	m->kind = kind;
	open_sim(m, set, opts);
	while (m->heap_len > 0 && m->done < set->tasks) {
		struct event e = pop(m);

		happen(m, &e);
		m->is_stuck = m->arrived - m->done > MAX_WAITING;
		if (m->is_stuck)
			break;
	}
	result = sum_up(m);
	deia_scheduler_free(m->s);
	sim_rival_free(m->r);
	free(m->heap);
	free(m->tasks);
	free(m->took);
	free(m);
	return result;
}
