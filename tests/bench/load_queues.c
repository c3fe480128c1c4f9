/* SPDX-License-Identifier: MIT */
/*
 * load_queues.c - beanstalkd and Redis Streams: put, take, acknowledge, each
 * answered before the next is asked for. A queue is a tube or a stream.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- beanstalkd -------------------------------------------------------- */

enum { USE, WATCH, IGNORE, PUT, RESERVE, DELETE };

static void next_beanstalkd(struct load *l, struct load_conn *c)
{
	switch (c->step) {
	case USE:
		load_addf(&c->out, "use q%u\r\n", c->queue);
		break;
	case WATCH:
		load_addf(&c->out, "watch q%u\r\n", c->queue);
		break;
	case IGNORE:
		load_addf(&c->out, "ignore default\r\n");
		break;
	case PUT:
		load_addf(&c->out, "put 1024 0 60 %u\r\n%s\r\n", l->size,
			  l->content);
		break;
	case RESERVE:
		load_addf(&c->out, "reserve-with-timeout 10\r\n");
		break;
	default:
		load_addf(&c->out, "delete %s\r\n", c->id);
	}
}

static void take_word(struct load_conn *c, const char *p, const char *ends)
{
	size_t len = strcspn(p, ends);

	if (len >= sizeof(c->id))
		load_unexpected(c, "an id");
	memcpy(c->id, p, len);
	c->id[len] = '\0';
}

static size_t answer_beanstalkd(struct load *l, struct load_conn *c)
{
	static const char *const words[] = { "USING ",	  "WATCHING ",
					     "WATCHING ", "INSERTED ",
					     "RESERVED ", "DELETED" };
	size_t len = load_line(c->in.p, c->in.len);

	if (!len)
		return 0;
	if (!load_starts(c->in.p, len, words[c->step]))
		load_unexpected(c, words[c->step]);
	if (c->step == RESERVE) {
		len += l->size + 2;
		if (c->in.len < len)
			return 0;
		take_word(c, c->in.p + strlen(words[RESERVE]), " \r");
	}
	l->messages += c->step == DELETE;
	c->step = c->step == DELETE ? PUT : c->step + 1;
	c->answered = true;
	return len;
}

/* ---- Redis ------------------------------------------------------------- */

enum { GROUP, ADD, READ, ACK };

static void next_redis(struct load *l, struct load_conn *c)
{
	char stream[16], name[16];
	int n = snprintf(stream, sizeof(stream), "q%u", c->queue);
	int m = snprintf(name, sizeof(name), "c%u", c->number);

	switch (c->step) {
	case GROUP:
		load_addf(&c->out,
			  "*6\r\n$6\r\nXGROUP\r\n$6\r\nCREATE\r\n$%d\r\n%s\r\n"
			  "$1\r\ng\r\n$1\r\n$\r\n$8\r\nMKSTREAM\r\n",
			  n, stream);
		break;
	case ADD:
		load_addf(&c->out,
			  "*5\r\n$4\r\nXADD\r\n$%d\r\n%s\r\n$1\r\n*\r\n"
			  "$1\r\nm\r\n$%u\r\n%s\r\n",
			  n, stream, l->size, l->content);
		break;
	case READ:
		load_addf(&c->out,
			  "*9\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n"
			  "$1\r\ng\r\n$%d\r\n%s\r\n$5\r\nCOUNT\r\n$1\r\n1\r\n"
			  "$7\r\nSTREAMS\r\n$%d\r\n%s\r\n$1\r\n>\r\n",
			  m, name, n, stream);
		break;
	default:
		load_addf(&c->out,
			  "*4\r\n$4\r\nXACK\r\n$%d\r\n%s\r\n$1\r\ng\r\n"
			  "$%zu\r\n%s\r\n",
			  n, stream, strlen(c->id), c->id);
	}
}

/* The length of the value at p, 0: not whole. */
static size_t value_len(const char *p, size_t len)
{
	size_t used = load_line(p, len), one;
	long n;

	if (!used || strchr("+-:", *p))
		return used;
	n = strtol(p + 1, NULL, 10);
	if (*p == '$')
		used += n >= 0 ? (size_t)n + 2 : 0;
	else
		for (; n > 0; n--) {
			one = value_len(p + used, len - used);
			if (!one)
				return 0;
			used += one;
		}
	return used <= len ? used : 0;
}

/* [[stream, [[id, fields]]]]: the id is after six headers and the stream. */
static void take_id(struct load_conn *c, size_t len)
{
	size_t at = 0, i;

	for (i = 0; i < 7 && at < len; i++)
		at += load_line(c->in.p + at, len - at);
	if (at >= len)
		load_unexpected(c, "an entry of the stream");
	take_word(c, c->in.p + at, "\r");
}

static size_t answer_redis(struct load *l, struct load_conn *c)
{
	static const char first[] = { '+', '$', '*', ':' };
	size_t len = value_len(c->in.p, c->in.len);

	if (!len)
		return 0;
	/* A group that another connection made is one, too. */
	if (c->in.p[0] != first[c->step] &&
	    !(c->step == GROUP && load_starts(c->in.p, len, "-BUSYGROUP")))
		load_unexpected(c, "another kind of answer");
	if (c->step == READ)
		take_id(c, len);
	if (c->step == ACK && !load_starts(c->in.p, len, ":1"))
		load_unexpected(c, "one acknowledged");
	l->messages += c->step == ACK;
	c->step = c->step == ACK ? ADD : c->step + 1;
	c->answered = true;
	return len;
}

const struct load_driver load_beanstalkd = { "beanstalkd",
					     "put, reserve, delete", PUT,
					     next_beanstalkd,
					     answer_beanstalkd };
const struct load_driver load_redis = { "redis", "XADD, XREADGROUP, XACK", ADD,
					next_redis, answer_redis };
