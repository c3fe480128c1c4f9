/* SPDX-License-Identifier: MIT */
/*
 * mail.c - the hive's messenger: its life, the inboxes of bots, and how many
 * answers led to a message.
 *
 * Every call that goes to the messenger with a callback of the hive's is
 * counted, so that a stop waits for it. Order of an end: bots' processes, then
 * the messenger (no message moves any more), what is under way, the store.
 */
#include "hive/mail/reply.h"
#include "hive/nodes/nodes.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define IDLE_LOOK_MS 5

deia_messenger *deia_hive_messenger(deia_hive *h)
{
	return h->mail->messenger;
}

int deia_mail_error_index(const deia_hive *h)
{
	return h->mail->error_index;
}

void deia__mail_call_ended(deia_hive *h)
{
	h->mail->n_calls--;
	deia__hive_check_stopped(h);
}

deia_err deia__mail_told(deia_hive *h, deia_err err)
{
	const deia_messenger *m = h->mail->messenger;
	const char *field = deia_messenger_field(m);
	const char *words = deia_messenger_errmsg(m);
	char pointer[64];

	if (err == DEIA_ESTATE && h->mail->stopped)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (err == DEIA_EFIELD && field) {
		size_t len = strlen(field);

		/* The pointer says it: not "reply_to: reply_to must be". */
		if (strncmp(words, field, len) == 0 && words[len] == ' ')
			words += len + 1;
		snprintf(pointer, sizeof(pointer), "/%s", field);
		return deia__hive_field(h, pointer, "%s", words);
	}
	return err ? deia__hive_fail(h, err, "%s", deia_messenger_errmsg(m))
		   : DEIA_OK;
}

/* ---- hops ---------------------------------------------------------------- */

static size_t hops_slot(const char *id)
{
	return deia__crc32(id, strlen(id)) & (DEIA__HOPS_LEN - 1);
}

static void note_hops(struct deia__mail *mail, const struct deia_message *m)
{
	struct deia__hops *slot = &mail->hops[hops_slot(m->id)];

	snprintf(slot->id, sizeof(slot->id), "%s", m->id);
	slot->hops = m->hops;
	snprintf(slot->traceparent, sizeof(slot->traceparent), "%s",
		 m->traceparent);
}

const char *deia__mail_trace(const deia_hive *h, const char *id)
{
	const struct deia__hops *slot = &h->mail->hops[hops_slot(id)];

	return strcmp(slot->id, id) == 0 ? slot->traceparent : "";
}

/* A loop is fast: what was handed over long ago is none. */
unsigned deia__mail_answer_hops(const deia_hive *h, const char *reply_to)
{
	const struct deia__hops *slot = &h->mail->hops[hops_slot(reply_to)];

	return strcmp(slot->id, reply_to) == 0 ? slot->hops + 1 : 1;
}

static void on_moved(const struct deia_message_move *moves, size_t n,
		     void *user)
{
	deia_hive *h = user;

	for (size_t i = 0; i < n; i++) {
		if (!moves[i].message)
			continue;
		if (moves[i].event == DEIA_MESSAGE_HANDED_OVER)
			note_hops(h->mail, moves[i].message);
		if (moves[i].event == DEIA_MESSAGE_REQUEUED)
			deia__reply_requeued(h, moves[i].message);
		deia__mail_events_add(h, &moves[i]);
		deia__push_moved(h, &moves[i]);
	}
}

/* ---- opening ------------------------------------------------------------- */

static void on_idle_timer(void *arg);

static deia_err open_inboxes(deia_hive *h)
{
	struct deia__hbot *b, *next;
	deia_err err = DEIA_OK;

	HASH_ITER(hh, h->hbots, b, next) {
		err = deia_messenger_open_inbox(h->mail->messenger, b->id);
		if (err)
			break;
	}
	return err;
}

static struct deia__mail *mail_new(deia_hive *h)
{
	struct deia__mail *mail = deia__alloc(sizeof(*mail));

	if (!mail)
		return NULL;
	h->mail = mail;
	mail->error_index = -1;
	TAILQ_INIT(&mail->waits);
	TAILQ_INIT(&mail->pushes);
	mail->idle_timer.fn = on_idle_timer;
	mail->idle_timer.arg = h;
	deia__mail_events_init(h);
	return mail;
}

deia_err deia__mail_open(deia_hive *h, const struct deia_hive_opts *o,
			 char *detail, size_t detail_len)
{
	struct deia_messenger_opts mo = DEIA_MESSENGER_OPTS_INIT;
	bool in_memory =
		strcmp(deia_store_backend_name(h->store), "memory") == 0;
	char journal[PATH_MAX];
	deia_err err;

	if (!mail_new(h))
		return DEIA_ENOMEM;
	mo.seed = o->seed;
	mo.writer = deia_store_writer(h->store);
	mo.moved = on_moved;
	mo.user = h;
	if (h->log_dir) {
		snprintf(journal, sizeof(journal), "%s/bot-messaging.jsonl",
			 h->log_dir);
		mo.journal = journal;
	}
	err = deia_messenger_new(&h->mail->messenger, h->base,
				 in_memory ? NULL : h->store, &mo, detail,
				 detail_len);
	if (!err)
		err = open_inboxes(h);
	return err ? err : deia__far_open_inboxes(h);
}

deia_err deia_mail_configure(deia_hive *h, const struct deia_mail_opts *opts)
{
	struct deia_mail_opts o = DEIA_MAIL_OPTS_INIT;
	deia_err err;

	if (!opts || opts->size < sizeof(opts->size) || opts->size > sizeof(o))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "opts: size is not of this version");
	memcpy(&o, opts, opts->size);
	if (!o.max_hops || !o.answers_per_minute)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "max_hops and answers_per_minute must "
				       "be 1 or more");
	err = deia_messenger_configure(h->mail->messenger, &o.messenger);
	if (err)
		return deia__mail_told(h, err);
	h->max_hops = o.max_hops;
	h->answers_per_minute = o.answers_per_minute;
	h->mail_days = o.messenger.retention_days;
	return DEIA_OK;
}

/* ---- inboxes of bots ------------------------------------------------------- */

deia_err deia__mail_bot_added(deia_hive *h, const char *bot)
{
	return deia__mail_told(
		h, deia_messenger_open_inbox(h->mail->messenger, bot));
}

struct purge {
	deia_hive *hive;
	char bot[DEIA_MAX_ID_LEN + 1];
};

static void on_purged(deia_err err, void *user)
{
	struct purge *p = user;
	deia_hive *h = p->hive;

	if (err && err != DEIA_ECANCELED)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "mail of bot %s is not all deleted: %s", p->bot,
			       deia_err_text(err));
	deia__free(p);
	deia__mail_call_ended(h);
}

void deia__mail_bot_removed(deia_hive *h, const char *bot, bool purge)
{
	struct purge *p;
	deia_err err = DEIA_ENOMEM;

	deia_messenger_close_inbox(h->mail->messenger, bot);
	if (!purge)
		return;
	p = deia__alloc(sizeof(*p));
	if (p) {
		p->hive = h;
		snprintf(p->bot, sizeof(p->bot), "%s", bot);
		h->mail->n_calls++;
		err = deia_messenger_purge_inbox(h->mail->messenger, bot,
						 on_purged, p);
	}
	if (!err)
		return;
	if (p)
		h->mail->n_calls--;
	deia__free(p);
	if (err != DEIA_ENOTFOUND) /* there never was any mail */
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "mail of bot %s is not deleted: %s", bot,
			       deia_err_text(err));
}

void deia__mail_bot_moved(deia_hive *h, struct deia__hbot *b,
			  const struct deia_bot_info *info, deia_bot_state from)
{
	if (info->state == DEIA_BOT_STARTING)
		b->held = false; /* its next process is not */
	deia__push_state(h, b, info, from);
	deia__mail_waits_look(h, b->id);
	deia__reply_look(h, b);
}

void deia__mail_bot_changed(deia_hive *h, const char *bot)
{
	struct deia__hbot *b = deia__hbot_get(h, bot);

	if (!b)
		return;
	deia__push_look(h, b);
	deia__reply_look(h, b);
}

uint64_t deia__mail_unread(const deia_hive *h, const char *bot)
{
	struct deia_inbox_status s;

	if (!h->mail || deia_messenger_inbox(h->mail->messenger, bot, &s))
		return 0;
	return s.pending + s.delivered;
}

/* ---- the end ----------------------------------------------------------------- */

bool deia__mail_is_idle(const deia_hive *h)
{
	const struct deia__mail *mail = h->mail;

	return mail->stopped && !mail->n_calls &&
	       deia_messenger_idle(mail->messenger) &&
	       !deia__gatherer_pending(&mail->events);
}

/* What the messenger has under way by itself tells nobody that it ended. */
static void on_idle_timer(void *arg)
{
	deia_hive *h = arg;

	deia__gatherer_flush(&h->mail->events);
	if (!deia__mail_is_idle(h))
		(void)!deia__timer_set(h->timers, &h->mail->idle_timer,
				       IDLE_LOOK_MS);
	deia__hive_check_stopped(h);
}

void deia__mail_stop(deia_hive *h)
{
	h->mail->stopped = true;
	deia_messenger_stop(h->mail->messenger);
	on_idle_timer(h);
}

void deia__mail_closing(deia_hive *h)
{
	if (!h->mail || !h->mail->messenger)
		return;
	h->mail->stopped = true;
	deia__mail_end_waits(h);
	deia_messenger_stop(h->mail->messenger);
}

void deia__mail_free(deia_hive *h)
{
	if (!h->mail)
		return;
	deia_messenger_free(h->mail->messenger);
	deia__mail_waits_free(h);
	deia__timer_clear(h->timers, &h->mail->idle_timer);
	deia__pushes_free(h);
	deia__gatherer_fini(&h->mail->events);
	deia__free(h->mail);
	h->mail = NULL;
}
