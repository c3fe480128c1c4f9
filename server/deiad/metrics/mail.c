/* SPDX-License-Identifier: MIT */
/* mail.c - messages: how many there are, what became of them. */
#include "metrics.h"

static void by_status(struct expo *e, const struct metrics_view *v)
{
	for (int i = 0; i < DEIA_MESSAGE_STATUSES; i++)
		expo_uint(e,
			  LABELS({ "status", deia_message_status_name(
						     (deia_message_status)i) }),
			  v->mail.by_status[i]);
}

#define COUNTER(name)                                                          \
	static void name(struct expo *e, const struct metrics_view *v)         \
	{                                                                      \
		expo_uint(e, NO_LABELS, v->mail.name);                         \
	}
COUNTER(sent)
COUNTER(handed_over)
COUNTER(read)
COUNTER(retried)
COUNTER(failed)
COUNTER(expired)
COUNTER(refused)
COUNTER(inboxes)
COUNTER(waits)

static void delivery(struct expo *e, const struct metrics_view *v)
{
	expo_histogram(e, NO_LABELS, &v->mail.delivery);
}

static const struct metric metrics[] = {
	{ "deia_messages", "gauge", "Messages that are kept, by status.",
	  by_status },
	{ "deia_messages_sent_total", "counter", "Messages that were sent.",
	  sent },
	{ "deia_messages_delivered_total", "counter",
	  "Hand-overs to a recipient, repeated ones too.", handed_over },
	{ "deia_messages_read_total", "counter",
	  "Messages that their recipient acknowledged.", read },
	{ "deia_messages_retried_total", "counter",
	  "Messages that were given back or not acknowledged in time.",
	  retried },
	{ "deia_messages_dead_lettered_total", "counter",
	  "Messages whose attempts were used up.", failed },
	{ "deia_messages_expired_total", "counter",
	  "Messages whose time to live ended.", expired },
	{ "deia_messages_refused_total", "counter",
	  "Messages that were not taken: no such recipient, a full inbox.",
	  refused },
	{ "deia_message_delivery_seconds", "histogram",
	  "From the sending of a message to its first hand-over.", delivery },
	{ "deia_inboxes", "gauge", "Inboxes that are open or have mail.",
	  inboxes },
	{ "deia_message_receivers", "gauge",
	  "Receivers that wait for a message.", waits },
};
const struct metric_group metrics_of_mail = METRIC_GROUP(metrics);
