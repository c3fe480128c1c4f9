/* SPDX-License-Identifier: MIT */
/* test.c - test messages: at once, once, past the rate. */
#include "notify/notify.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define AT_A_TIME 8

struct trial {
	struct deia__notify_testing *testing;
	struct deia__shot *shot; /* NULL: it has ended */
	char *body;
	int64_t begun_ms;
	struct deia_notify_test result;
};

struct deia__notify_testing {
	TAILQ_ENTRY(deia__notify_testing) link;
	deia_notify *n;
	void (*cb)(const struct deia_notify_test *results, size_t count,
		   void *user);
	void *user;
	struct deia__timer timer; /* tells, not from within a call */
	struct trial trials[DEIA_NOTIFY_MAX_RECEIVERS];
	size_t count, left;
};

static void testing_free(struct deia__notify_testing *t)
{
	deia__timer_clear(t->n->timers, &t->timer);
	for (size_t i = 0; i < t->count; i++)
		deia__free(t->trials[i].body);
	deia__free(t);
}

/* quiet: nobody is told. */
static void finish(struct deia__notify_testing *t, bool quiet)
{
	struct deia_notify_test results[DEIA_NOTIFY_MAX_RECEIVERS];

	TAILQ_REMOVE(&t->n->testings, t, link);
	t->n->n_testings--;
	for (size_t i = 0; i < t->count; i++)
		results[i] = t->trials[i].result;
	if (!quiet)
		t->cb(results, t->count, t->user);
	testing_free(t);
}

static void on_timer(void *arg)
{
	finish(arg, false);
}

static void trial_ended(struct trial *x, const char *error)
{
	struct deia__notify_testing *t = x->testing;

	x->shot = NULL;
	x->result.ms = (unsigned)(deia__timers_now(t->n->timers) - x->begun_ms);
	x->result.ok = !*error;
	snprintf(x->result.error, sizeof(x->result.error), "%s", error);
	if (--t->left == 0)
		(void)!deia__timer_set(t->n->timers, &t->timer, 0);
}

static void on_shot(const struct deia__shot_result *result, void *user)
{
	trial_ended(user, result->end == DEIA__SHOT_OK ? "" : result->error);
}

static deia_err begin(struct trial *x, struct deia__receiver *r)
{
	deia_notify *n = r->n;
	unsigned char bytes[16];
	char id[DEIA__NOTIFY_ID_BYTES], hex[sizeof(bytes) * 2 + 1] = "";
	struct deia__letter l = {
		.receiver = r,
		.link = n->opts.link,
		.instance = n->opts.instance,
		.id = id,
		.at_unix_ms = deia__unix_ms(n->clock),
		.resend_ms = n->pace.resend_ms,
		.test = true,
	};
	deia_err err;
	size_t len;

	if (!deia__random(bytes, sizeof(bytes)))
		return DEIA_ENOMEM;
	deia__hex_print(hex, bytes, sizeof(bytes));
	snprintf(id, sizeof(id), "msg_%s", hex);
	err = deia__letter_print(&x->body, &len, &l);
	return err ? err
		   : n->shooter->start(&x->shot, n, r, id, x->body, len,
				       on_shot, x);
}

static void add(struct deia__notify_testing *t, struct deia__receiver *r)
{
	struct trial *x = &t->trials[t->count++];

	x->testing = t;
	x->begun_ms = deia__timers_now(t->n->timers);
	x->result.kind = r->set.kind;
	snprintf(x->result.name, sizeof(x->result.name), "%s", r->set.name);
	t->left++;
	if (begin(x, r))
		trial_ended(x, "out of memory");
}

static bool is_meant(const struct deia__receiver *r, const char *name)
{
	return !name || strcmp(r->set.name, name) == 0;
}

deia_err deia_notify_send_test(
	deia_notify *n, const char *name,
	void (*cb)(const struct deia_notify_test *results, size_t count,
		   void *user),
	void *user)
{
	struct deia__notify_testing *t;
	bool any = false;

	for (size_t i = 0; i < n->n_receivers; i++)
		any = any || is_meant(n->receivers[i], name);
	if (!any)
		return DEIA_ENOTFOUND;
	if (n->n_testings == AT_A_TIME)
		return DEIA_EBUSY;
	t = deia__alloc(sizeof(*t));
	if (!t)
		return DEIA_ENOMEM;
	t->n = n;
	t->cb = cb;
	t->user = user;
	t->timer.fn = on_timer;
	t->timer.arg = t;
	TAILQ_INSERT_TAIL(&n->testings, t, link);
	n->n_testings++;
	for (size_t i = 0; i < n->n_receivers; i++)
		if (is_meant(n->receivers[i], name))
			add(t, n->receivers[i]);
	return DEIA_OK;
}

void deia__tests_end(deia_notify *n, const char *why, bool quiet)
{
	struct deia__notify_testing *t, *next;

	for (t = TAILQ_FIRST(&n->testings); t; t = next) {
		next = TAILQ_NEXT(t, link);
		for (size_t i = 0; i < t->count; i++) {
			struct trial *x = &t->trials[i];

			if (!x->shot)
				continue;
			n->shooter->cancel(x->shot);
			trial_ended(x, why);
		}
		if (quiet)
			finish(t, true);
	}
}
