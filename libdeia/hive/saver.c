/* SPDX-License-Identifier: MIT */
/* saver.c - see saver.h. */
#include "hive/saver.h"

static void on_time(void *arg)
{
	struct deia__saver *s = arg;

	if (!s->hive->freeing)
		deia__saver_flush(s);
}

void deia__saver_init(struct deia__saver *s, deia_hive *h,
		      const struct deia__saver_kind *kind)
{
	s->hive = h;
	s->kind = kind;
	s->timer.fn = on_time;
	s->timer.arg = s;
}

static void store_in(struct deia__saver *s, int64_t ms)
{
	if (s->stopped || s->hive->freeing)
		return;
	if (deia__timer_set(s->hive->timers, &s->timer, ms))
		deia__hive_log(s->hive, DEIA_LOG_ERROR,
			       "%s is not stored until there is more of it",
			       s->kind->what);
}

void deia__saver_changed(struct deia__saver *s)
{
	if (s->saving)
		s->again = true;
	else if (!deia__timer_armed(&s->timer))
		store_in(s, s->kind->soon_ms);
}

void deia__saver_put(struct deia__saver *s, struct deia__change *c)
{
	if (c)
		(void)s->kind->put(s->hive, c);
}

void deia__saver_refused(struct deia__saver *s)
{
	s->kind->all_new(s->hive);
	store_in(s, s->kind->retry_ms);
}

static void on_saved(deia_hive *h, deia_err err, const int64_t *seqs,
		     size_t n_seqs, void *arg)
{
	struct deia__saver *s = arg;

	(void)seqs;
	(void)n_seqs;
	s->saving = false;
	if (err) {
		deia__hive_log(h, DEIA_LOG_WARN, "%s could not be stored: %s",
			       s->kind->what, h->msg.text);
		deia__saver_refused(s);
	} else if (s->again) {
		deia__saver_changed(s);
	}
}

void deia__saver_flush(struct deia__saver *s)
{
	deia_hive *h = s->hive;
	struct deia__errmsg kept = h->msg;
	bool has_field = h->has_field;
	struct deia__change *c = deia__change_new(h);
	deia_err err;

	s->again = false;
	if (c && !s->kind->put(h, c)) {
		deia__change_drop(c);
		return;
	}
	s->saving = true;
	err = deia__change_commit(c, h, on_saved, s);
	if (err)
		on_saved(h, err, NULL, 0, s);
	h->msg = kept; /* a caller's detail stands */
	h->has_field = has_field;
}

void deia__saver_stop(struct deia__saver *s)
{
	if (!s->hive)
		return;
	s->stopped = true;
	deia__timer_clear(s->hive->timers, &s->timer);
	if (s->hive->store)
		deia__saver_flush(s);
}
