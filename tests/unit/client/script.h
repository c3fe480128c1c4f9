/* SPDX-License-Identifier: MIT */
/*
 * script.h - an HTTP server on a thread that answers as a list says: the n-th
 * connection gets the n-th step. Everything a real server never does on
 * purpose can be done here.
 */
#ifndef TEST_SCRIPT_H
#define TEST_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct step {
	const char *reply; /* sent as it is; NULL: nothing */
	size_t repeat;	   /* 'x' so many times after it */
	bool hang;	   /* keep it open until the client leaves */
};

/* Starts it; the last step serves all later connections. */
void script_start(const struct step *steps, size_t n);
/* Ends it and waits. */
void script_stop(void);
const char *script_url(void);
/* Waits until n requests came. */
void script_wait(size_t n);
size_t script_requests(void);
/* The n-th request, head and body, from 0. */
const char *script_request(size_t n);

#endif
