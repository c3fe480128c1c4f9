/* SPDX-License-Identifier: MIT */
/*
 * load_nats.c - NATS JetStream: publish and wait for its acknowledgement, pull
 * one message, acknowledge it. As is usual there, nobody answers the last,
 * which leaves with the next publish. A queue is a subject of one stream, with
 * a consumer of its own; what was acknowledged leaves the stream.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT, STREAM, CONSUMER, PUBLISH, PULL };

#define SUBJECT "_R.%u"

static void publish(struct load_conn *c, const char *subject, bool reply,
		    const char *body)
{
	char to[32] = "";

	if (reply)
		snprintf(to, sizeof(to), " " SUBJECT, c->number);
	load_addf(&c->out, "PUB %s%s %zu\r\n%s\r\n", subject, to, strlen(body),
		  body);
}

static void make_stream(struct load_conn *c)
{
	publish(c, "$JS.API.STREAM.CREATE.S", true,
		"{\"name\":\"S\",\"subjects\":[\"q.*\"],"
		"\"retention\":\"workqueue\",\"storage\":\"file\","
		"\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,"
		"\"discard\":\"old\",\"num_replicas\":1}");
}

static void make_consumer(struct load_conn *c)
{
	char subject[64], body[256];

	snprintf(subject, sizeof(subject),
		 "$JS.API.CONSUMER.DURABLE.CREATE.S.C%u", c->queue);
	snprintf(body, sizeof(body),
		 "{\"stream_name\":\"S\",\"config\":{\"durable_name\":\"C%u\","
		 "\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\","
		 "\"filter_subject\":\"q.%u\",\"max_waiting\":512}}",
		 c->queue, c->queue);
	publish(c, subject, true, body);
}

static void next_nats(struct load *l, struct load_conn *c)
{
	char subject[64];

	switch (c->step) {
	case CONNECT:
		load_addf(&c->out,
			  "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"
			  "SUB " SUBJECT " 1\r\nPING\r\n",
			  c->number);
		break;
	case STREAM:
		make_stream(c);
		break;
	case CONSUMER:
		make_consumer(c);
		break;
	case PUBLISH:
		if (*c->id)
			publish(c, c->id, false, "+ACK");
		snprintf(subject, sizeof(subject), "q.%u", c->queue);
		publish(c, subject, true, l->content);
		break;
	default:
		snprintf(subject, sizeof(subject),
			 "$JS.API.CONSUMER.MSG.NEXT.S.C%u", c->queue);
		publish(c, subject, true, "1");
	}
}

/* MSG subject sid [reply] length: the words, and the length of all. */
static size_t message(struct load_conn *c, size_t line, size_t *body)
{
	char head[512], *words[5] = { NULL }, *at = head;
	unsigned n = 0;

	if (line >= sizeof(head))
		load_unexpected(c, "a shorter line");
	memcpy(head, c->in.p, line);
	head[line - 2] = '\0';
	while (n < 5 && (words[n] = strsep(&at, " ")))
		n++;
	if (n < 4)
		load_unexpected(c, "MSG");
	*body = strtoul(words[n - 1], NULL, 10);
	if (n == 5 && c->step == PULL)
		snprintf(c->id, sizeof(c->id), "%s", words[3]);
	return line + *body + 2;
}

static bool is_error(const char *body, size_t len)
{
	return memmem(body, len, "\"error\":", 8) != NULL;
}

/* An answer to what is under way. */
static size_t answer_message(struct load *l, struct load_conn *c, size_t line)
{
	size_t body, len = message(c, line, &body);

	if (c->in.len < len)
		return 0;
	if (c->step != PULL && is_error(c->in.p + line, body))
		load_unexpected(c, "no error");
	if (c->step == PULL && body != l->size)
		load_unexpected(c, "the message");
	l->messages += c->step == PULL;
	c->step = c->step == PULL ? PUBLISH : c->step + 1;
	c->answered = true;
	return len;
}

static size_t answer_nats(struct load *l, struct load_conn *c)
{
	size_t line = load_line(c->in.p, c->in.len);

	if (!line)
		return 0;
	if (load_starts(c->in.p, line, "MSG "))
		return answer_message(l, c, line);
	if (load_starts(c->in.p, line, "PING"))
		load_addf(&c->out, "PONG\r\n");
	else if (load_starts(c->in.p, line, "PONG") && c->step == CONNECT) {
		c->step++;
		c->answered = true;
	} else if (!load_starts(c->in.p, line, "INFO ")) {
		load_unexpected(c, "MSG");
	}
	return line;
}

const struct load_driver load_nats = { "nats",
				       "JetStream: publish, pull, acknowledge",
				       PUBLISH, next_nats, answer_nats };
