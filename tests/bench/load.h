/* SPDX-License-Identifier: MIT */
/*
 * load.h - what the load generator shares with its drivers.
 *
 * A driver speaks one protocol. `next` writes the request of the connection's
 * step, `answer` recognises the answer to it and moves the step on; after each
 * answer comes the next request, so that every connection has one request
 * under way. Steps before `first` make the queue and count for nothing.
 */
#ifndef DEIA_TESTS_LOAD_H
#define DEIA_TESTS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_MAX_SIZE 4096

struct load_bytes {
	char *p;
	size_t len, size;
};

struct load_conn {
	int fd;
	unsigned number, queue; /* both from 0 */
	unsigned step;
	bool answered; /* set by `answer`: the next request may go */
	struct load_bytes in, out;
	size_t sent;		 /* of out */
	bool waiting;		 /* for room in the socket */
	size_t need;		 /* the answer has so many bytes, 0: unknown */
	struct load_bytes ready; /* a request that is always the same */
	char id[256];		 /* what is to be acknowledged */
	char token[32];
	int64_t began_ns;
};

struct load {
	const struct load_driver *driver;
	unsigned clients, queues, batch, size;
	int port;
	const char *token; /* HTTP bearer, or NULL */
	char content[LOAD_MAX_SIZE + 1];
	uint64_t messages; /* whole cycles, or messages sent */
};

struct load_driver {
	const char *name;
	const char *what; /* for the usage */
	unsigned first;	  /* the first step that is measured */
	void (*next)(struct load *l, struct load_conn *c);
	/*
	 * The bytes at the start of c->in that are dealt with, 0: more must
	 * come. Ends the program when they are not what was expected.
	 */
	size_t (*answer)(struct load *l, struct load_conn *c);
};

extern const struct load_driver load_send, load_batch, load_cycle;
extern const struct load_driver load_beanstalkd, load_redis, load_nats;

void load_add(struct load_bytes *b, const char *p, size_t len);
__attribute__((format(printf, 2, 3))) void load_addf(struct load_bytes *b,
						     const char *format, ...);
/* The length of the first line with its "\r\n", 0: it is not whole. */
size_t load_line(const char *p, size_t len);
/* Is p[0..len) at least as long as `start`, and does it begin with it? */
bool load_starts(const char *p, size_t len, const char *start);
/* Ends the program: this answer was not expected. */
_Noreturn void load_unexpected(const struct load_conn *c, const char *wanted);

#endif
