/* SPDX-License-Identifier: MIT */
/*
 * budget.c - counts against limits.
 *
 * A budget of 5 allows 5: what is used up is not exceeded yet, but nothing new
 * begins. Days are those of UTC. A clock that steps back over midnight by less
 * than a day does not give the day's budget twice; one that was far ahead and
 * is set right does not keep it used up for years.
 */
#include "queue/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

#define NAME_OF(e, n) [e] = n,
static const char *const per_names[] = { DEIA__BUDGET_PER_LIST(NAME_OF) };
static const char *const exceed_names[] = { DEIA_ON_EXCEED_LIST(NAME_OF) };
#undef NAME_OF
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const units[DEIA__BUDGET_UNITS] = { "tokens", "seconds",
						       "messages" };

static int parse(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

const char *deia__budget_per_name(enum deia__budget_per per)
{
	return per_names[per];
}

int deia__budget_per_parse(const char *name)
{
	return parse(per_names, COUNT(per_names), name);
}

const char *deia_on_exceed_name(deia_on_exceed what)
{
	return (unsigned)what < DEIA_ON_EXCEEDS ? exceed_names[what]
						: "unknown";
}

int deia_on_exceed_parse(const char *name)
{
	return name ? parse(exceed_names, COUNT(exceed_names), name) : -1;
}

struct deia__budget deia__budget_of(enum deia__budget_per per,
				    const struct deia_budget *b)
{
	return (struct deia__budget){
		.per = per,
		.on_exceed = b->on_exceed,
		.limits = { b->tokens, b->seconds * 1000, b->messages },
	};
}

bool deia__budget_is_set(const struct deia_budget *b)
{
	return b->tokens || b->seconds || b->messages;
}

/* ---- rows -------------------------------------------------------------- */

void deia__budget_save(const struct deia__budget_count *c,
		       int64_t out[static DEIA__BUDGET_NUMBERS])
{
	memcpy(out, c->used, sizeof(c->used));
	out[DEIA__BUDGET_UNITS] = c->day;
	out[DEIA__BUDGET_UNITS + 1] = c->told;
}

bool deia__budget_load(struct deia__budget_count *c,
		       const int64_t in[static DEIA__BUDGET_NUMBERS])
{
	int64_t told = in[DEIA__BUDGET_UNITS + 1];

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < DEIA__BUDGET_NUMBERS; i++)
		if (in[i] < 0)
			return false;
	if (told >= 1 << DEIA__BUDGET_UNITS)
		return false;
	memcpy(c->used, in, sizeof(c->used));
	c->day = in[DEIA__BUDGET_UNITS];
	c->told = (unsigned)told;
	return true;
}

/* ---- counting ---------------------------------------------------------- */

static int64_t day_of(int64_t unix_ms)
{
	return unix_ms < 0 ? 0 : unix_ms / DAY_MS;
}

/* The count as of now. */
static struct deia__budget_count current(const struct deia__budget *b,
					 const struct deia__budget_count *c,
					 int64_t now_unix_ms)
{
	int64_t day = day_of(now_unix_ms);

	if (b->per != DEIA__BUDGET_DAY || day == c->day || day == c->day - 1)
		return *c;
	return (struct deia__budget_count){ .day = day };
}

static int64_t sum(int64_t used, int64_t more)
{
	if (more < 0)
		more = 0;
	return more > INT64_MAX - used ? INT64_MAX : used + more;
}

/* In the unit that people read. */
static void print_amount(char *out, size_t size, enum deia__budget_unit unit,
			 int64_t v)
{
	if (unit != DEIA__BUDGET_MS)
		snprintf(out, size, "%" PRId64, v);
	else
		snprintf(out, size, "%" PRId64 ".%01" PRId64, v / 1000,
			 v % 1000 / 100);
}

static const char *const whose[] = {
	[DEIA__BUDGET_BOT] = "the bot's",
	[DEIA__BUDGET_TASK] = "the task's",
	[DEIA__BUDGET_DAY] = "the day's",
};

/* wanted: what did not fit, where something is left; else 0. */
static void exceed(struct deia__budget_verdict *v, const struct deia__budget *b,
		   enum deia__budget_unit unit, int64_t used, int64_t wanted)
{
	char limit[32], amount[32], more[32];

	v->exceeded = true;
	v->unit = unit;
	print_amount(limit, sizeof(limit), unit, b->limits[unit]);
	print_amount(amount, sizeof(amount), unit, used);
	print_amount(more, sizeof(more), unit, wanted);
	snprintf(v->text, sizeof(v->text),
		 "%s budget of %s %s is %s: %s were used%s%s%s", whose[b->per],
		 limit, units[unit], wanted ? "too small" : "used up", amount,
		 wanted ? ", more are wanted: " : "", wanted ? more : "",
		 b->per == DEIA__BUDGET_DAY ? "; it is renewed at 00:00 UTC"
					    : "");
}

void deia__budget_add(const struct deia__budget *b,
		      struct deia__budget_count *c,
		      const int64_t more[static DEIA__BUDGET_UNITS],
		      int64_t now_unix_ms, struct deia__budget_verdict *v)
{
	memset(v, 0, sizeof(*v));
	*c = current(b, c, now_unix_ms);
	for (int u = 0; u < DEIA__BUDGET_UNITS; u++) {
		c->used[u] = sum(c->used[u], more[u]);
		if (b->limits[u] <= 0 || c->used[u] <= b->limits[u])
			continue;
		if (!v->exceeded)
			exceed(v, b, u, c->used[u], 0);
		v->fresh = v->fresh || !(c->told >> u & 1);
		c->told |= 1u << u;
	}
}

void deia__budget_ask(const struct deia__budget *b,
		      const struct deia__budget_count *c,
		      const int64_t more[static DEIA__BUDGET_UNITS],
		      int64_t now_unix_ms, struct deia__budget_verdict *v)
{
	struct deia__budget_count now = current(b, c, now_unix_ms);

	memset(v, 0, sizeof(*v));
	for (int u = 0; u < DEIA__BUDGET_UNITS && !v->exceeded; u++) {
		int64_t limit = b->limits[u], used = now.used[u];

		if (limit <= 0)
			continue;
		if (used >= limit)
			exceed(v, b, u, used, 0);
		else if (sum(used, more[u]) > limit)
			exceed(v, b, u, used, more[u]);
	}
	v->fresh = v->exceeded && !(now.told >> v->unit & 1);
}

int64_t deia__budget_renewed_unix_ms(const struct deia__budget *b,
				     int64_t now_unix_ms)
{
	if (b->per != DEIA__BUDGET_DAY)
		return 0;
	return (day_of(now_unix_ms) + 1) * DAY_MS;
}
