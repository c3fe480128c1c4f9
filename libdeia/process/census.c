/* SPDX-License-Identifier: MIT */
/*
 * census.c - see census.h.
 *
 * The total comes from sysinfo(2): one call, well below a microsecond. It is
 * a 16-bit number that wraps; only how much it grew is used.
 */
#include "process/census.h"

#include <sys/sysinfo.h>

#define LOOK_MS 50
/* So many new tasks between two looks are worth a count. */
#define MANY 32
/* A count costs a guard some 50 us; so many members are told in a second. */
#define MEMBERS_PER_MS 1

static unsigned count_tasks(void)
{
	struct sysinfo s;

	return sysinfo(&s) == 0 ? s.procs : 0;
}

static void look_again(struct deia__census *c)
{
	/* Without memory for it, guards still look by themselves, later. */
	(void)!deia__timer_set(c->timers, &c->timer, LOOK_MS);
}

static void on_timer(void *arg)
{
	struct deia__census *c = arg;
	struct deia__census_member *m;
	unsigned now = count_tasks();
	int64_t now_ms = deia__timers_now(c->timers);
	int grown = (int16_t)(uint16_t)(now - c->tasks);

	c->tasks = now;
	look_again(c);
	if (grown < MANY || now_ms < c->paused_ms)
		return;
	c->paused_ms = now_ms + (int64_t)(c->n_members / MEMBERS_PER_MS);
	LIST_FOREACH(m, &c->members, link)
		m->count(m->arg);
}

void deia__census_join(struct deia__census *c, struct deia__timers *timers,
		       struct deia__census_member *m)
{
	if (m->in)
		return;
	m->in = true;
	LIST_INSERT_HEAD(&c->members, m, link);
	if (c->n_members++ != 0)
		return;
	c->timers = timers;
	c->timer.fn = on_timer;
	c->timer.arg = c;
	c->tasks = count_tasks();
	look_again(c);
}

void deia__census_leave(struct deia__census *c, struct deia__census_member *m)
{
	if (!m->in)
		return;
	m->in = false;
	LIST_REMOVE(m, link);
	if (--c->n_members == 0)
		deia__timer_clear(c->timers, &c->timer);
}
