/* SPDX-License-Identifier: MIT */
/*
 * notice.c - what the messengers on one store tell each other.
 *
 *   s PRIORITY ID EXPIRES INBOX   a message was sent to an inbox
 *   w BY OWNER KIND INBOX         BY wants an inbox of OWNER; KIND: c (a call
 *                                 waits) or r (a receiver waits)
 *   g TO INBOX                    an inbox was given to TO
 */
#include "messenger/homes/homes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than these, and the inbox is counted anew. */
#define MAX_CAME 4096
#define TEXT_BYTES (DEIA_MAX_ID_LEN + 128)

void deia__home_tell_sent(deia_txn *txn, const struct deia__msg *msg)
{
	char text[TEXT_BYTES], id[2 * DEIA__MSG_ID_BYTES + 1];

	deia__hex_print(id, msg->id, DEIA__MSG_ID_BYTES);
	id[sizeof(id) - 1] = '\0';
	snprintf(text, sizeof(text), "s %u %s %" PRId64 " %s", msg->priority,
		 id, msg->expires, msg->to->id);
	deia_txn_notify(txn, DEIA__MAIL_TOPIC, text);
}

void deia__home_tell_want(deia_txn *txn, const struct deia__home *h, bool idle)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof(text), "w %" PRId64 " %" PRId64 " %c %s",
		 h->m->opts.writer, h->owner, idle ? 'r' : 'c', h->inbox->id);
	deia_txn_notify(txn, DEIA__MAIL_TOPIC, text);
}

void deia__home_tell_given(deia_txn *txn, const char *inbox, int64_t to)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof(text), "g %" PRId64 " %s", to, inbox);
	deia_txn_notify(txn, DEIA__MAIL_TOPIC, text);
}

/* ---- parsing ------------------------------------------------------------- */

/* A word ends at a space, which is behind it then; NULL: there is none. */
static const char *word_end(const char *s)
{
	const char *end = s ? strchr(s, ' ') : NULL;

	return end && end != s ? end + 1 : NULL;
}

static bool number(const char **s, int64_t *out)
{
	const char *next = word_end(*s);
	char *end;

	if (!next)
		return false;
	*out = strtoll(*s, &end, 10);
	if (end != next - 1)
		return false;
	*s = next;
	return true;
}

static bool hex_id(const char **s, unsigned char *id)
{
	const char *next = word_end(*s);
	char text[37];

	if (!next || next - *s != 2 * DEIA__MSG_ID_BYTES + 1)
		return false;
	snprintf(text, sizeof(text), "%.8s-%.4s-%.4s-%.4s-%.12s", *s, *s + 8,
		 *s + 12, *s + 16, *s + 20);
	*s = next;
	return deia__id_parse(id, text);
}

static bool is_inbox(const char *s)
{
	size_t len = strnlen(s, DEIA_MAX_ID_LEN + 1);

	return len > 0 && len <= DEIA_MAX_ID_LEN;
}

/* ---- arrivals ------------------------------------------------------------ */

void deia__home_arrived(struct deia__home *h,
			const struct deia__home_came *came)
{
	struct deia__inbox *inbox = h->inbox;
	deia_messenger *m = h->m;

	if (deia_snapshot_has(h->seen, came->commit))
		return; /* it is counted */
	inbox->pending[came->priority]++;
	m->status.by_status[DEIA_MESSAGE_PENDING]++;
	h->changes++;
	deia__due_expiry(m, came->expires);
	deia__lane_came(&inbox->lanes[came->priority], came->id);
	deia__inbox_wake(m, inbox);
}

void deia__home_came_drop(struct deia__home *h)
{
	struct deia__home_came *c;

	while ((c = h->came) != NULL) {
		h->came = c->next;
		deia__free(c);
	}
	h->n_came = 0;
}

void deia__home_came_all(struct deia__home *h)
{
	for (const struct deia__home_came *c = h->came; c; c = c->next)
		deia__home_arrived(h, c);
	deia__home_came_drop(h);
}

static void keep(struct deia__home *h, const struct deia__home_came *came)
{
	struct deia__home_came *c =
		h->n_came < MAX_CAME ? deia__alloc(sizeof(*c)) : NULL;

	if (!c) {
		h->again = true;
		return;
	}
	*c = *came;
	c->next = h->came;
	h->came = c;
	h->n_came++;
}

static void on_sent(deia_messenger *m, const char *s, uint64_t commit)
{
	struct deia__home_came came = { .commit = commit };
	struct deia__inbox *inbox;
	int64_t priority;

	if (!number(&s, &priority) || priority < 0 ||
	    priority >= DEIA_PRIORITIES || !hex_id(&s, came.id) ||
	    !number(&s, &came.expires) || !is_inbox(s))
		return;
	came.priority = (uint8_t)priority;
	inbox = deia__inbox_find(m, s);
	if (!inbox)
		return;
	switch (inbox->home->state) {
	case HOME_HERE:
		deia__home_arrived(inbox->home, &came);
		break;
	case HOME_TAKING:
	case HOME_GIVING:
		keep(inbox->home, &came);
		break;
	default: /* about right until somebody looks */
		inbox->pending[priority]++;
		break;
	}
}

static void on_want(deia_messenger *m, const char *s)
{
	int64_t by, owner;

	if (!number(&s, &by) || !number(&s, &owner) ||
	    owner != m->opts.writer || by == owner ||
	    (*s != 'c' && *s != 'r') || s[1] != ' ' || !is_inbox(s + 2))
		return;
	deia__home_asked(m, s + 2, by, *s == 'r');
}

static void on_given(deia_messenger *m, const char *s)
{
	struct deia__inbox *inbox;
	int64_t to;

	if (!number(&s, &to) || !is_inbox(s))
		return;
	inbox = deia__inbox_find(m, s);
	if (!inbox || inbox->home->state != HOME_AWAY)
		return;
	inbox->home->owner = to;
	if (to == m->opts.writer)
		deia__home_try_now(inbox->home);
}

void deia__homes_notice(const struct deia_notice *notice, void *user)
{
	deia_messenger *m = user;
	const char *s;

	if (m->stopped)
		return;
	deia__time_look(m);
	if (!notice) {
		deia__homes_resync(m);
		return;
	}
	s = notice->text;
	if (strcmp(notice->topic, DEIA__MAIL_TOPIC) != 0 || !s[0] ||
	    s[1] != ' ')
		return;
	if (*s == 's')
		on_sent(m, s + 2, notice->commit);
	else if (*s == 'w')
		on_want(m, s + 2);
	else if (*s == 'g')
		on_given(m, s + 2);
}
