/* SPDX-License-Identifier: MIT */
/*
 * rules.c - rules are checked, compiled, and put in force as a whole.
 *
 * A compiled rule has all numbers turned so that reached is `sign * value >=
 * limit`: "<" and "<=" by their sign, ">" and "<" by the next larger limit.
 */
#include "health/health.h"

#include <deia/bot.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

/* What is checked: a rule, or one of its limits, and where it stands. */
struct at {
	deia_health *h;
	struct deia_field_error *where;
	size_t rule;
	char path[64]; /* within the rule, "/levels/warning" */
};

static deia_err wrong(const struct at *c, const char *member, const char *fmt,
		      ...) DEIA_PRINTF(3, 4);

static deia_err wrong(const struct at *c, const char *member, const char *fmt,
		      ...)
{
	char pointer[128], detail[256];
	va_list ap;

	snprintf(pointer, sizeof(pointer), "/rules/%zu%s%s", c->rule, c->path,
		 member);
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	(void)deia__fail(&c->h->msg, DEIA_EFIELD, "%s: %s", pointer, detail);
	return deia__health_wrong(c->where, pointer, "%s", detail);
}

/* ---- numbers ------------------------------------------------------------ */

static double sign_of(deia_health_compare compare)
{
	return compare == DEIA_HEALTH_ABOVE || compare == DEIA_HEALTH_AT_LEAST
		       ? 1
		       : -1;
}

static double limit_of(deia_health_compare compare, double at)
{
	double limit = sign_of(compare) * at;

	if (compare == DEIA_HEALTH_ABOVE || compare == DEIA_HEALTH_BELOW)
		limit = nextafter(limit, (double)INFINITY);
	return limit;
}

static deia_err check_number(const struct at *c, const char *member,
			     const struct deia__health_metric *m, double v)
{
	if (v >= m->pub.min && v <= m->pub.max)
		return DEIA_OK;
	return wrong(c, member, "expected a number from %g to %g, as \"%s\" is",
		     m->pub.min, m->pub.max, m->name);
}

/* clear is at, or further off. */
static deia_err check_pair(const struct at *c,
			   const struct deia__health_metric *m,
			   deia_health_compare compare, double at, double clear)
{
	deia_err err = check_number(c, "/at", m, at);

	if (!err)
		err = check_number(c, "/clear", m, clear);
	if (err || sign_of(compare) * clear <= sign_of(compare) * at)
		return err;
	return wrong(c, "/clear", "expected at most %s %g, which is `at`",
		     sign_of(compare) > 0 ? "" : "or above", at);
}

static deia_err check_ms(const struct at *c, const char *member, int64_t ms)
{
	if (ms >= 0 && ms <= DEIA_HEALTH_MAX_FOR_MS)
		return DEIA_OK;
	return wrong(c, member, "expected a number of seconds from 0 to %d",
		     DEIA_HEALTH_MAX_FOR_MS / 1000);
}

/* ---- levels and conditions ---------------------------------------------- */

static deia_err check_level(struct at *c, const struct deia__health_rule *r,
			    int level)
{
	const struct deia_health_limit *l = &r->pub.levels[level];
	deia_err err;

	snprintf(c->path, sizeof(c->path), "/levels/%s",
		 deia_health_level_name((deia_health_level)level));
	err = check_pair(c, r->metric, r->pub.compare, l->at, l->clear);
	if (!err)
		err = check_ms(c, "/for_seconds", l->for_ms);
	return err;
}

static deia_err take_levels(struct at *c, struct deia__health_rule *r)
{
	int below = -1;
	deia_err err;

	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++) {
		const struct deia_health_limit *limit = &r->pub.levels[l];

		if (!limit->used)
			continue;
		err = check_level(c, r, l);
		if (err)
			return err;
		r->at[l] = limit_of(r->pub.compare, limit->at);
		r->clear[l] = limit_of(r->pub.compare, limit->clear);
		if (below >= 0 && r->at[l] < r->at[below])
			return wrong(c, "/at",
				     "expected what a lower level has, or "
				     "further off");
		if (below >= 0 && r->clear[l] < r->clear[below])
			return wrong(c, "/clear",
				     "expected what a lower level has, or "
				     "further off");
		if (below < 0)
			r->lowest = r->at[l];
		below = l;
		r->used |= (uint8_t)(1u << l);
	}
	c->path[0] = '\0';
	return below < 0 ? wrong(c, "/levels", "expected one level or more")
			 : DEIA_OK;
}

static deia_err take_test(struct at *c, const struct deia__health_rule *r,
			  const struct deia_health_condition *from,
			  bool has_clear, struct deia__health_test *to)
{
	const struct deia__health_metric *m =
		deia__health_metric(c->h, from->metric);
	double clear = has_clear ? from->clear : from->at;
	deia_err err;

	if (!m)
		return wrong(c, "/metric", "there is no metric \"%.64s\"",
			     from->metric ? from->metric : "");
	if (m->pub.scope && m->scope != r->metric->scope)
		return wrong(c, "/metric",
			     "expected a metric without a scope, or of the "
			     "rule's");
	if ((unsigned)from->compare >= DEIA_HEALTH_COMPARES)
		return wrong(c, "/compare", "expected >, >=, < or <=");
	err = check_pair(c, m, from->compare, from->at, clear);
	to->metric = m;
	to->sign = sign_of(from->compare);
	to->at = limit_of(from->compare, from->at);
	to->clear = limit_of(from->compare, clear);
	return err;
}

static deia_err take_tests(struct at *c, const struct deia__health_rule *r,
			   const char *name,
			   const struct deia_health_condition *from, size_t n,
			   bool has_clear, struct deia__health_test *to)
{
	deia_err err = DEIA_OK;

	snprintf(c->path, sizeof(c->path), "/%s", name);
	if (n > DEIA_HEALTH_MAX_CONDITIONS)
		return wrong(c, "", "expected at most %d conditions",
			     DEIA_HEALTH_MAX_CONDITIONS);
	for (size_t i = 0; i < n && !err; i++) {
		snprintf(c->path, sizeof(c->path), "/%s/%zu", name, i);
		err = take_test(c, r, &from[i], has_clear, &to[i]);
	}
	c->path[0] = '\0';
	return err;
}

/* ---- a rule ------------------------------------------------------------- */

/* All texts of a rule, one behind the other in one block. */
static bool copy_texts(struct deia__health_rule *r)
{
	struct deia_health_rule *p = &r->pub;
	size_t id = strlen(p->id) + 1, text = strlen(p->text) + 1;

	r->texts = deia__alloc_raw(id + text);
	if (!r->texts)
		return false;
	p->id = memcpy(r->texts, p->id, id);
	p->text = memcpy(r->texts + id, p->text, text);
	p->metric = r->metric->name;
	for (size_t i = 0; i < p->n_also; i++)
		p->also[i].metric = r->also[i].metric->name;
	for (size_t i = 0; i < p->n_unless; i++)
		p->unless[i].metric = r->unless[i].metric->name;
	return true;
}

static deia_err take_head(struct at *c, struct deia__health_rule *r)
{
	if (r->pub.size < sizeof(r->pub))
		return wrong(c, "", "size is not of this library");
	if (!deia__health_is_id(r->pub.id))
		return wrong(c, "/id",
			     "expected 1 to %d letters, digits, '.', '_' or "
			     "'-'",
			     DEIA_MAX_ID_LEN);
	r->metric = deia__health_metric(c->h, r->pub.metric);
	if (!r->metric)
		return wrong(c, "/metric", "there is no metric \"%.64s\"",
			     r->pub.metric ? r->pub.metric : "");
	if ((unsigned)r->pub.compare >= DEIA_HEALTH_COMPARES)
		return wrong(c, "/compare", "expected >, >=, < or <=");
	if (!deia__health_is_line(r->pub.text, 0, DEIA_HEALTH_MAX_TEXT_LEN))
		return wrong(c, "/text",
			     "expected one line of at most %d bytes",
			     DEIA_HEALTH_MAX_TEXT_LEN);
	r->sign = sign_of(r->pub.compare);
	return check_ms(c, "/keep_seconds", r->pub.keep_ms);
}

static deia_err take_rule(struct at *c, struct deia__health_rule *r)
{
	struct deia_health_rule *p = &r->pub;
	deia_err err = take_head(c, r);

	if (!err)
		err = take_levels(c, r);
	if (!err)
		err = take_tests(c, r, "also", p->also, p->n_also, true,
				 r->also);
	if (!err)
		err = take_tests(c, r, "unless", p->unless, p->n_unless, false,
				 r->unless);
	if (err)
		return err;
	if (!copy_texts(r) ||
	    (!p->off && !deia__health_rule_grow(r, 0, r->metric->scope->cap)))
		return deia__fail(&c->h->msg, DEIA_ENOMEM, "memory ran out");
	return DEIA_OK;
}

static deia_err check_twins(struct at *c, struct deia__health_rule **rules)
{
	for (size_t i = 0; i < c->rule; i++)
		if (strcmp(rules[i]->pub.id, rules[c->rule]->pub.id) == 0)
			return wrong(c, "/id",
				     "expected another id than rule "
				     "%zu has",
				     i);
	return DEIA_OK;
}

void deia__health_rules_free(struct deia__health_rule **rules, size_t n)
{
	for (size_t i = 0; i < n && rules; i++) {
		if (!rules[i])
			continue;
		deia__free(rules[i]->texts);
		deia__free(rules[i]->busy);
		deia__free(rules[i]->watches);
		deia__free(rules[i]);
	}
	deia__free(rules);
}

deia_err deia__health_compile(deia_health *h,
			      const struct deia_health_rule *rules, size_t n,
			      struct deia__health_rule ***out,
			      struct deia_field_error *where)
{
	struct at c = { .h = h, .where = where };
	struct deia__health_rule **all;
	deia_err err = DEIA_OK;

	*out = NULL;
	if (n > DEIA_HEALTH_MAX_RULES)
		return deia__fail(&h->msg, DEIA_ELIMIT, "at most %d rules",
				  DEIA_HEALTH_MAX_RULES);
	all = deia__alloc((n + 1) * sizeof(struct deia__health_rule *));
	if (!all)
		return deia__fail(&h->msg, DEIA_ENOMEM, "memory ran out");
	for (c.rule = 0; c.rule < n && !err; c.rule++) {
		struct deia__health_rule *r = deia__alloc(sizeof(*r));

		all[c.rule] = r;
		if (!r) {
			err = deia__fail(&h->msg, DEIA_ENOMEM,
					 "memory ran out");
			break;
		}
		r->pub = rules[c.rule];
		err = take_rule(&c, r);
		if (!err)
			err = check_twins(&c, all);
	}
	if (err) {
		deia__health_rules_free(all, n);
		return err;
	}
	*out = all;
	return DEIA_OK;
}

bool deia__health_rule_grow(struct deia__health_rule *r, unsigned had,
			    unsigned cap)
{
	void *p;

	if (r->pub.off)
		return true;
	p = deia__realloc(r->busy, cap * sizeof(*r->busy));
	if (!p)
		return false;
	r->busy = p;
	p = deia__realloc(r->watches, cap * sizeof(*r->watches));
	if (!p)
		return false;
	r->watches = p;
	memset(r->busy + had, 0, (cap - had) * sizeof(*r->busy));
	for (unsigned i = had; i < cap; i++)
		deia__health_watch_reset(&r->watches[i]);
	return true;
}

/* ---- in force ----------------------------------------------------------- */

struct deia__health_rule *deia__health_rule(const deia_health *h,
					    const char *id)
{
	for (unsigned i = 0; i < h->n_rules; i++)
		if (strcmp(h->rules[i]->pub.id, id) == 0)
			return h->rules[i];
	return NULL;
}

/* What the old rule watched is the new one's. */
static void inherit(struct deia__health_rule *to,
		    struct deia__health_rule *from)
{
	bool *busy = to->busy;
	struct deia__health_watch *watches = to->watches;

	to->busy = from->busy;
	to->watches = from->watches;
	from->busy = busy;
	from->watches = watches;
	memcpy(to->firing, from->firing, sizeof(to->firing));
}

static void move_alert(deia_health *h, struct deia__health_alert *a)
{
	struct deia__health_rule *r = deia__health_rule(h, a->pub.rule);
	bool same = a->rule && r && !r->pub.off && a->rule->metric == r->metric;

	if (same)
		a->rule = r;
	else if (a->rule) {
		a->rule = NULL;
		a->lost = a->pub.state == DEIA_HEALTH_FIRING;
		h->lost = h->lost || a->lost;
	}
}

void deia__health_adopt(deia_health *h, struct deia__health_rule **rules,
			unsigned n)
{
	struct deia__health_rule **old = h->rules;
	unsigned n_old = h->n_rules;
	struct deia__health_alert *a;

	for (unsigned i = 0; i < n; i++) {
		struct deia__health_rule *was =
			deia__health_rule(h, rules[i]->pub.id);

		if (was && !was->pub.off && !rules[i]->pub.off &&
		    was->metric == rules[i]->metric)
			inherit(rules[i], was);
	}
	h->rules = rules;
	h->n_rules = n;
	for (a = h->alerts; a; a = a->next)
		move_alert(h, a);
	deia__health_rules_free(old, n_old);
}

deia_err deia_health_set_rules(deia_health *h,
			       const struct deia_health_rule *rules, size_t n,
			       struct deia_field_error *where)
{
	struct deia__health_rule **all;
	deia_err err;

	if (h->calling)
		return deia__fail(&h->msg, DEIA_ESTATE, "on_change runs");
	err = deia__health_compile(h, rules, n, &all, where);
	if (all)
		deia__health_adopt(h, all, (unsigned)n);
	return err;
}

bool deia_health_get_rule(const deia_health *h, size_t i,
			  struct deia_health_rule *out)
{
	memset(out, 0, sizeof(*out));
	if (i >= h->n_rules)
		return false;
	*out = h->rules[i]->pub;
	return true;
}
