/* SPDX-License-Identifier: MIT */
/* templates.h - the section `templates:`: named, partial bot specs. */
#ifndef DEIA_CONFIG_TEMPLATES_H
#define DEIA_CONFIG_TEMPLATES_H

#include "config/yaml.h"

struct deia__template {
	char *name;
	char *json; /* as it was written, values of env as "***" */
	struct deia_bot_spec *spec;
	unsigned line;
};
struct deia__templates {
	struct deia__template *list; /* in the order of the file */
	size_t len;
};

/*
 * Reads the section. base: what a template does not say.
 * DEIA_OK, DEIA_EFIELD (where is filled), DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__templates_read(struct deia__templates *out,
					     const struct deia__yaml *section,
					     const struct deia_bot_spec *base,
					     struct deia_config_error *where);
void deia__templates_fini(struct deia__templates *t);

#endif
