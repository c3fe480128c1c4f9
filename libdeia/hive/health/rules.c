/* SPDX-License-Identifier: MIT */
/*
 * rules.c - rules that are changed while the hive runs.
 *
 * They are checked before anything is written; the row, the event and the audit
 * entry are one change, and the rules count once that is durable. Other nodes
 * are told and read the row again.
 */
#include "hive/health/health.h"
#include "hive/nodes/nodes.h"

#include <string.h>

struct put {
	deia_done_cb cb;
	void *user;
	char *text; /* NULL: the built-in ones */
};

static void put_free(struct put *p)
{
	if (p)
		deia__free(p->text);
	deia__free(p);
}

/* text NULL: the built-in ones. */
static deia_err use(deia_hive *h, const char *text, size_t len)
{
	deia_health *m = h->health->monitor;
	cJSON *json = NULL;
	deia_err err;

	err = text ? deia_json_parse(&json, text, len, NULL) : DEIA_OK;
	if (!text && !(json = cJSON_CreateNull()))
		err = DEIA_ENOMEM;
	if (!err)
		err = deia_health_set_rules_json(m, json, NULL);
	cJSON_Delete(json);
	if (err)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "rules of health are stored and not used: %s",
			       deia_err_text(err));
	return err;
}

/* ---- put here ------------------------------------------------------------ */

static void on_put(deia_hive *h, deia_err err, const int64_t *seqs,
		   size_t n_seqs, void *arg)
{
	struct put *p = arg;

	(void)seqs;
	(void)n_seqs;
	if (!err && !h->freeing) {
		err = use(h, p->text, p->text ? strlen(p->text) : 0);
		if (err)
			deia__hive_fail(h, err, "%s", deia_err_text(err));
	}
	if (p->cb)
		p->cb(err, p->user);
	put_free(p);
}

static void put_row(struct deia__change *c, const struct deia_actor *actor,
		    const char *text)
{
	struct deia_value row[HEALTH_SETTING_COLUMNS];

	row[HEALTH_SETTING_NAME] = deia_text(DEIA__HEALTH_RULES_ROW);
	if (!text) {
		deia_txn_delete(deia__change_txn(c),
				&deia__table_health_settings,
				&row[HEALTH_SETTING_NAME]);
		return;
	}
	row[HEALTH_SETTING_DATA] = deia_text(text);
	row[HEALTH_SETTING_UPDATED] = deia_int(deia__unix_ms(NULL));
	row[HEALTH_SETTING_UPDATED_BY] = deia_text(actor->name);
	deia_txn_put(deia__change_txn(c), &deia__table_health_settings, row);
}

static deia_err check(deia_hive *h, const struct deia_actor *actor,
		      const cJSON *json)
{
	struct deia_field_error where = { "", "" };
	deia_health *m = h->health->monitor;
	deia_err err;

	if (actor->role < DEIA_ROLE_ADMIN)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only an administrator may change the "
				       "rules of health");
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	err = deia_health_check_rules_json(m, json, &where);
	if (err == DEIA_EFIELD)
		return deia__hive_field(h, where.pointer, "%s", where.detail);
	return err ? deia__hive_fail(h, err, "%s", deia_health_errmsg(m))
		   : DEIA_OK;
}

deia_err deia_hive_health_put_rules(deia_hive *h,
				    const struct deia_actor *actor,
				    const struct cJSON *json, deia_done_cb cb,
				    void *user)
{
	deia_err err = check(h, actor, json);
	struct deia__change *c;
	struct put *p;

	if (err)
		return err;
	p = deia__alloc(sizeof(*p));
	if (p && !cJSON_IsNull(json))
		p->text = deia__json_print(json);
	if (!p || (!p->text && !cJSON_IsNull(json))) {
		put_free(p);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	p->cb = cb;
	p->user = user;
	c = deia__change_new(h);
	put_row(c, actor, p->text);
	deia__change_notify(c, DEIA__TOPIC_HEALTH, "");
	deia__change_bot_event(c, "health.rules", "", actor);
	deia__change_audit(c, actor, "health.rules", "", DEIA_OK);
	err = deia__change_commit(c, h, on_put, p);
	if (err)
		put_free(p);
	return err;
}

/* ---- put elsewhere ------------------------------------------------------- */

static void on_reread(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	struct deia__health *hh = h->health;
	const struct deia_value *text = NULL;

	hh->reading = false;
	if (h->freeing)
		return;
	if (err) {
		deia__hive_log(h, DEIA_LOG_WARN,
			       "rules of health cannot be read again: %s",
			       deia_err_text(err));
		return;
	}
	if (deia_rows_count(rows))
		text = deia_rows_get(rows, 0, HEALTH_SETTING_DATA);
	(void)!use(h, text ? text->s : NULL, text ? text->len : 0);
	if (hh->read_again)
		deia__health_reread(h);
}

void deia__health_reread(deia_hive *h)
{
	static const char row[] = DEIA__HEALTH_RULES_ROW;
	struct deia_value name = deia_text(row);
	struct deia_page_query q = {
		.table = &deia__table_health_settings,
		.index = -1,
		.equal = &name,
		.n_equal = 1,
		.limit = 1,
	};
	struct deia__health *hh = h->health;

	hh->read_again = hh->reading;
	if (hh->reading || !h->store)
		return;
	hh->reading = deia_store_page(h->store, &q, on_reread, h) == DEIA_OK;
	if (!hh->reading)
		deia__hive_log(h, DEIA_LOG_WARN,
			       "rules of health cannot be read again");
}
