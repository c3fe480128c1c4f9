/* SPDX-License-Identifier: MIT */
/*
 * alert_acts.c - what people do to alerts.
 *
 * The monitor does it at once; then the row, the events and the audit entry are
 * one change. What the store refuses is stored later, as other changes are.
 */
#include "hive/health/health.h"

#include <ctype.h>
#include <string.h>

struct act {
	deia_hive_alert_cb cb;
	void *user;
	unsigned changes;
	struct deia_health_alert alert; /* as it was when it was done */
};

/* Who did it, as an id: names of tokens may be anything. */
static void print_by(char out[static DEIA_MAX_ID_LEN + 1],
		     const struct deia_actor *actor)
{
	const char *name = actor->name[0] ? actor->name : "unknown";
	size_t i;

	for (i = 0; i < DEIA_MAX_ID_LEN && name[i]; i++) {
		unsigned char c = (unsigned char)name[i];
		bool ok = c < 0x80 && (isalnum(c) || strchr("._-", c));

		out[i] = ok ? (char)c : '_';
	}
	out[i] = '\0';
}

/* NULL: *err, said. */
static struct act *begin(deia_hive *h, const struct deia_actor *actor,
			 deia_hive_alert_cb cb, void *user, deia_err *err)
{
	struct act *act = NULL;

	if (actor->role < DEIA_ROLE_OPERATOR) {
		*err = deia__hive_fail(h, DEIA_EDENIED,
				       "only an operator or an administrator "
				       "may act on alerts");
	} else if (h->stopping) {
		*err = deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	} else {
		act = deia__alloc(sizeof(*act));
		if (!act)
			*err = deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	if (!act)
		return NULL;
	act->cb = cb;
	act->user = user;
	return act;
}

static void on_stored(deia_hive *h, deia_err err, const int64_t *seqs,
		      size_t n_seqs, void *arg)
{
	struct act *act = arg;
	const struct deia_health_alert *now =
		deia_health_get_alert(h->health->monitor, act->alert.id);

	(void)seqs;
	(void)n_seqs;
	if (err)
		deia__alerts_again(h, act->alert.id, act->changes);
	if (!now)
		now = &act->alert;
	if (act->cb)
		act->cb(err, err ? NULL : now, act->user);
	deia__free(act);
}

/* err: what the monitor said. */
static deia_err finish(deia_hive *h, const struct deia_actor *actor,
		       struct act *act, const char *id, const char *action,
		       deia_err err)
{
	const struct deia_health_alert *a;
	struct deia__change *c;

	if (err) {
		deia__free(act);
		return deia__hive_fail(h, err, "%s",
				       deia_health_errmsg(h->health->monitor));
	}
	a = deia_health_get_alert(h->health->monitor, id);
	act->alert = *a;
	c = deia__change_new(h);
	act->changes = deia__alerts_into(h, c, a);
	deia__change_audit(c, actor, action, act->alert.id, DEIA_OK);
	err = deia__change_commit(c, h, on_stored, act);
	if (err) {
		deia__alerts_again(h, act->alert.id, act->changes);
		deia__free(act);
	}
	return err;
}

/* What is done to which alert. */
struct deed {
	const char *action; /* for the audit */
	const char *id, *reason;
	int64_t until_unix_ms; /* of a silence */
	deia_err (*fn)(deia_health *m, const struct deed *d, const char *by,
		       int64_t unix_ms);
};

static deia_err do_deed(deia_hive *h, const struct deia_actor *actor,
			const struct deed *d, deia_hive_alert_cb cb, void *user)
{
	char by[DEIA_MAX_ID_LEN + 1];
	deia_err err;
	struct act *act = begin(h, actor, cb, user, &err);

	if (!act)
		return err;
	print_by(by, actor);
	err = d->fn(h->health->monitor, d, by, deia__health_unix(h));
	return finish(h, actor, act, d->id, d->action, err);
}

static deia_err acknowledge(deia_health *m, const struct deed *d,
			    const char *by, int64_t unix_ms)
{
	return deia_health_acknowledge(m, d->id, by, d->reason, unix_ms);
}

static deia_err silence(deia_health *m, const struct deed *d, const char *by,
			int64_t unix_ms)
{
	return deia_health_silence(m, d->id, by, d->reason, d->until_unix_ms,
				   unix_ms);
}

static deia_err resolve(deia_health *m, const struct deed *d, const char *by,
			int64_t unix_ms)
{
	return deia_health_resolve(m, d->id, by, d->reason, unix_ms);
}

deia_err deia_hive_alert_acknowledge(deia_hive *h,
				     const struct deia_actor *actor,
				     const char *id, const char *reason,
				     deia_hive_alert_cb cb, void *user)
{
	struct deed d = { "alert.acknowledge", id, reason, 0, acknowledge };

	return do_deed(h, actor, &d, cb, user);
}

deia_err deia_hive_alert_silence(deia_hive *h, const struct deia_actor *actor,
				 const char *id, const char *reason,
				 int64_t until_unix_ms, deia_hive_alert_cb cb,
				 void *user)
{
	struct deed d = { until_unix_ms ? "alert.silence" : "alert.unsilence",
			  id, reason, until_unix_ms, silence };

	return do_deed(h, actor, &d, cb, user);
}

deia_err deia_hive_alert_resolve(deia_hive *h, const struct deia_actor *actor,
				 const char *id, const char *reason,
				 deia_hive_alert_cb cb, void *user)
{
	struct deed d = { "alert.resolve", id, reason, 0, resolve };

	return do_deed(h, actor, &d, cb, user);
}
