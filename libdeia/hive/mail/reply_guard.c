/* SPDX-License-Identifier: MIT */
/*
 * reply_guard.c - what stops two bots that answer each other without end.
 *
 * Two measures. Hops: each answer by itself counts one more than what it
 * answers; above max_hops a message is not answered any more. Rate: two bots
 * answer each other at most answers_per_minute times a minute. The table of
 * pairs is bounded: pairs whose minute is over go first, then the oldest.
 */
#include "hive/mail/reply.h"

#include <stdio.h>
#include <string.h>

#define PAIRS_MAX 4096
#define WINDOW_MS 60000
#define PARDONS 256
#define MAX_HOPS 32
#define ANSWERS_PER_MINUTE 120

struct pair {
	char names[2 * DEIA_MAX_ID_LEN + 2]; /* in byte order, a space */
	int64_t start_ms;		     /* boot clock */
	unsigned n;
	bool told;
	UT_hash_handle hh; /* oldest start first */
};

struct deia__guard {
	struct pair *pairs;
	char pardoned[PARDONS][37]; /* a ring */
	unsigned next_pardon;
};

static bool ready(deia_hive *h)
{
	if (!h->guard)
		h->guard = deia__alloc(sizeof(*h->guard));
	return h->guard != NULL;
}

void deia__guard_pardon(deia_hive *h, const char *id)
{
	char *slot;

	if (!ready(h))
		return;
	slot = h->guard->pardoned[h->guard->next_pardon++ % PARDONS];
	snprintf(slot, 37, "%s", id);
}

/* Whether somebody has requeued it; that counts once. */
static bool is_pardoned(deia_hive *h, const char *id)
{
	for (unsigned i = 0; h->guard && i < PARDONS; i++)
		if (strcmp(h->guard->pardoned[i], id) == 0) {
			h->guard->pardoned[i][0] = '\0';
			return true;
		}
	return false;
}

static unsigned max_hops(const deia_hive *h)
{
	return h->max_hops ? h->max_hops : MAX_HOPS;
}

bool deia__guard_too_far(deia_hive *h, const struct deia_message *m,
			 char *reason, size_t len)
{
	unsigned max = max_hops(h);

	if (m->hops < max || is_pardoned(h, m->id))
		return false;
	snprintf(reason, len,
		 "loop guard: %u answers led to it, one after another; bots "
		 "answer at most %u by themselves (messages.max_hops)",
		 m->hops, max);
	return true;
}

static void drop(struct deia__guard *g, struct pair *p)
{
	HASH_DEL(g->pairs, p);
	deia__free(p);
}

/* A new minute of this pair, the newest of all; NULL: out of memory. */
static struct pair *begin(struct deia__guard *g, struct pair *p,
			  const char *names, int64_t now)
{
	struct pair *oldest = g->pairs;

	if (p) {
		HASH_DEL(g->pairs, p);
	} else {
		if (oldest && (now - oldest->start_ms >= WINDOW_MS ||
			       HASH_COUNT(g->pairs) >= PAIRS_MAX))
			drop(g, oldest);
		p = deia__alloc(sizeof(*p));
		if (!p)
			return NULL;
		snprintf(p->names, sizeof(p->names), "%s", names);
	}
	p->start_ms = now;
	p->n = 0;
	p->told = false;
	HASH_ADD_STR(g->pairs, names, p);
	if (!p->hh.tbl) {
		deia__free(p);
		return NULL;
	}
	return p;
}

static void tell(deia_hive *h, const char *from, const char *to,
		 const char *reason)
{
	struct deia__change *c = deia__change_new(h);
	deia_jw w;

	deia__hive_log(h, DEIA_LOG_WARN, "%s", reason);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "from", from);
	deia_jw_kstr(&w, "to", to);
	deia_jw_kstr(&w, "reason", reason);
	deia_jw_end_object(&w);
	deia__change_event(c, "message.held", to,
			   deia_jw_status(&w) ? NULL : w.text);
	deia_jw_fini(&w);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "an event could not be stored: %s", h->msg.text);
}

static struct pair *find(deia_hive *h, const char *from, const char *to,
			 int64_t now)
{
	char names[2 * DEIA_MAX_ID_LEN + 2];
	bool swap = strcmp(from, to) > 0;
	struct pair *p = NULL;

	if (!ready(h))
		return NULL;
	snprintf(names, sizeof(names), "%s %s", swap ? to : from,
		 swap ? from : to);
	HASH_FIND_STR(h->guard->pairs, names, p);
	if (p && now - p->start_ms < WINDOW_MS)
		return p;
	return begin(h->guard, p, names, now);
}

int64_t deia__guard_wait(deia_hive *h, const char *from, const char *to,
			 char *reason, size_t len)
{
	int64_t now = deia__timers_now(h->timers);
	unsigned max = h->answers_per_minute ? h->answers_per_minute
					     : ANSWERS_PER_MINUTE;
	struct pair *p = find(h, from, to, now);

	if (!p) {
		snprintf(reason, len, "out of memory");
		return DEIA__MAIL_AGAIN_MS;
	}
	if (p->n < max) {
		p->n++;
		return 0;
	}
	snprintf(reason, len,
		 "loop guard: %s and %s have answered each other %u times "
		 "within a minute (messages.answers_per_minute); held back "
		 "until it is over",
		 from, to, max);
	if (!p->told) {
		p->told = true;
		tell(h, from, to, reason);
	}
	return p->start_ms + WINDOW_MS - now;
}

deia_err deia__guard_send(deia_hive *h, const char *from, const char *to,
			  unsigned hops)
{
	char reason[256];
	struct pair *p;

	if (hops <= max_hops(h))
		return DEIA_OK;
	snprintf(reason, sizeof(reason),
		 "loop guard: %u answers led to this one, one after another, "
		 "and a bot sends at most the %uth (messages.max_hops); leave "
		 "`reply_to` out to begin anew",
		 hops - 1, max_hops(h));
	p = find(h, from, to, deia__timers_now(h->timers));
	if (p && !p->told) {
		p->told = true;
		tell(h, from, to, reason);
	}
	return deia__hive_fail(h, DEIA_ELIMIT, "%s", reason);
}

void deia__guard_free(deia_hive *h)
{
	struct pair *p, *next;

	if (!h->guard)
		return;
	HASH_ITER(hh, h->guard->pairs, p, next)
		drop(h->guard, p);
	deia__free(h->guard);
	h->guard = NULL;
}
