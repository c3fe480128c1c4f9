/* SPDX-License-Identifier: MIT */
/* spec.h - what the parts of the bot specification share. */
#ifndef DEIA_BOT_SPEC_H
#define DEIA_BOT_SPEC_H

#include <deia/bot.h>

#define DEIA__ENV_REDACTED "***"

/* The caller's spec, of whatever header version, laid over the defaults.
 * False: its size makes no sense. */
bool deia__spec_overlay(struct deia_bot_spec *full,
			const struct deia_bot_spec *spec);
/* Fills in where (may be NULL) and returns DEIA_EFIELD. */
deia_err deia__field_error(struct deia_field_error *where, const char *pointer,
			   const char *fmt, ...) DEIA_PRINTF(3, 4);
const char *deia__restart_policy_name(deia_restart_policy policy);
/* -1 when no policy has this name. */
int deia__restart_policy_parse(const char *name);

#endif
