/* SPDX-License-Identifier: MIT */
/*
 * proxy.h - a TCP proxy before PostgreSQL that cuts connections at the moment
 * a test wants.
 */
#ifndef TEST_STORE_PROXY_H
#define TEST_STORE_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum cut {
	CUT_NEVER,
	CUT_AT_BEGIN,	   /* BEGIN does not reach the server */
	CUT_BEFORE_COMMIT, /* nor does COMMIT */
	CUT_AFTER_COMMIT,  /* COMMIT reaches it, its answer is lost */
	CUT_ONE_SIDE,	   /* the same, and the server does not notice */
	CUT_HOLD_COMMIT,   /* COMMIT reaches it when proxy_let_go is called */
	CUT_KINDS
};

#define PROXY_PAIRS 16

struct proxy_pair {
	int client, server; /* -1: closed */
	char held[65536];   /* for the server */
	int n_held;
};

struct proxy {
	int listener, port, wake;
	char target[8]; /* port of the server */
	pthread_t thread;
	atomic_int cut; /* enum cut: done once, then CUT_NEVER */
	atomic_int cuts;
	atomic_bool down; /* closes all, accepts nothing for long */
	atomic_bool let_go, stop;
	struct proxy_pair pairs[PROXY_PAIRS];
};

void proxy_start(struct proxy *p, const char *url);
void proxy_stop(struct proxy *p);
/* Makes the thread look at what was set. */
void proxy_kick(struct proxy *p);
/* The url with the proxy's port; out at least 160 bytes. */
void proxy_url(const struct proxy *p, const char *url, char *out);

#endif
