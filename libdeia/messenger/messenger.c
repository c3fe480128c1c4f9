/* SPDX-License-Identifier: MIT */
/*
 * messenger.c - the life of a messenger, its options, its counts.
 */
#include "messenger/homes/homes.h"
#include "messenger/messenger.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#define JOURNAL_QUEUE_BYTES (4u << 20)

deia_err deia__msgr_fail(deia_messenger *m, deia_err err, const char *fmt, ...)
{
	char text[DEIA__ERRMSG_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return deia__fail(&m->msg, err, "%s", text);
}

deia_err deia__msgr_check(deia_messenger *m)
{
	m->error_index = -1;
	m->field = NULL;
	deia__time_look(m);
	if (!m->stopped)
		return DEIA_OK;
	return deia__msgr_fail(m, DEIA_ESTATE, "the messenger is stopped");
}

void deia_messenger_get_status(const deia_messenger *m,
			       struct deia_messenger_status *out)
{
	*out = m->status;
	out->by_status[DEIA_MESSAGE_PENDING] =
		deia__count_shown(out->by_status[DEIA_MESSAGE_PENDING]);
	if (m->homes)
		deia__homes_totals(m->homes, out);
	out->accepted = out->cleaned;
	for (unsigned s = 0; s < DEIA_MESSAGE_STATUSES; s++)
		out->accepted += out->by_status[s];
	out->inboxes = HASH_COUNT(m->inboxes);
	out->waits = m->n_waits;
	out->cached_bytes = m->cached_bytes;
}

void deia__status_less(deia_messenger *m, unsigned status, uint64_t n)
{
	uint64_t *count = &m->status.by_status[status];

	*count -= n < *count ? n : *count;
}

/* ---- options -------------------------------------------------------------- */

static deia_err check_opts(deia_messenger *m,
			   const struct deia_messenger_opts *o)
{
	bool fine = o->size == sizeof(*o) && o->ttl_seconds >= 1 &&
		    o->ttl_seconds <= DEIA_MAX_TTL_SECONDS &&
		    o->max_attempts >= 1 &&
		    o->max_attempts <= DEIA_MAX_ATTEMPTS && o->inbox_max >= 1 &&
		    o->retention_days >= 1 && o->retention_days <= 36500 &&
		    o->ageing_ms >= 0;

	if (fine)
		return DEIA_OK;
	return deia__msgr_fail(m, DEIA_EINVAL,
			       "an option of the messenger is out of range");
}

deia_err deia_messenger_configure(deia_messenger *m,
				  const struct deia_messenger_opts *o)
{
	deia_err err = check_opts(m, o);

	if (err)
		return err;
	m->opts.ttl_seconds = o->ttl_seconds;
	m->opts.max_attempts = o->max_attempts;
	m->opts.inbox_max = o->inbox_max;
	m->opts.retention_days = o->retention_days;
	m->opts.ageing_ms = o->ageing_ms;
	m->opts.cache_bytes = o->cache_bytes;
	m->opts.journal_content = o->journal_content;
	return DEIA_OK;
}

static deia_err open_journal(deia_messenger *m, const char *path)
{
	deia_err err;

	m->opts.journal = NULL; /* borrowed: not kept */
	if (!path)
		return DEIA_OK;
	err = deia__logs_new(&m->logs, JOURNAL_QUEUE_BYTES);
	if (!err)
		err = deia__logfile_open(&m->journal, m->logs, path,
					 DEIA_MAX_LOG_FILE_BYTES,
					 DEIA_LOG_FILES_KEPT);
	if (err)
		return deia__msgr_fail(m, err,
				       "the journal %s cannot be opened: %s",
				       path, deia_err_text(err));
	return DEIA_OK;
}

void deia_messenger_reopen_journal(deia_messenger *m)
{
	if (m->logs)
		deia__logs_reopen(m->logs);
}

/* ---- life ----------------------------------------------------------------- */

static deia_err set_up(deia_messenger *m)
{
	deia_err err = deia__timers_new(&m->timers, m->base, m->clock);

	if (err)
		return deia__msgr_fail(m, err, "no timers: %s",
				       deia_err_text(err));
	m->kick = event_new(m->base, -1, 0, deia__turn_end, m);
	if (!m->kick || !deia__msgs_init(m))
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	err = open_journal(m, m->opts.journal);
	if (!err && m->store && m->opts.writer)
		err = deia__homes_new(m);
	if (!err && m->store) {
		err = deia__rows_load(m);
		if (err)
			deia__msgr_fail(m, err, "messages cannot be loaded: %s",
					deia_err_text(err));
	} else if (!err) {
		deia__time_init(m, 0, 0);
	}
	if (!err)
		err = deia_messenger_open_inbox(m, DEIA_MESSAGE_SYSTEM);
	return err ? err : deia__homes_start(m);
}

deia_err deia__messenger_new_at(deia_messenger **out, struct event_base *base,
				deia_store *store,
				const struct deia_messenger_opts *opts,
				const struct deia__clock *clock, char *detail,
				size_t detail_len)
{
	static const struct deia_messenger_opts init = DEIA_MESSENGER_OPTS_INIT;
	deia_messenger *m = deia__alloc(sizeof(*m));
	deia_err err;

	*out = NULL;
	if (detail && detail_len)
		snprintf(detail, detail_len, "out of memory");
	if (!m)
		return DEIA_ENOMEM;
	m->base = base;
	m->store = store;
	m->clock = clock;
	m->opts = opts ? *opts : init;
	m->next_expiry = INT64_MAX;
	m->error_index = -1;
	TAILQ_INIT(&m->dirty);
	deia_histogram_init(&m->status.delivery, DEIA_SCALE_WAIT);
	deia__rng_init(&m->rng, m->opts.seed);
	err = base ? check_opts(m, &m->opts)
		   : deia__msgr_fail(m, DEIA_EINVAL, "no event base");
	if (!err)
		err = set_up(m);
	if (detail && detail_len)
		snprintf(detail, detail_len, "%s", err ? m->msg.text : "");
	if (err) {
		deia_messenger_free(m);
		return err;
	}
	deia__due_init(m);
	*out = m;
	return DEIA_OK;
}

deia_err deia_messenger_new(deia_messenger **out, struct event_base *base,
			    deia_store *store,
			    const struct deia_messenger_opts *opts,
			    char *detail, size_t detail_len)
{
	return deia__messenger_new_at(out, base, store, opts, NULL, detail,
				      detail_len);
}

void deia__messenger_tick(deia_messenger *m)
{
	deia__time_look(m);
	deia__timers_run(m->timers);
}

void deia_messenger_stop(deia_messenger *m)
{
	struct deia__inbox *inbox, *tmp;

	if (m->stopped)
		return;
	deia__due_save_clock(m);
	m->stopped = true;
	deia__due_fini(m);
	deia__homes_stop(m);
	HASH_ITER(hh, m->inboxes, inbox, tmp) {
		deia__inbox_ref(inbox);
		deia__receivers_end(m, inbox, DEIA_ECANCELED);
		deia__inbox_unref(m, inbox);
	}
}

bool deia_messenger_idle(const deia_messenger *m)
{
	return m->n_ops == 0;
}

const char *deia_messenger_errmsg(const deia_messenger *m)
{
	return m->msg.text;
}

int deia_messenger_error_index(const deia_messenger *m)
{
	return m->error_index;
}

const char *deia_messenger_field(const deia_messenger *m)
{
	return m->field;
}

void deia_messenger_free(deia_messenger *m)
{
	struct deia__inbox *inbox, *tmp;

	if (!m)
		return;
	m->stopped = true;
	HASH_ITER(hh, m->inboxes, inbox, tmp) {
		inbox->refs++;
		deia__receivers_end(m, inbox, DEIA_ECANCELED);
		if (inbox->home)
			deia__home_end_waits(inbox->home, DEIA_ECANCELED, true);
	}
	deia__later_run(m);
	if (m->timers)
		deia__due_fini(m);
	deia__kept_fini(m);
	if (m->buckets)
		deia__msgs_fini(m);
	deia__free(m->views);
	deia__free(m->items);
	HASH_ITER(hh, m->inboxes, inbox, tmp)
		deia__inbox_free(m, inbox);
	deia__homes_free(m);
	if (m->kick)
		event_free(m->kick);
	deia__timers_free(m->timers);
	deia__logfile_close(m->journal);
	if (m->logs)
		deia__logs_free(m->logs);
	deia__free(m);
}
