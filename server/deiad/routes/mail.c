/* SPDX-License-Identifier: MIT */
/*
 * mail.c - messages as JSON, pages of them, and bodies read in place.
 */
#include "mail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../http/reply.h"
#include "routes.h"

static void print_ends(struct deia_jw *w, const struct deia_message *m)
{
	int64_t end = m->finished_unix_ms;

	deia_jw_ktime(w, "read_at", m->status == DEIA_MESSAGE_READ ? end : 0);
	deia_jw_ktime(w, "failed_at",
		      m->status == DEIA_MESSAGE_FAILED ? end : 0);
	deia_jw_ktime(w, "expired_at",
		      m->status == DEIA_MESSAGE_EXPIRED ? end : 0);
}

void print_message(struct deia_jw *w, const struct deia_message *m)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", m->id);
	deia_jw_kstr(w, "from", m->from);
	deia_jw_kstr(w, "to", m->to);
	print_text_or_null(w, "by", m->by);
	deia_jw_key(w, "content");
	if (m->content)
		deia_jw_strn(w, m->content, m->content_len);
	else
		deia_jw_null(w);
	deia_jw_kstr(w, "priority", deia_priority_name(m->priority));
	deia_jw_kstr(w, "status", deia_message_status_name(m->status));
	deia_jw_kint(w, "attempt", m->attempt);
	deia_jw_kint(w, "max_attempts", m->max_attempts);
	deia_jw_kbool(w, "redelivered", m->redelivered);
	deia_jw_kbool(w, "notify", m->notify);
	deia_jw_kint(w, "hops", m->hops);
	deia_jw_kint(w, "ttl_seconds", m->ttl_seconds);
	deia_jw_ktime(w, "expires_at", m->expires_unix_ms);
	deia_jw_ktime(w, "created_at", m->created_unix_ms);
	deia_jw_ktime(w, "delivered_at", m->delivered_unix_ms);
	print_ends(w, m);
	deia_jw_ktime(w, "lease_expires_at", m->lease_unix_ms);
	print_text_or_null(w, "lease_token", m->lease_token);
	deia_jw_ktime(w, "retry_at", m->retry_unix_ms);
	print_text_or_null(w, "reply_to", m->reply_to);
	print_text_or_null(w, "dialogue", m->dialogue);
	print_text_or_null(w, "traceparent", m->traceparent);
	deia_jw_kraw(w, "metadata",
		     m->metadata && *m->metadata ? m->metadata : "{}");
	print_text_or_null(w, "reason", m->reason);
	deia_jw_end_object(w);
}

void mail_one(deia_err err, const struct deia_message *items, size_t n,
	      bool more, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	(void)more;
	if (err || n == 0) {
		rq_fail(rq, err ? err : DEIA_ENOTFOUND);
	} else {
		deia_jw_init(&w);
		print_message(&w, items);
		rq_send_json(rq, 200, &w);
	}
	rq_drop(rq);
}

void mail_page(deia_err err, const struct deia_message *items, size_t n,
	       bool more, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_message(&w, &items[i]);
	list_send(rq, &w, more && n ? items[n - 1].id : NULL);
	rq_drop(rq);
}

void mail_ask(struct rq *rq, const struct deia_message_query *query)
{
	rq_hold(rq);
	rq_begun(rq, deia_mail_page(rq->srv->hive, &rq->actor, query, mail_page,
				    rq));
}

/* ---- bodies that are read in place ------------------------------------- */

void fault(struct faults *f, const char *pointer, const char *fmt, ...)
{
	struct deia_field_error *e = &f->at[f->n];
	va_list ap;

	if (f->n == FAULTS_MAX)
		return;
	snprintf(e->pointer, sizeof(e->pointer), "%s", pointer);
	va_start(ap, fmt);
	vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
	va_end(ap);
	f->n++;
}

/* Reads a value by its kind; false: it is another, and was left behind. */
static bool value_read(struct jread *r, const struct want *w, struct got *g)
{
	char kind = jread_kind(r);

	switch (w->kind) {
	case 's':
		if (kind != '"')
			break;
		g->text = jread_text(r, &g->len);
		return (int64_t)g->len >= w->min && (int64_t)g->len <= w->max;
	case 'i':
		if (kind == '0')
			return jread_int(r, w->min, w->max, &g->num);
		break;
	case 'b':
		if (kind != 't' && kind != 'f')
			break;
		g->num = jread_bool(r);
		return true;
	case 'o':
		if (kind != '{')
			break;
		g->text = jread_raw(r, &g->len);
		return (int64_t)g->len <= w->max;
	default:
		g->value = *r;
		jread_skip(r);
		return true;
	}
	jread_skip(r);
	return false;
}

static void value_fault(struct faults *f, const char *pointer,
			const struct want *w)
{
	long long min = w->min, max = w->max;

	if (w->kind == 's')
		fault(f, pointer, "expected text of %lld to %lld bytes", min,
		      max);
	else if (w->kind == 'i')
		fault(f, pointer, "expected a whole number from %lld to %lld",
		      min, max);
	else if (w->kind == 'b')
		fault(f, pointer, "expected true or false");
	else
		fault(f, pointer, "expected an object of at most %lld bytes",
		      max);
}

static size_t find_want(const struct want *wants, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(wants[i].name, name) != 0)
		i++;
	return i;
}

void object_read(struct jread *r, const char *base, const struct want *wants,
		 struct got *got, size_t n, struct faults *f)
{
	char pointer[sizeof(f->at[0].pointer)];
	const char *key;

	memset(got, 0, n * sizeof(*got));
	if (jread_kind(r) != '{') {
		jread_skip(r);
		fault(f, base, "expected an object");
		return;
	}
	jread_open(r);
	while ((key = jread_key(r))) {
		size_t i = find_want(wants, n, key);
		bool known = i < n;

		if (known) {
			got[i].is_there = true;
			if (value_read(r, &wants[i], &got[i]))
				continue;
		} else {
			jread_skip(r);
		}
		pointer_join(pointer, sizeof(pointer), base, key);
		if (known)
			value_fault(f, pointer, &wants[i]);
		else
			fault(f, pointer, "there is no such field here");
	}
}
