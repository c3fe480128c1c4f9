/* SPDX-License-Identifier: MIT */
/*
 * watch.c - limits that the guard looks after itself, where the kernel does
 * not: by adding up its descendants now and then.
 *
 * A guard without such limits never wakes for this. One that only watches the
 * number of processes looks rarely of its own accord: deiad sees when many
 * new ones appear on the machine, and then says so ("S"). A cgroup holds that
 * number, and v2's even tells when a fork failed for it. A bot that gets there
 * is ended all the same, so that a fork bomb has a reason and an end.
 */
#include "guard.h"

enum {
	SLOW_MS = 5000,	 /* processes, far from the limit */
	QUICK_MS = 50,	 /* near it, and at first; memory_max_mib */
	USAGE_MS = 1000, /* memory_mib: reports */
	MIB_SHIFT = 20
};

void watch_start(struct guard *g)
{
	struct watch *w = &g->watch;
	int64_t now = guard_now_ms();

	w->memory = g->o.memory_mib != 0;
	w->processes = g->o.processes != 0 && !g->group.joined[GROUP_PIDS];
	w->pids = g->group.joined[GROUP_PIDS];
	w->memory_max =
		g->o.memory_max_mib != 0 && !g->group.joined[GROUP_MEMORY];
	if (w->processes)
		guard_say(g, "applied processes=%u watch", g->o.processes);
	if (w->memory)
		guard_say(g, "applied memory_mib=%u watch", g->o.memory_mib);
	if (w->memory_max)
		guard_say(g, "applied memory_max_mib=%u watch",
			  g->o.memory_max_mib);
	w->look_ms = now + QUICK_MS;
	w->usage_ms = now + USAGE_MS;
}

static bool is_watching(const struct watch *w)
{
	return w->processes || w->memory || w->memory_max || w->pids;
}

int watch_wait_ms(const struct guard *g)
{
	int64_t left = g->watch.look_ms - guard_now_ms();

	if (!is_watching(&g->watch))
		return -1;
	return left > 0 ? (int)left : 0;
}

void watch_soon(struct guard *g)
{
	g->watch.look_ms = guard_now_ms();
}

static void pass(struct guard *g, const char *name, unsigned value)
{
	guard_say(g, "limit %s %u", name, value);
	guard_end(g);
}

static uint64_t exact_from(const struct guard *g)
{
	unsigned mib = g->o.memory_mib;

	if (g->watch.memory_max && (mib == 0 || mib > g->o.memory_max_mib))
		mib = g->o.memory_max_mib;
	return (uint64_t)mib << MIB_SHIFT;
}

/* The number of processes, and when to look again. False: too many. */
static bool look_at_processes(struct guard *g, int64_t now)
{
	unsigned n;

	if (g->watch.pids && group_pids_passed(g))
		return false;
	if (!g->watch.processes)
		return true;
	n = tree_count(g->o.processes);
	if (n > g->o.processes / 2)
		g->watch.look_ms = now + QUICK_MS;
	return n <= g->o.processes;
}

/* False: too much. */
static bool look_at_memory(struct guard *g, int64_t now)
{
	struct watch *w = &g->watch;
	struct usage u;

	if (!w->memory && !w->memory_max)
		return true;
	tree_measure(&u, exact_from(g));
	if (w->memory_max)
		w->look_ms = now + QUICK_MS;
	else if (w->look_ms > now + USAGE_MS)
		w->look_ms = now + USAGE_MS;
	if (w->memory && now >= w->usage_ms) {
		guard_say(g, "usage %llu %u", (unsigned long long)u.bytes,
			  u.tasks);
		w->usage_ms = now + USAGE_MS;
	}
	return !w->memory_max || u.bytes <= (uint64_t)g->o.memory_max_mib
						    << MIB_SHIFT;
}

void watch_look(struct guard *g)
{
	int64_t now = guard_now_ms();

	if (!is_watching(&g->watch) || now < g->watch.look_ms)
		return;
	g->watch.look_ms = now + SLOW_MS;
	if (!look_at_processes(g, now))
		pass(g, "processes", g->o.processes);
	else if (!look_at_memory(g, now))
		pass(g, "memory_max_mib", g->o.memory_max_mib);
}
