/* SPDX-License-Identifier: MIT */
/* rig.h - a cache, its loop, and calls that wait for their answer. */
#ifndef TEST_CACHE_RIG_H
#define TEST_CACHE_RIG_H

#include <check.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache.h"
#include "server.h"

struct rig {
	struct event_base *base;
	deia_cache *cache;
	struct deia__clock clock; /* of the memory cache */
	bool redis;
	int ups, downs;
	char text[256]; /* of the last change of state */
};

/* What a get said. */
struct got {
	int calls;
	bool hit, has_ticket;
	struct deia_cache_ticket ticket;
	char data[1024]; /* the beginning of it */
	size_t len;
};

/* url NULL: memory. */
void rig_open(struct rig *g, const char *url, const struct deia_cache_opts *o);
void rig_close(struct rig *g);
/* Runs the loop until it is up, or down. */
void rig_wait_up(struct rig *g, bool up);
/* Runs the loop for one round, at most so long. */
void rig_turn(struct rig *g, int64_t ms);
/* Runs it until *n is at least want; fails after ten seconds. */
void rig_until(struct rig *g, const int *n, int want);

void on_get(const struct deia_cache_answer *a, void *user);
/* Gets and waits. A call that is refused counts as a miss. */
struct got get(struct rig *g, const char *group, const char *key);
struct got get_status(struct rig *g, const char *key);
/* A miss, then a put with its ticket. */
void fill(struct rig *g, const char *group, const char *key, const char *value);
/* Counts and waits; -1: unknown. */
int64_t count(struct rig *g, const char *key, int64_t *left_ms);
bool flag(struct rig *g, const char *name, bool fallback);
int64_t real_ms(void);

#endif
