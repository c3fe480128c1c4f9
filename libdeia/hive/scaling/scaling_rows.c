/* SPDX-License-Identifier: MIT */
/*
 * scaling_rows.c - what the store has of the auto-scaler: settings that were
 * put, and the numbers of launches.
 *
 * Rows of the table scaling: "*" has the limits of all, a template's name its
 * settings, "#" and a node's name the numbers that its last launches had, so
 * that no id is given twice: a new bot would find the chat of a former one.
 */
#include "hive/scaling/scaling.h"

#include <stdio.h>
#include <string.h>

#include "hive/nodes/nodes.h"

/* ---- reading ------------------------------------------------------------ */

static cJSON *parse(const deia_rows *rows, size_t r)
{
	const struct deia_value *text = deia_rows_get(rows, r, SCALING_DATA);
	cJSON *json = NULL;

	if (deia_json_parse(&json, text->s, text->len, NULL))
		return NULL;
	return json;
}

static bool take_limits(deia_hive *h, const cJSON *json,
			struct deia_field_error *where)
{
	struct deia_scaling_limits l = DEIA_SCALING_LIMITS_INIT;

	if (!deia__scaling_read_limits(&l, json, "", where))
		return false;
	h->scaling->limits[DEIA_SCALING_API] = l;
	h->scaling->has_limits[DEIA_SCALING_API] = true;
	return true;
}

static bool take_template(deia_hive *h, const char *name, const cJSON *json,
			  const deia_rows *rows, size_t r,
			  struct deia_field_error *where)
{
	struct deia_scaling_template set = DEIA_SCALING_TEMPLATE_INIT;
	struct deia__scaled *t;

	snprintf(where->detail, sizeof(where->detail), "too many templates");
	if (!deia__scaling_read_template(&set, json, "", where))
		return false;
	t = deia__scaled_add(h, name);
	if (!t)
		return false;
	t->sets[DEIA_SCALING_API] = set;
	t->has[DEIA_SCALING_API] = true;
	t->updated_ms = deia_rows_get(rows, r, SCALING_UPDATED)->i;
	snprintf(t->updated_by, sizeof(t->updated_by), "%s",
		 deia_rows_text(rows, r, SCALING_UPDATED_BY));
	return true;
}

static void take_counters(deia_hive *h, const cJSON *json)
{
	const cJSON *item;
	int64_t n;

	cJSON_ArrayForEach(item, json) {
		struct deia__scaled *t = NULL;

		if (deia_bot_id_valid(item->string) &&
		    deia__json_int(json, item->string, 0, UINT32_MAX, &n))
			t = deia__scaled_add(h, item->string);
		if (t && t->counter < (unsigned)n)
			t->counter = (unsigned)n;
	}
}

/* A row that this version does not understand stays, and is not used. */
static deia_err take_row(deia_hive *h, const deia_rows *rows, size_t r)
{
	const char *name = deia_rows_text(rows, r, SCALING_NAME);
	struct deia_field_error where = { "", "it is not JSON" };
	cJSON *json = parse(rows, r);
	bool ok = json != NULL;

	if (ok && name[0] == DEIA__SCALING_COUNTERS_ROW) {
		if (strcmp(name + 1, h->nodes->name) == 0)
			take_counters(h, json);
	} else if (ok && strcmp(name, DEIA__SCALING_LIMITS_ROW) == 0) {
		ok = take_limits(h, json, &where);
	} else if (ok) {
		ok = take_template(h, name, json, rows, r, &where);
	}
	if (!ok)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "the settings of scaling \"%s\" in the store "
			       "are not used: %s %s",
			       name, where.pointer, where.detail);
	cJSON_Delete(json);
	return DEIA_OK;
}

deia_err deia__scaling_load(deia_hive *h)
{
	struct deia_page_query q = {
		.table = &deia__table_scaling,
		.index = -1,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	struct deia__scaling *s = h->scaling;
	deia_err err = deia__hive_each_row(h, &q, take_row);

	if (!err)
		err = deia__hive_edge_seq(h, &deia__table_scaling_decisions,
					  true, &s->newest);
	if (!err)
		err = deia__hive_edge_seq(h, &deia__table_scaling_decisions,
					  false, &s->pruned);
	if (!err && s->pruned)
		s->pruned--; /* the oldest that is there is not gone */
	if (!err)
		deia__scaling_limits_changed(h);
	return err;
}

/* ---- what other nodes changed ------------------------------------------- */

static void on_reread(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	struct deia__scaling *s = h->scaling;
	struct deia__scaled *t, *next;
	size_t n = err ? 0 : deia_rows_count(rows);

	s->reading = false;
	if (err || h->freeing) {
		if (!h->freeing)
			deia__hive_log(h, DEIA_LOG_WARN,
				       "settings of scaling cannot be read "
				       "again: %s",
				       deia_err_text(err));
		return;
	}
	s->has_limits[DEIA_SCALING_API] = false;
	HASH_ITER(hh, s->templates, t, next)
		t->has[DEIA_SCALING_API] = false;
	for (size_t r = 0; r < n; r++)
		(void)!take_row(h, rows, r);
	deia__scaling_limits_changed(h);
	HASH_ITER(hh, s->templates, t, next)
		deia__scaled_changed(h, t);
	if (s->read_again)
		deia__scaling_reread(h);
}

/* One page has them all: a row a template and a node, and there are at most
 * 256 of either. */
void deia__scaling_reread(deia_hive *h)
{
	struct deia_page_query q = {
		.table = &deia__table_scaling,
		.index = -1,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	struct deia__scaling *s = h->scaling;

	s->read_again = s->reading;
	if (s->reading || !h->store)
		return;
	s->reading = deia_store_page(h->store, &q, on_reread, h) == DEIA_OK;
	if (!s->reading)
		deia__hive_log(h, DEIA_LOG_WARN,
			       "settings of scaling cannot be read again");
}

/* ---- numbers ------------------------------------------------------------ */

static char *print_counters(const deia_hive *h)
{
	struct deia__scaled *t, *next;
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	HASH_ITER(hh, h->scaling->templates, t, next)
		if (t->counter)
			deia_jw_kint(&w, t->name, t->counter);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w)) {
		deia_jw_fini(&w);
		return NULL;
	}
	return w.text;
}

deia_err deia__scaling_keep_counters(deia_hive *h)
{
	struct deia__change *c = deia__change_new(h);
	struct deia_value row[SCALING_COLUMNS];
	char *text = print_counters(h);
	char name[DEIA_MAX_ID_LEN + 2];
	deia_err err;

	if (!text)
		deia__change_no_memory(c);
	snprintf(name, sizeof(name), "%c%s", DEIA__SCALING_COUNTERS_ROW,
		 h->nodes->name);
	row[SCALING_NAME] = deia_text(name);
	row[SCALING_DATA] = deia_text(text ? text : "{}");
	row[SCALING_UPDATED] = deia_int(deia__unix_ms(NULL));
	row[SCALING_UPDATED_BY] = deia_text(DEIA_SCALING_ACTOR);
	deia_txn_put(deia__change_txn(c), &deia__table_scaling, row);
	err = deia__change_commit(c, h, NULL, NULL);
	deia__free(text);
	return err;
}
