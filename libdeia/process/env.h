/* SPDX-License-Identifier: MIT */
/* env.h - the environment a bot is started with. */
#ifndef DEIA_PROCESS_ENV_H
#define DEIA_PROCESS_ENV_H

#include <deia/base.h>

struct deia__env {
	char **vars; /* NULL-terminated once anything was added */
	size_t len, cap;
	bool failed; /* out of memory; sticks */
};

/* What a bot may see of this process's environment. */
void deia__env_inherit(struct deia__env *e);
/* Sets NAME; a later value takes the place of an earlier one. */
void deia__env_set(struct deia__env *e, const char *name, const char *value);
/* "NAME=value" */
void deia__env_put(struct deia__env *e, const char *var);
/* NAME as this process has it; nothing when it has none. */
void deia__env_pass(struct deia__env *e, const char *name);
void deia__env_fini(struct deia__env *e);

#endif
