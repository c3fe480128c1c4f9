/* SPDX-License-Identifier: MIT */
/*
 * cascade.c - which bots fail, and what that would take with it.
 *
 * risk = bots that depend on it (depends_on, also through others) + tasks that
 * wait and are pinned to it + tasks that wait and that no other bot that runs
 * can do.
 */
#include "hive/insight/insight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hive/health/health.h"

#define RISKS 16
#define ROUNDS 32
#define SUCCESS_MIN 0.3 /* of */
#define FINISHED_MIN 5	/* tasks or more, as the rule bot_success has it */

/* NULL: it does not fail. */
static const char *why_of(const deia_hive *h, const struct deia_bot_info *info)
{
	const deia_health *m = h->health->monitor;
	const char *id = info->spec->id;

	if (info->state == DEIA_BOT_FAILED || info->state == DEIA_BOT_OFFLINE ||
	    info->state == DEIA_BOT_BACKOFF)
		return deia_bot_state_name(info->state);
	if (deia_health_get(m, "bot.finished", id) >= FINISHED_MIN &&
	    deia_health_get(m, "bot.success_ratio", id) < SUCCESS_MIN)
		return "its tasks fail";
	return NULL;
}

static int compare(const void *id, const void *bot)
{
	const struct deia_bot_info *const *info = bot;

	return strcmp(id, (*info)->spec->id);
}

/* It names the bot, or one of those that were found before; hit: NULL, or
 * which of the bots were. */
static bool depends(const struct deia__look *l, const bool *hit, size_t i,
		    const char *on)
{
	const struct deia_bot_spec *s = l->bots[i]->spec;

	for (size_t d = 0; d < s->n_depends_on; d++) {
		const struct deia_bot_info **at =
			bsearch(s->depends_on[d], l->bots, l->n_bots,
				sizeof(*l->bots), compare);

		if (strcmp(s->depends_on[d], on) == 0 ||
		    (hit && at && hit[at - l->bots]))
			return true;
	}
	return false;
}

/* Those found in a round are looked for in the next. */
static unsigned count_dependents(const struct deia__look *l, const char *bot)
{
	bool *hit = deia__alloc((l->n_bots + 1) * sizeof(*hit));
	unsigned n = 0, found = 1;

	for (int round = 0; found && round < ROUNDS; round++) {
		found = 0;
		for (size_t i = 0; i < l->n_bots; i++) {
			if ((hit && hit[i]) ||
			    !l->bots[i]->spec->n_depends_on ||
			    strcmp(l->bots[i]->spec->id, bot) == 0 ||
			    !depends(l, hit, i, bot))
				continue;
			found++;
			n++;
			if (hit)
				hit[i] = true;
		}
		if (!hit) /* those that name it */
			break;
	}
	deia__free(hit);
	return n;
}

struct deia__risk deia__risk_of(const struct deia__look *l,
				const struct deia_bot_info *bot)
{
	bool runs = bot->state == DEIA_BOT_READY || bot->state == DEIA_BOT_BUSY;
	struct deia__risk r = { .bot = bot };

	r.dependents = count_dependents(l, bot->spec->id);
	for (size_t i = 0; i < l->n_kinds; i++) {
		const struct deia__kind *k = &l->kinds[i];

		if (!deia__kind_fits(k, bot))
			continue;
		if (*k->pinned)
			r.pinned += k->n;
		else if (k->able <= (runs ? 1 : 0))
			r.only += k->n;
	}
	return r;
}

static void print(struct deia_jw *w, const struct deia__risk *r)
{
	char text[320];

	snprintf(text, sizeof(text),
		 "%s: %s. %u bots depend on it, %u tasks wait for it alone, %u "
		 "more can be done by no other that runs.",
		 r->bot->spec->id, r->why, r->dependents, r->pinned, r->only);
	deia_jw_object(w);
	deia_jw_kstr(w, "bot", r->bot->spec->id);
	deia_jw_kstr(w, "why", r->why);
	deia_jw_kint(w, "risk", (int64_t)r->dependents + r->pinned + r->only);
	deia_jw_kint(w, "dependents", r->dependents);
	deia_jw_kint(w, "pinned_tasks", r->pinned);
	deia_jw_kint(w, "only_tasks", r->only);
	deia_jw_kstr(w, "text", text);
	deia_jw_end_object(w);
}

/* The first ones by id; total says how many fail. */
void deia__cascade_print(deia_hive *h, const struct deia__look *l,
			 struct deia_jw *w)
{
	int64_t total = 0;

	deia_jw_key(w, "failing");
	deia_jw_object(w);
	deia_jw_key(w, "items");
	deia_jw_array(w);
	for (size_t i = 0; i < l->n_bots; i++) {
		const char *why = why_of(h, l->bots[i]);
		struct deia__risk r;

		if (!why || total++ >= RISKS)
			continue;
		r = deia__risk_of(l, l->bots[i]);
		r.why = why;
		print(w, &r);
	}
	deia_jw_end_array(w);
	deia_jw_kint(w, "total", total);
	deia_jw_end_object(w);
}
