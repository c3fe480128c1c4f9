/* SPDX-License-Identifier: MIT */
/* scaling_list.c - how the auto-scaler is: its limits, and each template. */
#include "hive/scaling/scaling.h"

#include <string.h>

void deia_hive_scaling_get(deia_hive *h, struct deia_scaling_state *out)
{
	const struct deia__scaling *s = h->scaling;
	const struct deia__scaled *t;

	*out = (struct deia_scaling_state){
		.source = deia__limits_source(s),
		.limits = s->limits[deia__limits_source(s)],
		.active = s->n_scaled > 0,
		.cpu_ratio = s->machine.cpu_ratio,
		.memory_known = s->machine.memory_known,
		.free_bytes = s->machine.free_bytes,
	};
	for (t = s->templates; t; t = t->hh.next)
		for (int i = 0; t->scaled && i < DEIA_SCALER_STATES; i++)
			out->bots += t->counts[i];
}

static void fill(deia_hive *h, const struct deia__scaled *t,
		 struct deia_scaling_status *out)
{
	deia_scaling_source source = deia__scaled_source(t);

	*out = (struct deia_scaling_status){
		.name = t->name,
		.set = t->sets[source],
		.source = source,
		.known = t->spec != NULL,
		.updated_by = "",
		.now.reason = "",
	};
	if (source == DEIA_SCALING_API) {
		out->updated_unix_ms = t->updated_ms;
		out->updated_by = t->updated_by;
	}
	if (!t->scaled)
		return;
	out->running = t->load.running;
	out->managed = t->managed;
	if (deia_scaler_get_status(h->scaling->scaler, t->name, &out->now))
		memset(&out->now, 0, sizeof(out->now));
	memcpy(out->now.counts, t->counts, sizeof(out->now.counts));
	if (!out->now.reason)
		out->now.reason = "";
}

size_t deia_hive_scaling_list(deia_hive *h, const char *after,
			      struct deia_scaling_status *out, size_t max)
{
	const struct deia__scaled *t;
	size_t n = 0;

	for (t = h->scaling->templates; t && n < max; t = t->hh.next) {
		if (after && strcmp(t->name, after) <= 0)
			continue;
		if (t->spec || deia__scaled_source(t) != DEIA_SCALING_DEFAULT)
			fill(h, t, &out[n++]);
	}
	return n;
}
