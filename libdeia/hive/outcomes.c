/* SPDX-License-Identifier: MIT */
/* outcomes.c - see outcomes.h. */
#include "hive/outcomes.h"

#include <stdio.h>
#include <string.h>

struct deia__outcome_text {
	char id[DEIA_MAX_ID_LEN + 1];
	char *message; /* why not, or NULL */
};

deia_err deia__outcomes_init(struct deia__outcomes *o, deia_hive *h,
			     const char *const *ids, size_t n,
			     deia_hive_outcomes_cb cb, void *user)
{
	*o = (struct deia__outcomes){
		.hive = h,
		.cb = cb,
		.user = user,
		.items = deia__alloc((n + 1) * sizeof(*o->items)),
		.texts = deia__alloc((n + 1) * sizeof(*o->texts)),
	};
	if (!o->items || !o->texts) {
		deia__outcomes_fini(o);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	o->n = n;
	for (size_t i = 0; i < n; i++) {
		snprintf(o->texts[i].id, sizeof(o->texts[i].id), "%s",
			 ids[i] ? ids[i] : "");
		o->items[i].id = o->texts[i].id;
	}
	return DEIA_OK;
}

void deia__outcomes_set(struct deia__outcomes *o, size_t i, deia_err err)
{
	deia__free(o->texts[i].message);
	o->texts[i].message =
		err ? deia__strdup(deia_hive_errmsg(o->hive)) : NULL;
	o->items[i].err = err;
}

void deia__outcomes_give(struct deia__outcomes *o, deia_err err)
{
	for (size_t i = 0; i < o->n; i++) {
		struct deia_hive_outcome *it = &o->items[i];
		const char *message = o->texts[i].message;

		it->message = !it->err	? ""
			      : message ? message
					: deia_err_text(it->err);
	}
	if (o->cb)
		o->cb(err, err ? NULL : o->items, err ? 0 : o->n, o->user);
	deia__outcomes_fini(o);
}

void deia__outcomes_fini(struct deia__outcomes *o)
{
	for (size_t i = 0; o->texts && i < o->n; i++)
		deia__free(o->texts[i].message);
	deia__free(o->texts);
	deia__free(o->items);
	*o = (struct deia__outcomes){ 0 };
}
