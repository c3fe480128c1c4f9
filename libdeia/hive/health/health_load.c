/* SPDX-License-Identifier: MIT */
/*
 * health_load.c - rules and alerts of former lives.
 *
 * They are read while the hive is opened and kept as they were read until it is
 * started: rules and alerts may name metrics that the host program adds in
 * between. Ids of alerts are in order of time, so the newest come first.
 */
#include "hive/health/health.h"
#include "hive/nodes/nodes.h"

#include <string.h>

#define LOADED_MAX 2000 /* of this node; older ones are deleted */

static cJSON *parse(const struct deia_value *text)
{
	cJSON *json = NULL;

	if (deia_json_parse(&json, text->s, text->len, NULL))
		return NULL;
	return json;
}

/* ---- reading ------------------------------------------------------------- */

static deia_err read_setting(deia_hive *h, const deia_rows *rows, size_t r)
{
	const char *name = deia_rows_text(rows, r, HEALTH_SETTING_NAME);

	if (deia__telling_is_row(h, name)) {
		cJSON_Delete(h->health->told);
		h->health->told =
			parse(deia_rows_get(rows, r, HEALTH_SETTING_DATA));
	}
	if (strcmp(name, DEIA__HEALTH_RULES_ROW) != 0)
		return DEIA_OK; /* of a later version */
	cJSON_Delete(h->health->rules);
	h->health->rules = parse(deia_rows_get(rows, r, HEALTH_SETTING_DATA));
	if (!h->health->rules)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "the rules of health in the store are damaged "
			       "and not used");
	return DEIA_OK;
}

static bool keep(struct deia__health *hh, cJSON *json)
{
	if (hh->n_loaded == hh->cap_loaded) {
		size_t cap = hh->cap_loaded ? hh->cap_loaded * 2 : 64;
		void *p = deia__realloc(hh->loaded, cap * sizeof(*hh->loaded));

		if (!p)
			return false;
		hh->loaded = p;
		hh->cap_loaded = cap;
	}
	hh->loaded[hh->n_loaded++] = json;
	return true;
}

static deia_err read_alert(deia_hive *h, const deia_rows *rows, size_t r)
{
	const char *id = deia_rows_text(rows, r, ALERT_ID);
	const char *mark = deia_rows_text(rows, r, ALERT_NODE);
	struct deia__health *hh = h->health;
	cJSON *json;

	if (!deia__node_is_own(h, mark))
		return DEIA_OK;
	if (hh->n_loaded >= LOADED_MAX) {
		deia__alerts_delete(h, id);
		return DEIA_OK;
	}
	json = parse(deia_rows_get(rows, r, ALERT_DATA));
	if (!json) { /* it stays, for who can read it */
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "alert %.36s in the store is damaged and not "
			       "used",
			       id);
		return DEIA_OK;
	}
	if (keep(hh, json) &&
	    deia__alerts_know(h, id, strcmp(mark, deia__node_mark(h)) != 0))
		return DEIA_OK;
	if (!hh->n_loaded || hh->loaded[hh->n_loaded - 1] != json)
		cJSON_Delete(json);
	return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
}

deia_err deia__health_load(deia_hive *h)
{
	struct deia_page_query settings = {
		.table = &deia__table_health_settings,
		.index = -1,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	struct deia_page_query alerts = {
		.table = &deia__table_alerts,
		.index = -1,
		.descending = true,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	deia_err err = deia__hive_each_row(h, &settings, read_setting);

	return err ? err : deia__hive_each_row(h, &alerts, read_alert);
}

/* ---- taking in ----------------------------------------------------------- */

static void take_rules(deia_hive *h)
{
	struct deia__health *hh = h->health;
	struct deia_field_error where = { "", "" };

	if (hh->rules &&
	    deia_health_set_rules_json(hh->monitor, hh->rules, &where))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "the rules of health in the store are not "
			       "used: %s",
			       deia_health_errmsg(hh->monitor));
}

/* One that is refused is as one that is not kept: the sweep deletes its row. */
static void take_alert(deia_hive *h, const cJSON *json)
{
	struct deia_field_error where = { "", "" };
	const char *id = deia__json_str(json, "id");
	deia_health *m = h->health->monitor;

	if (deia_health_restore_alert(m, json, &where))
		deia__hive_log(h, DEIA_LOG_WARN, "alert %.36s is not kept: %s",
			       id ? id : "", deia_health_errmsg(m));
}

void deia__health_take_in(deia_hive *h)
{
	struct deia__health *hh = h->health;

	take_rules(h);
	if (hh->off) { /* they stay in the store, as they are */
		deia__health_drop_loaded(h);
		return;
	}
	while (hh->n_loaded) {
		cJSON *json = hh->loaded[--hh->n_loaded];

		take_alert(h, json);
		cJSON_Delete(json);
	}
	deia__health_drop_loaded(h);
	deia__alerts_sweep(h);
}

void deia__health_drop_loaded(deia_hive *h)
{
	struct deia__health *hh = h->health;

	while (hh->n_loaded)
		cJSON_Delete(hh->loaded[--hh->n_loaded]);
	deia__free(hh->loaded);
	hh->loaded = NULL;
	hh->cap_loaded = 0;
	cJSON_Delete(hh->rules);
	hh->rules = NULL;
}
