/* SPDX-License-Identifier: MIT */
/*
 * bot_rules.c - what a bot may be: its fields, who may set them, and that the
 * bots it depends on do not depend on it.
 */
#include "hive/nodes/nodes.h"

#include <string.h>
#include <strings.h>

#include <deia/messenger.h>

/* A bot cannot wait for itself by way of others. */
static deia_err check_depends(deia_hive *h, const struct deia_bot_spec *spec)
{
	static const char where[] = "/depends_on";
	deia_err err = deia_bots_check_depends(h->bots, spec);
	const char *why = deia_bots_errmsg(h->bots);

	if (err != DEIA_EFIELD)
		return err;
	if (strncmp(why, where, strlen(where)) == 0)
		why += strlen(where) + strspn(why + strlen(where), ": ");
	return deia__hive_field(h, where, "%s", why);
}

static deia_err check_spec(deia_hive *h, const struct deia_bot_spec *spec)
{
	deia_err err = deia_bot_spec_check(spec, &h->field);

	if (!err)
		return check_depends(h, spec);
	deia__hive_fail(h, err, "%s: %s", h->field.pointer, h->field.detail);
	h->has_field = true;
	return err;
}

/* Mail to and from this name is that of the people who run the hive. */
static deia_err check_name(deia_hive *h, const char *id)
{
	if (strcasecmp(id, DEIA_MESSAGE_SYSTEM) != 0)
		return DEIA_OK;
	return deia__hive_field(h, "/id",
				"\"%s\" is the inbox of the people who run the "
				"hive; choose another id",
				DEIA_MESSAGE_SYSTEM);
}

deia_err deia__bot_may_create(deia_hive *h, const struct deia_actor *actor,
			      const struct deia_bot_spec *spec)
{
	struct deia_bot_spec plain = DEIA_BOT_SPEC_INIT;
	deia_err err = check_spec(h, spec);
	const char *field;

	if (!err)
		err = check_name(h, spec->id);
	if (err || actor->role == DEIA_ROLE_ADMIN || spec->template_name)
		return err;
	/* The server of models may be the configuration's own. */
	plain.base_url = spec->base_url;
	field = deia_bot_spec_admin_field(spec, &plain);
	if (!field)
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_EDENIED,
			       "only an administrator may set the field "
			       "\"%s\"; launch from a template instead",
			       field);
}

/* What a bot runs, and where it sends what it is told, is not for everyone
 * to change, whoever launched it and from whatever template. */
deia_err deia__bot_may_update(deia_hive *h, const struct deia_actor *actor,
			      const struct deia_bot_spec *spec)
{
	deia_err err = check_spec(h, spec);
	const struct deia_bot_info *info;
	const char *field;

	if (err)
		return err;
	if (!deia__hbot_find(h, spec->id))
		return deia__not_here(h, spec->id);
	info = deia_bots_get(h->bots, spec->id);
	if (!info)
		return deia__no_bot(h, spec->id);
	field = deia_bot_spec_admin_field(info->spec, spec);
	if (actor->role == DEIA_ROLE_ADMIN || !field)
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_EDENIED,
			       "only an administrator may change the field "
			       "\"%s\" of a bot",
			       field);
}
