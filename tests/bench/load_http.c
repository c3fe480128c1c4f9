/* SPDX-License-Identifier: MIT */
/*
 * load_http.c - deiad's mail over HTTP: single messages, batches, and the
 * cycle in two requests, send and then receive, which acknowledges what was
 * received before. Recipients are BENCH-0000 and up; they must be there.
 *
 * Of an answer only the status, the length and, in the cycle, the first id and
 * lease are looked at. Answers of evhttp are expected: lengths, no chunks.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEND, RECEIVE };

/* A whole request into b. */
static void put_request(const struct load *l, struct load_bytes *b,
			const char *path, const struct load_bytes *body)
{
	load_addf(b,
		  "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		  "Content-Type: application/json\r\nContent-Length: %zu\r\n",
		  path, l->port, body->len);
	if (l->token)
		load_addf(b, "Authorization: Bearer %s\r\n", l->token);
	load_add(b, "\r\n", 2);
	load_add(b, body->p, body->len);
}

static void put_message(const struct load *l, const struct load_conn *c,
			struct load_bytes *b)
{
	load_addf(b, "{\"to\":\"BENCH-%04u\",\"content\":\"%s\"}", c->queue,
		  l->content);
}

/* The request that is always the same is made once. */
static void put_ready(const struct load *l, struct load_conn *c, unsigned count)
{
	struct load_bytes body = { 0 };
	unsigned i;

	if (count == 0)
		put_message(l, c, &body);
	for (i = 0; i < count; i++) {
		load_addf(&body, i ? "," : "{\"messages\":[");
		put_message(l, c, &body);
	}
	if (count)
		load_addf(&body, "]}");
	put_request(l, &c->ready, "/api/v1/messages", &body);
	free(body.p);
}

static void next_send(struct load *l, struct load_conn *c)
{
	if (!c->ready.len)
		put_ready(l, c, 0);
	load_add(&c->out, c->ready.p, c->ready.len);
}

static void next_batch(struct load *l, struct load_conn *c)
{
	if (!c->ready.len)
		put_ready(l, c, l->batch);
	load_add(&c->out, c->ready.p, c->ready.len);
}

static void next_cycle(struct load *l, struct load_conn *c)
{
	struct load_bytes body = { 0 };
	char path[64];

	if (c->step == SEND) {
		next_send(l, c);
		return;
	}
	load_addf(&body, "{\"max\":1");
	if (*c->id)
		load_addf(&body,
			  ",\"read\":[{\"id\":\"%s\",\"lease_token\":\"%s\"}]",
			  c->id, c->token);
	load_addf(&body, "}");
	snprintf(path, sizeof(path), "/api/v1/bots/BENCH-%04u/inbox/receive",
		 c->queue);
	put_request(l, &c->out, path, &body);
	free(body.p);
}

/* The length of the whole answer once its head is there. */
static size_t measure(struct load_conn *c, const char *status)
{
	const char *end, *length;

	if (!c->in.len || !(end = memmem(c->in.p, c->in.len, "\r\n\r\n", 4)))
		return 0;
	if (!load_starts(c->in.p, c->in.len, "HTTP/1.1 ") ||
	    !load_starts(c->in.p + 9, c->in.len - 9, status))
		load_unexpected(c, status);
	length = memmem(c->in.p, (size_t)(end - c->in.p),
			"\r\nContent-Length: ", 18);
	if (!length)
		load_unexpected(c, "Content-Length");
	return (size_t)(end - c->in.p) + 4 + strtoul(length + 18, NULL, 10);
}

/* A whole answer of this status; its length, or 0. */
static size_t whole(struct load_conn *c, const char *status)
{
	size_t len;

	if (!c->need)
		c->need = measure(c, status);
	if (!c->need || c->in.len < c->need)
		return 0;
	len = c->need;
	c->need = 0;
	c->answered = true;
	return len;
}

static size_t answer_send(struct load *l, struct load_conn *c)
{
	size_t len = whole(c, "201");

	l->messages += len > 0;
	return len;
}

static size_t answer_batch(struct load *l, struct load_conn *c)
{
	size_t len = whole(c, "201");

	if (len)
		l->messages += l->batch;
	return len;
}

/* The text that follows `name` in the answer up to the next quote. */
static void take_text(const struct load_conn *c, size_t len, const char *name,
		      char *to, size_t size)
{
	const char *p = memmem(c->in.p, len, name, strlen(name));
	const char *end;

	if (!p)
		load_unexpected(c, name);
	p += strlen(name);
	end = memchr(p, '"', len - (size_t)(p - c->in.p));
	if (!end || (size_t)(end - p) >= size)
		load_unexpected(c, "a text that ends");
	memcpy(to, p, (size_t)(end - p));
	to[end - p] = '\0';
}

static size_t answer_cycle(struct load *l, struct load_conn *c)
{
	size_t len = whole(c, c->step == SEND ? "201" : "200");

	if (!len)
		return 0;
	if (c->step == RECEIVE) {
		if (!memmem(c->in.p, len, "\"errors\":[]", 11))
			load_unexpected(c, "no errors");
		take_text(c, len, "\"id\":\"", c->id, sizeof(c->id));
		take_text(c, len, "\"lease_token\":\"", c->token,
			  sizeof(c->token));
		l->messages++;
	}
	c->step = !c->step;
	return len;
}

const struct load_driver load_send = { "send", "deiad: POST /messages, one", 0,
				       next_send, answer_send };
const struct load_driver load_batch = {
	"batch", "deiad: POST /messages, --batch of them", 0, next_batch,
	answer_batch
};
const struct load_driver load_cycle = { "cycle",
					"deiad: send, then receive with read",
					0, next_cycle, answer_cycle };
