/* SPDX-License-Identifier: MIT */
/*
 * telling.c - people are told of alerts (deia/notify.h), by whom the
 * configuration names.
 *
 * What each receiver was told is one row of this node, written anew soon after
 * it changed; so what was not told when the hive is killed is told by the next.
 */
#include "hive/health/health.h"
#include "hive/nodes/nodes.h"

#include <string.h>

#include <deia/node.h>

#define ROW "notify:" /* and the mark of the node */
#define SOON_MS 50
#define RETRY_MS 10000

deia_notify *deia_hive_notify(const deia_hive *h)
{
	return h->health->notify;
}

/* ---- storing ------------------------------------------------------------- */

static bool put(deia_hive *h, struct deia__change *c)
{
	struct deia__health *hh = h->health;
	struct deia_value row[HEALTH_SETTING_COLUMNS];
	char *name = deia__asprintf(ROW "%s", deia__node_mark(h));
	deia_jw w;
	bool ok;

	if (!hh->told_changed || !hh->notify) {
		deia__free(name);
		return false;
	}
	deia_jw_init(&w);
	deia_notify_print_state(hh->notify, &w);
	ok = name && deia_jw_status(&w) == DEIA_OK;
	if (ok) {
		row[HEALTH_SETTING_NAME] = deia_text(name);
		row[HEALTH_SETTING_DATA] = deia_text(w.text);
		row[HEALTH_SETTING_UPDATED] = deia_int(deia__unix_ms(NULL));
		row[HEALTH_SETTING_UPDATED_BY] = deia_text("");
		deia_txn_put(deia__change_txn(c), &deia__table_health_settings,
			     row);
		hh->told_changed = false;
	} else {
		deia__change_no_memory(c);
	}
	deia_jw_fini(&w);
	deia__free(name);
	return true;
}

static void all_new(deia_hive *h)
{
	h->health->told_changed = true;
}

static const struct deia__saver_kind kind = {
	.what = "who was told of alerts",
	.soon_ms = SOON_MS,
	.retry_ms = RETRY_MS,
	.put = put,
	.all_new = all_new,
};

static void on_changed(void *user)
{
	deia_hive *h = user;

	h->health->told_changed = true;
	deia__saver_changed(&h->health->told_saver);
}

static void on_log(bool bad, const char *text, void *user)
{
	deia__hive_log(user, bad ? DEIA_LOG_WARN : DEIA_LOG_INFO, "%s", text);
}

/* ---- a former life ------------------------------------------------------- */

bool deia__telling_is_row(const deia_hive *h, const char *name)
{
	return strncmp(name, ROW, strlen(ROW)) == 0 &&
	       deia__node_is_own(h, name + strlen(ROW));
}

/* Each alert that is kept, the newest first. */
static void restore(deia_hive *h, const cJSON *state)
{
	const struct deia_health_alert *a = NULL;
	struct deia__health *hh = h->health;

	while ((a = deia_health_next_alert(hh->monitor, a)) != NULL)
		deia_notify_restore(hh->notify, a, state);
}

void deia__telling_start(deia_hive *h)
{
	struct deia__health *hh = h->health;

	if (hh->notify)
		restore(h, hh->told);
	cJSON_Delete(hh->told);
	hh->told = NULL;
	hh->telling = true;
}

/* ---- who is told --------------------------------------------------------- */

static deia_err open_notify(deia_hive *h)
{
	struct deia_notify_opts o = DEIA_NOTIFY_OPTS_INIT;
	struct deia__health *hh = h->health;

	o.base = h->base;
	o.link = h->url;
	o.instance = deia_hive_node_name(h);
	o.guard_program = h->guard_program;
	o.changed = on_changed;
	o.log = on_log;
	o.user = h;
	deia__saver_init(&hh->told_saver, h, &kind);
	return deia_notify_new(&hh->notify, &o);
}

deia_err deia_hive_notify_configure(deia_hive *h,
				    const struct deia_notify_receiver *list,
				    size_t n,
				    const struct deia_notify_pace *pace)
{
	struct deia__health *hh = h->health;
	char why[256] = "out of memory";
	deia_err err = DEIA_OK;

	if (!hh->notify && !n)
		return DEIA_OK;
	if (!hh->notify)
		err = open_notify(h);
	if (!err)
		err = deia_notify_set_receivers(hh->notify, list, n, pace, why,
						sizeof(why));
	if (err)
		return deia__hive_fail(h, err, "%s", why);
	if (hh->telling)
		restore(h, NULL);
	return DEIA_OK;
}

void deia__telling_tell(deia_hive *h, const struct deia_health_event *e)
{
	if (h->health->notify)
		deia_notify_tell(h->health->notify, e->change, e->alert);
}

void deia__telling_stop(deia_hive *h)
{
	deia__saver_stop(&h->health->told_saver);
}

void deia__telling_free(deia_hive *h)
{
	struct deia__health *hh = h->health;

	if (h->timers)
		deia__timer_clear(h->timers, &hh->told_saver.timer);
	deia_notify_free(hh->notify);
	hh->notify = NULL;
	cJSON_Delete(hh->told);
	hh->told = NULL;
}

/* ---- a test -------------------------------------------------------------- */

struct trial {
	char *name; /* NULL: all */
	deia_hive_notify_test_cb cb;
	void *user;
};

static void trial_free(struct trial *t)
{
	deia__free(t->name);
	deia__free(t);
}

static void on_tested(const struct deia_notify_test *results, size_t n,
		      void *user)
{
	struct trial *t = user;

	t->cb(DEIA_OK, results, n, t->user);
	trial_free(t);
}

static void on_audited(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	struct trial *t = arg;

	(void)seqs;
	(void)n_seqs;
	if (!err && (h->freeing || h->stopping))
		err = deia__hive_fail(h, DEIA_EUNAVAILABLE,
				      "the hive is stopping");
	if (!err)
		err = deia_notify_send_test(h->health->notify, t->name,
					    on_tested, t);
	if (!err)
		return;
	if (err == DEIA_EBUSY)
		deia__hive_fail(h, err, "too many tests are under way");
	t->cb(err, NULL, 0, t->user);
	trial_free(t);
}

static bool is_there(const deia_hive *h, const char *name)
{
	struct deia_notify_status st;

	for (size_t i = 0; h->health->notify &&
			   deia_notify_get_status(h->health->notify, i, &st);
	     i++)
		if (!name || strcmp(st.name, name) == 0)
			return true;
	return false;
}

static deia_err may_test(deia_hive *h, const struct deia_actor *actor,
			 const char *name)
{
	if (actor->role < DEIA_ROLE_ADMIN)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only an administrator may send test "
				       "messages");
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (is_there(h, name))
		return DEIA_OK;
	if (!name)
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "nobody is told of alerts: there is no "
				       "receiver below alerts.receivers in "
				       "config.yaml");
	return deia__hive_fail(h, DEIA_ENOTFOUND,
			       "there is no receiver %.64s; "
			       "`deia alerts receivers` lists them",
			       name);
}

deia_err deia_hive_notify_test(deia_hive *h, const struct deia_actor *actor,
			       const char *name, deia_hive_notify_test_cb cb,
			       void *user)
{
	deia_err err = may_test(h, actor, name);
	struct deia__change *c;
	struct trial *t;

	if (err)
		return err;
	t = deia__alloc(sizeof(*t));
	if (t && name)
		t->name = deia__strdup(name);
	if (!t || (name && !t->name)) {
		deia__free(t);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	t->cb = cb;
	t->user = user;
	c = deia__change_new(h);
	deia__change_audit(c, actor, "alert.test", name ? name : "", DEIA_OK);
	err = deia__change_commit(c, h, on_audited, t);
	if (err)
		trial_free(t);
	return err;
}
