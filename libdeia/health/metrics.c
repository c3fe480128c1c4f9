/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - what is measured, of whom, and the values that count.
 *
 * A subject's number is used again only after a look has seen that it is gone,
 * so that the alerts of one never become those of another.
 */
#include "health/health.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define FIRST_CAP 16
#define MAX_VALUE 1e300

/* ---- scopes and subjects ------------------------------------------------ */

static struct deia__health_scope *find_scope(const deia_health *h,
					     const char *name)
{
	for (unsigned i = 0; i < h->n_scopes; i++)
		if (strcmp(h->scopes[i]->name, name) == 0)
			return h->scopes[i];
	return NULL;
}

static bool grow_values(struct deia__health_metric *m, unsigned had,
			unsigned cap)
{
	double *values = deia__realloc(m->values, cap * sizeof(*values));

	if (!values)
		return false;
	for (unsigned i = had; i < cap; i++)
		values[i] = (double)NAN;
	m->values = values;
	return true;
}

/* On failure some arrays are longer than they need be. */
static bool grow_scope(deia_health *h, struct deia__health_scope *s,
		       unsigned cap)
{
	void *subjects = deia__realloc(s->subjects, cap * sizeof(*s->subjects));

	if (!subjects)
		return false;
	s->subjects = subjects;
	for (unsigned i = 0; i < h->n_metrics; i++)
		if (h->metrics[i]->scope == s &&
		    !grow_values(h->metrics[i], s->cap, cap))
			return false;
	for (unsigned i = 0; i < h->n_rules; i++)
		if (h->rules[i]->metric->scope == s &&
		    !deia__health_rule_grow(h->rules[i], s->cap, cap))
			return false;
	s->cap = cap;
	return true;
}

static deia_err add_scope(deia_health *h, const char *name,
			  struct deia__health_scope **out)
{
	struct deia__health_scope *s;

	if (h->n_scopes >= DEIA_HEALTH_MAX_SCOPES)
		return deia__fail(&h->msg, DEIA_ELIMIT,
				  "there are %d scopes already",
				  DEIA_HEALTH_MAX_SCOPES);
	s = deia__alloc(sizeof(*s));
	if (!s || !grow_scope(h, s, *name ? FIRST_CAP : 1)) {
		if (s)
			deia__free(s->subjects);
		deia__free(s);
		return deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
	}
	snprintf(s->name, sizeof(s->name), "%s", name);
	if (!*name) { /* the one subject that needs no name */
		s->n = 1;
		s->subjects[0] = NULL;
	}
	h->scopes[h->n_scopes++] = s;
	*out = s;
	return DEIA_OK;
}

static struct deia__health_subject *find_subject(
	const struct deia__health_scope *s, const char *name)
{
	struct deia__health_subject *found = NULL;

	HASH_FIND_STR(s->by_name, name, found);
	return found;
}

static unsigned free_number(struct deia__health_scope *s)
{
	while (s->first_free < s->n && s->subjects[s->first_free])
		s->first_free++;
	return s->first_free;
}

deia_err deia__health_subject(deia_health *h, struct deia__health_scope *s,
			      const char *name,
			      struct deia__health_subject **out)
{
	struct deia__health_subject *sub = find_subject(s, name);
	unsigned index;

	*out = sub;
	if (sub)
		return DEIA_OK;
	index = free_number(s);
	if (index >= DEIA_HEALTH_MAX_SUBJECTS)
		return deia__fail(&h->msg, DEIA_ELIMIT,
				  "scope \"%s\" has %d subjects already",
				  s->name, DEIA_HEALTH_MAX_SUBJECTS);
	if (index >= s->cap && !grow_scope(h, s, 2 * s->cap))
		return deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
	sub = deia__alloc(sizeof(*sub));
	if (!sub)
		return deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
	snprintf(sub->name, sizeof(sub->name), "%s", name);
	HASH_ADD_STR(s->by_name, name, sub);
	if (!sub->hh.tbl) {
		deia__free(sub);
		return deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
	}
	sub->index = index;
	sub->gone = h->sweep = true;
	s->subjects[index] = sub;
	if (index == s->n)
		s->n++;
	*out = sub;
	return DEIA_OK;
}

/* Its watches begin anew with whoever gets the number next; its alerts, all
 * resolved, are nobody's any more. */
static void let_go(deia_health *h, struct deia__health_scope *s,
		   struct deia__health_subject *sub)
{
	for (unsigned i = 0; i < h->n_rules; i++) {
		struct deia__health_rule *r = h->rules[i];

		if (r->metric->scope != s || !r->watches)
			continue;
		deia__health_watch_reset(&r->watches[sub->index]);
		r->busy[sub->index] = false;
	}
	for (struct deia__health_alert *a = h->resolved; a; a = a->s_next)
		if (a->rule && a->subject == sub->index &&
		    a->rule->metric->scope == s)
			a->rule = NULL;
	HASH_DEL(s->by_name, sub);
	s->subjects[sub->index] = NULL;
	if (sub->index < s->first_free)
		s->first_free = sub->index;
	deia__free(sub);
}

static bool may_go(const deia_health *h, const struct deia__health_scope *s,
		   unsigned index)
{
	for (unsigned i = 0; i < h->n_rules; i++) {
		const struct deia__health_rule *r = h->rules[i];
		const struct deia__health_watch *w;

		if (r->metric->scope != s || !r->watches)
			continue;
		w = &r->watches[index];
		if (w->waits ||
		    (w->alert && w->alert->pub.state == DEIA_HEALTH_FIRING))
			return false;
	}
	return true;
}

void deia__health_sweep(deia_health *h)
{
	if (!h->sweep)
		return;
	h->sweep = false;
	for (unsigned k = 0; k < h->n_scopes; k++) {
		struct deia__health_scope *s = h->scopes[k];

		for (unsigned i = 0; i < s->n; i++) {
			struct deia__health_subject *sub = s->subjects[i];

			if (!sub || !sub->gone)
				continue;
			if (!may_go(h, s, i)) {
				h->sweep = true;
				continue;
			}
			let_go(h, s, sub);
		}
	}
}

/* ---- metrics ------------------------------------------------------------ */

struct deia__health_metric *deia__health_metric(const deia_health *h,
						const char *name)
{
	struct deia__health_metric *m = NULL;

	if (name)
		HASH_FIND_STR(h->by_name, name, m);
	return m;
}

static const char *wrong_metric(const struct deia_health_metric *m)
{
	if (!m || m->size < sizeof(*m))
		return "size";
	if (!deia__health_is_name(m->name))
		return "name";
	if (m->scope && !deia__health_is_name(m->scope))
		return "scope";
	if (!(m->min >= -MAX_VALUE && m->min < m->max && m->max <= MAX_VALUE))
		return "range";
	if (!deia__health_is_line(m->text, 1, 64))
		return "text";
	if (m->kept && m->scope)
		return "kept";
	return NULL;
}

static deia_err make_metric(deia_health *h, const struct deia_health_metric *m,
			    struct deia__health_scope *scope)
{
	struct deia__health_metric *made = deia__alloc(sizeof(*made));

	if (!made || !grow_values(made, 0, scope->cap))
		goto nomem;
	snprintf(made->name, sizeof(made->name), "%s", m->name);
	snprintf(made->text, sizeof(made->text), "%s", m->text);
	made->pub = *m;
	made->pub.size = sizeof(made->pub);
	made->pub.name = made->name;
	made->pub.text = made->text;
	made->pub.scope = *scope->name ? scope->name : NULL;
	made->scope = scope;
	HASH_ADD_STR(h->by_name, name, made);
	if (!made->hh.tbl)
		goto nomem;
	made->kept = -1;
	if (m->kept) {
		made->kept = (int)h->n_kept;
		h->kept[h->n_kept++] = made;
	}
	h->metrics[h->n_metrics++] = made;
	return DEIA_OK;
nomem:
	if (made)
		deia__free(made->values);
	deia__free(made);
	return deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
}

deia_err deia_health_add_metric(deia_health *h,
				const struct deia_health_metric *m)
{
	struct deia__health_scope *scope;
	const char *wrong = wrong_metric(m);
	deia_err err = DEIA_OK;

	if (wrong)
		return deia__fail(&h->msg, DEIA_EINVAL,
				  "the %s of the metric is wrong", wrong);
	if (h->calling)
		return deia__fail(&h->msg, DEIA_ESTATE, "on_change runs");
	if (deia__health_metric(h, m->name))
		return deia__fail(&h->msg, DEIA_EEXIST,
				  "there is a metric \"%s\" already", m->name);
	if (h->n_metrics >= DEIA_HEALTH_MAX_METRICS ||
	    (m->kept && h->n_kept >= DEIA_HEALTH_KEPT))
		return deia__fail(&h->msg, DEIA_ELIMIT,
				  "there are %u metrics, %u of them kept",
				  h->n_metrics, h->n_kept);
	scope = find_scope(h, m->scope ? m->scope : "");
	if (!scope)
		err = add_scope(h, m->scope ? m->scope : "", &scope);
	return err ? err : make_metric(h, m, scope);
}

deia_err deia__health_add_builtin(deia_health *h)
{
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < deia__health_n_metrics && !err; i++)
		err = deia_health_add_metric(h, &deia__health_metrics[i]);
	return err;
}

bool deia_health_get_metric(const deia_health *h, size_t i,
			    struct deia_health_metric *out)
{
	memset(out, 0, sizeof(*out));
	if (i >= h->n_metrics)
		return false;
	*out = h->metrics[i]->pub;
	return true;
}

const char *deia_health_kept_metric(const deia_health *h, size_t i)
{
	return i < h->n_kept ? h->kept[i]->name : NULL;
}

void deia__health_metrics_fini(deia_health *h)
{
	struct deia__health_subject *sub, *next;

	HASH_CLEAR(hh, h->by_name);
	for (unsigned i = 0; i < h->n_metrics; i++) {
		deia__free(h->metrics[i]->values);
		deia__free(h->metrics[i]);
	}
	for (unsigned i = 0; i < h->n_scopes; i++) {
		HASH_ITER(hh, h->scopes[i]->by_name, sub, next) {
			HASH_DEL(h->scopes[i]->by_name, sub);
			deia__free(sub);
		}
		deia__free(h->scopes[i]->subjects);
		deia__free(h->scopes[i]);
	}
	deia__free(h->places);
}

/* ---- samples ------------------------------------------------------------ */

static deia_err check_sample(deia_health *h, size_t i,
			     const struct deia_health_sample *s,
			     struct deia__health_place *p)
{
	struct deia__health_metric *m = deia__health_metric(h, s->metric);
	bool scoped;

	if (!m)
		return deia__fail(&h->msg, DEIA_ENOTFOUND,
				  "sample %zu: there is no metric \"%.64s\"", i,
				  s->metric ? s->metric : "");
	if (!(s->value >= m->pub.min && s->value <= m->pub.max))
		return deia__fail(&h->msg, DEIA_EINVAL,
				  "sample %zu: \"%s\" is from %g to %g, not %g",
				  i, m->name, m->pub.min, m->pub.max, s->value);
	scoped = m->pub.scope != NULL;
	if (scoped != (s->subject != NULL))
		return deia__fail(&h->msg, DEIA_EINVAL, "sample %zu: \"%s\" %s",
				  i, m->name,
				  scoped ? "needs a subject"
					 : "has no subjects");
	p->metric = m;
	p->subject = scoped ? find_subject(m->scope, s->subject) : NULL;
	p->index = p->subject ? p->subject->index : 0;
	if (scoped && !p->subject &&
	    !deia__health_is_line(s->subject, 1, DEIA_HEALTH_MAX_SUBJECT_LEN))
		return deia__fail(&h->msg, DEIA_EINVAL,
				  "sample %zu: the subject is not a line of 1 "
				  "to %d bytes",
				  i, DEIA_HEALTH_MAX_SUBJECT_LEN);
	return DEIA_OK;
}

static bool have_places(deia_health *h, size_t n)
{
	void *p;

	if (n <= h->cap_places)
		return true;
	p = n < SIZE_MAX / sizeof(*h->places)
		    ? deia__realloc(h->places, n * sizeof(*h->places))
		    : NULL;
	if (!p)
		return false;
	h->places = p;
	h->cap_places = n;
	return true;
}

deia_err deia_health_put(deia_health *h,
			 const struct deia_health_sample *samples, size_t n)
{
	deia_err err = DEIA_OK;

	if (h->calling)
		return deia__fail(&h->msg, DEIA_ESTATE, "on_change runs");
	if (!have_places(h, n))
		return deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
	for (size_t i = 0; i < n && !err; i++)
		err = check_sample(h, i, &samples[i], &h->places[i]);
	for (size_t i = 0; i < n && !err; i++) {
		struct deia__health_place *p = &h->places[i];

		if (!samples[i].subject || p->subject)
			continue;
		err = deia__health_subject(h, p->metric->scope,
					   samples[i].subject, &p->subject);
		if (!err)
			p->index = p->subject->index;
	}
	for (size_t i = 0; i < n && !err; i++) {
		struct deia__health_place *p = &h->places[i];

		p->metric->values[p->index] = samples[i].value;
		if (p->subject)
			p->subject->gone = false;
	}
	return err;
}

/* The place of a value; NULL: there is none. */
static double *value_at(const deia_health *h, const char *metric,
			const char *subject)
{
	struct deia__health_metric *m = deia__health_metric(h, metric);
	struct deia__health_subject *sub = NULL;

	if (!m || (m->pub.scope != NULL) != (subject != NULL))
		return NULL;
	if (subject)
		sub = find_subject(m->scope, subject);
	if (subject && !sub)
		return NULL;
	return &m->values[sub ? sub->index : 0];
}

double deia_health_get(const deia_health *h, const char *metric,
		       const char *subject)
{
	const double *value = value_at(h, metric, subject);

	return value ? *value : (double)NAN;
}

void deia_health_forget(deia_health *h, const char *metric, const char *subject)
{
	double *value = h->calling ? NULL : value_at(h, metric, subject);

	if (value)
		*value = (double)NAN;
}

void deia_health_remove(deia_health *h, const char *scope, const char *subject)
{
	struct deia__health_scope *s = scope ? find_scope(h, scope) : NULL;
	struct deia__health_subject *sub =
		s && subject ? find_subject(s, subject) : NULL;

	if (!sub || h->calling)
		return;
	for (unsigned i = 0; i < h->n_metrics; i++)
		if (h->metrics[i]->scope == s)
			h->metrics[i]->values[sub->index] = (double)NAN;
	/* A restored alert need not wait for a value any more. */
	for (unsigned i = 0; i < h->n_rules; i++)
		if (h->rules[i]->metric->scope == s && h->rules[i]->watches)
			h->rules[i]->watches[sub->index].waits = false;
	sub->gone = h->sweep = true;
}
