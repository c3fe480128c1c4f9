/* SPDX-License-Identifier: MIT */
/*
 * migrate_api.c - what an operator may ask of a stopped hive's store: its
 * migrations, and to apply what is pending. Applying is opening; so it is the
 * same as what deiad does at its start. Copying is in copy.c.
 */
#include <deia/migrate.h>

#include <stdio.h>
#include <string.h>

#include "store/backend.h"
#include "store/migrate.h"

const char *deia_migration_state_name(enum deia_migration_state state)
{
	static const char *const names[] = {
		[DEIA_MIGRATION_PENDING] = "pending",
		[DEIA_MIGRATION_APPLIED] = "applied",
		[DEIA_MIGRATION_CHANGED] = "changed",
		[DEIA_MIGRATION_UNKNOWN] = "unknown",
	};

	return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state]
								  : "unknown";
}

static deia_err say(deia_err err, const struct deia__errmsg *msg, char *detail,
		    size_t len)
{
	if (detail && len > 0)
		snprintf(detail, len, "%s", err ? msg->text : "");
	return err;
}

static deia_err get_status(const char *url, struct deia__migrate_list *l,
			   struct deia__errmsg *msg)
{
	const struct deia__store_backend *b;
	const char *rest = "";
	deia_err err;

	b = deia__store_find(url, &rest, msg, &err);
	if (!b)
		return err;
	if (!b->status)
		return deia__fail(msg, DEIA_EUNSUPPORTED,
				  "a %s store has no migrations", b->name);
	return b->status(rest, l, msg);
}

deia_err deia_migrate_status(const char *url, struct deia_migration *list,
			     size_t max, size_t *n, char *detail,
			     size_t detail_len)
{
	struct deia__migrate_list l = { .list = list, .max = max };
	struct deia__errmsg msg = { "" };
	deia_err err = get_status(url, &l, &msg);

	*n = err ? 0 : l.n;
	return say(err, &msg, detail, detail_len);
}

/* ---- applying ----------------------------------------------------------- */

static deia_err read_opts(struct deia_store_opts *to,
			  const struct deia_migrate_opts *opts,
			  struct deia__errmsg *msg)
{
	const struct deia_store_opts init = DEIA_STORE_OPTS_INIT;

	*to = init;
	to->alone = true;
	if (!opts)
		return DEIA_OK;
	if (opts->size != sizeof(*opts))
		return deia__fail(msg, DEIA_EINVAL,
				  "opts->size is wrong: start from "
				  "DEIA_MIGRATE_OPTS_INIT");
	to->no_backup = opts->no_backup;
	to->backup_dir = opts->backup_dir;
	to->note = opts->note;
	to->note_user = opts->user;
	return DEIA_OK;
}

static deia_err open_once(const char *url, const struct deia_store_opts *opts,
			  struct deia__errmsg *msg)
{
	const struct deia__store_backend *b;
	const char *rest = "";
	void *self = NULL;
	deia_err err;

	b = deia__store_find(url, &rest, msg, &err);
	if (!b)
		return err;
	err = b->open(&self, rest, opts, msg);
	if (!err)
		b->close(self);
	return err;
}

deia_err deia_migrate_up(const char *url, const struct deia_migrate_opts *opts,
			 size_t *applied, char *detail, size_t detail_len)
{
	struct deia__migrate_list l = { .list = NULL, .max = 0 };
	struct deia__errmsg msg = { "" };
	struct deia_store_opts so;
	deia_err err = read_opts(&so, opts, &msg);

	*applied = 0;
	if (!err)
		err = get_status(url, &l, &msg);
	/* Also with nothing to do: it says what is wrong with the schema. */
	if (!err)
		err = open_once(url, &so, &msg);
	if (!err && l.newest < (int64_t)l.n_known)
		*applied = (size_t)((int64_t)l.n_known - l.newest);
	return say(err, &msg, detail, detail_len);
}
