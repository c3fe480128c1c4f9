/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h - where bots' cgroups can be made, and how they are swept.
 *
 * A bot's cgroup is a folder "deia-PID-TAG-BOT" right below the cgroup this
 * process is in: PID is this process, TAG eight random hexadecimal digits of
 * this supervisor. The guard makes it, joins the bot to it and removes it;
 * what is here finds the places, and cleans up after guards that were killed.
 * A cgroup of another name, of another user or of a living process is never
 * touched, and neither are settings of a cgroup that is not ours alone.
 */
#ifndef DEIA_PROCESS_CGROUP_H
#define DEIA_PROCESS_CGROUP_H

#include <deia/error.h>

struct deia__cgroups;

/* What a place is good for; with cgroup v2 all may be one place. */
enum deia__cgroup_kind {
	DEIA__CGROUP_KILL,   /* v2: all that is in it can be killed at once */
	DEIA__CGROUP_MEMORY, /* v1 or v2 with the controller */
	DEIA__CGROUP_PIDS,
	DEIA__CGROUP_KINDS
};

struct deia__cgroups_opts {
	const char *root; /* put before every path; NULL: "". For tests */
	/*
	 * This process is alone in its cgroup and may move itself one down,
	 * which v2 wants before cgroups beside it can have limits.
	 */
	bool may_move;
};

/*
 * Looks once where cgroups can be made, and removes what processes that no
 * longer live have left. That there are none is no error: DEIA_ENOMEM only.
 */
DEIA_NODISCARD deia_err deia__cgroups_new(struct deia__cgroups **out,
					  const struct deia__cgroups_opts *o);
/* Sweeps what is left, and moves this process back. */
void deia__cgroups_free(struct deia__cgroups *c);

/* 0 when there is a place of some kind, else the errno that says why not. */
int deia__cgroups_error(const struct deia__cgroups *c);
/* The same in one line, for people. */
const char *deia__cgroups_text(const struct deia__cgroups *c);

/* The folder of a bot's cgroup. False: there is no such kind. */
bool deia__cgroup_path(const struct deia__cgroups *c,
		       enum deia__cgroup_kind kind, const char *bot, char *out,
		       size_t size);
/*
 * Kills what is in a bot's cgroups and removes them, for a guard that cannot
 * any more. False: something still ends; to be called again.
 */
bool deia__cgroup_sweep(const struct deia__cgroups *c, const char *bot);

#endif
