/* SPDX-License-Identifier: MIT */
/* bots.h - what the ways to make and change a bot share. */
#ifndef DEIAD_ROUTES_BOTS_H
#define DEIAD_ROUTES_BOTS_H

#include <deia/hive.h>

#include "../http/rq.h"

/* True: answered, since the body has a field that only an administrator may
 * give. Looked at before anything else of it. */
bool bot_fields_denied(struct rq *rq, const char *action);
/*
 * What the bot starts from: the template that the body names, else the
 * defaults of the configuration; false: answered. A copy, shallow.
 */
bool bot_spec_base(struct rq *rq, struct deia_bot_spec *out);
/* Reads the body as changes to base; NULL: answered. */
struct deia_bot_spec *bot_spec_read(struct rq *rq,
				    const struct deia_bot_spec *base);
/* True: answered, since the new spec differs from base in what only an
 * administrator may choose, whichever fields of the body say so. */
bool bot_spec_denied(struct rq *rq, const struct deia_bot_spec *spec,
		     const struct deia_bot_spec *base);
/* Ends of deia_hive_bot_create and _update: answer 201 or 200, or the error.
 * user: the request, held. */
void bot_created(deia_err err, const struct deia_hive_bot *bot, void *user);
void bot_changed(deia_err err, const struct deia_hive_bot *bot, void *user);

#endif
