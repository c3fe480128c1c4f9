/* SPDX-License-Identifier: MIT */
/* scaling.h - the section `scaling.templates`: settings by template. */
#ifndef DEIA_CONFIG_SCALING_H
#define DEIA_CONFIG_SCALING_H

#include <deia/scaling.h>

#include "config/templates.h"

struct deia__config_scaled {
	const char *name; /* of the template, whose text it is */
	struct deia_scaling_template set;
	unsigned line;
};
struct deia__config_scaling {
	struct deia__config_scaled *list; /* in the order of the file */
	size_t len;
};

/*
 * Reads the section; templates: those of the file, which outlive out.
 * DEIA_OK, DEIA_EFIELD (where is filled), DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__config_scaling_read(
	struct deia__config_scaling *out, const struct deia__yaml *section,
	const struct deia__templates *templates,
	struct deia_config_error *where);
void deia__config_scaling_fini(struct deia__config_scaling *s);
void deia__config_scaling_print(const struct deia__config_scaled *s,
				struct deia_jw *w);

#endif
