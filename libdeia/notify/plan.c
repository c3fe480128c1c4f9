/* SPDX-License-Identifier: MIT */
/*
 * plan.c - when a message goes to a receiver.
 *
 *   nothing -> grouping -> (waits for its rate) -> under way -> taken
 *                                  ^ retry after a while |  -> given up
 *
 * One message a receiver is under way at a time. It stays as it was made until
 * it is taken or given up, so that its id says the same each time; what comes
 * meanwhile is for the next one. An Alertmanager is a mirror of what fires
 * instead: each message has all of it, made anew at each attempt, and again
 * each resend_ms, before Alertmanager takes it as over.
 */
#include "notify/notify.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define NO_MEMORY_MS 10000
#define HOUR_MS 3600000.0
#define JITTER 0.2

static void step(struct deia__receiver *r);

static bool is_mirror(const struct deia__receiver *r)
{
	return r->set.kind == DEIA_NOTIFY_ALERTMANAGER;
}

static void in(struct deia__receiver *r, int64_t ms)
{
	/* Never without memory: room was reserved. */
	(void)!deia__timer_set(r->n->timers, &r->timer, ms);
}

void deia__plan(struct deia__receiver *r)
{
	if (!r->message && !deia__timer_armed(&r->timer))
		in(r, r->n->pace.group_ms);
}

int64_t deia__retry_ms(struct deia__rng *rng, unsigned tries,
		       unsigned retry_after_seconds)
{
	int64_t ms = DEIA__NOTIFY_FIRST_RETRY_MS, said;
	double jitter = 1 - JITTER + 2 * JITTER * deia__rng_ratio(rng);

	while (--tries && ms < DEIA__NOTIFY_LAST_RETRY_MS)
		ms *= 2;
	if (ms > DEIA__NOTIFY_LAST_RETRY_MS)
		ms = DEIA__NOTIFY_LAST_RETRY_MS;
	ms = (int64_t)((double)ms * jitter);
	said = (int64_t)retry_after_seconds * 1000;
	return said > ms ? said : ms;
}

/* ---- the rate ---------------------------------------------------------------- */

/* 0: it may go, and is counted; else how long it must wait. */
static int64_t take_token(struct deia__receiver *r)
{
	const struct deia_notify_pace *p = &r->n->pace;
	int64_t now = deia__timers_now(r->n->timers);

	r->tokens += (double)(now - r->tokens_ms) * p->per_hour / HOUR_MS;
	r->tokens_ms = now;
	if (r->tokens > p->burst)
		r->tokens = p->burst;
	if (r->tokens < 1)
		return (int64_t)((1 - r->tokens) * HOUR_MS / p->per_hour) + 1;
	r->tokens -= 1;
	return 0;
}

/* ---- making a message --------------------------------------------------------- */

static void message_free(struct deia__receiver *r)
{
	if (!r->message)
		return;
	deia__free(r->message->body);
	deia__free(r->message->named);
	deia__free(r->message);
	r->message = NULL;
}

struct pick {
	struct deia__entry *e;
	struct deia__known *k;
};

/* The worst first, what is over last; then by age. */
static int compare(const void *a, const void *b)
{
	const struct deia_health_alert *x = &((const struct pick *)a)->e->alert;
	const struct deia_health_alert *y = &((const struct pick *)b)->e->alert;

	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	if (x->level != y->level)
		return x->level > y->level ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* What goes into a message now. NULL: no memory. */
static struct pick *pick(struct deia__receiver *r, size_t *n)
{
	struct pick *list =
		deia__alloc((HASH_COUNT(r->n->entries) + 1) * sizeof(*list));
	struct deia__entry *e, *next;

	*n = 0;
	if (!list)
		return NULL;
	HASH_ITER(hh, r->n->entries, e, next) {
		struct deia__known *k = &e->known[r->number];
		bool again =
			is_mirror(r) &&
			(k->flies || (k->told >= 0 &&
				      e->alert.state == DEIA_HEALTH_FIRING));

		if (k->due || again)
			list[(*n)++] = (struct pick){ e, k };
	}
	qsort(list, *n, sizeof(*list), compare);
	return list;
}

/* The same alerts in the same state make the same id, also after a restart. */
static void make_id(char out[static DEIA__NOTIFY_ID_BYTES],
		    const struct deia__receiver *r, const struct pick *list,
		    size_t n)
{
	unsigned char hash[16];
	char hex[sizeof(hash) * 2 + 1] = "", line[200];
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, sizeof(hash));
	crypto_generichash_update(&st, (const unsigned char *)r->set.name,
				  strlen(r->set.name) + 1);
	for (size_t i = 0; i < n; i++) {
		const struct deia_health_alert *a = &list[i].e->alert;
		int len =
			snprintf(line, sizeof(line), "%s %d %d %u;", a->id,
				 (int)a->level, (int)a->state, list[i].k->step);

		crypto_generichash_update(&st, (const unsigned char *)line,
					  (size_t)len);
	}
	crypto_generichash_final(&st, hash, sizeof(hash));
	deia__hex_print(hex, hash, sizeof(hash));
	snprintf(out, DEIA__NOTIFY_ID_BYTES, "msg_%s", hex);
}

static bool print(struct deia__receiver *r, struct deia__message *m,
		  const struct pick *list, size_t n)
{
	const struct deia_health_alert **alerts =
		deia__alloc((n + 1) * sizeof(*alerts));
	int8_t *told = deia__alloc(n + 1);
	size_t named =
		n > DEIA_NOTIFY_NAMED && !is_mirror(r) ? DEIA_NOTIFY_NAMED : n;
	struct deia__letter l = {
		.receiver = r,
		.link = r->n->opts.link,
		.instance = r->n->opts.instance,
		.id = m->id,
		.at_unix_ms = deia__unix_ms(r->n->clock),
		.alerts = alerts,
		.told = told,
		.n = named,
		.more = n - named,
		.merged = r->merged,
		.lost = r->n->lost,
		.resend_ms = r->n->pace.resend_ms,
	};
	bool ok = alerts && told;

	for (size_t i = 0; ok && i < n; i++) {
		alerts[i] = &list[i].e->alert;
		told[i] = list[i].k->told;
	}
	ok = ok && deia__letter_print(&m->body, &m->len, &l) == DEIA_OK;
	deia__free(alerts);
	deia__free(told);
	return ok;
}

static struct deia__message *message_new(struct deia__receiver *r,
					 const struct pick *list, size_t n)
{
	struct deia__message *m = deia__alloc(sizeof(*m));

	if (!m)
		return NULL;
	m->begun_ms = deia__timers_now(r->n->timers);
	m->named = deia__alloc((n + 1) * sizeof(*m->named));
	make_id(m->id, r, list, n);
	if (!m->named || !print(r, m, list, n)) {
		deia__free(m->named);
		deia__free(m->body);
		deia__free(m);
		return NULL;
	}
	m->n = n;
	for (size_t i = 0; i < n; i++) {
		struct deia__named *to = &m->named[i];
		const struct deia_health_alert *a = &list[i].e->alert;

		snprintf(to->id, sizeof(to->id), "%s", a->id);
		to->level = (int8_t)a->level;
		to->ended = a->state != DEIA_HEALTH_FIRING;
	}
	return m;
}

/* DEIA_ENOTFOUND: there is nothing to say. */
static deia_err make(struct deia__receiver *r)
{
	struct deia__message *m, *old = r->message;
	size_t n;
	struct pick *list = pick(r, &n);

	if (!list)
		return DEIA_ENOMEM;
	m = n ? message_new(r, list, n) : NULL;
	for (size_t i = 0; m && i < n; i++) {
		list[i].k->due = false;
		list[i].k->flies = true;
	}
	deia__free(list);
	if (!m)
		return n ? DEIA_ENOMEM : DEIA_ENOTFOUND;
	if (old) {
		m->tries = old->tries;
		m->begun_ms = old->begun_ms;
	}
	message_free(r);
	r->message = m;
	r->merged = 0;
	r->limited = false;
	r->n->lost = 0;
	return DEIA_OK;
}

/* ---- what becomes of it --------------------------------------------------------- */

static void land(struct deia__receiver *r, bool taken)
{
	const struct deia__message *m = r->message;

	for (size_t i = 0; i < m->n; i++) {
		const struct deia__named *x = &m->named[i];
		struct deia__entry *e = deia__entry_get(r->n, x->id);

		if (!e)
			continue;
		e->known[r->number].flies = false;
		if (taken)
			e->known[r->number].told =
				x->ended ? DEIA__NOTIFY_NEVER : x->level;
		deia__entry_settle(r->n, e);
	}
	message_free(r);
	deia__notify_changed(r->n);
}

static void go_on(struct deia__receiver *r)
{
	if (deia__book_due(r->n, r))
		deia__plan(r);
	if (is_mirror(r) && r->n->entries)
		(void)!deia__timer_set(r->n->timers, &r->resend,
				       r->n->pace.resend_ms);
}

static void give_up(struct deia__receiver *r, const char *why)
{
	r->outcomes[DEIA_NOTIFY_FAILED]++;
	deia__notify_log(r->n, true,
			 "receiver %s was not told of %zu alerts: %s",
			 r->set.name, r->message->n, why);
	land(r, false);
}

static void try_again(struct deia__receiver *r,
		      const struct deia__shot_result *result)
{
	struct deia__message *m = r->message;
	int64_t age = deia__timers_now(r->n->timers) - m->begun_ms;
	int64_t ms = deia__retry_ms(&r->n->rng, ++m->tries,
				    result->retry_after_seconds);

	if (age + ms > DEIA__NOTIFY_GIVE_UP_MS) {
		give_up(r, result->error);
		go_on(r);
		return;
	}
	r->outcomes[DEIA_NOTIFY_RETRIED]++;
	if (m->tries == 1)
		deia__notify_log(r->n, true,
				 "receiver %s: %s; it is tried again",
				 r->set.name, result->error);
	in(r, ms);
}

static void on_shot(const struct deia__shot_result *result, void *user)
{
	struct deia__receiver *r = user;
	int64_t now = deia__unix_ms(r->n->clock);

	r->shot = NULL;
	if (result->end != DEIA__SHOT_OK) {
		r->failed_unix_ms = now;
		snprintf(r->error, sizeof(r->error), "%s", result->error);
	}
	switch (result->end) {
	case DEIA__SHOT_OK:
		r->delivered_unix_ms = now;
		r->outcomes[DEIA_NOTIFY_DELIVERED]++;
		if (r->message->tries)
			deia__notify_log(r->n, false,
					 "receiver %s is told again",
					 r->set.name);
		land(r, true);
		go_on(r);
		break;
	case DEIA__SHOT_RETRY:
		try_again(r, result);
		break;
	case DEIA__SHOT_FINAL:
		give_up(r, result->error);
		go_on(r);
		break;
	}
}

static void shoot(struct deia__receiver *r)
{
	const struct deia__message *m = r->message;
	struct deia__shot_result failed = { .end = DEIA__SHOT_RETRY };

	if (!r->n->shooter->start(&r->shot, r->n, r, m->id, m->body, m->len,
				  on_shot, r))
		return;
	snprintf(failed.error, sizeof(failed.error), "out of memory");
	try_again(r, &failed);
}

static void step(struct deia__receiver *r)
{
	int64_t wait = 0;
	deia_err err = DEIA_OK;

	if (r->shot)
		return;
	if (!r->message && !is_mirror(r))
		wait = deia__book_due(r->n, r) ? take_token(r) : 0;
	if (wait) {
		r->limited = true;
		in(r, wait);
		return;
	}
	if (!r->message || is_mirror(r))
		err = make(r);
	if (err == DEIA_ENOMEM && !r->message)
		in(r, NO_MEMORY_MS);
	else if (r->message)
		shoot(r);
}

static void on_timer(void *arg)
{
	step(arg);
}

/* One that is tried again has its own time. */
static void on_resend(void *arg)
{
	struct deia__receiver *r = arg;

	if (!r->message)
		step(r);
}

void deia__plan_open(struct deia__receiver *r)
{
	r->timer.fn = on_timer;
	r->resend.fn = on_resend;
	r->timer.arg = r->resend.arg = r;
	r->tokens = r->n->pace.burst;
	r->tokens_ms = deia__timers_now(r->n->timers);
}

void deia__plan_cancel(struct deia__receiver *r)
{
	const struct deia__message *m = r->message;

	if (r->shot)
		r->n->shooter->cancel(r->shot);
	r->shot = NULL;
	deia__timer_clear(r->n->timers, &r->timer);
	deia__timer_clear(r->n->timers, &r->resend);
	for (size_t i = 0; m && i < m->n; i++) {
		struct deia__entry *e = deia__entry_get(r->n, m->named[i].id);

		if (!e)
			continue;
		e->known[r->number].flies = false;
		e->known[r->number].due = true;
	}
	message_free(r);
}
