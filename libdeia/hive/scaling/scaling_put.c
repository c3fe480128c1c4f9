/* SPDX-License-Identifier: MIT */
/*
 * scaling_put.c - settings of the auto-scaler that are changed while it runs.
 *
 * The whole change is checked before anything is written; its rows, event and
 * audit entry are one transaction. It counts once that is durable.
 */
#include "hive/scaling/scaling.h"

#include <stdio.h>
#include <string.h>

#include "hive/nodes/nodes.h"

struct item {
	char name[DEIA_MAX_ID_LEN + 1];
	bool delete;
	struct deia_scaling_template set;
};

struct put {
	deia_scaling_put_cb cb;
	void *user;
	struct deia_actor actor;
	int64_t at_ms;
	bool has_limits, delete_limits;
	struct deia_scaling_limits limits;
	size_t n;
	struct item items[];
};

/* ---- reading ------------------------------------------------------------ */

static bool wrong(struct deia_field_error *where, const char *pointer,
		  const char *detail)
{
	snprintf(where->pointer, sizeof(where->pointer), "%s", pointer);
	snprintf(where->detail, sizeof(where->detail), "%s", detail);
	return false;
}

static bool read_limits(deia_hive *h, struct put *p, const cJSON *json,
			struct deia_field_error *where)
{
	const struct deia__scaling *s = h->scaling;

	p->has_limits = true;
	p->delete_limits = cJSON_IsNull(json);
	p->limits = s->limits[deia__limits_source(s)];
	return p->delete_limits ||
	       deia__scaling_read_limits(&p->limits, json, "/limits", where);
}

static bool read_item(deia_hive *h, struct item *it, const cJSON *json,
		      struct deia_field_error *where)
{
	const struct deia__scaled *t = deia__scaled_get(h, json->string);
	const char *unfit = t ? deia__scaled_unfit(t)
			      : "there is no template of this name; "
				"templates are set in the configuration";
	char pointer[96];

	snprintf(pointer, sizeof(pointer), "/templates/%.64s", json->string);
	it->delete = cJSON_IsNull(json);
	if (it->delete &&t)
		unfit = NULL; /* of one that was taken out of the file */
	if (unfit)
		return wrong(where, pointer, unfit);
	snprintf(it->name, sizeof(it->name), "%s", t->name);
	it->set = t->sets[deia__scaled_source(t)];
	if (deia__scaled_source(t) == DEIA_SCALING_DEFAULT)
		it->set.enabled = true;
	return it->delete ||
	       deia__scaling_read_template(&it->set, json, pointer, where);
}

static bool read_templates(deia_hive *h, struct put *p, const cJSON *json,
			   struct deia_field_error *where)
{
	const cJSON *item;

	if (!cJSON_IsObject(json))
		return wrong(where, "/templates",
			     "expected an object with the settings of each "
			     "template by its name");
	cJSON_ArrayForEach(item, json)
		if (!read_item(h, &p->items[p->n++], item, where))
			return false;
	return true;
}

static bool read_all(deia_hive *h, struct put *p, const cJSON *json,
		     struct deia_field_error *where)
{
	char pointer[96];
	const cJSON *item;

	cJSON_ArrayForEach(item, json) {
		bool ok;

		if (strcmp(item->string, "limits") == 0) {
			ok = read_limits(h, p, item, where);
		} else if (strcmp(item->string, "templates") == 0) {
			ok = read_templates(h, p, item, where);
		} else {
			snprintf(pointer, sizeof(pointer), "/%.64s",
				 item->string);
			ok = wrong(where, pointer, "there is no such field");
		}
		if (!ok)
			return false;
	}
	return true;
}

/* ---- writing ------------------------------------------------------------ */

static void put_row(struct deia__change *c, const struct put *p,
		    const char *name, bool delete, char *text)
{
	struct deia_value row[SCALING_COLUMNS];

	row[SCALING_NAME] = deia_text(name);
	if (delete) {
		deia_txn_delete(deia__change_txn(c), &deia__table_scaling,
				&row[SCALING_NAME]);
		return;
	}
	if (!text)
		deia__change_no_memory(c);
	row[SCALING_DATA] = deia_text(text ? text : "{}");
	row[SCALING_UPDATED] = deia_int(p->at_ms);
	row[SCALING_UPDATED_BY] = deia_text(p->actor.name);
	deia_txn_put(deia__change_txn(c), &deia__table_scaling, row);
	deia__free(text);
}

static void put_rows(struct deia__change *c, const struct put *p)
{
	if (p->has_limits)
		put_row(c, p, DEIA__SCALING_LIMITS_ROW, p->delete_limits,
			p->delete_limits
				? NULL
				: deia__scaling_print_limits(&p->limits));
	for (size_t i = 0; i < p->n; i++) {
		const struct item *it = &p->items[i];

		put_row(c, p, it->name, it->delete,
			it->delete ? NULL
				   : deia__scaling_print_template(&it->set));
	}
}

static void apply(deia_hive *h, const struct put *p)
{
	struct deia__scaling *s = h->scaling;

	if (p->has_limits) {
		s->has_limits[DEIA_SCALING_API] = !p->delete_limits;
		s->limits[DEIA_SCALING_API] = p->limits;
		deia__scaling_limits_changed(h);
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct item *it = &p->items[i];
		struct deia__scaled *t =
			it->delete ? deia__scaled_get(h, it->name)
				   : deia__scaled_add(h, it->name);

		if (!t)
			continue;
		t->has[DEIA_SCALING_API] = !it->delete;
		t->sets[DEIA_SCALING_API] = it->set;
		t->updated_ms = p->at_ms;
		snprintf(t->updated_by, sizeof(t->updated_by), "%s",
			 p->actor.name);
		deia__scaled_changed(h, t);
	}
}

static void on_put(deia_hive *h, deia_err err, const int64_t *seqs,
		   size_t n_seqs, void *arg)
{
	struct put *p = arg;

	(void)seqs;
	(void)n_seqs;
	if (!err && !h->freeing)
		apply(h, p);
	if (p->cb)
		p->cb(err, p->user);
	deia__free(p);
}

/* What it is about, for the audit trail: one template, or all of it. */
static const char *target_of(const struct put *p)
{
	return p->n == 1 && !p->has_limits ? p->items[0].name : "";
}

static deia_err commit(deia_hive *h, struct put *p)
{
	struct deia__change *c = deia__change_new(h);

	put_rows(c, p);
	deia__change_notify(c, DEIA__TOPIC_SCALING, "");
	deia__change_bot_event(c, "scaling.changed", target_of(p), &p->actor);
	deia__change_audit(c, &p->actor, "scaling.put", target_of(p), DEIA_OK);
	return deia__change_commit(c, h, on_put, p);
}

static struct put *put_new(const struct deia_actor *actor, const cJSON *change)
{
	const cJSON *list = deia__json_get(change, "templates");
	size_t n = cJSON_IsObject(list) ? (size_t)cJSON_GetArraySize(list) : 0;
	struct put *p = deia__alloc(sizeof(*p) + n * sizeof(p->items[0]));

	if (!p)
		return NULL;
	p->actor = *actor;
	p->at_ms = deia__unix_ms(NULL);
	return p;
}

deia_err deia_hive_scaling_put(deia_hive *h, const struct deia_actor *actor,
			       const cJSON *change, deia_scaling_put_cb cb,
			       void *user)
{
	struct deia_field_error where = { "", "" };
	struct put *p;
	deia_err err;

	if (actor->role < DEIA_ROLE_ADMIN)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only an administrator may change how "
				       "bots are scaled");
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	p = put_new(actor, change);
	if (!p)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	p->cb = cb;
	p->user = user;
	if (!read_all(h, p, change, &where)) {
		deia__free(p);
		return deia__hive_field(h, where.pointer, "%s", where.detail);
	}
	err = commit(h, p);
	if (err)
		deia__free(p);
	return err;
}
