/* SPDX-License-Identifier: MIT */
/*
 * dialogue_run.c - whose turn it is in a dialogue, and how it ends.
 *
 * One message at a time is to be answered: `next`, whose recipient waits for a
 * place at its bot, takes the message and answers it. The answer is the next
 * one. What was said is in the messages, and they are the truth: after a
 * restart a dialogue goes on from what they say.
 *
 * An end waits for what is under way, settles the message that nobody will
 * answer, and is then written. While the hive stops nothing is begun.
 */
#include "hive/dialogue/dialogue.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void settle(struct deia__dialogue *d);
static void finish(struct deia__dialogue *d);

/* Who is to answer: a first, then in turns. */
static const char *answerer(const struct deia__dialogue *d)
{
	return d->turns_done % 2 ? d->b : d->a;
}

static const char *asker(const struct deia__dialogue *d)
{
	return d->turns_done % 2 ? d->a : d->b;
}

static bool rests(const struct deia__dialogue *d)
{
	return d->hive->stopping || d->hive->freeing;
}

static void on_delay(void *arg)
{
	struct deia__dialogue *d = arg;

	if (d->phase == TALK_ENDING)
		settle(d);
	else if (d->phase == TALK_READING)
		deia__dialogue_read(d);
	else
		deia__dialogue_step(d);
}

void deia__dialogue_later(struct deia__dialogue *d, int64_t delay_ms)
{
	d->delay.fn = on_delay;
	d->delay.arg = d;
	if (!rests(d) && deia__timer_set(d->hive->timers, &d->delay, delay_ms))
		deia__hive_log(d->hive, DEIA_LOG_ERROR,
			       "dialogue %s rests until the next start: out of "
			       "memory",
			       d->id);
}

/* ---- the end ------------------------------------------------------------- */

static void tell(struct deia__dialogue *d, deia_err err)
{
	struct deia_dialogue pub;

	deia__dialogue_view(d, &pub);
	for (unsigned i = 0; i < d->n_waiters; i++)
		d->waiters[i].cb(err, err ? NULL : &pub, err ? 0 : 1, false,
				 d->waiters[i].user);
	d->n_waiters = 0;
}

static void on_ended(deia_hive *h, deia_err err, const int64_t *seqs,
		     size_t n_seqs, void *arg)
{
	struct deia__dialogue *d = arg;
	char id[37];

	(void)seqs;
	(void)n_seqs;
	tell(d, err);
	if (!err) {
		deia__hive_log(h, DEIA_LOG_INFO, "dialogue %s of %s and %s: %s",
			       d->id, d->a, d->b, d->reason);
		snprintf(id, sizeof(id), "%s", d->requeued ? d->id : "");
		deia__dialogue_free(d);
		if (id[0])
			deia__dialogue_requeued(h, id);
		return;
	}
	d->ended_ms = 0; /* it ends when the store takes it */
	deia__dialogue_later(d, DEIA__MAIL_AGAIN_MS);
}

static void finish(struct deia__dialogue *d)
{
	struct deia__change *c;
	struct deia_value key = deia_text(d->id);
	struct deia_set set[] = {
		{ DIALOGUE_STATUS,
		  deia_text(deia_dialogue_status_name(d->status)) },
		{ DIALOGUE_REASON, deia_text(d->reason) },
		{ DIALOGUE_TURNS_DONE, deia_int(d->turns_done) },
		{ DIALOGUE_TOKENS, deia_int(d->tokens) },
		{ DIALOGUE_ENDED, deia_int(d->ended_ms) },
		{ DIALOGUE_FIRST, deia_text(d->first) },
	};
	deia_err err;

	d->ended_ms = deia__unix_ms(NULL);
	set[4].value = deia_int(d->ended_ms);
	c = deia__change_new(d->hive);
	deia_txn_update(deia__change_txn(c), &deia__table_dialogues, &key, set,
			6, NULL);
	deia__dialogue_event(c, "dialogue.ended", d, NULL);
	if (d->was_stopped)
		deia__change_audit(c, &d->stopper, "dialogue.stop", d->id,
				   DEIA_OK);
	err = deia__change_commit(c, d->hive, on_ended, d);
	if (err)
		on_ended(d->hive, err, NULL, 0, d);
}

static void on_settled(deia_err err, void *user)
{
	struct deia__dialogue *d = user;

	if (err && !rests(d))
		deia__hive_log(d->hive, DEIA_LOG_WARN,
			       "the last message of dialogue %s is still open: "
			       "%s",
			       d->id, deia_err_text(err));
	if (!d->hive->freeing)
		finish(d);
}

static void on_given_up(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	(void)items;
	(void)n;
	(void)more;
	on_settled(err, user);
}

/* Nobody will answer it: seen when the dialogue is over, a dead letter when a
 * bot could not answer. */
static void close_message(struct deia__dialogue *d, const char *token)
{
	struct deia_message_claim claim = { d->next, answerer(d), token };
	deia_messenger *m = deia_hive_messenger(d->hive);
	deia_err err;

	if (d->status == DEIA_DIALOGUE_FAILED)
		err = deia_messenger_give_up(m, &claim, d->reason, on_given_up,
					     d);
	else
		err = deia_messenger_read(m, &claim, 1, NULL, on_settled, d);
	if (err)
		on_settled(err, d);
}

static void on_last(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct deia__dialogue *d = user;

	(void)more;
	if (d->hive->freeing)
		return;
	if (!err && n)
		close_message(d, items->lease_token);
	else if (err == DEIA_ESTATE || err == DEIA_ENOTFOUND)
		finish(d); /* it is settled */
	else
		deia__dialogue_later(d, DEIA__MAIL_AGAIN_MS);
}

/* Nothing is under way but this. */
static void settle(struct deia__dialogue *d)
{
	deia_err err;

	if (rests(d))
		return; /* it goes on at the next start */
	if (!d->next[0]) {
		finish(d);
		return;
	}
	err = deia_messenger_take(deia_hive_messenger(d->hive), answerer(d),
				  d->next, DEIA__MAIL_LEASE_MS, true, on_last,
				  d);
	if (err)
		on_last(err, NULL, 0, false, d);
}

static void begin_end(struct deia__dialogue *d)
{
	if (d->phase == TALK_ENDING)
		return;
	d->phase = TALK_ENDING;
	deia__seat_leave(&d->seat);
	deia__timer_clear(d->hive->timers, &d->delay);
	deia__timer_clear(d->hive->timers, &d->budget);
	settle(d);
}

void deia__dialogue_end(struct deia__dialogue *d, deia_dialogue_status status,
			const char *fmt, ...)
{
	va_list ap;

	if (d->ending)
		return;
	d->ending = true;
	d->status = status;
	va_start(ap, fmt);
	vsnprintf(d->reason, sizeof(d->reason), fmt, ap);
	va_end(ap);
	d->reason[deia__utf8_whole(d->reason, strlen(d->reason))] = '\0';
	if (d->phase == TALK_TURN)
		deia__mail_turn_cancel(d->turn);
	else if (d->phase == TALK_WAITING)
		begin_end(d);
	/* else its callback comes to deia__dialogue_step */
}

/* ---- turns ----------------------------------------------------------------- */

static bool is_over(struct deia__dialogue *d)
{
	if (d->turns_done >= d->turns)
		deia__dialogue_end(d, DEIA_DIALOGUE_DONE,
				   "all its %u turns were taken", d->turns);
	else if (d->max_tokens && d->tokens >= d->max_tokens)
		deia__dialogue_end(d, DEIA_DIALOGUE_STOPPED,
				   "its budget of %lld tokens is used up",
				   (long long)d->max_tokens);
	return d->ending;
}

static void on_answer(const struct deia__mail_result *result, void *user)
{
	struct deia__dialogue *d = user;

	d->turn = NULL;
	if (d->hive->freeing)
		return;
	deia__seat_leave(&d->seat);
	d->phase = TALK_WAITING;
	switch (result->end) {
	case DEIA__MAIL_ANSWERED:
		d->turns_done++;
		d->tokens += result->tokens;
		snprintf(d->next, sizeof(d->next), "%s", result->answer_id);
		deia__dialogue_save(d, d->next);
		deia__dialogue_step(d);
		break;
	case DEIA__MAIL_GAVE_UP:
		deia__dialogue_end(d, DEIA_DIALOGUE_FAILED,
				   "%s could not answer: %s", answerer(d),
				   result->reason);
		deia__dialogue_step(d);
		break;
	case DEIA__MAIL_CANCELLED:
		d->phase = TALK_ENDING;
		deia__timer_clear(d->hive->timers, &d->budget);
		close_message(d, NULL); /* it is still held */
		break;
	case DEIA__MAIL_RETURNED:
	case DEIA__MAIL_LOST:
		if (d->ending)
			begin_end(d);
		else
			deia__dialogue_later(d, result->end == DEIA__MAIL_LOST
							? DEIA__MAIL_AGAIN_MS
							: result->retry_ms);
		break;
	}
}

static void on_status(deia_err err, const struct deia_message *items, size_t n,
		      bool more, void *user)
{
	struct deia__dialogue *d = user;

	(void)more;
	if (d->hive->freeing)
		return;
	d->phase = TALK_WAITING;
	if (d->ending)
		begin_end(d);
	else if (err == DEIA_ENOTFOUND)
		deia__dialogue_end(d, DEIA_DIALOGUE_FAILED,
				   "its last message was deleted");
	else if (!err && n && items->status == DEIA_MESSAGE_READ)
		deia__dialogue_end(d, DEIA_DIALOGUE_STOPPED,
				   "its last message was marked as read");
	else if (!err && n &&
		 (items->status == DEIA_MESSAGE_FAILED ||
		  items->status == DEIA_MESSAGE_EXPIRED))
		deia__dialogue_end(
			d, DEIA_DIALOGUE_FAILED, "its last message has %s: %s",
			deia_message_status_name(items->status), items->reason);
	else
		deia__dialogue_later(d, DEIA__MAIL_AGAIN_MS);
}

/* It is not pending: somebody else has settled it, or holds it. */
static void look_why(struct deia__dialogue *d)
{
	deia_err err = deia_messenger_get(deia_hive_messenger(d->hive), d->next,
					  on_status, d);

	d->phase = TALK_TAKING;
	if (err)
		on_status(err, NULL, 0, false, d);
}

static void on_taken(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct deia__dialogue *d = user;

	(void)more;
	if (d->hive->freeing)
		return;
	if (!err && n && !d->ending && !rests(d)) {
		d->turn =
			deia__mail_turn_start(d->seat.at, items, on_answer, d);
		if (d->turn) {
			d->phase = TALK_TURN;
			return;
		}
	}
	deia__seat_leave(&d->seat);
	d->phase = TALK_WAITING;
	if (!err && n && d->ending) {
		d->phase = TALK_ENDING;
		deia__timer_clear(d->hive->timers, &d->budget);
		close_message(d, items->lease_token);
	} else if (!err && n) {
		deia__mail_return(d->hive, answerer(d), d->next,
				  items->lease_token, 0, NULL);
		deia__dialogue_later(d, DEIA__MAIL_AGAIN_MS);
	} else if (d->ending) {
		begin_end(d);
	} else if (err == DEIA_ESTATE || err == DEIA_ENOTFOUND) {
		look_why(d);
	} else {
		deia__dialogue_later(d, DEIA__MAIL_AGAIN_MS);
	}
}

/* There is a place at the bot. */
static void on_seat(void *arg)
{
	struct deia__dialogue *d = arg;
	char reason[DEIA_MAX_REASON_BYTES];
	int64_t wait = deia__guard_wait(d->hive, answerer(d), asker(d), reason,
					sizeof(reason));
	deia_err err;

	if (wait) {
		deia__seat_leave(&d->seat);
		deia__dialogue_later(d, wait);
		return;
	}
	d->phase = TALK_TAKING;
	err = deia_messenger_take(deia_hive_messenger(d->hive), answerer(d),
				  d->next, DEIA__MAIL_LEASE_MS, true, on_taken,
				  d);
	if (err)
		on_taken(err, NULL, 0, false, d);
}

static void on_refused(void *arg, const char *why)
{
	struct deia__dialogue *d = arg;

	deia__dialogue_end(d, DEIA_DIALOGUE_FAILED, "%s cannot answer: %s",
			   answerer(d), why);
}

void deia__dialogue_step(struct deia__dialogue *d)
{
	struct deia__hbot *b = deia__hbot_get(d->hive, answerer(d));
	struct deia__replier *r;

	if (rests(d))
		return;
	d->phase = d->phase == TALK_ENDING ? TALK_ENDING : TALK_WAITING;
	if (d->ending || is_over(d)) {
		begin_end(d);
		return;
	}
	if (!b || b->creating || b->removing) {
		deia__dialogue_end(d, DEIA_DIALOGUE_FAILED,
				   "%s cannot answer: it is removed",
				   answerer(d));
		return;
	}
	r = deia__replier_get(d->hive, b);
	if (!r) {
		deia__dialogue_later(d, DEIA__MAIL_AGAIN_MS);
		return;
	}
	d->seat.granted = on_seat;
	d->seat.refused = on_refused;
	d->seat.arg = d;
	deia__seat_wait(r, &d->seat);
}

void deia__dialogue_gone(struct deia__dialogue *d)
{
	deia__dialogue_end(d, DEIA_DIALOGUE_FAILED,
			   "its messages were deleted");
	deia__dialogue_step(d);
}

/* ---- the beginning ---------------------------------------------------------- */

static void on_budget(void *arg)
{
	struct deia__dialogue *d = arg;

	deia__dialogue_end(d, DEIA_DIALOGUE_STOPPED,
			   "its %lld seconds are over",
			   (long long)d->max_seconds);
}

/* What is left of its time; what passed while the hive was down counts. */
static void set_budget(struct deia__dialogue *d)
{
	int64_t passed = deia__unix_ms(NULL) - d->created_ms;

	if (!d->max_seconds)
		return;
	d->budget.fn = on_budget;
	d->budget.arg = d;
	if (passed < 0)
		passed = 0;
	if (deia__timer_set(d->hive->timers, &d->budget,
			    d->max_seconds * 1000 - passed))
		deia__dialogue_end(d, DEIA_DIALOGUE_FAILED, "out of memory");
}

static void tell_started(struct deia__dialogue *d, deia_err err)
{
	deia_dialogues_cb cb = d->start_cb;
	struct deia_dialogue pub;

	d->start_cb = NULL;
	deia__dialogue_view(d, &pub);
	if (cb)
		cb(err, err ? NULL : &pub, err ? 0 : 1, false, d->start_user);
}

static void not_sent(struct deia__dialogue *d, deia_err err)
{
	deia_messenger *m = deia_hive_messenger(d->hive);

	deia__hive_fail(d->hive, err, "the topic could not be sent: %s",
			deia_messenger_errmsg(m));
	deia__dialogue_end(d, DEIA_DIALOGUE_FAILED, "%s", d->hive->msg.text);
	tell_started(d, err);
	deia__dialogue_step(d);
}

static void on_topic(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct deia__dialogue *d = user;

	(void)more;
	if (d->hive->freeing) {
		tell_started(d, err ? err : DEIA_ECANCELED);
		return;
	}
	if (err || !n) {
		not_sent(d, err ? err : DEIA_ENOMEM);
		return;
	}
	snprintf(d->first, sizeof(d->first), "%s", items->id);
	deia__dialogue_save(d, NULL);
	tell_started(d, DEIA_OK);
	/* When it was sent before the hive was killed, more may have been. */
	deia__dialogue_read(d);
}

static void send_topic(struct deia__dialogue *d)
{
	struct deia_message_draft draft = DEIA_MESSAGE_DRAFT_INIT;
	char key[64];
	deia_err err;

	snprintf(key, sizeof(key), "dialogue %s", d->id);
	draft.from = d->b;
	draft.to = d->a;
	draft.by = d->by;
	draft.content = d->topic;
	draft.content_len = d->topic_len;
	draft.dialogue = d->id;
	draft.traceparent = d->traceparent;
	d->phase = TALK_SENDING;
	err = deia_messenger_send(deia_hive_messenger(d->hive), &draft, 1, key,
				  NULL, on_topic, d);
	if (err)
		not_sent(d, err);
}

void deia__dialogue_go(struct deia__dialogue *d)
{
	set_budget(d);
	if (d->first[0])
		deia__dialogue_read(d);
	else
		send_topic(d);
}
