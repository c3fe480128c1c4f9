/* SPDX-License-Identifier: MIT */
/*
 * settings.h - from the configuration to what the parts of deiad take.
 */
#ifndef DEIAD_SETTINGS_H
#define DEIAD_SETTINGS_H

#include <deia/scheduling.h>

#include "app.h"
#include "options.h"

/* Loads DIR's configuration with the flags over it. False: on stderr. */
bool settings_load(deia_config **out, const char *dir, const struct options *o);
/* The hive's cache; password: 256 bytes. False: said on stderr. */
bool settings_cache(struct deia_hive_opts *opts, const deia_config *config,
		    const char *dir, char *password);
/* Room for what the hive's options borrow about tasks. */
struct settings_tasks {
	struct deia_scheduler_opts scheduler;
	const char *types[DEIA_MAX_TASK_TYPES];
};
/* How tasks find their bot. */
void settings_tasks(struct deia_hive_opts *opts, const deia_config *config,
		    struct settings_tasks *room);
/* The policy, which may change while running. */
void settings_policy(deia_hive *hive, const deia_config *config);
/* What may change while running: the log. */
void settings_apply(const deia_config *config);
/* What the hive's mail is to do; said in the log when it cannot. */
bool settings_mail(deia_hive *hive, const deia_config *config);
/* Templates, and how they are scaled; before: what they were, or NULL. Said in
 * the log what cannot be used. */
void settings_scaling(deia_hive *hive, const deia_config *before,
		      const deia_config *config);
/* What bots and days may use; said in the log when it cannot be used. */
void settings_budgets(deia_hive *hive, const deia_config *config);
/* The checks that tasks may name; the same. */
void settings_checks(deia_hive *hive, const deia_config *config);
/* Who is told of alerts, with the secrets of files and the environment. False:
 * it is as it was, and the log says why. In receivers.c. */
bool settings_receivers(deia_hive *hive, const deia_config *config,
			const char *dir);
/* How long history is kept from now on. */
void settings_retention(deia_hive *hive, const deia_config *config);
/* Says in the log what changed, and what of it needs a restart. */
void settings_compare(const deia_config *before, const deia_config *after);
/* Limits and names of HTTP; port: the one bound. False: memory ran out. */
bool settings_http(struct server *s, const deia_config *config, int port);
/* The names alone, anew. */
bool settings_names(struct server *s, const deia_config *config);
void settings_http_free(struct server *s);

#endif
