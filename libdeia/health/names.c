/* SPDX-License-Identifier: MIT */
/* names.c - names of levels, states and changes; lines of text. */
#include "health/health.h"

#include <deia/bot.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

static const char *const levels[] = { "info", "warning", "critical" };
static const char *const statuses[] = { "HEALTHY", "DEGRADED", "CRITICAL" };
static const char *const states[] = { "firing", "resolved" };
static const char *const compares[] = { ">", ">=", "<", "<=" };
static const char *const ends[] = {
#define DEIA_HEALTH_END_NAME(e, n) [e] = n,
	DEIA_HEALTH_END_LIST(DEIA_HEALTH_END_NAME)
#undef DEIA_HEALTH_END_NAME
};
static const char *const changes[] = {
#define DEIA_HEALTH_CHANGE_NAME(e, n) [e] = n,
	DEIA_HEALTH_CHANGE_LIST(DEIA_HEALTH_CHANGE_NAME)
#undef DEIA_HEALTH_CHANGE_NAME
};
#define COUNT(a) (sizeof(a) / sizeof(*(a)))
_Static_assert(COUNT(levels) == DEIA_HEALTH_LEVELS, "a name for each");
_Static_assert(COUNT(statuses) == DEIA_HEALTH_STATUSES, "a name for each");
_Static_assert(COUNT(compares) == DEIA_HEALTH_COMPARES, "a name for each");
_Static_assert(COUNT(ends) == DEIA_HEALTH_ENDS, "a name for each");
_Static_assert(COUNT(changes) == DEIA_HEALTH_CHANGES, "a name for each");

static const char *name_of(const char *const *names, size_t n, unsigned i)
{
	return i < n ? names[i] : "unknown";
}

static int parse(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *deia_health_level_name(deia_health_level level)
{
	return name_of(levels, COUNT(levels), level);
}

const char *deia_health_status_name(deia_health_status status)
{
	return name_of(statuses, COUNT(statuses), status);
}

const char *deia_health_state_name(deia_health_state state)
{
	return name_of(states, COUNT(states), state);
}

const char *deia_health_end_name(deia_health_end end)
{
	return name_of(ends, COUNT(ends), end);
}

const char *deia_health_change_name(deia_health_change change)
{
	return name_of(changes, COUNT(changes), change);
}

const char *deia_health_compare_name(deia_health_compare compare)
{
	return name_of(compares, COUNT(compares), compare);
}

int deia__health_compare_parse(const char *name)
{
	return parse(compares, COUNT(compares), name);
}

int deia__health_level_parse(const char *name)
{
	return parse(levels, COUNT(levels), name);
}

/* ---- words -------------------------------------------------------------- */

static bool made_of(const char *s, const char *allowed)
{
	size_t len = s ? strnlen(s, DEIA_MAX_ID_LEN + 1) : 0;

	return len >= 1 && len <= DEIA_MAX_ID_LEN && strspn(s, allowed) == len;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789._"

bool deia__health_is_name(const char *s)
{
	return made_of(s, LOWER);
}

bool deia__health_is_id(const char *s)
{
	return made_of(s, LOWER "-ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

bool deia__health_is_line(const char *s, size_t min, size_t max)
{
	size_t len = s ? strnlen(s, max + 1) : 0;

	if (!s || len < min || len > max || !deia__utf8_valid(s, len))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

void deia__health_say(char *out, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, len, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	out[deia__utf8_whole(out, (size_t)n < len ? (size_t)n : len - 1)] = 0;
}

deia_err deia__health_wrong(struct deia_field_error *where, const char *pointer,
			    const char *fmt, ...)
{
	va_list ap;

	if (!where)
		return DEIA_EFIELD;
	deia__health_say(where->pointer, sizeof(where->pointer), "%s", pointer);
	va_start(ap, fmt);
	vsnprintf(where->detail, sizeof(where->detail), fmt, ap);
	va_end(ap);
	where->detail[deia__utf8_whole(where->detail, strlen(where->detail))] =
		0;
	return DEIA_EFIELD;
}

/* ---- values for people -------------------------------------------------- */

static bool ends_in(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n >= m && strcmp(s + n - m, tail) == 0;
}

static void bytes(char out[static 32], double v, const char *per)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	for (; fabs(v) >= 1024 && i + 1 < COUNT(units); i++)
		v /= 1024;
	snprintf(out, 32, "%.3g %s%s", v, units[i], per);
}

void deia__health_value(char out[static 32], const char *metric, double v)
{
	if (ends_in(metric, "_ratio"))
		snprintf(out, 32, "%.3g %%", v * 100);
	else if (ends_in(metric, "_seconds"))
		snprintf(out, 32, "%.3g s", v);
	else if (ends_in(metric, "_bytes"))
		bytes(out, v, "");
	else if (ends_in(metric, "_bytes_per_hour"))
		bytes(out, v, "/h");
	else
		snprintf(out, 32, "%.6g", v);
}

/* Yes or no: its text says all. */
static bool is_flag(const struct deia__health_metric *m)
{
	return m->pub.min >= 0 && m->pub.max <= 1 &&
	       !ends_in(m->name, "_ratio");
}

static void add(char *out, size_t len, const char *text)
{
	size_t n = strlen(out);

	deia__health_say(out + n, len - n, "%s", text);
}

/* ", CPU of the machine 93 % (>= 90 %)" */
static void add_test(char *out, size_t len, const struct deia__health_metric *m,
		     double v, deia_health_compare compare, double at)
{
	char is[32], limit[32], line[160];

	deia__health_value(is, m->name, v);
	deia__health_value(limit, m->name, at);
	deia__health_say(line, sizeof(line), "%s %s (%s %s)", m->text, is,
			 deia_health_compare_name(compare), limit);
	add(out, len, is_flag(m) ? m->text : line);
}

void deia__health_summarize(struct deia__health_alert *a)
{
	const struct deia__health_rule *r = a->rule;
	struct deia_health_alert *p = &a->pub;

	p->summary[0] = '\0';
	if (p->subject[0])
		deia__health_say(p->summary, sizeof(p->summary),
				 "%s: ", p->subject);
	add_test(p->summary, sizeof(p->summary), r->metric, p->value,
		 r->pub.compare, p->at);
	for (size_t i = 0; i < r->pub.n_also; i++) {
		const struct deia_health_condition *c = &r->pub.also[i];

		add(p->summary, sizeof(p->summary), ", ");
		add_test(p->summary, sizeof(p->summary), r->also[i].metric,
			 deia__health_is(&r->also[i], a->subject), c->compare,
			 c->at);
	}
}
