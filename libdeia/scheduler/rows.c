/* SPDX-License-Identifier: MIT */
/* rows.c - what was learned as plain rows, out and in. */
#include "scheduler/scheduler.h"

#define MAX_WEIGHT 1e12

static struct deia_scheduler_row row_of(const char *bot, const char *type,
					const struct deia__pair *p)
{
	return (struct deia_scheduler_row){
		.size = sizeof(struct deia_scheduler_row),
		.bot = bot,
		.type = type,
		.samples = p->samples,
		.successes = p->successes,
		.time_weight = p->n,
		.time_mean = p->mean,
		.time_square = p->square,
		.good = p->good,
		.bad = p->bad,
		.seconds = p->seconds,
		.failed_seconds = p->failed,
	};
}

/* All together, in the same fields: how runs vary, how alike they are, and how
 * long they take and wait. */
static struct deia_scheduler_row row_of_all(const deia_scheduler *s)
{
	return (struct deia_scheduler_row){
		.size = sizeof(struct deia_scheduler_row),
		.bot = "",
		.type = "",
		.samples = s->outcomes,
		.successes = s->runs,
		.time_weight = s->noise.w,
		.time_mean = s->alike.v / s->alike.w,
		.time_square = s->noise.v,
		.good = s->spread.w,
		.bad = s->spread.v,
		.seconds = s->service,
		.failed_seconds = s->wait,
	};
}

size_t deia_scheduler_export(deia_scheduler *s, bool changed_only,
			     deia_scheduler_row_cb cb, void *user)
{
	struct deia_scheduler_row row = row_of_all(s);
	size_t n = 0;

	if (!changed_only || s->changed) {
		cb(&row, user);
		n++;
	}
	s->changed = false;
	for (unsigned k = 0; k < s->n_types; k++)
		for (unsigned i = 0; i < s->top; i++) {
			struct deia__sched_type *t = s->types[k];
			struct deia__pair *p = &t->pairs[i];

			if (!s->bots[i] ||
			    !(changed_only ? p->changed : p->samples > 0))
				continue;
			deia__pair_age(p, t->clock);
			row = row_of(s->bots[i]->id, t->name, p);
			cb(&row, user);
			p->changed = false;
			n++;
		}
	return n;
}

static bool is_amount(double x)
{
	return x >= 0 && x <= MAX_WEIGHT;
}

static bool is_row(const struct deia_scheduler_row *r)
{
	return r->size >= sizeof(*r) && r->bot && r->type &&
	       r->successes <= r->samples && is_amount(r->time_weight) &&
	       fabs(r->time_mean) <= 100 && is_amount(r->time_square) &&
	       is_amount(r->good) && is_amount(r->bad) &&
	       is_amount(r->seconds) && is_amount(r->failed_seconds);
}

static void take_all(deia_scheduler *s, const struct deia_scheduler_row *r)
{
	if (r->time_weight < 1 || r->good < 1)
		return;
	s->noise = (struct deia__sum){ r->time_weight,
				       fmax(r->time_square, 1e-6) };
	s->spread = (struct deia__sum){ r->good, fmax(r->bad, 1e-6) };
	s->alike.v = s->alike.w * fmin(fmax(r->time_mean, 0), 1);
	s->service = r->seconds;
	s->runs = r->successes;
	s->wait = r->failed_seconds;
}

static void take(deia_scheduler *s, const struct deia_scheduler_row *r)
{
	struct deia__sched_bot *b = deia__sched_find_bot(s, r->bot);
	struct deia__sched_type *t = deia__sched_find_type(s, r->type);
	struct deia__pair *p;

	if (r->bot[0] == '\0' && r->type[0] == '\0')
		take_all(s, r);
	if (!b || !t)
		return;
	deia__pair_clear(s, t, b);
	p = &t->pairs[b->index];
	p->samples = r->samples;
	p->successes = r->successes;
	p->n = r->time_weight;
	p->mean = r->time_mean;
	p->square = r->time_square;
	p->good = r->good;
	p->bad = r->bad;
	p->seconds = r->seconds;
	p->failed = r->failed_seconds;
	p->changed = false;
}

deia_err deia_scheduler_import(deia_scheduler *s,
			       const struct deia_scheduler_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_row(&rows[i]))
			return deia__fail(&s->msg, DEIA_EINVAL,
					  "row %zu has a number that cannot be",
					  i);
	for (size_t i = 0; i < n; i++)
		take(s, &rows[i]);
	/* The effects settle within some rounds. */
	for (unsigned i = 0; i < 10; i++)
		deia__sched_refresh_all(s);
	return DEIA_OK;
}
