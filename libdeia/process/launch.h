/* SPDX-License-Identifier: MIT */
/* launch.h - starts a guard, with pipes to the bot it will run. */
#ifndef DEIA_PROCESS_LAUNCH_H
#define DEIA_PROCESS_LAUNCH_H

#include <sys/types.h>

#include <deia/base.h>

struct deia__cgroups;

/* What a bot may use; 0: no limit (of open_files: 1024). */
struct deia__limits {
	unsigned open_files;
	unsigned file_size_mib;
	unsigned processes;  /* processes and threads, of all descendants */
	unsigned memory_mib; /* watched: asks for usage reports */
	unsigned memory_max_mib;
};

struct deia__launch {
	const char *guard_program;
	const char *const *argv; /* the bot's, n of them */
	size_t n_argv;
	char *const *env; /* NULL-terminated */
	const char *cwd;  /* or NULL */
	const char *id;	  /* of the bot, names its cgroup; NULL: none */
	struct deia__limits limits;
	const struct deia__cgroups *cgroups; /* set by deia__proc_start */
};

/* All descriptors are non-blocking and close-on-exec; the caller's. */
struct deia__launched {
	pid_t guard;
	int ctl; /* SOCK_SEQPACKET to the guard; see server/guard/guard.c */
	int in, out, err;
};

/*
 * Starts the guard. Returns 0, or an errno with nothing left behind; that the
 * bot's own program cannot be run is told by the guard later.
 */
DEIA_NODISCARD int deia__launch(struct deia__launched *l,
				const struct deia__launch *what);

#endif
