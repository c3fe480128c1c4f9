/* SPDX-License-Identifier: MIT */
/*
 * checks.c - when checks are run: by the timer, on demand, one run of a check at
 * a time, each with a deadline.
 */
#include "hive/checks/checks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIRST_MS 30000
#define INTERVAL_SECONDS 600

/* A deadline is far above what a busy machine needs: it is for what hangs. */
static const struct kind {
	void (*begin)(deia_hive *h);
	int64_t deadline_ms;
	const char *advice; /* when it did not end in time */
} kinds[DEIA_CHECKS] = {
	[DEIA_CHECK_API] = { deia__probe_api, 10000,
			     "deiad is too busy: see `top` and "
			     "`deia health`." },
	[DEIA_CHECK_DB] = { deia__probe_db, 20000,
			    "The database does not answer: see whether it "
			    "runs, and `deia health`." },
	[DEIA_CHECK_CACHE] = { deia__probe_cache, 10000,
			       "Redis hangs: see whether it runs, and "
			       "docs/cache.md." },
	[DEIA_CHECK_BOTS] = { deia__probe_bots, 30000,
			      "The machine is too busy to start a process, or "
			      "deia-bot hangs: see `top`." },
	[DEIA_CHECK_LLM] = { deia__probe_llm, 60000,
			     "Model servers hang: see whether they run." },
	[DEIA_CHECK_LOGS] = { deia__probe_logs, 20000,
			      "The disk hangs: see `dmesg` and `mount`." },
	[DEIA_CHECK_DISK] = { deia__probe_disk, 30000,
			      "The disk hangs: see `dmesg` and `mount`." },
};

int64_t deia__probe_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- who waits ----------------------------------------------------------- */

/* Collected first: a callback may ask again, or free nothing but itself. */
static void tell(deia_hive *h, deia_err err, bool all)
{
	struct deia__probes *c = h->probes;
	struct deia__probe_waiters ready = TAILQ_HEAD_INITIALIZER(ready);
	struct deia__probe_waiter *w, *next;

	for (w = TAILQ_FIRST(&c->waiters); w; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->left && !all)
			continue;
		TAILQ_REMOVE(&c->waiters, w, link);
		TAILQ_INSERT_TAIL(&ready, w, link);
		c->n_waiters--;
	}
	while ((w = TAILQ_FIRST(&ready))) {
		TAILQ_REMOVE(&ready, w, link);
		w->cb(err, w->user);
		deia__free(w);
	}
}

static void on_tell(void *arg)
{
	tell(arg, DEIA_OK, false);
}

/* In a later turn of the loop; at once when there is no memory for that. */
static void tell_soon(deia_hive *h)
{
	if (deia__timer_set(h->timers, &h->probes->tell_timer, 0))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "who asked for checks is told with the next "
			       "one: out of memory");
}

/* ---- a run --------------------------------------------------------------- */

static void say_change(deia_hive *h, const struct deia__probe_run *run,
		       deia_check_status before)
{
	const struct deia_check_result *r = &run->result;

	if (r->status == before ||
	    (r->status == DEIA_CHECK_PASS && before == DEIA_CHECK_UNKNOWN))
		return;
	deia__hive_log(h, DEIA_LOG_INFO, "check %s: %s, was %s. %s",
		       deia_check_name(run->check),
		       deia_check_status_name(r->status),
		       deia_check_status_name(before), r->text);
}

static void finish(deia_hive *h, struct deia__probe_run *run)
{
	deia_check_status before = run->result.status;
	struct deia__probe_waiter *w;

	deia__timer_clear(h->timers, &run->deadline);
	run->running = false;
	run->number++; /* what comes now is late */
	run->ended_ms = deia__timers_now(h->timers);
	run->result = run->draft;
	if (!run->result.status)
		run->result.status = DEIA_CHECK_PASS;
	run->result.checked_unix_ms = deia__unix_ms(NULL);
	run->result.duration_ms = run->ended_ms - run->begun_ms;
	say_change(h, run, before);
	TAILQ_FOREACH(w, &h->probes->waiters, link)
		w->left &= ~(1u << run->check);
	tell_soon(h);
}

static void on_deadline(void *arg)
{
	struct deia__probe_run *run = arg;
	const struct kind *k = &kinds[run->check];

	deia__probe_say(&run->draft, DEIA_CHECK_FAIL, k->advice,
			"It did not come to its end within %lld s.",
			(long long)(k->deadline_ms / 1000));
	if (run->check == DEIA_CHECK_BOTS)
		deia__probe_bots_give_up(run->hive);
	if (run->running)
		finish(run->hive, run);
}

static void drop_part(deia_hive *h, struct deia__probe_run *run)
{
	if (run->running && --run->parts == 0)
		finish(h, run);
}

/* One part stands for the beginning, so that it cannot end within it. */
static void begin(deia_hive *h, deia_check check)
{
	struct deia__probe_run *run = &h->probes->runs[check];

	memset(&run->draft, 0, sizeof(run->draft));
	run->begun_ms = deia__timers_now(h->timers);
	run->running = true;
	run->parts = 1;
	if (deia__timer_set(h->timers, &run->deadline,
			    kinds[check].deadline_ms)) {
		deia__probe_say(&run->draft, DEIA_CHECK_FAIL,
				"See how much memory deiad may have.",
				"Memory ran out.");
		finish(h, run);
		return;
	}
	kinds[check].begin(h);
	drop_part(h, run);
}

struct deia__probe_part *deia__probe_part_new(deia_hive *h, deia_check check)
{
	struct deia__probe_run *run = &h->probes->runs[check];
	struct deia__probe_part *p = deia__alloc(sizeof(*p));
	unsigned char bytes[16];

	if (!p) {
		deia__probe_say(&run->draft, DEIA_CHECK_FAIL,
				"See how much memory deiad may have.",
				"Memory ran out.");
		return NULL;
	}
	p->hive = h;
	p->check = check;
	p->run = run->number;
	p->at_us = deia__probe_us();
	if (deia__random(bytes, sizeof(bytes)))
		deia__hex_print(p->word, bytes, sizeof(bytes));
	run->parts++;
	return p;
}

struct deia_check_result *deia__probe_draft(const struct deia__probe_part *p)
{
	struct deia__probe_run *run = &p->hive->probes->runs[p->check];

	if (p->hive->freeing || !run->running || run->number != p->run)
		return NULL;
	return &run->draft;
}

void deia__probe_part_done(struct deia__probe_part *p)
{
	if (deia__probe_draft(p))
		drop_part(p->hive, &p->hive->probes->runs[p->check]);
	deia__free(p);
}

double deia__probe_part_seconds(const struct deia__probe_part *p)
{
	return (double)(deia__probe_us() - p->at_us) / 1e6;
}

/* ---- demands ------------------------------------------------------------- */

const struct deia_check_result *deia_hive_check_get(const deia_hive *h,
						    deia_check check)
{
	return &h->probes->runs[check].result;
}

/* The bits of those that go on now. */
static unsigned begin_some(deia_hive *h, unsigned mask, int64_t spacing_ms)
{
	int64_t now = deia__timers_now(h->timers);
	unsigned left = 0;

	for (int i = 0; i < DEIA_CHECKS; i++) {
		struct deia__probe_run *run = &h->probes->runs[i];

		if (!(mask & 1u << i))
			continue;
		if (!run->running && (!run->result.checked_unix_ms ||
				      now - run->ended_ms >= spacing_ms))
			begin(h, (deia_check)i);
		if (run->running)
			left |= 1u << i;
	}
	return left;
}

static deia_err refuse(deia_hive *h, const struct deia_actor *actor,
		       unsigned mask)
{
	if (actor->role < DEIA_ROLE_OPERATOR)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only an operator or an administrator "
				       "may have checks run");
	if (!mask || mask >> DEIA_CHECKS)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "mask: there is no such check");
	if (h->stopping || !h->started)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is not running");
	if (h->probes->n_waiters >= DEIA__PROBE_WAITERS)
		return deia__hive_fail(h, DEIA_EBUSY,
				       "%d callers wait for checks already",
				       DEIA__PROBE_WAITERS);
	return DEIA_OK;
}

deia_err deia_hive_checks_run(deia_hive *h, const struct deia_actor *actor,
			      unsigned mask, deia_done_cb cb, void *user)
{
	deia_err err = refuse(h, actor, mask);
	struct deia__probe_waiter *w;

	if (err)
		return err;
	w = deia__alloc(sizeof(*w));
	if (!w)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	w->cb = cb;
	w->user = user;
	w->left = begin_some(h, mask, DEIA__PROBE_SPACING_MS);
	TAILQ_INSERT_TAIL(&h->probes->waiters, w, link);
	h->probes->n_waiters++;
	if (!w->left)
		tell_soon(h);
	return DEIA_OK;
}

static void arm(deia_hive *h, int64_t ms)
{
	struct deia__probes *c = h->probes;

	if (!c->interval_seconds || !h->started || h->stopping)
		deia__timer_clear(h->timers, &c->timer);
	else if (deia__timer_set(h->timers, &c->timer, ms))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "checks are not run by themselves any more: "
			       "out of memory");
}

static void on_time(void *arg)
{
	deia_hive *h = arg;

	if (h->stopping || h->freeing)
		return;
	(void)begin_some(h, (1u << DEIA_CHECKS) - 1, DEIA__PROBE_SPACING_MS);
	arm(h, (int64_t)h->probes->interval_seconds * 1000);
}

void deia_hive_checks_set_interval(deia_hive *h, unsigned seconds)
{
	struct deia__probes *c = h->probes;
	int64_t ms = (int64_t)seconds * 1000;

	c->interval_seconds = seconds;
	arm(h, ms < FIRST_MS ? ms : FIRST_MS);
}

deia_err deia_hive_checks_set_host(deia_hive *h,
				   const struct deia_checks_host *host)
{
	const struct deia_checks_host none = DEIA_CHECKS_HOST_INIT;

	if (host && host->size != sizeof(*host))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "host: size is not of this version");
	h->probes->host = host ? *host : none;
	return DEIA_OK;
}

/* ---- life ---------------------------------------------------------------- */

static bool copy(char **to, const char *text)
{
	*to = deia__strdup(text);
	return *to || !text;
}

static void init_runs(deia_hive *h)
{
	for (int i = 0; i < DEIA_CHECKS; i++) {
		struct deia__probe_run *run = &h->probes->runs[i];

		run->hive = h;
		run->check = (deia_check)i;
		run->deadline.fn = on_deadline;
		run->deadline.arg = run;
	}
}

deia_err deia__probes_new(deia_hive *h, const struct deia_hive_opts *o)
{
	static const char sqlite[] = "sqlite:";
	struct deia__probes *c = deia__alloc(sizeof(*c));
	const char *db = NULL;

	if (!c)
		return DEIA_ENOMEM;
	h->probes = c;
	TAILQ_INIT(&c->waiters);
	init_runs(h);
	c->timer.fn = on_time;
	c->tell_timer.fn = on_tell;
	c->timer.arg = c->tell_timer.arg = h;
	c->interval_seconds = INTERVAL_SECONDS;
	c->host.size = sizeof(c->host);
	/* What is counted before the first look is of that look. */
	deia_histogram_init(&c->requests.older, DEIA_SCALE_FAST);
	c->requests.newer = c->requests.older;
	c->requests.begun = true;
	if (o->store_url && o->durability != DEIA_DURABILITY_MEMORY &&
	    strncmp(o->store_url, sqlite, sizeof(sqlite) - 1) == 0)
		db = o->store_url + sizeof(sqlite) - 1;
	return copy(&c->db_path, db) && copy(&c->work_dir, o->work_dir)
		       ? DEIA_OK
		       : DEIA_ENOMEM;
}

void deia__probes_start(deia_hive *h)
{
	deia_hive_checks_set_interval(h, h->probes->interval_seconds);
}

void deia__probes_stop(deia_hive *h)
{
	struct deia__probes *c = h->probes;

	if (!c || !h->timers)
		return;
	deia__timer_clear(h->timers, &c->timer);
	deia__timer_clear(h->timers, &c->tell_timer);
	for (int i = 0; i < DEIA_CHECKS; i++) {
		deia__timer_clear(h->timers, &c->runs[i].deadline);
		c->runs[i].running = false;
		c->runs[i].number++;
	}
	tell(h, DEIA_ECANCELED, true);
}

void deia__probes_end(deia_hive *h)
{
	struct deia__probes *c = h->probes;

	if (!c)
		return;
	deia__probes_stop(h);
	for (int i = 0; i < DEIA_CHECKS; i++)
		deia__probe_work_end(&c->works[i]);
}

void deia__probes_free(deia_hive *h)
{
	struct deia__probes *c = h->probes;

	if (!c)
		return;
	deia_bots_free(c->bots);
	deia__free(c->bot_part);
	deia__free(c->db_path);
	deia__free(c->work_dir);
	deia__free(c->bot_program);
	deia__free(c);
	h->probes = NULL;
}
