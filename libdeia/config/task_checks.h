/* SPDX-License-Identifier: MIT */
/* task_checks.h - the section `checks`: commands that judge results of tasks. */
#ifndef DEIA_CONFIG_TASK_CHECKS_H
#define DEIA_CONFIG_TASK_CHECKS_H

#include "config/templates.h"

#define DEIA__CONFIG_CHECKS_MAX 64

struct deia__config_check {
	char *name;
	char **argv; /* NULL-terminated */
	size_t n_argv;
	unsigned timeout_seconds; /* 0: not said */
	unsigned line;
};
struct deia__config_checks {
	struct deia__config_check *list;
	size_t len;
};

/* DEIA_OK, DEIA_EFIELD (where is filled), DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__config_checks_read(
	struct deia__config_checks *out, const struct deia__yaml *section,
	struct deia_config_error *where);
void deia__config_checks_fini(struct deia__config_checks *c);
void deia__config_check_print(const struct deia__config_check *c,
			      struct deia_jw *w);

#endif
