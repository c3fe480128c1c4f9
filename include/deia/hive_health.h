/* SPDX-License-Identifier: MIT */
/*
 * hive_health.h - the hive's health: what health.h judges, measured, kept,
 * told and acted on.
 *
 * Once a second the hive measures itself - the machine, its own process, the
 * store, the cache, what waits, each bot - and looks. Reading is health.h on
 * deia_hive_health; a host program may put samples of its own metrics there.
 *
 * Each change of an alert is a row, an event ("alert.generated",
 * "alert.escalated", "alert.deescalated", "alert.acknowledged",
 * "alert.silenced", "alert.unsilenced", "alert.resolved"; the alert as JSON, its
 * id is the subject) and a line in the journal. While the store is away changes
 * wait: of each alert the last one is kept, and stored when it is back. Alerts
 * and rules survive a restart; each node of a shared store has its own alerts,
 * and all have the same rules.
 *
 * Operators and administrators acknowledge, silence and resolve; administrators
 * change rules; all of it is audited. Everything as in hive.h: loop thread,
 * callbacks after the change is durable, deia_hive_errmsg for details. All
 * since 0.3.
 */
#ifndef DEIA_HIVE_HEALTH_H
#define DEIA_HIVE_HEALTH_H

#include <deia/health.h>
#include <deia/hive.h>
#include <deia/notify.h>

DEIA_BEGIN

/* The hive's monitor: to read it, to add metrics before deia_hive_start, and to
 * put samples of them. Rules and alerts are changed with the calls below, else
 * the change is not stored. Never NULL. */
DEIA_API deia_health *deia_hive_health(const deia_hive *hive);

/*
 * False: it was made with no_health. Nothing is measured or judged then, no alert
 * fires or ends, and those of former lives are not shown; they wait in the store,
 * as do rules, which can be read and changed. Any time.
 */
DEIA_API bool deia_hive_health_is_on(const deia_hive *hive);
/*
 * Looks now if other bots have failed than at the last look, so that what is
 * read next is as of this moment; constant time else. Not from a callback of the
 * monitor.
 */
DEIA_API void deia_hive_health_update(deia_hive *hive);

/* The alert as it is now, borrowed for the call; NULL on an error. */
typedef void (*deia_hive_alert_cb)(deia_err err,
				   const struct deia_health_alert *alert,
				   void *user);

/*
 * As deia_health_acknowledge, _silence (until_unix_ms 0: the silence ends) and
 * _resolve; by is the actor. In force at once; cb when it is durable: with an
 * error it is in force until the hive ends.
 * DEIA_OK; DEIA_EDENIED: a viewer or a bot; DEIA_EINVAL, DEIA_ENOTFOUND,
 * DEIA_ESTATE, DEIA_ENOMEM, DEIA_EUNAVAILABLE; cb: also DEIA_ESTORE,
 * DEIA_EBUSY, DEIA_EFULL.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_alert_acknowledge(
	deia_hive *hive, const struct deia_actor *actor, const char *id,
	const char *reason, deia_hive_alert_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err deia_hive_alert_silence(
	deia_hive *hive, const struct deia_actor *actor, const char *id,
	const char *reason, int64_t until_unix_ms, deia_hive_alert_cb cb,
	void *user);
DEIA_API DEIA_NODISCARD deia_err deia_hive_alert_resolve(
	deia_hive *hive, const struct deia_actor *actor, const char *id,
	const char *reason, deia_hive_alert_cb cb, void *user);

/*
 * Other rules, durably: {"rules":[...]} as deia_health_set_rules_json reads it,
 * or null for the built-in ones. In force when cb is told DEIA_OK. json:
 * borrowed for the call. DEIA_OK; DEIA_EDENIED: not an administrator;
 * DEIA_EFIELD: deia_hive_field_error says where; DEIA_ELIMIT, DEIA_ENOMEM,
 * DEIA_EBUSY, DEIA_EUNAVAILABLE; cb: also DEIA_ESTORE.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_health_put_rules(
	deia_hive *hive, const struct deia_actor *actor,
	const struct cJSON *json, deia_done_cb cb, void *user);

/* ---- telling people ---------------------------------------------------- */

/*
 * Who is told of alerts from now on, as deia_notify_set_receivers; also again
 * while it runs. What was not told when a hive ended, however it did, is told
 * by the next. DEIA_OK, DEIA_EINVAL, DEIA_ELIMIT, DEIA_ENOMEM, DEIA_EIO.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_notify_configure(
	deia_hive *hive, const struct deia_notify_receiver *receivers,
	size_t count, const struct deia_notify_pace *pace);
/* To look at it (deia_notify_get_status); NULL: nobody was ever to be told. */
DEIA_API deia_notify *deia_hive_notify(const deia_hive *hive);

/* results: count of them, for the call; with an error none. */
typedef void (*deia_hive_notify_test_cb)(deia_err err,
					 const struct deia_notify_test *results,
					 size_t count, void *user);
/*
 * A test message to one receiver, or to all (name NULL), as
 * deia_notify_send_test; in the audit trail. DEIA_OK; DEIA_EDENIED: not an
 * administrator; DEIA_ENOTFOUND, DEIA_EUNAVAILABLE, DEIA_ENOMEM; cb: also
 * DEIA_EBUSY, DEIA_ESTORE. Not called when the hive is freed meanwhile.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_notify_test(
	deia_hive *hive, const struct deia_actor *actor, const char *name,
	deia_hive_notify_test_cb cb, void *user);

DEIA_END

#endif
