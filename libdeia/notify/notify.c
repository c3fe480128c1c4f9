/* SPDX-License-Identifier: MIT */
/* notify.c - the notifier's life, and its receivers. */
#include "notify/notify.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/opts.h"

#define TIMERS 96 /* two a receiver, one a shot, one a test */

const char *deia_notify_kind_name(deia_notify_kind kind)
{
	switch (kind) {
#define CASE(e, n)                                                             \
	case e:                                                                \
		return n;
		DEIA_NOTIFY_KIND_LIST(CASE)
#undef CASE
	}
	return "unknown";
}

const char *deia_notify_outcome_name(enum deia_notify_outcome outcome)
{
	static const char *const names[DEIA_NOTIFY_OUTCOMES] = { "delivered",
								 "retried",
								 "failed" };

	return (unsigned)outcome < DEIA_NOTIFY_OUTCOMES ? names[outcome]
							: "unknown";
}

void deia__notify_log(deia_notify *n, bool bad, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!n->opts.log)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->opts.log(bad, text, n->opts.user);
}

void deia__notify_changed(deia_notify *n)
{
	if (n->opts.changed)
		n->opts.changed(n->opts.user);
}

/* ---- texts of a receiver -------------------------------------------------------- */

static void wipe(const char *secret)
{
	char *p = (char *)(uintptr_t)secret;

	if (p)
		sodium_memzero(p, strlen(p));
	deia__free(p);
}

static void free_text(const char *text)
{
	deia__free((char *)(uintptr_t)text);
}

static void free_list(const char *const *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		free_text(list[i]);
	deia__free((void *)(uintptr_t)list);
}

static void set_fini(struct deia_notify_receiver *s)
{
	free_text(s->name);
	wipe(s->url);
	free_text(s->ca_file);
	wipe(s->secret);
	free_text(s->from);
	free_list(s->to, s->n_to);
	free_text(s->username);
	wipe(s->password);
	free_list(s->argv, s->n_argv);
}

static bool copy_text(const char **text)
{
	const char *from = *text;

	*text = deia__strdup(from);
	return !from || *text;
}

static bool copy_list(const char *const **list, size_t n)
{
	const char *const *from = *list;
	char **to = deia__alloc((n + 1) * sizeof(*to));
	bool ok = to != NULL;

	for (size_t i = 0; ok && i < n; i++)
		ok = (to[i] = deia__strdup(from[i])) != NULL;
	*list = (const char *const *)to;
	return ok;
}

/* Each is copied, whatever failed before, so that all may be freed. */
static bool set_copy(struct deia_notify_receiver *to,
		     const struct deia_notify_receiver *from)
{
	bool ok;

	*to = *from;
	ok = copy_text(&to->name);
	ok = copy_text(&to->url) && ok;
	ok = copy_text(&to->ca_file) && ok;
	ok = copy_text(&to->secret) && ok;
	ok = copy_text(&to->from) && ok;
	ok = copy_list(&to->to, to->n_to) && ok;
	ok = copy_text(&to->username) && ok;
	ok = copy_text(&to->password) && ok;
	return copy_list(&to->argv, to->n_argv) && ok;
}

/* ---- receivers -------------------------------------------------------------------- */

static void receiver_free(struct deia__receiver *r)
{
	if (!r)
		return;
	deia__plan_cancel(r);
	set_fini(&r->set);
	deia__free(r->target);
	deia__free(r);
}

static struct deia__receiver *receiver_new(
	deia_notify *n, size_t number, const struct deia_notify_receiver *set)
{
	struct deia__receiver *r = deia__alloc(sizeof(*r));

	if (!r)
		return NULL;
	r->n = n;
	r->number = (unsigned)number;
	deia__plan_open(r);
	if (set_copy(&r->set, set) &&
	    (r->target = deia__notify_target(&r->set)))
		return r;
	receiver_free(r);
	return NULL;
}

static int find(const deia_notify *n, const char *name)
{
	for (size_t i = 0; i < n->n_receivers; i++)
		if (strcmp(n->receivers[i]->set.name, name) == 0)
			return (int)i;
	return -1;
}

static deia_err check_all(const struct deia_notify_receiver *list, size_t count,
			  const struct deia_notify_pace *pace, char *why,
			  size_t why_len)
{
	deia_err err = DEIA_OK;

	if (count > DEIA_NOTIFY_MAX_RECEIVERS) {
		snprintf(why, why_len, "there may be %d receivers at most",
			 DEIA_NOTIFY_MAX_RECEIVERS);
		return DEIA_ELIMIT;
	}
	if (pace->group_ms < 0 || pace->group_ms > 600000 || !pace->per_hour ||
	    pace->per_hour > 3600 || !pace->burst || pace->burst > 1000 ||
	    pace->resend_ms < 1000 || pace->resend_ms > 3600000) {
		snprintf(why, why_len, "the pace is out of its range");
		return DEIA_EINVAL;
	}
	for (size_t i = 0; i < count && !err; i++) {
		err = deia_notify_check(&list[i], why, why_len);
		for (size_t k = 0; k < i && !err; k++)
			if (strcmp(list[i].name, list[k].name) == 0) {
				snprintf(why, why_len,
					 "two receivers are called %s",
					 list[i].name);
				err = DEIA_EINVAL;
			}
	}
	return err;
}

/* What the one of the same name had done before goes on. */
static void inherit(struct deia__receiver *r, const struct deia__receiver *old)
{
	r->delivered_unix_ms = old->delivered_unix_ms;
	r->failed_unix_ms = old->failed_unix_ms;
	r->merged = old->merged;
	memcpy(r->error, old->error, sizeof(r->error));
	memcpy(r->outcomes, old->outcomes, sizeof(r->outcomes));
	r->tokens = old->tokens < r->tokens ? old->tokens : r->tokens;
}

static void replace(deia_notify *n, struct deia__receiver **fresh, size_t count)
{
	int before[DEIA_NOTIFY_MAX_RECEIVERS];
	struct deia__entry *e, *next;

	deia__tests_end(n, "the receivers were changed", false);
	for (size_t i = 0; i < n->n_receivers; i++)
		deia__plan_cancel(n->receivers[i]);
	for (size_t i = 0; i < count; i++) {
		before[i] = find(n, fresh[i]->set.name);
		if (before[i] >= 0)
			inherit(fresh[i], n->receivers[before[i]]);
	}
	deia__book_renumber(n, before, count);
	for (size_t i = 0; i < n->n_receivers; i++)
		receiver_free(n->receivers[i]);
	memcpy(n->receivers, fresh, count * sizeof(*fresh));
	n->n_receivers = count;
	HASH_ITER(hh, n->entries, e, next)
		deia__entry_settle(n, e);
	for (size_t i = 0; i < count && n->entries; i++)
		deia__plan(n->receivers[i]);
}

deia_err deia_notify_set_receivers(deia_notify *n,
				   const struct deia_notify_receiver *receivers,
				   size_t count,
				   const struct deia_notify_pace *pace,
				   char *why, size_t why_len)
{
	static const struct deia_notify_pace usual = DEIA_NOTIFY_PACE_INIT;
	struct deia__receiver *fresh[DEIA_NOTIFY_MAX_RECEIVERS];
	struct deia_notify_pace old = n->pace;
	char room[160];
	deia_err err;

	err = check_all(receivers, count, pace ? pace : &usual,
			why ? why : room, why ? why_len : sizeof(room));
	if (err)
		return err;
	n->pace = pace ? *pace : usual;
	for (size_t i = 0; i < count; i++) {
		fresh[i] = receiver_new(n, i, &receivers[i]);
		if (fresh[i])
			continue;
		while (i)
			receiver_free(fresh[--i]);
		n->pace = old;
		if (why)
			snprintf(why, why_len, "out of memory");
		return DEIA_ENOMEM;
	}
	replace(n, fresh, count);
	return DEIA_OK;
}

bool deia_notify_get_status(const deia_notify *n, size_t i,
			    struct deia_notify_status *out)
{
	const struct deia__receiver *r;

	if (i >= n->n_receivers)
		return false;
	r = n->receivers[i];
	*out = (struct deia_notify_status){
		.name = r->set.name,
		.kind = r->set.kind,
		.level = r->set.level,
		.quiet_end = r->set.quiet_end,
		.target = r->target,
		.delivered_unix_ms = r->delivered_unix_ms,
		.failed_unix_ms = r->failed_unix_ms,
		.error = r->error,
		.waiting = deia__book_due(n, r),
		.next_ms = -1,
	};
	if (out->waiting && deia__timer_armed(&r->timer))
		out->next_ms = r->timer.due_ms - deia__timers_now(n->timers);
	memcpy(out->outcomes, r->outcomes, sizeof(out->outcomes));
	return true;
}

/* ---- life ---------------------------------------------------------------------------- */

static deia_err open_parts(deia_notify *n, const struct deia__clock *clock)
{
	deia_err err = deia__timers_new(&n->timers, n->opts.base, clock);

	if (!err)
		err = deia__timers_reserve(n->timers, TIMERS);
	n->procs.base = n->opts.base;
	n->procs.timers = n->timers;
	return err;
}

static bool copy_opts(struct deia_notify_opts *o)
{
	bool ok;

	if (!o->guard_program)
		o->guard_program = "deia-guard";
	ok = copy_text(&o->link);
	ok = copy_text(&o->instance) && ok;
	return copy_text(&o->guard_program) && ok;
}

deia_err deia__notify_new(deia_notify **out,
			  const struct deia_notify_opts *opts,
			  const struct deia__clock *clock,
			  const struct deia__shooter *shooter)
{
	deia_notify *n = deia__alloc(sizeof(*n));
	deia_err err;

	*out = NULL;
	if (!n)
		return DEIA_ENOMEM;
	n->opts = *opts;
	n->pace = (struct deia_notify_pace)DEIA_NOTIFY_PACE_INIT;
	n->clock = clock;
	n->shooter = shooter ? shooter : &deia__notify_shooter;
	TAILQ_INIT(&n->running);
	TAILQ_INIT(&n->testings);
	deia__rng_init(&n->rng, opts->seed);
	err = copy_opts(&n->opts) ? open_parts(n, clock) : DEIA_ENOMEM;
	if (err) {
		deia_notify_free(n);
		return err;
	}
	*out = n;
	return DEIA_OK;
}

deia_err deia_notify_new(deia_notify **out, const struct deia_notify_opts *opts)
{
	*out = NULL;
	if (!opts || !opts->base || opts->size < sizeof(*opts))
		return DEIA_EINVAL;
	return deia__notify_new(out, opts, NULL, NULL);
}

void deia_notify_free(deia_notify *n)
{
	if (!n)
		return;
	if (n->timers) {
		deia__tests_end(n, "", true);
		for (size_t i = 0; i < n->n_receivers; i++)
			receiver_free(n->receivers[i]);
		deia__shots_free(n);
		deia__book_free(n);
		deia__http_free(n->http);
		deia__timers_free(n->timers);
	}
	free_text(n->opts.link);
	free_text(n->opts.instance);
	free_text(n->opts.guard_program);
	deia__free(n);
}
