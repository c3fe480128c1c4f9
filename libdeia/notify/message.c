/* SPDX-License-Identifier: MIT */
/*
 * message.c - what a message says: deia's own JSON, and the words that all
 * kinds share.
 */
#include "notify/notify.h"

#include <stdio.h>
#include <string.h>

#include <deia/sys/json.h>

#include "core/mem.h"

#define SUBJECT_BYTES 200

/* ---- words ------------------------------------------------------------------ */

const char *deia__letter_word(const struct deia_health_alert *a)
{
	static const char *const words[DEIA_HEALTH_LEVELS] = { "INFO",
							       "WARNING",
							       "CRITICAL" };

	return a->state == DEIA_HEALTH_FIRING ? words[a->level] : "RESOLVED";
}

void deia__one_line(struct deia__buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		char one = c < ' ' || c == 0x7f ? ' ' : *text;

		deia__buf_add(out, &one, 1);
	}
}

void deia__letter_subject(struct deia__buf *out, const struct deia__letter *l)
{
	size_t all = l->n + l->more, from = out->len;

	if (l->test) {
		deia__buf_adds(out, "deia: a test message");
		return;
	}
	deia__buf_adds(out, "deia: ");
	if (all > 1)
		deia__buf_addf(out, "%zu alerts: ", all);
	if (l->n) {
		deia__buf_addf(out, "%s: ", deia__letter_word(l->alerts[0]));
		deia__one_line(out, l->alerts[0]->summary);
	}
	if (!out->err && out->len - from > SUBJECT_BYTES) {
		size_t len = SUBJECT_BYTES;

		while (len &&
		       ((unsigned char)out->data[from + len] & 0xc0) == 0x80)
			len--;
		out->data[from + len] = '\0';
		out->len = from + len;
	}
}

void deia__letter_rest(struct deia__buf *out, const struct deia__letter *l)
{
	if (l->more)
		deia__buf_addf(out, "and %zu more alerts\n", l->more);
	if (l->merged)
		deia__buf_addf(out,
			       "%u notices waited and are merged into this "
			       "message\n",
			       l->merged);
	if (l->lost)
		deia__buf_addf(out, "%llu alerts found no room here\n",
			       (unsigned long long)l->lost);
}

/* ---- JSON ------------------------------------------------------------------- */

/* What is new about it. */
static const char *notice(const struct deia_health_alert *a, int told)
{
	if (a->state != DEIA_HEALTH_FIRING)
		return "resolved";
	if (told < 0)
		return "firing";
	return told < (int)a->level ? "escalated" : "reminder";
}

static void print_alerts(deia_jw *w, const struct deia__letter *l)
{
	deia_jw_key(w, "alerts");
	deia_jw_array(w);
	for (size_t i = 0; i < l->n; i++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "notice", notice(l->alerts[i], l->told[i]));
		deia_jw_key(w, "alert");
		deia_health_print_alert(l->alerts[i], w);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
}

deia_err deia__letter_json(char **out, const struct deia__letter *l)
{
	struct deia__buf subject;
	deia_jw w;

	deia__buf_init(&subject, 0);
	deia__letter_subject(&subject, l);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "type", l->test ? "alerts.test" : "alerts.changed");
	deia_jw_ktime(&w, "timestamp", l->at_unix_ms);
	deia_jw_kstr(&w, "id", l->id);
	deia_jw_kstr(&w, "receiver", l->receiver->set.name);
	deia_jw_kstr(&w, "instance", l->instance);
	deia_jw_kstr(&w, "url", l->link);
	deia_jw_kstr(&w, "summary", subject.err ? "" : subject.data);
	print_alerts(&w, l);
	deia_jw_kint(&w, "more", (int64_t)l->more);
	deia_jw_kint(&w, "merged", l->merged);
	deia_jw_kint(&w, "lost", (int64_t)l->lost);
	deia_jw_end_object(&w);
	deia__buf_fini(&subject);
	*out = NULL;
	if (deia_jw_status(&w)) {
		deia_jw_fini(&w);
		return DEIA_ENOMEM;
	}
	*out = w.text; /* deia__alloc's, as the printer has it */
	return DEIA_OK;
}

deia_err deia__letter_print(char **out, size_t *len,
			    const struct deia__letter *l)
{
	const struct deia_notify_receiver *set = &l->receiver->set;
	deia_err err;

	if (set->kind == DEIA_NOTIFY_EMAIL)
		err = deia__letter_email(out, l);
	else if (set->kind == DEIA_NOTIFY_ALERTMANAGER)
		err = deia__letter_alertmanager(out, l);
	else if (set->slack)
		err = deia__letter_slack(out, l);
	else
		err = deia__letter_json(out, l);
	*len = err ? 0 : strlen(*out);
	return err;
}
