/* SPDX-License-Identifier: MIT */
/* history.c - the ring of decisions, and the actions of one look. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"
#include "scaler/scaler.h"

void deia__scaler_say(char *text, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, len, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	text[deia__utf8_whole(text, (size_t)n < len ? (size_t)n : len - 1)] = 0;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

struct deia_scaler_decision *deia__scaler_enter(
	deia_scaler *s, const struct deia__scaler_template *t,
	deia_scaler_kind kind, deia_scaler_cause cause)
{
	struct deia_scaler_decision *d =
		&s->history[s->seq % s->opts.history_len];

	memset(d, 0, sizeof(*d));
	d->seq = ++s->seq;
	if (s->kept < s->opts.history_len)
		s->kept++;
	d->at_ms = s->now_ms;
	d->kind = kind;
	d->cause = cause;
	d->bots = t->seen.bots;
	memcpy(d->template_id, t->id, sizeof(d->template_id));
	return d;
}

/* At most two a template: one of fill and decide, one of sweep. */
void deia__scaler_act(deia_scaler *s, const struct deia_scaler_decision *d)
{
	if (s->n_actions < 2 * (size_t)s->room)
		s->actions[s->n_actions++] = *d;
}

size_t deia_scaler_history(const deia_scaler *s, uint64_t after,
			   struct deia_scaler_decision *out, size_t max)
{
	uint64_t first = s->seq - s->kept;
	size_t n = 0;

	if (after < first)
		after = first;
	for (; after < s->seq && n < max; after++)
		out[n++] = s->history[after % s->opts.history_len];
	return n;
}
