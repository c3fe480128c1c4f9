/* SPDX-License-Identifier: MIT */
/*
 * alerts.c - the alerts that the health monitor keeps, and what people do to
 * them. Lists are of its memory, so they wait for nothing.
 */
#include <deia/hive_health.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "routes.h"

#define MINUTE_MS 60000
/* One less: the hive's clock may be a moment behind ours. */
#define MAX_MINUTES (DEIA_HEALTH_MAX_SILENCE_MS / MINUTE_MS - 1)
#define MAX_REASON 255
#define UUID_LEN 36
#define ANY (-1)

/* ---- lists --------------------------------------------------------------- */

static const char *state_name(int i)
{
	return deia_health_state_name((deia_health_state)i);
}

static const char *level_name(int i)
{
	return deia_health_level_name((deia_health_level)i);
}

/* The number of a word, ANY when absent; false: answered. */
static bool query_word(struct rq *rq, const char *key,
		       const char *(*name)(int i), int n, int *out)
{
	const char *text = rq_query(rq, key);
	char pointer[32], words[64] = "";
	size_t len = 0;

	*out = ANY;
	for (int i = 0; text && i < n; i++)
		if (strcmp(text, name(i)) == 0)
			*out = i;
	if (!text || *out != ANY)
		return true;
	for (int i = 0; i < n && len < sizeof(words); i++)
		len += (size_t)snprintf(words + len, sizeof(words) - len,
					"%s\"%s\"",
					!i	     ? ""
					: i == n - 1 ? " or "
						     : ", ",
					name(i));
	snprintf(pointer, sizeof(pointer), "?%s", key);
	rq_bad_field(rq, pointer, "expected %s", words);
	return false;
}

/* ?cursor=, NULL when absent; false: answered. */
static bool query_cursor(struct rq *rq, const char **out)
{
	*out = rq_query(rq, "cursor");
	if (!*out || (strlen(*out) == UUID_LEN &&
		      strspn(*out, "0123456789abcdef-") == UUID_LEN))
		return true;
	rq_bad_field(rq, "?cursor", "expected the next_cursor of a page");
	return false;
}

struct choice {
	int state, level;
};

static bool fits(const struct deia_health_alert *a, const struct choice *c)
{
	return (c->state == ANY || (int)a->state == c->state) &&
	       (c->level == ANY || (int)a->level == c->level);
}

/* The next one that fits, from a on. */
static const struct deia_health_alert *find(const deia_health *h,
					    const struct deia_health_alert *a,
					    const struct choice *c)
{
	while (a && !fits(a, c))
		a = deia_health_next_alert(h, a);
	return a;
}

/* Where a page begins. The alert of the cursor may have made room for others;
 * ids are in order of time. */
static const struct deia_health_alert *first(const deia_health *h,
					     const char *cursor)
{
	const struct deia_health_alert *a = NULL;

	if (cursor)
		a = deia_health_get_alert(h, cursor);
	a = deia_health_next_alert(h, a);
	while (a && cursor && strcmp(a->id, cursor) >= 0)
		a = deia_health_next_alert(h, a);
	return a;
}

void route_alerts(struct rq *rq)
{
	const deia_health *h = deia_hive_health(rq->srv->hive);
	const struct deia_health_alert *a, *last = NULL;
	const char *cursor;
	struct choice c;
	struct deia_jw w;
	unsigned limit;

	if (!query_limit(rq, &limit) || !query_cursor(rq, &cursor) ||
	    !query_word(rq, "state", state_name, 2, &c.state) ||
	    !query_word(rq, "level", level_name, DEIA_HEALTH_LEVELS, &c.level))
		return;
	list_begin(&w);
	a = find(h, first(h, cursor), &c);
	for (; a && limit; limit--) {
		deia_health_print_alert(a, &w);
		last = a;
		a = find(h, deia_health_next_alert(h, a), &c);
	}
	list_send(rq, &w, a ? last->id : NULL);
}

/* ---- one ------------------------------------------------------------------ */

static void send_alert(struct rq *rq, const struct deia_health_alert *a)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_health_print_alert(a, &w);
	rq_send_json(rq, 200, &w);
}

void route_alert(struct rq *rq)
{
	const struct deia_health_alert *a = deia_health_get_alert(
		deia_hive_health(rq->srv->hive), rq->param[0]);

	if (a)
		send_alert(rq, a);
	else
		rq_fail_with(rq, DEIA_ENOTFOUND,
			     "No such alert is kept; GET /api/v1/alerts lists "
			     "them.");
}

/* ---- what people do ------------------------------------------------------- */

static void on_done(deia_err err, const struct deia_health_alert *alert,
		    void *user)
{
	struct rq *rq = user;

	if (!rq_ok(rq, err))
		return;
	send_alert(rq, alert);
	rq_drop(rq);
}

/* The reason, "" when absent; NULL: answered. */
static const char *reason_of(struct rq *rq)
{
	const char *reason = body_text(rq, "reason");

	for (const char *c = reason; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			rq_bad_field(rq, "/reason", "expected one line");
			return NULL;
		}
	return reason ? reason : "";
}

static const struct field reason_only[] = {
	{ "reason", FIELD_TEXT, false, 0, MAX_REASON },
};

typedef deia_err (*act_fn)(deia_hive *hive, const struct deia_actor *actor,
			   const char *id, const char *reason,
			   deia_hive_alert_cb cb, void *user);

static void act(struct rq *rq, act_fn fn)
{
	const char *reason;

	if (!BODY_FIELDS(rq, reason_only))
		return;
	reason = reason_of(rq);
	if (!reason)
		return;
	rq_hold(rq);
	rq_begun(rq, fn(rq->srv->hive, &rq->actor, rq->param[0], reason,
			on_done, rq));
}

void route_alert_acknowledge(struct rq *rq)
{
	act(rq, deia_hive_alert_acknowledge);
}

void route_alert_resolve(struct rq *rq)
{
	act(rq, deia_hive_alert_resolve);
}

static int64_t unix_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* When the silence ends, 0: now. False: answered. */
static bool end_of_silence(struct rq *rq, int64_t *out)
{
	const char *until = body_text(rq, "until");
	int64_t minutes = body_int(rq, "minutes", -1), now = unix_now_ms();

	if ((until != NULL) == (minutes >= 0)) {
		rq_bad_field(rq, until ? "/minutes" : "/until",
			     "expected either \"until\" or \"minutes\"");
		return false;
	}
	if (!until) {
		*out = minutes ? now + minutes * MINUTE_MS : 0;
		return true;
	}
	if (time_parse(until, out) && *out > now &&
	    *out <= now + MAX_MINUTES * MINUTE_MS)
		return true;
	rq_bad_field(rq, "/until",
		     "expected a time (RFC 3339) in the next 90 days");
	return false;
}

void route_alert_silence(struct rq *rq)
{
	static const struct field fields[] = {
		{ "until", FIELD_TEXT, false, 1, 40 },
		{ "minutes", FIELD_INT, false, 0, MAX_MINUTES },
		{ "reason", FIELD_TEXT, false, 0, MAX_REASON },
	};
	const char *reason;
	int64_t until;

	if (!BODY_FIELDS(rq, fields) || !end_of_silence(rq, &until))
		return;
	reason = reason_of(rq);
	if (!reason)
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_alert_silence(rq->srv->hive, &rq->actor,
					     rq->param[0], reason, until,
					     on_done, rq));
}
