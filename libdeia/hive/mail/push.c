/* SPDX-License-Identifier: MIT */
/*
 * push.c - mail as lines to bots' own programs (adapter process).
 *
 * While such a bot is ready or busy, a receiver waits for its mail. What comes
 * is in the bot's window, at most WINDOW messages, under held leases that are
 * renewed as long as the process lives and turn_timeout_seconds are not over.
 * A message that was handed over before goes alone: if it is what kills its
 * bot, no other one is in hand when it does so again.
 *
 * A bot that does not read gets no more than UNREAD_MAX and one line; what was
 * received for it meanwhile waits here, bounded by how much is received at a
 * time. A process that dies leaves what it had in hand unread, to be tried
 * later; one that was stopped, what it was not given, is given back as if
 * nothing had happened. An acknowledgement that the store did not take is
 * tried again until it does, whatever becomes of the process.
 */
#include "hive/mail/mail.h"

#include <stdio.h>
#include <string.h>

#define WINDOW 16
#define LEASE_MS 60000
#define RENEW_MS 20000
#define RETRY_MS 1000
#define LATE_MS 5000 /* a timer that is so late: the machine slept */
#define UNREAD_MAX (64u << 10)
#define BATCH_BYTES (256u << 10) /* of contents, about, in one receive */
#define SETTLED_KEPT 64

enum hand {
	HAND_WAITS, /* received, not written yet */
	HAND_GIVEN,
	HAND_ACKED, /* the bot is done with it; to be made durable */
	HAND_GOES   /* it was given back, or given up */
};

struct item {
	TAILQ_ENTRY(item) link;
	struct deia__push *push;
	char id[37], token[17];
	enum hand hand;
	bool again; /* it was handed over before */
	bool busy;  /* a call about it is under way */
	char *line; /* while it waits */
	size_t len;
	int64_t given_ms;
	deia_err err; /* of a read */
};
TAILQ_HEAD(items, item);

/* Of one process of a bot; lives until all of its window is settled. */
struct deia__push {
	TAILQ_ENTRY(deia__push) link;
	deia_hive *hive;
	char bot[DEIA_MAX_ID_LEN + 1];
	bool over; /* its process has ended */
	deia_receiver *receiver;
	bool asking; /* a receive is under way */
	bool retry;  /* a receive was refused */
	struct items items;
	unsigned n, n_given, n_again; /* given: of these, given again */
	unsigned batch;		      /* messages in the next receive */
	struct deia__timer timer, look_timer;
	/* Late words about these are no fault: they crossed, or came twice. */
	char settled[SETTLED_KEPT][37];
	unsigned settled_next;
};

static void pump(struct deia__push *p);

/* ---- the window --------------------------------------------------------------- */

static void free_if_over(struct deia__push *p)
{
	deia_hive *h = p->hive;

	if (!p->over || p->asking || p->n)
		return;
	TAILQ_REMOVE(&h->mail->pushes, p, link);
	deia__timer_clear(h->timers, &p->timer);
	deia__timer_clear(h->timers, &p->look_timer);
	deia__free(p);
}

static void leave_hand(struct item *i, enum hand to)
{
	if (i->hand == HAND_GIVEN) {
		i->push->n_given--;
		i->push->n_again -= i->again;
	}
	i->hand = to;
	deia__free(i->line);
	i->line = NULL;
}

/* Out of the window; its push may be gone afterwards, unless it is kept. */
static void drop(struct item *i)
{
	struct deia__push *p = i->push;

	leave_hand(i, HAND_GOES);
	memcpy(p->settled[p->settled_next], i->id, sizeof(i->id));
	p->settled_next = (p->settled_next + 1) % SETTLED_KEPT;
	TAILQ_REMOVE(&p->items, i, link);
	p->n--;
	deia__free(i);
}

static struct item *find(const struct deia__push *p, const char *id)
{
	struct item *i;

	TAILQ_FOREACH(i, &p->items, link)
		if (strcmp(i->id, id) == 0)
			break;
	return i;
}

static bool was_settled(const struct deia__push *p, const char *id)
{
	for (unsigned i = 0; i < SETTLED_KEPT; i++)
		if (strcmp(p->settled[i], id) == 0)
			return true;
	return false;
}

static void look_soon(struct deia__push *p)
{
	(void)!deia__timer_set(p->hive->timers, &p->look_timer, 0);
}

static struct deia_message_claim claim_of(const struct item *i)
{
	return (struct deia_message_claim){ i->id, i->push->bot, i->token };
}

/* ---- settling -------------------------------------------------------------------- */

static void set_timer(struct deia__push *p);

/* A call about a message has ended; it leaves the window. */
static void settled(struct item *i)
{
	struct deia__push *p = i->push;
	deia_hive *h = p->hive;

	drop(i);
	look_soon(p);
	free_if_over(p);
	deia__mail_call_ended(h);
}

static void on_gone(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	(void)err; /* then its lease runs out by itself */
	(void)items;
	(void)n;
	(void)more;
	settled(user);
}

static void give_back(struct item *i, int64_t delay_ms, bool excused,
		      const char *reason)
{
	struct deia__mail *mail = i->push->hive->mail;
	struct deia_message_claim claim = claim_of(i);

	leave_hand(i, HAND_GOES);
	i->busy = true;
	if (!deia_messenger_release(mail->messenger, &claim, delay_ms, excused,
				    reason, on_gone, i))
		mail->n_calls++;
	else
		drop(i); /* its lease runs out by itself */
}

static void give_up(struct item *i, const char *reason)
{
	struct deia__mail *mail = i->push->hive->mail;
	struct deia_message_claim claim = claim_of(i);

	leave_hand(i, HAND_GOES);
	i->busy = true;
	if (!deia_messenger_give_up(mail->messenger, &claim, reason, on_gone,
				    i))
		mail->n_calls++;
	else
		drop(i);
}

/* What may be better a little later. */
static bool is_passing(deia_err err)
{
	return err == DEIA_EBUSY || err == DEIA_ENOMEM || err == DEIA_EFULL ||
	       err == DEIA_ESTORE;
}

static void on_read(deia_err err, void *user)
{
	struct item *i = user;
	struct deia__push *p = i->push;
	deia_hive *h = p->hive;

	i->busy = false;
	if (!err)
		err = i->err;
	if (is_passing(err) && !h->mail->stopped) {
		set_timer(p);
		deia__mail_call_ended(h);
		return;
	}
	if (err)
		deia__hive_log(h, DEIA_LOG_WARN,
			       "bot %s dealt with message %s too late: %s",
			       p->bot, i->id, deia_err_text(err));
	settled(i);
}

static void read_item(struct item *i)
{
	struct deia__push *p = i->push;
	struct deia__mail *mail = p->hive->mail;
	struct deia_message_claim claim = claim_of(i);
	deia_err err;

	leave_hand(i, HAND_ACKED);
	err = deia_messenger_read(mail->messenger, &claim, 1, &i->err, on_read,
				  i);
	if (!err) {
		i->busy = true;
		mail->n_calls++;
	} else if (is_passing(err)) {
		set_timer(p);
	} else {
		drop(i);
	}
}

/* ---- time ------------------------------------------------------------------------- */

static int64_t patience_ms(const struct deia__push *p)
{
	const struct deia_bot_info *info = deia_bots_get(p->hive->bots, p->bot);

	return info ? info->spec->turn_timeout_seconds * 1000LL : 0;
}

/* When something is to be done at the latest. */
static void set_timer(struct deia__push *p)
{
	int64_t now = deia__timers_now(p->hive->timers);
	int64_t delay = RENEW_MS, left, patience = patience_ms(p);
	struct item *i;

	TAILQ_FOREACH(i, &p->items, link) {
		left = delay;
		if (i->hand == HAND_GIVEN)
			left = i->given_ms + patience - now;
		else if (i->hand == HAND_ACKED && !i->busy)
			left = RETRY_MS;
		if (left < delay)
			delay = left;
	}
	if (p->retry && delay > RETRY_MS)
		delay = RETRY_MS;
	if (p->n || p->retry)
		(void)!deia__timer_set(p->hive->timers, &p->timer, delay);
	else
		deia__timer_clear(p->hive->timers, &p->timer);
}

/* False: it is not ours any more, and gone from the window. */
static bool renew(struct item *i)
{
	struct deia_message_claim claim = claim_of(i);

	if (!deia_messenger_renew(i->push->hive->mail->messenger, &claim,
				  LEASE_MS))
		return true;
	drop(i);
	return false;
}

static void tend(struct item *i, int64_t now, int64_t patience)
{
	char why[64];

	if (i->busy || !renew(i))
		return;
	if (i->hand == HAND_ACKED) {
		read_item(i);
	} else if (i->hand == HAND_GIVEN && now - i->given_ms >= patience) {
		snprintf(why, sizeof(why), "not acknowledged within %lld s",
			 (long long)patience / 1000);
		give_back(i, DEIA_DELAY_BACKOFF, false, why);
	}
}

static void on_timer(void *arg)
{
	struct deia__push *p = arg;
	int64_t now = deia__timers_now(p->hive->timers);
	int64_t late = now - p->timer.due_ms, patience = patience_ms(p);
	struct item *i, *next;

	p->retry = false;
	for (i = TAILQ_FIRST(&p->items); i; i = next) {
		next = TAILQ_NEXT(i, link);
		if (late > LATE_MS) /* asleep, nobody could do anything */
			i->given_ms += late;
		tend(i, now, patience);
	}
	pump(p);
	set_timer(p);
	free_if_over(p);
}

static void on_look(void *arg)
{
	struct deia__push *p = arg;

	pump(p);
	free_if_over(p);
}

/* ---- giving -------------------------------------------------------------------------- */

static bool print_line(deia_jw *w, const struct deia_message *m)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "type", "message");
	deia_jw_kstr(w, "id", m->id);
	deia_jw_kstr(w, "from", m->from);
	deia_jw_kstr(w, "priority", deia_priority_name(m->priority));
	deia_jw_kbool(w, "redelivered", m->redelivered);
	deia_jw_kint(w, "attempt", m->attempt);
	if (m->reply_to[0])
		deia_jw_kstr(w, "reply_to", m->reply_to);
	if (m->dialogue[0])
		deia_jw_kstr(w, "dialogue", m->dialogue);
	if (m->traceparent[0])
		deia_jw_kstr(w, "traceparent", m->traceparent);
	deia_jw_kraw(w, "metadata", m->metadata[0] ? m->metadata : "{}");
	deia_jw_key(w, "content");
	deia_jw_strn(w, m->content, m->content_len);
	deia_jw_end_object(w);
	return !deia_jw_status(w);
}

/* Whether it takes mail at this moment. */
static bool is_open(const struct deia__push *p)
{
	const struct deia_bot_info *info;

	if (p->over || p->hive->stopping || p->hive->mail->stopped ||
	    deia__mail_wants_turns(p->hive, p->bot))
		return false;
	info = deia_bots_get(p->hive->bots, p->bot);
	return info &&
	       (info->state == DEIA_BOT_READY || info->state == DEIA_BOT_BUSY);
}

static bool give(struct item *i)
{
	struct deia__push *p = i->push;

	if (deia_bots_unread(p->hive->bots, p->bot) > UNREAD_MAX ||
	    deia_bots_send_line(p->hive->bots, p->bot, i->line, i->len))
		return false; /* tried again when it has read */
	i->hand = HAND_GIVEN;
	i->given_ms = deia__timers_now(p->hive->timers);
	deia__free(i->line);
	i->line = NULL;
	p->n_given++;
	p->n_again += i->again;
	return true;
}

/* In order; what was handed over before goes alone. True: none waits. */
static bool give_all(struct deia__push *p)
{
	struct item *i;

	TAILQ_FOREACH(i, &p->items, link) {
		if (i->hand != HAND_WAITS)
			continue;
		if (p->n_again || (i->again && p->n_given) || !give(i))
			return false;
	}
	return true;
}

static void close_window(struct deia__push *p)
{
	struct item *i, *next;

	if (p->receiver)
		deia_messenger_receive_cancel(p->hive->mail->messenger,
					      p->receiver);
	for (i = TAILQ_FIRST(&p->items); i; i = next) {
		next = TAILQ_NEXT(i, link);
		if (i->hand == HAND_WAITS)
			give_back(i, 0, true, "its bot takes no mail now");
	}
}

/* ---- receiving ------------------------------------------------------------------------- */

/*
 * Few at first, then more: large ones come one by one, so that few of them wait
 * here, and so do those that were handed over before, since they go alone.
 */
static void adapt(struct deia__push *p, const struct deia_message *items,
		  size_t n)
{
	size_t bytes = 1, fit, most = p->batch * 2u;

	for (size_t k = 0; k < n; k++) {
		bytes += items[k].content_len + 1;
		if (items[k].redelivered)
			most = 1;
	}
	fit = BATCH_BYTES * n / bytes;
	if (fit > most)
		fit = most;
	p->batch = fit < 1 ? 1 : fit > WINDOW ? WINDOW : (unsigned)fit;
}

static void take_one(struct deia__push *p, const struct deia_message *m)
{
	struct item *i = deia__alloc(sizeof(*i));
	bool printed;
	deia_jw w;

	if (!i) {
		deia__mail_give_back(p->hive, p->bot, m, 1);
		return;
	}
	i->push = p;
	memcpy(i->id, m->id, strlen(m->id) + 1);
	snprintf(i->token, sizeof(i->token), "%s", m->lease_token);
	i->again = m->redelivered;
	TAILQ_INSERT_TAIL(&p->items, i, link);
	p->n++;
	deia_jw_init(&w);
	printed = print_line(&w, m);
	if (printed && w.len <= DEIA_MAX_LINE_BYTES)
		i->line = deia__strndup(w.text, w.len);
	i->len = w.len;
	deia_jw_fini(&w);
	if (i->line)
		return;
	if (printed && i->len > DEIA_MAX_LINE_BYTES)
		give_up(i, "it does not fit into one line of 2 MiB once it is "
			   "escaped");
	else
		give_back(i, RETRY_MS, true, "out of memory");
}

static void on_received(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct deia__push *p = user;
	deia_hive *h = p->hive;

	(void)more;
	p->asking = false;
	p->receiver = NULL;
	if (err && err != DEIA_ECANCELED && err != DEIA_ENOTFOUND)
		p->retry = true;
	if (n && !is_open(p)) {
		deia__mail_give_back(h, p->bot, items, n);
	} else if (n) {
		for (size_t k = 0; k < n; k++)
			take_one(p, &items[k]);
		adapt(p, items, n);
	}
	look_soon(p);
	set_timer(p);
	deia__mail_call_ended(h);
}

static void receive(struct deia__push *p)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;
	deia_err err;

	if (p->asking || p->retry || p->n >= WINDOW || p->n_again)
		return;
	what.inbox = p->bot;
	what.max = WINDOW - p->n < p->batch ? WINDOW - p->n : p->batch;
	what.wait_ms = DEIA_WAIT_FOR_EVER;
	what.lease_ms = LEASE_MS;
	what.held = true;
	p->asking = true;
	err = deia_messenger_receive(p->hive->mail->messenger, &what,
				     &p->receiver, on_received, p);
	if (!err) {
		p->hive->mail->n_calls++;
		return;
	}
	p->asking = false;
	p->receiver = NULL;
	p->retry = is_passing(err);
	set_timer(p);
}

static void pump(struct deia__push *p)
{
	if (!is_open(p)) {
		close_window(p);
		return;
	}
	if (!give_all(p))
		return;
	if (deia_bots_unread(p->hive->bots, p->bot) <= UNREAD_MAX)
		receive(p);
}

/* ---- the process --------------------------------------------------------------------------- */

static void begin(deia_hive *h, struct deia__hbot *b)
{
	struct deia__push *p = deia__alloc(sizeof(*p));

	if (!p) {
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "bot %s gets no mail: out of memory", b->id);
		return;
	}
	p->hive = h;
	memcpy(p->bot, b->id, sizeof(p->bot));
	p->batch = 1;
	TAILQ_INIT(&p->items);
	p->timer.fn = on_timer;
	p->timer.arg = p;
	p->look_timer.fn = on_look;
	p->look_timer.arg = p;
	TAILQ_INSERT_TAIL(&h->mail->pushes, p, link);
	b->push = p;
}

static void end(struct deia__push *p, const struct deia_bot_info *info,
		bool by_wish)
{
	char why[DEIA_MAX_REASON_BYTES];
	struct item *i, *next;

	p->over = true;
	close_window(p);
	snprintf(why, sizeof(why), "%s%.400s",
		 by_wish ? "" : "its bot died while it had the message: ",
		 by_wish ? "its bot was stopped" : info->state_reason);
	why[deia__utf8_whole(why, strlen(why))] = '\0';
	for (i = TAILQ_FIRST(&p->items); i; i = next) {
		next = TAILQ_NEXT(i, link);
		if (i->hand == HAND_GIVEN)
			give_back(i, by_wish ? 0 : DEIA_DELAY_BACKOFF, by_wish,
				  why);
	}
	free_if_over(p);
}

static bool has_ended(deia_bot_state s)
{
	return s == DEIA_BOT_STOPPED || s == DEIA_BOT_FAILED ||
	       s == DEIA_BOT_BACKOFF;
}

void deia__push_state(deia_hive *h, struct deia__hbot *b,
		      const struct deia_bot_info *info, deia_bot_state from)
{
	struct deia__push *p = b->push;

	if (has_ended(info->state) && p) {
		b->push = NULL;
		end(p, info, from == DEIA_BOT_STOPPING);
		return;
	}
	if (from == DEIA_BOT_STARTING && !p && info->pid &&
	    strcmp(info->spec->adapter, "process") == 0)
		begin(h, b);
	deia__push_look(h, b);
}

void deia__push_drop(deia_hive *h, struct deia__hbot *b)
{
	struct deia__push *p = b->push;

	(void)h;
	b->push = NULL;
	if (!p)
		return;
	p->over = true;
	close_window(p);
	free_if_over(p);
}

void deia__push_look(deia_hive *h, struct deia__hbot *b)
{
	(void)h;
	if (b->push)
		look_soon(b->push);
}

void deia__push_moved(deia_hive *h, const struct deia_message_move *move)
{
	struct deia__hbot *b;
	struct item *i;

	if (move->event == DEIA_MESSAGE_QUEUED ||
	    move->event == DEIA_MESSAGE_HANDED_OVER)
		return;
	b = deia__hbot_get(h, move->message->to);
	i = b && b->push ? find(b->push, move->message->id) : NULL;
	if (!i || i->busy)
		return; /* or it is this window's own doing */
	drop(i);
	look_soon(b->push);
}

/* The item that a word of the bot is about, or NULL: then there is nothing to
 * be done. */
static struct item *item_in_hand(deia_hive *h, const char *bot, const char *id,
				 const char *word)
{
	struct deia__hbot *b = deia__hbot_get(h, bot);
	struct deia__push *p = b ? b->push : NULL;
	struct item *i = p ? find(p, id) : NULL;
	char why[160];

	if (i && i->hand == HAND_GIVEN)
		return i;
	if (i && i->hand != HAND_WAITS)
		return NULL; /* said twice */
	if (p && was_settled(p, id))
		return NULL;
	snprintf(why, sizeof(why),
		 "%s for a message that it does not have: %.64s", word, id);
	deia_bots_fault(h->bots, bot, why);
	return NULL;
}

void deia__push_ack(deia_hive *h, const char *bot, const char *id)
{
	struct item *i = item_in_hand(h, bot, id, "ack");
	struct deia__push *p = i ? i->push : NULL;

	if (!i)
		return;
	read_item(i);
	look_soon(p);
}

void deia__push_nack(deia_hive *h, const char *bot, const char *id,
		     int64_t delay_ms)
{
	struct item *i = item_in_hand(h, bot, id, "nack");
	struct deia__push *p = i ? i->push : NULL;

	if (!i)
		return;
	give_back(i, delay_ms, false, "its bot gave it back");
	look_soon(p);
}

void deia__pushes_free(deia_hive *h)
{
	struct deia__push *p;
	struct item *i;

	while ((p = TAILQ_FIRST(&h->mail->pushes))) {
		while ((i = TAILQ_FIRST(&p->items)))
			drop(i);
		p->over = true;
		p->asking = false;
		free_if_over(p);
	}
}
